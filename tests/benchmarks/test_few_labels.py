"""The benchmark of few labels."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

from benchmarks import few_labels
from benchmarks._runs import Runs


def test_labels_are_drawn_of_every_class():
    y = np.repeat([0, 1, 2], [90, 9, 1])
    chosen = few_labels.draw_labels(y, 10, seed=0)
    assert len(set(chosen)) == 10
    assert set(y[chosen]) == {0, 1, 2}
    np.testing.assert_array_equal(chosen, few_labels.draw_labels(y, 10, seed=0))
    assert not np.array_equal(chosen, few_labels.draw_labels(y, 10, seed=1))


def test_models_see_no_label_of_the_rows_that_are_scored(monkeypatch):
    X, y = load_iris(return_X_y=True)
    seen = []

    class Spy:
        def fit(self, X, labels):
            seen.append(labels)
            return self

        def predict(self, X):
            return np.zeros(len(X))

    monkeypatch.setattr(few_labels, "classifiers", lambda seed: {"spy": Spy()})
    monkeypatch.setattr(few_labels, "peers", dict)
    table = few_labels.Labelled("iris", X, y, (20,))
    ((name, measure),) = few_labels.classify(table, 20, seed=0)
    assert name == "spy"
    assert not seen  # nothing is trained before its figure is asked for
    value = measure()
    assert (seen[0] >= 0).sum() == 20
    assert value == np.mean(y[seen[0] < 0] == 0)


def test_runs_that_are_there_are_not_repeated(monkeypatch):
    X, y = load_iris(return_X_y=True)
    table, runs = (
        few_labels.Labelled("iris", X, y, (20,)),
        Runs(None, "few_labels", few_labels.KEYS),
    )
    calls = []

    def classify(table, n_labels, seed):
        for name in ("LogisticRegression", "AAE")[: 1 if len(calls) < 2 else 2]:
            yield name, lambda name=name: calls.append((name, seed)) or 0.5

    monkeypatch.setattr(few_labels, "classify", classify)
    for seed in (0, 0, 1):
        few_labels.measure(runs, table, 20, seed)
    assert calls == [("LogisticRegression", 0), ("LogisticRegression", 1)]
    few_labels.measure(runs, table, 20, 0)  # a model that was added since
    assert calls[2:] == [("AAE", 0)]
    (row,) = few_labels.beside(
        list(few_labels.summarise(runs.rows(), few_labels.KEYS[:-1], few_labels.FIGURES)),
        few_labels.ACCURACY,
    )
    figures = {"LogisticRegression": "0.500 ± 0.000", "AAE": "0.500"}
    assert row == {"table": "iris", "labels": "20"} | figures
