"""Types of columns of numbers: those of ``fit`` for what models of numbers say in floats."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._columns import NUMBER, form_of, read_column
from sklearn_aae.encoding._containers import Container, as_frame, columns_of
from sklearn_aae.encoding._forms import Form

#: Whole numbers that numpy does not have.
WIDE = (nw.Int128, nw.UInt128)
#: For each column of a frame how it came, and what its numbers are computed as.
Types = list[tuple[Form, np.dtype] | None]


def types_of(container: Container, X: Any) -> Types | None:
    """Return the types of the columns of a frame; None for an array."""
    if container.backend is None:
        return None
    return list(map(_type_of, columns_of(X), container.columns))


def _type_of(column: nw.Series, label: Any) -> tuple[Form, np.dtype] | None:
    """Return the type of a column; None for booleans and Decimals of a library."""
    dtype = column.dtype
    if dtype in WIDE:
        return form_of(column), np.dtype("uint64" if dtype == nw.UInt128 else "int64")
    if dtype == nw.Object:
        read = read_column(column, label)
        return (read.form, read.storage) if read.kind == NUMBER else None
    if not (dtype.is_integer() or dtype.is_float()):
        return None
    return form_of(column), np.dtype(str(dtype).lower())


def in_types_of_fit(container: Container, types: Types | None, table: Any) -> Any:
    """Return a table of floats, none of them missing, in the types that its columns had."""
    if types is None:
        dtype = container.dtype
        is_plain = isinstance(dtype, np.dtype) and dtype.kind in "iuf"
        return _as_stored(table, dtype) if is_plain else table
    columns = []
    for column, known in zip(columns_of(table), types, strict=True):
        if known is None:
            is_pandas = column.implementation.is_pandas_like()
            columns.append(column.to_native() if is_pandas else column)
        else:
            form, storage = known
            numbers = _as_stored(column.to_numpy(), storage)
            columns.append(form.build(numbers, np.zeros(len(numbers), dtype=bool)))
    return container.assemble(columns)


def _as_stored(numbers: np.ndarray, storage: np.dtype) -> np.ndarray:
    """Return floats in a type of numbers: rounded if it holds whole ones, within its range."""
    whole = storage.kind in "iu"
    ends: Any = np.iinfo(storage) if whole else np.finfo(storage)
    top = float(ends.max)
    if whole and int(top) > ends.max:  # the largest of 64 bits is no float
        top = float(np.nextafter(top, 0))
    return (np.rint(numbers) if whole else numbers).clip(float(ends.min), top).astype(storage)


def without_wide(X: Any) -> Any:
    """Return a frame with floats for whole numbers of 128 bits, which numpy does not have."""
    frame = as_frame(X)
    if frame is None or frame.implementation.is_pandas_like():
        return X
    wide = [name for name, dtype in frame.schema.items() if dtype in WIDE]
    return frame.with_columns(nw.col(wide).cast(nw.Float64)).to_native() if wide else X
