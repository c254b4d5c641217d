"""Filled cells beside known ones: in the type of ``fit``, or in one that holds both as they are.

Known cells are never changed.  A column has the type that it had in ``fit`` if that holds each
of its known cells exactly, else the type that is common to both, else one that holds anything.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects, is_bool, is_missing, is_number
from sklearn_aae.encoding._containers import Container, as_array, as_frame, columns_of

TEXT = (nw.String, nw.Categorical, nw.Enum)
#: Units of timestamps from coarse to fine.
TIME_UNITS = ("s", "ms", "us", "ns")
#: Decimals of a number that floats are written as.
FLOAT_SCALE = 16


def merge_tables(container: Container, X: Any, filled: Any, where: np.ndarray) -> Any:
    """Return ``filled``, of this container, with the cells of ``X`` where ``where`` is false.

    Raises
    ------
    ValueError
        If no type holds a known cell beside the filled ones of its column.
    """
    if container.backend is None:
        return _merge_array(_table_of(X), filled, where)
    backend: Any = nw.Implementation.from_string(container.backend)
    frame = as_frame(X)
    if frame is not None and frame.implementation is backend:
        known: Iterator[Any] = columns_of(X)
    else:
        known = iter(_table_of(X).T)
    merge = _merge_series if backend.is_pandas_like() else _merge_narwhals
    columns = []
    for name, new, old, gone in zip(
        container.columns, columns_of(filled), known, where.T, strict=True
    ):
        columns.append(new if gone.all() else merge(backend, name, new, old, gone))
    if backend.is_pandas_like():
        columns = [column.to_native() for column in columns]
    return container.assemble(columns, X)


def _table_of(X: Any) -> np.ndarray:
    """Return a table of any kind as an array."""
    if as_frame(X) is None:
        return np.asarray(as_array(X))
    return np.column_stack([as_objects(column.to_list()) for column in columns_of(X)])


# ------------------------------------------------------------------- are cells the same?


def _are_same(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Return whether cells that were cast are what they were."""
    return all(map(_is_same, before, after))


def _is_same(before: Any, after: Any) -> bool:
    if is_missing(before) or is_missing(after):
        return is_missing(before) and is_missing(after)
    if is_bool(before) is not is_bool(after):  # 1 == True, but they are two cells
        return False
    if isinstance(before, float) and isinstance(after, Decimal):
        return before == float(after)  # 0.1 is what Decimal("0.1") is as a float
    equal = _beside(before, after) == _beside(after, before)
    return is_bool(equal) and bool(equal)


def _beside(cell: Any, other: Any) -> Any:
    """Return a date or duration as what compares with another cell: a date as its midnight."""
    if isinstance(other, np.datetime64) and _is_naive(cell):
        return np.datetime64(cell)
    if isinstance(other, np.timedelta64) and isinstance(cell, datetime.timedelta):
        return np.timedelta64(cell)
    if type(cell) is datetime.date and isinstance(other, datetime.datetime):
        return datetime.datetime.combine(cell, datetime.time())
    return cell


def _is_naive(cell: Any) -> bool:
    return isinstance(cell, datetime.date) and getattr(cell, "tzinfo", None) is None


def _first_that_holds(
    types: Iterable[Any], known: Any, drawn: Any, cast: Callable[..., Any], same: Callable[..., Any]
) -> list[Any] | None:
    """Return known and drawn cells in the first of some types that holds them all."""
    for dtype in types:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")  # what is cast with a warning is not held
                parts = [cast(known, dtype), cast(drawn, dtype)]
            if same(known, parts[0]) and same(drawn, parts[1]):
                return parts
        except _cast_errors():
            continue
    return None


def _cast_errors() -> tuple[type[Exception], ...]:
    """Return what libraries raise for cells that a type does not hold."""
    polars = sys.modules.get("polars")
    of_polars = () if polars is None else (polars.exceptions.PolarsError,)
    return TypeError, ValueError, ArithmeticError, NotImplementedError, Warning, *of_polars


def _row_order(where: np.ndarray) -> np.ndarray:
    """Return where each row stands among known cells followed by drawn ones."""
    return np.argsort(np.concatenate([np.flatnonzero(~where), np.flatnonzero(where)]))


# ---------------------------------------------------------------------------- arrays


def _merge_array(old: np.ndarray, filled: np.ndarray, where: np.ndarray) -> np.ndarray:
    known, drawn = old[~where], filled[where]
    types = _array_types(filled.dtype, known)
    parts = _first_that_holds(types, known, drawn, _cast_array, _are_same_arrays)
    assert parts is not None  # objects hold anything
    rows = np.empty(filled.shape, dtype=parts[0].dtype)
    rows[~where], rows[where] = parts
    return rows


def _array_types(dtype: np.dtype, known: np.ndarray) -> Iterator[np.dtype]:
    yield dtype
    given = _infer(known.tolist()) if known.dtype.kind == "O" else known.dtype
    with contextlib.suppress(TypeError):
        yield np.result_type(dtype, given)
    yield given
    yield np.dtype(object)


def _infer(cells: list[Any]) -> np.dtype:
    """Return the type that numpy has for objects of one kind."""
    plain = (int, float, np.bool_, np.number)
    for types in (plain, str):
        if all(isinstance(cell, types) for cell in cells):
            return np.array(cells).dtype
    if all(isinstance(cell, datetime.timedelta) for cell in cells):
        return np.dtype("m8[us]")
    return np.dtype("M8[us]" if all(map(_is_naive, cells)) else object)


def _cast_array(cells: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return _objects_of(cells) if dtype.kind == "O" else cells.astype(dtype)


def _objects_of(cells: np.ndarray) -> np.ndarray:
    """Return cells as Python's objects; as numpy's where Python's are too coarse."""
    if cells.dtype.kind in "mM" and np.datetime_data(cells.dtype)[0] in ("ns", "ps", "fs", "as"):
        return as_objects(cells)
    return cells.astype(object)


def _are_same_arrays(before: np.ndarray, after: np.ndarray) -> bool:
    if before.dtype == after.dtype:
        return True
    if before.dtype.kind in "mM" and after.dtype.kind == before.dtype.kind:
        return bool((before == after).all())
    return _are_same(_objects_of(before).tolist(), _objects_of(after).tolist())


# ---------------------------------------------------------------------------- pandas


def _merge_series(
    backend: Any, name: Any, new: nw.Series[Any], old: Any, where: np.ndarray
) -> nw.Series[Any]:
    pd = backend.to_native_namespace()
    filled = new.to_native()
    if isinstance(old, nw.Series):
        known = old.to_native().iloc[np.flatnonzero(~where)].reset_index(drop=True)
    else:
        known = pd.Series(old[~where], dtype=None if old.dtype.kind in "biufmM" else object)
    drawn = filled.iloc[np.flatnonzero(where)]
    types = _pandas_types(pd, filled, known)
    parts = _first_that_holds(types, known, drawn, pd.Series.astype, _are_same_series)
    assert parts is not None  # objects hold anything
    both = pd.concat([part for part in parts if len(part)], ignore_index=True)
    merged = both.iloc[_row_order(where)].reset_index(drop=True)
    return nw.from_native(merged, series_only=True)


def _pandas_types(pd: Any, filled: Any, known: Any) -> Iterator[Any]:
    yield filled.dtype
    if known.dtype == object:
        known = known.infer_objects()
    if hasattr(filled.dtype, "categories"):
        yield _with_categories(pd, filled.dtype, known)
    else:
        yield pd.concat([filled.iloc[:1], known.iloc[:1]]).dtype
        yield known.dtype
    yield np.dtype(object)


def _with_categories(pd: Any, dtype: Any, known: Any) -> Any:
    """Return a type of categories with those of known cells; an order is not made up."""
    if dtype.ordered:
        return known.dtype
    new = [cell for cell in dict.fromkeys(known.to_list()) if cell not in dtype.categories]
    return pd.CategoricalDtype([*dtype.categories, *new])


def _are_same_series(before: Any, after: Any) -> bool:
    return before.dtype == after.dtype or _are_same(before.to_list(), after.to_list())


# ------------------------------------------------------------------ polars and others


def _merge_narwhals(
    backend: Any, name: Any, new: nw.Series[Any], old: Any, where: np.ndarray
) -> nw.Series[Any]:
    if new.dtype == nw.Object:
        cells = as_objects(new.to_list())
        cells[~where] = as_objects(old if isinstance(old, np.ndarray) else old.to_list())[~where]
        return nw.new_series("", cells.tolist(), nw.Object, backend=backend)
    drawn, parts = new.filter(where.tolist()), None
    known = old.filter((~where).tolist()) if isinstance(old, nw.Series) else None
    if known is None:
        known = _as_series(backend, old[~where].tolist(), new.dtype)
    if known is not None:
        types = _narwhals_types(new.dtype, known.dtype)
        parts = _first_that_holds(types, known, drawn, nw.Series.cast, _are_same_narwhals)
    if parts is None:
        raise _nothing_holds(backend, name, new.dtype, old, where)
    frames = [part.alias("").to_frame() for part in parts]
    result: nw.Series[Any] = nw.concat(frames)[""][_row_order(where)]
    return result


def _as_series(backend: Any, cells: list[Any], dtype: Any) -> nw.Series[Any] | None:
    """Return cells of another library as a series, None if no type holds them."""
    if all(map(is_number, cells)) and any(isinstance(cell, float) for cell in cells):
        dtype = nw.Float64
    for wanted in (None, dtype):
        try:
            series = nw.new_series("", cells, wanted, backend=backend)
        except _cast_errors():
            continue
        if _are_same(cells, series.to_list()):
            return series
    return None


def _nothing_holds(backend: Any, name: Any, dtype: Any, old: Any, where: np.ndarray) -> ValueError:
    """Return the error for the first known cell that the type of ``fit`` does not hold."""
    cells = old.tolist() if isinstance(old, np.ndarray) else old.to_list()
    for row in np.flatnonzero(~where):
        one = _as_series(backend, [cells[row]], dtype)
        cast = nw.Series.cast
        if one is None or not _first_that_holds([dtype], one, one[:0], cast, _are_same_narwhals):
            break
    return ValueError(
        f"Column {name!r}: no type of {backend} holds the known cell {cells[row]!r} in row {row} "
        f"beside cells of type {dtype}, which the column had in fit; cast it to that type."
    )


def _are_same_narwhals(before: nw.Series[Any], after: nw.Series[Any]) -> bool:
    if before.dtype == after.dtype:
        return True
    if not _are_same(before.to_list(), after.to_list()):
        return False
    # Python's timestamps have no nanoseconds.
    return not before.dtype.is_temporal() or bool((after.cast(before.dtype) == before).all())


def _narwhals_types(dtype: Any, given: Any) -> Iterator[Any]:
    yield dtype
    if dtype in TEXT and given in TEXT:
        yield from (nw.String, given) if given == nw.String else (given, nw.String)
    elif dtype.is_numeric() and given.is_numeric():
        yield from _wider_numbers(dtype, given)
    elif nw.Duration in (dtype, given):
        yield nw.Duration(_finer(dtype, given))
    elif dtype.is_temporal() and given.is_temporal():
        zone = getattr(dtype, "time_zone", None) or getattr(given, "time_zone", None)
        yield nw.Datetime(_finer(dtype, given), zone)
    yield given


def _wider_numbers(dtype: Any, given: Any) -> Iterator[Any]:
    both = (dtype, given)
    if all(one.is_integer() for one in both):
        # Of both signs: one of these, the smallest that holds either.
        yield from (nw.Int16, nw.Int32, nw.Int64, nw.Int128)
    elif any(one.is_decimal() for one in both):
        least = FLOAT_SCALE if any(one.is_float() for one in both) else 0
        yield nw.Decimal(38, max(least, *(getattr(one, "scale", 0) for one in both)))
    else:
        yield nw.Float64


def _finer(dtype: Any, given: Any) -> Any:
    """Return the finer unit of two types of timestamps."""
    return max((getattr(one, "time_unit", "s") for one in (dtype, given)), key=TIME_UNITS.index)
