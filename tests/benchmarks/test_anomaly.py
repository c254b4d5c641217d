"""The anomaly benchmark puts runs of several calls together."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from benchmarks import _common, _detectors, anomaly
from benchmarks._detectors import Detector


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the benchmark on two small tables with two cheap detectors."""
    rng = np.random.default_rng(0)
    for name in ("1_a", "2_b"):
        X = rng.normal(size=(60, 3))
        X[:6] += 3
        np.savez(tmp_path / f"{name}.npz", X=X, y=np.arange(60) < 6)
    fits = []

    def detector(name, weight):
        def fit(X, seed):
            fits.append((name, seed))
            return X.mean(axis=0)

        return Detector(fit, {name: lambda mean, X: weight * ((X - mean) ** 2).sum(axis=1)})

    detectors = {"far": detector("far", 1.0), "near": detector("near", -1.0)}
    monkeypatch.setattr(anomaly, "ours", lambda: {})
    monkeypatch.setattr(anomaly, "of_scikit_learn", lambda: detectors)
    monkeypatch.setattr(anomaly, "of_papers", lambda: {})
    monkeypatch.setattr(anomaly, "of_pyod", lambda: {})

    def main(out, *options):
        folders = ["--out", str(tmp_path / out), "--runs", str(tmp_path / out)]
        monkeypatch.setattr(sys, "argv", ["anomaly", "--data", str(tmp_path), *folders, *options])
        monkeypatch.setattr(_common, "prepare", lambda threads: None)  # leave threads alone
        anomaly.main()
        return tmp_path / out / "anomaly_unsup_runs.csv", fits

    return main


def test_kept_runs_join_the_tables_and_are_not_run_again(run, tmp_path):
    far, fits = run("far", "--only", "far", "--seeds", "2")
    assert fits == [("far", 0), ("far", 1)] * 2
    fits.clear()
    both, _ = run("both", "--seeds", "2", "--keep", str(far))
    assert fits == [("near", 0), ("near", 1)] * 2
    assert far.read_text() in both.read_text()
    table = (tmp_path / "both" / "anomaly_unsup_table.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["detector", "far", "near"]
    assert table[1].split(",")[5] == "1.00"
    assert table[2].split(",")[5] == "2.00"
    fits.clear()
    run("none", "--only", "nothing", "--seeds", "1", "--keep", str(both))
    assert fits == []
    lines = (tmp_path / "none" / "anomaly_unsup_runs.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 2


def test_a_digit_of_mnist_is_the_normal_class(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 784), dtype=np.uint8), np.arange(60) % 10
    np.savez(tmp_path / "mnist.npz", X_train=X, y_train=y, X_test=X[::2], y_test=y[::2])
    np.savez(tmp_path / "1_a.npz", X=X, y=y == 0)
    assert list(anomaly.tables_in(tmp_path, "unsup")) == ["1_a"]
    tables = anomaly.tables_in(tmp_path, "wide")
    assert list(tables) == ["MNIST, 2", "MNIST, 5"]
    fitted, scored, others = tables["MNIST, 2"](0)
    assert (fitted.shape, scored.shape, others.sum()) == ((6, 784), (30, 784), 24)
    np.testing.assert_allclose(fitted.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(fitted.std(axis=0), 1)


def test_rows_of_clean_tables_are_few_and_gains_are_paired(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9_000, 2)), np.arange(9_000) < 1_000
    np.savez(tmp_path / "1_a.npz", X=X + 5 * y[:, None], y=y)
    fitted, scored, labels = anomaly.tables_in(tmp_path, "clean")["1_a"](0)
    assert (fitted.shape, scored.shape, labels.shape) == ((2_000, 2), (2_500, 2), (2_500,))
    assert 400 < labels.sum() < 600
    assert scored[labels == 1].min() > scored[labels == 0].mean()

    areas = {anomaly.OF_CLEAN: (0.9, 0.7), anomaly.DEFAULT: (0.8, 0.7), "KCM": (0.85, 0.65)}
    runs = [
        {"table": "1_a", "detector": name, "seed": str(seed), "AUROC": own[seed]}
        for name, own in areas.items()
        for seed in (1, 0)
    ]
    row, mean = anomaly.compare_clean(runs)
    assert row == mean | {"table": "1_a"}
    assert (row["contamination=0"], row["default"], row["KCM"]) == ("0.8000", "0.7500", "0.7500")
    assert row["gain on default"] == "+0.0500 ± 0.0500"
    assert row["gain on KCM"] == "+0.0500 ± 0.0000"


def test_where_rows_are_clean_only_few_scores_are_compared():
    def fit(X, seed):
        return None

    every = {name: len for name in (anomaly.DEFAULT, "AAEOutlierDetector, model")}
    detectors = [Detector(fit, every), Detector(fit, {"IsolationForest": len})]
    assert list(anomaly.only_clean(detectors)) == [Detector(fit, {anomaly.DEFAULT: len})]


def test_detectors_of_papers_are_there_where_installed(monkeypatch):
    class KCM:
        def __init__(self, random_state, assume_scaled):
            self.seed = random_state

        def fit(self, X):
            return self

        def score_samples(self, X):
            return -X.sum(axis=1) - self.seed

    found = {"karkcm": object()}
    monkeypatch.setattr(_detectors.importlib.util, "find_spec", found.get)
    monkeypatch.setitem(sys.modules, "karkcm", types.SimpleNamespace(KCM=KCM))
    ((name, detector),) = _detectors.of_papers().items()
    assert name == "KCM"
    X = np.ones((2, 3))
    np.testing.assert_array_equal(detector.rows["KCM"](detector.fit(X, 4), X), [7, 7])
