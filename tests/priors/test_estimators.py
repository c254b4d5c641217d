"""Every prior in searches, tables of mixed types and scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.model_selection import GridSearchCV

from sklearn_aae import priors
from sklearn_aae.metrics import balanced_score, prior_gap, prior_match_score
from sklearn_aae.posteriors import Channel, Deterministic
from sklearn_aae.priors import PRIORS
from tests.instances import fast

CATEGORY_AND_STYLE = priors.Product([("categorical", 3), ("gaussian", None)])


def test_a_search_over_all_priors(cancer):
    grid = [
        {"prior": [*PRIORS, priors.Ball()], "n_components": [2]},
        {"prior": [CATEGORY_AND_STYLE, "mixture", "learned"], "n_components": [4]},
    ]
    search = GridSearchCV(fast(max_epochs=1), grid, cv=2, scoring=balanced_score)
    scores = search.fit(cancer[0][:200]).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == len(PRIORS) + 4


def line(n_samples, generator):
    """Codes on the diagonal."""
    return torch.rand((n_samples, 1), generator=generator).expand(-1, 2)


def test_a_search_over_functions_and_distributions(cancer):
    given = [line, torch.distributions.Laplace(0.0, 1.0), stats.t(5), stats.uniform(0, 1)]
    search = GridSearchCV(fast(), {"prior": given}, cv=2, scoring=prior_match_score)
    search.fit(cancer[0][:200])
    assert len(set(search.cv_results_["mean_test_score"])) == len(given)
    assert search.best_params_["prior"] in given


@pytest.mark.parametrize(
    "prior, weight",
    [
        ("gaussian", 0.2),
        ("learned", 0.2),
        ("uniform", 0.6),
        (priors.Gaussian(5.0), 0.6),
        (stats.norm(), 0.6),
        ("categorical", 1.0),
        (CATEGORY_AND_STYLE, 1.0),
    ],
)
def test_the_encoder_follows_the_adversary_as_closely_as_the_prior_asks_for(cancer, prior, weight):
    def rate(**parameters):
        net = fast(prior=prior, n_components=4, max_epochs=1, **parameters).fit(cancer[0]).net_
        return net.optimizer_gen_.param_groups[0]["lr"] / net.optimizer_.param_groups[0]["lr"]

    assert rate() == pytest.approx(weight)
    assert rate(output="autoregressive") == pytest.approx(1.0 if weight == 1 else 0.45)


@pytest.mark.parametrize(
    "prior, grid",
    [
        (priors.Mixture(), {"prior__n_modes": [3, 5]}),
        (priors.LearnedMixture(), {"prior__n_modes": [3, 5], "prior__min_scale": [0.1, 0.5]}),
        (priors.SwissRoll(), {"prior__noise": [0.1, 0.5]}),
        (priors.Ball(), {"prior__radius": [1.0, 2.0]}),
        (priors.Categorical(), {"prior__weights": [None, [0.7, 0.3]]}),
        (CATEGORY_AND_STYLE, {"prior__parts": [[("gaussian", 2)], [("uniform", None)]]}),
    ],
)
def test_a_search_over_the_parameters_of_a_prior(cancer, prior, grid):
    search = GridSearchCV(fast(prior=prior), grid, cv=2, n_jobs=1).fit(cancer[0])
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize("name", PRIORS)
def test_everything_that_a_model_does(cancer, name):
    X = cancer[0]
    model = fast(prior=name).fit(X)
    assert repr(model.prior_).startswith(type(model.prior_).__name__)
    codes = model.transform(X)
    np.testing.assert_allclose(model.reconstruct(X), model.inverse_transform(codes), rtol=1e-9)
    error = ((X - model.reconstruct(X)) / X.std(axis=0)) ** 2
    np.testing.assert_allclose(model.score_samples(X), -error.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(model.sample(7), model.sample(7))
    np.testing.assert_allclose(model.transform(X.astype(np.float32)), codes, atol=1e-4)


@pytest.mark.parametrize("prior", ["categorical", CATEGORY_AND_STYLE])
def test_early_stopping_with_codes_on_the_simplex(cancer, prior):
    model = fast(n_components=5, prior=prior, early_stopping=True, max_epochs=10).fit(cancer[0])
    assert np.isfinite(model.history_["validation_figure"]).all()
    assert (model.transform(cancer[0])[:, :3] >= 0).all()


def mixed(n=120):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, n)
    columns = {"kind": np.array(["a", "b", "c"])[kind], "size": rng.normal(kind, 0.3)}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("name", [*PRIORS, "product"])
def test_tables_of_mixed_types(name):
    X = mixed()
    prior = CATEGORY_AND_STYLE if name == "product" else name
    model = fast(n_components=4 if name == "product" else 2, prior=prior).fit(X)
    suits = name in ("gaussian", "learned")
    assert type(model.net_.module_.posterior) is (Channel if suits else Deterministic)
    drawn = model.sample(10)
    assert list(drawn.columns) == ["kind", "size"]
    assert set(drawn["kind"]) <= {"a", "b", "c"}
    gaps = X.head(8).copy()
    gaps.loc[:3, "size"] = np.nan
    assert model.fit(pd.concat([X, gaps])).impute(gaps).notna().all(axis=None)
    assert len(model.score_samples(X)) == len(X)


def test_what_does_not_go_with_mixed_types_is_named():
    with pytest.raises(ValueError, match="posterior='universal' reads noise beside columns of"):
        fast(posterior="universal").fit(mixed())
    with pytest.raises(ValueError, match="prior=Categorical"):
        fast(posterior="channel", prior="categorical").fit(mixed())


def test_a_prior_of_ones_own_may_have_a_support_and_learn(cancer):
    class Sphere(priors.Prior):
        """The uniform distribution on the unit circle, and a count of its updates."""

        n_updates = 0

        def sample(self, n_samples, n_components, generator):
            return self.transform_to_support(
                torch.randn(n_samples, n_components, generator=generator)
            )

        def transform_to_support(self, z):
            return z / z.norm(dim=1, keepdim=True)

        def update(self, codes, generator, *, last=False):
            self.n_updates += 1
            assert codes.dtype == torch.float64
            np.testing.assert_allclose(codes.norm(dim=1), 1, rtol=1e-5)

    model = fast(prior=Sphere(), max_epochs=3).fit(cancer[0])
    np.testing.assert_allclose(np.linalg.norm(model.transform(cancer[0]), axis=1), 1)
    assert model.prior_.n_updates == 3  # before the second and third epoch, and at the end
    assert model.prior.n_updates == 0


@pytest.mark.parametrize("subclass", [False, True])
def test_a_prior_that_a_network_draws_is_not_trained(cancer, subclass):
    layer = torch.nn.Linear(2, 2)

    def flow(n_samples, generator):
        return layer(torch.randn((n_samples, 2), generator=generator))

    class Flow(priors.Prior):
        def sample(self, n_samples, n_components, generator):
            return flow(n_samples, generator)

    before = layer.weight.detach().clone()
    model = fast(prior=Flow() if subclass else flow, n_components=2, max_epochs=1).fit(cancer[0])
    assert layer.weight.grad is None
    assert torch.equal(layer.weight, before)
    assert np.isfinite(model.sample(3)).all()
    assert np.isfinite(prior_gap(model, cancer[0]))
