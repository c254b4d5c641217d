from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import _common
from benchmarks._common import RESULTS
from benchmarks._runs import Runs, mean_of, summarise

KEYS = ("table", "model", "seed")


def row(model, seed, **figures):
    return {"table": "t", "model": model, "seed": seed, **figures}


def test_runs_are_there_for_the_next_call(tmp_path):
    runs = Runs(tmp_path / "out", "bench", KEYS)
    runs.add(row("a", 0, error=0.5))
    runs.add(row("b", 0, error=np.nan))
    again = Runs(tmp_path / "out", "bench", KEYS)
    assert ("t", "a", 0) in again
    assert ("t", "a", 1) not in again
    again.add(row("a", 1, error=1.5, seconds=2.0))
    again.add(row("a", 0, error=2.5, seconds=1.0))
    last = Runs(tmp_path / "out", "bench", KEYS)
    assert len(last) == 3
    assert mean_of(last.rows(), "error", model="a") == 2.0
    (b,) = [one for one in last.rows() if one["model"] == "b"]
    assert np.isnan(b["error"])
    assert np.isnan(b["seconds"])


def test_rows_come_in_the_order_that_is_asked_for():
    runs = Runs(None, "bench", KEYS)
    for model in ("b", "left out", "a"):
        runs.add(row(model, 0, error=1.0))
    assert [one["model"] for one in runs.rows(["t"], ["a", "b"])] == ["a", "b"]


def test_summaries_give_means_and_spreads():
    rows = [row("a", 0, x=1.0, y=np.nan), row("a", 1, x=2.0, y=np.nan), row("b", 0, x=3.0)]
    first, second = summarise(rows, ("table", "model"), {"x": "{:.1f}", "y": "{:.1f}"})
    assert first == {"table": "t", "model": "a", "x": "1.5 ± 0.7", "y": ""}
    assert second["x"] == "3.0"


def test_the_mean_of_nothing_is_undefined():
    assert np.isnan(mean_of([], "x", table="t"))
    assert mean_of([row("a", 0, x=1.0)], "x", table="t") == pytest.approx(1.0)


@pytest.mark.parametrize(
    "options, folder",
    [
        ([], None),
        (["--out", "tables"], RESULTS),
        (["--out", "tables", "--quick"], Path("tables")),
        (["--out", "tables", "--runs", "kept"], Path("kept")),
    ],
)
def test_runs_are_kept_apart_from_tables(options, folder, monkeypatch):
    monkeypatch.setattr(_common, "prepare", lambda threads: None)
    monkeypatch.setattr("sys.argv", ["bench", *options])
    benchmark = _common.Benchmark("bench", "A benchmark.", keeps_runs=True)
    benchmark.parse()
    assert benchmark.runs_folder == folder


def test_only_what_is_missing_is_measured(tmp_path):
    measured = []

    def figures():
        measured.append(len(measured))
        return {"error": float(len(measured))}

    Runs(tmp_path, "bench", KEYS).measure(("t", "a", 0), figures)
    runs = Runs(tmp_path, "bench", KEYS)
    runs.measure(("t", "a", 0), figures)
    assert measured == [0]
    runs.measure(("t", "a", 0), figures, again=True)
    assert [row["error"] for row in runs.rows()] == [2.0]


def test_runs_of_earlier_calls_are_not_lost_where_they_are_not_taken_up(tmp_path):
    Runs(tmp_path, "bench", KEYS).add(row("a", 0, error=1.0), row("b", 0, error=2.0))
    runs = Runs(tmp_path, "bench", KEYS, resume=False)
    assert len(runs) == 0
    runs.add(row("b", 0, error=3.0), row("c", 0, error=4.0))
    assert [one["error"] for one in runs.rows()] == [3.0, 4.0]
    assert [one["error"] for one in Runs(tmp_path, "bench", KEYS).rows()] == [1.0, 3.0, 4.0]
