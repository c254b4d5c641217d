"""Tables with other cells in some places."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding import as_frame


def with_columns(X: Any, columns: dict[Any, Any], names: list[Any]) -> Any:
    """Return a frame with other cells in some columns."""
    frame = nw.from_native(X, eager_only=True)
    if frame.implementation.is_pandas_like():
        native = frame.to_native().copy(deep=False)
        for name, column in columns.items():
            native.isetitem(names.index(name), getattr(column, "array", column))
        return native
    backend: Any = frame.implementation
    series = [
        (
            column
            if isinstance(column, nw.Series)
            else nw.new_series("", column.tolist(), _dtype_of(column), backend=backend)
        ).alias(name)
        for name, column in columns.items()
    ]
    return frame.with_columns(*series).to_native()


def with_rows(X: Any, j: int, column: Any, rows: np.ndarray) -> Any:
    """Return a table with other cells in some rows of a column."""
    frame = as_frame(X)
    if frame is None:
        replaced = X.copy()
        replaced[rows, j] = np.asarray(column)[rows]
        return replaced
    if frame.implementation.is_pandas_like():
        native = X.copy(deep=False)
        cells = native.iloc[:, j].array.copy()
        # What was drawn may be of another type than the training rows.
        new = column.to_native() if isinstance(column, nw.Series) else column
        cells[rows] = new.astype(cells.dtype).array[rows]
        native.isetitem(j, cells)
        return native
    old = frame[frame.columns[j]]
    mask = nw.new_series("", rows, backend=frame.implementation)
    new = column.cast(old.dtype).zip_with(mask, old)
    return frame.with_columns(new.alias(old.name)).to_native()


def _dtype_of(column: np.ndarray) -> Any:
    return nw.String() if column.dtype == object else nw.Float64()
