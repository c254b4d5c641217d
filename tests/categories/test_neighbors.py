"""The graph of neighbours, its clusters, and labels that spread along it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_circles
from sklearn.metrics import adjusted_rand_score

from sklearn_aae.categories import _neighbors
from sklearn_aae.categories._neighbors import nearest_rows, spectral_clusters, spread_labels


def test_nearest_rows():
    X = np.array([[0.0], [1.0], [3.0], [7.0]], dtype=np.float32)
    rng = np.random.default_rng(0)
    neighbors = nearest_rows(X, 2, rng)
    assert [sorted(row) for row in neighbors.tolist()] == [[1, 2], [0, 2], [0, 1], [1, 2]]
    # A row is not its own neighbour, however many copies it has.
    copies = nearest_rows(np.zeros((5, 2), dtype=np.float32), 3, rng)
    assert copies.shape == (5, 3)
    assert not (copies == np.arange(5)[:, None]).any()
    assert nearest_rows(X[:1], 2, rng).tolist() == [[0]]


@pytest.mark.parametrize("pairs, n_candidates", [(300, 200), (40, 40), (5, 20)])
def test_nearest_rows_of_a_large_table_are_among_some(monkeypatch, pairs, n_candidates):
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    monkeypatch.setattr(_neighbors, "MOST_PAIRS", 200 * pairs)
    monkeypatch.setattr(_neighbors, "FEWEST_CANDIDATES", 20)
    neighbors = nearest_rows(X, 3, np.random.default_rng(1))
    some = np.unique(neighbors)
    assert 0.9 * n_candidates < len(some) <= n_candidates
    for row in range(200):
        others = some[some != row]
        distances = np.linalg.norm(X[others] - X[row], axis=1)
        assert set(neighbors[row]) == set(others[np.argsort(distances)[:3]])


def test_spectral_clusters_follow_the_graph():
    X, y = make_circles(400, factor=0.4, noise=0.03, random_state=0)
    rng = np.random.default_rng(0)
    found = spectral_clusters(nearest_rows(X.astype(np.float32), 10, rng), 2, rng)
    assert found.dtype == np.int64
    assert adjusted_rand_score(y, found) == 1
    assert adjusted_rand_score(y, KMeans(2, n_init=5, random_state=0).fit_predict(X)) < 0.1


def test_spectral_clusters_of_a_graph_in_one_part():
    # Balls that touch: among 20 neighbours some are of another ball.
    X, y = make_blobs(600, centers=[[0, 0], [4, 0], [0, 4]], random_state=0)
    neighbors = nearest_rows(X.astype(np.float32), 20, np.random.default_rng(0))
    assert (y[neighbors] != y[:, None]).any()
    once, again, other = (
        spectral_clusters(neighbors, 3, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert adjusted_rand_score(y, once) > 0.9
    np.testing.assert_array_equal(once, again)
    assert adjusted_rand_score(once, other) > 0.95


def test_k_means_reads_unit_rows_of_the_first_eigenvectors(monkeypatch):
    read = []

    class Recorder(KMeans):
        def fit_predict(self, X, y=None, sample_weight=None):
            read.append(X)
            return super().fit_predict(X)

    monkeypatch.setattr(_neighbors, "KMeans", Recorder)
    X = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)
    neighbors = nearest_rows(X, 8, np.random.default_rng(0))
    spectral_clusters(neighbors, 3, np.random.default_rng(0))
    graph = np.zeros((80, 80))
    np.put_along_axis(graph, neighbors, 1.0, axis=1)
    graph += graph.T
    root = np.sqrt(graph.sum(axis=1))
    vectors = np.linalg.eigh(graph / np.outer(root, root))[1][:, -3:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # Angles between rows, which do not depend on signs.
    np.testing.assert_allclose(read[0] @ read[0].T, vectors @ vectors.T, atol=1e-2)


@pytest.mark.parametrize("n_clusters", [2, 5, 7])
def test_spectral_clusters_of_odd_graphs(n_clusters):
    # No two rows are linked to a third part; and all are copies of a few.
    rng = np.random.default_rng(0)
    pairs = np.arange(14) ^ 1
    found = spectral_clusters(pairs[:, None], n_clusters, rng)
    np.testing.assert_array_equal(found, found[pairs])
    copies = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    found = spectral_clusters(nearest_rows(copies, 4, rng), n_clusters, rng)
    assert found.shape == (60,)
    assert set(found) <= set(range(n_clusters))


def test_as_many_clusters_as_rows():
    rng = np.random.default_rng(0)
    neighbors = nearest_rows(np.arange(5, dtype=np.float32)[:, None], 1, rng)
    assert set(spectral_clusters(neighbors, 5, rng)) <= set(range(5))


def test_labels_spread_along_the_graph():
    # A path of nine rows, with labels at its ends, and three rows apart from it.
    neighbors = np.array([1, 2, 3, 4, 5, 6, 7, 8, 7, 10, 9, 10])[:, None]
    labels = np.full(12, -1)
    labels[[0, 8]] = 4, 2
    found = spread_labels(neighbors, labels)
    assert found.dtype == np.int64
    assert found[:3].tolist() == [4] * 3
    assert found[6:9].tolist() == [2] * 3
    assert found[9:].tolist() == [-1] * 3  # no label reaches them
    # A label among others of its neighbours stays what it is.
    labels[1] = 2
    assert spread_labels(neighbors, labels)[[0, 1]].tolist() == [4, 2]
    np.testing.assert_array_equal(spread_labels(neighbors, np.full(12, -1)), [-1] * 12)


def test_a_label_goes_far():
    # Two rings of 200 rows with a label each, which has a hundred rows to go.
    X, y = make_circles(400, factor=0.4, noise=0.03, random_state=0)
    neighbors = nearest_rows(X.astype(np.float32), 10, np.random.default_rng(0))
    labels = np.full(400, -1)
    labels[[np.flatnonzero(y == 0)[0], np.flatnonzero(y == 1)[0]]] = 0, 1
    assert (spread_labels(neighbors, labels) == y).mean() > 0.99
