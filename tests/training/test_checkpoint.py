"""A fit that was cut short goes on from its checkpoint, to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from sklearn_aae import AAEImputer, AdversarialAutoencoder
from sklearn_aae._utils._random import draw_seed
from sklearn_aae.training import _checkpoint
from tests.interrupted import (
    MOMENTS,
    CutShort,
    check_resumed,
    cut_short,
    killed,
    weights_of,
    write_always,
)
from tests.persistence.answers import assert_same, round_trip

X, Y = load_iris(return_X_y=True)
HOLED = np.where(np.arange(X.size).reshape(X.shape) % 7 == 1, np.nan, X)


def mixed_table(n=80):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"weight": rng.normal(size=n).round(1), "kind": rng.choice(list("xyz"), n)}
    )
    table["legs"] = rng.integers(0, 5, n)
    table.loc[3, "kind"] = None
    return table


MIXED = mixed_table()


class Own(nn.Module):
    """A network that draws from the global generators, and has statistics."""

    def __init__(self, n_in, n_out):
        super().__init__()
        layers = nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, n_out)
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        noise = np.random.rand() + random.random() if self.training else 0.0
        return self.layers(x + 0.01 * noise)


def fast(**parameters):
    small = {"hidden_layer_sizes": 8, "discriminator_layer_sizes": 8, "batch_size": 32}
    return AdversarialAutoencoder(**{**small, "max_epochs": 4, "random_state": 0, **parameters})


STOPPING = {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 2}
SGD = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
MODELS = {
    "components": ({}, X),
    "random start": ({"init": "random"}, X),
    "missing numbers": ({}, HOLED),
    "no adversary": ({"adversarial_weight": 0}, X),
    "another optimizer": ({"net_params": SGD}, X),
    "early stopping": ({**STOPPING, "max_epochs": 30, "lr": 0.03}, X),
    "learned prior": ({"prior": "learned"}, X),
    "learned prior, early stopping": ({**STOPPING, "prior": "learned"}, X),
    "gaussian": ({"posterior": "gaussian"}, X),
    "universal": ({"posterior": "universal"}, X),
    "channel": ({"posterior": "channel"}, X),
    "own networks": ({"encoder": Own, "decoder": Own}, X),
    "autoregressive": ({}, MIXED),
    "autoregressive, early stopping": ({**STOPPING, "validation_fraction": 0.3}, MIXED),
    "autoregressive, learned prior": ({"prior": "learned"}, MIXED),
    "independent": ({"output": "independent"}, MIXED),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_ends_where_an_uninterrupted_one_ends(name, tmp_path, monkeypatch):
    parameters, table = MODELS[name]
    check_resumed(monkeypatch, lambda **more: fast(**parameters, **more), (table,), tmp_path)


@pytest.mark.parametrize("supervision", ["prior", "decoder"])
def test_so_does_one_with_labels(supervision, tmp_path, monkeypatch):
    def make(**more):
        return fast(supervision=supervision, prior="mixture", **more)

    check_resumed(monkeypatch, make, (X, Y), tmp_path)


#: Made anew for every fit, as a script does.
CALLBACKS = {
    "steps": lambda: LRScheduler("StepLR", step_size=1, gamma=0.3),
    "a function": lambda: LRScheduler("LambdaLR", lr_lambda=lambda epoch: 0.5**epoch),
    "a plateau": lambda: LRScheduler("ReduceLROnPlateau", "train_loss", patience=0, threshold=0.5),
    "every batch": lambda: LRScheduler(OneCycleLR, max_lr=0.01, total_steps=50, step_every="batch"),
    "early stopping": lambda: EarlyStopping("train_loss", 4, threshold=0.5, load_best=True),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_of_skorch_go_on_as_they_were(name, tmp_path, monkeypatch):
    def make(**more):
        return fast(max_epochs=8, callbacks=[CALLBACKS[name]()], **more)

    check_resumed(monkeypatch, make, (X,), tmp_path, 3)


def test_checkpoints_of_skorch_go_on_as_they_were(tmp_path, monkeypatch):
    def make(**more):
        files = tmp_path / ("own" if more["checkpoint"] else "whole")
        own = Checkpoint("train_loss_best", dirname=str(files), load_best=True)
        return fast(callbacks=[own], **more)

    (tmp_path / "folder").mkdir()
    resumed = check_resumed(monkeypatch, make, (X,), tmp_path / "folder")
    whole = make(checkpoint=None).fit(X)
    recorded = [[row["event_cp"] for row in each.net_.history] for each in (resumed, whole)]
    assert recorded[0] == recorded[1]
    assert True in recorded[0]
    assert (tmp_path / "own" / "params.pt").exists()


def test_an_own_scheduler_is_taken_from_a_class_or_a_function(tmp_path, monkeypatch):
    def make(**more):
        return fast(callbacks=[CALLBACKS["steps"]], **more)

    check_resumed(monkeypatch, make, (X,), tmp_path)


@pytest.mark.parametrize("n_writes", [1, 4])
def test_it_may_be_cut_short_anywhere(n_writes, tmp_path, monkeypatch):
    check_resumed(monkeypatch, fast, (X,), tmp_path, n_writes)


def test_it_may_be_cut_short_several_times(tmp_path, monkeypatch):
    whole = fast(max_epochs=6).fit(X)
    for _ in range(3):
        model = fast(max_epochs=6, checkpoint=tmp_path)
        cut_short(monkeypatch, lambda model=model: model.fit(X), 1)
        assert not hasattr(model, "net_")
    assert_same(weights_of(model.fit(X)), weights_of(whole))


def test_the_rows_may_come_in_any_container(tmp_path, monkeypatch):
    table = pd.DataFrame(X, columns=list("abcd"))
    for rows in (X.tolist(), table, table.astype("float32"), X.astype(np.float32)):
        check_resumed(monkeypatch, fast, (rows,), tmp_path)


def test_a_fit_that_goes_on_from_another_resumes_too(tmp_path, monkeypatch):
    def begun(checkpoint=None):
        return fast(warm_start=True).fit(X).set_params(checkpoint=checkpoint)

    whole = begun().fit(X)
    model = begun(checkpoint=tmp_path)
    cut_short(monkeypatch, lambda: model.fit(X), 2)
    assert model.n_iter_ == 4
    resumed = begun(checkpoint=tmp_path).fit(X)
    assert resumed.n_iter_ == 8
    assert_same(weights_of(resumed), weights_of(whole))
    assert resumed.history_ == whole.history_


def test_a_seed_that_was_drawn_is_kept(tmp_path, monkeypatch):
    drawn = []

    def draw(random_state):
        drawn.append(draw_seed(random_state))
        return drawn[-1]

    monkeypatch.setattr(_checkpoint, "draw_seed", draw)
    cut_short(monkeypatch, lambda: fast(random_state=None, checkpoint=tmp_path).fit(X), 2)
    resumed = fast(random_state=None, checkpoint=tmp_path).fit(X)
    assert len(set(drawn)) == 2
    monkeypatch.setattr(_checkpoint, "draw_seed", lambda random_state: drawn[0])
    whole = fast(random_state=None).fit(X)
    assert_same(weights_of(resumed), weights_of(whole))


def test_a_random_state_moves_on_as_ever(tmp_path, monkeypatch):
    states = [np.random.RandomState(0) for _ in range(3)]
    whole = fast(random_state=states[0]).fit(X)
    cut_short(monkeypatch, lambda: fast(random_state=states[1], checkpoint=tmp_path).fit(X), 2)
    resumed = fast(random_state=states[2], checkpoint=tmp_path).fit(X)
    assert_same(weights_of(resumed), weights_of(whole))
    assert len({state.randint(2**31) for state in states}) == 1


def test_an_imputer_hands_it_to_its_model(tmp_path, monkeypatch):
    def make(checkpoint):
        return AAEImputer(fast(checkpoint=checkpoint), random_state=0)

    whole = make(None).fit(HOLED)
    cut_short(monkeypatch, lambda: make(tmp_path).fit(HOLED), 2)
    np.testing.assert_array_equal(make(tmp_path).fit_transform(HOLED), whole.transform(HOLED))
    assert not list(tmp_path.iterdir())


def test_a_progress_bar_is_told_of_all_epochs(tmp_path, monkeypatch):
    told = []

    class Bar(ProgressBar):
        def on_fit_task_end(self, *args, **kwargs):
            told.append(len(told))
            return super().on_fit_task_end(*args, **kwargs)

    monkeypatch.setattr(_checkpoint, "ProgressBar", Bar)
    cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    resumed = fast(checkpoint=tmp_path).set_callbacks(Bar()).fit(X)
    assert len(told) == 5  # of four epochs, and of the fit
    assert_same(weights_of(resumed), weights_of(fast().fit(X)))


def test_a_saved_model_has_no_folder(tmp_path):
    model = fast(max_epochs=1, checkpoint=tmp_path).fit(X)
    loaded = round_trip(AAEImputer(model))
    assert loaded.get_params()["estimator__checkpoint"] is None
    assert model.checkpoint == tmp_path


# ------------------------------------------------------------------------- when it is written


def test_it_is_written_every_few_seconds_at_most(tmp_path, monkeypatch):
    now, written = [0.0], []

    def slow_replace(path, data):
        written.append(now[0])
        now[0] += 1.0  # of writing, which may take a twentieth of the time

    monkeypatch.setattr(_checkpoint.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_checkpoint, "replace", slow_replace)
    checkpoint = _checkpoint.Checkpoint(tmp_path, "Fit", fast(), (X,))
    checkpoint.seed(0)
    for _ in range(60):
        checkpoint.keep("net", dict)
        now[0] += 1.0
    assert _checkpoint.INTERVAL == 5.0
    assert written == [5.0, 26.0, 47.0]


def test_a_short_fit_leaves_nothing_and_makes_its_folder(tmp_path):
    model = fast(checkpoint=str(tmp_path / "new" / "folder")).fit(X)
    assert not list((tmp_path / "new" / "folder").iterdir())
    assert_same(weights_of(model), weights_of(fast().fit(X)))


def test_it_is_data_alone(tmp_path, monkeypatch):
    path = cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    assert path.name.startswith("AdversarialAutoencoder-")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["manifest.json", "state.json", "arrays.safetensors"]
        manifest = json.loads(archive.read("manifest.json"))
        text = archive.read("state.json").decode()
    assert manifest["holds"] == "checkpoint"
    assert '"is":"named"' not in text
    assert '"is":"object"' not in text


def test_partial_fit_writes_none(tmp_path, monkeypatch):
    write_always(monkeypatch)
    model = fast(checkpoint=tmp_path / "folder", callbacks=[EpochScoring(lambda *_: 0.0)])
    model.partial_fit(X)
    assert not (tmp_path / "folder").exists()


def test_ctrl_c_leaves_it(tmp_path, monkeypatch):
    write_always(monkeypatch)
    whole = fast().fit(X)
    write = _checkpoint.Checkpoint._write

    def interrupt(self, parts):
        write(self, parts)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(_checkpoint.Checkpoint, "_write", interrupt)
        model = fast(checkpoint=tmp_path)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert model.interrupted_
    assert len(list(tmp_path.iterdir())) == 1
    assert_same(weights_of(model.fit(X)), weights_of(whole))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_no_fit(tmp_path, monkeypatch):
    write_always(monkeypatch)

    def fail(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_checkpoint, "replace", fail)
    with pytest.warns(UserWarning, match=r"cannot be written.*No space left.*goes on without"):
        model = fast(checkpoint=tmp_path).fit(X)
    assert_same(weights_of(model), weights_of(fast().fit(X)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_while_it_is_written_leaves_the_old_one_or_the_new_one(
    moment, tmp_path, monkeypatch
):
    write, written, found = _checkpoint.Checkpoint._write, [], []

    def write_and_be_killed(self, parts):
        written.append(self.path)
        if len(written) < 3:
            write(self, parts)
        else:
            killed(lambda: write(self, parts), moment)
            raise CutShort

    with monkeypatch.context() as patched:
        write_always(patched)
        patched.setattr(_checkpoint.Checkpoint, "_write", write_and_be_killed)
        with pytest.raises(CutShort):
            fast(checkpoint=tmp_path).fit(X)
    (tmp_path / "notes.txt").write_text("mine")
    look = _checkpoint.Checkpoint.look

    def look_and_tell(self):
        look(self)
        found.append(len(self.parts["net"]["epochs"]))

    monkeypatch.setattr(_checkpoint.Checkpoint, "look", look_and_tell)
    resumed = fast(checkpoint=tmp_path).fit(X)
    assert found == [3 if MOMENTS[moment] else 2]
    assert_same(weights_of(resumed), weights_of(fast().fit(X)))
    assert [left.name for left in tmp_path.iterdir()] == ["notes.txt"]


# ----------------------------------------------------------------------------- what fits none


@pytest.mark.parametrize(
    "parameters, rows",
    [
        ({"lr": 0.002}, X),
        ({"random_state": 1}, X),
        ({"callbacks": [LRScheduler("StepLR", step_size=3)]}, X),
        ({}, X[::-1]),
        ({}, X[1:]),
    ],
)
def test_another_fit_leaves_it_alone_and_says_so(parameters, rows, tmp_path, monkeypatch):
    path = cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    before = path.read_bytes()
    with pytest.warns(UserWarning, match=rf"{path.name} is of a fit with other parameters, rows"):
        other = fast(**parameters, checkpoint=tmp_path).fit(rows)
    assert path.read_bytes() == before
    for callback in parameters.get("callbacks", ()):
        callback.initialize()
    assert_same(weights_of(other), weights_of(fast(**parameters).fit(rows)))
    assert_same(weights_of(fast(checkpoint=tmp_path).fit(X)), weights_of(fast().fit(X)))


def test_what_is_told_is_no_other_fit(tmp_path, monkeypatch):
    cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / next(tmp_path.glob("*.checkpoint")).name
    os.rename(next(tmp_path.glob("*.checkpoint")), path)
    fast(verbose=0, checkpoint=str(path.parent)).fit(X)
    assert not path.exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "renamed"])
def test_a_file_that_cannot_be_read_is_left_alone(damage, tmp_path, monkeypatch):
    path = cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    data = path.read_bytes()
    if damage == "cut":
        data = data[:1000]
    elif damage == "flipped":
        data = data[:3000] + bytes([data[3000] ^ 1]) + data[3001:]
    elif damage == "foreign":
        data = b"something else"
    else:
        (tmp_path / "other").mkdir()
        other = lambda: fast(lr=0.1, checkpoint=tmp_path / "other").fit(X)  # noqa: E731
        data = cut_short(monkeypatch, other, 2).read_bytes()
    path.write_bytes(data)
    write_always(monkeypatch)
    with pytest.warns(UserWarning, match=rf"{path.name} .*begins anew and writes none"):
        model = fast(checkpoint=tmp_path).fit(X)
    assert path.read_bytes() == data
    assert_same(weights_of(model), weights_of(fast().fit(X)))


def test_a_folder_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(ValueError, match=r"checkpoint=.*no folder"):
            fast(checkpoint=wrong).fit(X)
    with pytest.raises(ValueError, match="checkpoint"):
        fast(checkpoint=3).fit(X)


def test_callbacks_with_another_state_are_refused_by_name(tmp_path):
    model = fast(checkpoint=tmp_path, callbacks=[EpochScoring(lambda *_: 0.0)])
    with pytest.raises(ValueError, match=r"EpochScoring .*LRScheduler.*checkpoint=None"):
        model.fit(X)
    model = fast(checkpoint=tmp_path).set_callbacks(ScoringMonitor(scoring=lambda *_: 0.0))
    with pytest.raises(ValueError, match=r"ScoringMonitor .*ProgressBar"):
        model.fit(X)
    assert not hasattr(model, "net_")


def test_a_state_that_is_code_is_refused_before_training(tmp_path):
    class Counting(nn.Linear):
        def get_extra_state(self):
            return print

        def set_extra_state(self, state):
            pass

    with pytest.raises(ValueError, match=r"_extra_state is the function print.*checkpoint=None"):
        fast(encoder=Counting, checkpoint=tmp_path).fit(X)


# ------------------------------------------------------------------------------ many at once


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_a_search_shares_the_folder(backend, tmp_path):
    def search(checkpoint):
        grid = {"n_components": [1, 2], "lr": [1e-3, 1e-2]}
        model = fast(max_epochs=2, checkpoint=checkpoint)
        return GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise").fit(X)

    with parallel_config(backend):
        shared, alone = search(tmp_path), search(None)
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(shared.cv_results_[name], alone.cv_results_[name])
    assert not list(tmp_path.iterdir())


def test_fits_that_run_are_no_strays(tmp_path, monkeypatch, recwarn):
    write_always(monkeypatch)
    write = _checkpoint.Checkpoint._write
    inner = []

    def fit_another(self, parts):
        write(self, parts)
        if not inner:
            inner.append(fast(lr=0.01, checkpoint=tmp_path))
            inner[0].fit(X)

    monkeypatch.setattr(_checkpoint.Checkpoint, "_write", fit_another)
    fast(checkpoint=tmp_path).fit(X)
    assert not list(tmp_path.iterdir())


#: A process that imports once and forks one that fits, again and again, and kills each.
KILLING = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.training import _checkpoint

folder, n_kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
_checkpoint.INTERVAL, _checkpoint.SHARE = 0, 1e9
X = load_iris().data
rng = random.Random(seed)


def fit(checkpoint):
    model = AdversarialAutoencoder(
        hidden_layer_sizes=8, discriminator_layer_sizes=8, batch_size=32,
        max_epochs=12 + 6 * n_kills, early_stopping=True, n_iter_no_change=10**6,
        validation_fraction=0.2, random_state=0, checkpoint=checkpoint,
    )
    return model.fit(X)


def written():
    return [path.stat().st_mtime_ns for path in folder.glob("*.checkpoint")]


def live():
    look = _checkpoint.Checkpoint.look

    def look_and_tell(self):
        look(self)
        found = self.parts["net"]["epochs"] if "net" in self.parts else []
        with open(folder / "found.txt", "a") as file:
            print(len(found), file=file, flush=True)

    _checkpoint.Checkpoint.look = look_and_tell
    model = fit(folder)
    arrays = {name: part.numpy() for name, part in model.net_.module_.state_dict().items()}
    np.savez(folder / "resumed.npz", curve=model.loss_curve_, **arrays)


def child():
    pid = os.fork()
    if pid == 0:
        try:
            live()
        finally:
            os._exit(0)
    return pid


n_waits = 0
for i in range(n_kills):
    before, pid = written(), child()
    if i % 4 < 3:  # else at any time, perhaps before there is anything new to go on from
        while written() in (before, []):
            time.sleep(0.001)
        n_waits += 1
    time.sleep(rng.uniform(0, 0.02))
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
os.waitpid(child(), 0)
whole = fit(None)
resumed = np.load(folder / "resumed.npz")
assert (resumed["curve"] == whole.loss_curve_).all()
for name, part in whole.net_.module_.state_dict().items():
    assert resumed[name].tobytes() == part.numpy().tobytes(), name
found = [int(line) for line in (folder / "found.txt").read_text().split()]
assert found[0] == 0 and found == sorted(found) and found[-1] >= n_waits, found
assert not list(folder.glob("*.checkpoint")) and not list(folder.glob(".*.tmp"))
print("equal")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
@pytest.mark.parametrize("n_kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_costs_nothing(n_kills, tmp_path):
    seed = int.from_bytes(os.urandom(4), "little")
    words = [str(tmp_path), str(n_kills), str(seed)]
    command = [sys.executable, "-W", "ignore", "-c", KILLING, *words]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.stdout == "equal\n", f"seed {seed}\n{done.stderr}"
