"""Tables in and out: what container came in, what is wrong with it, the same one back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._datasets import is_dataset
from sklearn_aae.encoding._described import IndexOf, plain
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
    header : IndexOf or None
        The column labels of pandas as they came, with their own name.
    """

    backend: str | None
    columns: tuple[Any, ...]
    dtype: Any = None
    header: IndexOf | None = field(default=None, compare=False)

    @classmethod
    def of(cls, X: Any) -> Container:
        """Return the container of ``X``."""
        frame = as_frame(X)
        if frame is None:
            return cls(None, (), getattr(X, "dtype", None))
        # narwhals wants text labels; pandas also has others, and MultiIndex.
        pandas_like = frame.implementation.is_pandas_like()
        header = frame.to_native().columns if pandas_like else None
        if header is None:
            return cls(str(frame.implementation), tuple(frame.columns))
        columns = tuple(map(plain, header))
        return cls(str(frame.implementation), columns, header=IndexOf.of(header))

    def part(self, which: Sequence[int]) -> Container:
        """Return the container of some of the columns, by position."""
        if self.backend is None or list(which) == list(range(len(self.columns))):
            return self
        header = None
        if self.header is not None:
            header = IndexOf.of(self.header.build()[list(which)])
        return replace(self, columns=tuple(self.columns[j] for j in which), header=header)

    def renamed(self, columns: Sequence[str]) -> Container:
        """Return the container of a table with other columns."""
        header = None
        if self.header is not None:
            header = IndexOf.of(import_extra("pandas", "table").Index(list(columns)))
        return replace(self, columns=tuple(columns), header=header)

    def wrap(self, rows: np.ndarray, like: Any = None) -> Any:
        """Return rows in this container, with the index of ``like`` if it has one."""
        if self.backend is None:
            return rows
        backend: Any = nw.Implementation.from_string(self.backend)
        if not backend.is_pandas_like():
            return nw.from_numpy(rows, schema=list(self.columns), backend=backend).to_native()
        names = [str(i) for i in range(len(self.columns))]
        native = nw.from_numpy(rows, schema=names, backend=backend).to_native()
        native.columns = self._index()
        return _with_index_of(like, native)

    def _index(self) -> Any:
        assert self.header is not None
        return self.header.build()

    def assemble(self, columns: list[Any], like: Any = None) -> Any:
        """Return columns of this container's library as one table.

        pandas frames get the index of ``like`` if it is one.
        """
        if self.backend is None:
            is_text = getattr(self.dtype, "kind", None) in ("S", "U")
            dtype = np.result_type(*columns) if is_text else self.dtype
            rows = np.empty((len(columns[0]), len(columns)), dtype=dtype)
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
        native.columns = self._index()
        return _with_index_of(like, native)


def _with_index_of(like: Any, native: Any) -> Any:
    """Give a frame of pandas the index of another one, if ``like`` is one."""
    if isinstance(like, type(native)) and len(like) == len(native):
        native.index = like.index
    return native


def as_frame(X: Any) -> nw.DataFrame[Any] | None:
    """Return a frame as narwhals', None for anything else."""
    if hasattr(X, "iloc") and hasattr(X, "columns") and not X.columns.is_unique:
        twice = list(dict.fromkeys(X.columns[X.columns.duplicated()]))
        raise ValueError(
            f"Several columns of a table are named alike: {', '.join(map(repr, twice))}. Give each "
            "a name of its own."
        )
    refuse_streams(X)
    frame = nw.from_native(X, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def refuse_streams(X: Any) -> None:
    """Raise where all rows are needed at once, and they are not in memory."""
    if is_dataset(X):
        raise TypeError("A pyarrow Dataset is no table here; read it into one with to_table first.")
    if isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        raise TypeError(
            f"A {type(X).__module__.partition('.')[0]} LazyFrame has no rows yet; collect it first."
        )


def what_to_pass(X: Any) -> str:
    """Say what to pass in place of a path or a column."""
    if isinstance(X, (str, PathLike)):
        return ". A path is no table: read the file first, for example with pandas.read_csv."
    if getattr(X, "ndim", 2) == 1:
        return ". A table has two dimensions: of a frame's column pass frame[[name]]."
    return ""


def as_array(rows: Any) -> Any:
    """Return a list of rows as an array, in which numbers stay beside text."""
    rows = as_plain(rows)
    if hasattr(rows, "__array__") or issparse(rows):
        return rows
    array = np.asarray(rows)
    return array if array.dtype.kind in "biufcmM" else np.array(rows, dtype=object)


def _is_short(dtype: str) -> bool:
    """Return whether a type of numbers, by name, is one that numpy itself does not have."""
    return dtype.removeprefix("torch.").startswith(("bfloat", "float8"))


def as_plain(X: Any) -> Any:
    """Return what numpy makes an array of as one, anything else (a frame, a list) as it is.

    A masked cell becomes a missing one, whatever is under the mask: NaN, NaT, or None where the
    type of the array has neither.
    """
    if isinstance(X, (list, tuple)):
        return _unmask_rows(X)
    if isinstance(X, np.ma.MaskedArray):
        return _unmask(X)
    if isinstance(X, np.ndarray):
        return X.astype(np.float32) if _is_short(X.dtype.name) else X
    if issparse(X) or hasattr(X, "iloc") or as_frame(X) is not None:
        return X
    try:
        if hasattr(X, "__array__"):
            short = hasattr(X, "float") and _is_short(str(getattr(X, "dtype", "")))
            return as_plain(np.asanyarray(X.float() if short else X))
        if hasattr(X, "__dlpack__"):
            return np.array(np.from_dlpack(X))
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(
            f"A {type(X).__name__} cannot be read as an array of numpy: {error} Convert it first."
        ) from error
    return X


def _unmask_rows(rows: Any) -> Any:
    """Return a list of rows as it is, or as lists of cells if a cell of it is masked."""

    def is_masked(row: Any) -> bool:
        if isinstance(row, (list, tuple)):
            return any(cell is np.ma.masked for cell in row)
        return isinstance(row, np.ma.MaskedArray) and row.ndim > 0

    if not any(map(is_masked, rows)):
        return rows
    # The list of a masked array has None for a masked cell.
    listed = [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    gone = (None, np.ma.masked)
    return [[np.nan if any(c is g for g in gone) else c for c in row] for row in listed]


def _unmask(array: np.ma.MaskedArray) -> np.ndarray:
    """Return a masked array as one that says itself which cells are missing."""
    data, mask = np.ma.getdata(array), np.ma.getmaskarray(array)
    if not mask.any():
        return data
    if data.dtype.kind in "iu":
        known = data[~mask]
        exact = not len(known) or -(2**53) <= int(known.min()) <= int(known.max()) <= 2**53
        data = data.astype(np.float64 if exact else object)
    elif data.dtype.kind not in "fcmM":
        data = data.astype(object)
    gaps = {"f": np.nan, "c": np.nan, "m": "NaT", "M": "NaT"}
    return np.where(mask, np.array(gaps.get(data.dtype.kind), data.dtype), data)


def columns_of(table: Any, which: Iterable[int] | None = None) -> Iterator[Any]:
    """Return the columns of a frame as narwhals' series, or those of an array.

    All of them, or those in some positions.
    """
    frame = as_frame(table)
    if frame is None:
        return iter(table.T) if which is None else (table[:, j] for j in which)
    if not frame.implementation.is_pandas_like():
        if which is None:
            return frame.iter_columns()
        names = frame.columns
        return (frame.get_column(names[j]) for j in which)
    # By position: labels need not be text.
    native = frame.to_native()
    series = (native.iloc[:, j] for j in (range(frame.shape[1]) if which is None else which))
    return (nw.from_native(column, series_only=True) for column in series)


def check_matrix(X: Any, name: str, **options: Any) -> np.ndarray:
    """Return a matrix as scikit-learn's check_array does, or raise in its name."""
    try:
        rows: np.ndarray = check_array(as_plain(X), input_name=name, **options)
    except (TypeError, ValueError) as error:
        if f"{name} " in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error
    return rows


FIT_AS_IT_IS = "Use output='auto' (or 'autoregressive') and fit to the table as it is."


def check_numeric_columns(X: Any, reader: str, advice: str = FIT_AS_IT_IS) -> None:
    """Raise UnsupportedColumnsError if a frame holds columns that are no numbers.

    ``reader`` is what reads them, and ``advice`` what to do instead.

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
            f"{reader} reads columns of numbers here; these are of another kind: {listed}. "
            f"{advice}",
            list(kinds),
        )


def _may_be_numbers(column: nw.Series[Any]) -> bool:
    if column.dtype == nw.Object:
        return not _holds_text(column)
    if column.dtype.is_numeric() or column.dtype in (nw.Boolean, nw.Unknown):
        return True
    return bool(column.is_null().all())


def _holds_text(column: nw.Series[Any]) -> bool:
    def is_text(cell: Any) -> bool:
        if not isinstance(cell, str):
            return False
        try:
            float(cell)
        except ValueError:
            return True
        return False

    return any(is_text(cell) for cell in column.to_list())


def describe_non_finite(X: Any, *, may_miss: bool = False) -> str:
    """Return a sentence that names the columns with infinite, or missing or infinite, cells."""
    try:
        cells = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return ""
    if cells.ndim != 2:
        return ""
    found = np.isinf(cells) if may_miss else ~np.isfinite(cells)
    bad = np.flatnonzero(found.any(axis=0))
    if not len(bad):
        return ""
    labels = Container.of(X).columns or tuple(range(cells.shape[1]))
    first = f"The first one of column {labels[bad[0]]!r} is in row {found[:, bad[0]].argmax()}."
    shown = ", ".join(repr(labels[i]) for i in bad[:5])
    rest = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    kinds = "infinite" if may_miss else "missing or infinite"
    return f"Columns with {kinds} cells: {shown}{rest}. {first}"
