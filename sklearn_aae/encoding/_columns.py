"""Columns as they are read: what their cells are, as arrays that codecs work on."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._cells import as_microseconds, is_bool, is_missing, is_number, sorted_levels
from sklearn_aae.encoding._forms import ArrayForm, Form, NarwhalsForm, PandasForm
from sklearn_aae.exceptions import UnsupportedColumnsError

NUMBER, BOOLEAN, CATEGORY = "number", "boolean", "category"
DATETIME, DURATION, EMPTY = "datetime", "duration", "empty"

MOMENTS = {"M": DATETIME, "m": DURATION}


@dataclass
class Column:
    """The cells of one column.

    Attributes
    ----------
    name : object
        Label or position.
    kind : str
        What the cells are: one of the constants of this module.
    values : ndarray of shape (n,)
        Numbers; booleans; whole numbers of ``unit`` since 1970 in UTC; or, for
        categories, places in ``labels``.  Anything where a cell is missing.
    missing : ndarray of shape (n,), bool
        Where cells are missing.
    form : Form
        How to hand such a column back.
    labels : ndarray
        Of categories: the distinct labels, in order.
    ordered : bool
        Whether the type says that the order of the labels means something.
    unit : str or None
        Of dates and durations.
    stated : bool
        Whether the type of the column says of what kind it is, and not its cells.
    source : str or None
        What labels were before they became labels: "number", "datetime" or "duration".
    """

    name: Any
    kind: str
    values: np.ndarray
    missing: np.ndarray
    form: Form
    labels: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    ordered: bool = False
    unit: str | None = None
    stated: bool = True
    source: str | None = None

    @property
    def present(self) -> np.ndarray:
        """Values of the cells that are there."""
        return self.values[~self.missing] if self.missing.any() else self.values


def read_column(native: Any, name: Any, *, as_category: bool = False) -> Column:
    """Read a column.

    Parameters
    ----------
    native : narwhals Series or ndarray of shape (n,)
        The column.
    name : object
        Its label, for errors.
    as_category : bool, default=False
        Whether numbers, dates and durations are labels too.

    Returns
    -------
    Column
        Its cells.

    Raises
    ------
    TypeError
        If cells cannot be compared.
    UnsupportedColumnsError
        If the type is of no kind that is known here.
    ValueError
        If a number is infinite.
    """
    column = (_read_series if isinstance(native, nw.Series) else _read_array)(
        native, name, as_category
    )
    if column.missing.all():
        return Column(
            name, EMPTY, np.zeros(len(column.missing)), column.missing, column.form, stated=False
        )
    if column.kind == NUMBER and column.values.dtype.kind == "f":
        infinite = np.isinf(column.values) & ~column.missing
        if infinite.any():
            row = int(np.argmax(infinite))
            raise ValueError(
                f"Column {name!r} has infinite cells, the first in row {row}. "
                "Replace them by finite numbers or by missing cells."
            )
    if as_category and column.kind not in (CATEGORY, BOOLEAN):
        return _as_labels(column)
    return column


def _as_labels(column: Column) -> Column:
    labels, codes = np.unique(column.present, return_inverse=True)
    values = np.zeros(len(column.values), dtype=np.int32)
    values[~column.missing] = codes
    if column.kind in MOMENTS.values():
        letter = "M" if column.kind == DATETIME else "m"
        labels = labels.view(f"{letter}8[{column.unit}]")
    return Column(
        column.name,
        CATEGORY,
        values,
        column.missing,
        column.form,
        labels,
        stated=column.stated,
        source=column.kind,
    )


# ------------------------------------------------------------------ by type


def _read_series(series: nw.Series, name: Any, as_category: bool) -> Column:
    dtype = series.dtype
    form = _form_of(series)
    if dtype.is_numeric():
        return _numbers(series, name, form)
    if dtype in (nw.Date, nw.Datetime):
        moments = series.cast(nw.Datetime("us")) if dtype == nw.Date else series
        return _moments(moments.to_numpy(), name, form)
    if dtype == nw.Duration:
        return _moments(series.to_numpy(), name, form)
    if dtype == nw.Boolean:
        missing = series.is_null().to_numpy()
        values = series.fill_null(False).to_numpy().astype(bool)
        return Column(name, BOOLEAN, values, missing, form)
    if dtype in (nw.Categorical, nw.Enum):
        return _categories(series, name, form)
    # narwhals calls a column of pandas text if the first of its objects are text.
    if dtype == nw.Object or form.dtype is np.dtype(object) or series.is_null().all():
        return _cells(series.to_list(), name, form, as_category)
    if dtype in (nw.String, nw.Time, nw.Binary):
        return _labelled(series.to_list(), name, form)
    raise UnsupportedColumnsError(
        f"Column {name!r} is of type {dtype}, which is neither numbers, text, categories, "
        "booleans nor dates; cast it to one of these or drop it.",
        [name],
    )


def _read_array(array: np.ndarray, name: Any, as_category: bool) -> Column:
    form = ArrayForm(array.dtype)
    kind = array.dtype.kind
    if kind == "b":
        return Column(name, BOOLEAN, array, np.zeros(len(array), dtype=bool), form)
    if kind in "iu":
        return Column(name, NUMBER, _wide(array), np.zeros(len(array), dtype=bool), form)
    if kind == "f":
        values = array.astype(np.float64)
        return Column(name, NUMBER, values, np.isnan(values), form)
    if kind in "mM":
        return _moments(array, name, form)
    return _cells(array.tolist(), name, form, as_category)


def _form_of(series: nw.Series) -> Form:
    backend = str(series.implementation)
    if series.implementation.is_pandas_like():
        aware = getattr(series.dtype, "time_zone", None) is not None
        return PandasForm(series.to_native().dtype, backend=backend, aware=aware)
    return NarwhalsForm(series.dtype, backend=backend)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.uint64 if array.dtype == np.uint64 else np.int64)


def _numbers(series: nw.Series, name: Any, form: Form) -> Column:
    if series.dtype.is_integer() and series.dtype not in (nw.Int128, nw.UInt128):
        missing = series.is_null().to_numpy()
        filled = series.fill_null(0) if missing.any() else series
        return Column(name, NUMBER, _wide(filled.to_numpy()), missing, form)
    values = series.cast(nw.Float64).to_numpy().astype(np.float64)
    missing = np.isnan(values)
    if isinstance(form, NarwhalsForm) and missing.any() and not series.is_null().any():
        form = NarwhalsForm(form.dtype, np.nan, form.backend)
    return Column(name, NUMBER, values, missing, form)


def _moments(moments: np.ndarray, name: Any, form: Form) -> Column:
    kind = MOMENTS[moments.dtype.kind]
    unit = np.datetime_data(moments.dtype)[0]
    if unit not in ("D", "s", "ms", "us", "ns"):
        unit = "D" if unit in ("Y", "M", "W") else "s" if unit in ("h", "m") else "ns"
    moments = moments.astype(f"{moments.dtype.kind}8[{unit}]")
    return Column(name, kind, moments.view(np.int64), np.isnat(moments), form, unit=unit)


def _categories(series: nw.Series, name: Any, form: Form) -> Column:
    native = series.to_native()
    labels = getattr(getattr(native, "dtype", None), "categories", None)
    if not isinstance(form, PandasForm) or labels is None:
        column = _labelled(series.to_list(), name, form)
        if isinstance(series.dtype, nw.Enum):
            place = {label: i for i, label in enumerate(series.dtype.categories)}
            return _relabelled(column, sorted(column.labels, key=place.__getitem__), ordered=True)
        return column
    codes = native.cat.codes.to_numpy().astype(np.int32)
    missing = codes < 0
    ordered = bool(native.cat.ordered)
    # A type may declare categories that no row has.
    found = np.flatnonzero(np.bincount(codes[~missing], minlength=len(labels)))
    names = [labels[i] for i in found]
    order = range(len(names)) if ordered else _order(names)
    places = np.zeros(max(1, len(labels)), dtype=np.int32)
    places[found[list(order)]] = np.arange(len(found), dtype=np.int32)
    return Column(
        name, CATEGORY, places[codes], missing, form, as_objects(names[i] for i in order), ordered
    )


def _order(labels: list) -> list[int]:
    place = {label: i for i, label in enumerate(labels)}
    return [place[label] for label in sorted_levels(labels)]


def _relabelled(column: Column, labels: list, *, ordered: bool) -> Column:
    places = {label: i for i, label in enumerate(labels)}
    new = np.array([places[label] for label in column.labels], dtype=np.int32)
    if len(new):
        column.values = new[column.values]
    column.labels, column.ordered = as_objects(labels), ordered
    return column


# ----------------------------------------------------------------- by cells


def _cells(cells: list, name: Any, form: Form, as_category: bool) -> Column:
    """Read cells of any type; what the cells are decides the kind."""
    column = _labelled(cells, name, form)
    column.stated = False
    labels = column.labels
    gap = next((cell for cell, gone in zip(cells, column.missing, strict=True) if gone), None)
    more = {"marker": gap}
    if not len(labels):
        pass
    elif all(is_bool(label) for label in labels):
        column = _with_values(column, BOOLEAN, labels.astype(bool))
    elif as_category:
        pass
    elif all(is_number(label) for label in labels):
        column = _with_values(column, NUMBER, _as_numbers(labels))
        if all(isinstance(label, Decimal) for label in labels):
            more["cell_type"] = Decimal
    elif all(isinstance(label, (datetime.date, np.datetime64)) for label in labels):
        moments, more["time_zone"] = _as_moments(labels, name)
        column = _with_moments(column, moments)
    elif all(isinstance(label, (datetime.timedelta, np.timedelta64)) for label in labels):
        column = _with_moments(column, np.array([np.timedelta64(label, "us") for label in labels]))
    _check_cells(column)
    column.form = _with(form, **more)
    return column


def _with(form: Form, **more: Any) -> Form:
    if isinstance(form, NarwhalsForm):
        return form
    return type(form)(**{**form.__dict__, **more})


def _check_cells(column: Column) -> None:
    """Raise for cells that are no labels: a dict or a list cannot be one."""
    if column.kind == CATEGORY:
        for label in column.labels:
            if isinstance(label, (tuple, frozenset)):
                _refuse(column.name, label)


def _refuse(name: Any, cell: Any) -> None:
    raise TypeError(
        f"Column {name!r} holds cells of type {type(cell).__name__}; a cell of a table, "
        "and so the argument must be a string, a date or a real number."
    )


def _labelled(cells: list, name: Any, form: Form) -> Column:
    """Return cells as places among their distinct labels, sorted."""
    try:
        kinds = set(map(type, cells))
        typed = bool(kinds & {bool, np.bool_}) and any(map(is_number, cells))
        # 1 == True, but they are two labels.
        keys: Iterable = [(is_bool(cell), cell) for cell in cells] if typed else cells
        distinct = dict.fromkeys(keys)
    except TypeError:
        for cell in cells:
            if type(cell).__hash__ is None:
                _refuse(name, cell)
        raise
    if typed:
        labels = sorted_levels(label for _, label in distinct if not is_missing(label))
        order: dict = {(is_bool(label), label): i for i, label in enumerate(labels)}
    else:
        plain = kinds <= {str, type(None)}
        labels = sorted_levels(
            cell for cell in distinct if (cell is not None if plain else not is_missing(cell))
        )
        order = {label: i for i, label in enumerate(labels)}
    places = dict.fromkeys(distinct, -1) | order
    values = np.fromiter(map(places.__getitem__, keys), dtype=np.int32, count=len(cells))
    return Column(name, CATEGORY, values, values < 0, form, as_objects(labels))


def _with_values(column: Column, kind: str, by_label: np.ndarray) -> Column:
    return Column(
        column.name, kind, by_label[column.values], column.missing, column.form, stated=False
    )


def _with_moments(column: Column, by_label: np.ndarray) -> Column:
    moments = by_label[column.values]
    moments[column.missing] = "NaT"
    read = _moments(moments, column.name, column.form)
    read.stated = False
    return read


def _as_numbers(labels: np.ndarray) -> np.ndarray:
    if all(isinstance(label, Integral) for label in labels):
        try:
            return np.array([int(label) for label in labels], dtype=np.int64)
        except OverflowError:
            pass
    return np.array([float(label) for label in labels])


def _as_moments(labels: np.ndarray, name: Any) -> tuple[np.ndarray, Any]:
    """Return moments of datetime objects, and their time zone."""
    zones = {getattr(label, "tzinfo", None) is not None for label in labels}
    if len(zones) > 1:
        raise TypeError(
            f"Column {name!r} mixes dates with and without a time zone; convert them to one kind."
        )
    if not any(isinstance(label, (datetime.datetime, np.datetime64)) for label in labels):
        days = np.array(labels.tolist(), dtype="M8[D]")
        return days, None
    zone = getattr(labels[0], "tzinfo", None)
    moments = []
    for label in labels:
        if isinstance(label, np.datetime64):
            moments.append(int(label.astype("M8[us]").astype(np.int64)))
        else:
            moments.append(as_microseconds(label.astimezone(datetime.UTC) if zone else label))
    return np.array(moments, dtype=np.int64).view("M8[us]"), zone


def as_objects(cells: Iterable) -> np.ndarray:
    """Return an array of objects that are not looked into."""
    cells = list(cells)
    array = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        array[i] = cell
    return array
