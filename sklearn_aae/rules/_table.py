"""Tables as rules read them: columns by label, numbers and dates in whole units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklearn_aae.encoding import (
    BOOLEAN,
    CATEGORY,
    DATETIME,
    DURATION,
    EMPTY,
    NUMBER,
    Column,
    Container,
    as_array,
    as_frame,
    columns_of,
    find_decimals,
    is_rounding_noise,
    read_column,
)
from sklearn_aae.encoding._cells import as_objects
from sklearn_aae.encoding._exact import as_fraction
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._text_columns import TextForm, parse_as, parse_text
from sklearn_aae.rules._keys import DECIMALS_OF_UNIT, as_key, as_moment, without_noise

SECONDS_A_DAY = 86_400
#: Numbers are written with at most so many decimals.
MOST_DECIMALS = 10
#: Floats below this are whole where they say so.
EXACT = 2.0**53
#: Whole numbers below this can be added a few times in 64 bits.
ROOM = 2**58
#: Decimals have no more digits after the point than whole numbers of 64 bits have.
MOST_DIGITS = 17
#: A clock with and one without a time zone do not compare.
AWARE = "datetime with a time zone"


@dataclass
class Cells:
    """The cells of one column, as rules compare them.

    Attributes
    ----------
    name : object
        Label or position.
    kind : str
        "number", "boolean", "category", "datetime", "datetime with a time zone", "duration" or
        "empty".  Only cells of one kind are compared with each other.
    missing : ndarray of shape (n_rows,), bool
        Where cells are missing.
    values : ndarray of shape (n_rows,)
        Numbers; seconds; indices of labels.  Anything where a cell is missing.
    whole : ndarray of shape (n_rows,), int64, or None
        Numbers and seconds in units of the last decimal; 0 where a cell is missing.  None if the
        numbers have no last decimal.
    decimals : int
        How many decimals these units have.
    column : Column
        What was read.
    """

    name: Any
    kind: str
    missing: np.ndarray
    values: np.ndarray
    whole: np.ndarray | None
    decimals: int
    column: Column

    @cached_property
    def levels(self) -> list[Any]:
        """The distinct cells that are there, in order, as keys (:func:`as_key`)."""
        return [self._plain(value) for value in self._found_and_codes[0].tolist()]

    @property
    def n_levels(self) -> int:
        """How many distinct cells there are."""
        return len(self._found_and_codes[0])

    @property
    def codes(self) -> np.ndarray:
        """Indices among the levels, -1 for a missing cell (n_rows,), int64."""
        return self._found_and_codes[1]

    @cached_property
    def _found_and_codes(self) -> tuple[np.ndarray, np.ndarray]:
        exact = self.column.exact
        cells = self.numbers if self.whole is None else self.whole
        if self.whole is None and exact is not None:
            cells = as_objects(map(as_fraction, np.where(self.missing, 0, exact)))
        codes = np.full(len(cells), -1)
        found, codes[~self.missing] = np.unique(cells[~self.missing], return_inverse=True)
        return found, codes

    @cached_property
    def numbers(self) -> np.ndarray:
        """The values, without the rounding noise of floats (n_rows,)."""
        if self.kind != NUMBER or self.values.dtype.kind != "f":
            return self.values
        return without_noise(self.values, self.column.storage)

    def take(self, rows: np.ndarray) -> Cells:
        """Return the cells of some rows, with the levels of all of them."""
        whole = None if self.whole is None else self.whole[rows]
        part = replace(self, missing=self.missing[rows], values=self.values[rows], whole=whole)
        part.__dict__["_found_and_codes"] = (self._found_and_codes[0], self.codes[rows])
        return part

    def _plain(self, value: Any) -> Any:
        if self.kind == CATEGORY:
            return as_key(self.column.labels[value])
        if self.kind == BOOLEAN:
            return bool(value)
        if self.kind in (DATETIME, AWARE):
            return as_moment(value, self.decimals)
        if self.whole is None or not self.decimals:
            return as_key(value)
        return round(value / 10**self.decimals, self.decimals)


class RuleTable:
    """A table whose columns are read when a rule asks for them.

    Parameters
    ----------
    X : frame or array-like of shape (n_rows, n_columns)
        The table.
    names : list, default=None
        What the columns are called, if a table that was read lost that.
    positions : ndarray of shape (n_rows,), default=None
        Where the rows are in a larger table, for messages.
    forms : mapping of label to Form, default=None
        How text was read in an earlier table; other text stays text.  None reads text as dates
        if all cells of a column are.
    """

    def __init__(
        self,
        X: Any,
        names: list[Any] | None = None,
        positions: np.ndarray | None = None,
        forms: Mapping[Any, Form] | None = None,
    ) -> None:
        self._forms = forms
        frame = as_frame(X)
        if frame is None:
            X = check_array(as_array(X), dtype=None, ensure_all_finite=False)
        self.X, self.container = X, Container.of(X)
        self.n_rows = len(X)
        self.positions = np.arange(self.n_rows) if positions is None else positions
        natives = list(columns_of(X))
        self.names = names or list(self.container.columns) or list(range(len(natives)))
        self._natives = dict(zip(self.names, natives, strict=True))
        self._read: dict[Any, Cells] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.n_rows, len(self.names)

    def __contains__(self, name: Any) -> bool:
        return name in self.names

    def __getitem__(self, name: Any) -> Cells:
        if name not in self._read:
            self._read[name] = read_cells(self._parsed(read_column(self._natives[name], name)))
        return self._read[name]

    def _parsed(self, column: Column) -> Column:
        if self._forms is not None:
            form = self._forms.get(column.name)
            return column if form is None else replace(parse_as(column, form), form=form)
        parsed = parse_text(column)
        # Numbers in text may be labels in a table of fewer rows, and these no rule would know.
        return parsed if parsed.kind == DATETIME else column

    def text_forms(self) -> dict[Any, Form]:
        """Return how the columns of text are read that are no text."""
        forms = {name: self[name].column.form for name in self.names}
        return {name: form for name, form in forms.items() if isinstance(form, TextForm)}

    @classmethod
    def of(cls, columns: Sequence[Cells]) -> RuleTable:
        """Return a table of columns that were read."""
        table = object.__new__(cls)
        table.X, table.container, table._natives = None, Container(None, ()), {}
        table.n_rows = len(columns[0].missing)
        table.positions = np.arange(table.n_rows)
        table.names = [column.name for column in columns]
        table._read = {column.name: column for column in columns}
        return table

    def take(self, rows: np.ndarray) -> RuleTable:
        """Return some rows, with the levels of all of them."""
        return RuleTable.of([self[name].take(rows) for name in self.names])


def read_cells(column: Column) -> Cells:
    """Return the cells of a column as rules compare them."""
    missing, values, kind = column.missing, column.values, column.kind
    whole = np.zeros(len(values), dtype=np.int64) if kind == EMPTY else None
    decimals = 0
    if kind in (DATETIME, DURATION):
        unit = str(column.unit)
        decimals = DECIMALS_OF_UNIT[unit]
        whole = values * SECONDS_A_DAY if unit == "D" else values
        values = whole = np.where(missing, 0, whole)
        kind = AWARE if column.offsets is not None else kind
    elif kind == BOOLEAN:
        values = whole = np.where(missing, 0, values).astype(np.int64)
    elif kind == NUMBER:
        values = np.where(missing, 0, values)
        exact = column.exact
        found = _as_whole(values, column) if exact is None else _exactly(exact, missing)
        whole, decimals = found
    return Cells(column.name, kind, missing, values, whole, decimals, column)


def _as_whole(values: np.ndarray, column: Column) -> tuple[np.ndarray | None, int]:
    """Return numbers in units of their last decimal, and how many decimals that are."""
    if values.dtype.kind in "iu":
        if len(values) and int(values.max()) > np.iinfo(np.int64).max:
            return None, 0
        return values.astype(np.int64), 0
    largest = float(np.abs(values).max(initial=0))
    if largest >= EXACT:
        return None, 0
    decimals = find_decimals(values, column.storage)
    if decimals is None and column.storage == np.float64:
        decimals = _decimals_but_for_noise(values, largest)
    if decimals is None or largest * 10.0**decimals >= EXACT:
        return None, 0
    return np.rint(values * 10.0**decimals).astype(np.int64), decimals


def _exactly(exact: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray | None, int]:
    """Return Decimals in units of the last decimal of any of them, and how many decimals."""
    cells = np.where(missing, 0, exact).tolist()
    if any(isinstance(cell, Fraction) for cell in cells):
        return None, 0
    numbers = {cell: as_fraction(cell) for cell in set(cells)}
    denominator = lcm(*(number.denominator for number in numbers.values()))
    for decimals in range(MOST_DIGITS + 1):
        if 10**decimals % denominator == 0:
            units = {cell: int(number * 10**decimals) for cell, number in numbers.items()}
            if max(map(abs, units.values())) < ROOM:
                return np.array([units[cell] for cell in cells], dtype=np.int64), decimals
            break
    return None, 0


def _decimals_but_for_noise(values: np.ndarray, largest: float) -> int | None:
    """Return the decimals of computed numbers, such as 0.1 + 0.2."""
    for decimals in range(MOST_DECIMALS + 1):
        # Where rounding noise is as large as a unit, all numbers look whole.
        if np.spacing(largest) * 10.0**decimals > 1e-3:
            return None
        for part in (values[:1000], values):
            rounded = np.round(part, decimals)
            low, high = np.minimum(part, rounded), np.maximum(part, rounded)
            if not is_rounding_noise(low, high).all():
                break
        else:
            return decimals
    return None


def in_one_unit(cells: Sequence[Cells], decimals: int) -> tuple[list[np.ndarray], int] | None:
    """Return columns in units of the last decimal that any of them has, and its number.

    Whole numbers of 64 bits, or of Python where these are too small; None if a column has no
    last decimal.
    """
    decimals = max(decimals, *(column.decimals for column in cells))
    found = []
    for column in cells:
        if column.whole is None:
            return None
        factor = 10 ** (decimals - column.decimals)
        least, most = int(column.whole.min(initial=0)), int(column.whole.max(initial=0))
        wide = max(-least, most) * factor >= ROOM
        found.append((column.whole.astype(object) if wide else column.whole) * factor)
    return found, decimals
