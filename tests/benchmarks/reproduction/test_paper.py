from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks import _common
from benchmarks.reproduction import _training as training
from benchmarks.reproduction import paper
from benchmarks.reproduction._estimators import network
from benchmarks.reproduction._figures import cluster_errors, one_to_one_error
from benchmarks.reproduction._images import Images, Openings, few_labels, small
from benchmarks.reproduction._recipes import ERROR, ONE_TO_ONE, RECIPES, TABLES, all_tasks

pytestmark = pytest.mark.slow

WIDTH, EPOCHS, N_ROWS = 12, 4, 300


@pytest.fixture(autouse=True)
def _leave_the_process_as_it_is(monkeypatch):
    monkeypatch.setattr(_common, "prepare", lambda threads: None)


def never():
    raise AssertionError("the test rows were opened")


def make_images(open_test=never):
    """Return images of three classes, 300 of them to tune on."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=400)
    places = rng.random((3, 16))
    X = np.clip(places[y] + 0.1 * rng.standard_normal((400, 16)), 0, 1).astype(np.float32)
    return Images((X, y), open_test, n_held_back=100, n_aside=40)


def make_run(recipe, seed=0, stage=paper.TUNE, epochs=EPOCHS):
    table, task = next((t, name) for t, name, task in all_tasks() if recipe in task.recipes)
    settings = replace(RECIPES[recipe].narrowed(WIDTH, epochs), batch_size=50)
    return paper.Run(table, task, stage, recipe, settings, N_ROWS, seed)


@pytest.fixture
def fewer_labels(monkeypatch):
    """Ask for 30 labels where a table has more than the images here can give."""
    task = replace(TABLES["semi"]["100 labels"], n_labels=30)
    monkeypatch.setitem(TABLES["semi"], "100 labels", task)
    monkeypatch.setitem(TABLES["embedding"], "2-D, 100 labels", task)


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "recipe",
    [
        "parzen-dropout",
        "parzen-deterministic",
        "semi-neighbors",
        "semi-adversarial",
        "clustering-neighbors",
    ],
)
@pytest.mark.usefixtures("fewer_labels")
def test_a_killed_run_goes_on_to_the_same_result(recipe, tmp_path, monkeypatch):
    run, split = make_run(recipe), make_images().to_tune()
    run = replace(run, settings=replace(run.settings, averaged=0.75))
    whole = paper.train(run, split, tmp_path / "whole", every=1)

    def kill(self, net, **kwargs):
        if len(net.history) == 2:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training.Progress, "on_epoch_end", kill)
        with pytest.raises(KilledError):
            paper.train(run, split, tmp_path / "killed", every=1)
    begun = []
    set_rates = training.Schedule.on_epoch_begin

    def count(self, net, **kwargs):
        begun.append(len(net.history))
        set_rates(self, net, **kwargs)

    monkeypatch.setattr(training.Schedule, "on_epoch_begin", count)
    resumed = paper.train(run, split, tmp_path / "killed", every=1)
    assert begun == [3, 4]
    assert resumed.n_iter_ == EPOCHS
    assert resumed.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(resumed.transform(split.X), whole.transform(split.X))
    other = paper.train(make_run(recipe, seed=1), split, tmp_path / "other", every=1)
    assert other.loss_curve_ != whole.loss_curve_


def test_checkpoints_are_as_far_apart_as_asked(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        training.torch,
        "save",
        lambda state, path: saved.append(len(state["history"])) or path.touch(),
    )
    run = make_run("parzen-dropout", epochs=5)
    paper.train(run, make_images().to_tune(), tmp_path, every=2)
    assert saved == [2, 4, 5]


def test_rates_follow_the_recipe(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        training.Progress,
        "on_epoch_end",
        lambda self, net, **kwargs: seen.append(
            {name: getattr(net, f"{name}_").param_groups[0]["lr"] for name in net.optimizer_names}
        ),
    )
    run = make_run("semi-paper")
    rates = (
        ("optimizer", 1.0e-3),
        ("optimizer_disc", 2e-3),
        ("optimizer_gen", 3e-3),
        ("optimizer_class", 4e-3),
    )
    fall = ((0.0, 1.0), (0.5, 1.0), (0.5, 0.1), (1.0, 0.1))
    run = replace(run, task="all labels", settings=replace(run.settings, rates=rates, fall=fall))
    paper.train(run, make_images().to_tune(), tmp_path, every=10)
    factors = [1.0, 1.0, 0.1, 0.1]
    assert seen == [
        {name: pytest.approx(rate * factor) for name, rate in rates} for factor in factors
    ]


@pytest.mark.parametrize("fades, shares", [(True, [1, 1, 1, 0.55]), (False, [1, 1, 1, 1])])
def test_noise_falls_with_the_rates(fades, shares, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        training.Progress, "on_epoch_end", lambda self, net, **kwargs: seen.append(net.noise_share_)
    )
    run = make_run("semi-fading")
    run = replace(run, settings=replace(run.settings, noise_fades=fades))
    paper.train(run, make_images().to_tune(), tmp_path, every=10)
    assert seen == pytest.approx(shares)


def test_the_last_weights_are_averaged(tmp_path, monkeypatch):
    seen = []
    progress = training.Progress.on_epoch_end

    def note(self, net, **kwargs):
        seen.append(net.module_.encoder[0].weight.detach().clone())
        progress(self, net, **kwargs)

    monkeypatch.setattr(training.Progress, "on_epoch_end", note)
    run = make_run("parzen-dropout")
    run = replace(run, settings=replace(run.settings, averaged=0.5))
    model = paper.train(run, make_images().to_tune(), tmp_path, every=10)
    kept = model.net_.module_.encoder[0].weight
    torch.testing.assert_close(kept, (seen[2] + seen[3]) / 2)
    assert not torch.allclose(kept, seen[3])


def test_splits_share_no_rows():
    images = make_images()
    tune, final = images.to_tune(), images.to_train()
    assert [len(part) for part in tune[::2]] == [300, 40, 60]
    assert [len(part) for part in final[::2]] == [360, 40, 0]
    for split in (tune, final):
        parts = np.concatenate([split.X, split.X_aside, split.X_score])
        assert len(np.unique(parts, axis=0)) == 400


def test_labels_left_are_as_many_of_each_class():
    y = make_images().to_tune().y
    few = few_labels(y, 30, seed=0)
    assert np.bincount(few[few >= 0]).tolist() == [10, 10, 10]
    assert (few[few >= 0] == y[few >= 0]).all()
    assert (few != few_labels(y, 30, seed=1)).any()
    assert few_labels(y, None, seed=0) is y
    with pytest.raises(ValueError, match="100 labels do not divide among 3"):
        few_labels(y, 100, seed=0)
    with pytest.raises(ValueError, match=r"Class 0 has .* rows, but 200 labels are wanted"):
        few_labels(y, 600, seed=0)


class Clusters:
    """Stands for a clusterer: rows are the probabilities of their clusters."""

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)


def test_clusters_are_named_by_their_surest_row():
    aside = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.6, 0.4, 0], [0, 0.7, 0.3]])
    score = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    split = (
        make_images()
        .to_tune()
        ._replace(
            X_aside=aside,
            y_aside=np.array([5, 7, 7, 9]),
            X_score=score,
            y_score=np.array([5, 7, 9, 9]),
        )
    )
    found = cluster_errors(Clusters(), split)
    assert found[ERROR] == 25  # clusters are 5, 9, 9
    assert found["majority [%]"] == 25  # 7, 9 and, without a row of its own, 9
    assert found[ONE_TO_ONE] == 50  # two of the clusters can be no class of their own


def test_pairs_of_clusters_and_classes_are_the_best():
    y = np.array([0, 0, 1, 1, 2, 2])
    assert one_to_one_error(np.array([2, 2, 0, 0, 1, 1]), y) == 0
    assert one_to_one_error(np.array([2, 2, 0, 0, 1, 3]), y) == pytest.approx(100 / 6)


@pytest.fixture
def final(tmp_path, monkeypatch):
    """Return a function that runs the final stage on little data, and what it opens."""
    opened = []

    def open_test():
        opened.append(Openings(tmp_path / "paper_opened.csv").rows())
        return images.train

    images = make_images(open_test)
    for recipe in RECIPES:
        monkeypatch.setitem(RECIPES, recipe, RECIPES[recipe].narrowed(WIDTH, 1))
    monkeypatch.setattr(paper, "read_mnist", lambda folder: images)
    words = ["semi", "--data", ".", "--task", "all labels", "--stage", "final", "--seeds", "1"]

    def call(*more):
        paper.main([*words, "--runs", str(tmp_path), *more])

    return call, opened, tmp_path


def test_test_rows_are_opened_once(final, capsys, monkeypatch):
    call, opened, folder = final
    call()
    # The opening was in the book before it happened.
    assert [len(rows) for rows in opened] == [1]
    assert "opened for these settings already" not in capsys.readouterr().out
    call()
    assert len(opened) == 1
    assert "opened for these settings already" in capsys.readouterr().out
    call("--again")
    assert len(opened) == 2
    assert [row["opening"] for row in Openings(folder / "paper_opened.csv").rows()] == ["1", "2"]
    # Other settings are another matter, and the table says how often rows were opened.
    first = TABLES["semi"]["all labels"].recipes[0]
    monkeypatch.setitem(RECIPES, first, replace(RECIPES[first], n_components=3))
    call()
    assert len(opened) == 3
    rows = list(paper.summary(paper.Runs(folder, "paper", paper.KEYS),
                              Openings(folder / "paper_opened.csv"), "semi"))  # fmt: skip
    assert [row["openings"] for row in rows] == [2, 1]


def test_what_was_opened_without_a_figure_is_refused(final, monkeypatch, capsys):
    call, opened, _ = final

    def kill(*args):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(paper, "figures", kill)
        with pytest.raises(KilledError):
            call()
    call()
    assert len(opened) == 1
    assert "--again" in capsys.readouterr().out
    # The training was finished, and is not repeated.
    monkeypatch.setattr(training.Schedule, "on_epoch_begin", kill)
    call("--again")
    assert len(opened) == 2


def test_the_final_stage_takes_recipes_as_they_are(final):
    call, opened, _ = final
    with pytest.raises(SystemExit, match="as it stands"):
        call("--epochs", "2")
    assert opened == []


def test_tuning_leaves_the_test_rows_alone(final):
    call, opened, folder = final
    call("--stage", "tune", "--recipe", "semi-paper")
    (row,) = paper.Runs(folder, "paper", paper.KEYS).rows()
    assert (row["stage"], row["recipe"], row["rows"]) == ("tune", "semi-paper", "300")
    assert opened == []
    (row,) = paper.tuned(folder)
    assert (row["task"], row["rows"], row["epochs"], row["widths"]) == (
        "all labels", "300", "1", "12-12",
    )  # fmt: skip


def test_results_name_what_was_not_run(final):
    call, _, folder = final
    call()
    rows = list(paper.results(folder))
    assert [(row["table"], row["task"]) for row in rows] == [
        (t, name) for t, name, _ in all_tasks()
    ]
    ours = {row["task"]: row["ours"] for row in rows}
    assert float(ours.pop("all labels")) >= 0
    assert set(ours.values()) == {"not run yet"}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_short_runs_need_no_data(table, tmp_path, monkeypatch):
    images = small(None, 0)
    monkeypatch.setattr(images, "rest", images.rest[:300])
    monkeypatch.setattr(paper, "small", lambda given: images)
    out = tmp_path / "out"
    short = ["--quick", "--width", "8", "--epochs", "1"]
    paper.main([table, *short, "--runs", str(tmp_path), "--out", str(out)])
    rows = paper.Runs(tmp_path, "paper", paper.KEYS).rows()
    assert [row["stage"] for row in rows] == ["quick"] * len(TABLES[table])
    assert all(np.isfinite(row[TABLES[table][row["task"]].figure]) for row in rows)
    assert not list((tmp_path / "checkpoints").iterdir())
    assert {path.name for path in out.iterdir()} == {
        f"paper_{table}_{part}.csv" for part in ("table", "recipes", "setup")
    }


def test_half_precision_is_of_products_only(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    build = partial(network, 5, 3, widths=(8,), activation="relu", dropout=0.0)
    with torch.random.fork_rng():  # layers draw their weights from the global generator
        torch.manual_seed(0)
        half, full = build(half_precision=True), build(half_precision=False)
        x = torch.randn(20, 5, requires_grad=True)
    full.load_state_dict(half.state_dict())
    found, expected = half(x), full(x)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)
    found.square().sum().backward()
    assert all(one.dtype == one.grad.dtype == torch.float32 for one in half.parameters())
    # Codes are taken in float64, where rows do not depend on their company.
    torch.testing.assert_close(half.double()(x.double()), full.double()(x.double()))
    # Processors that are not made for it take thirty times as long.
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert torch.equal(half.float()(x), full.float()(x))
