"""p-values and thresholds from held-out rows."""

from __future__ import annotations

import numpy as np
import pytest

from sklearn_aae.detection._calibration import conformal_threshold, n_held_out, p_values


def test_p_values_count_the_rows_that_are_not_above():
    held_out = np.array([1.0, 2.0, 2.0, 4.0])
    np.testing.assert_allclose(
        p_values(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), held_out), np.array([1, 2, 4, 4, 5]) / 5
    )


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("n", [19, 39, 99, 100])
def test_the_threshold_flags_exactly_the_p_values_of_at_most_alpha(alpha, n):
    rng = np.random.default_rng(n)
    held_out = np.sort(rng.integers(40, size=n).astype(float))
    scores = np.arange(-1.0, 41.0)
    threshold = conformal_threshold(alpha, held_out)
    flagged = scores < threshold
    np.testing.assert_array_equal(flagged, p_values(scores, held_out) <= alpha + 1e-12)


def test_no_threshold_where_too_few_rows_were_held_out():
    assert conformal_threshold(0.05, np.arange(18.0)) is None
    assert conformal_threshold(0.05, np.arange(19.0)) == 0.0
    assert conformal_threshold(0.05, np.empty(0)) is None


def test_held_out_rows_suit_the_usual_level():
    counts = [n_held_out(n) for n in (2, 99, 100, 199, 200, 599, 600, 2_000, 10_000, 10**6)]
    assert counts == [0, 0, 19, 19, 39, 39, 59, 199, 499, 499]
    assert all((n + 1) % 20 == 0 for n in counts if n)
