"""Numbers with flags: what a missing cell costs, is drawn as and teaches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.outputs._flagged_head import MOST_HIDDEN, FlaggedHead
from sklearn_aae.outputs._gaussian import UnitHead

MISSING = np.array([0.0, 0.25, 0.0, 0.1])
CENTER = np.array([0.0, 0.5, -1.0, 0.0])


def head():
    return FlaggedHead(UnitHead(np.zeros(4, dtype=bool)), MISSING, CENTER)


def test_a_missing_number_costs_its_flag_alone():
    params = torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 0.7]])
    known = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    gone = torch.tensor([[1.0, 0.5, 1.0, 1.0, 1.0, 0.0]])
    # Without a say of the decoder, a cell is missing as often as in training.
    log_odds = 0.7 + math.log(0.1 / 0.9)
    last = math.log1p(math.exp(log_odds)) + 9
    expected = [[0, 1 - math.log(0.75), 4, last], [0, -math.log(0.25), 4, last]]
    losses = head().cell_losses(params.repeat(2, 1), torch.cat([known, gone]))
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(
        head().training_losses(params.repeat(2, 1), torch.cat([known, gone]), None), expected, 1e-6
    )


def test_missing_numbers_teach_numbers_nothing():
    params = torch.ones(3, 6, requires_grad=True)
    x = torch.tensor([[0.0, 0.5, 0.0, 0.0, 1.0, 0.0]]).repeat(3, 1)
    head().cell_losses(params, x).sum().backward()
    assert (params.grad[:, 1] == 0).all()
    assert (params.grad[:, [0, 2, 3, 4, 5]] != 0).all()


def test_the_noise_is_that_of_known_numbers():
    built, generator = head(), make_generator(0)
    x = torch.randn((4000, 6), generator=generator) * torch.tensor([1, 2, 3, 4, 0, 0])
    x[::2, 4] = 1
    x[::2, 1] = 0.5
    built.calibrate(torch.zeros(4000, 6), x)
    np.testing.assert_allclose(built.numbers.noise, [1, 2, 3, 4], rtol=0.05)


def test_shares_of_drawn_flags_are_matched_whatever_the_logits():
    built, generator = head(), make_generator(0)
    params = torch.randn((20_000, 6), generator=generator) * 3 + 2
    built.match_shares(params)
    drawn = built.draw(params, generator)[:, 4:].mean(dim=0)
    np.testing.assert_allclose(drawn, MISSING[[1, 3]], rtol=0.05)


@pytest.mark.parametrize("missing", [MISSING, MISSING * 4, np.array([0, 1e-6, 0, 0])])
def test_as_many_cells_are_hidden_as_are_missing(missing):
    built = FlaggedHead(UnitHead(np.zeros(4, dtype=bool)), missing, CENTER)
    n_flags = int((missing > 0).sum())
    x = torch.cat([torch.full((20_000, 4), 9.0), torch.ones(20_000, n_flags)], dim=1)
    seen = built.corrupt(x, 0.0, np.zeros(4 + n_flags), make_generator(0))
    hidden = (seen[:, :4] != 9).float()
    share = min(missing.mean(), MOST_HIDDEN)
    np.testing.assert_allclose(hidden.mean(dim=0), share, rtol=0.06, atol=1e-4)
    expected = torch.where(hidden > 0, torch.as_tensor(CENTER).float(), 9.0)
    np.testing.assert_array_equal(seen[:, :4], expected)
    flagged = np.flatnonzero(missing)
    np.testing.assert_array_equal(seen[:, 4:], 1 - hidden[:, flagged])
