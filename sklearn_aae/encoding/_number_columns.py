"""Columns of numbers."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from sklearn_aae.encoding._axis import Axis, interpolate, make_axis
from sklearn_aae.encoding._cells import is_number
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._columns import Column
from sklearn_aae.encoding._grids import between, find_grid, snap
from sklearn_aae.encoding._layout import Span, make_span

#: Numbers with more decimals than this are not rounded.
MOST_DECIMALS = 10
#: So many values are looked at first.
SAMPLED = 1000
LARGEST = float(np.finfo(np.float32).max)


def find_decimals(values: np.ndarray, storage: np.dtype) -> int | None:
    """Return to how many decimals all values are given, or None if that is not short.

    Values that came as float32 are compared as such: 0.1 has one decimal there too.
    """
    decimals = 0
    # A few values rule out most columns of measurements.
    for part in (values[:: max(1, len(values) // SAMPLED)], values):
        while (_rounded(part, decimals).astype(storage) != part.astype(storage)).any():
            decimals += 1
            if decimals > MOST_DECIMALS:
                return None
    return decimals


def _rounded(values: np.ndarray, decimals: int) -> np.ndarray:
    """Return rounded values, those unchanged that are too large to be rounded."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values, decimals)
    return np.where(np.isfinite(rounded), rounded, values)


class AxisCodec(ColumnCodec):
    """Levels on an axis: numbers, dates and durations.

    Attributes
    ----------
    axis : Axis
        The training values, cut into levels.
    """

    axis: Axis

    def _make_span(self, column: Column, **more: Any) -> Span:
        return make_span(
            column.name,
            column.kind,
            self.axis.level_counts,
            int(column.missing.sum()),
            ordered=True,
            repeats=self.axis.repeats,
            low=self.axis.low.astype(np.float64),
            high=self.axis.high.astype(np.float64),
            **more,
        )

    def as_cell(self, cell: Any, condition: Condition) -> Any:
        """Return a cell of a condition as a value of the axis, or raise TypeError."""
        raise NotImplementedError

    def values_between(self, left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return values at a share of the way between two training values, given by index.

        They are as precise as the training values are, and on their grid.
        """
        raise NotImplementedError

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level whose training values are nearest."""
        return self.axis.levels(values)

    def present_axis_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return values of the axis for levels."""
        allowed = None if condition is None else self._allowed(condition)
        if rng is None or self.axis.repeats:
            return self.axis.pick(levels, rng, allowed)
        return self.values_between(*self.axis.between(levels, rng, allowed))

    def present_shares(self, condition: Condition) -> np.ndarray:
        """Return the share of each present level's rows that meets a condition."""
        return self.axis.level_shares(self._allowed(condition))

    def _allowed(self, condition: Condition) -> np.ndarray:
        values = self.axis.values
        if condition.bounds is None:
            cells = [self.as_cell(cell, condition) for cell in condition.allowed or []]
            allowed = np.isin(values, np.array(cells)) if cells else np.zeros(len(values), bool)
            if cells and not allowed.any() and not condition.missing:
                raise self._nothing(condition, " A pair (lowest, highest) asks for a range.")
            return allowed
        low, high = (
            None if end is None else self.as_cell(end, condition) for end in condition.bounds
        )
        if low is not None and high is not None and low > high:
            raise ValueError(f"The condition {condition.text} is an empty range.")
        allowed = np.ones(len(values), dtype=bool)
        if low is not None:
            allowed &= values >= low
        if high is not None:
            allowed &= values <= high
        if not allowed.any():
            raise self._nothing(condition)
        return allowed

    def _nothing(self, condition: Condition, advice: str = "") -> ValueError:
        first, last = (self.as_text(value) for value in self.axis.values[[0, -1]])
        kept = " that was kept" if self.axis.thinned else ""
        return ValueError(
            f"No training row{kept} meets the condition {condition.text}; values go from {first} "
            f"to {last}.{advice}"
        )

    def as_text(self, value: Any) -> str:
        """Return a value of the axis as text."""
        return str(value)


class NumberCodec(AxisCodec):
    """Levels of numbers; standardised in the dense matrix.

    Attributes
    ----------
    centre, scale : float
        Mean and standard deviation of the present training values.
    storage : dtype
        What the numbers are stored as.
    grid : Grid or None
        What all training values lie on, if that is coarser than their decimals.
    """

    def __init__(self, column: Column, max_levels: int | str) -> None:
        self.form = column.form
        self.axis = make_axis(column, max_levels)
        values, counts = self.axis.values.astype(np.float64), self.axis.counts
        whole = self.axis.values.dtype.kind in "iu"
        decimals = 0 if whole else find_decimals(values, column.storage)
        self.storage = column.storage
        self.grid = find_grid(self.axis.values, decimals, column.storage)
        step = None if self.grid is None else self.grid.step
        self.span = self._make_span(column, integer=decimals == 0, decimals=decimals, step=step)
        # In units of the largest, for sums and squares of large numbers may overflow.
        unit = float(np.abs(values).max()) or 1.0
        mean = np.average(values / unit, weights=counts)
        spread = np.sqrt(np.average((values / unit - mean) ** 2, weights=counts))
        self.centre = float(mean * unit)
        self.scale = float(spread * unit) or 1.0
        self.axis.thin()

    def as_cell(self, cell: Any, condition: Condition) -> Any:
        """Return a number of a condition."""
        if not is_number(cell):
            raise TypeError(f"The condition {condition.text} is on numbers; {cell!r} is none.")
        if self.storage.kind == "f":
            # 0.1 means the float32 that comes nearest, in a column of these.
            return float(np.array(float(cell)).astype(self.storage))
        return int(cell) if isinstance(cell, Integral) else float(cell)

    def values_between(self, left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return numbers at a share of the way between two training values."""
        low, high = self.axis.values[left], self.axis.values[right]
        if self.grid is not None:
            return between(self.grid, low, high, share)
        # Neighbouring training values are round themselves, but a step may be longer.
        return np.clip(self.round(interpolate(low, high, share)), low, high)

    def round(self, values: np.ndarray) -> np.ndarray:
        """Return numbers on the grid, or with the decimals, of the training values."""
        decimals = self.span.decimals
        if values.dtype.kind == "f" and self.grid is not None:
            return snap(self.grid, values)
        if decimals is None or values.dtype.kind != "f":
            return values
        return _rounded(values, decimals)

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return numbers."""
        return self.present_axis_values(levels, rng, condition)

    def dense_names(self, name: str) -> list[str]:
        """Return the column's name."""
        return [name]

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write standardised numbers, 0 for a missing one."""
        values = np.where(column.missing, self.centre, column.values.astype(np.float64))
        # Halves, for the distance of two finite numbers may be infinite.
        with np.errstate(over="ignore"):
            scaled = (values / 2 - self.centre / 2) / self.scale
        out[:, 0] = np.clip(scaled, -LARGEST / 2, LARGEST / 2) * 2

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return numbers: training values where float32 cannot tell them apart from these."""
        ends = np.finfo(self.storage) if self.storage.kind == "f" else np.iinfo(self.storage)
        with np.errstate(over="ignore"):
            values = block[:, 0].astype(np.float64) * self.scale + self.centre
            values = self.round(np.clip(values, float(ends.min), float(ends.max)))
            slack = np.abs(values - self.centre) * 2.0**-23 + np.abs(values) * 2.0**-50
            nearest = self.axis.nearest(values)
            close = np.abs(nearest.astype(np.float64) - values) <= slack
        if self.axis.values.dtype.kind == "f":
            return np.where(close, nearest, values)
        cast = self.axis.cast(values)
        return np.clip(np.where(close, nearest, cast), ends.min, ends.max)
