"""What every posterior must do; a new posterior is one line in the registry."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_aae import priors
from sklearn_aae._utils._random import make_generator
from sklearn_aae.exceptions import ConstantTableWarning
from sklearn_aae.posteriors import POSTERIORS, Channel, Universal, as_posterior
from sklearn_aae.posteriors._channel import CodeNorm
from tests.instances import fast

N_FEATURES = 4


@pytest.fixture(params=POSTERIORS)
def posterior(request):
    return as_posterior(request.param)


def encoder_for(posterior, k):
    """Return a network that is not linear, with the widths that the posterior asks for."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(posterior.n_inputs(N_FEATURES, k), 8),
            nn.Tanh(),
            nn.Linear(8, posterior.n_outputs(k)),
        )


def drawn(posterior, encoder, x, k, seed=1):
    noise = torch.randn(len(x), posterior.n_noise(k), generator=make_generator(seed))
    return posterior.draw(encoder(posterior.inputs(x, noise)), noise)


@pytest.fixture(name="x")
def rows():
    return torch.randn(5, N_FEATURES, generator=make_generator(0))


@pytest.mark.parametrize("k", [1, 3])
def test_codes_have_the_width_asked_for(posterior, x, k):
    encoder = encoder_for(posterior, k)
    assert drawn(posterior, encoder, x, k).shape == (5, k)
    assert posterior.encode(encoder, x, k).shape == (5, k)
    assert posterior.mode(torch.zeros(5, posterior.n_outputs(k))).shape == (5, k)


def test_draws_depend_on_noise_if_there_is_any(posterior, x):
    encoder = encoder_for(posterior, 2)
    draws = [drawn(posterior, encoder, x, 2, seed) for seed in (0, 1)]
    assert torch.equal(*draws) == (posterior.n_noise(2) == 0)


def test_gradients_reach_every_output_of_the_encoder(posterior):
    h = torch.randn(5, posterior.n_outputs(2), generator=make_generator(0)).requires_grad_()
    noise = torch.randn(5, posterior.n_noise(2), generator=make_generator(1))
    posterior.draw(h, noise).square().sum().backward()
    assert (h.grad != 0).all()


def test_the_code_of_a_row_is_deterministic_and_its_own(posterior, x):
    encoder = encoder_for(posterior, 2).double()
    codes = posterior.encode(encoder, x.double(), 2)
    assert codes.dtype == torch.float64
    assert torch.equal(codes, posterior.encode(encoder, x.double(), 2))
    torch.testing.assert_close(codes[2:3], posterior.encode(encoder, x[2:3].double(), 2))


def test_parameters_are_those_of_a_scikit_learn_object(posterior):
    assert repr(posterior) == f"{type(posterior).__name__}()"
    assert clone(posterior).get_params() == posterior.get_params()


def test_codes_do_not_depend_on_the_rows_beside_them(posterior, cancer):
    X = cancer[0]
    model = fast(posterior=posterior).fit(X)
    codes = model.transform(X)
    np.testing.assert_array_equal(codes, model.transform(X))
    np.testing.assert_allclose(codes[100:140], model.transform(X[100:140]), rtol=1e-12)
    np.testing.assert_allclose(codes, model.transform(np.tile(X, (9, 1)))[-len(X) :], rtol=1e-12)
    assert model.score_samples(X[:3]).shape == (3,)
    assert model.reconstruct(X).shape == X.shape


# ------------------------------------------------------------------------ single ones


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
    left = draws - posterior.to_decoder(h)
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


@pytest.mark.parametrize("n_draws", [1, 2, 7, 16])
def test_what_is_linear_in_the_noise_cancels(x, n_draws):
    posterior = Universal(n_draws=n_draws)
    encoder = nn.Linear(posterior.n_inputs(N_FEATURES, 2), 2)
    quiet = encoder(torch.hstack([x, torch.zeros(5, 2)]))
    torch.testing.assert_close(posterior.encode(encoder, x, 2), quiet)


def test_more_draws_come_closer_to_the_mean(x):
    # The mean of (x + e)² over normal e is x² + 1.
    def error(n_draws):
        posterior = Universal(n_noise_features=1, n_draws=n_draws)
        codes = posterior.encode(lambda rows: (rows[:, :1] + rows[:, 4:]) ** 2, x, 1)
        return float((codes - x[:, :1] ** 2 - 1).abs().max())

    assert error(2000) < 0.1
    assert error(2000) < error(4)


def test_an_encoder_of_ones_own_gets_the_noise_last(cancer):
    widths = []

    def build(n_in, n_out):
        widths.append((n_in, n_out))
        return nn.Linear(n_in, n_out)

    model = fast(encoder=build, posterior=Universal(n_noise_features=5)).fit(cancer[0])
    assert widths == [(35, 2)]
    assert (model.encoder_.weight[:, 30:].abs() > 0).all()


def test_noise_becomes_a_distribution_that_no_gaussian_is():
    # Equal rows: all that could fill the prior's two modes is noise.
    prior = priors.Mixture(means=[[-2.0], [2.0]], covariances=0.25)
    settings = {"adversarial_weight": 1.0, "max_epochs": 150, "lr": 2e-3}
    settings |= {"hidden_layer_sizes": (32, 32), "discriminator_layer_sizes": (32, 32)}
    between = {}
    for name in ("gaussian", "universal"):
        model = fast(n_components=1, prior=prior, posterior=name, **settings)
        with pytest.warns(ConstantTableWarning):
            model.fit(np.ones((400, 3)))
        module = model.net_.module_
        noise = torch.randn(1000, module.posterior.n_noise(1), generator=make_generator(0))
        with torch.no_grad():
            codes = module.encode(torch.zeros(1000, 3), noise)
        assert min((codes > 1).float().mean(), (codes < -1).float().mean()) > 0.2
        between[name] = float((codes.abs() < 1).float().mean())
    # 2 % of the prior is there; of a Gaussian with its variance, 38 %.
    assert between["gaussian"] > 0.3
    assert between["universal"] < 0.1


# ------------------------------------------------------------------------ what goes with what


def test_auto_goes_with_the_output_and_the_prior():
    assert type(as_posterior("auto")) is POSTERIORS["deterministic"]
    assert type(as_posterior("auto", mixed=True)) is Channel
    for prior, suits in [
        (priors.Gaussian(), True),
        (priors.LearnedMixture(), True),
        (priors.Gaussian(5.0), False),
        (priors.Uniform(), False),
        (priors.Categorical(), False),
    ]:
        chosen = as_posterior("auto", mixed=True, prior=prior)
        assert (type(chosen) is Channel) == suits


@pytest.mark.parametrize(
    "posterior, settings, message",
    [
        ("mystery", {}, "posterior='mystery' is not known; choose from"),
        (Universal(n_draws=0), {}, "n_draws must be a whole number of at least 1, got 0"),
        (Universal(n_draws=1.5), {}, "n_draws must be a whole number of at least 1, got 1.5"),
        (Universal(n_noise_features=0), {}, "n_noise_features must be a whole number"),
        (Universal(input_noise=-1), {}, "input_noise must be at least 0"),
        ("universal", {"mixed": True}, "this table is of mixed types; use 'gaussian' or 'channel'"),
        ("channel", {"prior": priors.Categorical()}, r"prior=Categorical\(\) are not; use 'det"),
    ],
)
def test_what_does_not_go_together_is_named(posterior, settings, message):
    with pytest.raises(ValueError, match=message):
        as_posterior(posterior, **settings)


def test_nothing_is_drawn_without_noise():
    with pytest.raises(ValueError, match="universal posterior cannot be drawn from without noise"):
        as_posterior("universal").inputs(torch.zeros(1, 1), None)
    with pytest.raises(ValueError, match="Gaussian posterior cannot be drawn from without noise"):
        as_posterior("gaussian").draw(torch.zeros(1, 2), None)
