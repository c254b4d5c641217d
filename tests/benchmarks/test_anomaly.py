"""The anomaly benchmark puts runs of several calls together."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import _common, anomaly
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
