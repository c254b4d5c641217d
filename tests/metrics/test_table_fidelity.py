"""Column shapes and pair trends: by hand, in the limits, and beside SDMetrics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.metrics import TableScore, _table_fidelity, column_shapes, pair_trends
from tests.metrics.mixed import halves, mixed_table, shuffled


def test_shapes_by_hand():
    real = pd.DataFrame({"n": [1, 2, 3, 4], "c": ["a", "a", "b", None], "b": [True] * 4})
    synthetic = pd.DataFrame({"n": [3, 4, 5, 6], "c": ["a", "b", "b", "c"], "b": [False] * 4})
    scores = column_shapes(real, synthetic)
    # n: half of the real rows lie below all others.  c: |2/3-1/4| + |1/3-1/2| + 1/4, halved.
    assert scores.details == pytest.approx({"n": 0.5, "c": 1 - 5 / 12, "b": 0})
    assert scores.score == pytest.approx((0.5 + 7 / 12) / 3)


def test_trends_by_hand():
    real = pd.DataFrame({"x": [0, 1, 2, 3], "y": [0, 1, 2, 3], "c": ["a", "a", "b", None]})
    synthetic = pd.DataFrame({"x": [0, 1, 2, 3], "y": [3, 2, 1, 0], "c": ["a", "b", "b", None]})
    scores = pair_trends(real, synthetic)
    # x, y: correlations 1 and -1.  x beside c: of the cells (0,a) (1,a) (2,b) (3,missing),
    # all but (1,a) are shared.  y beside c: (2,b) alone.
    assert scores.details == pytest.approx({("x", "y"): 0, ("x", "c"): 0.75, ("y", "c"): 0.25})
    assert scores.score == pytest.approx(1 / 3)


def test_trends_of_two_categories_by_hand():
    real = [["a", "u"], ["a", "v"], ["b", "u"], ["b", None]]
    synthetic = [["a", "u"], ["a", "u"], ["b", "v"], ["b", None]]
    assert pair_trends(real, synthetic).score == pytest.approx(0.5)


def test_bins_are_those_of_the_real_range_and_open():
    # Beside a category, numbers beyond the real range fall into the outermost bins, and
    # a shift of the whole column is seen.
    real = [[float(i), c] for i in range(10) for c in "ab"]
    beyond = [[{0: -50.0, 9: 100.0}.get(i, i), c] for i, c in real]
    shifted = [[i + 5.0, c] for i, c in real]
    assert pair_trends(real, beyond).score == pytest.approx(1)
    assert pair_trends(real, shifted).score == pytest.approx(0.5)


@pytest.mark.parametrize("metric", [column_shapes, pair_trends])
def test_limits(metric):
    real, other = halves()
    assert metric(real, real).score == pytest.approx(1)
    assert 0.9 < metric(real, other).score < 1
    assert float(metric(real, other)) == metric(real, other).score


def test_shuffled_columns_keep_shapes_and_lose_trends():
    real, other = halves()
    assert column_shapes(real, shuffled(real)).score == pytest.approx(1)
    assert pair_trends(real, shuffled(real)).score < pair_trends(real, other).score - 0.1


@pytest.mark.parametrize("metric", [column_shapes, pair_trends])
def test_polars_and_pandas_agree(metric):
    real, other = halves()
    assert metric(pl.from_pandas(real), other) == metric(real, pl.from_pandas(other))
    assert metric(real, other) == metric(pl.from_pandas(real), pl.from_pandas(other))


def test_columns_with_nothing_in_them():
    real = pd.DataFrame({"none": [None] * 4, "gone": [1.0, 2, 3, 4], "x": [1.0, 2, 3, 5]})
    synthetic = real.assign(gone=np.nan)
    shapes = column_shapes(real, synthetic)
    assert shapes.details == pytest.approx({"none": np.nan, "gone": 0, "x": 1}, nan_ok=True)
    assert shapes.score == pytest.approx(0.5)
    # A pair of a column that collapsed is no reason to skip it.
    correlation = np.corrcoef(real["gone"], real["x"])[0, 1]
    assert pair_trends(real, synthetic).details["gone", "x"] == pytest.approx(1 - correlation / 2)


def test_constant_columns():
    real = pd.DataFrame({"x": [1.0, 2, 3, 4], "constant": [0.1] * 4})
    score = pair_trends(real, real)
    assert isinstance(score, TableScore)
    assert np.isnan(score.score)
    assert column_shapes(real, real).score == 1


@pytest.mark.parametrize("metric", [column_shapes, pair_trends])
def test_nearly_constant_numbers_are_constant(metric):
    rng = np.random.default_rng(0)
    noise = np.where(rng.random(300) < 0.5, 0.1 + 0.2, 0.3)
    table = pd.DataFrame({"x": rng.normal(size=300), "noise": noise, "g": ["a", "b"] * 150})
    exact = table.assign(noise=0.3)
    assert metric(table, exact).details == pytest.approx(metric(exact, exact).details, nan_ok=True)
    apart = table.assign(noise=0.3001)
    assert column_shapes(table, apart).details["noise"] == 0
    # Whole numbers that are near to each other are not one number.
    ids = table.assign(noise=2.0**60 + 256 * rng.integers(9, size=300))
    assert pair_trends(ids, ids).score == 1
    assert len(pair_trends(ids, ids).details) == 3


def test_numbers_of_any_size_have_trends():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)) @ [[1, 1], [0, 1]]
    tables = [
        pd.DataFrame(x * scale + shift, columns=["a", "b"]).assign(c=["u", "v"] * 150)
        for scale, shift in [(1, 0), (1e300, 0), (1e-3, 1e9), (1e-200, 0)]
    ]
    for table in tables:
        turned = table.assign(b=table["b"].to_numpy()[::-1])
        expected = tables[0].assign(b=tables[0]["b"].to_numpy()[::-1])
        found = pair_trends(table, turned).details
        assert found == pytest.approx(pair_trends(tables[0], expected).details, abs=0.02)


def test_a_constant_beside_holes_is_no_constant():
    real = pd.DataFrame({"k": [1.0, None] * 4, "c": ["a", "b"] * 4})
    assert pair_trends(real, real).score == 1
    assert pair_trends(real, real.assign(c=["b", "a"] * 4)).score == 0
    assert pair_trends(real, real.assign(k=[2.0, None] * 4)).score == 0.5
    assert (
        repr(pair_trends(real.assign(k=1), real))
        == "TableScore(nan, 1 details, 1 of them undefined)"
    )


def test_many_levels():
    rng = np.random.default_rng(0)
    codes = np.char.add("c", rng.integers(100_000, size=(3000, 2)).astype(str))
    assert pair_trends(codes, codes).score == pytest.approx(1)
    assert pair_trends(codes, codes[::-1, ::-1]).score < 0.01


def test_repr_is_short():
    real = mixed_table()
    assert repr(pair_trends(real, real)) == "TableScore(1, 15 details)"


@pytest.fixture(scope="module")
def sdmetrics():
    return pytest.importorskip(
        "sdmetrics",
        reason="SDMetrics is in no extra: it is not needed, and compared with where installed",
    )


@pytest.mark.filterwarnings("ignore")  # SDMetrics' own, of pandas that changes
def test_shapes_are_those_of_sdmetrics(sdmetrics):
    from sdmetrics.single_column import KSComplement, TVComplement

    real, other = halves()
    for name, score in column_shapes(real, other).details.items():
        metric = KSComplement if name in ("height", "count", "since") else TVComplement
        assert score == pytest.approx(metric.compute(real[name], other[name]), abs=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_trends_are_those_of_sdmetrics(sdmetrics):
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity

    # Its binning knows no dates: they go in as numbers, as in its report.
    real, other = (
        half.assign(since=half["since"].astype("int64").where(half["since"].notna()))
        for half in halves()
    )
    numbers = {"height", "count", "since"}
    for pair, score in pair_trends(real, other).details.items():
        tables = [half[list(pair)].reset_index(drop=True) for half in (real, other)]
        if numbers.issuperset(pair):
            expected = CorrelationSimilarity.compute(*tables)
        else:
            binned = [name for name in pair if name in numbers]
            expected = ContingencySimilarity.compute(*tables, continuous_column_names=binned)
        assert score == pytest.approx(expected, abs=1e-9)


def test_no_more_than_ten_thousand_pairs_are_looked_at(monkeypatch):
    assert len(list(_table_fidelity._some_pairs(141))) == 141 * 70
    for n_columns in (142, 3000):
        pairs = list(_table_fidelity._some_pairs(n_columns))
        assert len(set(pairs)) == 10_000
        assert all(0 <= i < j < n_columns for i, j in pairs)
        # Each pair has the chance of any other one: seconds lie at two thirds, firsts at one.
        np.testing.assert_allclose(np.mean(pairs, axis=0) * 3 / n_columns, [1, 2], atol=0.05)
    monkeypatch.setattr(_table_fidelity, "MOST_PAIRS", 40)
    rows = np.random.default_rng(0).normal(size=(12, 10))
    trends = pair_trends(rows, rows)
    assert (trends.score, len(trends.details)) == (1, 40)
    assert list(trends.details) == list(pair_trends(rows, rows[::-1]).details)
