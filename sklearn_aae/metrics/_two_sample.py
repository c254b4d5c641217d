"""Two-sample statistics: how far apart two sets of rows are."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, check_consistent_length, gen_batches

from sklearn_aae._utils._random import draw_seed
from sklearn_aae.metrics._boosting import cross_validated_areas


def as_two_samples(
    X: Any, Y: Any, names: tuple[str, str] = ("X", "Y")
) -> tuple[np.ndarray, np.ndarray]:
    """Return two samples as float64 matrices of the same width, or raise ValueError."""
    X = check_array(X, dtype=np.float64, input_name=names[0], ensure_min_samples=2)
    Y = check_array(Y, dtype=np.float64, input_name=names[1], ensure_min_samples=2)
    check_consistent_length(X.T, Y.T)
    return X, Y


def mean_distance(X: np.ndarray, Y: np.ndarray) -> float:
    """Return the mean distance of a row of one sample to a row of the other."""
    # In slices: the full matrix of two samples of 20,000 rows is 3 GB.
    total = sum(cdist(X[rows], Y).sum() for rows in gen_batches(len(X), 1024))
    return float(total) / (len(X) * len(Y))


def energy_distance(X: Any, Y: Any) -> float:
    r"""Energy distance between two samples.

    .. math:: 2E\|x - y\| - E\|x - x'\| - E\|y - y'\|

    with all pairs counted, so it is never negative, 0 for equal samples, and in
    the unit of the columns.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; at least 2 rows each.

    Returns
    -------
    float
        The distance.

    Raises
    ------
    ValueError
        If a sample is too small, not finite, or the widths differ.

    References
    ----------
    .. [1] G. J. Szekely, M. L. Rizzo, "Energy statistics: a class of statistics
       based on distances", Journal of Statistical Planning and Inference 143,
       2013.

    Examples
    --------
    >>> from sklearn_aae.metrics import energy_distance
    >>> energy_distance([[0.0], [0.0]], [[1.0], [1.0]])
    2.0
    """
    X, Y = as_two_samples(X, Y)
    distance = 2 * mean_distance(X, Y) - mean_distance(X, X) - mean_distance(Y, Y)
    return max(0.0, distance)


def c2st(X: Any, Y: Any, *, cv: int = 3, random_state: Any = None) -> float:
    r"""Classifier two-sample test: how well a boosted classifier tells two samples apart.

    Mean cross-validated area under the ROC curve of
    ``HistGradientBoostingClassifier(max_iter=50)`` on rows of ``X`` against rows
    of ``Y``, counted as :math:`\max(A, 1 - A)`: 0.5 if it cannot tell them apart,
    1 if it always can.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; take equally many rows of each.
    cv : int, default=3
        Number of stratified folds.
    random_state : int, RandomState or None, default=None
        Shuffles rows into folds; None takes fresh entropy.

    Returns
    -------
    float
        Area under the curve in [0.5, 1].

    Raises
    ------
    ValueError
        If a sample is too small, not finite, or the widths differ.

    See Also
    --------
    table_c2st : The same for tables with categories, dates and missing cells.

    References
    ----------
    .. [1] D. Lopez-Paz, M. Oquab, "Revisiting Classifier Two-Sample Tests",
       arXiv:1610.06545, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import c2st
    >>> rng = np.random.default_rng(0)
    >>> far = c2st(rng.normal(size=(90, 2)), rng.normal(5, size=(90, 2)), random_state=0)
    >>> far > 0.95
    True
    """
    X, Y = as_two_samples(X, Y)
    no_categories = np.zeros(X.shape[1], dtype=int)
    seed = draw_seed(random_state)
    area = np.mean(cross_validated_areas(X, Y, n_levels=no_categories, cv=cv, seed=seed))
    return float(max(area, 1 - area))
