"""The table that ``python -m sklearn_aae`` audits: read, written back, put into numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._cells import sorted_levels
from sklearn_aae._compat import import_extra
from sklearn_aae._input import needs_levels
from sklearn_aae.encoding import BOOLEAN, CATEGORY, Column, label_booleans, read_column

#: A day, and perhaps a time of day, a fraction of a second and an offset from UTC.
ISO_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:([T ])\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
#: Length of a day and a minute in ISO 8601.
DAY, MINUTE = len("2000-01-01"), len("2000-01-01T00:00")
UNITS_PER_DAY = {"D": 1, "s": 86_400, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


@dataclass(frozen=True)
class DateForm:
    """How the dates of a text column are written.

    Attributes
    ----------
    length : int
        Characters of the longest cell before the offset: 10 for days, 19 for seconds.
    separator : str
        What stands between day and time, "T" or a blank.
    offset : str
        What all cells end in: "", "Z" or, say, "+01:00".
    """

    length: int
    separator: str = "T"
    offset: str = ""

    @classmethod
    def find(cls, column: Any) -> tuple[Any, DateForm] | None:
        """Return a text column as dates and its form, or None if a cell is no ISO date."""
        pandas = import_extra("pandas", "table")
        cells = column.dropna()
        if not len(cells) or not cells.str.fullmatch(ISO_DATE.pattern).all():
            return None
        parts = cells.str.extract(ISO_DATE.pattern)
        offsets = parts[4].fillna("").unique()
        # Clocks that differ from cell to cell cannot be told from one column of dates.
        if len(offsets) > 1:
            return None
        bare = column.str.slice(stop=-len(offsets[0])) if offsets[0] else column
        dates = pandas.to_datetime(bare, format="ISO8601", errors="coerce")
        if (dates.isna() & column.notna()).any():
            return None  # the 30th of February, say
        separators = parts[1].dropna()
        separator = separators.iloc[0] if len(separators) else "T"
        return dates, cls(int(bare.dropna().str.len().max()), separator, offsets[0])

    def write(self, dates: Any) -> Any:
        """Return dates as text, with missing cells where there were any."""
        unit: Any = "us" if self.length <= len("2000-01-01T00:00:00.000000") else "ns"
        moments: np.ndarray = dates.to_numpy().astype(f"M8[{unit}]")
        cells = np.datetime_as_string(moments, unit=unit)
        text = import_extra("pandas", "table").Series(cells, dates.index).str.slice(0, self.length)
        if self.length > DAY:
            text = text.str.replace("T", self.separator, n=1, regex=False) + self.offset
        return text.where(dates.notna(), None)


@dataclass(frozen=True)
class AuditTable:
    """A table, and what it takes to write rows as its file does.

    Attributes
    ----------
    frame : pandas DataFrame of shape (n_samples, n_features)
        The rows.
    title : str
        What to call the table.
    date_forms : dict of int to DateForm
        The columns, by place, that were dates in the form of text.
    """

    frame: Any
    title: str
    date_forms: dict[int, DateForm] = field(default_factory=dict)

    @property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers without missing cells, and modelled as such."""
        return not needs_levels(self.frame, "auto", "from_dtype")

    def as_written(self, frame: Any) -> Any:
        """Return rows of this table with dates as its file writes them."""
        columns = {
            j: self.date_forms[j].write(frame.iloc[:, j])
            if j in self.date_forms
            else frame.iloc[:, j]
            for j in range(frame.shape[1])
        }
        written = import_extra("pandas", "table").DataFrame(columns)
        written.columns = frame.columns
        return written

    def texts(
        self, frame: Any, places: np.ndarray, float_format: str, missing: str = ""
    ) -> np.ndarray:
        """Return one cell of each row as text.

        Parameters
        ----------
        frame : pandas DataFrame of shape (n_rows, n_features)
            The rows.
        places : ndarray of shape (n_rows,), int
            Which column to take of each.
        float_format : str
            How to write numbers that are not whole, such as "%.9g".
        missing : str, default=""
            What to write for a missing cell.

        Returns
        -------
        ndarray of shape (n_rows,), object
            The cells.
        """
        texts = np.empty(len(places), dtype=object)
        for j in np.unique(places):
            rows = np.flatnonzero(places == j)
            column = frame.iloc[rows, j]
            if j in self.date_forms:
                written = self.date_forms[j].write(column).to_numpy(object)
            elif nw.from_native(column, series_only=True).dtype.is_float():
                written = np.char.mod(float_format, column.to_numpy(np.float64, na_value=np.nan))
            else:
                written = column.astype(object).astype(str).to_numpy(object)
            texts[rows] = np.where(column.isna().to_numpy(), missing, written)
        return texts


# --------------------------------------------------------------------- reading


def read_table(path: Path | None) -> AuditTable:
    """Read a CSV or Parquet file.

    In CSV files, columns of text that are all ISO dates become dates, and numbers
    and booleans keep their type where cells are missing.

    Parameters
    ----------
    path : Path or None
        The file; None stands for scikit-learn's breast cancer table.

    Returns
    -------
    AuditTable
        The table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or holds something that cannot be modelled.
    MissingExtraError
        If pandas, or pyarrow for Parquet, is not installed.
    """
    pandas = import_extra("pandas", "table")
    if path is None:
        from sklearn.datasets import load_breast_cancer

        return AuditTable(load_breast_cancer(as_frame=True).data, "breast cancer")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    forms: dict[int, DateForm] = {}
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            import_extra("pyarrow", "table")
            frame = pandas.read_parquet(path, engine="pyarrow")
        else:
            frame, forms = _read_csv(path)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    frame.columns = [str(name) for name in frame.columns]
    _check(frame, path)
    return AuditTable(frame, path.stem, forms)


def _read_csv(path: Path) -> tuple[Any, dict[int, DateForm]]:
    pandas = import_extra("pandas", "table")
    # In parts, a column could be of several types, which pandas warns of.
    frame = pandas.read_csv(path, low_memory=False)
    types = pandas.api.types
    holes = [
        j
        for j, dtype in enumerate(frame.dtypes)
        if (types.is_float_dtype(dtype) or types.is_object_dtype(dtype))
        and 0 < frame.iloc[:, j].notna().sum() < len(frame)
    ]
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    if holes:
        # Types that have room for missing cells; without it whole numbers are floats.
        again = pandas.read_csv(
            path, low_memory=False, usecols=holes, dtype_backend="numpy_nullable"
        )
        for place, j in enumerate(holes):
            column = again.iloc[:, place]
            if types.is_integer_dtype(column.dtype) or types.is_bool_dtype(column.dtype):
                columns[j] = column
    forms = {}
    for j, column in enumerate(columns):
        if types.infer_dtype(column, skipna=True) == "string":
            found = DateForm.find(column)
            if found:
                columns[j], forms[j] = found
    names = frame.columns
    if columns:
        frame = pandas.DataFrame(dict(enumerate(columns)))
        frame.columns = names
    if len(names) and names[0] == "Unnamed: 0":
        index = frame.iloc[:, 0]
        if 0 in forms:
            index = forms.pop(0).write(index)
        frame = frame.iloc[:, 1:].set_axis(index.rename(None), axis=0)
        forms = {j - 1: form for j, form in forms.items()}
    return frame, forms


def _check(frame: Any, path: Path) -> None:
    """Raise ValueError if there is too little to model, or something that cannot be."""
    pandas = import_extra("pandas", "table")
    if not frame.shape[1]:
        raise ValueError(f"{path}: the table has no columns")
    if len(frame) < 2:
        raise ValueError(f"{path}: the table has {len(frame)} rows; at least 2 are needed")
    infinite = [
        name for j, name in enumerate(frame.columns) if _is_infinite(frame.iloc[:, j]).any()
    ]
    if infinite:
        raise ValueError(
            f"{path}: columns with infinite cells: {_listed(infinite)}. "
            "Leave these cells empty or drop these rows or columns first"
        )
    try:
        for j, name in enumerate(frame.columns):
            if pandas.api.types.is_object_dtype(frame.dtypes.iloc[j]):
                _read(frame, j, name)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _is_infinite(column: Any) -> np.ndarray:
    if not nw.from_native(column, series_only=True).dtype.is_float():
        return np.zeros(1, dtype=bool)
    return np.isinf(column.to_numpy(np.float64, na_value=np.nan))


def _listed(names: list[str], limit: int = 10) -> str:
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + rest


# ------------------------------------------------------------------ into numbers


@dataclass(frozen=True)
class Numbers:
    """Tables of the same columns as numbers.

    Attributes
    ----------
    labels : list, length n_features
        Of categories and booleans what their codes stand for, as a list of str; None
        for other columns.
    is_date : list of bool, length n_features
        Which columns are dates.
    matrices : list of ndarray of shape (n_rows, n_features), float64
        Numbers as they are, dates and durations in days (dates since 1970), categories
        as codes that all tables share; NaN for missing cells.
    """

    labels: list[list[str] | None]
    is_date: list[bool]
    matrices: list[np.ndarray]


def as_numbers(frames: Sequence[Any]) -> Numbers:
    """Return tables as numbers.

    Parameters
    ----------
    frames : sequence of pandas DataFrame
        Tables of the same columns; the first one says which are categories.

    Returns
    -------
    Numbers
        All of them, in this order.
    """
    matrices = [np.full(frame.shape, np.nan) for frame in frames]
    labels: list[list[str] | None] = []
    is_date = []
    for j, name in enumerate(frames[0].columns):
        columns = [_read(frame, j, name) for frame in frames]
        kind = columns[0].kind
        is_date.append(kind == "datetime")
        if kind in (BOOLEAN, CATEGORY):
            columns = [
                label_booleans(column) if column.kind == BOOLEAN else column for column in columns
            ]
            levels = sorted_levels({label for column in columns for label in column.labels})
            labels.append([str(level) for level in levels])
            codes = {level: code for code, level in enumerate(levels)}
        else:
            labels.append(None)
            codes = {}
        for matrix, column in zip(matrices, columns, strict=True):
            matrix[:, j] = _numbers(column, codes)
    return Numbers(labels, is_date, matrices)


def _read(frame: Any, place: int, name: str) -> Column:
    return read_column(nw.from_native(frame.iloc[:, place], series_only=True), name)


def _numbers(column: Column, codes: dict[Any, int]) -> np.ndarray:
    """Return the cells of a column as numbers; ``codes`` are those of its labels."""
    values = column.values
    if codes and len(column.labels):
        values = np.array([codes[label] for label in column.labels], dtype=np.float64)[values]
    elif not np.issubdtype(values.dtype, np.number):
        return np.full(len(values), np.nan)
    values = values / UNITS_PER_DAY[column.unit] if column.unit else values.astype(np.float64)
    return np.where(column.missing, np.nan, values)
