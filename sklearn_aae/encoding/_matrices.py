"""Tables of the same columns as matrices of numbers that can be compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import as_objects, is_bool, is_number, sorted_levels
from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    DATETIME,
    DURATION,
    EMPTY,
    NUMBER,
    Column,
    label_booleans,
    read_column,
)
from sklearn_aae.encoding._comparable import (
    coarsest,
    comparable,
    exact_cells,
    precision_of,
)
from sklearn_aae.encoding._containers import Container, as_frame, as_plain, columns_of
from sklearn_aae.encoding._text_columns import TextForm, parse_as, parse_text
from sklearn_aae.exceptions import UnsupportedColumnsError

#: What kinds of columns are here; the others keep their name.
DATE = "date"
KINDS = {BOOLEAN: CATEGORY, DATETIME: DATE}
NANOSECONDS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
#: Which labels are cells of a kind.
IS_OF: dict[str, Callable[[Any], bool]] = {
    NUMBER: is_number,
    DATE: lambda label: isinstance(label, (date, np.datetime64)),
    DURATION: lambda label: isinstance(label, (timedelta, np.timedelta64)),
}


@dataclass(frozen=True)
class Matrices:
    """Tables of the same columns.

    Attributes
    ----------
    names : tuple
        Labels of the columns; 0, 1, ... for arrays.
    kinds : tuple of str
        "number", "date", "duration", "category" or "empty", by column.
    levels : tuple of list
        The categories of a column over all tables, in order; empty for the other kinds.
    rows : dict of str to ndarray of shape (n_rows, n_columns), float64
        The tables by role.  Numbers stand for themselves, dates and durations for
        microseconds, categories for their index in ``levels``, NaN for a missing cell.
    differences : dict of str to ndarray of shape (n_rows, n_columns), float64
        The same to compute with: at the coarsest precision of any of the tables, without
        rounding noise around a constant, and where float64 lacks digits to compute with the
        cells, as with ids beyond 2**53, how far they are from the column's least one.
    positions : dict of str to ndarray of shape (n_rows, n_columns), float64
        The same to compare: in the order of the cells, and equal if and only if they are.
    """

    names: tuple[Any, ...]
    kinds: tuple[str, ...]
    levels: tuple[list[Any], ...]
    rows: dict[str, np.ndarray]
    differences: dict[str, np.ndarray]
    positions: dict[str, np.ndarray]

    def __getitem__(self, role: str) -> np.ndarray:
        return self.rows[role]

    @property
    def is_category(self) -> np.ndarray:
        """Which columns are compared by equality; all others lie on an axis."""
        return np.isin(self.kinds, [CATEGORY, EMPTY])

    @property
    def n_levels(self) -> tuple[int, ...]:
        """How many categories each column has over all tables."""
        return tuple(map(len, self.levels))


def read_matrices(tables: Mapping[str, Any]) -> Matrices:
    """Read tables, by role, that should have the same columns as the first one.

    Frames are matched by label, in any order; arrays by position.
    """
    natives = {role: _by_label(table, role) for role, table in tables.items()}
    reference, *others = natives
    names = tuple(natives[reference])
    for role in others:
        _check_names(names, tuple(natives[role]), reference, role)
    if not names:
        raise ValueError(f"{reference} has no columns.")
    merged = [_merge(name, {role: natives[role][name] for role in natives}) for name in names]
    kinds, levels, *forms = zip(*merged, strict=True)
    rows, differences, positions = (
        {role: np.column_stack([by_role[role] for by_role in cells]) for role in natives}
        for cells in forms
    )
    return Matrices(names, kinds, levels, rows, differences, positions)


def _by_label(table: Any, role: str) -> dict[Any, Any]:
    """Return the columns of a table by label, or by position."""
    if as_frame(table) is not None:
        labels = Container.of(table).columns
        by_label = dict(zip(labels, columns_of(table), strict=True))
        if len(by_label) < len(labels):
            twice = next(label for i, label in enumerate(labels) if label in labels[:i])
            raise ValueError(
                f"{role} has more than one column {twice!r}; columns are matched by label, so "
                "rename one of them."
            )
        return by_label
    table = as_plain(table)
    # Without dtype=object, a list of [1, "a"] would become text.
    array = np.asarray(table, dtype=None if hasattr(table, "__array__") else object)
    if array.ndim != 2:
        raise TypeError(
            f"{role} must be a frame or a two-dimensional array, got {type(table).__name__} "
            f"with {array.ndim} dimensions."
        )
    return dict(enumerate(columns_of(array)))


def _check_names(names: tuple[Any, ...], other: tuple[Any, ...], reference: str, role: str) -> None:
    missing = [name for name in names if name not in other]
    unknown = [name for name in other if name not in names]
    problems = []
    if missing:
        problems.append(f"{role} lacks the columns {missing}")
    if unknown:
        problems.append(f"{role} has columns that {reference} has not: {unknown}")
    if problems:
        raise ValueError("; ".join(problems) + ".")


def _merge(name: Any, natives: dict[str, Any]) -> tuple[Any, ...]:
    """Return kind, categories and the three forms of the cells of a column over all tables."""
    natives, columns = _read_all(natives, name)
    kinds = {
        role: KINDS.get(column.kind, column.kind)
        for role, column in columns.items()
        if column.kind != EMPTY
    }
    if len(set(kinds.values())) > 1:
        columns = _as_codes(natives, columns, kinds, name)
        kinds = dict.fromkeys(kinds, CATEGORY)
    kind = next(iter(kinds.values()), EMPTY)
    if kind == DATE:
        _check_zones({role: columns[role] for role in kinds}, name)
    if kind in (CATEGORY, EMPTY):
        levels, cells = _categories(columns)
        return kind, levels, cells, cells, cells
    rows = {role: _spread(_as_microseconds(column), column) for role, column in columns.items()}
    return kind, [], rows, *_forms(natives, columns)


def _check_zones(columns: dict[str, Column], name: Any) -> None:
    """Raise TypeError if dates have a time zone in one table and none in another."""
    # What text says of a zone, and how it is read, is one notation for all tables.
    forms = {role: c.form for role, c in columns.items() if not isinstance(c.form, TextForm)}
    words = {role: "no" if form.time_zone is None else "a" for role, form in forms.items()}
    first = next(iter(words), "")
    for role, word in words.items():
        if word != words[first]:
            raise TypeError(
                f"The dates of column {name!r} have {words[first]} time zone in {first} and "
                f"{word} time zone in {role}; convert them: tz_localize in pandas, "
                "dt.replace_time_zone in polars."
            )


def _read_all(natives: dict[str, Any], name: Any) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return a column by table as it can be read, and read."""
    readable, columns = {}, {}
    for role, native in natives.items():
        try:
            column = _read(native, name, role)
        except UnsupportedColumnsError:
            # Periods, intervals and sparse numbers can be compared, although not modelled.
            native = as_objects(native.to_list())
            column = _read(native, name, role)
        readable[role], columns[role] = native, column
    _parse(readable, columns)
    return readable, columns


def _parse(natives: dict[str, Any], columns: dict[str, Column]) -> None:
    """Take text for the dates or numbers that it is in the first table, if it is in all."""
    first = parse_text(next(iter(columns.values())))
    parsed = {role: parse_as(column, first.form) for role, column in columns.items()}
    if any(column.odd is not None for column in parsed.values()):
        return
    for role, column in parsed.items():
        if column is not columns[role]:
            natives[role] = column.values if column.exact is None else column.exact
            columns[role] = column


def _read(native: Any, name: Any, role: str, *, as_category: bool = False) -> Column:
    """Read a column; errors name the table."""
    try:
        column = read_column(native, name, as_category=as_category)
    except UnsupportedColumnsError:
        raise
    except (TypeError, ValueError) as error:
        message = str(error).replace(f"Column {name!r}", f"Column {name!r} of {role}", 1)
        raise type(error)(message) from error
    return label_booleans(column) if column.kind == BOOLEAN else column


# --------------------------------------------------------------------- categories


def _as_codes(
    natives: dict[str, Any], columns: dict[str, Column], kinds: dict[str, str], name: Any
) -> dict[str, Column]:
    """Return a column of several kinds as categories, if one of the tables mixes these kinds.

    Codes of which few are text are numbers in a table that happens to have none of those.
    """
    labelled = {
        role: _read(_objects_of(native), name, role, as_category=True)
        for role, native in natives.items()
    }
    labels = {role: column.labels.tolist() for role, column in labelled.items()}
    codes = [label for role in kinds if kinds[role] == CATEGORY for label in labels[role]]
    others = [
        (kinds[role], label) for role in kinds if kinds[role] != CATEGORY for label in labels[role]
    ]
    if codes and all(map(is_bool, codes)):
        alike = all(label in (0, 1) for _, label in others)
    elif codes and all(isinstance(label, str) for _, label in others):
        alike = all(isinstance(label, str) for label in codes)
    else:
        alike = all(any(map(IS_OF[kind], codes)) for kind, _ in dict(others).items())
    if not alike:
        first, kind = next(iter(kinds.items()))
        role = next(role for role, other in kinds.items() if other != kind)
        raise TypeError(
            f"Column {name!r} is a {kind} in {first} and a {kinds[role]} in {role}; "
            "cast one of them."
        )
    precisions = [
        precision_of(natives[role], column)
        for role, column in columns.items()
        if column.kind == NUMBER
    ]
    if any(dtype is not None for dtype in precisions):
        precision = coarsest(precisions)
        for column in labelled.values():
            column.labels = as_objects(_at(label, precision) for label in column.labels)
    return labelled


def _objects_of(native: Any) -> np.ndarray:
    """Return a column as an array of objects."""
    return as_objects(native.tolist() if isinstance(native, np.ndarray) else native.to_list())


def _at(label: Any, precision: np.dtype) -> Any:
    """Return a number at a precision, and other labels as they are."""
    return float(precision.type(label)) if is_number(label) else label


def _categories(columns: dict[str, Column]) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Return the categories over all tables in order, and cells as indices of these."""
    levels = sorted_levels({label for column in columns.values() for label in column.labels})
    codes = {level: float(code) for code, level in enumerate(levels)}
    cells = {}
    for role, column in columns.items():
        of_labels = np.array([codes[label] for label in column.labels])
        values = of_labels[column.values] if len(of_labels) else column.values
        cells[role] = np.where(column.missing, np.nan, values)
    return levels, cells


# ------------------------------------------------------------------ numbers and dates


def _forms(
    natives: dict[str, Any], columns: dict[str, Column]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the cells of a column by table as differences and as positions."""
    full = {role: column for role, column in columns.items() if column.kind != EMPTY}
    precisions = [precision_of(natives[role], column) for role, column in full.items()]
    inexact = [dtype for dtype in precisions if dtype is not None]
    cells = [exact_cells(natives[role], column) for role, column in full.items()]
    units = [column.unit for column in full.values() if column.unit]
    unit = _common_unit(cells, units)
    if unit:
        cells = [_ticks(part, of, unit) for part, of in zip(cells, units, strict=True)]
    found = comparable(cells, coarsest(inexact) if inexact else None)
    if unit == "ns":
        found = [part / 1000 for part in found[0]], found[1]
    forms = []
    for parts in found:
        by_role = dict(zip(full, parts, strict=True))
        forms.append({role: _spread(by_role.get(role), column) for role, column in columns.items()})
    return forms[0], forms[1]


def _common_unit(cells: list[np.ndarray], units: list[str]) -> str | None:
    """Return nanoseconds if a cell needs them, else microseconds; None for numbers."""
    parts = zip(cells, units, strict=False)
    fine = any(unit == "ns" and bool((ticks % 1000).any()) for ticks, unit in parts)
    return ("ns" if fine else "us") if units else None


def _ticks(cells: np.ndarray, unit: str, common: str) -> np.ndarray:
    """Return whole numbers of a unit in the common one."""
    if unit == "ns":
        return cells if common == "ns" else cells // 1000
    factor = NANOSECONDS[unit] // NANOSECONDS[common]
    largest = max(abs(int(end)) for end in (cells.min(), cells.max()))
    return cells * factor if largest * factor < 2**63 else cells.astype(object) * factor


def _as_microseconds(column: Column) -> np.ndarray:
    """Return the cells that are there, dates and durations in microseconds."""
    if column.unit:
        return column.present.view(f"m8[{column.unit}]").astype("m8[us]").view(np.int64)
    return column.present


def _spread(present: np.ndarray | None, column: Column) -> np.ndarray:
    """Return the cells of a column, given those that are there."""
    cells = np.full(len(column.missing), np.nan)
    if present is not None:
        cells[~column.missing] = present
    return cells
