"""Single cells of another type in columns of objects: text among numbers."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects, is_bool, is_missing, is_number
from sklearn_aae.encoding._containers import as_frame, columns_of

NUMBER, BOOLEAN, DATE, DURATION, OTHER = "number", "boolean", "date", "duration", "other"
#: Cells of another type are strays up to this share of a column; one is in any case.
MOST_STRAYS = 0.1


class Strays:
    """Tells cells that are not of the type of nearly all others of their column.

    Parameters
    ----------
    of_numbers : bool
        Whether to tell them in later cells of columns whose type in fit is one of numbers, too.

    Attributes
    ----------
    typical_ : dict of int to (str, object)
        Type, and a cell, of the columns of objects that are numbers, booleans, dates or durations.
    typed_ : set of int
        The columns whose type is one of numbers.
    """

    def __init__(self, of_numbers: bool) -> None:
        self.of_numbers = of_numbers

    def fit(self, table: Any) -> Any:
        """Learn the columns' types; return the table with a typical cell in place of strays."""
        self.typical_ = {}
        self.typed_ = _columns_of_numbers(table) if self.of_numbers else set()
        for j, cells in _object_columns(table).items():
            kinds = Counter(kind for kind in map(_kind, cells) if kind is not None)
            if not kinds:
                continue
            kind, n = kinds.most_common(1)[0]
            n_strays = kinds.total() - n
            if kind != OTHER and n > 1 and n_strays <= max(1, MOST_STRAYS * kinds.total()):
                self.typical_[j] = kind, next(cell for cell in cells if _kind(cell) == kind)
        return self.set_aside(table)[0]

    def set_aside(self, table: Any) -> tuple[Any, dict[int, np.ndarray]]:
        """Return a table with a typical cell in place of strays, and where these are."""
        strays: dict[int, np.ndarray] = {}
        replaced = {}
        known = dict.fromkeys(self.typed_, (NUMBER, 0)) | self.typical_
        for j, cells in _object_columns(table, set(known)).items():
            kind, typical = known[j]
            kinds = list(map(_kind, cells))
            if j in self.typed_ and kind not in kinds:
                continue  # another column, and not one with an odd cell
            odd = np.array([found not in (kind, None) for found in kinds], dtype=bool)
            if odd.any():
                strays[j] = odd
                replaced[j] = [typical if o else c for o, c in zip(odd, cells, strict=True)]
        return _with_columns(table, replaced), strays

    @staticmethod
    def as_numbers(native: Any) -> Any:
        """Return a column with cells missing that are no numbers, if any of its cells may be."""
        if not _holds_objects(native):
            return native
        cells = native.tolist() if isinstance(native, np.ndarray) else native.to_list()
        return as_objects(c if _kind(c) in (NUMBER, BOOLEAN) else None for c in cells)


def _kind(cell: Any) -> str | None:
    """Return of what type a cell is; None for a missing one."""
    if isinstance(cell, str):
        return OTHER
    if is_bool(cell):
        return BOOLEAN
    if isinstance(cell, (list, tuple, dict, set, np.ndarray)) or is_missing(cell):
        return None  # what cannot be a cell at all, others say
    if is_number(cell):
        return NUMBER
    if isinstance(cell, (datetime.date, np.datetime64)):
        return DATE
    return DURATION if isinstance(cell, (datetime.timedelta, np.timedelta64)) else OTHER


def _holds_objects(native: Any) -> bool:
    if isinstance(native, np.ndarray):
        result: bool = native.dtype == object
        return result
    result = native.implementation.is_pandas_like() and native.to_native().dtype == object
    return result


def _object_columns(table: Any, among: set[int] | None = None) -> dict[int, list[Any]]:
    """Return the cells of columns of objects; of those of numbers that came as text, too."""
    found = {}
    for j, native in enumerate(columns_of(table)):
        if among is None:
            if not _holds_objects(native):
                continue
        elif j not in among or not (_holds_objects(native) or _is_text(native)):
            continue
        found[j] = native.tolist() if isinstance(native, np.ndarray) else native.to_list()
    return found


def _columns_of_numbers(table: Any) -> set[int]:
    """Return the columns of a frame that have a type, one of numbers."""
    columns = enumerate(columns_of(table))
    return {
        j
        for j, native in columns
        if not isinstance(native, np.ndarray) and native.dtype.is_numeric()
    }


def _is_text(native: Any) -> bool:
    # A frame of a few rows, all of them strays, calls itself one of text.
    if isinstance(native, np.ndarray):
        result: bool = native.dtype.kind == "U"
        return result
    result = native.implementation.is_pandas_like() and native.dtype == nw.String
    return result


def _with_columns(table: Any, replaced: dict[int, list[Any]]) -> Any:
    """Return a copy of a table with other cells in some columns."""
    if not replaced:
        return table
    frame = as_frame(table)
    if frame is None:
        copy = np.array(table, dtype=object)
        for j, cells in replaced.items():
            copy[:, j] = as_objects(cells)
        return copy
    native = frame.to_native().copy(deep=False)
    for j, cells in replaced.items():
        native.isetitem(j, as_objects(cells))
    return native
