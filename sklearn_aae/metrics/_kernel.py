"""The maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist, pdist
from sklearn.utils import check_array, gen_batches

from sklearn_aae._utils._spread import spread_over
from sklearn_aae.metrics._two_sample import as_two_samples
from sklearn_aae.typing import TableLike

#: Distances that are worked on at a time; 4 MB of float64.
BLOCK = 2**19
#: Rows that the median distance is taken from.
MEDIAN_ROWS = 1000


def _rbf(squared: np.ndarray, bandwidth: float) -> np.ndarray:
    return np.exp(squared * (-0.5 / bandwidth**2))


def _imq(squared: np.ndarray, bandwidth: float) -> np.ndarray:
    return bandwidth**2 / (bandwidth**2 + squared)


KERNELS = {"imq": _imq, "rbf": _rbf}


def mmd(
    X: Any, Y: TableLike, *, kernel: str = "imq", bandwidth: float | ArrayLike | None = None
) -> float:
    r"""Squared maximum mean discrepancy between two samples, estimated without bias.

    .. math::

        \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j)
        + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{nm} \sum_{i, j} k(x_i, y_j)

    Its expectation is 0 for samples of one distribution, so the estimate may be
    negative [1]_.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; at least 2 rows each.  Columns of two frames are matched by label.
    kernel : {"imq", "rbf"}, default="imq"
        The inverse multiquadric :math:`h^2 / (h^2 + \|x - y\|^2)`, whose long tails see
        outliers [2]_, or the Gaussian :math:`\exp(-\|x - y\|^2 / 2 h^2)`.
    bandwidth : float, array-like or None, default=None
        The bandwidth :math:`h`; of several, kernels are averaged.  None is the median
        distance between rows of the two samples together (of at most 1000 of them); for
        codes and a normal prior :math:`h^2` is then about the :math:`2 k \sigma^2` of [2]_.

    Returns
    -------
    float
        The estimate; the kernel is 1 at distance 0, so at most 2.

    Raises
    ------
    ValueError
        If a sample is too small, not finite, the widths differ, or a parameter is out of
        range.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola, "A Kernel
       Two-Sample Test", Journal of Machine Learning Research 13, 2012, lemma 6.
    .. [2] I. Tolstikhin, O. Bousquet, S. Gelly, B. Schölkopf, "Wasserstein
       Auto-Encoders", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import mmd
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 500, 2))
    >>> abs(mmd(X, Y)) < 0.01 < mmd(X, Y + 1)
    True
    """
    X, Y = as_two_samples(X, Y)
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {sorted(KERNELS)}, got {kernel!r}.")
    if bandwidth is None:
        bandwidths = np.array([_median_distance(X, Y)])
    else:
        bandwidths = check_array(np.atleast_1d(bandwidth), ensure_2d=False, input_name="bandwidth")
        if bandwidths.ndim != 1 or (bandwidths <= 0).any():
            raise ValueError(f"bandwidth must be positive, got {bandwidth!r}.")

    within_x, within_y, between = (
        _mean_kernel(*samples, kernel=KERNELS[kernel], bandwidths=bandwidths)
        for samples in ((X,), (Y,), (X, Y))
    )
    return within_x + within_y - 2 * between


def _mean_kernel(
    X: np.ndarray, *other: np.ndarray, kernel: Callable[..., Any], bandwidths: np.ndarray
) -> float:
    """Return the mean kernel of pairs of rows of two samples, or of different rows of one."""
    Y = other[0] if other else X
    total = 0.0
    for rows in gen_batches(len(X), max(1, BLOCK // len(Y))):
        squared = cdist(X[rows], Y, "sqeuclidean")
        total += float(np.mean([kernel(squared, h).sum() for h in bandwidths]))
    if other:
        return total / (len(X) * len(Y))
    return (total - len(X)) / (len(X) * (len(X) - 1))


def _median_distance(X: np.ndarray, Y: np.ndarray) -> float:
    both = np.concatenate([X, Y])
    rows = spread_over(len(both), MEDIAN_ROWS)
    median = float(np.median(pdist(both[rows])))
    if median == 0:
        raise ValueError(
            "at least half of the rows are equal, so that the median distance is 0; pass bandwidth."
        )
    return median
