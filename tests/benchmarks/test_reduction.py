"""The benchmark of reduction: its tables, and that its figures are what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from benchmarks._frames import Mixed
from benchmarks._tables import Table
from benchmarks.reduction import (
    CONTENDERS,
    FIGURES,
    FRONTIER,
    Labelled,
    Split,
    _of_frame,
    _of_numbers,
    _of_usual_classes,
    figures,
    plot_frontier,
    summary,
)


@pytest.fixture(name="wine")
def labelled_wine():
    return Labelled("wine", *load_wine(return_X_y=True))


def test_figures_of_principal_components(wine):
    row = figures(wine, 2, "PCA", 0)
    assert set(row) == set(FIGURES)
    assert row["error"] == pytest.approx(1)
    assert 0.9 < row["logistic"] <= 1
    assert figures(wine, 2, "PCA (whiten=True)", 0)["error"] == pytest.approx(1)
    assert np.isnan(figures(wine, 2, "KernelPCA (rbf)", 0)["error"])


def test_a_mixed_table_is_numbers_for_peers_and_itself_for_ours():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 60)
    frame = pd.DataFrame({"kind": np.array(["a", "b", "c"])[kind], "size": rng.normal(size=60)})
    split = Split.of(Labelled("made up", frame, kind), 0)
    assert split.is_mixed
    assert list(split.train.columns) == ["kind", "size"]
    assert split.X.shape == (42, 5)  # three levels, missing ones, and a number
    assert np.isnan(figures(Labelled("made up", frame, kind), 2, "PCA", 0)["error"])


def test_targets_of_many_numbers_are_cut_at_their_median():
    frame = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40) % 7, "target": np.arange(40.0)})
    table = _of_frame(Mixed("made up", frame, "target"))
    assert isinstance(table.X, np.ndarray)
    np.testing.assert_array_equal(table.y, np.arange(40) > 19.5)


def test_tables_without_labels_and_rare_classes_are_left_out():
    assert _of_numbers(Table("no labels", np.ones((3, 2)), None, 2)) is None
    y = np.array([5] * 12 + [7] * 3 + [9] * 11)
    X, codes = _of_usual_classes(np.arange(26), y)
    np.testing.assert_array_equal(codes, [0] * 12 + [1] * 11)
    assert len(X) == 23


def test_summaries_hold_contenders_against_principal_components():
    def row(table, contender, accuracy, seed=0):
        key = {"table": table, "components": "8", "contender": contender, "seed": str(seed)}
        return key | dict.fromkeys(FIGURES, accuracy)

    rows = [row("a", "PCA", 0.7), row("b", "PCA", 0.6), row("a", "X", 0.6), row("b", "X", 0.8)]
    found = list(summary(rows))
    assert [(one["contender"], one["tables"]) for one in found] == [("PCA", 2), ("X", 2)]
    assert found[1]["logistic"] == "0.700 (+0.050, worst -0.100)"
    assert found[1]["error"] == "0.70 (worst 0.80)"
    # Of the splits that both have.
    found = list(summary([*rows, row("a", "PCA", 0.9, seed=1)]))
    assert [one["seeds"] for one in found] == [2, 1]
    assert found[0]["logistic"] == "0.700 (+0.000, worst +0.000)"
    assert found[1]["logistic"] == "0.700 (+0.050, worst -0.100)"


def test_contenders_have_the_width_and_the_seed():
    for name in ("PCA", "FactorAnalysis", "autoencoder", "AdversarialAutoencoder"):
        model = CONTENDERS[name](3, 7)
        assert (model.n_components, model.random_state) == (3, 7)


def test_the_frontier_is_drawn_from_its_runs(tmp_path):
    names = ["PCA", "AdversarialAutoencoder", *FRONTIER]
    rows = [
        {"table": "a", "components": "8", "contender": name, "seed": "0"}
        | dict.fromkeys(FIGURES, 0.5 + i / 100)
        for i, name in enumerate(names)
    ]
    plot_frontier(rows, tmp_path / "new" / "frontier.png")
    assert (tmp_path / "new" / "frontier.png").stat().st_size > 10_000
    model = FRONTIER["weight 0.1, 15 epochs"](8, 3)
    assert (model.adversarial_weight, model.max_epochs, model.random_state) == (0.1, 15, 3)
