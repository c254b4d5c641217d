"""What every posterior must do; a new posterior is one line in the registry."""

from __future__ import annotations

import math

import pytest
import torch

from sklearn_aae._random import make_generator
from sklearn_aae.posteriors import POSTERIORS, Channel, CodeNorm, as_posterior


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


def test_the_channel_keeps_variance_one_and_transform_says_the_code():
    posterior = Channel(noise=0.5)
    h = torch.randn(50_000, 2, generator=make_generator(0))
    draws = posterior.draw(h, torch.randn(50_000, 2, generator=make_generator(1)))
    torch.testing.assert_close(draws.std(dim=0), torch.ones(2), atol=0.02, rtol=0)
    assert torch.equal(posterior.mode(h), h)
    # What is left after the code is noise of the size that is said.
    left = draws - posterior.place(h)
    torch.testing.assert_close(
        left.std(dim=0), torch.full((2,), posterior.noise), atol=0.01, rtol=0
    )
    correlation = torch.corrcoef(torch.stack([draws[:, 0], h[:, 0]]))[0, 1]
    assert float(correlation) == pytest.approx(math.sqrt(1 - posterior.noise**2), abs=0.01)


@pytest.mark.parametrize("noise", [0, 1, -0.2, "much", None])
def test_noise_of_a_channel_is_checked(noise):
    with pytest.raises(ValueError, match="noise must be above 0 and below 1"):
        Channel(noise).check()


def test_a_channel_needs_noise():
    with pytest.raises(ValueError, match="without noise"):
        Channel().draw(torch.zeros(2, 2), None)


def test_only_the_channel_has_a_tail(posterior):
    assert isinstance(posterior.tail(3), CodeNorm) == isinstance(posterior, Channel)


def test_code_norm_is_batch_norm_in_training_and_the_table_afterwards():
    h = 3 + 2 * torch.randn(40, 3, generator=make_generator(0), dtype=torch.float64)
    norm, reference = CodeNorm(3).double(), torch.nn.BatchNorm1d(3, affine=False).double()
    torch.testing.assert_close(norm(h), reference(h))
    norm.measure(h)
    norm.eval()
    torch.testing.assert_close(norm(h), reference(h))
    torch.testing.assert_close(norm(h[:1]), norm(h)[:1])


def test_code_norm_follows_batches_slowly_and_lets_one_row_through():
    norm = CodeNorm(1)
    norm(torch.tensor([[1.0], [3.0]]))
    torch.testing.assert_close(norm.center, torch.tensor([0.05 * 2]))
    torch.testing.assert_close(norm.variance, torch.tensor([1.0]))
    before = norm.center.clone()
    assert torch.isfinite(norm(torch.tensor([[7.0]]))).all()
    assert torch.equal(norm.center, before)


def test_auto_is_deterministic_for_numbers_and_the_channel_for_levels():
    assert type(as_posterior("auto")) is POSTERIORS["deterministic"]
    assert type(as_posterior("auto", mixed=True)) is Channel


def test_unknown_name_is_named():
    with pytest.raises(ValueError, match="posterior='tunnel' is not known; choose from"):
        as_posterior("tunnel")
