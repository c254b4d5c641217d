"""What every output must do; a new output is one line in OUTPUTS_UNDER_TEST."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_aae import outputs
from sklearn_aae._random import make_generator
from sklearn_aae.outputs import as_output

NO_CONSTANT = np.zeros(3, dtype=bool)
OUTPUTS_UNDER_TEST = {
    "gaussian": as_output("gaussian"),
    "learned": outputs.Gaussian("learned"),
    "bernoulli": as_output("bernoulli"),
}


@pytest.fixture(params=OUTPUTS_UNDER_TEST)
def head(request):
    return OUTPUTS_UNDER_TEST[request.param].build(NO_CONSTANT)


def params_for(n):
    return torch.randn(n, 3, generator=make_generator(0)).requires_grad_()


def test_a_cell_has_a_loss_and_a_gradient(head):
    params = params_for(7)
    losses = head.cell_losses(params, torch.full((7, 3), 0.25))
    assert losses.shape == (7, 3)
    losses.sum().backward()
    assert (params.grad != 0).all()


def test_the_loss_is_least_at_the_mean(head):
    params = params_for(50).detach()
    target = head.mean(params)
    best = head.cell_losses(params, target)
    assert (best < head.cell_losses(params + 1.0, target)).all()
    assert (best < head.cell_losses(params - 1.0, target)).all()


def test_draws_average_to_the_mean(head):
    params = params_for(1).detach()
    draws = head.draw(params.repeat(40_000, 1), make_generator(1))
    np.testing.assert_allclose(draws.mean(dim=0), head.mean(params)[0], atol=0.03)


def test_draws_follow_the_generator(head):
    params = params_for(20).detach()
    first = head.draw(params, make_generator(1))
    assert torch.equal(first, head.draw(params, make_generator(1)))
    assert not torch.equal(first, head.draw(params, make_generator(2)))


def test_unit_gaussian_is_the_squared_error():
    head = as_output("gaussian").build(NO_CONSTANT)
    params, x = params_for(4).detach(), torch.ones(4, 3)
    torch.testing.assert_close(head.cell_losses(params, x), (params - x) ** 2)


def test_learned_gaussian_is_a_negative_log_density():
    head = outputs.Gaussian("learned").build(NO_CONSTANT)
    with torch.no_grad():
        head.raw_scale.copy_(torch.tensor([0.0, -0.1, 0.05]))
    params, x = params_for(4).detach(), torch.ones(4, 3)
    scale = np.exp([0.0, -1.0, 0.5])
    expected = -stats.norm(params.numpy(), scale).logpdf(x.numpy())
    np.testing.assert_allclose(head.cell_losses(params, x).detach(), expected, rtol=1e-5)


def test_bernoulli_is_a_negative_log_probability():
    head = as_output("bernoulli").build(NO_CONSTANT)
    params, x = params_for(4).detach(), torch.tensor([[0.0, 1.0, 1.0]]).repeat(4, 1)
    expected = -stats.bernoulli(torch.sigmoid(params).numpy()).logpmf(x.numpy())
    np.testing.assert_allclose(head.cell_losses(params, x), expected, rtol=1e-5)


def test_calibration_finds_the_noise():
    head = as_output("gaussian").build(NO_CONSTANT)
    params = torch.zeros(20_000, 3)
    scale = torch.tensor([0.1, 1.0, 3.0])
    head.calibrate(params, params + scale * torch.randn(20_000, 3, generator=make_generator(0)))
    torch.testing.assert_close(head.noise, scale, rtol=0.03, atol=0)


def test_a_constant_column_is_its_value_whatever_the_decoder_says():
    head = as_output("gaussian").build(np.array([False, True, False]))
    params = params_for(5).detach()
    assert (head.mean(params)[:, 1] == 0).all()
    assert (head.draw(params, make_generator(0))[:, 1] == 0).all()


@pytest.mark.parametrize(
    "output, error, message",
    [
        ("independent", ValueError, "output='independent' is not known"),
        (7, TypeError, "output must be one of"),
    ],
)
def test_bad_outputs_are_named(output, error, message):
    with pytest.raises(error, match=message):
        as_output(output)


def test_bad_variance_is_named():
    with pytest.raises(ValueError, match='variance must be "unit" or "learned"'):
        outputs.Gaussian("free").build(NO_CONSTANT)


def test_bernoulli_refuses_other_ranges_and_names_the_column():
    with pytest.raises(ValueError, match=r"column 1 spans \[0, 16\]"):
        as_output("bernoulli").check(np.array([[0.0, 0.0], [1.0, 16.0]]))
