"""The search for what holds of one column by itself, and for missing cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sklearn_aae.encoding import CATEGORY, DURATION, NUMBER
from sklearn_aae.rules._base import Rule, from_units
from sklearn_aae.rules._chance import ALPHA, Search, is_no_accident
from sklearn_aae.rules._columns import Bounds, Presence, RunningNumber, Unique
from sklearn_aae.rules._table import Cells

#: Numbers that are dense enough to be a count of the rows.
LEAST_DENSE = 0.5
#: Rows that a value must have to be where numbers end.
LEAST_HEAPED = 10
#: Fewer distinct numbers than this lie on some grid by chance.
FEWEST = 12
#: Fewer rows than this say little.
FEW_ROWS = 20


def find_keys(search: Search) -> list[Rule]:
    """Return columns that count the rows, or that tell all rows apart."""
    return [rule for cells in search.cells if (rule := find_key(cells)) is not None]


def find_key(cells: Cells) -> Rule | None:
    """Return the rule that a column counts the rows, or tells all rows apart, if it does."""
    n_rows = len(cells.missing)
    if cells.missing.any() or cells.n_levels < n_rows or n_rows < FEW_ROWS:
        return None
    if cells.kind == CATEGORY:
        return Unique(cells.name, support=n_rows, breaks=0)
    if cells.whole is None:
        return None  # measurements differ anyway
    step = int(np.gcd.reduce(np.diff(np.sort(cells.whole))))
    low, high = int(cells.whole.min()), int(cells.whole.max())
    places = (high - low) // step + 1
    if cells.kind == NUMBER and n_rows >= LEAST_DENSE * places and _counts(cells.whole, places):
        # The first rows may have been left out.
        start = 1 if step == 1 and 1 <= low <= 1 + (places - n_rows) else low
        first, by = (from_units(units, cells.decimals) for units in (start, step))
        return RunningNumber(cells.name, first, by, support=n_rows, breaks=0)
    # So many pairs would be equal if the numbers were drawn from all places.
    pairs = n_rows * (n_rows - 1) / 2 / places
    if is_no_accident(0, pairs, 1) and n_rows**2 > -2 * places * np.log(ALPHA):
        return Unique(cells.name, support=n_rows, breaks=0)
    return None


def _counts(whole: np.ndarray, places: int) -> bool:
    steps = np.diff(whole)
    return len(whole) == places or bool((steps > 0).all() or (steps < 0).all())


def find_bounds(search: Search) -> list[Rule]:
    """Return where numbers end, and on which grid they lie."""
    return [
        rule
        for cells in search.cells
        if cells.kind in (NUMBER, DURATION)
        and cells.whole is not None
        and not isinstance(find_key(cells), RunningNumber)
        and (rule := _bounds(cells)) is not None
    ]


def _bounds(cells: Cells) -> Rule | None:
    assert cells.whole is not None
    present = cells.whole[~cells.missing]
    values, counts = np.unique(present, return_counts=True)
    low, high = (int(end) for end in (values[0], values[-1]))
    heaped = max(LEAST_HEAPED, 0.05 * len(present))
    ends: list[int | None] = [None, None]
    if counts[0] >= heaped:
        ends[0] = low
    elif 0 <= low <= (high - low) / 2:
        ends[0] = 0
    if counts[-1] >= heaped:
        ends[1] = high
    step = int(np.gcd.reduce(np.diff(values))) if len(values) >= FEWEST else 1
    if ends == [None, None] and step == 1:
        return None
    return Bounds(
        cells.name,
        low=None if ends[0] is None else from_units(ends[0], cells.decimals),
        high=None if ends[1] is None else from_units(ends[1], cells.decimals),
        whole=not (present % 10**cells.decimals).any(),
        step=from_units(step, cells.decimals) if step > 1 else None,
        origin=from_units(low % step, cells.decimals) if step > 1 else 0,
        support=len(present),
        breaks=0,
    )


def find_presence(search: Search) -> list[Rule]:
    """Return where a missing cell, or one that is there, says that another one is missing."""
    table = search.table
    names = [name for name in table.names if 0 < table[name].missing.sum() < table.n_rows]
    if len(names) < 2:
        return []
    missing = np.stack([table[name].missing for name in names], axis=1)
    found: list[Rule] = []
    for when_missing in (True, False):
        given = missing if when_missing else ~missing
        breaks = given.T.astype(np.float64) @ ~missing
        for i, j in _implied(search, given, missing, breaks):
            found.append(
                Presence(
                    names[j],
                    names[i],
                    when_missing,
                    support=int(given[:, i].sum() - breaks[i, j]),
                    breaks=int(breaks[i, j]),
                    chance=float(missing[:, j].mean()),
                )
            )
    return found


def _implied(
    search: Search, given: np.ndarray, missing: np.ndarray, breaks: np.ndarray
) -> Iterator[tuple[int, int]]:
    n_columns = missing.shape[1]
    about = given.sum(axis=0)
    for i in range(n_columns):
        for j in range(n_columns):
            if i == j or not search.allows(breaks[i, j], about[i]):
                continue
            expected = about[i] * (1 - missing[:, j].mean())
            if is_no_accident(breaks[i, j], expected, 2 * n_columns * (n_columns - 1)):
                yield i, j
