"""The table that ``python -m sklearn_aae`` audits: read, written back, put into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_forms import FLOAT_FORMAT, BooleanForm, DateForm, DecimalForm, Form
from sklearn_aae.encoding import BOOLEAN, CATEGORY, Column, is_mixed, label_booleans, read_column
from sklearn_aae.encoding._cells import sorted_levels

#: From this share of distinct cells on, and so many of them, text is likely an identifier.
IDENTIFIER_SHARE, IDENTIFIER_LEVELS = 0.9, 20
#: Types of text, as narwhals calls them.
TEXT = (nw.String, nw.Categorical, nw.Enum, nw.Object)
UNITS_PER_DAY = {"D": 1, "s": 86_400, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


@dataclass(frozen=True)
class AuditTable:
    """A table, and what it takes to write rows as its file does.

    Attributes
    ----------
    frame : pandas DataFrame of shape (n_samples, n_features)
        The rows.
    title : str
        What to call the table.
    forms : dict of int to Form
        How columns, by place, write their cells where pandas would write them otherwise.
    """

    frame: Any
    title: str
    forms: dict[int, Form] = field(default_factory=dict)

    @property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers without missing cells, and modelled as such."""
        return not is_mixed(self.frame)

    def is_identifier(self) -> list[bool]:
        """Return which columns are text with almost as many levels as rows."""
        found = []
        for _, column in self.frame.items():
            text = nw.from_native(column, series_only=True).dtype
            n_levels = column.nunique() if isinstance(text, TEXT) else 0
            found.append(n_levels >= max(IDENTIFIER_LEVELS, IDENTIFIER_SHARE * column.count()))
        return found

    def as_written(self, frame: Any) -> Any:
        """Return rows of this table with cells as its file writes them."""
        columns = {
            j: self.forms[j].write(frame.iloc[:, j]) if j in self.forms else frame.iloc[:, j]
            for j in range(frame.shape[1])
        }
        written = import_extra("pandas", "table").DataFrame(columns)
        written.columns = frame.columns
        return written

    def texts(
        self,
        frame: Any,
        places: np.ndarray,
        float_format: str = FLOAT_FORMAT,
        missing: str = "",
    ) -> np.ndarray:
        """Return one cell of each row as text.

        Parameters
        ----------
        frame : pandas DataFrame of shape (n_rows, n_features)
            The rows.
        places : ndarray of shape (n_rows,), int
            Which column to take of each.
        float_format : str, default="%.9g"
            How to write numbers that are not whole, where the file has no form for them.
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
            if j in self.forms:
                written = self.forms[j].write(column).to_numpy(object)
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
    and booleans keep their type where cells are missing.  How dates, and in tables
    that are not all numbers also decimals and booleans, are written is noted.

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
    forms: dict[int, Form] = {}
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
    return AuditTable(frame, _title(path), forms)


def _title(path: Path) -> str:
    """Return the name of a file without its endings, "people" for people.csv.gz."""
    inner = Path(path.stem)
    return inner.stem if inner.suffix.lower() == ".csv" else path.stem


def _read_csv(path: Path) -> tuple[Any, dict[int, Form]]:
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
        # All columns: with only some of them pandas counts otherwise if rows have names.
        again = pandas.read_csv(path, low_memory=False, dtype_backend="numpy_nullable")
        for j in holes:
            column = again.iloc[:, j]
            if types.is_integer_dtype(column.dtype) or types.is_bool_dtype(column.dtype):
                columns[j] = column
    forms: dict[int, Form] = {}
    for j, column in enumerate(columns):
        if types.infer_dtype(column, skipna=True) == "string":
            found = DateForm.find(column)
            if found:
                columns[j], forms[j] = found
    names = frame.columns
    if columns:
        frame = pandas.DataFrame(dict(enumerate(columns)))
        frame.columns = names
    named = len(names) and names[0] == "Unnamed: 0"
    if is_mixed(frame.iloc[:, 1 if named else 0 :]):
        forms |= _number_forms(frame, path)
    if named:
        index = frame.iloc[:, 0]
        if 0 in forms:
            index = forms.pop(0).write(index)
        frame = frame.iloc[:, 1:].set_axis(index.rename(None), axis=0)
        forms = {j - 1: form for j, form in forms.items()}
    return frame, forms


def _number_forms(frame: Any, path: Path) -> dict[int, Form]:
    """Return the forms of decimals and booleans in a CSV file."""
    pandas = import_extra("pandas", "table")
    types = pandas.api.types
    texts = pandas.read_csv(path, dtype=str)
    forms: dict[int, Form] = {}
    for j, dtype in enumerate(frame.dtypes):
        form: Form | None = None
        if types.is_bool_dtype(dtype):
            form = BooleanForm.find(texts.iloc[:, j])
        elif types.is_float_dtype(dtype):
            form = DecimalForm.find(texts.iloc[:, j])
        if form is not None:
            forms[j] = form
    return forms


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
