"""The graph of rows and their neighbours."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import spectral_embedding
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading

from sklearn_aae._utils._threads import quiet_pools

#: Pairs of rows that are looked at: all of up to 65,536 rows.  Rows of larger tables seek
#: among fewer, but never fewer than this.
MOST_PAIRS, FEWEST_CANDIDATES = 2**32, 16_384
ROWS_AT_ONCE = 2048
#: Eigenvectors are needed for what k-means makes of them, not to the last digit.
TOLERANCE = 1e-4
#: What a row takes over from its neighbours (a few labels have far to go), and how often.
SPREAD, MOST_ROUNDS = 0.99, 500


def nearest_rows(features: np.ndarray, n_neighbors: int, rng: np.random.Generator) -> np.ndarray:
    """Return the nearest other rows of each row; in large tables, among some drawn at random.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features), float32
        Rows where Euclidean distances mean something.
    n_neighbors : int
        Neighbours of a row; fewer if there are fewer other rows.
    rng : numpy.random.Generator
        Draws the rows to choose from.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors), int64
        Row numbers.
    """
    n = len(features)
    if n == 1:
        return np.zeros((1, 1), dtype=np.int64)
    candidates = np.arange(n)
    n_candidates = max(MOST_PAIRS // n, FEWEST_CANDIDATES)
    if n > n_candidates:
        candidates = np.sort(rng.choice(n, n_candidates, replace=False))
    k = min(n_neighbors, len(candidates) - 1)
    # One more, since a row may be its own nearest.  Trees are slower from ten columns on.
    search = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(features[candidates])
    found = []
    for start in range(0, n, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, n))
        with quiet_pools(len(rows) * len(candidates) * features.shape[1]):
            found_rows = candidates[search.kneighbors(features[rows], return_distance=False)]
        # Where a row is not among those found (copies of it are), the last is left out.
        own = found_rows == rows[:, None]
        own[~own.any(axis=1), -1] = True
        found.append(found_rows[~own].reshape(len(rows), k))
    return np.concatenate(found)


def spectral_clusters(
    neighbors: np.ndarray, n_clusters: int, rng: np.random.Generator
) -> np.ndarray:
    r"""Return a cluster for each row of a graph of neighbours.

    Clusters are those of k-means in the first eigenvectors of
    :math:`D^{-1/2} (A + A^\top) D^{-1/2}`, rows scaled to length one [1]_, where
    :math:`A` has a one for each neighbour.

    Parameters
    ----------
    neighbors : ndarray of shape (n_samples, n_neighbors), int64
        Row numbers.
    n_clusters : int
        Number of clusters: at least two, no more than rows.
    rng : numpy.random.Generator
        Draws where eigenvectors and k-means begin.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Clusters.

    References
    ----------
    .. [1] A. Ng, M. Jordan, Y. Weiss, "On Spectral Clustering: Analysis and an Algorithm",
       NIPS 2001.
    """
    seeds = [int(seed) for seed in rng.integers(2**31, size=2)]
    with warnings.catch_warnings():
        # A graph in parts has them as its clusters, and these may be fewer than asked for.
        warnings.simplefilter("ignore", UserWarning)
        embedding = spectral_embedding(
            _graph(neighbors),
            n_components=n_clusters,
            eigen_solver="lobpcg",
            eigen_tol=TOLERANCE,
            drop_first=False,
            random_state=seeds[0],
        )
        k_means = KMeans(n_clusters, n_init=5, random_state=seeds[1])
        # Some fifty rounds altogether.
        with quiet_pools(50 * embedding.size * n_clusters):
            result: np.ndarray = k_means.fit_predict(normalize(embedding)).astype(np.int64)
            return result


def spread_labels(neighbors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return labels for rows that have none, spread along the graph of neighbours [1]_.

    Parameters
    ----------
    neighbors : ndarray of shape (n_samples, n_neighbors), int64
        Row numbers.
    labels : ndarray of shape (n_samples,), int64
        Labels; -1 for rows without one.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels; -1 for rows that no label reaches.  Those that were given are kept.

    References
    ----------
    .. [1] D. Zhou, O. Bousquet, T. Lal, J. Weston, B. Schölkopf, "Learning with Local and
       Global Consistency", NIPS 2003.
    """
    given = labels >= 0
    if given.all() or not given.any():
        return labels
    graph = _graph(neighbors)
    spreading = LabelSpreading(lambda *_: graph, alpha=SPREAD, max_iter=MOST_ROUNDS)
    with warnings.catch_warnings():
        # The last rounds move far labels a little more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        spreading.fit(np.zeros((len(labels), 1)), labels)
    reached = spreading.label_distributions_.any(axis=1)
    return np.where(given, labels, np.where(reached, spreading.transduction_, -1))


def _graph(neighbors: np.ndarray) -> sparse.csr_matrix:
    r"""Return :math:`A + A^\top`, where :math:`A` has a one for each neighbour."""
    n, k = neighbors.shape
    edges = (np.ones(n * k), neighbors.ravel(), np.arange(0, n * k + 1, k))
    graph = sparse.csr_matrix(edges, shape=(n, n))
    return graph + graph.T
