"""Tables in and out: what container came in, what is wrong with it, the same one back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from scipy.sparse import issparse

from sklearn_aae.exceptions import UnsupportedColumnsError


@dataclass(frozen=True)
class Container:
    """What ``fit`` saw around the numbers, enough to hand the same kind back.

    Attributes
    ----------
    backend : str or None
        "pandas", "polars" or another backend of narwhals; None for arrays.
    columns : tuple
        The column labels; empty for arrays.
    dtype : dtype or None
        The type of an array.
    header : Index or None
        The column labels of pandas as they came, with their own name.
    """

    backend: str | None
    columns: tuple
    dtype: Any = None
    header: Any = field(default=None, compare=False)

    @classmethod
    def of(cls, X: Any) -> Container:
        """Return the container of ``X``."""
        frame = as_frame(X)
        if frame is None:
            return cls(None, (), getattr(X, "dtype", None))
        # narwhals wants text labels; pandas also has others, and MultiIndex.
        pandas_like = frame.implementation.is_pandas_like()
        header = frame.to_native().columns if pandas_like else None
        columns = tuple(frame.columns if header is None else header)
        return cls(str(frame.implementation), columns, header=header)

    def wrap(self, rows: np.ndarray, like: Any = None) -> Any:
        """Return rows in this container, with the index of ``like`` if it has one."""
        if self.backend is None:
            return rows
        backend: Any = nw.Implementation.from_string(self.backend)
        if not backend.is_pandas_like():
            return nw.from_numpy(rows, schema=list(self.columns), backend=backend).to_native()
        names = [str(i) for i in range(len(self.columns))]
        native = nw.from_numpy(rows, schema=names, backend=backend).to_native()
        native.columns = self.header
        if hasattr(like, "index"):
            native.index = like.index
        return native

    def assemble(self, columns: list, like: Any = None) -> Any:
        """Return columns of this container's library as one table.

        pandas frames get the index of ``like`` if it is one.
        """
        if self.backend is None:
            rows = np.empty((len(columns[0]), len(columns)), dtype=self.dtype)
            for j, column in enumerate(columns):
                rows[:, j] = column
            return rows
        backend: Any = nw.Implementation.from_string(self.backend)
        if not backend.is_pandas_like():
            series = [column.to_native() for column in columns]
            named = dict(zip(self.columns, series, strict=True))
            return nw.from_dict(named, backend=backend).to_native()
        pd = backend.to_native_namespace()
        native = pd.DataFrame(dict(enumerate(columns)))
        native.columns = self.header
        if isinstance(like, pd.DataFrame) and len(like) == len(native):
            native.index = like.index
        return native

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        """Return ``filled`` with the cells of ``X`` but for those where ``where`` is true."""
        if self.backend is None:
            rows = filled.copy()
            rows[~where] = np.asarray(X)[~where]
            return rows
        backend: Any = nw.Implementation.from_string(self.backend)
        if backend.is_pandas_like():
            native = X if type(X) is type(filled) else type(filled)(dict(enumerate(_cells_of(X))))
            columns = []
            for j, cells in enumerate(where.T):
                new = filled.iloc[:, j]
                columns.append(new if cells.all() else _keep(new, native.iloc[:, j], cells))
            return self.assemble(columns, X)
        new = nw.from_native(filled)
        kept = []
        for column, old, gone in zip(
            new.iter_columns(), _like(X, new, where), where.T, strict=True
        ):
            mask = nw.new_series("where", gone.tolist(), nw.Boolean, backend=backend)
            kept.append(column.zip_with(mask, old))
        return new.select(*kept).to_native()


def _like(X: Any, new: nw.DataFrame, where: np.ndarray) -> Iterator[nw.Series]:
    """Yield the columns of a table in the types of ``new``, to be read where ``where`` is false."""
    frame = as_frame(X)
    if frame is not None and frame.implementation is new.implementation:
        for column in new.iter_columns():
            yield frame[column.name].cast(column.dtype)
        return
    for column, old, gone in zip(new.iter_columns(), _cells_of(X), where.T, strict=True):
        cells = [None if no else cell for cell, no in zip(old, gone, strict=True)]
        series = nw.new_series(column.name, cells, backend=new.implementation)
        yield series.cast(column.dtype)


def _cells_of(X: Any) -> list[list]:
    """Return the cells of each column of a table of any kind."""
    frame = as_frame(X)
    if frame is not None:
        return [column.to_list() for column in frame.iter_columns()]
    return [column.tolist() for column in np.asarray(X, dtype=object).T]


def _keep(new: Any, old: Any, where: np.ndarray) -> Any:
    """Return a pandas column with new cells where ``where`` is true."""
    if not where.any():
        return old.astype(new.dtype)
    column = new.copy()
    column[~where] = old[~where].astype(new.dtype)
    return column


def as_frame(X: Any) -> nw.DataFrame | None:
    """Return a frame as narwhals', None for anything else."""
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(
            f"A {type(X).__module__.partition('.')[0]} LazyFrame has no rows yet; collect it first."
        )
    return frame if isinstance(frame, nw.DataFrame) else None


def as_array(rows: Any) -> Any:
    """Return a list of rows as an array, in which numbers stay beside text."""
    if np.ma.isMaskedArray(rows):
        return np.ma.filled(rows.astype(object), None)
    if hasattr(rows, "__array__") or issparse(rows):
        return rows
    array = np.asarray(rows)
    return array if array.dtype.kind in "biufcmM" else np.array(rows, dtype=object)


def columns_of(table: Any) -> Iterator[Any]:
    """Return the columns of a frame as narwhals' series, or those of an array."""
    frame = as_frame(table)
    if frame is None:
        return iter(table.T)
    if not frame.implementation.is_pandas_like():
        return frame.iter_columns()
    # By position: labels need not be text.
    native = frame.to_native()
    series = (native.iloc[:, j] for j in range(frame.shape[1]))
    return (nw.from_native(column, series_only=True) for column in series)


def check_numeric_columns(X: Any, estimator_name: str) -> None:
    """Raise UnsupportedColumnsError if a frame holds columns that are no numbers.

    Object columns pass: they may hold numbers, and scikit-learn's own
    conversion says so if they do not.
    """
    frame = as_frame(X)
    if frame is None or not len(frame.columns):
        return
    names = Container.of(X).columns
    kinds = {
        name: column.dtype
        for name, column in zip(names, columns_of(X), strict=True)
        if not _may_be_numbers(column)
    }
    if kinds:
        listed = ", ".join(f"{name!r} ({dtype})" for name, dtype in kinds.items())
        raise UnsupportedColumnsError(
            f"{estimator_name} reads columns of numbers here; these are of another kind: "
            f"{listed}. Use output='auto' (or 'autoregressive') and fit to the table as it is.",
            list(kinds),
        )


def _may_be_numbers(column: nw.Series) -> bool:
    if column.dtype == nw.Object:
        return not _holds_text(column)
    return column.dtype.is_numeric() or column.dtype in (nw.Boolean, nw.Unknown)


def _holds_text(column: nw.Series) -> bool:
    def is_text(cell: Any) -> bool:
        if not isinstance(cell, str):
            return False
        try:
            float(cell)
        except ValueError:
            return True
        return False

    return any(is_text(cell) for cell in column.to_list())


def describe_non_finite(X: Any) -> str:
    """Return a sentence that names the columns with missing or infinite cells."""
    try:
        cells = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return ""
    if cells.ndim != 2:
        return ""
    bad = np.flatnonzero(~np.isfinite(cells).all(axis=0))
    if not len(bad):
        return ""
    labels = Container.of(X).columns or tuple(range(cells.shape[1]))
    shown = ", ".join(repr(labels[i]) for i in bad[:5])
    rest = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    return f"Columns with missing or infinite cells: {shown}{rest}."
