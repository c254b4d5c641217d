"""Columns of dates and of durations."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np

from sklearn_aae._cells import as_microseconds
from sklearn_aae._layout import Span
from sklearn_aae.encoding._codec import Condition
from sklearn_aae.encoding._columns import DATETIME, Column
from sklearn_aae.encoding._number_columns import AxisCodec

#: Units from coarse to fine, with how many of each make one of the unit before it.
UNITS = {"D": 1, "h": 24, "m": 60, "s": 60, "ms": 1000, "us": 1000, "ns": 1000}
FIELDS = {
    "h": "hour",
    "m": "minute",
    "s": "second",
    "ms": "millisecond",
    "us": "microsecond",
    "ns": "nanosecond",
}
MONTHS_A_YEAR, DAYS_A_MONTH = 12, 31


def per_unit(coarse: str, fine: str) -> int:
    """Return how many of a fine unit make a coarse one."""
    units = list(UNITS)
    return math.prod(UNITS[unit] for unit in units[units.index(coarse) + 1 : units.index(fine) + 1])


def find_resolution(values: np.ndarray, unit: str) -> str:
    """Return the coarsest unit, a day at most, that all values are multiples of."""
    for coarse in UNITS:
        if not (values % per_unit(coarse, unit)).any():
            return coarse
        if coarse == unit:
            break
    return unit


class MomentCodec(AxisCodec):
    """Levels of dates and durations; calendar digits in the dense matrix.

    Attributes
    ----------
    resolution : str
        The unit that drawn and decoded moments are multiples of.
    unit : str
        The unit of the axis.
    """

    def __init__(self, column: Column, max_levels: int | str) -> None:
        self.unit = column.unit or "ns"
        self.letter = "M" if column.kind == DATETIME else "m"
        self.resolution = find_resolution(column.present, self.unit)
        self.step = per_unit(self.resolution, self.unit)
        self._fit_axis(column, max_levels, integer=True, unit=self.unit, resolution=self.step)
        first, last = self._digits(self.axis.values[[0, -1]])[0]
        self.span_of_first = float(first), float(last)
        self.scales = [self._scale(first, last), *self._fixed_scales()]

    span: Span

    def _typed(self, values: np.ndarray) -> np.ndarray:
        return values.view(f"{self.letter}8[{self.unit}]")

    # ---------------------------------------------------------------- levels

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level whose training moments are nearest."""
        return self.axis.levels(self._in_unit(values, column))

    def _in_unit(self, values: np.ndarray, column: Column) -> np.ndarray:
        if column.unit in (None, self.unit):
            return values
        moments = values.view(f"{self.letter}8[{column.unit}]")
        return moments.astype(f"{self.letter}8[{self.unit}]").view(np.int64)

    def round(self, values: np.ndarray) -> np.ndarray:
        """Return moments that are multiples of the resolution."""
        return values - (values + self.step // 2) % self.step + self.step // 2

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return moments."""
        return self._typed(self.present_axis_values(levels, rng, condition))

    # ------------------------------------------------------------ conditions

    def as_cell(self, cell: Any, condition: Condition) -> int:
        """Return a moment of a condition as a whole number of the unit."""
        try:
            moment = _moment(cell) if self.letter == "M" else np.timedelta64(cell)
            return int(moment.astype(f"{self.letter}8[{self.unit}]").astype(np.int64))
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"The condition {condition.text} is on a column of {self.span.kind}s; {cell!r} "
                f"cannot be read as one ({error})."
            ) from error

    def as_text(self, value: Any) -> str:
        """Return a moment as text."""
        return str(self._typed(np.array([value]))[0])

    # ----------------------------------------------------------------- dense

    def dense_names(self, name: str) -> list[str]:
        """Return one name for each calendar digit."""
        first = ["year", "month", "day"] if self.letter == "M" else ["days"]
        return [f"{name}_{field}" for field in [*first, *map(FIELDS.get, self._units())]]

    def _units(self) -> list[str]:
        """Return the units below a day, down to the resolution."""
        units = list(UNITS)
        return units[1 : units.index(self.resolution) + 1]

    @staticmethod
    def _scale(low: float, high: float) -> tuple[float, float]:
        """Return centre and half the width of a range."""
        return (low + high) / 2, max((high - low) / 2, 0.5)

    def _fixed_scales(self) -> list[tuple[float, float]]:
        calendar = [(1, MONTHS_A_YEAR), (1, DAYS_A_MONTH)] if self.letter == "M" else []
        return [
            *(self._scale(*ends) for ends in calendar),
            *(self._scale(0, UNITS[unit] - 1) for unit in self._units()),
        ]

    def _digits(self, values: np.ndarray) -> list[np.ndarray]:
        days, rest = np.divmod(values, per_unit("D", self.unit))
        digits = [days]
        if self.letter == "M":
            dates = days.view("M8[D]")
            months = dates.astype("M8[M]")
            years = dates.astype("M8[Y]").view(np.int64)
            month = months.view(np.int64) - 12 * years + 1
            digits = [years + 1970, month, (dates - months.astype("M8[D]")).view(np.int64) + 1]
        for unit in self._units():
            digit, rest = np.divmod(rest, per_unit(unit, self.unit))
            digits.append(digit)
        return digits

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write calendar digits, each between -1 and 1; 0 for a missing moment."""
        rows = np.flatnonzero(~column.missing)
        values = self._in_unit(column.present, column)
        for j, (digit, (centre, half)) in enumerate(
            zip(self._digits(values), self.scales, strict=True)
        ):
            out[rows, j] = (digit - centre) / half

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return the moments that the nearest calendar digits stand for."""
        digits = [
            np.rint(block[:, j].astype(np.float64) * half + centre).astype(np.int64)
            for j, (centre, half) in enumerate(self.scales)
        ]
        limits = [None] * (3 if self.letter == "M" else 1) + [UNITS[u] - 1 for u in self._units()]
        days, n_first = digits[0], 1
        if self.letter == "M":
            years = digits[0].clip(*self._year_limits()) - 1970
            months = (12 * years + digits[1].clip(1, MONTHS_A_YEAR) - 1).view("M8[M]")
            start = months.astype("M8[D]")
            length = ((months + 1).astype("M8[D]") - start).view(np.int64)
            days = start.view(np.int64) + np.clip(digits[2], 1, length) - 1
            n_first = 3
        values = days * per_unit("D", self.unit)
        for digit, limit, unit in zip(
            digits[n_first:], limits[n_first:], self._units(), strict=True
        ):
            values += digit.clip(0, limit) * per_unit(unit, self.unit)
        return self._typed(values)

    def _year_limits(self) -> tuple[int, int]:
        first, last = self.span_of_first
        # Nanoseconds of 64 bits reach from 1677 to 2262, dates of Python from 1 to 9999.
        low, high = (1678, 2261) if self.unit == "ns" else (1, 9999)
        return int(min(first, low)), int(max(last, high))


def _moment(cell: Any) -> np.datetime64:
    if isinstance(cell, str):
        cell = datetime.datetime.fromisoformat(cell)
    if isinstance(cell, datetime.date):
        if getattr(cell, "tzinfo", None) is not None:
            cell = cell.astimezone(datetime.UTC)  # type: ignore[attr-defined]
        return np.datetime64(as_microseconds(cell), "us")
    return np.datetime64(cell)
