"""The clusterer: labels, prototypes and embedding of clusters."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs, make_circles
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAEClusterer
from tests.beginning import Beginning
from tests.instances import fast_clusterer
from tests.mixed_tables import animals


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(150, centers=3, n_features=4, random_state=2)


@pytest.fixture(scope="module")
def fitted(blobs):
    return fast_clusterer().fit(blobs[0])


def test_finds_what_is_far_apart(blobs, fitted):
    X, y = blobs
    assert adjusted_rand_score(y, fitted.labels_) > 0.95
    np.testing.assert_array_equal(fitted.labels_, fitted.predict(X))
    np.testing.assert_array_equal(fast_clusterer().fit_predict(X), fitted.labels_)


def test_new_rows(blobs, fitted):
    X, _ = blobs
    more = X + np.random.default_rng(0).normal(scale=0.01, size=X.shape)
    assert (fitted.predict(more) == fitted.labels_).mean() > 0.98
    probabilities = fitted.predict_proba(more)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_prototypes_are_rows_of_their_clusters(blobs, fitted):
    X, _ = blobs
    prototypes = fitted.cluster_prototypes_
    assert prototypes.shape == (3, 4)
    assert prototypes.dtype == X.dtype
    assert fitted.predict(prototypes).tolist() == [0, 1, 2]


def test_prototypes_come_as_the_table_came():
    frame = animals(200)
    model = fast_clusterer(max_epochs=10, lr="auto").fit(frame)
    assert list(model.cluster_prototypes_) == list(frame)
    assert model.cluster_prototypes_.dtypes.equals(frame.dtypes)


def test_clusters_without_rows_come_last(blobs):
    X, _ = blobs
    # No agreement of neighbours, one step: some clusters have no row.
    model = fast_clusterer(12, consistency_weight=0, max_epochs=1).fit(X)
    used = np.unique(model.labels_)
    assert len(used) < 12
    np.testing.assert_array_equal(used, np.arange(len(used)))
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert model.predict_proba(X).shape == (150, 12)
    assert model.cluster_prototypes_.shape == (12, 4)


def test_one_cluster(blobs):
    X, _ = blobs
    model = fast_clusterer(1, head_distance=2.0).fit(X)
    assert set(model.labels_) == {0}
    assert model.cluster_prototypes_.shape == (1, 4)
    assert model.transform(X).shape == (150, 2)
    assert model.cluster_embedding_ is None


def test_more_clusters_than_rows(blobs):
    with pytest.raises(ValueError, match=r"n_samples=5 should be >= n_clusters=6"):
        fast_clusterer(6).fit(blobs[0][:5])


def test_embeddings_of_clusters(blobs):
    X, _ = blobs
    model = fast_clusterer(head_distance=3.0, max_epochs=40).fit(X)
    embedding = model.cluster_embedding_
    assert embedding.shape == (3, 2)
    gaps = np.linalg.norm(embedding[:, None] - embedding, axis=2)[np.triu_indices(3, 1)]
    assert gaps.min() > 2.5
    # Rows lie around the embedding of their cluster.
    where = model.transform(X)
    nearest = np.linalg.norm(where[:, None] - embedding, axis=2).argmin(axis=1)
    assert (nearest == model.labels_).mean() > 0.9
    # The decoder reads just that.
    codes = model.estimator_.transform(X)
    rows = model.estimator_.inverse_transform(codes)
    np.testing.assert_allclose(rows, model.estimator_.reconstruct(X), rtol=1e-5)
    assert fast_clusterer().fit(X).cluster_embedding_ is None


def test_transform_follows_the_order_of_clusters(blobs, fitted):
    X, _ = blobs
    codes = fitted.transform(X)
    np.testing.assert_array_equal(codes[:, :3], fitted.predict_proba(X))
    assert codes.shape == (150, 5)


def test_survives_pickling(blobs, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(blobs[0]), fitted.labels_)


# ----------------------------------------------------------------------- to begin with


@pytest.mark.parametrize("consistency", ["both", "neighbors", "adversarial"])
def test_clusters_of_the_graph_are_taught_first(blobs, consistency):
    X, y = blobs
    model = fast_clusterer(init="spectral", consistency=consistency, max_epochs=10)
    model.set_params(callbacks=[Beginning()]).fit(X)
    assert adjusted_rand_score(y, Beginning.pseudo_labels) > 0.95
    assert Beginning.n_epochs == 4
    assert (Beginning.neighbors is None) == (consistency == "adversarial")
    assert Beginning.directions == (consistency != "neighbors")
    model.set_params(init="random").fit(X)
    assert Beginning.pseudo_labels is None
    assert (Beginning.neighbors is None) == (consistency == "adversarial")


def test_clusters_of_the_graph_are_learned():
    # Two rings, where neither the discriminator nor equal sizes say what belongs together.
    X, y = make_circles(300, factor=0.4, noise=0.03, random_state=0)
    settings = {"consistency_weight": 0, "hidden_layer_sizes": (64,), "max_epochs": 60}
    model = fast_clusterer(2, **settings).fit(X)
    assert adjusted_rand_score(y, model.labels_) < 0.5
    model.set_params(init="spectral").fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.9


def test_sizes_count_less_where_clusters_are_taught():
    centers = [[0, 0], [5, 0], [0, 5]]
    X, y = make_blobs([240, 40, 20], centers=centers, cluster_std=0.6, random_state=0)
    model = fast_clusterer(hidden_layer_sizes=(32,), max_epochs=40).fit(X)
    assert adjusted_rand_score(y, model.labels_) < 0.6  # sizes are made equal
    model.set_params(init="spectral").fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.95


def test_beginning_is_checked(blobs):
    with pytest.raises(ValueError, match=r"'init' parameter .* 'k-means' instead"):
        fast_clusterer(init="k-means").fit(blobs[0])


# ----------------------------------------------------------------------------- quality


def digits_scores(X, y, seeds):
    """Return adjusted Rand indices: ours, k-means', the mixture's."""
    return np.mean(
        [
            [
                adjusted_rand_score(y, model.fit_predict(X))
                for model in (
                    AAEClusterer(10, random_state=seed),
                    KMeans(10, n_init=10, random_state=seed),
                    GaussianMixture(10, random_state=seed),
                )
            ]
            for seed in seeds
        ],
        axis=0,
    )


@pytest.mark.slow
def test_clusters_of_digits(all_digits):
    ours, means, mixture = digits_scores(*all_digits, [1])
    assert ours > means
    assert ours > mixture


@pytest.mark.slow
def test_clusters_of_digits_over_seeds(all_digits):
    ours, means, mixture = digits_scores(*all_digits, range(5))
    assert ours > means + 0.03
    assert ours > mixture + 0.03


@pytest.mark.slow
def test_clusters_of_iris():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    ours = np.mean(
        [adjusted_rand_score(y, AAEClusterer(3, random_state=s).fit(X).labels_) for s in range(3)]
    )
    means = adjusted_rand_score(y, KMeans(3, n_init=10, random_state=0).fit_predict(X))
    assert ours > means - 0.05


def test_log_probabilities(blobs, fitted):
    proba = fitted.predict_proba(blobs[0])
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(blobs[0])), proba)


@pytest.mark.parametrize("head_distance", [None, 3.0])
def test_prototypes_are_of_their_clusters_where_the_style_could_tell_all(head_distance):
    X, y = make_blobs(200, centers=3, n_features=2, random_state=1)
    model = fast_clusterer(head_distance=head_distance, max_epochs=30).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.8
    assert model.predict(model.cluster_prototypes_).tolist() == [0, 1, 2]
    for k, prototype in enumerate(model.cluster_prototypes_):
        own = X[model.labels_ == k]
        assert (np.abs(prototype - own.mean(axis=0)) < 3 * own.std(axis=0)).all()


def test_true_is_one_cluster():
    """True is a whole number to scikit-learn, but no size to numpy."""
    assert set(fast_clusterer(True, max_epochs=1).fit_predict(np.eye(6, 2))) == {0}
