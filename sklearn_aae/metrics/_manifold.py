"""Precision and recall of samples."""

from __future__ import annotations

from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_scalar, gen_batches

from sklearn_aae.metrics._two_sample import as_two_samples
from sklearn_aae.typing import TableLike

#: Distances that are worked on at a time; 8 MB of float64.
BLOCK = 2**20


class PrecisionRecall(NamedTuple):
    """Precision and recall of samples.

    Parameters
    ----------
    precision : float
        Share of the samples that lie among real rows.
    recall : float
        Share of the real rows that lie among samples.
    """

    precision: float
    recall: float


def precision_recall(
    real: TableLike, samples: TableLike, *, n_neighbors: int = 3
) -> PrecisionRecall:
    r"""Improved precision and recall of samples.

    A table's manifold is the union of balls around its rows, each as large as the
    distance to the row's ``n_neighbors``-th neighbour in the same table.  Precision is
    the share of samples in the manifold of the real rows: do samples look real?  Recall
    is the share of real rows in the manifold of the samples: is everything real also
    sampled?  One number such as a distance cannot tell the two failures apart.

    Parameters
    ----------
    real : array-like of shape (n_real, n_features)
        Real rows, best held out.
    samples : array-like of shape (n_generated, n_features)
        Rows drawn from a model, best as many.  Columns of two frames are matched by label.
    n_neighbors : int, default=3
        Which neighbour is at the border of a ball.  More neighbours make both figures
        larger, as fewer rows do.

    Returns
    -------
    PrecisionRecall
        The named tuple (precision, recall), both in [0, 1].

    Raises
    ------
    ValueError
        If a table has not more than ``n_neighbors`` rows, is not finite, or widths
        differ.
    TypeError
        If ``n_neighbors`` is no whole number.

    Notes
    -----
    Columns should have a common scale: distances are Euclidean.  Even a second real
    table does not reach 1; what it reaches is what a model can be held to.

    References
    ----------
    .. [1] T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved Precision
       and Recall Metric for Assessing Generative Models", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import precision_recall
    >>> real = np.random.default_rng(0).normal(size=(500, 2))
    >>> narrow = precision_recall(real, 0.2 * real)
    >>> narrow.precision > 0.9 > 0.3 > narrow.recall
    True
    """
    check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
    real, samples = as_two_samples(real, samples, names=("real", "samples"))
    for name, table in (("real", real), ("samples", samples)):
        if len(table) <= n_neighbors:
            raise ValueError(
                f"{name} has {len(table)} rows, which must be more than n_neighbors={n_neighbors}."
            )
    return PrecisionRecall(
        _share_among(samples, real, n_neighbors), _share_among(real, samples, n_neighbors)
    )


def _share_among(rows: np.ndarray, others: np.ndarray, n_neighbors: int) -> float:
    """Return the share of rows that lie in a ball around one of the others."""
    radii = np.empty(len(others))
    per_block = max(1, BLOCK // len(others))
    for some in gen_batches(len(others), per_block):
        # Each row is its own nearest neighbour, of number 0.
        distances = cdist(others[some], others, "sqeuclidean")
        radii[some] = np.partition(distances, n_neighbors, axis=1)[:, n_neighbors]
    inside = 0
    for some in gen_batches(len(rows), per_block):
        inside += int((cdist(rows[some], others, "sqeuclidean") <= radii).any(axis=1).sum())
    return inside / len(rows)
