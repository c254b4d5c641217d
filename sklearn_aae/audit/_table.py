"""The table that ``python -m sklearn_aae`` audits: read, and written back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_forms import FLOAT_FORMAT, BooleanForm, DateForm, DecimalForm, Form
from sklearn_aae.encoding import columns_of, is_mixed, read_column

#: From this share of distinct cells on, and so many of them, text is likely an identifier.
IDENTIFIER_SHARE, IDENTIFIER_LEVELS = 0.9, 20
#: Types of text, as narwhals calls them.
TEXT = (nw.String, nw.Categorical, nw.Enum, nw.Object)


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
        How columns, by position, write their cells where pandas would write them otherwise.
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
        columns: np.ndarray,
        float_format: str = FLOAT_FORMAT,
        missing: str = "",
    ) -> np.ndarray:
        """Return the cell of one column of each row as text."""
        texts = np.empty(len(columns), dtype=object)
        for j in np.unique(columns):
            rows = np.flatnonzero(columns == j)
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
    """Read a CSV or Parquet file; None stands for scikit-learn's breast cancer table.

    In CSV files, columns of text that are all ISO dates become dates, and numbers
    and booleans keep their type where cells are missing.  How dates, and in tables
    that are not all numbers also decimals and booleans, are written is noted.
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
    found = {
        j: (BooleanForm if types.is_bool_dtype(dtype) else DecimalForm).find(texts.iloc[:, j])
        for j, dtype in enumerate(frame.dtypes)
        if types.is_bool_dtype(dtype) or types.is_float_dtype(dtype)
    }
    return {j: form for j, form in found.items() if form is not None}


def _check(frame: Any, path: Path) -> None:
    """Raise ValueError if there is too little to model, or something that cannot be."""
    if not frame.shape[1]:
        raise ValueError(f"{path}: the table has no columns")
    if len(frame) < 2:
        raise ValueError(f"{path}: the table has {len(frame)} rows; at least 2 are needed")
    columns = dict(zip(frame, columns_of(frame), strict=True))
    infinite = [
        name
        for name, column in columns.items()
        if column.dtype.is_float() and np.isinf(column.to_numpy()).any()
    ]
    if infinite:
        raise ValueError(
            f"{path}: columns with infinite cells: {_listed(infinite)}. "
            "Leave these cells empty or drop these rows or columns first"
        )
    try:
        for name, column in columns.items():
            if column.to_native().dtype == object:
                read_column(column, name)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _listed(names: list[str], limit: int = 10) -> str:
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + rest
