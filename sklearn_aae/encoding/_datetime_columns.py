"""Columns of dates and of durations."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from sklearn_aae.encoding._axis import make_axis
from sklearn_aae.encoding._cells import as_microseconds, as_objects
from sklearn_aae.encoding._clocks import find_clock_grid, midnights, offsets_at, on_clocks
from sklearn_aae.encoding._codec import Condition
from sklearn_aae.encoding._columns import EMPTY, LETTERS, Column
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._number_columns import AxisCodec

#: How many nanoseconds each unit has, from coarse to fine.
UNITS = {"D": 86_400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9}
UNITS |= {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}

#: The digits below a day, and how many values each takes.
DIGITS = {
    "h": ("hour", 24),
    "m": ("minute", 60),
    "s": ("second", 60),
    "ms": ("millisecond", 1000),
    "us": ("microsecond", 1000),
    "ns": ("nanosecond", 1000),
}

MONTHS_A_YEAR, DAYS_A_MONTH = 12, 31
#: The years that Python's dates know; others are decoded if the training dates reach there.
FIRST_YEAR, LAST_YEAR = 1, 9999
LARGEST = int(np.iinfo(np.int64).max)
#: Entries of a dense matrix further out than this are no digits.
FAR = 1e6


def per_unit(coarse: str, fine: str) -> int:
    """Return how many of a fine unit make a coarse one."""
    return UNITS[coarse] // UNITS[fine]


def find_resolution(values: np.ndarray, unit: str) -> str:
    """Return the coarsest unit, a day at most, that all values are multiples of."""
    for coarse in UNITS:
        if not (values % per_unit(coarse, unit)).any():
            return coarse
        if coarse == unit:
            break
    return unit


class TimestampCodec(AxisCodec):
    """Levels of dates and durations; calendar digits in the dense matrix.

    Dates with a time zone are levels of instants, and their digits are those of UTC: the
    clocks of a zone show some hours twice.  Drawn instants are on the grid that its clocks
    showed in training.  Where cells have clocks of their own, these are a digit, too.

    Attributes
    ----------
    unit : str
        The unit of the axis.
    grid : ClockGrid
        What the clocks show of all training timestamps lies on it.
    finest : str
        The unit of the last calendar digit.
    offsets : ndarray of shape (n_distinct,) or None
        How far the clocks of the time zone are ahead at each training value.
    zones : list of tzinfo
        The clocks, where cells have their own, in order of their first offsets.
    clocks : ndarray of shape (n_distinct, n_zones) or None
        How many cells of each training value have each of these.
    """

    def __init__(self, column: Column, max_levels: int | str) -> None:
        self.form = column.form
        self.axis = make_axis(column, max_levels)
        self.unit = column.unit or "ns"
        self.letter = LETTERS[column.kind]
        self.finest = find_resolution(self.axis.values, self.unit)
        self.offsets: np.ndarray | None = None
        self.zones: list[Any] = []
        self.clocks: np.ndarray | None = None
        shown = self.axis.values
        if column.offsets is not None:
            shown = self._read_clocks(column)
        resolution = per_unit(find_resolution(shown, self.unit), self.unit)
        day = per_unit("D", self.unit)
        self.grid = find_clock_grid(shown, day, resolution, has_months=self.letter == "M")
        step = self.grid.step or resolution
        self.span = self._make_span(column, integer=True, unit=self.unit, resolution=step)
        # Years of dates, days of durations: the digit without natural bounds.
        self.first_digits = tuple(self._digits(self.axis.values[[0, -1]])[0].tolist())
        self.scales = [_scale(*self.first_digits), *self._fixed_scales()]
        kept = self.axis.thin()
        self.offsets = None if self.offsets is None else self.offsets[kept]
        self.clocks = None if self.clocks is None else self.clocks[kept]

    def _read_clocks(self, column: Column) -> np.ndarray:
        """Read offsets and clocks of training values, and return what the clocks show."""
        values, present = self.axis.values, column.present
        assert column.offsets is not None
        ahead = column.offsets[~column.missing]
        indices = np.searchsorted(values, present)
        self.offsets = np.zeros(len(values), dtype=np.int64)
        self.offsets[indices] = ahead
        if column.clocks is None:
            zone = self.form.zone
            if zone is not None:
                day, second = per_unit("D", self.unit), per_unit("s", self.unit)
                self.offsets = midnights(values, self.offsets, zone, day, second)
            result: np.ndarray = values + self.offsets
            return result
        clocks = column.clocks[~column.missing]
        first: dict[Any, int] = {}
        for clock, offset in zip(clocks.tolist(), ahead.tolist(), strict=True):
            first.setdefault(clock, offset)
        self.zones = sorted(first, key=lambda clock: (first[clock], str(clock)))
        self.clocks = np.zeros((len(values), len(self.zones)), dtype=np.int64)
        np.add.at(self.clocks, (indices, self._clock_indices(clocks)), 1)
        result = present + ahead
        return result

    def _clock_indices(self, clocks: np.ndarray) -> np.ndarray:
        known = {clock: i for i, clock in enumerate(self.zones)}
        # Clocks that fit did not see are those of the column's first cell.
        other = known.get(self.form.zone, 0)
        return np.array([known.get(clock, other) for clock in clocks.tolist()], dtype=np.int64)

    def _has_other_clocks(self, column: Column) -> bool:
        zoned = column.form.time_zone is not None
        return self.letter == "M" and zoned != (self.form.time_zone is not None)

    def known_levels(self, column: Column) -> np.ndarray:
        """Return the levels of the present cells; -1 with a time zone where fit saw none.

        And the reverse: what instants they are is not known.
        """
        if self._has_other_clocks(column):
            return np.full(len(column.present), -1, dtype=np.int32)
        return super().known_levels(column)

    def _check(self, column: Column) -> None:
        super()._check(column)
        if column.kind != EMPTY and self._has_other_clocks(column):
            words = {True: "without a time zone", False: "with a time zone"}
            raise TypeError(
                f"Column {self.span.name!r} has dates {words[column.form.time_zone is None]} and "
                f"had dates {words[self.form.time_zone is None]} in fit; convert them: "
                "tz_localize in pandas, dt.replace_time_zone in polars."
            )

    def _typed(self, values: np.ndarray) -> np.ndarray:
        return values.view(f"{self.letter}8[{self.unit}]")

    # ---------------------------------------------------------------- levels

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level whose training timestamps are nearest."""
        return self.axis.levels(self._in_unit(values, column))

    def _in_unit(self, values: np.ndarray, column: Column) -> np.ndarray:
        unit = column.unit or self.unit
        if UNITS[unit] <= UNITS[self.unit]:
            return values // per_unit(self.unit, unit)
        factor = per_unit(unit, self.unit)
        # What is beyond 64 bits is beyond the training range too.
        limit = LARGEST // factor
        return values.clip(-limit, limit) * factor

    def values_between(self, left: np.ndarray, right: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return timestamps of the grid, on the clock of one of two training values."""
        low, high = self.axis.values[left], self.axis.values[right]
        # The clock that is nearer, if both have their own.
        end = np.where(share < 0.5, left, right)
        before: Any = 0
        after: Any = 0
        if self.offsets is not None:
            before = self.offsets[left if self.clocks is None else end]
            after = self.offsets[right if self.clocks is None else end]
        first = self.grid.below(low + before - 1) + 1
        last = self.grid.below(high + after)
        index = first + np.rint((last - first) * share).astype(np.int64)
        values = self._instants(self.grid.value(index), before)
        return np.where(first <= last, values.clip(low, high), self.axis.values[end])

    def _instants(self, shown: np.ndarray, ahead: Any) -> np.ndarray:
        """Return when clocks show something; ``ahead`` is how far they are, or nearly are."""
        zone = self.form.zone
        if self.offsets is None or self.clocks is not None or zone is None:
            result: np.ndarray = shown - ahead
            return result
        return on_clocks(shown, ahead, zone, per_unit("s", self.unit))

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return timestamps, those with clocks of their own as datetime objects."""
        values = self.present_axis_values(levels, rng, condition)
        if self.clocks is None:
            return self._typed(values)
        return self._on_own_clocks(values, self._likely_clocks(values, rng))

    def _likely_clocks(self, values: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Return the clocks of the training values that are equal or next to timestamps."""
        assert self.clocks is not None
        assert self.offsets is not None
        right = np.searchsorted(self.axis.values, values).clip(0, len(self.axis.values) - 1)
        left = np.where(self.axis.values[right] == values, right, (right - 1).clip(0))
        shown = values + self.offsets[left]
        fits = self.grid.value(self.grid.below(shown)) == shown
        end = np.where(fits, left, right)
        below = self.clocks[end].cumsum(axis=1)
        place = below[:, -1] * (0.5 if rng is None else rng.random(len(values)))
        result: np.ndarray = (below > place[:, None]).argmax(axis=1)
        return result

    def _on_own_clocks(self, values: np.ndarray, clocks: np.ndarray) -> np.ndarray:
        cells = self.form.utc_cells(self._typed(values))
        zones = [self.zones[clock] for clock in clocks.tolist()]
        return as_objects(cell.astimezone(zone) for cell, zone in zip(cells, zones, strict=True))

    # ------------------------------------------------------------ conditions

    def as_cell(self, cell: Any, condition: Condition) -> int:
        """Return a timestamp of a condition as a whole number of the unit."""
        if self.clocks is not None:
            date = datetime.datetime.fromisoformat(cell) if isinstance(cell, str) else cell
            if getattr(date, "tzinfo", None) is None:
                raise TypeError(
                    f"The condition {condition.text} has no time zone, and the cells of the column "
                    "have several; give it one."
                )
        return as_timestamp(cell, self.letter, self.unit, self.form, condition)

    def as_text(self, value: Any) -> str:
        """Return a timestamp as text."""
        return str(self._typed(np.array([value]))[0])

    # ----------------------------------------------------------------- dense

    def dense_names(self, name: str) -> list[str]:
        """Return one name for each calendar digit."""
        first = ["year", "month", "day"] if self.letter == "M" else ["days"]
        last = [] if self.clocks is None else ["clock"]
        digits = [*first, *(DIGITS[unit][0] for unit in self._units()), *last]
        return [f"{name}_{digit}" for digit in digits]

    def _units(self) -> list[str]:
        """Return the units below a day, down to the finest one needed."""
        units = list(UNITS)
        return units[1 : units.index(self.finest) + 1]

    def _fixed_scales(self) -> list[tuple[float, float]]:
        calendar = [(1, MONTHS_A_YEAR), (1, DAYS_A_MONTH)] if self.letter == "M" else []
        return [
            *(_scale(*ends) for ends in calendar),
            *(_scale(0, DIGITS[unit][1] - 1) for unit in self._units()),
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
        """Write calendar digits, each between -1 and 1; 0 for a missing timestamp."""
        rows = np.flatnonzero(~column.missing)
        values = self._in_unit(column.present, column)
        for j, (digit, (centre, half)) in enumerate(
            zip(self._digits(values), self.scales, strict=True)
        ):
            out[rows, j] = (digit - centre) / half
        if self.clocks is not None and column.clocks is not None:
            centre, half = _scale(0, len(self.zones) - 1)
            out[rows, -1] = (self._clock_indices(column.clocks[rows]) - centre) / half

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return the timestamps that the nearest calendar digits stand for."""
        digits = [
            np.rint(block[:, j].astype(np.float64).clip(-FAR, FAR) * half + centre).astype(np.int64)
            for j, (centre, half) in enumerate(self.scales)
        ]
        first, last = self.first_digits
        if self.letter == "M":
            years = digits[0].clip(min(first, FIRST_YEAR), max(last, LAST_YEAR)) - 1970
            months = (12 * years + digits[1].clip(1, MONTHS_A_YEAR) - 1).view("M8[M]")
            start = months.astype("M8[D]")
            length = ((months + 1).astype("M8[D]") - start).view(np.int64)
            days = start.view(np.int64) + np.clip(digits[2], 1, length) - 1
            rest = digits[3:]
        else:
            days, rest = digits[0], digits[1:]
        within = np.zeros(len(block), dtype=np.int64)
        for digit, unit in zip(rest, self._units(), strict=True):
            within += digit.clip(0, DIGITS[unit][1] - 1) * per_unit(unit, self.unit)
        values = _compose(days, within, per_unit("D", self.unit))
        if self.clocks is None:
            return self._typed(self._snap(values))
        centre, half = _scale(0, len(self.zones) - 1)
        clocks = np.rint(block[:, -1].astype(np.float64).clip(-FAR, FAR) * half + centre)
        return self._on_own_clocks(values, clocks.clip(0, len(self.zones) - 1).astype(np.int64))

    def within_range(self, cells: np.ndarray) -> np.ndarray:
        """Return timestamps moved to between the first and the last of fit's."""
        if self.clocks is not None:
            return cells  # objects, each on a clock of its own
        return cells.clip(*self._typed(self.axis.values[[0, -1]]))

    def _snap(self, values: np.ndarray) -> np.ndarray:
        """Return timestamps of the training range on the grid: the nearest ones."""
        first, last = self.axis.values[[0, -1]]
        within = (first <= values) & (values <= last)
        inside = np.where(within, values, first)
        ahead: Any = 0
        zone = self.form.zone
        if self.offsets is not None and zone is not None:
            ahead = offsets_at(inside, zone, per_unit("s", self.unit))
        shown = inside + ahead
        below = self.grid.below(shown)
        near, far = self.grid.value(below), self.grid.value(below + 1)
        snapped = np.where(shown - near <= far - shown, near, far)
        changed = within & (snapped != shown)
        return np.where(changed, self._instants(snapped, ahead).clip(first, last), values)


def _compose(days: np.ndarray, within: np.ndarray, a_day: int) -> np.ndarray:
    """Return timestamps of days and what comes on top; what 64 bits cannot hold is an end.

    Nanoseconds reach from 1677 to 2262 only, and from and to a part of a day.
    """
    reach = LARGEST // a_day
    days = days.clip(-reach - 1, reach)
    within = np.minimum(within, LARGEST - days.clip(0) * a_day)
    # The smallest whole number stands for NaT.
    first = (reach + 1) * a_day - LARGEST
    within = np.where(days < -reach, np.maximum(within, first), within)
    # The first day begins below 64 bits; the sum is right modulo 2**64.
    result: np.ndarray = days * a_day + within
    return result


def _scale(low: float, high: float) -> tuple[float, float]:
    """Return the centre and half the width of a range."""
    return (low + high) / 2, max((high - low) / 2, 0.5)


def as_timestamp(cell: Any, letter: str, unit: str, form: Form, condition: Condition) -> int:
    """Return a date or duration of a condition as a whole number of a unit.

    Dates without a time zone are read on the clocks of the column's.
    """
    try:
        if letter == "m":
            timestamp: Any = getattr(cell, "to_timedelta64", lambda: np.timedelta64(cell))()
        elif isinstance(cell, np.datetime64):
            timestamp = cell
        else:
            timestamp = _instant(cell, form)
        if np.isnat(timestamp) or np.datetime_data(timestamp.dtype)[0] == "generic":
            raise ValueError("it has no unit")
        return int(timestamp.astype(f"{letter}8[{unit}]").astype(np.int64))
    except (TypeError, ValueError, OverflowError) as error:
        kind = "date" if letter == "M" else "duration"
        raise TypeError(
            f"The condition {condition.text} is on {kind}s; {cell!r} cannot be read as one: "
            f"{error}."
        ) from error


def _instant(cell: Any, form: Form) -> np.datetime64:
    if isinstance(cell, str):
        cell = datetime.datetime.fromisoformat(cell)
    if not isinstance(cell, datetime.date):
        raise TypeError(f"it is of type {type(cell).__name__}")
    zone = form.zone
    if not isinstance(cell, datetime.datetime):
        cell = datetime.datetime.combine(cell, datetime.time())
    if zone is None and cell.tzinfo is not None:
        raise TypeError("it has a time zone, and the column has none")
    if zone is not None:
        aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=zone)
        cell = aware.astimezone(datetime.UTC)
    if hasattr(cell, "to_datetime64"):  # pandas: nanoseconds, in UTC
        result: np.datetime64 = cell.to_datetime64()
        return result
    return np.datetime64(as_microseconds(cell), "us")
