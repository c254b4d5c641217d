"""Networks that start at principal components, and where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_aae.autoencoder._parameters import ComponentsDefaults
from sklearn_aae.exceptions import ConstantTableWarning, NonFiniteLossError
from sklearn_aae.networks import SkipMLP, principal_components, some_rows
from sklearn_aae.networks import _components as components_module
from sklearn_aae.networks._start import prior_moments
from sklearn_aae.outputs import Gaussian
from sklearn_aae.posteriors import Channel
from sklearn_aae.priors import Mixture, Product, Uniform, find_prior
from tests.instances import fast, fast_classifier, fast_clusterer


def untrained(n_components=3, **parameters):
    """Return a model that is fitted at a rate at which nothing moves."""
    settings = {"init": "pca", "max_epochs": 1, "lr": 1e-12, **parameters}
    return fast(n_components=n_components, **settings)


def starts_linear(model):
    module = model.net_.module_
    kinds = {type(part) is SkipMLP for part in (module.encoder, module.decoder)}
    assert len(kinds) == 1
    return kinds.pop()


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal", "channel"])
@pytest.mark.parametrize("variance", ["unit", "learned"])
def test_a_model_starts_as_whitened_principal_components(cancer, posterior, variance):
    X = cancer[0]
    scaler = StandardScaler().fit(X)
    pca = PCA(3, whiten=True).fit(scaler.transform(X))
    model = untrained(posterior=posterior, output=Gaussian(variance=variance)).fit(X)
    Z = model.transform(X)
    codes = pca.transform(scaler.transform(X))
    expected = codes * np.sqrt(len(X) / (len(X) - 1))
    np.testing.assert_allclose(np.abs(Z), np.abs(expected), atol=2e-4)
    rows = scaler.transform(model.reconstruct(X))
    np.testing.assert_allclose(rows, pca.inverse_transform(codes), atol=2e-4)


def test_draws_of_a_gaussian_posterior_start_close_to_its_mean(cancer):
    module = untrained(posterior="gaussian").fit(cancer[0]).net_.module_
    h = module.encoder(torch.zeros(5, 30))
    torch.testing.assert_close(h[:, 3:], torch.full((5, 3), -4.0))


def test_noise_of_the_universal_posterior_is_not_read_at_the_start(cancer):
    module = untrained(posterior="universal").fit(cancer[0]).net_.module_
    assert module.encoder.path.shape == (3, 33)
    assert module.encoder.path[:, :30].abs().min() > 1e-6
    assert module.encoder.path[:, 30:].abs().max() < 1e-9


@pytest.mark.parametrize(
    "prior, mean, spread",
    [
        (Uniform(0, 4), 2.0, 4 / np.sqrt(12)),
        (Mixture(means=[[-3, -3, -3], [5, 5, 5]], covariances=1.0), 1.0, np.sqrt(17)),
        ("learned", 0.0, 1.0),
        ("gaussian", 0.0, 1.0),
    ],
)
def test_codes_start_at_the_priors_mean_and_spread(cancer, prior, mean, spread):
    X = cancer[0]
    model = untrained(prior=prior).fit(X)
    Z = model.transform(X)
    np.testing.assert_allclose(Z.mean(axis=0), mean, atol=0.1)
    np.testing.assert_allclose(Z.std(axis=0), spread, rtol=0.03)
    plain = untrained().fit(X).reconstruct(X)
    np.testing.assert_allclose(model.reconstruct(X), plain, rtol=1e-3, atol=1e-2)


def test_a_channel_starts_as_components_whatever_the_prior(cancer):
    X = cancer[0]
    model = untrained(posterior=Channel(noise=0.3), prior=Uniform(0, 4)).fit(X)
    np.testing.assert_allclose(model.transform(X).std(axis=0), 1, rtol=1e-3)
    expected = untrained().fit(X).reconstruct(X)
    np.testing.assert_allclose(model.reconstruct(X), expected, rtol=1e-3, atol=1e-2)


def test_a_decoder_does_not_read_labels_at_the_start(cancer):
    X, y = cancer
    model = untrained(supervision="decoder").fit(X, y)
    path = model.decoder_.path
    assert path.shape == (30, 6)
    assert path[:, :3].abs().max() > 0.1
    assert path[:, 3:].abs().max() < 1e-9
    np.testing.assert_allclose(model.reconstruct(X, y=0), model.reconstruct(X, y=1), rtol=1e-6)


def test_what_is_linear_stays_as_it_began(cancer):
    X = cancer[0]
    # Codes keep their order under a prior that tells them apart.
    model = fast(n_components=3, prior="mixture", lr=1e-2).fit(X).partial_fit(X[:50])
    start = untrained(prior="mixture").fit(X).net_.module_
    for part in ("encoder", "decoder"):
        trained, began = getattr(model.net_.module_, part), getattr(start, part)
        assert (trained.last.weight - began.last.weight).abs().max() > 1e-3
        torch.testing.assert_close(trained.path, began.path, rtol=0, atol=0)


@pytest.mark.parametrize(
    "n_components, parameters, weight",
    [
        (1, {}, 0.1),
        (2, {}, 0.02**0.5),
        (16, {}, 0.3),
        (4, {"init": "random"}, 0.3),
        (4, {"adversarial_weight": 0.5}, 0.5),
    ],
)
def test_few_codes_that_start_near_a_normal_prior_are_drawn_to_it_by_less(
    cancer, n_components, parameters, weight
):
    model = fast(n_components=n_components, init="pca", max_epochs=1, lr=1e-2)
    net = model.set_params(**parameters).fit(cancer[0][:100]).net_
    assert net.optimizer_gen_.param_groups[0]["lr"] == pytest.approx(weight * 1e-2)


@pytest.mark.parametrize("k, n_rows, epochs", [(2, 40, 27), (8, 40, 14), (8, 900, 40), (2, 1e6, 7)])
def test_a_model_that_starts_as_components_trains_for_a_third_of_the_epochs(k, n_rows, epochs):
    assert ComponentsDefaults(k).max_epochs(n_rows) == epochs


RANDOM = {
    "a prior that squashes": {"prior": "categorical"},
    "a product with one": {"prior": Product([("categorical", 2), ("gaussian", 1)])},
    "an encoder of one's own": {"encoder": torch.nn.Linear},
    "a decoder of one's own": {"decoder": torch.nn.Linear},
    "output bernoulli": {"output": "bernoulli"},
    "output independent": {"output": "independent"},
}


@pytest.mark.parametrize("parameters", RANDOM.values(), ids=RANDOM)
def test_where_components_make_no_sense_the_start_is_random(cancer, parameters):
    X = cancer[0] / cancer[0].max(axis=0)
    model = fast(n_components=3, init="pca", max_epochs=1, **parameters).fit(X)
    other = fast(n_components=3, init="random", max_epochs=1, **parameters).fit(X)
    assert not starts_linear(model)
    weights, expected = model.net_.module_.state_dict(), other.net_.module_.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_random_starts_have_no_linear_path(cancer):
    assert not starts_linear(fast(init="random").fit(cancer[0]))
    assert starts_linear(fast(init="pca").fit(cancer[0]))


@pytest.mark.parametrize("make", [fast_classifier, fast_clusterer])
def test_classifier_and_clusterer_start_at_random(cancer, make):
    X, y = cancer
    model = make(estimator=fast(init="pca"), max_epochs=1).fit(X[:100], y[:100])
    assert not starts_linear(model.estimator_)


def test_more_components_than_the_rows_determine(cancer):
    few = cancer[0][:, :2]
    X = np.column_stack([few, few.sum(axis=1), np.ones(len(few))])
    model = untrained(6).fit(X)
    np.testing.assert_allclose(model.reconstruct(X), X, rtol=1e-4)
    Z = model.transform(X)
    assert np.isfinite(Z).all()
    assert (Z.std(axis=0) > 0.1).all()
    assert model.decoder_.path[:, 2:].abs().max() < 1e-9
    # Codes along random directions are on the prior's scale in any unit of the rows.
    large = untrained(6, scaling=None).fit(100 * X).transform(100 * X)
    assert (large.std(axis=0) < 10).all()
    trained = fast(n_components=6, init="pca").fit(X)
    assert np.isfinite(trained.transform(X)).all()


def test_a_prior_without_a_variance_has_a_finite_spread():
    prior = find_prior(torch.distributions.Cauchy(2.0, 1.0))
    mean, spread = prior_moments(prior, 3, torch.Generator().manual_seed(0))
    # That of draws within the 0.5 % and 99.5 % quantiles, 63.7 on either side.
    np.testing.assert_allclose(mean, 2, atol=1)
    np.testing.assert_allclose(spread, 9, atol=2)


def test_a_table_of_constant_columns():
    X = np.full((20, 3), 7.0)
    with pytest.warns(ConstantTableWarning):
        model = fast(init="pca").fit(X)
    assert np.isfinite(model.transform(X)).all()
    np.testing.assert_array_equal(model.reconstruct(X), X)
    # Codes of other rows are on the scale of the rows, not of what rounding leaves of none.
    assert np.abs(model.transform(X + 1)).max() < 10


@pytest.mark.parametrize("scaling", [None, "standard"])
def test_numbers_beyond_the_networks_get_the_message_of_training(cancer, scaling):
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError, match="extreme values"):
        fast(init="pca", scaling=scaling).fit(cancer[0] * 1e200)


def test_layers_beside_the_linear_path_are_sliced_like_others(cancer):
    decoder = untrained().fit(cancer[0]).decoder_
    hidden = decoder[:-1]
    assert [type(layer) for layer in hidden] == [type(layer) for layer in decoder][:-1]
    assert hidden[0] is decoder[0]
    assert decoder[-1] is decoder.last


def test_a_first_call_of_partial_fit_with_few_rows_leaves_no_component_out(cancer):
    X = cancer[0]
    model = untrained(4).partial_fit(X[:3])
    assert starts_linear(model)
    Z = model.transform(X)
    assert (Z.std(axis=0) > 0.05).all()
    assert np.linalg.matrix_rank(Z - Z.mean(axis=0), tol=1e-2) == 4


def test_components_do_not_depend_on_the_number_of_threads():
    rows = np.random.default_rng(0).normal(size=(3000, 150)) @ np.diag(np.linspace(1, 3, 150))
    before = torch.get_num_threads()
    found = []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        found.append(principal_components(rows, 5, seed=0))
    torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("most", [1000, 10])
def test_components_are_those_of_an_exact_decomposition(cancer, most, monkeypatch):
    monkeypatch.setattr(components_module, "MAX_COLUMNS", most)
    X = StandardScaler().fit_transform(cancer[0])
    found = principal_components(X, 4, seed=0)
    pca = PCA(4).fit(X)
    np.testing.assert_allclose(np.abs(found.vectors), np.abs(pca.components_.T), atol=1e-3)
    spread = np.sqrt(pca.explained_variance_ * (len(X) - 1) / len(X))
    np.testing.assert_allclose(found.spread, spread, rtol=1e-4)
    largest = np.abs(found.vectors).argmax(axis=0)
    assert (found.vectors[largest, range(4)] > 0).all()


def test_what_is_left_of_rounding_is_no_component():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 6))
    assert principal_components(rows.astype(np.float32), 5, seed=0).spread.shape == (2,)


@pytest.mark.parametrize("posterior", ["deterministic", "channel"])
@pytest.mark.parametrize("prior", ["gaussian", "uniform"])
def test_explained_ratio_starts_as_that_of_principal_components(cancer, posterior, prior):
    X = cancer[0][:200]
    model = untrained(4, posterior=posterior, prior=prior).fit(X)
    expected = PCA(4).fit(StandardScaler().fit_transform(X)).explained_variance_ratio_.cumsum()
    np.testing.assert_allclose(model.explained_ratio_, expected, atol=2e-3)


def test_explained_ratio_of_all_codes_is_that_of_reconstructed_rows(cancer):
    X, y = cancer[0][:200], cancer[1][:200]
    scaled = StandardScaler().fit_transform(X)
    for model in (fast(init="random"), fast(supervision="decoder")):
        model.fit(X, y)
        labels = y if model.supervision else None
        back = StandardScaler().fit(X).transform(model.reconstruct(X, y=labels))
        expected = 1 - np.square(scaled - back).sum() / np.square(scaled).sum()
        assert model.explained_ratio_.shape == (2,)
        assert model.explained_ratio_[-1] == pytest.approx(expected, abs=1e-4)
    with pytest.warns(ConstantTableWarning):
        model = fast().fit(np.full((20, 3), 7.0))
    assert model.explained_ratio_.tolist() == [0, 0]


def test_outputs_over_categories_explain_no_variance(cancer):
    model = fast(output="independent", max_epochs=1).fit(cancer[0][:60])
    with pytest.raises(AttributeError, match="outputs over categories have no variance"):
        model.explained_ratio_  # noqa: B018


@pytest.mark.parametrize(
    "n_rows, n_features, count", [(50, 3, 50), (10**6, 30, 10_000), (10**6, 8192, 1024)]
)
def test_components_are_learned_from_a_bounded_number_of_rows(n_rows, n_features, count):
    rows = some_rows(n_rows, n_features)
    assert len(rows) == len(set(rows)) == count
    assert (rows[0], rows[-1]) == (0, n_rows - 1)


@pytest.mark.parametrize("n_columns", [5, 1100])
def test_components_are_those_of_rows_away_from_zero(n_columns):
    rng = np.random.default_rng(0)
    spread = np.concatenate([[9.0, 6.0, 4.0], np.full(n_columns - 3, 0.1)])
    rows = rng.normal(size=(300, n_columns)) * spread + 50
    found = principal_components(rows, 3, 0)
    expected = PCA(3).fit(rows)
    np.testing.assert_allclose(found.mean, expected.mean_)
    np.testing.assert_allclose(np.abs(expected.components_ @ found.vectors), np.eye(3), atol=1e-3)
    np.testing.assert_allclose(found.spread, expected.singular_values_ / np.sqrt(300), rtol=1e-3)
