"""The multivariate normal of a table with holes, beside what is computed row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_aae.autoencoder import _normal
from sklearn_aae.autoencoder._normal import Normal

rng = np.random.default_rng(0)
MIXING = rng.normal(size=(3, 5))
X = rng.normal(size=(400, 3)) @ MIXING * [1, 10, 0.1, 1, 1] + rng.normal(size=(400, 5)) * 0.3 + 7
GAPS = rng.random(X.shape) < 0.3
GAPS[0], GAPS[1], GAPS[2:20] = True, False, GAPS[2:20] & (np.arange(5) == 0)
HOLED = np.where(GAPS, np.nan, X)


def given_the_others(normal, row, gap):
    """Return mean and covariance of the gaps of a row, by the textbook."""
    covariance = np.linalg.inv(normal.precision) * np.outer(normal.scale, normal.scale)
    slope = np.linalg.solve(covariance[np.ix_(~gap, ~gap)], covariance[np.ix_(~gap, gap)]).T
    mean = normal.mean[gap] + slope @ (row - normal.mean)[~gap]
    return mean, covariance[np.ix_(gap, gap)] - slope @ covariance[np.ix_(~gap, gap)]


@pytest.mark.parametrize("entries", [60, 2**20])
def test_expectations_and_variances_are_those_of_the_textbook(entries, monkeypatch):
    monkeypatch.setattr(_normal, "BLOCK_ENTRIES", entries)
    normal = Normal.fit(HOLED)
    filled, variances = normal.expect(HOLED, GAPS), normal.variances(HOLED, GAPS)
    np.testing.assert_array_equal(filled[~GAPS], X[~GAPS])
    assert (variances[~GAPS] == 0).all()
    for i in range(60):
        mean, covariance = given_the_others(normal, HOLED[i], GAPS[i])
        np.testing.assert_allclose(filled[i, GAPS[i]], mean, rtol=1e-8)
        np.testing.assert_allclose(variances[i, GAPS[i]], np.diag(covariance), rtol=1e-8)


def test_draws_scatter_together_as_the_normal_says():
    normal = Normal.fit(HOLED)
    gap = np.array([True, False, True, False, True])
    many = np.repeat(X[:1], 20_000, axis=0)
    generator = torch.Generator().manual_seed(0)
    away = normal.deviations(many, np.tile(gap, (len(many), 1)), [generator])
    assert (away[:, ~gap] == 0).all()
    _, covariance = given_the_others(normal, X[0], gap)
    spread = np.sqrt(np.diag(covariance))
    found = np.cov(away[:, gap].T) / np.outer(spread, spread)
    np.testing.assert_allclose(found, covariance / np.outer(spread, spread), atol=0.04)


def test_holes_hardly_change_what_is_learned():
    whole, holed = Normal.fit(X), Normal.fit(HOLED)
    assert (abs(holed.mean - whole.mean) < 0.2 * whole.scale).all()
    # Means in the gaps would take .7 of correlations, and of variances.
    for normal in (whole, holed):
        covariance = np.linalg.inv(normal.precision)
        spread = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(
            covariance / np.outer(spread, spread), np.corrcoef(X.T), atol=0.08
        )


def test_constant_columns_and_tables_too_large_to_read_whole(monkeypatch):
    rows = np.where(np.arange(5) == 2, np.where(GAPS, np.nan, 4.0), HOLED)
    filled = Normal.fit(rows).expect(rows, GAPS)
    np.testing.assert_allclose(filled[:, 2], 4.0, rtol=1e-12)
    monkeypatch.setattr(_normal, "MOST_WORK", 1)
    part, whole = Normal.fit(HOLED), Normal.fit(X)
    assert not np.allclose(part.mean, Normal.fit(HOLED[:300]).mean)
    assert (abs(part.mean - whole.mean) < 0.4 * whole.scale).all()


def test_a_row_is_filled_with_the_same_bits_alone_and_among_others():
    normal = Normal.fit(HOLED)
    filled = normal.expect(HOLED, GAPS)
    order = rng.permutation(len(X))
    np.testing.assert_array_equal(normal.expect(HOLED[order], GAPS[order]), filled[order])
    for i in range(30):
        np.testing.assert_array_equal(normal.expect(HOLED[[i]], GAPS[[i]])[0], filled[i])
