"""Types of columns of numbers: those of ``fit`` for what models of numbers say in floats."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects, is_missing
from sklearn_aae.encoding._columns import BOOLEAN, NUMBER, form_of, read_column
from sklearn_aae.encoding._containers import Container, as_array, as_frame, columns_of
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._wide_numbers import NOT_DRAWN, Drawn

#: Whole numbers that numpy does not have.
WIDE = (nw.Int128, nw.UInt128)


@dataclass(frozen=True)
class NumberType:
    """The type of a column of numbers in a frame.

    Attributes
    ----------
    form : Form
        How the column came.
    storage : dtype
        What its numbers are computed as.
    digits : tuple of int, or None
        Of a library's Decimals: how many there are in all, and after the point.
    """

    form: Form
    storage: np.dtype
    digits: tuple[int, int] | None = None

    @classmethod
    def of(cls, column: nw.Series[Any], label: Any) -> NumberType | None:
        """Return the type of a column; None for objects that are no numbers by themselves."""
        dtype: Any = column.dtype
        if dtype in WIDE:
            return cls(form_of(column), np.dtype("uint64" if dtype == nw.UInt128 else "int64"))
        if dtype.is_decimal():
            return cls(form_of(column), np.dtype(np.float64), (dtype.precision, dtype.scale))
        if dtype.is_integer():
            return cls(form_of(column), np.dtype(str(dtype).lower()))
        read = read_column(column, label)  # which sees whether holes are NaN or null
        if dtype.is_float():
            return cls(read.form, np.dtype(str(dtype).lower()))
        if read.kind == BOOLEAN:
            return cls(read.form, np.dtype(bool))
        return cls(read.form, read.storage) if read.kind == NUMBER else None

    def build(self, numbers: np.ndarray, drawn: Drawn = NOT_DRAWN, j: int = 0) -> Any:
        """Return column ``j`` of floats, NaN for a missing cell, as it came."""
        missing = np.isnan(numbers)
        stored = drawn.as_known(as_stored(np.where(missing, 0, numbers), self.storage), numbers, j)
        if self.digits is not None:
            stored = as_objects(_decimal(number, *self.digits) for number in stored.tolist())
        return self.form.build(stored, missing)


def types_of(container: Container, X: Any) -> list[NumberType | None] | None:
    """Return the types of the columns of a frame; None for an array."""
    if container.backend is None:
        return None
    return list(map(NumberType.of, columns_of(X), container.columns))


def in_types_of_fit(
    container: Container,
    types: list[NumberType | None] | None,
    rows: np.ndarray,
    like: Any = None,
    drawn: Drawn = NOT_DRAWN,
) -> Any:
    """Return rows of floats, NaN for a missing cell, in the types that their columns had."""
    if types is None:
        dtype = container.dtype
        if not (isinstance(dtype, np.dtype) and dtype.kind in "biuf"):
            return rows
        stored = as_stored(rows, dtype)
        for j in drawn.known:
            stored[:, j] = drawn.as_known(stored[:, j], rows[:, j], j)
        return stored
    backend: Any = nw.Implementation.from_string(str(container.backend))
    columns = []
    for j, (numbers, known) in enumerate(zip(rows.T, types, strict=True)):
        if known is None:
            column = nw.new_series("", numbers, backend=backend)
            columns.append(column.to_native() if backend.is_pandas_like() else column)
        else:
            columns.append(known.build(numbers, drawn, j))
    return container.assemble(columns, like)


def as_stored(numbers: np.ndarray, storage: np.dtype) -> np.ndarray:
    """Return floats in a type of numbers: rounded if it holds whole ones, within its range."""
    if storage.kind == "b":
        return numbers >= 0.5
    whole = storage.kind in "iu"
    ends: Any = np.iinfo(storage) if whole else np.finfo(storage)
    top = float(ends.max)
    if whole and int(top) > ends.max:  # the largest of 64 bits is no float
        top = float(np.nextafter(top, 0))
    return (np.rint(numbers) if whole else numbers).clip(float(ends.min), top).astype(storage)


def _decimal(number: float, n_digits: int, n_decimals: int) -> Decimal:
    """Return the Decimal of so many digits that is nearest to a number."""
    most = Decimal((0, (9,) * n_digits, -n_decimals))
    return max(-most, min(most, Decimal(f"{number:.{n_decimals}f}")))


def without_wide(X: Any) -> Any:
    """Return a frame with floats for whole numbers of 128 bits, which numpy does not have."""
    frame = as_frame(X)
    if frame is None or frame.implementation.is_pandas_like():
        return X
    wide = [name for name, dtype in frame.schema.items() if dtype in WIDE]
    return frame.with_columns(nw.col(wide).cast(nw.Float64)).to_native() if wide else X


def with_nan(X: Any) -> Any:
    """Return a table with NaN for missing cells among objects, whatever they were."""
    if as_frame(X) is not None:
        if not hasattr(X, "iloc"):
            return X
        # Those of Decimals in Arrow are objects to numpy, too.
        objects = [j for j, dtype in enumerate(X.dtypes) if getattr(dtype, "kind", "") == "O"]
        if objects:
            X = X.copy(deep=False)
            for j in objects:
                X.isetitem(j, with_nan(X.iloc[:, j].to_numpy(dtype=object)))
        return X
    array = as_array(X) if isinstance(X, (list, tuple)) else X
    if not isinstance(array, np.ndarray) or array.dtype != object:
        return X
    cells = array.ravel()
    gone = np.fromiter(map(is_missing, cells), dtype=bool, count=len(cells))
    return np.where(gone.reshape(array.shape), np.nan, array)
