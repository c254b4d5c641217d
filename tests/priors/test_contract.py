"""What every prior must do; a new prior is one line in PRIORS_UNDER_TEST."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from sklearn_aae import priors
from sklearn_aae._utils._random import make_generator
from sklearn_aae.priors import PRIORS, as_prior


def ring(n_samples, generator):
    """Codes on the unit circle."""
    angle = 2 * torch.pi * torch.rand(n_samples, generator=generator)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def careless(n_samples, generator):
    """Draws that overlook the generator."""
    return torch.rand(n_samples, 2) + np.random.rand()


class NoDensity(torch.distributions.Distribution):
    """Draws on the diagonal, of which torch knows nothing else."""

    arg_constraints: ClassVar[dict] = {}

    def sample(self, sample_shape=()):
        return torch.rand(*sample_shape, 1).expand(*sample_shape, 2)

    def __init__(self):
        super().__init__(event_shape=torch.Size([2]))


def learned(k=2):
    """Return a mixture that has learned two clusters, 8 apart in the first component."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, k))
    codes[:, 0] += np.repeat([-4, 4], 1000)
    prior = as_prior(priors.LearnedMixture(2), k).build(k)
    prior.update(torch.from_numpy(codes), make_generator(0), last=True)
    return prior


ONE = np.eye(2)
PETALS = np.full(2, (1.4**2 + 0.5**2 + 0.05**2) / 2)
# u is uniform: E r² u cos² and E cos; the spiral has two turns, so neither is round.
ROOT = (np.arange(100_000) + 0.5) / 100_000
SPIRAL = 3 * np.sqrt(ROOT) * np.exp(4j * np.pi * np.sqrt(ROOT))
ROLL = np.array([SPIRAL.real.var(), SPIRAL.imag.var()]) + 0.01
OWN = {
    "means": [[-2, 0], [3, 1]],
    "covariances": [[[1, 0.5], [0.5, 1]], ONE],
    "weights": [0.6, 0.4],
}

#: Enough draws for a few per cent in a density or a variance to show.
N_DRAWS = 200_000

#: name -> (what a user passes, kind, mean and variances, by component).  The kind is
#: "density", "mass" (discrete) or "draws" (no density at all).
PRIORS_UNDER_TEST = {
    "gaussian": ("gaussian", "density", 0.0, 1.0),
    "Gaussian(5)": (priors.Gaussian(5.0), "density", 0.0, 25.0),
    "uniform": ("uniform", "density", 0.0, 1 / 3),
    "Uniform(0, 2)": (priors.Uniform(0.0, 2.0), "density", 1.0, 1 / 3),
    "Ball": (priors.Ball(2.0), "density", 0.0, 1.0),
    "mixture": ("mixture", "density", 0.0, PETALS),
    "grid": (priors.Mixture(9, layout="grid"), "density", 0.0, 1.0),
    "own mixture": (priors.Mixture(**OWN), "density", [0.0, 0.4], [7.0, 1.24]),
    "swiss_roll": ("swiss_roll", "density", [SPIRAL.real.mean(), SPIRAL.imag.mean()], ROLL),
    "line": (priors.SwissRoll(noise=0.0), "draws", [SPIRAL.real.mean(), SPIRAL.imag.mean()], ROLL),
    "categorical": ("categorical", "mass", 0.5, 0.25),
    "unequal": (priors.Categorical([0.9, 0.1]), "mass", [0.9, 0.1], 0.09),
    "learned": ("learned", "density", 0.0, 1.0),
    "product": (
        priors.Product([("uniform", 1), (priors.Mixture(1), None)]),
        "density",
        0.0,
        [1 / 3, 1.0],
    ),
    "callable": (ring, "draws", 0.0, 0.5),
    "torch scalar": (torch.distributions.Laplace(0.0, 1.0), "density", 0.0, 2.0),
    "torch vector": (
        torch.distributions.MultivariateNormal(torch.ones(2), 4 * torch.eye(2)),
        "density",
        1.0,
        4.0,
    ),
    "scipy univariate": (stats.gamma(4.0), "density", 4.0, 4.0),
    "scipy multivariate": (stats.multivariate_normal([0, 0], 9 * ONE), "density", 0.0, 9.0),
}


@pytest.fixture(params=PRIORS_UNDER_TEST, name="case")
def prior_case(request):
    value, kind, mean, variance = PRIORS_UNDER_TEST[request.param]
    return as_prior(value, 2), kind, np.broadcast_to(mean, 2), np.broadcast_to(variance, 2)


def test_every_name_is_under_test():
    assert set(PRIORS) <= set(PRIORS_UNDER_TEST)


# ---------------------------------------------------------------------------- draws


def test_draws_have_shape_dtype_and_moments(case):
    prior, _, mean, variance = case
    draws = prior.sample(N_DRAWS, 2, make_generator(0))
    assert draws.shape == (N_DRAWS, 2)
    assert draws.dtype == torch.float32
    assert draws.device == torch.device("cpu")
    draws = draws.double()
    np.testing.assert_allclose(draws.mean(dim=0), mean, atol=0.01 * np.sqrt(variance).max())
    np.testing.assert_allclose(draws.var(dim=0), variance, rtol=0.02)


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


def test_global_generators_are_neither_read_nor_moved(case):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    for prior in (case[0], as_prior(careless, 2)):
        first = prior.sample(5, 2, make_generator(0))
        assert torch.equal(torch_before, torch.get_rng_state())
        assert (numpy_before == np.random.get_state()[1]).all()
        torch.rand(3)
        assert torch.equal(first, prior.sample(5, 2, make_generator(0)))
        torch.set_rng_state(torch_before)


# -------------------------------------------------------------------------- density


#: name -> (standard deviations around the mean that hold all of the prior, points of the
#: grid along an axis, cells that draws are counted in along an axis).  Edges of a density
#: are known to a point of the grid; cells are not to be wider than what is thin.
WINDOWS = {
    "uniform": (2.0, 2000, 40),
    "Uniform(0, 2)": (2.0, 2000, 40),
    "Ball": (2.2, 2000, 40),
    "product": ((2.0, 6.0), 2000, 40),
    "mixture": (4.0, 800, 160),
    "swiss_roll": (2.8, 400, 80),
    "scipy univariate": (14.0, 800, 40),
    "torch scalar": (14.0, 800, 40),
}


class Masses:
    """The probability of each cell of a grid, as a density has it.

    Its integral is by midpoints of a finer grid, in a window around the mean.
    """

    def __init__(self, prior, mean, variance, reach=6.0, n_grid=800, n_cells=40):
        deviation = np.asarray(reach) * np.sqrt(np.broadcast_to(variance, 2))
        self.low, self.high = mean - deviation, mean + deviation
        cell = (self.high - self.low) / n_grid
        axes = [lo + (np.arange(n_grid) + 0.5) * c for lo, c in zip(self.low, cell, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        mass = prior.log_prob(torch.from_numpy(points)).exp().numpy() * cell.prod()
        self.n_cells, fine = n_cells, n_grid // n_cells
        self.expected = mass.reshape(n_cells, fine, n_cells, fine).sum(axis=(1, 3)).ravel()
        self.total = float(mass.sum())

    def p_value(self, draws):
        """Return that of Pearson's test; cells that are rare, and outside, are one."""
        place = np.floor((draws - self.low) / (self.high - self.low) * self.n_cells).astype(int)
        place = place[((place >= 0) & (place < self.n_cells)).all(axis=1)]
        counts = np.bincount(place @ [self.n_cells, 1], minlength=self.n_cells**2)
        expected = self.expected / self.total * len(draws)
        common = expected > 5
        observed, probable = counts[common], expected[common]
        rest, rare = len(draws) - observed.sum(), expected[~common].sum()
        if rare > 5:
            observed, probable = np.append(observed, rest), np.append(probable, rare)
        elif stats.poisson.sf(rest - 1, rare + 1e-6 * len(draws)) < 1e-4:
            return 0.0
        probable *= observed.sum() / probable.sum()
        return stats.chisquare(observed, probable).pvalue


@pytest.mark.parametrize("name", [*PRIORS_UNDER_TEST, "fitted"])
def test_the_density_integrates_to_one_and_fits_the_draws(name):
    if name == "fitted":
        prior, mean, variance = learned(), np.zeros(2), np.array([17.0, 1.0])
    else:
        value, kind, mean, variance = PRIORS_UNDER_TEST[name]
        if kind != "density":
            pytest.skip("has no density")
        prior = as_prior(value, 2)
    masses = Masses(prior, mean, variance, *WINDOWS.get(name, ()))
    assert masses.total == pytest.approx(1, abs=4e-3)
    assert masses.p_value(prior.sample(N_DRAWS, 2, make_generator(1)).double().numpy()) > 1e-4


@pytest.mark.parametrize(
    "name, draws",
    [
        ("gaussian", priors.Gaussian(1.03)),
        ("uniform", priors.Uniform(-0.98, 1.0)),
        ("Ball", priors.Ball(1.97)),
        ("mixture", priors.Mixture(scale=(0.5, 0.0515))),
        ("mixture", priors.Mixture(radius=1.44, scale=(0.5, 0.05))),
        ("own mixture", priors.Mixture(**OWN | {"weights": [0.62, 0.38]})),
        ("swiss_roll", priors.SwissRoll(noise=0.103)),
        ("swiss_roll", priors.SwissRoll(turns=2.01)),
    ],
)
def test_a_density_that_is_a_few_per_cent_off_would_fail(name, draws):
    value, _, mean, variance = PRIORS_UNDER_TEST[name]
    masses = Masses(as_prior(value, 2), mean, variance, *WINDOWS.get(name, ()))
    wrong = draws.sample(N_DRAWS, 2, make_generator(1)).double().numpy()
    assert masses.p_value(wrong) < 1e-6


def test_log_prob_has_the_precision_of_the_codes(case):
    prior, kind, *_ = case
    draws = prior.sample(30, 2, make_generator(0))
    if kind == "draws":
        with pytest.raises(ValueError, match="no density"):
            prior.log_prob(draws)
        return
    single, double = prior.log_prob(draws), prior.log_prob(draws.double())
    assert single.shape == double.shape == (30,)
    assert single.dtype == torch.float32
    assert double.dtype == torch.float64
    np.testing.assert_allclose(single, double, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(
    "distribution",
    [
        torch.distributions.Uniform(torch.zeros(2), torch.ones(2)),
        torch.distributions.Gamma(2.0, 1.0),
        stats.uniform(0, 1),
    ],
)
def test_outside_of_its_support_a_distribution_has_density_zero(distribution):
    prior = as_prior(distribution, 2)
    z = torch.tensor([[0.5, 0.25], [0.5, -1.0], [-3.0, -1.0]])
    assert torch.isfinite(prior.log_prob(z)).tolist() == [True, False, False]
    assert (prior.log_prob(z)[1:] == -torch.inf).all()
    assert prior.log_prob(z[:1])[0] == pytest.approx(
        float(prior.log_prob(z[:1].double())[0]), abs=1e-5
    )


def test_probabilities_of_a_discrete_distribution():
    prior = as_prior(stats.randint(0, 4), 2)
    z = prior.sample(50, 2, make_generator(0))
    np.testing.assert_allclose(prior.log_prob(z), 2 * np.log(1 / 4), rtol=1e-6)


def test_distributions_without_a_density_say_so():
    for distribution in (stats.uniform_direction(2), NoDensity()):
        prior = as_prior(distribution, 2)
        with pytest.raises(ValueError, match="has no density"):
            prior.log_prob(prior.sample(3, 2, make_generator(0)))


def test_probabilities_of_categories_add_up_to_one():
    for prior in (priors.Categorical([0.2, 0.5, 0.3]), priors.Categorical()):
        assert float(prior.log_prob(torch.eye(3)).exp().sum()) == pytest.approx(1)
    near = torch.tensor([[0.999, 0.001, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, -1.0, 0.0]])
    assert (prior.log_prob(near) == -torch.inf).all()


@pytest.mark.parametrize("k", [1, 3, 8])
def test_mixtures_in_other_widths_against_scipy(k):
    prior = as_prior(priors.Mixture(2 if k == 1 else 5), k)
    parameters = prior._modes(k)
    z = prior.sample(200, k, make_generator(0)).double()
    densities = [
        weight * stats.multivariate_normal(mean, factor @ factor.T).pdf(z.numpy())
        for weight, mean, factor in zip(*(part.numpy() for part in parameters), strict=True)
    ]
    np.testing.assert_allclose(prior.log_prob(z), np.log(np.sum(densities, axis=0)))


def test_the_swiss_roll_far_from_the_spiral_and_close_to_it():
    # A plain sum over very many points of the spiral.
    prior = priors.SwissRoll(radius=2.0, turns=1.5, noise=0.05)
    u = (np.arange(400_000) + 0.5) / 400_000
    spiral = 2 * np.sqrt(u) * np.exp(3j * np.pi * np.sqrt(u))
    z = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0], [0.7, 0.7], [1.0, 2.0]]).double()
    for code, log_prob in zip(z.numpy(), prior.log_prob(z).tolist(), strict=True):
        squared = np.abs(spiral - complex(*code)) ** 2
        exponents = -squared / (2 * 0.05**2)
        expected = exponents.max() + np.log(np.exp(exponents - exponents.max()).mean())
        assert log_prob == pytest.approx(expected - np.log(2 * np.pi * 0.05**2), abs=1e-4)


# ------------------------------------------------------------------- parameter object


def test_clone_pickle_and_copy_draw_the_same(case):
    prior = case[0]
    expected = prior.sample(9, 2, make_generator(0))
    copies = [clone(prior), copy.deepcopy(prior), prior.build(2)]
    if "<locals>" not in repr(prior):
        copies.append(pickle.loads(pickle.dumps(prior)))
    for other in copies:
        assert torch.equal(expected, other.sample(9, 2, make_generator(0)))
    assert copies[0] is not prior


@pytest.mark.parametrize("name", PRIORS)
def test_parameters_can_be_read_set_and_shown(name):
    prior = as_prior(name, 2)
    parameters = prior.get_params()
    assert repr(prior) == f"{type(prior).__name__}()"
    for parameter, value in parameters.items():
        assert getattr(prior.set_params(**{parameter: value}), parameter) is value


def test_set_params_acts():
    prior = as_prior("mixture", 2).set_params(n_modes=3)
    assert prior.count_modes(2) == 3
    assert repr(prior) == "Mixture(n_modes=3)"


# ---------------------------------------------------------------------------- modes

WITH_MODES = {
    "petals": (priors.Mixture(), 2, 10),
    "sphere": (priors.Mixture(7), 4, 7),
    "grid": (priors.Mixture(layout="grid"), 2, 9),
    "own": (priors.Mixture(**OWN), 2, 2),
    "line of modes": (priors.Mixture(4, layout="grid"), 1, 4),
    "swiss_roll": (priors.SwissRoll(), 2, 10),
    "categorical": (priors.Categorical([0.1, 0.2, 0.7]), 3, 3),
    "learned": (learned(), 2, 2),
    "product": (priors.Product([("gaussian", 2), ("categorical", 4)]), 6, 4),
}


@pytest.fixture(params=WITH_MODES, name="with_modes")
def prior_with_modes(request):
    return WITH_MODES[request.param]


def test_the_modes_together_are_the_prior(with_modes):
    prior, k, n_modes = with_modes
    assert prior.count_modes(k) == n_modes
    weights = prior._modes(k).weights.numpy() if hasattr(prior, "_modes") else None
    if isinstance(prior, priors.Categorical):
        weights = prior.weights
    modes = np.random.default_rng(0).choice(n_modes, 20_000, p=weights)
    draws = prior.sample_modes(torch.from_numpy(modes), k, make_generator(0))
    assert draws.shape == (20_000, k)
    assert draws.dtype == torch.float32
    whole = prior.sample(20_000, k, make_generator(1))
    for a, b in zip(draws.T.numpy(), whole.T.numpy(), strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-3


def test_a_mode_is_a_part_of_its_own(with_modes):
    prior, k, n_modes = with_modes
    centers = np.stack(
        [
            prior.sample_modes(torch.full((500,), mode), k, make_generator(0)).numpy().mean(axis=0)
            for mode in range(n_modes)
        ]
    )
    distances = np.linalg.norm(centers[:, None] - centers, axis=2)
    assert distances[~np.eye(n_modes, dtype=bool)].min() > 0.15


@pytest.mark.parametrize("name", ["petals", "sphere", "grid", "own", "line of modes", "learned"])
def test_draws_of_a_gaussian_mode_have_its_mean_and_covariance(name):
    prior, k, n_modes = WITH_MODES[name]
    _, means, factors = prior._modes(k)
    for mode in range(n_modes):
        draws = prior.sample_modes(torch.full((50_000,), mode), k, make_generator(mode)).double()
        # On the scale of the mode, which may be narrow in one direction.
        white = torch.linalg.solve(factors[mode], (draws - means[mode]).t())
        np.testing.assert_allclose(white.mean(dim=1), 0, atol=0.02)
        np.testing.assert_allclose(torch.cov(white).reshape(k, k), np.eye(k), atol=0.03)


def test_pieces_of_the_swiss_roll_follow_each_other():
    prior = priors.SwissRoll(noise=1e-4, n_modes=7)
    for mode in range(7):
        draws = prior.sample_modes(torch.full((5000,), mode), 2, make_generator(0)).double()
        u = (draws.norm(dim=1) / prior.radius).square().numpy()
        # The share of the spiral up to a draw is uniform between the ends of the piece.
        assert stats.kstest(7 * u - mode, "uniform").pvalue > 1e-3


def test_categories_are_drawn_as_often_as_they_should_be():
    draws = priors.Categorical([0.1, 0.2, 0.7]).sample(N_DRAWS, 3, make_generator(0))
    assert stats.chisquare(draws.sum(dim=0), N_DRAWS * np.array([0.1, 0.2, 0.7])).pvalue > 1e-3


def test_modes_that_do_not_exist_are_named(with_modes):
    prior, k, n_modes = with_modes
    for wrong in (-1, n_modes):
        with pytest.raises(ValueError, match=f"modes 0 to {n_modes - 1}; got mode {wrong}"):
            prior.sample_modes(torch.tensor([0, wrong]), k, make_generator(0))
    with pytest.raises(ValueError, match="modes must be whole numbers"):
        prior.sample_modes(torch.tensor([0.0]), k, make_generator(0))


def test_priors_without_modes_say_so():
    for prior in (priors.Gaussian(), priors.Ball(), priors.Product([("gaussian", 2)])):
        assert prior.count_modes(2) == 0
        with pytest.raises(ValueError, match="has no modes"):
            prior.sample_modes(torch.tensor([0]), 2, make_generator(0))


def test_the_second_part_of_a_product_has_the_modes():
    prior = priors.Product([("gaussian", 2), ("categorical", 4)])
    draws = prior.sample_modes(torch.tensor([3, 0]), 6, make_generator(0))
    assert draws[:, 2:].tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


# -------------------------------------------------------------------------- layouts


def test_petals_point_outwards():
    modes = as_prior(priors.Mixture(4), 2)._modes(2)
    np.testing.assert_allclose(
        modes.means, 1.4 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]), atol=1e-12
    )
    covariance = (modes.factors[1] @ modes.factors[1].T).numpy()
    np.testing.assert_allclose(covariance, np.diag([0.05**2, 0.5**2]), atol=1e-12)


@pytest.mark.parametrize("n_modes, k", [(4, 3), (10, 3), (10, 8), (10, 20), (30, 4)])
def test_modes_on_a_sphere_are_far_apart_and_of_unit_variance(n_modes, k):
    modes = as_prior(priors.Mixture(n_modes), k)._modes(k)
    means = modes.means.numpy()
    radius = np.linalg.norm(means, axis=1)
    np.testing.assert_allclose(radius, radius[0])
    distances = np.linalg.norm(means[:, None] - means, axis=2)[~np.eye(n_modes, dtype=bool)]
    assert distances.min() == pytest.approx(6 * float(modes.factors[0, 0, 0]))
    # Random directions would come much closer.
    other = np.random.default_rng(1).normal(size=means.shape)
    other *= radius[0] / np.linalg.norm(other, axis=1, keepdims=True)
    by_chance = np.linalg.norm(other[:, None] - other, axis=2)[~np.eye(n_modes, dtype=bool)]
    assert distances.min() > 1.3 * by_chance.min()
    variance = prior_variance(modes)
    assert variance.mean() == pytest.approx(1, abs=0.05)


def prior_variance(modes):
    weights, means, factors = (part.numpy() for part in modes)
    own = (factors**2).sum(axis=2)
    return weights @ (own + means**2) - (weights @ means) ** 2


@pytest.mark.parametrize("n_modes, k", [(5, 1), (1, 2), (9, 2), (25, 2), (8, 3), (None, 3)])
def test_grids_have_unit_variance(n_modes, k):
    prior = as_prior(priors.Mixture(n_modes, layout="grid"), k)
    np.testing.assert_allclose(prior_variance(prior._modes(k)), 1)


def test_radius_and_scale_act():
    petals = priors.Mixture(4, radius=2.0, scale=(0.3, 0.1))._modes(2)
    np.testing.assert_allclose(petals.means[0], [2, 0])
    np.testing.assert_allclose(petals.factors[0], np.diag([0.3, 0.1]))
    grid = priors.Mixture(9, layout="grid", radius=2.0, scale=0.2)._modes(2)
    assert grid.means.abs().max() == 2
    np.testing.assert_allclose(grid.factors[0], 0.2 * ONE)


@pytest.mark.parametrize("kind", ["tied", "diag", "full", "spherical"])
@pytest.mark.parametrize("m, k", [(2, 2), (3, 2), (2, 3), (3, 3), (1, 2), (1, 1), (2, 1)])
def test_covariances_are_those_of_a_gaussian_mixture(kind, m, k):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, k)) @ rng.normal(size=(k, k)) + 4 * rng.integers(m, size=(150, 1))
    found = GaussianMixture(m, covariance_type=kind, random_state=0).fit(rows)
    prior = priors.Mixture(
        means=found.means_, covariances=found.covariances_, weights=found.weights_
    )
    np.testing.assert_allclose(
        as_prior(prior, k).log_prob(torch.from_numpy(rows)), found.score_samples(rows), rtol=1e-6
    )


@pytest.mark.parametrize("given", [[[0.1, 0.2], [0.2, 0.1]], [[0.1, 0.2], [0.3, 0.4]]])
def test_a_matrix_that_is_no_covariance_has_variances(given):
    prior = as_prior(priors.Mixture(means=[[0, 0], [1, 1]], covariances=given), 2)
    factors = prior._modes(2).factors.numpy()
    np.testing.assert_allclose(factors**2, [np.diag(row) for row in given])


@pytest.mark.parametrize("given", [0.25, [0.25, 0.25], [[0.25, 0.25]] * 2, [0.25 * ONE] * 2])
def test_covariances_of_every_shape(given):
    prior = as_prior(priors.Mixture(means=[[0, 0], [1, 1]], covariances=given), 2)
    np.testing.assert_allclose(prior._modes(2).factors, [0.5 * ONE] * 2)


# ---------------------------------------------------------------- transforms, products


def test_only_categories_have_a_support_transform():
    z = torch.randn(5, 4, generator=make_generator(0))
    assert not any(
        as_prior(name, 2).has_support_transform for name in PRIORS if name != "categorical"
    )
    assert as_prior("gaussian", 4).transform_to_support(z) is z
    np.testing.assert_allclose(
        as_prior("categorical", 4).transform_to_support(z).sum(dim=1), 1, rtol=1e-6
    )
    product = as_prior(priors.Product([("gaussian", 2), ("categorical", 2)]), 4)
    assert product.has_support_transform
    assert torch.equal(product.transform_to_support(z)[:, :2], z[:, :2])
    np.testing.assert_allclose(product.transform_to_support(z)[:, 2:].sum(dim=1), 1, rtol=1e-6)
    plain = as_prior(priors.Product([("gaussian", 2), ("uniform", None)]), 4)
    assert not plain.has_support_transform
    assert plain.transform_to_support(z) is z


def test_a_product_has_the_sum_of_log_densities():
    prior = as_prior(priors.Product([("gaussian", 2), (priors.Uniform(0, 2), None)]), 5)
    z = prior.sample(20, 5, make_generator(0))
    expected = priors.Gaussian().log_prob(z[:, :2]) + priors.Uniform(0, 2).log_prob(z[:, 2:])
    torch.testing.assert_close(prior.log_prob(z), expected)


def test_densities_of_no_rows(case):
    prior, kind, *_ = case
    nothing = torch.zeros(0, 2, dtype=torch.float64)
    if kind != "draws":
        found = prior.log_prob(nothing)
        assert (found.shape, found.dtype) == ((0,), torch.float64)
    else:
        with pytest.raises(ValueError, match="no density"):
            prior.log_prob(nothing)


def test_rows_none_of_which_is_in_the_support():
    prior = priors.TorchPrior(torch.distributions.Exponential(1.0))
    assert prior.log_prob(-torch.ones(3, 2)).tolist() == [-np.inf] * 3


@pytest.mark.parametrize("n_rows", [1, 3, 7])
@pytest.mark.parametrize("alpha", [[2.0, 3.0, 4.0], [0.05, 0.5, 1.0]])
def test_a_dirichlet_distribution_of_scipy_is_that_of_torch(n_rows, alpha):
    prior = as_prior(stats.dirichlet(alpha), 3)
    z = prior.sample(n_rows, 3, make_generator(0)).double()
    z = z.clamp(min=1e-30)
    z = z / z.sum(dim=1, keepdim=True)
    expected = torch.distributions.Dirichlet(torch.tensor(alpha).double()).log_prob(z)
    torch.testing.assert_close(prior.log_prob(z), expected)
    assert torch.isfinite(prior.log_prob(prior.sample(200, 3, make_generator(1)))).all()
    outside = torch.tensor([[0.5, 0.6, 0.1], [1.5, -0.5, 0.0]])
    assert prior.log_prob(outside).tolist() == [-np.inf] * 2
    with pytest.raises(ValueError, match="codes have 2 columns"):
        prior.log_prob(torch.zeros(2, 2))


# --------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "prior, error, message",
    [
        ("petals", ValueError, "'petals' is not known; choose from"),
        (3, TypeError, "prior must be one of"),
        (priors.Gaussian(-1), ValueError, "scale must be positive, got -1"),
        (priors.Gaussian("1"), TypeError, "scale must be a number, got '1'"),
        (priors.Gaussian(np.inf), ValueError, "scale must be positive, got inf"),
        (priors.Uniform(1, 1), ValueError, "low must be below high"),
        (priors.Uniform(None, 1), TypeError, "low must be a number"),
        (priors.Uniform(0, np.inf), ValueError, "high must be finite"),
        (priors.Ball(0), ValueError, "radius must be positive, got 0"),
        (priors.SwissRoll(noise=-0.1), ValueError, "noise must be at least 0, got -0.1"),
        (priors.SwissRoll(turns=True), TypeError, "turns must be a number"),
        (priors.SwissRoll(n_modes=2.5), TypeError, "n_modes must be a whole number, got 2.5"),
        (priors.Categorical([1.0]), ValueError, "weights must be 2 numbers"),
        (priors.Categorical([0.5, 0.6]), ValueError, "add up to 1"),
        (priors.Categorical([1.5, -0.5]), ValueError, "not be negative"),
        (priors.Categorical(["a", "b"]), TypeError, "weights must be an array of numbers"),
        (priors.LearnedMixture(0), ValueError, "n_modes must be at least 1, got 0"),
        (priors.LearnedMixture(min_scale=0), ValueError, "min_scale must be positive"),
        (priors.Mixture(0), ValueError, "n_modes must be at least 1"),
        (priors.Mixture(layout="star"), ValueError, "layout must be .* got 'star'"),
        (priors.Mixture(7, layout="grid"), ValueError, "second power of modes, such as 9; got n_"),
        (priors.Mixture(scale=[1, 2, 3]), ValueError, "scale must be a positive number or a pair"),
        (priors.Mixture(scale=-1), ValueError, "scale must be a positive number or a pair"),
        (priors.Mixture(radius=0), ValueError, "radius must be positive"),
        (priors.Mixture(weights=[1.0]), ValueError, "weights must be 10 numbers"),
        (priors.Mixture(covariances=1), ValueError, "covariances need means"),
        (priors.Mixture(means=[0, 1]), ValueError, r"shape \(n_modes, n_components\), got \(2,\)"),
        (priors.Mixture(means=[[0, 1, 2]]), ValueError, "3 columns, but n_components=2"),
        (priors.Mixture(means=[[0, np.nan]]), ValueError, "means must be finite"),
        (priors.Mixture(3, means=[[0, 1]]), ValueError, "n_modes=3, but there are 1 means"),
        (priors.Mixture(means=[[0, 1]], radius=1), ValueError, "radius belongs to a layout"),
        (priors.Mixture(means=[[0, 1]], covariances=-1), ValueError, "positive definite"),
        (priors.Mixture(means=[[0, 1]], covariances=[1, 2]), ValueError, r"got \(2,\)"),
        (priors.Mixture(means=[[0, 1]], covariances=[[[1, 0], [1, 1]]]), ValueError, "symmetric"),
        (priors.Product([]), TypeError, "parts must be pairs"),
        (priors.Product(["gaussian"]), TypeError, "'gaussian' is no pair"),
        (priors.Product([("gaussian", 0)]), ValueError, "must be positive or None, got 0"),
        (priors.Product([("gaussian", 3)]), ValueError, r"\[3\] components.* n_components=2"),
        (priors.Product([("gaussian", None)] * 2), ValueError, "Only one of them may be None"),
        (priors.Product([("gaussian", 2), ("uniform", None)]), ValueError, "do not add up"),
        (priors.Product([("learned", 2)]), ValueError, "is learned with the model"),
        (priors.Product([("swiss_roll", 1), ("gaussian", 1)]), ValueError, "must be 2, got 1"),
        (priors.Product([("petals", 2)]), ValueError, "'petals' is not known"),
        (lambda n, generator: torch.zeros(n, 5), ValueError, r"shape \(2, 5\), expected"),
        (lambda n, generator: torch.full((n, 2), torch.nan), ValueError, "not finite"),
        (stats.multivariate_normal([0, 0, 0]), ValueError, "expected"),
        (torch.distributions.MultivariateNormal(torch.ones(3), torch.eye(3)), ValueError, "expect"),
    ],
)
def test_bad_priors_are_named(prior, error, message):
    with pytest.raises(error, match=message):
        as_prior(prior, 2)


@pytest.mark.parametrize(
    "offer, message",
    [
        (stats.norm, "norm is not frozen; call it"),
        (stats.gamma, "gamma is not frozen"),
        (stats.multivariate_normal, "multivariate_normal is not frozen"),
        (stats.rv_histogram(np.histogram([0.0, 1.0, 2.0])), "rv_histogram is not frozen"),
        (priors.ScipyPrior(stats.norm), "norm is not frozen"),
        (priors.Product([(stats.norm, 2)]), "norm is not frozen"),
        (priors.ScipyPrior(priors.Gaussian()), "is no distribution"),
        (priors.CallablePrior("gaussian"), "'gaussian' is no function"),
        (stats.gaussian_kde([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0]]), "draws by its resample"),
        (GaussianMixture(2), r"pass its parameters: priors\.Mixture\(means=gmm\.means_"),
        (KernelDensity(), "Wrap what has a sample method"),
        (torch.distributions.Normal, "not the class Normal"),
        (None, "got None"),
        (lambda n: torch.zeros(n, 2), r"\(n_samples, generator\) does not work"),
        (torch.nn.Linear(2, 2), r"\(n_samples, generator\) does not work"),
        (lambda n, generator: None, "returned NoneType, expected an array"),
        (lambda n, generator: torch.zeros(n, 2, dtype=torch.complex64), "complex numbers"),
    ],
)
def test_what_is_no_prior_hears_what_is_one(offer, message):
    with pytest.raises(TypeError, match=message) as caught:
        as_prior(offer, 2)
    assert "a frozen scipy.stats distribution (one with rvs), or a function" in str(caught.value)


def test_what_messages_advise_works():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2))
    kde = stats.gaussian_kde(rows.T)

    def draw(n, generator):
        seed = torch.randint(2**31, (), generator=generator, device=generator.device)
        return kde.resample(n, seed=int(seed)).T

    generator, prior = make_generator(0), as_prior(draw, 2)
    assert not torch.equal(prior.sample(5, 2, generator), prior.sample(5, 2, generator))
    histogram = stats.rv_histogram(np.histogram(rows, bins=20, density=True), density=True)
    prior = as_prior(histogram(), 2)
    assert prior.sample(5, 2, generator).shape == (5, 2)
    assert torch.isfinite(prior.log_prob(torch.zeros(3, 2))).all()


@pytest.mark.parametrize(
    "prior, n_components, message",
    [
        ("swiss_roll", 3, "n_components must be 2, got 3"),
        ("categorical", 1, "number of categories and must be at least 2, got 1"),
        (priors.Mixture(3, layout="petals"), 1, "n_components=1 has room for two petals"),
        (priors.Mixture(layout="grid"), 20, "n_components=20 would have 1048576 modes"),
    ],
)
def test_widths_that_a_prior_does_not_have_are_named(prior, n_components, message):
    with pytest.raises(ValueError, match=message):
        as_prior(prior, n_components)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", [*PRIORS, "fitted"])
def test_draws_and_densities_on_cuda(name):
    prior = learned().cuda() if name == "fitted" else as_prior(name, 2)
    draw = partial(prior.sample, 100, 2)
    draws = draw(make_generator(0, "cuda"))
    assert draws.is_cuda
    torch.testing.assert_close(
        prior.log_prob(draws).cpu(), prior.log_prob(draws.cpu()), rtol=1e-3, atol=1e-3
    )
