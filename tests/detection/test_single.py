"""A fitted model in the place of the ensemble: its codes, its prior, its modes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from sklearn_aae import priors
from sklearn_aae.detection._single import SingleMember
from sklearn_aae.detection.scores import SCORES
from tests.instances import fast, fast_detector


def table(n_samples=150, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, 3)) @ rng.normal(size=(3, 5))


def square(n_samples, generator):
    return torch.rand((n_samples, 2), generator=generator)


MIXTURE = priors.Mixture(means=[[-2.0, 0.0], [2.0, 1.0], [0.0, 3.0]], covariances=0.05)

MODELS = {
    "gaussian": {"n_components": 2},
    "mixture": {"n_components": 2, "prior": MIXTURE},
    "petals": {"n_components": 2, "prior": priors.Mixture()},
    "learned": {"n_components": 2, "prior": priors.LearnedMixture(3)},
    "categorical": {"n_components": 3, "prior": priors.Categorical()},
    "swiss roll": {"n_components": 2, "prior": priors.SwissRoll()},
    "draws only": {"n_components": 2, "prior": square},
    "uniform": {"n_components": 2, "prior": "uniform"},
    "universal": {"n_components": 2, "posterior": "universal"},
    "channel": {"n_components": 2, "posterior": "channel"},
}
WITHOUT_DENSITY = {"categorical", "draws only"}


@pytest.fixture(scope="module", params=MODELS)
def named(request):
    return request.param, fast(**MODELS[request.param]).fit(table())


def member(model):
    return SingleMember(model.net_.module_).to_score()


def scaled(model, X):
    return torch.from_numpy(model._reader.scale.transform(X).astype(np.float64)).unsqueeze(0)


@torch.no_grad()
def test_codes_are_the_models_own(named):
    """Squashed by the prior, averaged over the posterior's noise: whatever transform does."""
    _, model = named
    codes = member(model).encode(scaled(model, table()))
    np.testing.assert_allclose(codes[0], model.transform(table()), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_expected_rows_are_the_models_reconstructions(named):
    _, model = named
    networks, X = member(model), table()
    expected = networks.decode(networks.encode(scaled(model, X))).mean()[0].numpy()
    expected = model._reader.scale.inverse_transform(expected.astype(np.float32), np.float64)
    np.testing.assert_allclose(expected, model.reconstruct(X), rtol=1e-3, atol=1e-3)


def test_every_kind_that_the_prior_allows_works(named):
    name, model = named
    detector = fast_detector(estimator=FrozenEstimator(model)).fit(table())
    kinds = set(SCORES) - {"autoregressive", "rules"}
    if name in WITHOUT_DENSITY:
        kinds.remove("latent")
        with pytest.raises(ValueError, match=r"density .* has not; choose from .*'gpnd'"):
            detector.score_samples(table(), kind="latent")
        with pytest.raises(ValueError, match=r"which .* has not"):
            fast_detector(kind="latent", estimator=FrozenEstimator(model)).fit(table())
    for kind in kinds:
        scores = detector.score_samples(table(), kind=kind)
        assert np.isfinite(scores).all()
        # The uniform prior has two densities.
        assert len(np.unique(scores)) > (1 if (name, kind) == ("uniform", "latent") else 100)


@torch.no_grad()
@pytest.mark.parametrize(
    "model, centres, tolerance",
    [
        ("gaussian", [[0.0, 0.0]], 0.02),
        ("mixture", MIXTURE.means, 0.02),
        ("categorical", np.eye(3), 0.0),
        ("draws only", [[0.5, 0.5]], 0.02),
    ],
)
def test_distances_are_to_the_centre_of_the_nearest_mode(model, centres, tolerance):
    model = fast(**MODELS[model]).fit(table())
    networks = member(model)
    np.testing.assert_allclose(networks.mode_centres, centres, atol=tolerance)
    z = 2 * torch.randn(
        (1, 40, len(centres[0])), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    gaps = np.linalg.norm(z[0, :, None].numpy() - np.asarray(centres), axis=2)
    np.testing.assert_allclose(networks.mode_distances(z)[0], gaps.min(axis=1), atol=tolerance)


def test_mode_divergence_is_low_at_modes_and_high_between():
    """The same reconstruction error, another code: only the distance to a mode counts."""
    model = fast(n_components=2, prior=MIXTURE, max_epochs=150).fit(table())
    detector = fast_detector(kind="mode_divergence", estimator=FrozenEstimator(model)).fit(table())
    at_modes = model.inverse_transform(np.asarray(MIXTURE.means))
    between = model.inverse_transform([[0.0, 0.7], [0.0, 1.0], [-0.3, 0.9]])
    assert detector.score_samples(at_modes).min() > detector.score_samples(between).max()
