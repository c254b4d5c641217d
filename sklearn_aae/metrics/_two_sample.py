"""Two-sample statistics: how far apart two sets of rows are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

from sklearn_aae._utils._random import draw_seed
from sklearn_aae.encoding import (
    Container,
    at_precision,
    check_matrix,
    check_numeric_columns,
    is_rounding_noise,
    precisions_of,
)
from sklearn_aae.metrics._boosting import cross_validated_areas
from sklearn_aae.typing import TableLike


def as_two_samples(
    X: Any, Y: Any, names: tuple[str, str] = ("X", "Y")
) -> tuple[np.ndarray, np.ndarray]:
    """Return two samples as float64 matrices of the same width, or raise ValueError."""
    first, second = as_samples({names[0]: X, names[1]: Y})
    return first, second


def as_samples(
    tables: dict[str, Any], min_rows: Mapping[str, int] = MappingProxyType({})
) -> list[np.ndarray]:
    """Return tables of numbers, by name, as float64 matrices of the same columns.

    Frames are matched by label, in any order; numbers have the coarsest precision that the
    column has in one of the tables.
    """
    rows = [_as_numbers(table, name, min_rows.get(name, 2)) for name, table in tables.items()]
    first, n_columns = next(iter(tables)), rows[0].shape[1]
    for name, table in zip(tables, rows, strict=True):
        if table.shape[1] != n_columns:
            raise ValueError(
                f"inconsistent numbers of columns: {name} has {table.shape[1]} columns, but "
                f"{first} {n_columns}."
            )
    precisions = [precisions_of(table, n_columns) for table in tables.values()]
    labels = {name: Container.of(table).columns for name, table in tables.items()}
    for i, name in enumerate(tables):
        if labels[first] and labels[name] and labels[name] != labels[first]:
            order = _order(labels[name], labels[first], name, first)
            rows[i] = rows[i][:, order]
            precisions[i] = [precisions[i][j] for j in order]
    coarsest = [min(several, key=_size) for several in zip(*precisions, strict=True)]
    for i, own in enumerate(precisions):
        if own != coarsest:
            columns = [at_precision(*pair) for pair in zip(rows[i].T, coarsest, strict=True)]
            rows[i] = np.column_stack(columns)
    return rows


#: What to do about a table that is not numbers alone.
OF_TABLES = (
    "table_c2st, column_shapes and synthetic_report compare tables of mixed types; TableEncoder "
    "makes numbers of them."
)


def _as_numbers(table: Any, name: str, least: int) -> np.ndarray:
    """Return a table as a float64 matrix of at least so many rows, or raise in its name."""
    check_numeric_columns(table, f"The measure of {name}", OF_TABLES)
    return check_matrix(table, name, dtype=np.float64, ensure_min_samples=least)


def is_constant(rows: np.ndarray) -> np.ndarray:
    """Return which columns are one number, but for rounding noise."""
    constant: np.ndarray = is_rounding_noise(rows.min(axis=0), rows.max(axis=0))
    return constant


def _size(precision: np.dtype) -> int:
    return precision.itemsize


def _order(
    labels: tuple[Any, ...], others: tuple[Any, ...], name: str, other_name: str
) -> list[int]:
    """Return where the columns of one table are in another."""
    for own, known, role in ((labels, others, name), (others, labels, other_name)):
        unknown = [label for label in own if label not in known]
        if unknown:
            raise ValueError(f"{role} has columns that the other table has not: {unknown}.")
    return [labels.index(label) for label in others]


def mean_distance(X: np.ndarray, Y: np.ndarray) -> float:
    """Return the mean distance of a row of one sample to a row of the other."""
    # In slices: the full matrix of two samples of 20,000 rows is 3 GB.
    total = sum(cdist(X[rows], Y).sum() for rows in gen_batches(len(X), 1024))
    return float(total) / (len(X) * len(Y))


def energy_distance(X: Any, Y: TableLike) -> float:
    r"""Energy distance between two samples.

    .. math:: 2E\|x - y\| - E\|x - x'\| - E\|y - y'\|

    with all pairs counted, so it is never negative, 0 for equal samples, and in
    the unit of the columns.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; at least 2 rows each.  Columns of two frames are matched by label.

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


def c2st(X: Any, Y: TableLike, *, cv: int = 3, random_state: Any = None) -> float:
    r"""Classifier two-sample test: how well a boosted classifier tells two samples apart.

    Mean cross-validated area under the ROC curve of
    ``HistGradientBoostingClassifier(max_iter=50)`` on rows of ``X`` against rows
    of ``Y``, counted as :math:`\max(A, 0.5)`: 0.5 if it cannot tell them apart,
    1 if it always can.

    Less than 0.5 is chance, or comes from rows that are in both samples, which the
    classifier takes for rows of the sample that it saw them in.  That tells nothing apart:
    a sample beside itself has 0.5.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples_X, n_features), (n_samples_Y, n_features)
        The samples; take equally many rows of each.  Columns of two frames are matched by
        label.
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
    return max(float(area), 0.5)
