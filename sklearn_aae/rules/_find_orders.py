"""The search for columns of which one is never above the other."""

from __future__ import annotations

import numpy as np

from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._chance import Search, is_no_accident
from sklearn_aae.rules._orders import ORDERED, Order, sides
from sklearn_aae.rules._table import Cells

#: Rows that are looked at first.
SAMPLED = 256
#: Columns that so many rows would have in order by chance hardly have to do with each other.
MOST_CHANCE = 0.95
#: Rows one step apart that must be there before "never equal" is no accident.
LEAST_NEAR = 10


def find_orders(search: Search) -> list[Rule]:
    """Return which columns are never above which."""
    found: list[Rule] = []
    groups = [[cells for cells in search.cells if cells.kind == kind] for kind in ORDERED]
    n_tests = sum(len(group) * (len(group) - 1) for group in groups)
    for group in groups:
        for low, high in _likely(search, group):
            rule = _order(search, low, high, n_tests)
            if rule is not None:
                found.append(rule)
    return found


def _likely(search: Search, group: list[Cells]) -> list[tuple[Cells, Cells]]:
    """Return the pairs that some rows keep."""
    rows = search.sample(SAMPLED)
    # Floats, for a glance; those of one number are equal.
    sample = np.full((len(group), len(rows)), np.nan)
    for i, cells in enumerate(group):
        known = ~cells.missing[rows]
        values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
        sample[i, known] = values[rows][known]
    spread = 3 * np.sqrt((1 - search.share) / len(rows)) + 1 / len(rows)
    likely = []
    for i, low in enumerate(group):
        share = (sample[i] > sample).mean(axis=1)
        likely += [
            (low, group[j])
            for j in np.flatnonzero(share <= 1 - search.share + spread).tolist()
            if j != i
        ]
    return likely


def _order(search: Search, low: Cells, high: Cells, n_tests: int) -> Order | None:
    known = ~(low.missing | high.missing)
    about = int(known.sum())
    first, second = (side[known] for side in sides(low, high))
    breaks = int((first > second).sum())
    if not search.allows(breaks, about):
        return None
    below = np.searchsorted(np.sort(second), first, side="left").mean() / about
    if 1 - below > MOST_CHANCE or not is_no_accident(breaks, about * below, n_tests):
        return None
    strict = first.dtype == second.dtype == np.int64 and _is_strict(second - first)
    return Order(
        low.name,
        high.name,
        strict,
        support=about - breaks,
        breaks=breaks,
        chance=1 - float(below),
    )


def _is_strict(gaps: np.ndarray) -> bool:
    """Return whether whole gaps come as near to 0 as they can, and often, but are never 0."""
    step = int(np.gcd.reduce(gaps))
    return bool(gaps.min() > 0 and (gaps == step).sum() >= LEAST_NEAR)
