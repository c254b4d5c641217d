from __future__ import annotations

import csv

import numpy as np
import pandas as pd

from benchmarks import generation
from benchmarks._made_tables import HEAPS, MADE, stones
from tests.benchmarks.test_generation import in_process  # noqa: F401, a fixture


def test_stones_have_sizes_that_weights_nearly_determine_and_a_few_slips():
    frame = stones(5000, seed=1)
    pd.testing.assert_frame_equal(frame, stones(5000, seed=1))
    slips = (frame.y > 20) | (frame.z > 12) | (frame.z == 0)
    assert 1 <= slips.sum() <= 3
    right = frame[~slips]
    assert right[["carat", "x", "y", "z"]].corr().to_numpy().min() > 0.97
    percent = 200 * right.z / (right.x + right.y)
    np.testing.assert_allclose(right.depth, percent, atol=0.051)
    # One slip in five thousand rows lowers the correlation of all.
    assert frame[["y", "z"]].corr().iloc[0, 1] < 0.9


def test_stones_have_heaped_weights_and_prices_and_grades_in_order():
    frame = stones(5000)
    assert frame.carat.isin(list(HEAPS)).mean() > 0.15
    assert (frame.price % 10 == 0).mean() > 0.3
    grades = frame[["cut", "color", "clarity"]]
    assert all(grades[name].cat.ordered for name in grades)
    codes = grades.apply(lambda column: column.cat.codes)
    heavy = frame.carat > 1.2
    assert (codes[heavy].mean() < codes[~heavy].mean())[["color", "clarity"]].all()


def test_tables_that_are_made_stand_beside_those_of_the_folder(
    tmp_path,
    in_process,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setitem(MADE, "stones", (lambda n=300: stones(n), "price"))
    command = ["generation", "--data", str(tmp_path), "--made", "stones", "--seeds", "1"]
    monkeypatch.setattr("sys.argv", [*command, "--contenders", "copy", "--out", str(tmp_path)])
    monkeypatch.setattr(generation.TableBenchmark, "runs_folder", tmp_path)
    generation.main()
    assert in_process == [("stones", "copy", 0)]
    with (tmp_path / "generation_table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["table"] for row in rows] == ["stones", "stones"]
