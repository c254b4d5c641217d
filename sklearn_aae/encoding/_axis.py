"""Levels of values that lie on an axis: numbers, dates and durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn_aae.encoding._columns import Column

#: Levels of max_levels="auto": a tenth of the rows, but within these bounds.
FEWEST_LEVELS, MOST_LEVELS = 24, 1024
#: Of columns with more distinct values than this, so many rows of each level are kept.
MOST_VALUES, ROWS_KEPT = 65_536, 64
#: A column with fewer distinct values than this share of its rows has values that repeat.
REPEATS_SHARE = 0.3


def resolve_max_levels(max_levels: int | str, n_values: int) -> int:
    """Return how many levels a column of ``n_values`` present cells may have."""
    if max_levels == "auto":
        return int(np.clip(n_values // 10, FEWEST_LEVELS, MOST_LEVELS))
    return int(max_levels)


def equal_mass_starts(counts: np.ndarray, max_levels: int) -> np.ndarray:
    """Return where levels start among sorted distinct values with these counts.

    One level for each value if there are no more than ``max_levels`` of them.
    Otherwise bins are filled from the left until they hold their share of the rows,
    and a value that is heavier than a bin gets one of its own.
    """
    n_values = len(counts)
    if n_values <= max_levels:
        return np.arange(n_values)
    below = np.concatenate([[0], np.cumsum(counts)])
    target = below[-1] / max_levels
    while True:
        starts = _starts(counts, below, target)
        # Heavy values cut bins short, so that there may be too many at first.
        if len(starts) <= max_levels:
            return np.array(starts)
        target *= 1.05


def _starts(counts: np.ndarray, below: np.ndarray, target: float) -> list[int]:
    n_values = len(counts)
    heavy = np.append(np.flatnonzero(counts >= target), n_values)
    starts, start, i = [], 0, 0
    while start < n_values:
        starts.append(start)
        if start == heavy[i]:
            start, i = start + 1, i + 1
            continue
        end = int(np.searchsorted(below, below[start] + target, side="left"))
        start = min(max(end, start + 1), int(heavy[i]))
    return starts


class Axis:
    """Sorted training values, cut into levels.

    Parameters
    ----------
    values : ndarray of shape (n_present,), int64, uint64 or float64
        The present training cells of a column, at least one.
    max_levels : int
        The most levels to make.

    Attributes
    ----------
    values, counts : ndarray of shape (n_distinct,)
        Distinct values in order, and how often each occurs.
    starts, stops : ndarray of shape (n_levels,)
        The distinct values of level ``k`` are ``values[starts[k]:stops[k]]``.
    level_counts : ndarray of shape (n_levels,)
        Training rows in each level.
    repeats : bool
        Whether values repeat so often that only they are drawn.
    thinned : bool
        Whether only some of the values are kept.
    """

    def __init__(self, values: np.ndarray, max_levels: int) -> None:
        self.values, self.counts = np.unique(values, return_counts=True)
        self.starts = equal_mass_starts(self.counts, max_levels)
        self.stops = np.append(self.starts[1:], len(self.values))
        self.level_counts = np.add.reduceat(self.counts, self.starts)
        self.thinned = False
        self.repeats = bool(
            len(self.starts) == len(self.values) or len(self.values) < REPEATS_SHARE * len(values)
        )

    @property
    def low(self) -> np.ndarray:
        """Smallest training value of each level."""
        result: np.ndarray = self.values[self.starts]
        return result

    @property
    def high(self) -> np.ndarray:
        """Largest training value of each level."""
        result: np.ndarray = self.values[self.stops - 1]
        return result

    def thin(self) -> np.ndarray:
        """Keep evenly spaced rows of each level where a column has very many values.

        A fitted encoder would otherwise hold a copy of such a column.  The smallest
        and the largest value of each level are kept.

        Returns
        -------
        kept : ndarray of shape (n_kept,), int
            Which of the distinct values are kept.
        """
        if len(self.values) <= MOST_VALUES:
            return np.arange(len(self.values))
        below = np.concatenate([[0], np.cumsum(self.counts)])
        steps = np.linspace(0, 1, ROWS_KEPT) * (self.level_counts[:, None] - 1)
        rows = below[self.starts][:, None] + np.rint(steps).astype(np.int64)
        kept, self.counts = np.unique(_at(below[:-1], rows), return_counts=True)
        self.values, self.thinned = self.values[kept], True
        self.starts = np.searchsorted(kept, self.starts)
        self.stops = np.append(self.starts[1:], len(kept))
        return kept

    def cast(self, values: np.ndarray) -> np.ndarray:
        """Return values in the type of the axis; what lies beyond it becomes its end."""
        dtype = self.values.dtype
        if values.dtype == dtype:
            return values
        if dtype.kind == "f":
            return values.astype(dtype)
        if values.dtype.kind == "f":
            # Levels are found for halves of whole numbers too: the nearest one.
            values = np.rint(values)
        ends = np.iinfo(dtype)
        # numpy compares whole numbers of both signs exactly, and floats to 2**53.
        inside = np.where(values < ends.min, 0, np.where(values >= ends.max, 0, values))
        cast = inside.astype(dtype)
        cast[values < ends.min] = ends.min
        cast[values >= ends.max] = ends.max
        return cast

    def levels(self, values: np.ndarray) -> np.ndarray:
        """Return the level whose training values are nearest to each value."""
        values = self.cast(values)
        low, high = self.low, self.high
        levels = np.searchsorted(low, values, side="right") - 1
        np.clip(levels, 0, len(low) - 1, out=levels)
        above = np.flatnonzero((values > high[levels]) & (levels + 1 < len(low)))
        if len(above):
            here, gap = levels[above], values[above]
            levels[above] += _distance(low[here + 1], gap) < _distance(gap, high[here])
        return levels

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Return the training value that is nearest to each float."""
        known = self.values.astype(np.float64)
        right = np.minimum(np.searchsorted(known, values), len(known) - 1)
        left = np.maximum(right - 1, 0)
        lower = values / 2 - known[left] / 2 <= known[right] / 2 - values / 2
        return np.where(lower, self.values[left], self.values[right])

    def pick(
        self,
        levels: np.ndarray,
        rng: np.random.Generator | None,
        allowed: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return one of the training values of each level, by how often they occur.

        Parameters
        ----------
        levels : ndarray of shape (n,), int
            The levels.
        rng : Generator or None
            Draws; None gives the median (the lower one of two).
        allowed : ndarray of shape (n_distinct,), bool, or None
            Which of ``values`` may be returned, one or more of each level.
        """
        below, first, last = self._rows(levels, allowed)
        if rng is None:
            row = first + (last - first - 1) // 2
        else:
            row = first + np.floor(rng.random(len(levels)) * (last - first)).astype(np.int64)
        result: np.ndarray = self.values[_at(below, row)]
        return result

    def between(
        self, levels: np.ndarray, rng: np.random.Generator, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a place between neighbouring training values of each level, drawn by rows.

        Returns
        -------
        left, right : ndarray of shape (n,), int
            Indices of the neighbours in ``values``.
        share : ndarray of shape (n,)
            How far the place is on the way from the left to the right one, in [0, 1).
        """
        below, first, last = self._rows(levels, allowed)
        position = first + rng.random(len(levels)) * (last - first - 1)
        row = np.floor(position).astype(np.int64)
        left, right = _at(below, row), _at(below, np.minimum(row + 1, last - 1))
        return left, right, position - row

    def _rows(self, levels: np.ndarray, allowed: np.ndarray | None) -> tuple[Any, ...]:
        """Return the rows below each value, and the first and last row of each level.

        Rows are those of the sorted training cells; the last one is not of the level.
        """
        counts = self.counts if allowed is None else self.counts * allowed
        below = np.concatenate([[0], np.cumsum(counts)])
        first, last = below[self.starts][levels], below[self.stops][levels]
        # Values that are not allowed have no rows, so none stands beside a drawn one.
        return below[:-1], first, last

    def level_shares(self, allowed: np.ndarray) -> np.ndarray:
        """Return the share of each level's training rows whose values are allowed."""
        met = np.add.reduceat(self.counts * allowed, self.starts)
        return met / np.add.reduceat(self.counts, self.starts)


def make_axis(column: Column, max_levels: int | str) -> Axis:
    """Return the axis of a column's present cells."""
    present = column.present
    return Axis(present, resolve_max_levels(max_levels, len(present)))


def _at(below: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which distinct value stands in a row of the sorted cells."""
    return np.searchsorted(below, rows, side="right") - 1


def _distance(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    if upper.dtype.kind == "f":
        # Halves: the distance of two finite numbers may be infinite.
        return upper / 2 - lower / 2
    # Modulo 2**64 the difference is right whatever the signs.
    return upper.view(np.uint64) - lower.view(np.uint64)


def interpolate(left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return what lies at a share of the way from left to right."""
    if left.dtype.kind == "f":
        # Within the two whatever rounding does, and equal to both where they agree.
        between = left * (1 - share) + right * share
        result: np.ndarray = np.clip(between, left, right)
        return result
    step = right.view(np.uint64) - left.view(np.uint64)
    # A share below 1 of the rounded step is at most the step, as large as that may be.
    offset = np.rint(step * share).astype(np.uint64)
    result = (left.view(np.uint64) + offset).view(left.dtype)
    return result
