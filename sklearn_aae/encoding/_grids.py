"""Grids that all values of a column lie on: values that are drawn between them do, too."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

#: Fewer distinct values than this lie on some grid by chance.
FEWEST = 12
#: Steps are sought among the smallest distance and these parts of it.
PARTS = (1, 2, 3, 4, 5, 6)
#: Denominators of rounded fractions such as 0.33 and 0.67; of others.
MOST_THIRDS, MOST_DENOMINATOR = 100, 1000
POWERS = tuple(2**k for k in range(7, 17))
#: Values looked at first: few rule most denominators out, more nearly all the others.
FEW, SAMPLED = 16, 1000
#: Whole numbers that float64 holds one by one; dates and months that are written as numbers.
EXACT = 2.0**53
DATES, MONTHS = (1000_01_01, 9999_12_31), (1000_01, 9999_12)
#: The longest month.
DAYS = 31


class Grid(Protocol):
    """Values that are counted."""

    @property
    def step(self) -> float | None:
        """How far neighbours are from each other; None where that differs."""

    def index(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the nearest value of the grid, int64."""

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""


@dataclass(frozen=True)
class WholeSteps:
    """``start + size * i`` in whole numbers of 64 bits, with or without a sign."""

    start: np.integer
    size: int

    @property
    def step(self) -> float:
        """The size of a step."""
        return float(self.size)

    def index(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the nearest value of the grid, int64."""
        below = values < self.start
        # Modulo 2**64 the distance is right whatever the signs.
        ahead = values.view(np.uint64) - self.start.view(np.uint64)
        ahead = np.where(below, np.uint64(0) - ahead, ahead)
        size = np.uint64(self.size)
        steps = (ahead // size + (ahead % size > size // np.uint64(2))).astype(np.int64)
        return np.where(below, -steps, steps)

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""
        steps = index.view(np.uint64) * np.uint64(self.size)
        return (self.start.view(np.uint64) + steps).view(self.start.dtype)


@dataclass(frozen=True)
class FractionSteps:
    """``(start + size * i) / denominator``, rounded to ``decimals`` if there are some."""

    start: int
    size: int
    denominator: int
    decimals: int | None = None

    @property
    def step(self) -> float:
        """The size of a step."""
        return self.size / self.denominator

    def index(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the nearest value of the grid, int64."""
        steps = (values * self.denominator - self.start) / self.size
        result: np.ndarray = np.rint(steps.clip(-EXACT, EXACT)).astype(np.int64)
        return result

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""
        values = (self.start + self.size * index) / self.denominator
        return values if self.decimals is None else np.round(values, self.decimals)


@dataclass(frozen=True)
class RealSteps:
    """``start + size * i`` of any size."""

    start: float
    size: float

    @property
    def step(self) -> float:
        """The size of a step."""
        return self.size

    def index(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the nearest value of the grid, int64."""
        steps = values / self.size - self.start / self.size
        result: np.ndarray = np.rint(steps.clip(-EXACT, EXACT)).astype(np.int64)
        return result

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""
        return self.start + self.size * index


@dataclass(frozen=True)
class DateNumbers:
    """Dates or months that are written as whole numbers: YYYYMMDD, YYYYMM.

    ``start`` and ``size`` count days or months since 1970.
    """

    has_days: bool
    dtype: np.dtype
    start: int = 0
    size: int = 1
    step = None

    def count(self, values: np.ndarray) -> np.ndarray:
        """Return days or months since 1970; what is no date becomes one nearby."""
        ends = DATES if self.has_days else MONTHS
        whole = np.rint(values).clip(*ends).astype(np.int64)
        day = None
        if self.has_days:
            whole, day = np.divmod(whole, 100)
        year, month = np.divmod(whole, 100)
        months: np.ndarray = 12 * (year - 1970) + month.clip(1, 12) - 1
        if day is None:
            return months
        first = months.view("M8[M]").astype("M8[D]")
        length = ((months + 1).view("M8[M]").astype("M8[D]") - first).view(np.int64)
        days: np.ndarray = first.view(np.int64) + day.clip(1, length) - 1
        return days

    def write(self, count: np.ndarray) -> np.ndarray:
        """Return days or months since 1970 as they are written."""
        days = count.view("M8[D]") if self.has_days else None
        months = count if days is None else days.astype("M8[M]").view(np.int64)
        years = months // 12
        written = 100 * (years + 1970) + months - 12 * years + 1
        if days is not None:
            day = (days - months.view("M8[M]").astype("M8[D]")).view(np.int64) + 1
            written = 100 * written + day
        result: np.ndarray = written.astype(self.dtype)
        return result

    def index(self, values: np.ndarray) -> np.ndarray:
        """Return the number of the nearest value of the grid, int64."""
        return np.rint((self.count(values) - self.start) / self.size).astype(np.int64)

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""
        return self.write(self.start + self.size * index)


def between(grid: Grid, left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return values of a grid that lie at a share of the way from left to right."""
    first, last = grid.index(left), grid.index(right)
    return grid.value(first + np.rint((last - first) * share).astype(np.int64))


def snap(grid: Grid, values: np.ndarray) -> np.ndarray:
    """Return the values of a grid that are nearest to floats; very large ones unchanged."""
    near = np.where(np.abs(values) < EXACT, values, 0.0)
    if isinstance(grid, WholeSteps):
        # As floats, for the nearest one may be beyond the whole numbers of 64 bits.
        snapped = np.rint((near - float(grid.start)) / grid.size) * grid.size + float(grid.start)
    else:
        snapped = grid.value(grid.index(near)).astype(np.float64)
    return np.where(np.abs(values) < EXACT, snapped, values)


def common_step(whole: np.ndarray) -> int:
    """Return the greatest step that sorted whole numbers are multiples of from each other."""
    steps = whole[1:].view(np.uint64) - whole[:-1].view(np.uint64)
    few = int(np.gcd.reduce(steps[:FEW]))
    return few if few == 1 else int(np.gcd.reduce(np.unique(steps)))


def find_grid(values: np.ndarray, decimals: int | None, storage: np.dtype) -> Grid | None:
    """Return the grid that sorted distinct numbers lie on.

    None if there is none, if it is that of the decimals, or if there are too few numbers
    to tell.
    """
    if len(values) < FEWEST:
        return None
    dates = _date_numbers(values) if decimals == 0 else None
    if dates is not None:
        return dates
    if values.dtype.kind in "iu":
        size = common_step(values)
        return WholeSteps(values[0], size) if size > 1 else None
    if decimals is None:
        return _real_steps(values, storage)
    denominator = 10**decimals
    if np.abs(values[[0, -1]]).max() * denominator >= EXACT:
        return _real_steps(values, storage)
    whole = np.rint(values * denominator).astype(np.int64)
    size = common_step(whole)
    if size > 1:
        return FractionSteps(int(whole[0]), size, denominator, decimals)
    # Single precision has few decimals, whatever the numbers are.
    exact = _fractions(values, storage) if storage.itemsize < values.dtype.itemsize else None
    return exact or _rounded_fractions(values, decimals, storage)


def _date_numbers(values: np.ndarray) -> DateNumbers | None:
    for has_days, (low, high) in ((True, DATES), (False, MONTHS)):
        if low <= values[0] and values[-1] <= high:
            dates = DateNumbers(has_days, values.dtype)
            count = dates.count(values)
            if (dates.write(count) == values).all():
                return DateNumbers(has_days, values.dtype, int(count[0]), common_step(count))
    return None


def _rounded_fractions(
    values: np.ndarray, decimals: int, storage: np.dtype
) -> FractionSteps | None:
    """Return the steps of fractions such as thirds, written as 0.33, 0.67 and 1."""
    thirds = np.arange(3, min(MOST_THIRDS, 10**decimals // 4) + 1)
    for denominator in _denominators(thirds, values, storage, decimals):
        steps = FractionSteps(0, 1, denominator, decimals)
        if _all_on(steps, values, storage):
            return steps
    return None


def _fractions(values: np.ndarray, storage: np.dtype) -> FractionSteps | None:
    """Return the steps of fractions that were not rounded."""
    noise = 8 * float(np.finfo(storage).eps) * np.abs(values[[0, -1]]).max()
    denominators = np.array([*range(3, MOST_THIRDS + 1), *POWERS])
    # Near very large numbers of single precision, all are fractions.
    for denominator in _denominators(denominators[noise * denominators < 0.1], values, storage):
        steps = FractionSteps(0, 1, denominator)
        if _all_on(steps, values, storage):
            return steps
    return None


def _denominators(
    tried: np.ndarray, values: np.ndarray, storage: np.dtype, decimals: int | None = None
) -> list[int]:
    """Return the denominators that a few of the values speak for, all tried at once."""
    few = values[:: max(1, len(values) // FEW)]
    nearest = np.rint((few * tried[:, None]).clip(-EXACT, EXACT)) / tried[:, None]
    if decimals is not None:
        nearest = np.round(nearest, decimals)
    spoken_for = (nearest.astype(storage) == few.astype(storage)).all(axis=1)
    return [int(denominator) for denominator in tried[spoken_for]]


def _real_steps(values: np.ndarray, storage: np.dtype) -> Grid | None:
    """Return steps of any size, as fractions if they are: halves of a tenth, thirds."""
    fractions = _fractions(values, storage)
    if fractions is not None:
        return fractions
    noise = 8 * float(np.finfo(storage).eps) * np.abs(values[[0, -1]]).max()
    with np.errstate(over="ignore"):
        span, smallest = values[-1] - values[0], np.diff(values).min()
        unclear = (noise / smallest) * (span / smallest)
    # Rounding would hide whether a value is on the grid, or how many steps there are.
    if unclear >= 0.1 / PARTS[-1] ** 2:
        return None
    for part in PARTS:
        size = span / np.rint(span / smallest * part)
        steps = RealSteps(float(values[0]), float(size))
        if not _all_near(steps, values, noise):
            continue
        ratio = Fraction(float(size)).limit_denominator(MOST_DENOMINATOR)
        if ratio:
            start = int(np.rint(values[0] * ratio.denominator))
            exact = FractionSteps(start, ratio.numerator, ratio.denominator)
            if _all_on(exact, values, storage):
                return exact
        return steps
    return None


def _all_on(grid: Grid, values: np.ndarray, storage: np.dtype) -> bool:
    """Return whether all values are those of a grid, compared as they came."""
    return all(
        (grid.value(grid.index(part)).astype(storage) == part.astype(storage)).all()
        for part in (values[:: max(1, len(values) // SAMPLED)], values)
    )


def _all_near(grid: Grid, values: np.ndarray, noise: float) -> bool:
    return all(
        bool((np.abs(grid.value(grid.index(part)) - part) <= noise).all())
        for part in (values[:: max(1, len(values) // SAMPLED)], values)
    )
