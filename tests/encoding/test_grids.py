"""Columns whose cells all lie on a grid are drawn on it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sklearn_aae import TableEncoder
from sklearn_aae.encoding._grids import find_grid
from sklearn_aae.encoding._number_columns import find_decimals, rounded

pd = pytest.importorskip("pandas")

N = 900
COUNTS = np.random.default_rng(0).integers(20, 5000, N)


def draw(column, n=3000, *, dtype=None):
    """Return cells that are drawn for the levels of a column, and its span."""
    frame = pd.DataFrame({"value": pd.Series(column, dtype=dtype)})
    encoder = TableEncoder().fit(frame)
    levels = encoder._to_levels(frame)
    rows = np.random.default_rng(1).integers(0, len(frame), n)
    drawn = encoder._from_levels(levels[rows], np.random.default_rng(2))["value"]
    assert drawn.dtype == frame["value"].dtype
    known = frame["value"]
    assert drawn.dropna().between(known.min(), known.max()).all()
    # Otherwise being on the grid would say nothing.
    assert not drawn.isin(known).all()
    return drawn, encoder.layout_.spans[0]


@pytest.mark.parametrize("step", [Fraction(15), Fraction(1000), Fraction(7), Fraction(10**15)])
@pytest.mark.parametrize("start", [0, 4, -7000])
@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64"])
def test_whole_steps(step, start, dtype):
    if step > 2**40 and dtype == "float64":
        start = 0
    whole = COUNTS * int(step) + start
    drawn, span = draw(whole, dtype=dtype)
    assert set((drawn.astype("int64") - start) % int(step)) == {0}
    assert span.step == step


@pytest.mark.parametrize("dtype", ["uint64", "int64"])
def test_steps_across_all_of_64_bits(dtype):
    ends = np.iinfo(dtype)
    values = np.linspace(0, 1, N) * 6.0e18
    whole = [ends.min + 3 + 3 * int(value) for value in values]
    drawn, span = draw(np.array(whole, dtype=dtype))
    assert {(int(cell) - whole[0]) % 3 for cell in drawn} == {0}
    assert span.step == 3 * np.gcd.reduce([int(value) for value in values])


@pytest.mark.parametrize("step, decimals", [(0.25, 2), (0.05, 2), (2.5, 1), (0.0005, 4)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_decimal_steps(step, decimals, dtype):
    drawn, span = draw((COUNTS * step).round(decimals), dtype=dtype)
    expected = np.round(np.rint(drawn.astype("float64") / step) * step, decimals)
    np.testing.assert_array_equal(drawn, expected.astype(dtype))
    assert span.step == pytest.approx(step)


@pytest.mark.parametrize("denominator", [3, 7, 12, 2048])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_fractions(denominator, dtype):
    drawn, span = draw(COUNTS / denominator, dtype=dtype)
    whole = np.rint(drawn.astype("float64") * denominator)
    np.testing.assert_array_equal(drawn, (whole / denominator).astype(dtype))
    assert span.step == pytest.approx(1 / denominator)


def test_multiples_of_any_size():
    size = np.pi / 100
    drawn, span = draw(7.1 + COUNTS * size)
    steps = (drawn - 7.1) / size
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    assert span.step == pytest.approx(size)


def test_thirds_that_were_rounded():
    drawn, span = draw((COUNTS / 3).round(2))
    assert set((drawn % 1).round(2)) == {0.0, 0.33, 0.67}
    assert span.step == pytest.approx(1 / 3)


@pytest.mark.parametrize("dtype", ["int64", "float64", "int32"])
def test_dates_that_are_written_as_numbers(dtype):
    days = pd.Timestamp("2001-01-01") + pd.to_timedelta(COUNTS, unit="D")
    drawn, span = draw(days.strftime("%Y%m%d").astype(int), dtype=dtype)
    dates = pd.to_datetime(drawn.astype("int64").astype(str), format="%Y%m%d")
    # Months are of equal weight, where the distance of whole numbers is mostly no date.
    assert dates.dt.month.value_counts(normalize=True).between(0.05, 0.12).all()
    assert dates.dt.day.value_counts(normalize=True).between(0.01, 0.05).all()
    assert span.step is None


def test_mondays_that_are_written_as_numbers():
    days = pd.Timestamp("1950-01-02") + 7 * pd.to_timedelta(COUNTS, unit="D")
    drawn, _ = draw(days.strftime("%Y%m%d").astype(int))
    dates = pd.to_datetime(drawn.astype(str), format="%Y%m%d")
    assert (dates.dt.day_of_week == 0).all()


def test_months_that_are_written_as_numbers():
    months = np.random.default_rng(0).choice(12 * 200, 400, replace=False) + 12 * 1800
    drawn, _ = draw(months // 12 * 100 + months % 12 + 1)
    assert (drawn % 100).between(1, 12).all()
    assert (drawn % 100).nunique() == 12


def test_missing_cells_do_not_hide_the_grid():
    values = pd.Series(COUNTS * 0.05).round(2)
    values[::7] = np.nan
    drawn, _ = draw(values)
    assert drawn.isna().any()
    np.testing.assert_allclose(drawn.dropna() * 20 % 1, 0, atol=1e-9)


@pytest.mark.parametrize(
    "values, decimals",
    [
        (np.arange(11) * 15, 0),
        (np.sort(np.random.default_rng(0).normal(size=500)), None),
        (np.unique(np.random.default_rng(0).normal(size=500).round(2)), 2),
        (np.unique(np.random.default_rng(0).normal(size=500).astype(np.float32)), None),
        (np.sort(np.random.default_rng(0).exponential(size=500)) * 1e300, None),
        (np.unique(np.random.default_rng(0).integers(0, 900, 500)), 0),
        (np.unique(np.random.default_rng(0).integers(20_000_000, 20_300_000, 500)), 0),
    ],
    ids=["few", "real", "decimal", "single", "large", "whole", "no dates"],
)
def test_no_grid(values, decimals):
    assert find_grid(values, decimals, values.dtype) is None


def test_dense_numbers_are_read_on_the_grid():
    frame = pd.DataFrame({"value": COUNTS * 1000})
    encoder = TableEncoder().fit(frame)
    noise = np.random.default_rng(0).normal(0, 0.3, (N, 1))
    back = encoder.inverse_transform(encoder.transform(frame) + noise.astype(np.float32))
    assert set(back["value"] % 1000) == {0}
    assert not back["value"].isin(frame["value"]).all()


def test_conditions_and_grids_hold_together():
    frame = pd.DataFrame({"value": COUNTS * 15})
    encoder = TableEncoder().fit(frame)
    shares = encoder._level_shares("value", (20_000, 50_000))
    levels = np.repeat(np.flatnonzero(shares), 20)[:, None]
    drawn = encoder._from_levels(levels, np.random.default_rng(0), within={0: (20_000, 50_000)})[
        "value"
    ]
    assert drawn.between(20_000, 50_000).all()
    assert set(drawn % 15) == {0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_rounded_as_numpy_does(dtype):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=500) * 10.0 ** rng.integers(-6, 9, 500)).astype(dtype)
    expected = [np.round(values, decimals) for decimals in range(11)]
    found = rounded(values, np.arange(11)[:, np.newaxis])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("place", [0, 700, 2999])
def test_decimals_of_one_number_are_decimals_of_the_column(place):
    values = np.arange(-1000.0, 2000.0)
    assert find_decimals(values, values.dtype) == 0
    values[place] += 0.125
    assert find_decimals(values, values.dtype) == 3
    values[place] += 2.0**-30
    assert find_decimals(values, values.dtype) is None
