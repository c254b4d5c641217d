"""Columns of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from sklearn_aae.encoding._axis import Axis, interpolate, make_axis
from sklearn_aae.encoding._cells import is_number
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._columns import Column
from sklearn_aae.encoding._exact import ExactNumbers
from sklearn_aae.encoding._grids import Grid, between, find_grid, snap
from sklearn_aae.encoding._layout import Span, make_span
from sklearn_aae.encoding._text_columns import TextForm

#: Numbers with more decimals than this are not rounded.
MOST_DECIMALS = 10
#: So many values are looked at first, and so many on both sides of zero before these.
SAMPLED, FEW = 1000, 4
LARGEST = float(np.finfo(np.float32).max)


def find_decimals(values: np.ndarray, storage: np.dtype) -> int | None:
    """Return to how many decimals all values are given, or None if that is not short.

    Values that came as float32 are compared as such: 0.1 has one decimal there too.
    """
    # A few values rule out most columns of measurements, the smallest of sorted ones above all.
    zero = int(np.searchsorted(values, 0))
    few = values[max(0, zero - FEW) : zero + FEW]
    each = rounded(few, np.arange(MOST_DECIMALS + 1)[:, np.newaxis])
    exact = (each.astype(storage) == few.astype(storage)).all(axis=1)
    if not exact.any():
        return None
    decimals = int(exact.argmax())
    for part in (values[:: max(1, len(values) // SAMPLED)], values):
        while (rounded(part, decimals).astype(storage) != part.astype(storage)).any():
            decimals += 1
            if decimals > MOST_DECIMALS:
                return None
    return decimals


def rounded(values: np.ndarray, decimals: int | np.ndarray) -> np.ndarray:
    """Return rounded values, those unchanged that are too large to be rounded."""
    with np.errstate(over="ignore", invalid="ignore"):
        # As np.round does, which takes one number of decimals at a time.
        scale = np.power(10.0, decimals).astype(values.dtype)
        rounded = np.rint(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)


@dataclass(frozen=True)
class Rounding:
    """How round the numbers of a column are.

    Attributes
    ----------
    decimals : int or None
        To how many decimals all are given; None for no rounding.
    grid : Grid or None
        What all lie on, if that is coarser than their decimals.
    """

    decimals: int | None
    grid: Grid | None

    @classmethod
    def of(cls, values: np.ndarray, storage: np.dtype) -> Rounding:
        """Return how round sorted distinct values are."""
        decimals = 0 if values.dtype.kind in "iu" else find_decimals(values, storage)
        return cls(decimals, find_grid(values, decimals, storage))

    def round(self, values: np.ndarray) -> np.ndarray:
        """Return numbers on the grid, or with the decimals; whole numbers as they are."""
        if values.dtype.kind != "f":
            return values
        if self.grid is not None:
            return snap(self.grid, values)
        return values if self.decimals is None else rounded(values, self.decimals)


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
            low=self._floats(self.axis.low),
            high=self._floats(self.axis.high),
            text=self.form.notation.pattern if isinstance(self.form, TextForm) else None,
            **more,
        )

    def _floats(self, values: np.ndarray) -> np.ndarray:
        """Return what values of the axis stand for as floats."""
        return values.astype(np.float64)

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

    def _cell(self, cell: Any, condition: Condition) -> Any:
        return self.as_cell(self.form.as_cell(cell), condition)

    def _allowed(self, condition: Condition) -> np.ndarray:
        values = self.axis.values
        if condition.bounds is None:
            cells = [self._cell(cell, condition) for cell in condition.allowed or []]
            allowed = _is_in(values, cells)
            if cells and not allowed.any() and not condition.missing:
                raise self._nothing(condition, " A pair (lowest, highest) asks for a range.")
            return allowed
        low, high = (
            None if end is None else self._cell(end, condition) for end in condition.bounds
        )
        if low is not None and high is not None and low > high:
            raise ValueError(f"The condition {condition.text} is an empty range.")
        allowed = np.ones(len(values), dtype=bool)
        if values.dtype.kind in "iu":
            # numpy would make floats of whole numbers to compare them with one.
            low = math.ceil(low) if low is not None and math.isfinite(low) else low
            high = math.floor(high) if high is not None and math.isfinite(high) else high
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


def _is_in(values: np.ndarray, cells: list[Any]) -> np.ndarray:
    """Return which values of an axis are among some cells, whole numbers digit by digit."""
    if values.dtype.kind in "iu":
        ends = np.iinfo(values.dtype)
        whole = [int(cell) for cell in cells if math.isfinite(cell) and cell == int(cell)]
        cells = [cell for cell in whole if ends.min <= cell <= ends.max]
    return np.isin(values, np.array(cells, dtype=values.dtype))


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
    exact : ExactNumbers or None
        What the whole numbers of the axis stand for, if float64 could not hold the numbers.
    """

    def __init__(self, column: Column, max_levels: int | str) -> None:
        self.form = column.form
        self.exact: ExactNumbers | None = None
        if column.exact is not None:
            self.exact = ExactNumbers(column.exact[~column.missing])
            counts = np.zeros(len(column.missing), dtype=np.int64)
            counts[~column.missing] = self._indices(column)
            column = replace(column, values=counts, storage=counts.dtype)
        self.axis = make_axis(column, max_levels)
        self.storage = column.storage
        self.grid: Grid | None = None
        self.span = self._span_of_exact(column) if self.exact else self._span_of(column)
        values, counts = self.axis.values.astype(np.float64), self.axis.counts
        # In units of the largest, for sums and squares of large numbers may overflow.
        unit = float(np.abs(values).max()) or 1.0
        mean = np.average(values / unit, weights=counts)
        spread = np.sqrt(np.average((values / unit - mean) ** 2, weights=counts))
        self.centre = float(mean * unit)
        self.scale = float(spread * unit) or 1.0
        self.axis.thin()

    def _span_of(self, column: Column) -> Span:
        values = self.axis.values
        rounding = Rounding.of(values, column.storage)
        self.grid, decimals = rounding.grid, rounding.decimals
        step = None if self.grid is None else self.grid.step
        return self._make_span(column, integer=decimals == 0, decimals=decimals, step=step)

    def _span_of_exact(self, column: Column) -> Span:
        assert self.exact is not None
        decimals, step = self.exact.most_decimals, self.exact.step
        return self._make_span(column, integer=decimals == 0, decimals=decimals, step=step)

    def _floats(self, values: np.ndarray) -> np.ndarray:
        return super()._floats(values) if self.exact is None else self.exact.floats(values)

    def _indices(self, column: Column) -> np.ndarray:
        """Return what stands for the present cells of a column, as exact as it has them."""
        assert self.exact is not None
        cells = column.values if column.exact is None else column.exact
        return self.exact.indices(cells[~column.missing].tolist())

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level whose training values are nearest."""
        return self.axis.levels(values if self.exact is None else self._indices(column))

    def as_cell(self, cell: Any, condition: Condition) -> Any:
        """Return a number of a condition, or what stands for it on the axis."""
        if not is_number(cell):
            raise TypeError(f"The condition {condition.text} is on numbers; {cell!r} is none.")
        if self.exact is not None and math.isfinite(cell):
            return self.exact.index(cell)
        if self.storage.kind == "f":
            # 0.1 means the float32 that comes nearest, in a column of these.
            return float(np.array(float(cell)).astype(self.storage))
        # Not as a float, which has fewer digits.
        is_whole = isinstance(cell, Integral) or (math.isfinite(cell) and cell == int(cell))
        return int(cell) if is_whole else float(cell)

    def as_text(self, value: Any) -> str:
        """Return a value of the axis as text."""
        return str(value if self.exact is None else self.exact.cells(np.array([value]))[0])

    def values_between(self, left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return numbers at a share of the way between two training values."""
        low, high = self.axis.values[left], self.axis.values[right]
        if self.grid is not None:
            return between(self.grid, low, high, share)
        # Neighbouring training values are round themselves, but a step may be longer.
        result: np.ndarray = np.clip(self.round(interpolate(low, high, share)), low, high)
        return result

    def round(self, values: np.ndarray) -> np.ndarray:
        """Return numbers on the grid, or with the decimals, of the training values."""
        return Rounding(self.span.decimals, self.grid).round(values)

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return numbers."""
        values = self.present_axis_values(levels, rng, condition)
        return values if self.exact is None else self.exact.cells(values)

    def dense_names(self, name: str) -> list[str]:
        """Return the column's name."""
        return [name]

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write standardised numbers, 0 for a missing one."""
        values = np.full(len(column.missing), self.centre)
        present = column.present if self.exact is None else self._indices(column)
        values[~column.missing] = present.astype(np.float64)
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
        whole = np.clip(np.where(close, nearest, cast), ends.min, ends.max)
        return whole if self.exact is None else self.exact.cells(whole)
