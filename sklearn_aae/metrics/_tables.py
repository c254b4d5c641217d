"""Mixed-type tables as float64 matrices that can be compared with each other."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_microseconds, is_missing, is_number, sorted_levels

#: What a column without a single present cell is; it agrees with every other kind.
EMPTY = "empty"
#: The kind whose cells are compared by equality; all others lie on an axis.
CATEGORY = "category"


@dataclass(frozen=True)
class Tables:
    """Tables of the same columns.

    Attributes
    ----------
    names : tuple
        Labels of the columns; 0, 1, ... for arrays.
    kinds : tuple of str
        "number", "date", "duration", "category" or "empty", by column.
    n_levels : tuple of int
        How many categories a column has over all tables; 0 for the other kinds.
    rows : dict of str to ndarray of shape (n_rows, n_columns), float64
        The tables by role.  Numbers stand for themselves, dates and durations for
        microseconds, categories for codes that all tables share (the place of the
        level in sorted order), NaN for a missing cell.
    """

    names: tuple
    kinds: tuple[str, ...]
    n_levels: tuple[int, ...]
    rows: dict[str, np.ndarray]

    def __getitem__(self, role: str) -> np.ndarray:
        return self.rows[role]

    @property
    def is_category(self) -> np.ndarray:
        """Which columns are compared by equality."""
        return np.array([kind in (CATEGORY, EMPTY) for kind in self.kinds])


@dataclass(frozen=True)
class _Column:
    kind: str
    #: float64 with NaN; for categories a list of cells with None for missing ones.
    cells: Any


def read_tables(min_rows: int = 2, **tables: Any) -> Tables:
    """Read tables that should have the same columns.

    Parameters
    ----------
    min_rows : int, default=2
        Fewer rows are refused.
    **tables : frame or array-like of shape (n_rows, n_columns)
        The tables by role; the first one says what the columns are.  Frames are
        matched by label, in any order; arrays by position.

    Returns
    -------
    Tables
        All of them as matrices.

    Raises
    ------
    TypeError
        If something is no table, a column is of another kind than in the first
        table, or holds cells that cannot be compared.
    ValueError
        If columns differ, are infinite somewhere, or there are too few rows.
    """
    columns = {role: _read_columns(table, role) for role, table in tables.items()}
    reference, *others = columns
    names = tuple(columns[reference])
    for role in others:
        _check_names(names, tuple(columns[role]), reference, role)
    merged = [_merge(name, {role: columns[role].pop(name) for role in columns}) for name in names]
    kinds, n_levels, cells = zip(*merged, strict=True) if merged else ((), (), ())
    if not names:
        raise ValueError(f"{reference} has no columns.")
    rows = {role: np.column_stack([by_role[role] for by_role in cells]) for role in columns}
    for role, matrix in rows.items():
        if len(matrix) < min_rows:
            raise ValueError(f"{role} has {len(matrix)} rows; at least {min_rows} are needed.")
        infinite = np.isinf(matrix).any(axis=0)
        if infinite.any():
            name = names[int(np.argmax(infinite))]
            raise ValueError(f"Column {name!r} of {role} has infinite cells.")
    return Tables(names, kinds, n_levels, rows)


def place_of(name: Any, tables: Tables, parameter: str) -> int:
    """Return the place of a column or say that there is none of that label."""
    if name not in tables.names:
        raise ValueError(f"{parameter}={name!r} is not among the columns {list(tables.names)}.")
    return tables.names.index(name)


def take_rows(rows: np.ndarray, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``n_rows`` rows at random in their order, or all if there are no more."""
    if len(rows) <= n_rows:
        return rows
    return rows[np.sort(rng.choice(len(rows), n_rows, replace=False))]


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


# ------------------------------------------------------------------ reading


def _read_columns(table: Any, role: str) -> dict[Any, _Column]:
    frame = nw.from_native(table, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        # narwhals wants text labels; pandas also has others, and MultiIndex.
        labels = table.columns if frame.implementation.is_pandas_like() else frame.columns
        series = zip(labels, frame.iter_columns(), strict=True)
        return {label: _read_series(column, label, role) for label, column in series}
    # Without dtype=object, a list of [1, "a"] would become text.
    array = np.asarray(table, dtype=None if hasattr(table, "__array__") else object)
    if array.ndim != 2:
        raise TypeError(
            f"{role} must be a frame or a two-dimensional array, got {type(table).__name__} "
            f"with {array.ndim} dimensions."
        )
    return {i: _read_array(array[:, i], i, role) for i in range(array.shape[1])}


def _read_series(column: nw.Series, label: Any, role: str) -> _Column:
    dtype = column.dtype
    if dtype.is_numeric():
        return _axis("number", column.cast(nw.Float64).to_numpy())
    if dtype in (nw.Date, nw.Datetime):
        stamps = column.cast(nw.Datetime("us")) if dtype == nw.Date else column
        return _axis("date", stamps.dt.timestamp("us").cast(nw.Float64).to_numpy())
    if dtype == nw.Duration:
        return _axis("duration", column.dt.total_microseconds().cast(nw.Float64).to_numpy())
    is_category = dtype in (nw.Categorical, nw.Enum)
    return _read_cells(column.to_list(), label, role, is_category=is_category)


def _read_array(column: np.ndarray, label: Any, role: str) -> _Column:
    if column.dtype.kind in "iuf":
        return _axis("number", column)
    if column.dtype.kind in "mM":
        stamps = column.astype(f"{column.dtype.kind}8[us]")
        cells = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64))
        return _axis("date" if column.dtype.kind == "M" else "duration", cells)
    return _read_cells(column.tolist(), label, role)


def _axis(kind: str, cells: np.ndarray) -> _Column:
    cells = np.asarray(cells, dtype=np.float64)
    return _Column(EMPTY if np.isnan(cells).all() else kind, cells)


def _read_cells(cells: list, label: Any, role: str, *, is_category: bool = False) -> _Column:
    """Read cells of any type; unless said before, what they are decides the kind."""
    try:
        distinct = list(dict.fromkeys(cells))
    except TypeError as error:
        raise TypeError(
            f"Column {label!r} of {role} holds cells that cannot be compared: {error}."
        ) from error
    present = {cell for cell in distinct if not is_missing(cell)}
    if not present:
        return _Column(EMPTY, np.full(len(cells), np.nan))
    if not is_category and all(is_number(cell) for cell in present):
        return _axis("number", np.array([float(c) if c in present else np.nan for c in cells]))
    if not is_category and all(isinstance(cell, datetime.date) for cell in present):
        stamps = [as_microseconds(c) if c in present else np.nan for c in cells]
        return _axis("date", np.array(stamps))
    return _Column(CATEGORY, [cell if cell in present else None for cell in cells])


# ------------------------------------------------------------------ merging


def _merge(name: Any, columns: dict[str, _Column]) -> tuple[str, int, dict[str, np.ndarray]]:
    """Return kind, number of levels and cells of a column over all tables."""
    kinds = {role: column.kind for role, column in columns.items() if column.kind != EMPTY}
    if not kinds:
        return EMPTY, 0, {role: column.cells for role, column in columns.items()}
    first, kind = next(iter(kinds.items()))
    for role, other in kinds.items():
        if other != kind:
            raise TypeError(
                f"Column {name!r} is a {kind} in {first} and a {other} in {role}; cast one of them."
            )
    if kind != CATEGORY:
        return kind, 0, {role: column.cells for role, column in columns.items()}
    present = [column.cells for column in columns.values() if column.kind != EMPTY]
    levels = sorted_levels({cell for cells in present for cell in cells if cell is not None})
    codes = {level: float(code) for code, level in enumerate(levels)}
    coded = {
        role: column.cells
        if column.kind == EMPTY
        else np.array([codes.get(cell, np.nan) for cell in column.cells])
        for role, column in columns.items()
    }
    return kind, len(levels), coded
