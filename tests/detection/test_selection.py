"""Bands for all thresholds, selections that hold for the rows at hand, false discoveries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom

from sklearn_aae.detection._selection import (
    _tail,
    conditional_p_values,
    most_false,
    most_false_of_first,
    ranks_of,
)
from tests.detection.test_outlier import clean
from tests.instances import fast_detector


def test_ranks_go_up_to_all():
    np.testing.assert_array_equal(ranks_of(3), [1, 2, 3])
    ranks = ranks_of(4_000)
    assert len(ranks) <= 60
    assert (ranks[0], ranks[-1]) == (1, 4_000)


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_the_tail_is_that_of_a_beta_binomial(rank):
    n, m = 9, 20
    expected = betabinom(m, rank, n + 1 - rank).sf(np.arange(-1, m))
    np.testing.assert_allclose(_tail(np.arange(m + 1), rank, n, m), expected, atol=1e-9)


@pytest.mark.parametrize("n, m, confidence", [(60, 100, 0.9), (300, 40, 0.8)])
def test_bands_hold_for_all_thresholds_at_once(n, m, confidence):
    ranks, most = most_false(m, n, confidence)
    assert (np.diff(most) >= 0).all()
    bounds = conditional_p_values(np.arange(1, n + 1) / (n + 1), n, confidence)
    rng, outside = np.random.default_rng(1), np.zeros(2)
    for _ in range(1_000):
        calibrating, new = np.sort(rng.random(n)), np.sort(rng.random(m))
        below = np.searchsorted(new, calibrating[ranks - 1])
        outside += [(below > most).any(), (calibrating > bounds).any()]
    share = 1 - confidence
    # Kept, and not by much more than is needed.
    assert (outside / 1_000 <= share + 3 * np.sqrt(share / 1_000)).all()
    assert (outside / 1_000 >= 0.5 * share).all()


def test_conditional_p_values_are_larger_and_ordered():
    p = np.arange(1, 101) / 101
    adjusted = conditional_p_values(p, 100, 0.9)
    assert (adjusted[:-1] > p[:-1]).all()
    assert (np.diff(adjusted) >= 0).all()
    assert adjusted[-1] <= 1
    assert (conditional_p_values(p, 100, 0.5) <= adjusted).all()
    np.testing.assert_array_equal(conditional_p_values(np.ones(2), 0, 0.9), 1)


def test_false_ones_among_the_first_rows():
    calibrating = np.sort(np.random.default_rng(2).normal(size=500))
    scores = np.concatenate([np.full(50, -9.0), np.random.default_rng(3).normal(size=200)])
    most = most_false_of_first(scores, calibrating, 0.9)
    assert most.shape == (250,)
    assert set(np.diff(most)) <= {0, 1}
    # Fifty lie below all of 500 calibrating rows: few of them can be normal.
    assert most[49] <= 6
    # No row may be more anomalous than the calibrating ones: all may be normal.
    np.testing.assert_array_equal(most_false_of_first(np.zeros(5), calibrating, 0.9), range(1, 6))
    np.testing.assert_array_equal(most_false_of_first(scores[:3], calibrating[:0], 0.9), [1, 2, 3])


def test_bounds_of_a_detector():
    detector = fast_detector(calibration="cross", max_epochs=5).fit(clean(600, 1))
    rows = np.concatenate([clean(100, 2), 20 + clean(60, 3)])
    bounds = detector.false_discovery_bound(rows)
    assert bounds[59] <= 0.25
    assert 100 / 160 <= bounds[-1] <= 1
    assert detector.false_discovery_bound(rows, k=60) == bounds[59]
    assert detector.false_discovery_bound(rows, k=60, confidence=0.5) < bounds[59]
    for settings in ({"k": 0}, {"k": 161}, {"confidence": 1.0}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            detector.false_discovery_bound(rows, **settings)


def test_conditional_selection_selects_fewer():
    detector = fast_detector(calibration="cross", max_epochs=5).fit(clean(1_000, 4))
    rows = np.concatenate([clean(100, 5), 3 + clean(100, 6)])
    plain, held = (detector.select(rows, method=method) for method in ("bh", "conditional"))
    assert not (held & ~plain).any()
    assert held.sum() < plain.sum()
    far = np.concatenate([clean(50, 7), 30 + clean(50, 8)])
    assert detector.select(far, method="conditional")[50:].all()
    with pytest.warns(UserWarning, match=r"True.* \(0\)"):
        within = detector.select(far, method="conditional", groups=lambda rows: rows[:, 0] > 15)
    assert not within[50:].any()  # a group without calibrating rows
    with pytest.raises(ValueError, match="method"):
        detector.select(rows, method="best")


def test_groups_share_what_may_go_wrong():
    """Bounds hold in both of two groups with a confidence of .8 if in each with one of .9."""
    rows = clean(60, 10)
    detector = fast_detector().fit(clean(400, 9))

    def side(table):
        return table[:, 0] > 0

    p = detector.p_values(rows, groups=side)
    held = detector._hold_conditionally(p, rows, side, 0.8)
    for group in (False, True):
        own, n = side(rows) == group, np.sum(side(detector._calibration.table()) == group)
        np.testing.assert_array_equal(held[own], conditional_p_values(p[own], n, 0.9))
