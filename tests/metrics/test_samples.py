"""Measures of samples against independent computations."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from sklearn_aae.metrics import (
    mmd,
    parzen_log_likelihood,
    precision_recall,
    sliced_wasserstein,
)


def normal(n, k, seed, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, size=(n, k))


# --------------------------------------------------------------------------- Parzen


def test_parzen_against_kernel_density():
    X, samples, valid = normal(50, 3, 0, 5), normal(70, 3, 1, 5), normal(40, 3, 2, 5)
    grid = [0.2, 0.5, 1.0, 2.0]
    on_valid = [KernelDensity(bandwidth=h).fit(samples).score(valid) for h in grid]
    score = parzen_log_likelihood(X, samples, valid, bandwidths=grid)
    assert score.bandwidth == grid[int(np.argmax(on_valid))]
    values = KernelDensity(bandwidth=score.bandwidth).fit(samples).score_samples(X)
    assert score.log_likelihood == pytest.approx(values.mean())
    assert score.standard_error == pytest.approx(stats.sem(values))


def test_the_default_grid_is_as_good_as_a_search():
    X, samples, valid = (normal(300, 2, seed, 100, 30) for seed in range(3))
    best = max(
        KernelDensity(bandwidth=h).fit(samples).score(valid) for h in np.geomspace(1, 60, 200)
    )
    score = parzen_log_likelihood(X, samples, valid)
    found = KernelDensity(bandwidth=score.bandwidth).fit(samples).score(valid)
    assert found == pytest.approx(best, abs=0.3)


def test_parzen_of_many_samples_is_near_the_entropy():
    X, samples, valid = normal(2000, 1, 0), normal(5000, 1, 1), normal(3000, 1, 2)
    score = parzen_log_likelihood(X, samples, valid)
    entropy = stats.norm().entropy()
    assert score.log_likelihood == pytest.approx(-entropy, abs=4 * score.standard_error)


def test_far_rows_have_a_finite_density():
    score = parzen_log_likelihood(
        normal(20, 2, 0, 1e4), normal(20, 2, 1), normal(20, 2, 2), bandwidths=[0.5]
    )
    assert np.isfinite(score.log_likelihood)
    assert score.log_likelihood < -1e8


def test_the_same_in_blocks(monkeypatch):
    tables = normal(60, 2, 0), normal(90, 2, 1), normal(60, 2, 2)
    whole = parzen_log_likelihood(*tables), precision_recall(*tables[:2])
    whole += sliced_wasserstein(*tables[:2], random_state=0), mmd(*tables[:2])
    for module in ("_parzen", "_manifold", "_kernel", "_sliced"):
        monkeypatch.setattr(f"sklearn_aae.metrics.{module}.BLOCK", 400)
    np.testing.assert_allclose(parzen_log_likelihood(*tables), whole[0])
    assert precision_recall(*tables[:2]) == whole[1]
    assert sliced_wasserstein(*tables[:2], random_state=0) == pytest.approx(whole[2])
    assert mmd(*tables[:2]) == pytest.approx(whole[3])


@pytest.mark.parametrize("which", ["copies", "narrow grid"])
def test_a_bandwidth_at_the_end_of_the_grid_is_named(which):
    X = normal(40, 2, 0)
    if which == "copies":
        with pytest.warns(UserWarning, match="smallest of those tried; the samples may hold cop"):
            parzen_log_likelihood(X, normal(40, 2, 1), normal(40, 2, 1))
    else:
        with pytest.warns(UserWarning, match="0.02, is the largest of those tried; try larger"):
            parzen_log_likelihood(X, normal(40, 2, 1), normal(40, 2, 2), bandwidths=[0.01, 0.02])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"samples": normal(9, 3, 0)}, "samples has 3 columns, but X 2"),
        ({"X_valid": np.full((4, 2), np.nan)}, "Input X_valid contains NaN"),
        ({"X_valid": np.ones((4, 2))}, "rows of X_valid do not vary"),
        ({"bandwidths": [1.0, -1.0]}, "bandwidths must be positive numbers"),
        ({"X": [[0.0, 1.0]]}, "minimum of 2 is required"),
    ],
)
def test_parzen_names_bad_tables(change, message):
    tables = {"X": normal(9, 2, 0), "samples": normal(9, 2, 1), "X_valid": normal(9, 2, 2)}
    with pytest.raises(ValueError, match=message):
        parzen_log_likelihood(**(tables | change))


# ------------------------------------------------------------------ sliced Wasserstein


@pytest.mark.parametrize("n, m", [(30, 30), (30, 45), (7, 13)])
def test_sliced_wasserstein_in_one_column_against_scipy(n, m):
    x, y = normal(n, 1, 0), normal(m, 1, 1, 0.5, 2.0)
    expected = stats.wasserstein_distance(x[:, 0], y[:, 0])
    assert sliced_wasserstein(x, y, p=1) == pytest.approx(expected)


def test_sliced_wasserstein_against_loops_over_directions():
    X, Y = normal(40, 3, 0), normal(25, 3, 1, 1.0)
    directions = np.random.default_rng(5).normal(size=(4000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = np.mean([stats.wasserstein_distance(X @ d, Y @ d) for d in directions])
    assert sliced_wasserstein(X, Y, p=1, n_projections=4000, random_state=0) == pytest.approx(
        expected, rel=0.02
    )


def test_sliced_wasserstein_of_shifted_samples_is_known():
    # Projections of a shift by v have squared distance (v theta)², |v|² / k on average.
    X = normal(50, 4, 0)
    shift = np.array([1.0, 2.0, 0.0, -2.0])
    found = sliced_wasserstein(X, X + shift, n_projections=20_000, random_state=0)
    assert found == pytest.approx(np.sqrt(9 / 4), rel=0.02)


def test_sliced_wasserstein_of_gaussians():
    # Between N(0, I) and N(0, s² I) every projection is |s - 1| apart.
    X, Y = normal(20_000, 2, 0), normal(20_000, 2, 1, scale=3.0)
    assert sliced_wasserstein(X, Y, random_state=0) == pytest.approx(2, rel=0.03)


def test_repeated_rows_change_nothing():
    X, Y = normal(6, 2, 0), normal(10, 2, 1)
    once = sliced_wasserstein(X, Y, random_state=0)
    assert sliced_wasserstein(np.repeat(X, 3, axis=0), Y, random_state=0) == pytest.approx(once)
    assert sliced_wasserstein(X, X, random_state=0) == 0


@pytest.mark.parametrize("wrong", [{"p": 0.5}, {"n_projections": 0}])
def test_sliced_wasserstein_names_bad_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        sliced_wasserstein(normal(9, 2, 0), normal(9, 2, 1), **wrong)


# ---------------------------------------------------------------------------- MMD


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
@pytest.mark.parametrize("bandwidth", [0.7, [0.5, 2.0]])
def test_mmd_against_loops(kernel, bandwidth):
    X, Y = normal(11, 2, 0), normal(8, 2, 1, 1.0)

    def k(x, y):
        squared = ((x - y) ** 2).sum()
        values = [
            np.exp(-squared / (2 * h**2)) if kernel == "rbf" else 1 / (1 + squared / h**2)
            for h in np.atleast_1d(bandwidth)
        ]
        return np.mean(values)

    def within(Z):
        return np.mean([k(a, b) for i, a in enumerate(Z) for j, b in enumerate(Z) if i != j])

    between = np.mean([k(x, y) for x in X for y in Y])
    expected = within(X) + within(Y) - 2 * between
    assert mmd(X, Y, kernel=kernel, bandwidth=bandwidth) == pytest.approx(expected)


def test_mmd_of_gaussians_is_known():
    # E k(x, y) of x ~ N(0, I) and y ~ N(m, I) with the Gaussian kernel of bandwidth h.
    h, m, k = 1.5, np.array([1.0, 0.5]), 2

    def mean(squared):
        variance = h**2 + 2
        return (h**2 / variance) ** (k / 2) * np.exp(-squared / (2 * variance))

    expected = 2 * mean(0) - 2 * mean((m**2).sum())
    X, Y = normal(4000, k, 0), normal(4000, k, 1) + m
    assert mmd(X, Y, kernel="rbf", bandwidth=h) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_has_no_bias(kernel):
    values = [
        mmd(normal(30, 2, s), normal(30, 2, s + 1000), kernel=kernel, bandwidth=1.0)
        for s in range(300)
    ]
    assert abs(np.mean(values)) < 4 * stats.sem(values)
    assert min(values) < 0 < max(values)


def test_the_median_bandwidth_has_no_unit():
    X, Y = normal(50, 2, 0), normal(60, 2, 1, 0.5)
    assert mmd(X, Y) == pytest.approx(mmd(100 * X + 5, 100 * Y + 5))


@pytest.mark.parametrize(
    "X, settings, message",
    [
        (normal(9, 2, 0), {"kernel": "linear"}, "kernel must be one of"),
        (normal(9, 2, 0), {"bandwidth": 0.0}, "bandwidth must be positive"),
        (np.zeros((9, 2)), {}, "median distance is 0; pass bandwidth"),
    ],
)
def test_mmd_names_bad_arguments(X, settings, message):
    with pytest.raises(ValueError, match=message):
        mmd(X, X, **settings)


# ------------------------------------------------------------------ precision and recall


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_by_hand(k):
    real, samples = normal(40, 2, 0), normal(30, 2, 1, 0.7)

    def share(rows, others):
        inside = 0
        for row in rows:
            for i, other in enumerate(others):
                radius = np.sort([np.linalg.norm(other - o) for o in np.delete(others, i, 0)])[
                    k - 1
                ]
                if np.linalg.norm(row - other) <= radius:
                    inside += 1
                    break
        return inside / len(rows)

    found = precision_recall(real, samples, n_neighbors=k)
    assert found == pytest.approx((share(samples, real), share(real, samples)))


def test_precision_and_recall_fail_apart():
    real = np.concatenate([normal(300, 2, 0), normal(300, 2, 1, 20)])
    half = precision_recall(real, normal(600, 2, 2))
    assert half.precision > 0.9
    assert half.recall == pytest.approx(0.5, abs=0.05)
    blurred = precision_recall(real, np.concatenate([real, normal(600, 2, 3, 10, 8)]))
    assert blurred.precision < 0.7
    assert blurred.recall == 1
    assert precision_recall(real, real) == (1, 1)


def test_equal_rows_are_among_each_other():
    assert precision_recall(np.ones((9, 2)), np.ones((8, 2))) == (1, 1)
    assert precision_recall(np.ones((9, 2)), np.zeros((8, 2))) == (0, 0)


def test_precision_and_recall_name_bad_arguments():
    with pytest.raises(ValueError, match="samples has 3 rows, which must be more than n_neigh"):
        precision_recall(normal(9, 2, 0), normal(3, 2, 1))
    with pytest.raises(ValueError, match="Input real contains NaN"):
        precision_recall(np.full((9, 2), np.nan), normal(9, 2, 1))
    with pytest.raises(TypeError, match="n_neighbors"):
        precision_recall(normal(9, 2, 0), normal(9, 2, 1), n_neighbors=1.5)


# ------------------------------------------------------------------------------- all


def test_a_good_sample_beats_a_poor_one(digits):
    X = digits[0]
    A, B, C = X[:600], X[600:1200], X[1200:]
    good = GaussianMixture(10, covariance_type="diag", random_state=0).fit(A).sample(600)[0]
    poor = np.random.default_rng(0).permuted(A, axis=0)
    for distance in (mmd, sliced_wasserstein):
        assert distance(B, good) < distance(B, poor + 0.2)
    assert (
        parzen_log_likelihood(B, good, C).log_likelihood
        > parzen_log_likelihood(B, poor, C).log_likelihood
    )
    assert precision_recall(B, good).precision > precision_recall(B, poor).precision


@pytest.mark.parametrize(
    "measure",
    [
        lambda X, Y: parzen_log_likelihood(X, Y, X),
        lambda X, Y: sliced_wasserstein(X, Y, random_state=0),
        mmd,
        precision_recall,
    ],
)
def test_memory_stays_bounded(measure):
    # All distances of 4000 rows are 128 MB.
    X, Y = normal(4000, 2, 0), normal(4000, 2, 1)
    tracemalloc.start()
    measure(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
