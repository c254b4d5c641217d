"""The sliced Wasserstein distance."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_scalar, gen_batches

from sklearn_aae._utils._random import draw_seed
from sklearn_aae.metrics._two_sample import as_two_samples
from sklearn_aae.typing import TableLike

#: Projected numbers that are worked on at a time; 8 MB of float64.
BLOCK = 2**20


def sliced_wasserstein(
    X: Any, Y: TableLike, *, n_projections: int = 200, p: float = 2.0, random_state: Any = None
) -> float:
    r"""Sliced Wasserstein distance between two samples.

    .. math::

        \Big( E_\theta \int_0^1 \big| F^{-1}_{\theta X}(q) - F^{-1}_{\theta Y}(q) \big|^p
        \, dq \Big)^{1/p}

    with directions :math:`\theta` uniform on the sphere and :math:`F^{-1}` the quantile
    functions of the projected samples, exact for any two sample sizes.  It takes
    :math:`n \log n` operations where distances between all pairs take :math:`n^2`, needs no
    kernel, and is in the unit of the columns.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; at least 2 rows each.  Columns of two frames are matched by label.
    n_projections : int, default=200
        Number of random directions; one column needs one.
    p : float, default=2.0
        Order, at least 1.
    random_state : int, RandomState or None, default=None
        Seeds the directions; None takes fresh entropy.

    Returns
    -------
    float
        The distance.

    Raises
    ------
    ValueError
        If a sample is too small, not finite, the widths differ, or a parameter is out
        of range.
    TypeError
        If a parameter is no number.

    References
    ----------
    .. [1] N. Bonneel, J. Rabin, G. Peyré, H. Pfister, "Sliced and Radon Wasserstein
       Barycenters of Measures", Journal of Mathematical Imaging and Vision 51, 2015.
    .. [2] S. Kolouri, P. E. Pope, C. E. Martin, G. K. Rohde, "Sliced Wasserstein
       Auto-Encoders", ICLR 2019.

    Examples
    --------
    >>> from sklearn_aae.metrics import sliced_wasserstein
    >>> sliced_wasserstein([[0.0], [1.0]], [[3.0], [4.0]])
    3.0
    """
    X, Y = as_two_samples(X, Y)
    check_scalar(n_projections, "n_projections", Integral, min_val=1)
    check_scalar(p, "p", Real, min_val=1)
    k = X.shape[1]
    directions = np.ones((1, 1))
    if k > 1:
        rng = np.random.default_rng(draw_seed(random_state))
        directions = rng.normal(size=(n_projections, k))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    steps, in_x, in_y = _shared_steps(len(X), len(Y))
    total = 0.0
    for some in gen_batches(len(directions), max(1, BLOCK // (len(X) + len(Y)))):
        x, y = (np.sort(directions[some] @ sample.T, axis=1) for sample in (X, Y))
        total += float((np.abs(x[:, in_x] - y[:, in_y]) ** p @ steps).sum())
    return math.pow(total / len(directions), 1 / p)


def _shared_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pieces on which both quantile functions are constant.

    Their lengths, and the index of each in the sorted samples.
    """
    # In whole numbers, of 1 / (n m), so that ends that coincide are equal.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    starts = np.concatenate([[0], ends[:-1]])
    return (ends - starts) / (n * m), starts // m, starts // n
