"""Whole numbers beyond 2**53, for which floats stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.encoding._wide_numbers import MOST_KEPT, Drawn, wide_numbers

KEYS = [2**60 + 1, 2**60 + 3, 2**62 + 5]


@pytest.mark.parametrize(
    "table",
    [
        np.array([[key, i] for i, key in enumerate(KEYS * 2)]),
        np.array([[key, i] for i, key in enumerate(KEYS * 2)], dtype=np.uint64),
        pd.DataFrame({"a": KEYS * 2, "b": range(6)}),
        pd.DataFrame({"a": pd.array([*KEYS, None], dtype="Int64"), "b": 1.0}),
        pd.DataFrame({"a": pd.array([*KEYS, None], dtype="int64[pyarrow]"), "b": 1.0}),
        pl.DataFrame({"a": [*KEYS, None], "b": ["x"] * 4}),
    ],
)
def test_columns_beyond_floats_are_known_number_by_number(table):
    found = wide_numbers(table)
    assert list(found) == [0]
    assert found[0].tolist() == KEYS


@pytest.mark.parametrize(
    "table",
    [
        np.array([[2**53, -(2**53)]]),
        np.array([[1e300, -1e300]]),
        np.array([[2**60, "a"]], dtype=object),
        pd.DataFrame({"a": [2.0**60], "b": [2**53], "c": ["x"], "d": [True]}),
        pd.DataFrame({"a": pd.array([None], dtype="Int64")}),
    ],
)
def test_other_columns_are_not(table):
    assert wide_numbers(table) == {}


def test_of_many_numbers_some_are_kept_and_both_ends():
    numbers = 2**60 + np.arange(5000)
    kept = wide_numbers(numbers[:, None])[0]
    assert len(kept) == MOST_KEPT
    assert (kept[0], kept[-1]) == (numbers[0], numbers[-1])


def test_a_float_becomes_one_of_the_numbers_that_it_stands_for():
    known = np.array(KEYS)
    drawn = Drawn({0: known}, np.random.default_rng(0))
    floats = np.array([*[2.0**60] * 1000, float(KEYS[2]), 2.0**61])
    back = drawn.as_known(floats.astype(np.int64), floats, 0)
    counts = {key: int((back == key).sum()) for key in KEYS}
    assert counts[KEYS[0]] + counts[KEYS[1]] == 1000
    assert counts[KEYS[0]] == pytest.approx(500, abs=60)
    assert counts[KEYS[2]] == 1
    assert back[-1] == 2**61
    assert drawn.as_known(back, floats, 1) is back
