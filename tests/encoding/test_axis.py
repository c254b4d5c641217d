"""How numbers are cut into levels, and drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_aae.encoding._axis import Axis, equal_mass_starts, interpolate, resolve_max_levels
from tests.encoding.strategies import STABLE

COUNTS = st.lists(st.integers(1, 60), min_size=1, max_size=200).map(np.array)
WHOLE = arrays(np.int64, st.integers(1, 60), elements=st.integers(-(2**63), 2**63 - 1))
REAL = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e308, 1e308))


def between(axis, levels, rng, allowed=None):
    """Return neighbouring training values of levels, and values drawn between them."""
    left, right, share = axis.between(levels, rng, allowed)
    left, right = axis.values[left], axis.values[right]
    return left, right, interpolate(left, right, share)


@pytest.mark.parametrize("n_values, n_levels", [(10, 24), (500, 50), (10_240, 1024), (10**6, 1024)])
def test_the_number_of_levels_grows_with_the_rows(n_values, n_levels):
    assert resolve_max_levels("auto", n_values) == n_levels
    assert resolve_max_levels(7, n_values) == 7


@STABLE
@given(counts=COUNTS, max_levels=st.integers(2, 40))
def test_levels_have_equal_mass(counts, max_levels):
    starts = equal_mass_starts(counts, max_levels)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert len(starts) <= max_levels
    if len(counts) <= max_levels:
        assert len(starts) == len(counts)
        return
    stops = np.append(starts[1:], len(counts))
    mass = np.add.reduceat(counts, starts)
    # A bin is full when its last value is in: without it, it is below the target.  The
    # target exceeds its share only as far as cutting bins short makes necessary.
    within = mass[stops - starts > 1]
    last = counts[stops - 1][stops - starts > 1]
    assert (within - last < counts.sum() / max_levels * 4).all()
    heavy = np.flatnonzero(counts >= 4 * counts.sum() / max_levels)
    for value in heavy:
        assert value in starts
        assert value + 1 in stops


def test_a_spike_has_a_level_of_its_own():
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(9000), rng.normal(size=1000)])
    axis = Axis(values, 100)
    zero = axis.levels(np.array([0.0]))[0]
    assert axis.low[zero] == axis.high[zero] == 0
    assert axis.level_counts[zero] == 9000
    assert len(axis.starts) > 10


def test_a_value_heavier_than_a_level_is_alone_however_little_heavier():
    counts = np.array([1] * 50 + [15] + [1] * 50)
    starts = equal_mass_starts(counts, 10).tolist()
    assert {50, 51} <= set(starts)
    # Full levels hold the same, and the last one before the heavy value what is left.
    assert starts == [0, 13, 26, 39, 50, 51, 64, 77, 90]


def test_whole_numbers_between_the_ends_of_64_bits_are_drawn():
    axis = Axis(np.array([-(2**63), 2**63 - 1]), 1)
    left, right, drawn = between(axis, np.zeros(1000, dtype=int), np.random.default_rng(0))
    assert ((left <= drawn) & (drawn <= right)).all()
    np.testing.assert_allclose(np.median(drawn) / 2**63, 0, atol=0.1)


def test_continuous_values_fill_nearly_all_levels():
    values = np.random.default_rng(0).normal(size=40_000)
    assert 1000 <= len(Axis(values, 1024).starts) <= 1024


@STABLE
@given(values=st.one_of(WHOLE, REAL), max_levels=st.integers(2, 12), data=st.data())
def test_the_nearest_interval_is_found(values, max_levels, data):
    axis = Axis(values, max_levels)
    elements = (
        st.integers(-(2**63), 2**63 - 1) if values.dtype == np.int64 else st.floats(-1e308, 1e308)
    )
    other = data.draw(arrays(values.dtype, 20, elements=elements))
    for value, level in zip(other, axis.levels(other), strict=True):
        # In numbers of Python there is neither overflow nor rounding of whole numbers.
        halves = 1 if values.dtype == np.int64 else 2
        v = value.item() / halves if halves == 2 else value.item()
        lows = [x.item() / 2 if halves == 2 else x.item() for x in axis.low]
        highs = [x.item() / 2 if halves == 2 else x.item() for x in axis.high]
        away = [max(lo - v, v - hi, 0) for lo, hi in zip(lows, highs, strict=True)]
        assert away[level] == min(away)


@pytest.mark.parametrize(
    "training, new, levels",
    [
        (np.array([1, 5, 9]), np.array([2.4, 3.6, -1e30, 1e30]), [0, 1, 0, 2]),
        (np.array([1, 5, 9], dtype=np.uint64), np.array([-3, 4, 10]), [0, 1, 2]),
        (np.array([1, 5, 9]), np.array([2**64 - 1, 0], dtype=np.uint64), [2, 0]),
        (np.array([1.5, 2.5]), np.array([2**62, 0]), [1, 0]),
    ],
)
def test_other_types_of_numbers_find_their_level(training, new, levels):
    assert Axis(training, 24).levels(new).tolist() == levels


@STABLE
@given(values=st.one_of(WHOLE, REAL), max_levels=st.integers(2, 12), seed=st.integers(0, 9))
def test_draws_stay_within_their_level(values, max_levels, seed):
    axis = Axis(values, max_levels)
    levels = np.arange(len(axis.starts)).repeat(5)
    rng = np.random.default_rng(seed)
    for drawn in (axis.pick(levels, rng), axis.pick(levels, None), between(axis, levels, rng)[2]):
        assert (drawn >= axis.low[levels]).all()
        assert (drawn <= axis.high[levels]).all()
        assert (axis.levels(drawn) == levels).all()


@STABLE
@given(values=WHOLE, max_levels=st.integers(2, 12), data=st.data())
def test_draws_meet_a_restriction(values, max_levels, data):
    axis = Axis(values, max_levels)
    n = len(axis.values)
    allowed = data.draw(arrays(bool, n, elements=st.booleans()))
    shares = axis.level_shares(allowed)
    possible = np.flatnonzero(shares)
    levels = possible.repeat(5)
    rng = np.random.default_rng(0)
    known = axis.values[allowed]
    for drawn in (axis.pick(levels, rng, allowed), axis.pick(levels, None, allowed)):
        assert np.isin(drawn, known).all()
    if len(levels):
        left, right, drawn = between(axis, levels, rng, allowed)
        assert np.isin(left, known).all()
        assert np.isin(right, known).all()
        assert ((left <= drawn) & (drawn <= right)).all()
        assert (axis.levels(drawn) == levels).all()


def test_values_are_picked_by_how_often_they_occur():
    values = np.repeat([1, 2, 3], [700, 200, 100])
    axis = Axis(np.append(values, np.arange(10, 1000)), 3)
    level = axis.levels(np.array([2]))[0]
    members = axis.values[axis.starts[level] : axis.stops[level]]
    drawn = axis.pick(np.full(20_000, level), np.random.default_rng(0))
    expected = axis.counts[axis.starts[level] : axis.stops[level]]
    shares = [(drawn == member).mean() for member in members]
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.02)
    assert (
        axis.pick(np.array([level]), None)[0]
        == np.sort(np.repeat(members, expected))[(expected.sum() - 1) // 2]
    )


def test_drawn_numbers_follow_the_quantiles_of_their_level():
    values = np.random.default_rng(0).exponential(size=4000)
    axis = Axis(values, 4)
    drawn = between(axis, axis.levels(values), np.random.default_rng(1))[2]
    assert not np.isin(drawn, values).any()
    grid = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(np.quantile(drawn, grid), np.quantile(values, grid), rtol=0.2)


def test_very_many_values_are_thinned():
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(20_000), rng.normal(size=100_000)])
    axis, whole = Axis(values, 100), Axis(values, 100)
    kept = axis.thin()
    np.testing.assert_array_equal(whole.values[kept], axis.values)
    assert axis.thinned
    assert len(axis.values) <= 64 * 100
    for name in ("low", "high", "level_counts"):
        np.testing.assert_array_equal(getattr(axis, name), getattr(whole, name))
    np.testing.assert_array_equal(axis.levels(values), whole.levels(values))
    drawn = between(axis, axis.levels(values), rng)[2]
    assert (drawn == 0).sum() == 20_000
    assert len(np.unique(drawn)) > 90_000
    grid = np.linspace(0.005, 0.995, 200)
    np.testing.assert_allclose(np.quantile(drawn, grid), np.quantile(values, grid), atol=0.02)
    np.testing.assert_allclose(
        axis.level_shares(axis.values > 0.3) @ axis.level_counts, (values > 0.3).sum(), rtol=1e-3
    )


def test_few_values_are_kept():
    axis = Axis(np.arange(65_536.0), 100)
    assert len(axis.thin()) == 65_536
    assert not axis.thinned
