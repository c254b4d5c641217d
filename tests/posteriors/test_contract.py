"""What every posterior must do; a new posterior is one line in the registry."""

from __future__ import annotations

import pytest
import torch

from sklearn_aae._random import make_generator
from sklearn_aae.posteriors import POSTERIORS, as_posterior


@pytest.fixture(params=POSTERIORS)
def posterior(request):
    return as_posterior(request.param)


@pytest.mark.parametrize("k", [1, 3])
def test_codes_have_the_width_asked_for(posterior, k):
    h = torch.randn(5, posterior.n_outputs(k), generator=make_generator(0))
    noise = torch.randn(5, posterior.n_noise(k), generator=make_generator(1))
    assert posterior.mode(h).shape == (5, k)
    assert posterior.draw(h, noise).shape == (5, k)


def test_draws_depend_on_noise_if_there_is_any(posterior):
    h = torch.zeros(5, posterior.n_outputs(2))
    draws = [
        posterior.draw(h, torch.randn(5, posterior.n_noise(2), generator=make_generator(seed)))
        for seed in (0, 1)
    ]
    assert torch.equal(*draws) == (posterior.n_noise(2) == 0)


def test_gradients_reach_every_output_of_the_encoder(posterior):
    h = torch.randn(5, posterior.n_outputs(2), generator=make_generator(0)).requires_grad_()
    noise = torch.randn(5, posterior.n_noise(2), generator=make_generator(1))
    posterior.draw(h, noise).square().sum().backward()
    assert (h.grad != 0).all()


def test_gaussian_draws_have_the_predicted_moments():
    posterior = as_posterior("gaussian")
    h = torch.tensor([[3.0, 2.0 * torch.log(torch.tensor(0.5))]]).repeat(50_000, 1)
    draws = posterior.draw(h, torch.randn(50_000, 1, generator=make_generator(0)))
    assert float(draws.mean()) == pytest.approx(3.0, abs=0.02)
    assert float(draws.std()) == pytest.approx(0.5, rel=0.02)


def test_gaussian_survives_absurd_variances():
    posterior = as_posterior("gaussian")
    h = torch.tensor([[0.0, 1e6], [0.0, -1e6]])
    assert torch.isfinite(posterior.draw(h, torch.ones(2, 1))).all()


def test_auto_is_deterministic():
    assert type(as_posterior("auto")) is POSTERIORS["deterministic"]


def test_unknown_name_is_named():
    with pytest.raises(ValueError, match="posterior='channel' is not known; choose from"):
        as_posterior("channel")
