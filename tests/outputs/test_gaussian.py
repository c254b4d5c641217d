"""Noise of the Gaussian output: as large as residuals are, and related as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf_shrinkage

from sklearn_aae._utils._random import make_generator
from sklearn_aae.outputs import Gaussian, TableFacts
from sklearn_aae.outputs._gaussian import shrunk_correlation


def calibrated(residuals, variance="unit"):
    residuals = torch.as_tensor(residuals, dtype=torch.float32)
    n_columns = residuals.shape[1]
    table = TableFacts(len(residuals), np.zeros(n_columns, dtype=bool))
    head = Gaussian(variance).build(table, make_generator(0))
    head.calibrate(torch.zeros_like(residuals), residuals)
    return head


def noise_of(head, n=20_000):
    with torch.no_grad():
        return head.draw_related(torch.zeros(n, len(head.noise)), make_generator(1)).numpy()


@pytest.mark.parametrize("variance", ["unit", "learned"])
def test_noise_is_correlated_as_residuals_are(variance):
    rng = np.random.default_rng(0)
    common = rng.normal(size=(2000, 1))
    residuals = np.hstack([common, -2 * common, np.zeros_like(common)])
    residuals += rng.normal(size=(2000, 3)) * [0.5, 1, 3]
    head = calibrated(residuals, variance)
    noise = noise_of(head)
    np.testing.assert_allclose(noise.std(axis=0), head.noise.numpy(), rtol=0.03)
    np.testing.assert_allclose(np.corrcoef(noise.T), np.corrcoef(residuals.T), atol=0.04)


def test_missing_numbers_relate_to_nothing():
    rng = np.random.default_rng(0)
    residuals = np.repeat(rng.normal(size=(500, 1)), 2, axis=1)
    residuals[:, 1][rng.random(500) < 0.5] = np.nan
    noise = noise_of(calibrated(residuals))
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.1)
    assert 0.3 < np.corrcoef(noise.T)[0, 1] < 0.8


def test_many_columns_keep_their_spread_and_what_most_have_in_common():
    rng = np.random.default_rng(0)
    residuals = rng.normal(size=(1000, 1)) + rng.normal(size=(1000, 150)) / 2
    residuals[:, :2] *= [[3, 0.1]]
    noise = noise_of(calibrated(residuals), 5000)
    np.testing.assert_allclose(noise.std(axis=0), residuals.std(axis=0), rtol=0.08)
    assert np.corrcoef(noise[:, 0], noise[:, 100])[0, 1] == pytest.approx(0.8, abs=0.05)


def test_correlations_are_shrunk_as_ledoit_and_wolf_do():
    rng = np.random.default_rng(0)
    scaled = rng.normal(size=(40, 8)) @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    scaled[:, 1] += scaled[:, 0]
    scaled /= np.sqrt((scaled**2).mean(axis=0))
    found = shrunk_correlation(scaled)
    plain = scaled.T @ scaled / 40
    kept = 1 - ledoit_wolf_shrinkage(scaled, assume_centered=True)
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found[off], kept * plain[off], rtol=1e-6)
    np.testing.assert_allclose(np.diag(found), 1)


def test_residuals_of_one_row_or_none_relate_to_nothing():
    assert np.isfinite(noise_of(calibrated(np.ones((1, 3))), 10)).all()
    assert (noise_of(calibrated(np.zeros((30, 3))), 10) == 0).all()


def test_cells_by_themselves_are_drawn_with_noise_of_their_own():
    residuals = np.repeat(np.random.default_rng(0).normal(size=(500, 1)), 2, axis=1)
    head = calibrated(residuals)
    with torch.no_grad():
        noise = head.draw(torch.zeros(5000, 2), make_generator(1)).numpy()
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05
    np.testing.assert_allclose(noise.std(axis=0), residuals.std(axis=0), rtol=0.05)
