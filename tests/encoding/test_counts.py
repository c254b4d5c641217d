"""Values of columns are counted in one pass, all of them or the frequent ones."""

import datetime
import decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sklearn_aae.encoding import _counts
from sklearn_aae.encoding._counts import ValueCounts


def counted(column, n_parts=7):
    counts = ValueCounts(column.type)
    for start, end in pairwise(np.linspace(0, len(column), n_parts + 1).astype(int)):
        counts.add(pa.chunked_array([column[start:end]]))
    return counts


def shares(cells):
    found = pc.value_counts(cells)
    return dict(
        zip(
            found.field("values").to_pylist(),
            (found.field("counts").to_numpy() / len(cells)).tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    "cells",
    [
        [1.5, None, 1.5, -2.0, 7.25] * 9,
        ["a", "b", None, "a"] * 9,
        [True, False, True, None] * 9,
        [decimal.Decimal("1.25"), decimal.Decimal("7.00")] * 9,
        [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2)] * 9,
        [datetime.timedelta(days=1), None, datetime.timedelta(seconds=3)] * 9,
    ],
)
def test_all_cells_are_there_as_often(cells):
    column = pa.array(cells)
    for own in (column, column.dictionary_encode()):
        counts = counted(own)
        stands = counts.cells(own[:3])
        assert getattr(stands.type, "value_type", stands.type) == column.type
        assert hasattr(stands, "dictionary") == hasattr(own, "dictionary")
        assert counts.n_short == 0
        assert sorted(map(repr, stands.to_pylist())) == sorted(map(repr, cells))


def test_nan_is_one_value():
    column = pa.array([np.nan, 1.0, np.nan, 2.0], from_pandas=False)
    assert pc.sum(pc.is_nan(counted(column).cells(column))).as_py() == 2


def test_more_cells_than_memory_holds_keep_their_shares(monkeypatch):
    monkeypatch.setattr(_counts, "MOST_CELLS", 1_000)
    column = pa.array([*["common"] * 7_000, *["other"] * 2_999, "rare"])
    stands = shares(counted(column).cells(column[:5]))
    assert stands["common"] == pytest.approx(0.7, abs=0.002)
    assert stands["other"] == pytest.approx(0.3, abs=0.002)
    assert stands["rare"] > 0


@pytest.fixture
def few_counters(monkeypatch):
    monkeypatch.setattr(_counts, "MOST_DISTINCT", 400)
    monkeypatch.setattr(_counts, "COUNTERS", 100)
    monkeypatch.setattr(_counts, "FREQUENT", 2.0**-6)


def spiked(n=20_000, seed=0):
    """Numbers nearly all of which are distinct, but for a spike of 3 % and missing ones."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n)
    values[rng.choice(n, n * 3 // 100, replace=False)] = 0.5
    return pa.array(values, mask=rng.random(n) < 0.04)


def test_counters_are_too_low_by_a_bounded_part(few_counters):
    column = spiked()
    counts = counted(column, n_parts=50)
    assert 0 < counts.n_short <= len(column) / 101
    exact = shares(column)
    sample = column.take(pa.array(np.random.default_rng(1).permutation(len(column))[:4_000]))
    stands = shares(counts.cells(pa.chunked_array([sample])))
    for value in (0.5, None):
        assert exact[value] - 0.01 <= stands[value] <= exact[value] + 0.001
    # What is not frequent is the sample's, whose quantiles are off by 1.36 / sqrt(n) at most, in
    # 95 of 100 samples.
    rest = np.array([value for value in stands if value not in (0.5, None)])
    order = np.sort(column.drop_null().to_numpy())
    places = np.searchsorted(order, np.quantile(rest, np.linspace(0.05, 0.95, 19))) / len(order)
    assert abs(places - np.linspace(0.05, 0.95, 19)).max() < 0.04


def test_what_waits_is_bounded(few_counters):
    counts = ValueCounts(pa.float64())
    for seed in range(20):
        counts.add(pa.chunked_array([spiked(1_000, seed)]))
        assert counts.n_waiting <= 1_000 + 2 * 400


def test_parts_are_merged(few_counters):
    column = spiked()
    merged = counted(column[:9_000])
    merged.merge(counted(column[9_000:]))
    assert merged.n_cells == len(column)
    assert merged.n_short <= len(column) / 101 + 1
    stands = shares(merged.cells(pa.chunked_array([column[:4_000]])))
    assert stands[0.5] == pytest.approx(shares(column)[0.5], abs=0.011)
    few = pa.array(["x", "y", "x"])
    merged = counted(few)
    merged.merge(counted(few))
    assert sorted(merged.cells(few).to_pylist()) == [*"xxxxyy"]


def test_a_sample_of_frequent_values_only(few_counters):
    column = pa.array([*range(500), *[7] * 50_000])
    cells = counted(column).cells(pa.chunked_array([[7] * 300]))
    assert shares(cells) == {7: 1.0}
