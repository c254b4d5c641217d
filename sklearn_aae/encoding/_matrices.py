"""Tables of the same columns as matrices of numbers that can be compared with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import as_objects, sorted_levels
from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    DATETIME,
    EMPTY,
    Column,
    label_booleans,
    read_column,
)
from sklearn_aae.encoding._containers import Container, as_frame, as_plain, columns_of
from sklearn_aae.exceptions import UnsupportedColumnsError

#: What kinds of columns are here; the others keep their name.
DATE = "date"
KINDS = {BOOLEAN: CATEGORY, DATETIME: DATE}


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
    """

    names: tuple
    kinds: tuple[str, ...]
    levels: tuple[list, ...]
    rows: dict[str, np.ndarray]

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
    kinds, levels, cells = zip(*merged, strict=True)
    rows = {role: np.column_stack([by_role[role] for by_role in cells]) for role in natives}
    return Matrices(names, kinds, levels, rows)


def _by_label(table: Any, role: str) -> dict[Any, Any]:
    """Return the columns of a table by label, or by position."""
    if as_frame(table) is not None:
        return dict(zip(Container.of(table).columns, columns_of(table), strict=True))
    table = as_plain(table)
    # Without dtype=object, a list of [1, "a"] would become text.
    array = np.asarray(table, dtype=None if hasattr(table, "__array__") else object)
    if array.ndim != 2:
        raise TypeError(
            f"{role} must be a frame or a two-dimensional array, got {type(table).__name__} "
            f"with {array.ndim} dimensions."
        )
    return dict(enumerate(columns_of(array)))


def _check_names(names: tuple, other: tuple, reference: str, role: str) -> None:
    missing = [name for name in names if name not in other]
    unknown = [name for name in other if name not in names]
    problems = []
    if missing:
        problems.append(f"{role} lacks the columns {missing}")
    if unknown:
        problems.append(f"{role} has columns that {reference} has not: {unknown}")
    if problems:
        raise ValueError("; ".join(problems) + ".")


def _merge(name: Any, natives: dict[str, Any]) -> tuple[str, list, dict[str, np.ndarray]]:
    """Return kind, categories and cells of a column over all tables."""
    columns = {role: _read(native, name, role) for role, native in natives.items()}
    kinds = {
        role: KINDS.get(column.kind, column.kind)
        for role, column in columns.items()
        if column.kind != EMPTY
    }
    first, kind = next(iter(kinds.items()), ("", EMPTY))
    for role, other in kinds.items():
        if other != kind:
            raise TypeError(
                f"Column {name!r} is a {kind} in {first} and a {other} in {role}; cast one of them."
            )
    levels = []
    if kind == CATEGORY:
        levels = sorted_levels({label for column in columns.values() for label in column.labels})
    codes = {level: float(code) for code, level in enumerate(levels)}
    return kind, levels, {role: _as_floats(column, codes) for role, column in columns.items()}


def _read(native: Any, name: Any, role: str) -> Column:
    """Read a column; errors name the table."""
    try:
        try:
            column = read_column(native, name)
        except UnsupportedColumnsError:
            # Periods, intervals and sparse numbers can be compared, although not modelled.
            column = read_column(as_objects(native.to_list()), name)
    except (TypeError, ValueError) as error:
        message = str(error).replace(f"Column {name!r}", f"Column {name!r} of {role}", 1)
        raise type(error)(message) from error
    return label_booleans(column) if column.kind == BOOLEAN else column


def _as_floats(column: Column, codes: dict[Any, float]) -> np.ndarray:
    """Return cells as numbers, with those of ``codes`` for labels."""
    values = column.values
    if codes and len(column.labels):
        values = np.array([codes[label] for label in column.labels])[values]
    elif column.unit:
        values = values.view(f"m8[{column.unit}]").astype("m8[us]").view(np.int64)
    return np.where(column.missing, np.nan, values)
