"""Labels of rows as they came: cell by cell, before numpy makes one type of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from sklearn.utils import column_or_1d

from sklearn_aae.encoding._cells import as_objects, is_bool, is_missing, is_number


class LabelCells(NamedTuple):
    """Labels of some of the rows.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        The labels that are there, all of one type: numbers, booleans, text, timestamps, or
        objects of another type.
    missing : ndarray of shape (n_samples,), bool
        Which rows have none.
    """

    labels: np.ndarray
    missing: np.ndarray


def read_label_cells(y: Any, *, name: str = "y", warn: bool = False) -> LabelCells:
    """Return the labels that are there, and which cells are missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels in a list, an array, masked or not, or a series of pandas, polars or pyarrow.
    name : str, default="y"
        What to call the labels in messages.
    warn : bool, default=False
        Whether to warn of a column vector, as scikit-learn's estimators do.

    Returns
    -------
    LabelCells
        Labels and missing cells.

    Raises
    ------
    ValueError
        If the labels have more than one column or are of several types.

    Examples
    --------
    >>> from sklearn_aae.encoding._label_cells import read_label_cells
    >>> cells = read_label_cells(["b", None, "a"])
    >>> cells.labels.tolist(), cells.missing.tolist()
    (['b', 'a'], [False, True, False])
    """
    values, missing = _read(y, name, warn)
    if values.dtype.kind == "O":
        missing = missing | np.fromiter(map(is_missing, values), dtype=bool, count=len(values))
        return LabelCells(_of_one_type(values[~missing], name), missing)
    if values.dtype.kind in "fmM":
        missing = missing | (values != values)
    return LabelCells(values[~missing], missing)


# ------------------------------------------------------------------- containers


def _read(y: Any, name: str, warn: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return cells and which of them the container says are missing."""
    if np.ma.isMaskedArray(y):
        mask = np.ma.getmaskarray(y)
        return _flat(y.data, name, warn), _flat(mask, name, False)
    frame = nw.from_native(y, pass_through=True, allow_series=True)
    if isinstance(frame, nw.DataFrame) and frame.shape[1] == 1:
        _flat(np.empty((len(frame), 1), dtype=bool), name, warn)  # it says so, where asked to
        frame = nw.from_native(_only_column(frame), series_only=True)
    if isinstance(frame, nw.Series):
        return _of_series(frame, name)
    if isinstance(frame, nw.DataFrame):
        raise ValueError(
            f"{name} should be a 1d array, one label for each row; got a table of shape "
            f"{frame.shape}."
        )
    if isinstance(getattr(y, "dtype", None), np.dtype):
        return _whole(_flat(np.asarray(y), name, warn))
    if hasattr(y, "codes") and hasattr(y, "categories"):
        return _of_categories(y.codes, y.categories, name)
    cells = _cells(y)
    if cells is None:
        return _whole(_flat(y, name, warn))
    if any(_is_row(cell) for cell in cells):
        if not all(_is_row(cell) and len(cell) == 1 for cell in cells):
            column_or_1d(y, input_name=name)  # it raises, but for a list of rows of one type
            raise ValueError(
                f"{name} must hold one label for each row; some of its cells are lists."
            )
        _flat(np.empty((len(cells), 1), dtype=bool), name, warn)
        cells = [_unwrapped(cell[0]) for cell in cells]
    return _whole(_array(cells, listed=isinstance(y, Sequence)))


def _only_column(frame: nw.DataFrame[Any]) -> Any:
    native = frame.to_native()
    # By position: labels of pandas need not be text.
    pandas_like = frame.implementation.is_pandas_like()
    return native.iloc[:, 0] if pandas_like else frame.get_column(frame.columns[0]).to_native()


def _of_series(series: nw.Series[Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    native = series.to_native()
    dtype: Any = getattr(native, "dtype", None)
    if isinstance(dtype, np.dtype):
        return _whole(native.to_numpy())
    if hasattr(dtype, "categories") and hasattr(native, "cat") and hasattr(native.cat, "codes"):
        return _of_categories(native.cat.codes, dtype.categories, name)
    fits = series.dtype not in (nw.Int128, nw.UInt128)
    if fits and (
        series.dtype == nw.Boolean or series.dtype.is_integer() or series.dtype.is_float()
    ):
        missing = series.is_null().to_numpy().astype(bool)
        if missing.any():
            series = series.fill_null(False if series.dtype == nw.Boolean else 0)
        return series.to_numpy(), missing
    if series.dtype.is_temporal():
        return _whole(np.asarray(native))
    return _whole(as_objects(series.to_list()))


def _of_categories(codes: Any, categories: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    codes = np.asarray(codes)
    values, missing = _read(categories, name, False)
    if not len(values):
        return _whole(as_objects([None] * len(codes)))
    return values[codes], (codes < 0) | missing[codes]


def _cells(y: Any) -> list[Any] | None:
    """Return the cells of what is no array of one type; None for what else there is."""
    if hasattr(y, "to_pylist"):
        result: list[Any] | None = y.to_pylist()
        return result
    if isinstance(y, Sequence) and not isinstance(y, (str, bytes)):
        return [_unwrapped(cell) for cell in y]
    # Arrays of pandas with a type of their own.
    return list(y) if hasattr(getattr(y, "dtype", None), "na_value") else None


def _unwrapped(cell: Any) -> Any:
    """Return what an array or a tensor without axes holds."""
    if cell is np.ma.masked:
        return None
    if hasattr(cell, "as_py"):
        return cell.as_py()
    if hasattr(cell, "__array__") and not isinstance(cell, np.generic) and np.ndim(cell) == 0:
        return np.asarray(cell)[()]
    return cell


def _is_row(cell: Any) -> bool:
    return isinstance(cell, (list, tuple)) or (hasattr(cell, "__array__") and np.ndim(cell) > 0)


def _array(cells: list[Any], listed: bool) -> np.ndarray:
    """Return cells as objects, or a list of text as numpy has it."""
    if listed and cells and all(isinstance(cell, str) for cell in cells):
        array = np.array(cells)
        # In numpy's text, zeros at the end are lost.
        if array.dtype.kind == "U" and array.tolist() == cells:
            return array
    return as_objects(cells)


def _flat(values: Any, name: str, warn: bool) -> np.ndarray:
    result: np.ndarray = column_or_1d(values, warn=warn, input_name=name)
    return result


def _whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, np.zeros(len(values), dtype=bool)


# ------------------------------------------------------------------------ types


def _of_one_type(labels: np.ndarray, name: str) -> np.ndarray:
    """Return objects as numbers or booleans if all are; raise if types are mixed."""
    cells = [cell.item() if _is_numpys(cell) else cell for cell in labels]
    if cells and all(isinstance(cell, (np.datetime64, np.timedelta64)) for cell in cells):
        return np.array(cells)
    if all(is_bool(cell) for cell in cells):
        return np.array(cells, dtype=bool) if cells else labels
    kinds = sorted({_type_name(cell) for cell in cells})
    if len(kinds) > 1:
        raise ValueError(
            f"{name} mixes labels of types {', '.join(kinds)}; pass labels of one type, and None "
            "for rows without one."
        )
    if "complex" in kinds:
        raise ValueError(f"Complex data not supported: {name} holds {cells[0]!r}.")
    return _numbers(cells) if kinds == ["number"] else as_objects(cells)


def _is_numpys(cell: Any) -> bool:
    """Return whether a cell is of numpy's own type, and Python has one for it."""
    return isinstance(cell, (np.bool_, np.number, np.str_, np.bytes_)) and not isinstance(
        cell, np.timedelta64
    )


def _type_name(cell: Any) -> str:
    if is_number(cell):
        return "number"
    for kind in (str, bytes, complex):
        if isinstance(cell, kind):
            return kind.__name__
    return type(cell).__name__


def _numbers(cells: list[Any]) -> np.ndarray:
    """Return numbers as an array that has them exactly, as long as they are whole."""
    if all(isinstance(cell, int) for cell in cells):
        return _whole_numbers(cells)
    if any(not isinstance(cell, (int, float)) for cell in cells):  # decimals, fractions
        whole = all(map(_is_whole, cells))
        return _whole_numbers([int(cell) for cell in cells]) if whole else as_objects(cells)
    array = np.array(cells, dtype=np.float64)
    if array.tolist() == cells:
        return array
    # Beyond 2**53 a whole number need not be a float.
    broken = any(isinstance(cell, float) and not cell.is_integer() for cell in cells)
    return array if broken else _whole_numbers([int(cell) for cell in cells])


def _is_whole(cell: Any) -> bool:
    return isinstance(cell, int) or (math.isfinite(cell) and cell == int(cell))


def _whole_numbers(cells: list[int]) -> np.ndarray:
    for dtype in (np.int64, np.uint64):
        try:
            return np.array(cells, dtype=dtype)
        except OverflowError:
            pass
    return as_objects(cells)
