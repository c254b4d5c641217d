"""Noise of the Gaussian output: as large as residuals are, and its own in each column."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.outputs import Gaussian, TableFacts


def calibrated(residuals, variance="unit"):
    residuals = torch.as_tensor(residuals, dtype=torch.float32)
    n_columns = residuals.shape[1]
    table = TableFacts(len(residuals), np.zeros(n_columns, dtype=bool))
    head = Gaussian(variance).build(table, make_generator(0))
    head.calibrate(torch.zeros_like(residuals), residuals)
    return head


def noise_of(head, n=20_000):
    with torch.no_grad():
        return head.draw(torch.zeros(n, len(head.noise)), make_generator(1)).numpy()


def test_cells_by_themselves_are_drawn_with_noise_of_their_own():
    residuals = np.repeat(np.random.default_rng(0).normal(size=(500, 1)), 2, axis=1) * [1, 3]
    noise = noise_of(calibrated(residuals))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05
    np.testing.assert_allclose(noise.std(axis=0), residuals.std(axis=0), rtol=0.05)


def test_learned_noise_is_what_was_learned():
    head = calibrated(np.zeros((30, 3)), "learned")
    with torch.no_grad():
        head.raw_scale.copy_(torch.tensor([0.0, 0.05, -0.1]))
    head.calibrate(torch.zeros(5, 3), torch.ones(5, 3))
    np.testing.assert_allclose(noise_of(head).std(axis=0), np.exp([0, 0.5, -1]), rtol=0.03)


def test_missing_numbers_have_no_residuals():
    residuals = np.random.default_rng(0).normal(size=(500, 2))
    residuals[::2, 1] = np.nan
    expected = np.sqrt(np.nanmean(residuals**2, axis=0))
    assert calibrated(residuals).noise.numpy() == pytest.approx(expected, rel=1e-5)
