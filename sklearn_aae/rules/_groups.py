"""Rows in groups, and what is commonest in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_aae.rules._table import Cells


def group_codes(columns: Sequence[Cells]) -> tuple[np.ndarray, int]:
    """Return the group of each row by its cells, -1 where one is missing, and how many."""
    codes, n_groups = columns[0].codes, columns[0].n_levels
    for column in columns[1:]:
        missing = (codes < 0) | (column.codes < 0)
        joined = np.where(missing, -1, codes * column.n_levels + column.codes)
        found, codes = np.unique(joined, return_inverse=True)
        has_missing = len(found) > 0 and found[0] < 0
        codes, n_groups = codes - int(has_missing), len(found) - int(has_missing)
    return codes, n_groups


def commonest(groups: np.ndarray, codes: np.ndarray, n_groups: int, n_levels: int) -> np.ndarray:
    """Return the commonest level of each group (n_groups,), -1 where there is none.

    Of equally common ones the first.
    """
    known = (groups >= 0) & (codes >= 0)
    pairs, counts = np.unique(groups[known] * n_levels + codes[known], return_counts=True)
    group, level = np.divmod(pairs, max(n_levels, 1))
    order = np.lexsort((-level, counts, group))  # the last of each group is what is sought
    best = np.full(n_groups, -1)
    best[group[order]] = level[order]
    return best


def deviating(groups: np.ndarray, codes: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Return which rows have another level than their group's; not those of unknown groups."""
    if not len(best):
        return np.zeros(len(groups), dtype=bool)
    expected = np.where(groups >= 0, best[groups], -1)
    result: np.ndarray = (expected >= 0) & (codes >= 0) & (codes != expected)
    return result
