"""The search for columns that determine others, and for combinations that do not occur."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from sklearn_aae.encoding import BOOLEAN, CATEGORY, NUMBER
from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._chance import ALPHA, N_FOLDS, Search, is_no_accident
from sklearn_aae.rules._groups import commonest, deviating, group_codes
from sklearn_aae.rules._levels import (
    LEAST_EXPECTED,
    AbsentPairs,
    Determines,
    expected_counts,
    pair_counts,
)
from sklearn_aae.rules._table import Cells

#: Pairs that do not occur would be in at least this share of rows by chance.
LEAST_SHARE = 0.01
#: A group of rows has at least so many rows on average, or agreement says little.
LEAST_ROWS = 2
#: Rows in which dependencies on two columns are sought first.
SAMPLED = 2000
#: Columns of more levels have no list of pairs that do not occur; numbers of fewer.
MOST_LEVELS, MOST_NUMBERS = 64, 20


def find_dependencies(search: Search) -> list[Rule]:
    """Return which column determines which."""
    columns = search.cells
    codes = np.stack([cells.codes for cells in columns], axis=1) if columns else None
    found: list[Rule] = []
    for i, cells in enumerate(columns):
        if codes is None or cells.n_levels * LEAST_ROWS > search.table.n_rows:
            continue
        for j in _agreeing(cells.codes, codes, search.share):
            if i != j:
                rule = _dependency(search, [cells], columns[j], len(columns) ** 2)
                found += [] if rule is None else [rule]
    return found


def find_joint_dependencies(search: Search, known: list[Rule]) -> list[Rule]:
    """Return which pairs of columns determine which; none of what one column determines."""
    columns = search.cells
    single = {(r.columns[0], r.determined) for r in known if isinstance(r, Determines)}
    rows = search.sample(SAMPLED)
    if not columns:
        return []
    codes = np.stack([cells.codes[rows] for cells in columns], axis=1)
    n_tests = len(columns) ** 3
    found: list[Rule] = []
    for a, b in combinations(range(len(columns)), 2):
        pair = [columns[a], columns[b]]
        names = [cells.name for cells in pair]
        if (names[0], names[1]) in single or (names[1], names[0]) in single:
            continue
        groups = codes[:, a] * pair[1].n_levels + codes[:, b]
        groups[(codes[:, a] < 0) | (codes[:, b] < 0)] = -1
        for j in _agreeing(groups, codes, search.share):
            target = columns[j]
            if j in (a, b) or any((name, target.name) in single for name in names):
                continue
            rule = _dependency(search, pair, target, n_tests)
            found += [] if rule is None else [rule]
    return found


def _agreeing(groups: np.ndarray, codes: np.ndarray, share: float) -> list[int]:
    """Return the columns in which neighbours of one group seldom differ."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    same = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0))
    if not len(same):
        return []
    left, right = codes[order[same]], codes[order[same + 1]]
    differs = ((left != right) & (left >= 0) & (right >= 0)).sum(axis=0)
    # One row that differs makes two neighbours differ.
    return np.flatnonzero(differs <= 2 * (1 - share) * len(same) + 3).tolist()


def _dependency(
    search: Search, determinants: list[Cells], determined: Cells, n_tests: int
) -> Determines | None:
    groups, n_groups = group_codes(determinants)
    codes, n_levels = determined.codes, determined.n_levels
    known = (groups >= 0) & (codes >= 0)
    about = int(known.sum())
    if n_groups * LEAST_ROWS > about:
        return None
    best = commonest(groups, codes, n_groups, n_levels)
    breaks = int(deviating(groups, codes, best).sum())
    if not search.allows(breaks, about) or not search.allows(
        _held_back_breaks(search, groups, codes, n_groups, n_levels), about
    ):
        return None
    expected = about
    for shuffled in _shuffles(search, determinants, codes, known):
        usual = commonest(groups, shuffled, n_groups, n_levels)
        expected = min(expected, int(deviating(groups, shuffled, usual).sum()))
    if not is_no_accident(breaks, expected, n_tests):
        return None
    return Determines(
        [cells.name for cells in determinants],
        determined.name,
        support=about - breaks,
        breaks=breaks,
        chance=1 - expected / about,
    )


def _held_back_breaks(
    search: Search, groups: np.ndarray, codes: np.ndarray, n_groups: int, n_levels: int
) -> int:
    """Return how many rows break what the other rows say, each held back once."""
    breaks = 0
    for fold in range(N_FOLDS):
        held = search.folds == fold
        best = commonest(np.where(held, -1, groups), codes, n_groups, n_levels)
        breaks += int(deviating(np.where(held, groups, -1), codes, best).sum())
    return breaks


def _shuffles(
    search: Search, determinants: list[Cells], codes: np.ndarray, known: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the determined column shuffled; of two determinants, among rows that share one."""
    rows = np.flatnonzero(known)
    for cells in determinants if len(determinants) > 1 else [None]:
        among = np.zeros(len(rows)) if cells is None else cells.codes[rows]
        order = np.argsort(among, kind="stable")
        mixed = np.lexsort((search.rng.random(len(rows)), among))
        shuffled = codes.copy()
        shuffled[rows[order]] = codes[rows[mixed]]
        yield shuffled


def find_absent_pairs(search: Search) -> list[Rule]:
    """Return which combinations of two columns do not occur."""
    columns = [cells for cells in search.cells if _has_few_levels(cells)]
    pairs = list(combinations(columns, 2))
    n_tests = sum(first.n_levels * second.n_levels for first, second in pairs)
    # So often does a pair not occur by chance that is expected so many times: exp(-times).
    least = max(LEAST_EXPECTED, np.log(max(n_tests, 1) / ALPHA))
    found: list[Rule] = []
    for first, second in pairs:
        counts = pair_counts(first.codes, second.codes, first.n_levels, second.n_levels)
        expected = expected_counts(counts)
        absent = (expected >= least) & (counts <= (1 - search.share) * expected)
        total, breaks = int(counts.sum()), int(counts[absent].sum())
        would = float(expected[absent].sum())
        if would >= LEAST_SHARE * total and search.allows(breaks, total):
            found.append(
                AbsentPairs(
                    first.name,
                    second.name,
                    [(first.levels[i], second.levels[j]) for i, j in np.argwhere(absent).tolist()],
                    counts.size,
                    support=total - breaks,
                    breaks=breaks,
                    chance=1 - would / total,
                )
            )
    return found


def _has_few_levels(cells: Cells) -> bool:
    if cells.kind in (BOOLEAN, CATEGORY):
        return cells.n_levels <= MOST_LEVELS
    return cells.kind == NUMBER and cells.whole is not None and cells.n_levels <= MOST_NUMBERS
