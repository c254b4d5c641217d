"""How much the columns of a mixed-type table depend on each other, pair by pair."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

#: So much of a column's spread is rounding.
TINY = 1e-12


def associations(rows: np.ndarray, is_category: np.ndarray) -> np.ndarray:
    """Return the association of each pair of columns.

    Two numbers: the absolute value of Pearson's correlation; a number and a category:
    the correlation ratio; two categories: Cramer's V.  The last two with the
    corrections of bias of [1]_ and [2]_: a column of names that are all different
    would depend on every other column without them.  All are taken over the rows in
    which both cells are present, and 0 where these are too few to tell.

    References
    ----------
    .. [1] Kelley, "An unbiased correlation ratio measure", PNAS 21, 1935.
    .. [2] W. Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", Journal of
       the Korean Statistical Society 42, 2013.
    """
    result = np.eye(rows.shape[1])
    numbers, categories = np.flatnonzero(~is_category), np.flatnonzero(is_category)
    x = rows[:, numbers]
    present = (~np.isnan(x)).astype(np.float64)
    # Centred and scaled, sums of squares lose no digits.
    counts = np.maximum(present.sum(axis=0), 1)
    x = np.nan_to_num(x - np.nansum(x, axis=0) / counts)
    spread = np.sqrt((x**2).sum(axis=0) / counts)
    x /= np.where(spread > 0, spread, 1)
    result[np.ix_(numbers, numbers)] = _pearson(x, present)
    one_hot = [_one_hot(rows[:, j]) for j in categories]
    for i, (j, levels) in enumerate(zip(categories, one_hot, strict=True)):
        result[j, numbers] = result[numbers, j] = _correlation_ratio(x, present, levels)
        for other, more in zip(categories[:i], one_hot, strict=False):
            result[j, other] = result[other, j] = _cramers_v((levels.T @ more).toarray())
    np.fill_diagonal(result, 1)
    return np.clip(result, 0, 1)


def _one_hot(codes: np.ndarray) -> csr_array:
    """Return a matrix of a column per level; rows without a level are empty."""
    rows = np.flatnonzero(~np.isnan(codes))
    levels, indices = np.unique(codes[rows], return_inverse=True)
    shape = (len(codes), max(1, len(levels)))
    return csr_array((np.ones(len(rows)), (rows, indices)), shape=shape)


def _pearson(x: np.ndarray, present: np.ndarray) -> np.ndarray:
    count = np.maximum(present.T @ present, 1)
    # Sums over the rows in which the other column is there too.
    sums, squares = x.T @ present, (x**2).T @ present
    spread = squares - sums**2 / count
    covariance = x.T @ x - sums * sums.T / count
    scale = np.sqrt(np.maximum(spread * spread.T, 0))
    enough = scale > TINY * count
    result: np.ndarray = np.divide(
        np.abs(covariance), scale, out=np.zeros_like(scale), where=enough
    )
    return result


def _correlation_ratio(x: np.ndarray, present: np.ndarray, levels: csr_array) -> np.ndarray:
    counts, sums, squares = (levels.T @ part for part in (present, x, x**2))
    n, n_levels = counts.sum(axis=0), (counts > 0).sum(axis=0)
    total = squares.sum(axis=0) - sums.sum(axis=0) ** 2 / np.maximum(n, 1)
    within = (squares - sums**2 / np.maximum(counts, 1)).sum(axis=0)
    told = (total > TINY * n) & (n > n_levels) & (n_levels > 1)
    total, free = np.where(told, total, 1), np.where(told, n - n_levels, 1)
    ratio = 1 - within / total * (n - 1) / free
    return np.where(told, np.sqrt(np.maximum(ratio, 0)), 0)


def _cramers_v(table: np.ndarray) -> float:
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (n_rows, n_columns) = table.sum(), np.array(table.shape) - 1
    if n < 2 or min(n_rows, n_columns) < 1:
        return 0.0
    shares = table / np.sqrt(np.outer(table.sum(axis=1), table.sum(axis=0)))
    by_chance = n_rows * n_columns / (n - 1)
    surplus = max(0.0, float((shares**2).sum()) - 1 - by_chance)
    width = min(side - side**2 / (n - 1) for side in (n_rows, n_columns))
    return float(np.sqrt(surplus / width)) if width > TINY else 0.0
