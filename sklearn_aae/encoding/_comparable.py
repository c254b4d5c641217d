"""Cells of several tables, so that what is equal there is equal here, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects
from sklearn_aae.encoding._columns import Column
from sklearn_aae.encoding._containers import as_frame, columns_of

#: Numbers nearer to each other than so many units in the last place differ by rounding alone.
ULPS = 16
#: Ranges below this share of the numbers themselves lose digits in what is computed.
NARROW = 2.0**-20
#: float64 tells all whole numbers up to here apart.
WHOLE = 2**53
PRECISIONS = {"Float16": np.dtype("f2"), "Float32": np.dtype("f4")}


def is_rounding_noise(low: Any, high: Any, precision: Any = np.float64) -> Any:
    """Return whether numbers from ``low`` to ``high`` are one number, but for rounding."""
    largest = np.minimum(np.maximum(np.abs(low), np.abs(high)), np.finfo(precision).max)
    unit = np.spacing(largest.astype(precision)).astype(np.float64)
    # Halved: the difference of two finite numbers need not be finite.
    return np.divide(high, 2) - np.divide(low, 2) <= ULPS / 2 * unit


def precision_of(native: Any, column: Column) -> np.dtype | None:
    """Return the type of floating-point numbers; None for cells that are exact."""
    if column.unit or column.values.dtype.kind in "iu":
        return None
    if holds_objects(native):
        types = {*map(type, _objects(native, column))}
        if all(issubclass(kind, (Rational, Decimal)) for kind in types):
            return None
        return coarsest(np.dtype(kind) for kind in types if issubclass(kind, np.floating))
    dtype = native.dtype if isinstance(native, np.ndarray) else PRECISIONS.get(str(native.dtype))
    return coarsest([dtype])


def precisions_of(table: Any, n_columns: int) -> list[np.dtype]:
    """Return the precision of each column of a table of numbers; float64 for whole numbers."""
    if as_frame(table) is not None:
        return [coarsest([PRECISIONS.get(str(column.dtype))]) for column in columns_of(table)]
    return [coarsest([getattr(table, "dtype", None)])] * n_columns


def coarsest(precisions: Any) -> np.dtype:
    """Return the narrowest type of numbers, at most float64."""
    known = [dtype for dtype in precisions if dtype in PRECISIONS.values()]
    return min(known, key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))


def exact_cells(native: Any, column: Column) -> np.ndarray:
    """Return the cells of a column that are there: whole numbers, floats or exact objects."""
    if column.unit or column.values.dtype.kind in "iu" or not holds_objects(native):
        return column.present
    return _objects(native, column)


def holds_objects(native: Any) -> bool:
    """Return whether cells of a column of numbers are objects of Python."""
    if isinstance(native, np.ndarray):
        result: bool = native.dtype == object
        return result
    exact = native.dtype in (nw.Decimal, nw.Int128, nw.UInt128)
    return exact or not native.dtype.is_numeric()


def _objects(native: Any, column: Column) -> np.ndarray:
    cells = native.tolist() if isinstance(native, np.ndarray) else native.to_list()
    result: np.ndarray = as_objects(cells)[~column.missing]
    return result


def comparable(
    tables: Sequence[np.ndarray], precision: np.dtype | None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the cells of a column by table in two forms of float64.

    Parameters
    ----------
    tables : sequence of ndarray
        The cells of each table that are there; the first is what others are held against.
    precision : dtype or None
        The coarsest precision of any of the tables; None if all cells are exact.

    Returns
    -------
    differences : list of ndarray
        Numbers to compute with: the cells, or where float64 lacks digits for that how far they
        are from the least one.
    positions : list of ndarray
        Numbers in the order of the cells that are equal if and only if the cells are.
    """
    if precision is not None:
        rounded = [at_precision(cells, precision) for cells in tables]
        steady = _without_noise(rounded, precision)
        return _from_the_least(steady), steady
    if all(_fits(cells) for cells in tables):
        floats = [cells.astype(np.float64) for cells in tables]
        return floats, floats
    # numpy's whole numbers first: their order and their differences need not fit their type.
    lists = [
        [int(cell) if isinstance(cell, np.integer) else cell for cell in cells.tolist()]
        for cells in tables
    ]
    distinct = sorted({cell for cells in lists for cell in cells})
    plain = [float(cell) for cell in distinct]
    if not plain or (max(map(abs, plain)) > WHOLE or len(set(plain)) < len(distinct)):
        plain = [float(Fraction(cell) - Fraction(distinct[0])) for cell in distinct]
    index = {cell: i for i, cell in enumerate(distinct)}
    places = [np.array([index[cell] for cell in cells], dtype=np.intp) for cells in lists]
    differences = [np.array(plain)[place] for place in places]
    if len(set(plain)) == len(distinct):
        return differences, differences
    return differences, [place.astype(np.float64) for place in places]


def _fits(cells: np.ndarray) -> bool:
    if cells.dtype.kind not in "iu":
        return not len(cells)
    return not len(cells) or (int(cells.max()) <= WHOLE and int(cells.min()) >= -WHOLE)


def at_precision(cells: np.ndarray, precision: np.dtype) -> np.ndarray:
    """Return numbers at a precision, but those beyond its range as they are."""
    floats = cells.astype(np.float64)
    if precision == np.float64:
        return floats
    with np.errstate(over="ignore"):
        rounded = floats.astype(precision).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, floats)


def _from_the_least(tables: list[np.ndarray]) -> list[np.ndarray]:
    """Return numbers of a narrow range as how far they are from the least one, exactly."""
    full = [cells for cells in tables if len(cells)]
    low = min((cells.min() for cells in full), default=0.0)
    high = max((cells.max() for cells in full), default=0.0)
    if not 0 < high / 2 - low / 2 < NARROW * max(abs(low), abs(high)):
        return tables
    return [cells - low for cells in tables]


def _without_noise(tables: list[np.ndarray], precision: np.dtype) -> list[np.ndarray]:
    """Return a column that is constant but for rounding in the first table as that constant.

    In the other tables, what is as near to it becomes it, too.
    """
    first = tables[0]
    if not len(first):
        return tables
    constant, high = first.min(), first.max()
    if not is_rounding_noise(constant, high, precision):
        return tables
    if constant < high and (first % 1 == 0).all():
        return tables  # whole numbers differ by no rounding
    steady = []
    for cells in tables:
        near = is_rounding_noise(np.minimum(cells, constant), np.maximum(cells, high), precision)
        if constant % 1 == 0:
            near &= (cells % 1 != 0) | (cells == constant)
        steady.append(np.where(near, constant, cells))
    return steady
