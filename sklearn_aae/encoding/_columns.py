"""Columns as they are read: what their cells are, as arrays that codecs work on."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import (
    as_objects,
    in_one_unit,
    is_bool,
    is_missing,
    is_number,
    sorted_levels,
)
from sklearn_aae.encoding._described import by_name, describe, zone_name
from sklearn_aae.encoding._exact import needs_exactness
from sklearn_aae.encoding._forms import ArrayForm, Form, NarwhalsForm, PandasForm
from sklearn_aae.exceptions import UnsupportedColumnsError

NUMBER, BOOLEAN, CATEGORY = "number", "boolean", "category"
DATETIME, DURATION, EMPTY = "datetime", "duration", "empty"

TIMESTAMPS = {"M": DATETIME, "m": DURATION}
LETTERS = {kind: letter for letter, kind in TIMESTAMPS.items()}

#: Units of dates and durations that codecs work in; numpy's other ones become one of these.
UNITS = {"Y": "D", "M": "D", "W": "D", "D": "D", "h": "s", "m": "s"}
UNITS |= {"generic": "us"} | {unit: unit for unit in ("s", "ms", "us", "ns")}


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
        categories, indices in ``labels``.  Anything where a cell is missing.
    missing : ndarray of shape (n,), bool
        Where cells are missing.
    form : Form
        How to hand such a column back.
    labels : ndarray
        Of categories: the distinct labels that occur, in order.
    ordered : bool
        Whether the type says that the order of the labels means something.
    unit : str or None
        Of dates and durations.
    offsets : ndarray of shape (n,) or None
        Of dates with a time zone: how far its clocks are ahead of UTC, in ``unit``.
    clocks : ndarray of shape (n,) or None
        Of dates with several time zones: that of each cell.
    stated : bool
        Whether the type of the column says of what kind it is, and not its cells.
    storage : dtype
        What numbers are stored as.
    exact : ndarray of shape (n,) or None
        Of numbers that ``values`` may only be near to: the numbers, as objects.
    source : str or None
        What labels were before they became labels: "number", "datetime" or "duration".
    is_text : bool
        Whether the labels are text that may stand for numbers or dates.
    unknown : ndarray of shape (n,) or None
        Where a cell of text is not the number or date that it should be; counted as missing.
    odd : object
        The first of these cells.
    """

    name: Any
    kind: str
    values: np.ndarray
    missing: np.ndarray
    form: Form
    labels: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    ordered: bool = False
    unit: str | None = None
    offsets: np.ndarray | None = None
    clocks: np.ndarray | None = None
    stated: bool = True
    storage: np.dtype = field(default_factory=lambda: np.dtype(np.float64))
    exact: np.ndarray | None = None
    source: str | None = None
    is_text: bool = False
    unknown: np.ndarray | None = None
    odd: Any = None

    @property
    def holes(self) -> np.ndarray:
        """Where there is no cell at all."""
        return self.missing if self.unknown is None else self.missing & ~self.unknown

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
    read = _read_series if isinstance(native, nw.Series) else _read_array
    column = read(native, name, as_category)
    if column.missing.all():
        values = np.zeros(len(column.missing))
        return Column(name, EMPTY, values, column.missing, column.form, stated=False)
    if column.kind == NUMBER and column.values.dtype.kind == "f":
        infinite = np.isinf(column.values)
        if infinite.any():
            raise ValueError(
                f"Column {name!r} has infinite cells, the first in row {np.argmax(infinite)}. "
                "Replace them by finite numbers or by missing cells."
            )
    if as_category and column.kind not in (CATEGORY, BOOLEAN):
        return _as_labels(column)
    return column


def label_booleans(column: Column) -> Column:
    """Return a column of booleans as one of the labels False and True, if both occur."""
    labels = np.unique(column.present)
    codes = np.searchsorted(labels, column.values).clip(0, len(labels) - 1)
    return replace(column, values=codes.astype(np.int32), labels=labels)


def _as_labels(column: Column) -> Column:
    labels, codes = np.unique(column.present, return_inverse=True)
    values = np.zeros(len(column.values), dtype=np.int32)
    values[~column.missing] = codes
    if column.kind in LETTERS:
        labels = labels.view(f"{LETTERS[column.kind]}8[{column.unit}]")
    return replace(
        column, kind=CATEGORY, values=values, labels=labels, source=column.kind, ordered=True
    )


# ------------------------------------------------------------------ by type


def _read_series(series: nw.Series[Any], name: Any, as_category: bool) -> Column:
    dtype = series.dtype
    form = form_of(series)
    if dtype in (nw.Decimal, nw.Int128, nw.UInt128):
        return _exact_numbers(series.to_list(), name, form, as_category)
    if dtype.is_numeric():
        return _numbers(series, name, form)
    if dtype in (nw.Date, nw.Datetime) or form.time_zone is not None:
        return _dates(series, name, form)
    if dtype == nw.Duration:
        return _timestamps(series.to_numpy(), name, form)
    if dtype == nw.Boolean:
        missing = series.is_null().to_numpy()
        values = (series.fill_null(False) if missing.any() else series).to_numpy()
        return Column(name, BOOLEAN, values.astype(bool), missing, form)
    # narwhals calls a column of pandas text if the first of its objects are text.
    if dtype == nw.Object or form.dtype == np.dtype(object) or series.is_null().all():
        return _cells(series.to_list(), name, form, as_category)
    if dtype in (nw.Categorical, nw.Enum):
        return _categories(series, name, form)
    if dtype in (nw.String, nw.Time, nw.Binary):
        column = _labelled(series.to_list(), name, form)
        return replace(column, is_text=dtype == nw.String)
    native = series.to_native()
    raise UnsupportedColumnsError(
        f"Column {name!r} is of type {getattr(native, 'dtype', None) or native.type}, which is "
        "neither numbers, text, "
        "categories, booleans, dates nor durations; cast it to one of these or drop it.",
        [name],
    )


def _read_array(array: np.ndarray, name: Any, as_category: bool) -> Column:
    form = ArrayForm(array.dtype)
    kind = array.dtype.kind
    if kind == "b":
        return Column(name, BOOLEAN, array, np.zeros(len(array), dtype=bool), form)
    if kind in "iu":
        missing = np.zeros(len(array), dtype=bool)
        return Column(name, NUMBER, _wide(array), missing, form, storage=array.dtype)
    if kind == "f":
        values = array.astype(np.float64)
        return Column(name, NUMBER, values, np.isnan(values), form, storage=array.dtype)
    if kind in "mM":
        return _timestamps(array, name, form)
    return _cells(array.tolist(), name, form, as_category)


def form_of(series: nw.Series[Any]) -> Form:
    backend = str(series.implementation)
    if series.implementation.is_pandas_like():
        dtype = series.to_native().dtype
        arrow = getattr(dtype, "pyarrow_dtype", None)
        zone = getattr(dtype, "tz", None) or getattr(arrow, "tz", None)
        return PandasForm(describe(dtype), time_zone=zone_name(zone), backend=backend)
    zone = getattr(series.dtype, "time_zone", None)
    return NarwhalsForm(describe(series.dtype), time_zone=zone, backend=backend)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.uint64 if array.dtype == np.uint64 else np.int64)


def _numbers(series: nw.Series[Any], name: Any, form: Form) -> Column:
    if series.dtype.is_integer():
        missing = series.is_null().to_numpy()
        stored = (series.fill_null(0) if missing.any() else series).to_numpy()
        return Column(name, NUMBER, _wide(stored), missing, form, storage=stored.dtype)
    values = series.cast(nw.Float64).to_numpy().astype(np.float64)
    missing = np.isnan(values)
    if isinstance(form, NarwhalsForm) and missing.any() and not series.is_null().any():
        form = replace(form, marker=np.nan)
    storage = np.dtype(np.float32 if series.dtype == nw.Float32 else np.float64)
    return Column(name, NUMBER, values, missing, form, storage=storage)


def _exact_numbers(cells: list[Any], name: Any, form: Form, as_category: bool) -> Column:
    column = _labelled(cells, name, form)
    if as_category or not len(column.labels):
        return replace(column, source=NUMBER, ordered=True)
    return with_numbers(column)


def with_numbers(column: Column) -> Column:
    """Return a column of labels that are numbers as these."""
    labels = column.labels
    numbers = _as_numbers(labels)
    exact = labels[column.values] if needs_exactness(labels) else None
    values = numbers[column.values]
    return replace(column, kind=NUMBER, values=values, storage=numbers.dtype, exact=exact)


def _dates(series: nw.Series[Any], name: Any, form: Form) -> Column:
    if series.dtype == nw.Date:
        return _timestamps(series.cast(nw.Datetime("us")).to_numpy(), name, form)
    if form.time_zone is None:
        return _timestamps(series.to_numpy(), name, form)
    if isinstance(form, PandasForm):
        # narwhals knows no names of zones with an underscore in pandas.
        clocks = series.to_native().dt
        instants, shown = clocks.tz_convert("UTC").dt.tz_localize(None), clocks.tz_localize(None)
    else:
        instants = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        shown = series.dt.replace_time_zone(None)
    column = _timestamps(instants.to_numpy(), name, form)
    shown = _timestamps(shown.to_numpy(), name, form)
    return replace(column, offsets=shown.values - column.values)


def _timestamps(timestamps: np.ndarray, name: Any, form: Form) -> Column:
    kind = TIMESTAMPS[timestamps.dtype.kind]
    unit = UNITS.get(np.datetime_data(timestamps.dtype)[0], "ns")
    timestamps = timestamps.astype(f"{timestamps.dtype.kind}8[{unit}]")
    return Column(name, kind, timestamps.view(np.int64), np.isnat(timestamps), form, unit=unit)


def _categories(series: nw.Series[Any], name: Any, form: Form) -> Column:
    native = series.to_native()
    if isinstance(form, PandasForm) and hasattr(native.dtype, "categories"):
        codes = native.cat.codes.to_numpy().astype(np.int32)
        dtype = native.dtype
        return _coded(codes, list(dtype.categories), bool(dtype.ordered), name, form)
    column = _labelled(series.to_list(), name, form)
    if not isinstance(series.dtype, nw.Enum):
        return column
    indices = {label: i for i, label in enumerate(series.dtype.categories)}
    codes = np.array([indices[label] for label in column.labels], dtype=np.int32)
    codes = np.where(column.missing, -1, codes[column.values])
    return _coded(codes, list(indices), True, name, form)


def _coded(
    codes: np.ndarray, categories: list[Any], ordered: bool, name: Any, form: Form
) -> Column:
    """Return codes of a type's categories as indices among those that occur."""
    missing = codes < 0
    # A type may declare categories that no row has.
    found = np.flatnonzero(np.bincount(codes[~missing], minlength=len(categories)))
    if not ordered:
        labels = [categories[i] for i in found]
        try:
            order = sorted(range(len(found)), key=labels.__getitem__)
        except TypeError:  # labels of several types
            order = sorted(range(len(found)), key=lambda i: (str(labels[i]), str(type(labels[i]))))
        found = found[order]
    indices = np.zeros(len(categories), dtype=np.int32)
    indices[found] = np.arange(len(found), dtype=np.int32)
    names = as_objects(categories[i] for i in found)
    return Column(name, CATEGORY, indices[codes], missing, form, names, ordered)


# ----------------------------------------------------------------- by cells


def _cells(cells: list[Any], name: Any, form: Form, as_category: bool) -> Column:
    """Read cells of any type; what the cells are decides the kind."""
    column = replace(_labelled(cells, name, form), stated=False)
    labels = column.labels
    if column.missing.any():
        gap = cells[int(np.argmax(column.missing))]
        column.form = replace(column.form, marker=by_name(gap))
    if not len(labels):
        return column
    if all(map(is_bool, labels)):
        return replace(column, kind=BOOLEAN, values=labels.astype(bool)[column.values])
    if not as_category and all(map(is_number, labels)):
        column.form = replace(column.form, cell_type=type(labels[0]))
        return with_numbers(column)
    if not as_category and all(isinstance(cell, (datetime.date, np.datetime64)) for cell in labels):
        return _datetime_cells(column, cells)
    if not as_category and all(
        isinstance(cell, (datetime.timedelta, np.timedelta64)) for cell in labels
    ):
        column.form = replace(column.form, cell_type=_cell_type(labels))
        return with_timestamps(column, in_one_unit(labels, "m"))
    return replace(column, is_text=all(isinstance(label, str) for label in labels))


def _labelled(cells: list[Any], name: Any, form: Form) -> Column:
    """Return cells as indices among their distinct labels, sorted."""
    types = set(map(type, cells))
    for several in types:
        if several.__hash__ is None or issubclass(several, (tuple, frozenset)):
            _refuse(name, next(cell for cell in cells if type(cell) is several))
    # 1 == True, but they are two labels.
    typed = bool(types & {bool, np.bool_}) and any(map(is_number, cells))
    keys: Iterable[Any] = [(is_bool(cell), cell) for cell in cells] if typed else cells
    distinct = dict.fromkeys(keys)
    order: dict[Any, Any]
    if typed:
        labels = sorted_levels(cell for _, cell in distinct if not is_missing(cell))
        order = {(is_bool(label), label): i for i, label in enumerate(labels)}
    else:
        # The shortcut is for columns of very many texts.
        gone = _is_none if types <= {str, type(None)} else is_missing
        labels = sorted_levels(cell for cell in distinct if not gone(cell))
        order = {label: i for i, label in enumerate(labels)}
    indices = dict.fromkeys(distinct, -1) | order
    values = np.fromiter(map(indices.__getitem__, keys), dtype=np.int32, count=len(cells))
    return Column(name, CATEGORY, values, values < 0, form, as_objects(labels))


def _is_none(cell: Any) -> bool:
    return cell is None


def _refuse(name: Any, cell: Any) -> None:
    raise TypeError(
        f"Column {name!r} holds cells of type {type(cell).__name__}; a cell, and so the "
        "argument must be a string, a boolean, a date, a duration or a real number."
    )


def with_timestamps(column: Column, by_label: np.ndarray) -> Column:
    """Return a column of labels as the timestamps that these stand for."""
    timestamps = by_label[column.values]
    timestamps[column.missing] = "NaT"
    read = _timestamps(timestamps, column.name, column.form)
    return replace(column, kind=read.kind, values=read.values, unit=read.unit)


def _as_numbers(labels: np.ndarray) -> np.ndarray:
    if all(isinstance(label, Integral) for label in labels):
        whole = [int(label) for label in labels]
        for dtype in (np.int64, np.uint64):
            if np.iinfo(dtype).min <= min(whole) and max(whole) <= np.iinfo(dtype).max:
                return np.array(whole, dtype=dtype)
    return np.array([_as_float(label) for label in labels])


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _datetime_cells(column: Column, cells: list[Any]) -> Column:
    """Return a column of dates, with their offsets and clocks if they have a time zone."""
    labels = column.labels
    aware = np.array([getattr(label, "tzinfo", None) is not None for label in labels])
    if aware.any() and not aware.all():
        known = np.flatnonzero(~column.missing)
        zoned = aware[column.values[known]]
        raise TypeError(
            f"Column {column.name!r} mixes dates with and without a time zone, the first in "
            f"rows {known[zoned.argmax()]} and {known[zoned.argmin()]}; convert them to one kind."
        )
    column.form = replace(column.form, cell_type=_cell_type(labels))
    if not any(isinstance(label, (datetime.datetime, np.datetime64)) for label in labels):
        return with_timestamps(column, np.array(labels.tolist(), dtype="M8[D]"))
    read = with_timestamps(column, in_one_unit(labels, "M"))
    if not aware.any():
        return read
    # Equal instants are one label, whatever their clocks.
    present = np.flatnonzero(~column.missing)
    clocks = np.full(len(cells), None, dtype=object)
    offsets = np.zeros(len(cells), dtype=np.int64)
    scale = {"us": 1, "ns": 1000}[read.unit or "us"]
    for i in present.tolist():
        clocks[i] = cells[i].tzinfo
        offsets[i] = cells[i].utcoffset() // datetime.timedelta(microseconds=1) * scale
    zone = clocks[present[0]]
    read.form = replace(read.form, time_zone=zone)
    several = any(clock is not zone and clock != zone for clock in clocks[present])
    return replace(read, offsets=offsets, clocks=clocks if several else None)


def _cell_type(labels: np.ndarray) -> Any:
    """Return what all cells are instances of, if that says more than a date or a duration."""
    types = set(map(type, labels))
    return by_name(types.pop()) if len(types) == 1 else None
