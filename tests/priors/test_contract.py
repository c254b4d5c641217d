"""What every prior must do; a new prior is one line in PRIORS_UNDER_TEST."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone

from sklearn_aae import priors
from sklearn_aae._random import make_generator
from sklearn_aae.priors import as_prior


def ring(n_samples, generator):
    """Codes on the unit circle."""
    angle = 2 * torch.pi * torch.rand(n_samples, generator=generator)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def careless(n_samples, generator):
    """Draws that overlook the generator."""
    return torch.rand(n_samples, 2) + np.random.rand()


#: name -> (what a user passes, whether it has a density, mean and standard deviation)
PRIORS_UNDER_TEST = {
    "gaussian": ("gaussian", True, 0.0, 1.0),
    "Gaussian(5)": (priors.Gaussian(5.0), True, 0.0, 5.0),
    "uniform": ("uniform", True, 0.0, 1 / np.sqrt(3)),
    "Uniform(0, 2)": (priors.Uniform(0.0, 2.0), True, 1.0, 1 / np.sqrt(3)),
    "callable": (ring, False, 0.0, np.sqrt(0.5)),
    "torch scalar": (torch.distributions.Laplace(0.0, 1.0), True, 0.0, np.sqrt(2)),
    "torch vector": (
        torch.distributions.MultivariateNormal(torch.ones(2), 4 * torch.eye(2)),
        True,
        1.0,
        2.0,
    ),
    "scipy univariate": (stats.gamma(4.0), True, 4.0, 2.0),
    "scipy multivariate": (stats.multivariate_normal([0, 0], 9 * np.eye(2)), True, 0.0, 3.0),
}


@pytest.fixture(params=PRIORS_UNDER_TEST, name="case")
def prior_case(request):
    value, has_density, mean, std = PRIORS_UNDER_TEST[request.param]
    return as_prior(value, 2), has_density, mean, std


def test_draws_have_shape_dtype_and_moments(case):
    prior, _, mean, std = case
    draws = prior.sample(20_000, 2, make_generator(0))
    assert draws.shape == (20_000, 2)
    assert draws.dtype == torch.float32
    np.testing.assert_allclose(draws.mean(dim=0), mean, atol=0.05 * std)
    np.testing.assert_allclose(draws.std(dim=0), std, rtol=0.05)


def test_one_draw_has_two_axes(case):
    assert case[0].sample(1, 2, make_generator(0)).shape == (1, 2)


def test_draws_follow_the_generator_and_nothing_else(case):
    prior = case[0]
    first = prior.sample(50, 2, make_generator(3))
    torch.rand(7)
    np.random.rand(7)
    assert torch.equal(first, prior.sample(50, 2, make_generator(3)))
    assert not torch.equal(first, prior.sample(50, 2, make_generator(4)))


def test_successive_draws_differ(case):
    prior, generator = case[0], make_generator(0)
    assert not torch.equal(prior.sample(50, 2, generator), prior.sample(50, 2, generator))


def test_density_agrees_with_draws(case):
    # The entropy two ways: mean of -log p over draws, and the plug-in on a grid of
    # bins; only the first uses log_prob's constant.
    prior, has_density, mean, std = case
    draws = prior.sample(40_000, 2, make_generator(0))
    if not has_density:
        with pytest.raises(ValueError, match="no density"):
            prior.log_prob(draws)
        return
    entropy = -float(prior.log_prob(draws).mean())
    width = std / 4
    cells = np.floor((draws.numpy() - mean) / width).astype(int)
    counts = np.unique(cells, axis=0, return_counts=True)[1] / len(cells)
    binned = -(counts * np.log(counts / width**2)).sum()
    assert entropy == pytest.approx(binned, abs=0.1)


def test_clone_draws_the_same(case):
    prior = case[0]
    copy = clone(prior)
    assert copy is not prior
    assert torch.equal(prior.sample(9, 2, make_generator(0)), copy.sample(9, 2, make_generator(0)))


def test_global_generators_are_neither_read_nor_moved():
    prior = as_prior(careless, 2)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = prior.sample(5, 2, make_generator(0))
    assert torch.equal(torch_before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()
    torch.rand(3)
    assert torch.equal(first, prior.sample(5, 2, make_generator(0)))


@pytest.mark.parametrize(
    "prior, error, message",
    [
        ("petals", ValueError, "'petals' is not known; choose from"),
        (3, TypeError, "prior must be one of"),
        (priors.Gaussian(-1), ValueError, "scale must be positive"),
        (priors.Uniform(1, 1), ValueError, "low must be below high"),
        (lambda n, generator: torch.zeros(n, 5), ValueError, r"shape \(2, 5\), expected"),
        (lambda n, generator: torch.full((n, 2), torch.nan), ValueError, "not finite"),
        (stats.multivariate_normal([0, 0, 0]), ValueError, "expected"),
        (torch.distributions.MultivariateNormal(torch.ones(3), torch.eye(3)), ValueError, "expect"),
    ],
)
def test_bad_priors_are_named(prior, error, message):
    with pytest.raises(error, match=message):
        as_prior(prior, 2)
