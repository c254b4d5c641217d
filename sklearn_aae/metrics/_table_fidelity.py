"""How alike the columns, and the pairs of columns, of two tables are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from sklearn_aae.encoding import Matrices
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._tables import read_tables
from sklearn_aae.typing import TableLike

#: Bins of a number or date beside a category, as in SDMetrics.
N_BINS = 10
#: The most pairs of columns that are looked at.
MOST_PAIRS = 10_000


def column_shapes(real: TableLike, synthetic: TableLike) -> TableScore:
    r"""How alike the distributions of each column are.

    Numbers, dates and durations: one minus the Kolmogorov-Smirnov statistic,

    .. math:: 1 - \sup_x |F_{real}(x) - F_{synthetic}(x)|

    categories, text and booleans: one minus the total variation distance,

    .. math:: 1 - \tfrac12 \sum_c |p_{real}(c) - p_{synthetic}(c)|

    both on the cells that are not missing; SDMetrics calls them KSComplement and
    TVComplement [1]_.  1 is best; a constant column has it if the other table repeats the
    constant.

    Parameters
    ----------
    real, synthetic : frame or array-like of shape (n_rows, n_columns)
        The tables: pandas, polars or another eager frame that narwhals knows, or
        arrays.  Columns of frames are matched by label.

    Returns
    -------
    TableScore
        The mean over columns; ``details`` has the score of each.  A column without
        a present cell in ``real`` has NaN and does not count; one that is empty in
        ``synthetic`` alone has 0 (SDMetrics: NaN).

    Raises
    ------
    TypeError
        If a column is of another kind in the other table.
    ValueError
        If the columns differ, hold infinite cells, or there are fewer than 2 rows.

    See Also
    --------
    pair_trends : The same for pairs of columns.

    References
    ----------
    .. [1] DataCebo, "Synthetic Data Metrics", https://docs.sdv.dev/sdmetrics.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import column_shapes
    >>> X = load_iris().data
    >>> column_shapes(X[::2], X[1::2]).score > 0.9
    True
    >>> column_shapes(X, X + 100).score
    0.0
    """
    return shapes_of(read_tables(real=real, synthetic=synthetic), "synthetic")


def pair_trends(real: TableLike, synthetic: TableLike) -> TableScore:
    r"""How alike the dependence within each pair of columns is.

    Two numbers (or dates): from Pearson's correlations of the rows in which both
    are present,

    .. math:: 1 - \tfrac12 |\rho_{real} - \rho_{synthetic}|

    two categories: one minus the total variation distance of their contingency
    tables, in which a missing cell is one more category; a number beside a
    category: the same, after the number is cut into 10 bins of equal width over the
    range of ``real``, the outer ones open.  SDMetrics calls them
    CorrelationSimilarity and ContingencySimilarity [1]_.  1 is best.

    The report of SDMetrics 0.32 (ColumnPairTrends) cuts a number of each table over
    that table's own range, so that it does not see a shift; here, as in its
    ContingencySimilarity, both share the real bins.

    Parameters
    ----------
    real, synthetic : frame or array-like of shape (n_rows, n_columns)
        The tables: pandas, polars or another eager frame that narwhals knows, or
        arrays.  Columns of frames are matched by label.

    Returns
    -------
    TableScore
        The mean over pairs; ``details`` has the score by pair of labels.  Of tables of more
        than 141 columns, which have more, 10,000 pairs at random count, always the same, so
        that the time does not grow with the square of the columns.  A pair with a
        column that is constant in ``real``, but for rounding noise, has NaN and does not
        count, as has one whose correlation in ``real`` is not defined for other reasons
        (fewer than two complete rows); where only that of ``synthetic`` is not, it counts
        as 0 (SDMetrics: NaN, so that a collapsed column would cost nothing).

    Raises
    ------
    TypeError
        If a column is of another kind in the other table.
    ValueError
        If the columns differ, hold infinite cells, or there are fewer than 2 rows.

    See Also
    --------
    column_shapes : The same for single columns.

    References
    ----------
    .. [1] DataCebo, "Synthetic Data Metrics", https://docs.sdv.dev/sdmetrics.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import pair_trends
    >>> X = load_iris().data
    >>> shuffled = np.random.default_rng(0).permuted(X, axis=0)
    >>> pair_trends(X, shuffled).score < pair_trends(X[::2], X[1::2]).score
    True
    """
    return trends_of(read_tables(real=real, synthetic=synthetic), "synthetic")


def shapes_of(tables: Matrices, role: str) -> TableScore:
    """Return the shapes of the table ``role`` against the one called "real"."""
    real, other = _present(tables.positions["real"]), _present(tables.positions[role])
    scores = {}
    for i, name in enumerate(tables.names):
        if not len(real[i]):
            scores[name] = np.nan
        elif not len(other[i]):
            scores[name] = 0.0
        elif tables.is_category[i]:
            scores[name] = 1 - _total_variation(real[i], other[i])
        else:
            # The statistic alone: the exact p-value would cost most of the time.
            scores[name] = 1 - float(ks_2samp(real[i], other[i], method="asymp").statistic)
    return _mean(scores)


def trends_of(tables: Matrices, role: str) -> TableScore:
    """Return the trends of the table ``role`` against the one called "real"."""
    real, other = tables["real"], tables[role]
    is_category = tables.is_category
    constant = set(constant_columns(tables))
    codes = [_codes(real[:, i], other[:, i], is_category[i]) for i in range(len(tables.names))]
    scores = {}
    for i, j in _some_pairs(len(tables.names)):
        pair = tables.names[i], tables.names[j]
        if pair[0] in constant or pair[1] in constant:
            score = np.nan
        elif is_category[i] or is_category[j]:
            n_codes = 1 + max(part.max() for part in codes[j])
            joint = [codes[i][k] * n_codes + codes[j][k] for k in (0, 1)]
            score = 1 - _total_variation(*joint)
        else:
            score = _correlation_similarity(real[:, [i, j]], other[:, [i, j]])
        scores[pair] = score
    return _mean(scores)


def _some_pairs(n_columns: int) -> Iterable[tuple[int, int]]:
    """Return all pairs of columns; of more than are looked at, always the same at random."""
    n_pairs = math.comb(n_columns, 2)
    if n_pairs <= MOST_PAIRS:
        return combinations(range(n_columns), 2)
    chosen = np.random.default_rng(0).choice(n_pairs, MOST_PAIRS, replace=False, shuffle=False)
    # The pairs (0, 1), (0, 2), (1, 2), (0, 3), ...: comb(j, 2) of them have a second below j.
    second = ((1 + np.sqrt(8 * chosen + 1)) / 2).astype(int)
    first = chosen - second * (second - 1) // 2
    return sorted(zip(first.tolist(), second.tolist(), strict=True))


def constant_columns(tables: Matrices) -> tuple[Any, ...]:
    """Return the labels of the columns that are constant in "real"."""
    columns = zip(tables.names, tables.positions["real"].T, strict=True)
    return tuple(name for name, cells in columns if _is_constant(cells))


def missing_of(tables: Matrices, role: str) -> TableScore:
    """Return the share of cells of a table that are missing, in all and by column."""
    shares = np.isnan(tables[role]).mean(axis=0)
    return TableScore(float(shares.mean()), dict(zip(tables.names, shares.tolist(), strict=True)))


def outside_of(tables: Matrices, role: str) -> TableScore:
    """Return the share of numbers and dates of a table beyond the range of "real"."""
    scores: dict[Any, Any] = {}
    outside, present = 0, 0
    for i, name in enumerate(tables.names):
        real, cells = (_present(tables.positions[table])[i] for table in ("real", role))
        if tables.is_category[i] or not len(real):
            continue
        n_outside = int(np.sum((cells < real.min()) | (cells > real.max())))
        scores[name] = n_outside / len(cells) if len(cells) else np.nan
        outside, present = outside + n_outside, present + len(cells)
    return TableScore(outside / present if present else np.nan, scores)


def _is_constant(cells: np.ndarray) -> bool:
    """Return whether all cells of a column are equal, or all of them are missing."""
    missing = np.isnan(cells)
    return bool(missing.all() or (not missing.any() and cells.min() == cells.max()))


def _mean(scores: dict[Any, Any]) -> TableScore:
    defined = [score for score in scores.values() if not np.isnan(score)]
    return TableScore(float(np.mean(defined)) if defined else np.nan, scores)


def _present(rows: np.ndarray) -> list[np.ndarray]:
    return [column[~np.isnan(column)] for column in rows.T]


def _total_variation(a: np.ndarray, b: np.ndarray) -> float:
    levels, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    shares = [
        np.bincount(part, minlength=len(levels)) / len(part)
        for part in (codes[: len(a)], codes[len(a) :])
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _codes(real: np.ndarray, other: np.ndarray, is_category: bool) -> list[np.ndarray]:
    """Return categories or bins from 1 on, 0 for missing cells."""
    if is_category:
        coded = [real + 1, other + 1]
    else:
        edges = _inner_edges(real[~np.isnan(real)])
        coded = [np.digitize(cells, edges) + 1.0 for cells in (real, other)]
    return [
        np.where(np.isnan(cells), 0, code).astype(np.int64)
        for cells, code in zip((real, other), coded, strict=True)
    ]


def _inner_edges(cells: np.ndarray) -> np.ndarray:
    """Return where numbers are cut into bins of equal width."""
    if not len(cells):
        return np.empty(0)
    low, high = cells.min(), cells.max()
    if low == high:
        return np.array([low, np.nextafter(low, np.inf)])  # below, the constant, and above
    # Halved: the width of a range of finite numbers need not be finite.
    return 2 * np.linspace(low / 2, high / 2, N_BINS + 1)[1:-1]


def _correlation_similarity(real: np.ndarray, other: np.ndarray) -> float:
    correlations = [_correlation(rows) for rows in (real, other)]
    if np.isnan(correlations[0]):
        return np.nan
    return float(1 - abs(correlations[0] - np.nan_to_num(correlations[1])) / 2)


def _correlation(rows: np.ndarray) -> float:
    """Return Pearson's correlation of the complete rows, NaN if a column is constant."""
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2:
        return np.nan
    # From 0 to 1: large numbers of a narrow range keep their digits, squares their range.
    low, high = rows.min(axis=0) / 2, rows.max(axis=0) / 2
    if (low == high).any():
        return np.nan
    return float(np.corrcoef((rows / 2 - low) / (high - low), rowvar=False)[0, 1])
