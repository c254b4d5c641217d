"""What holds of one column by itself, and where cells are missing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np

from sklearn_aae.encoding import DURATION, NUMBER
from sklearn_aae.encoding._comparable import is_rounding_noise
from sklearn_aae.rules._base import Rule, as_decimal, as_text, as_units, decimals_of, not_numbers
from sklearn_aae.rules._table import Cells, RuleTable, in_one_unit
from sklearn_aae.typing import Label, Number


@dataclass(frozen=True, repr=False)
class Presence(Rule):
    """A cell is missing wherever another one is, or wherever another one is not.

    Parameters
    ----------
    column : label
        The column whose cells are missing.
    given : label
        The column that says where.
    when_missing : bool, default=True
        Whether ``column`` is missing where ``given`` is; False: where ``given`` is not.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Presence
    >>> Presence("delivered", "sent")
    delivered is missing where sent is
    >>> Presence(1, 0).broken([[1.0, 2.0], [float("nan"), 2.0]])
    array([False,  True])
    """

    column: Label
    given: Label
    when_missing: bool = True

    @property
    def columns(self) -> tuple[Label, ...]:
        """The column, and the one that says where it is missing."""
        return self.column, self.given

    def __str__(self) -> str:
        where = "is" if self.when_missing else "is not"
        return f"{self.column} is missing where {self.given} {where}"

    def _speaks(self, table: RuleTable) -> np.ndarray:
        result: np.ndarray = table[self.given].missing == self.when_missing
        return result

    def _broken(self, table: RuleTable) -> np.ndarray:
        return ~table[self.column].missing


@dataclass(frozen=True, repr=False)
class Unique(Rule):
    """No two rows have the same cell.

    Parameters
    ----------
    column : label
        The column.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Unique
    >>> Unique("name")
    name is unique
    >>> Unique(0).broken([["Ann"], ["Ben"], ["Ann"]])
    array([False, False,  True])
    """

    column: Label

    by_row: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[Label, ...]:
        """The column."""
        return (self.column,)

    def __str__(self) -> str:
        return f"{self.column} is unique"

    def _broken(self, table: RuleTable) -> np.ndarray:
        codes = table[self.column].codes
        _, first = np.unique(codes, return_index=True)
        again = np.ones(table.n_rows, dtype=bool)
        again[first] = False
        return again


@dataclass(frozen=True, repr=False)
class RunningNumber(Rule):
    """A column counts the rows.

    Parameters
    ----------
    column : label
        The column: whole numbers, or any that rise by one step from row to row.
    start : int or float, default=1
        The first number.
    step : int or float, default=1
        How far numbers of neighbouring rows are apart.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Notes
    -----
    Rows may come in any order, and some may be left out: broken is the rule by a number that
    comes again, or is not among ``start``, ``start + step``, and so on.

    Examples
    --------
    >>> from sklearn_aae.rules import RunningNumber
    >>> RunningNumber("id")
    id is a running number
    >>> RunningNumber(0).broken([[1], [2], [2], [0]])
    array([False, False,  True,  True])
    """

    column: Label
    start: Number = 1
    step: Number = 1

    by_row: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        start, step = self._start_and_step
        self._set(start=start, step=step)
        if not step:
            raise ValueError("step must not be 0.")

    @property
    def columns(self) -> tuple[Label, ...]:
        """The column."""
        return (self.column,)

    @property
    def _start_and_step(self) -> tuple[Decimal, Decimal]:
        return as_decimal(self.start, "start"), as_decimal(self.step, "step")

    def __str__(self) -> str:
        _, step = self._start_and_step
        steps = "" if abs(step) == 1 else f" in steps of {as_text(step)}"
        return f"{self.column} is a running number{steps}"

    def _misfit(self, cells: list[Cells]) -> str | None:
        return not_numbers(cells, {NUMBER, DURATION})

    def _broken(self, table: RuleTable) -> np.ndarray:
        found = in_one_unit([table[self.column]], decimals_of(self._start_and_step))
        if found is None:
            return np.ones(table.n_rows, dtype=bool)
        (values,), decimals = found
        start, step = (as_units(number, decimals) for number in self._start_and_step)
        count = (values - start) // step
        off = (count < 0) | (count * step != values - start)
        result: np.ndarray = off | Unique(self.column)._broken(table)
        return result


@dataclass(frozen=True, repr=False)
class Bounds(Rule):
    """Numbers lie between two ends, and on a grid.

    Parameters
    ----------
    column : label
        A column of numbers.
    low, high : int, float or None, default=None
        The least and the largest number; None: there is no end.
    whole : bool, default=False
        Whether all numbers are whole.
    step : int, float or None, default=None
        How far neighbours on the grid are apart.
    origin : int or float, default=0
        A number on the grid.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Bounds
    >>> Bounds("minutes", low=0, whole=True, step=15)
    minutes >= 0, whole, steps of 15
    >>> Bounds(0, low=0, high=100).broken([[50], [-1], [101]])
    array([False,  True,  True])
    """

    column: Label
    low: Number | None = None
    high: Number | None = None
    whole: bool = False
    step: Number | None = None
    origin: Number = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        (low, high), (step, origin) = self.ends, self.grid
        self._set(low=low, high=high, step=step, origin=origin)
        if low is not None and high is not None and low > high:
            raise ValueError(f"low must not be above high; got {low} and {high}.")
        if step is not None and step <= 0:
            raise ValueError(f"step must be positive; got {step}.")

    @property
    def columns(self) -> tuple[Label, ...]:
        """The column."""
        return (self.column,)

    @property
    def ends(self) -> tuple[Decimal | None, Decimal | None]:
        """The least and the largest number, exactly."""
        return _decimal(self.low, "low"), _decimal(self.high, "high")

    @property
    def grid(self) -> tuple[Decimal | None, Decimal]:
        """How far neighbours on the grid are apart, and a number on it, exactly."""
        return _decimal(self.step, "step"), as_decimal(self.origin, "origin")

    def __str__(self) -> str:
        name = str(self.column)
        (low, high), (step, _) = self.ends, self.grid
        if low is not None and high is not None:
            parts = [f"{as_text(low)} <= {name} <= {as_text(high)}"]
        elif low is not None:
            parts = [f"{name} >= {as_text(low)}"]
        else:
            parts = [f"{name} <= {as_text(high)}" if high is not None else ""]
        parts += ["whole"] if self.whole else []
        parts += [f"steps of {as_text(step)}"] if step is not None else []
        text = ", ".join(filter(None, parts))
        return text if parts[0] else f"{name}: {text}"

    def _misfit(self, cells: list[Cells]) -> str | None:
        return not_numbers(cells, {NUMBER, DURATION})

    def _broken(self, table: RuleTable) -> np.ndarray:
        cells = table[self.column]
        numbers = [n for n in (*self.ends, *self.grid) if n is not None]
        found = in_one_unit([cells], decimals_of(numbers))
        if found is None:
            return self._broken_floats(cells)
        (values,), decimals = found

        def units(number: Decimal | None) -> int | None:
            return None if number is None else as_units(number, decimals)

        broken = self._outside(values, *map(units, self.ends))
        if self.whole:
            broken |= values % 10**decimals != 0
        step, origin = map(units, self.grid)
        if step:
            broken |= (values - origin) % step != 0
        return broken

    def _broken_floats(self, cells: Cells) -> np.ndarray:
        """Return the same where some rows have no last decimal, as it is for rows that have one."""
        values, storage = cells.values.astype(np.float64), cells.column.storage
        precision = storage if storage.kind == "f" else np.float64

        def differ(numbers: np.ndarray | float) -> np.ndarray:
            low, high = np.minimum(values, numbers), np.maximum(values, numbers)
            result: np.ndarray = ~is_rounding_noise(low, high, precision)
            return result

        low, high = (None if number is None else float(number) for number in self.ends)
        broken = self._outside(values, low, high)
        for end in (low, high):
            if end is not None:
                broken &= differ(end)
        step, origin = self.grid
        grids = [(1.0, 0.0)] if self.whole else []
        grids += [] if step is None else [(float(step), float(origin))]
        for size, start in grids:
            broken |= differ(np.rint((values - start) / size) * size + start)
        return broken

    @staticmethod
    def _outside(values: np.ndarray, low: Any, high: Any) -> np.ndarray:
        outside = np.zeros(len(values), dtype=bool)
        if low is not None:
            outside |= values < low
        if high is not None:
            outside |= values > high
        return outside


def _decimal(number: Number | None, what: str) -> Decimal | None:
    return None if number is None else as_decimal(number, what)
