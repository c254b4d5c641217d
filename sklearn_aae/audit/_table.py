"""The table that ``python -m sklearn_aae`` audits: read, and written back."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_forms import BytesForm, Form, write_column
from sklearn_aae.audit._grid import Grid, read_grid
from sklearn_aae.audit._plan import ReadingPlan, of_types
from sklearn_aae.audit._reading import Reading, ReadingOptions
from sklearn_aae.audit._source import read_text
from sklearn_aae.audit._typing import type_columns
from sklearn_aae.encoding import CATEGORY, columns_of, is_mixed, read_column, read_parsed
from sklearn_aae.encoding._datasets import dataset_of
from sklearn_aae.encoding._identifiers import Identifiers
from sklearn_aae.encoding._number_notations import FLOAT_FORMAT, MAX_PADDING, NumberNotation

#: From this share of distinct cells on, and so many of them, text is likely an identifier.
IDENTIFIER_SHARE, IDENTIFIER_LEVELS = 0.9, 20
#: Of numbers on the terminal.
SHORT_FORMAT = "%.6g"
PARQUET = (".parquet", ".pq")
PARQUET_MAGIC = b"PAR1"
ARROW = (".arrow", ".feather", ".ipc")
ARROW_MAGIC = b"ARROW1"


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
    words : dict of int to str
        What columns, by position, write for missing cells, where that is not an empty cell.
    cells : list of list of str, or None
        The cells of each column as the file has them; None for files that are no text.
    id : pandas Series or None
        What the user says names the rows.
    reading : Reading
        How the file was read.
    ruled : collection
        Columns that given rules are about, which are no identifiers.
    """

    frame: Any
    title: str
    forms: dict[int, Form] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    cells: list[list[str]] | None = None
    id: Any = None
    reading: Reading = field(default_factory=lambda: Reading("a bundled table"))
    ruled: Collection[Any] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers, and modelled as such."""
        return not is_mixed(self.frame, may_miss=True)

    def is_identifier(self) -> list[bool]:
        """Return which columns count the rows, or are text with almost as many levels as rows."""
        found = []
        sure = self.new_identifiers()
        for name, column in zip(self.frame, columns_of(self.frame), strict=True):
            read = read_parsed(column, name)
            n_known = len(read.missing) - int(read.missing.sum())
            n_levels = len(read.labels) if read.kind == CATEGORY else 0
            most = max(IDENTIFIER_LEVELS, IDENTIFIER_SHARE * n_known)
            found.append(name not in self.ruled and (n_levels >= most or name in sure))
        return found

    def new_identifiers(self) -> list[Any]:
        """Return the columns of which a model draws new cells."""
        return Identifiers.find(self.frame, self.ruled).labels

    def as_written(self, frame: Any) -> Any:
        """Return rows of this table with cells as its file writes them."""
        columns = {}
        for j in range(frame.shape[1]):
            column = frame.iloc[:, j]
            written = write_column(self.forms[j], column) if j in self.forms else column
            if j in self.words and column.isna().any():
                written = written.astype(object).where(column.notna(), self.words[j])
            columns[j] = written
        written = import_extra("pandas", "table").DataFrame(columns)
        written.columns = frame.columns
        return written

    def own_texts(self, columns: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the cell of one column of each row, or of some rows, as the file has it."""
        rows = np.arange(len(self.frame)) if rows is None else rows
        if self.cells is None:
            return self.texts(self.frame.iloc[rows], columns)
        own = [self.cells[j][i] for i, j in zip(rows.tolist(), columns.tolist(), strict=True)]
        return np.array(own, dtype=object)

    def texts(
        self, frame: Any, columns: np.ndarray, *, missing: str | None = None, short: bool = False
    ) -> np.ndarray:
        """Return the cell of one column of each row as text.

        Missing cells are written as in the file, or as ``missing``; ``short`` leaves out
        digits of numbers that have more decimals than people read.
        """
        texts = np.empty(len(columns), dtype=object)
        for j in np.unique(columns):
            rows = np.flatnonzero(columns == j)
            column, form = frame.iloc[rows, j], self.forms.get(int(j))
            is_float = nw.from_native(column, series_only=True).dtype.is_float()
            is_long = isinstance(form, NumberNotation) and form.most > MAX_PADDING
            if form is not None and not (short and is_long and is_float):
                written = write_column(form, column).to_numpy(object)
            elif is_float:
                numbers = column.to_numpy(np.float64, na_value=np.nan)
                written = np.char.mod(SHORT_FORMAT if short else FLOAT_FORMAT, numbers)
            else:
                # What cells say of themselves; pandas would decode some.
                written = np.array([str(cell) for cell in column], dtype=object)
            hole = self.words.get(int(j), "") if missing is None else missing
            texts[rows] = np.where(column.isna().to_numpy(), hole, written)
        return texts


# --------------------------------------------------------------------- reading


def read_table(
    path: Path | None, options: ReadingOptions | None = None, plan: ReadingPlan | None = None
) -> AuditTable:
    """Read a CSV or Parquet file; None stands for scikit-learn's breast cancer table.

    In CSV files, columns whose cells are all numbers, booleans or dates are read as
    such, and how they are written is noted.  With a plan, columns are read as those of an
    earlier file were, and there may be a single row.
    """
    options = options or (ReadingOptions() if plan is None else plan.options)
    if path is None:
        from sklearn.datasets import load_breast_cancer

        frame, title = load_breast_cancer(as_frame=True).data, "breast cancer"
        frame, names = _without_id(frame, options.id)
        return AuditTable(frame, title, _float_forms(frame), id=names)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder, which is read in batches")
    try:
        if is_parquet(path):
            table = _read_parquet(path, options, plan)
        elif is_arrow(path):
            table = _read_arrow(path, options, plan)
        else:
            table = _read_csv(path, options, plan)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    check_frame(table.frame, path, 2 if plan is None else 1)
    return table


def is_parquet(path: Path) -> bool:
    """Return whether a file holds Parquet, by its ending or its first bytes."""
    return path.suffix.lower() in PARQUET or _starts_with(path, PARQUET_MAGIC)


def is_arrow(path: Path) -> bool:
    """Return whether a file holds Arrow's own format, which Feather is, too."""
    return path.suffix.lower() in ARROW or _starts_with(path, ARROW_MAGIC)


def _starts_with(path: Path, magic: bytes) -> bool:
    if not path.is_file():
        return False  # a pipe can be read once
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def title_of(path: Path) -> str:
    """Return the name of a file without its endings, "people" for people.csv.gz."""
    inner = Path(path.stem)
    return inner.stem if inner.suffix.lower() in (".csv", ".tsv", ".txt") else path.stem


def _read_parquet(path: Path, options: ReadingOptions, plan: ReadingPlan | None) -> AuditTable:
    pandas = import_extra("pandas", "table")
    import_extra("pyarrow", "table")
    frame = pandas.read_parquet(path, engine="pyarrow")
    return table_of_frame(frame, title_of(path), Reading("Parquet", options=options), plan)


def _read_arrow(path: Path, options: ReadingOptions, plan: ReadingPlan | None) -> AuditTable:
    frame = dataset_of(path, "ipc").to_table().to_pandas()
    return table_of_frame(frame, title_of(path), Reading("Arrow", options=options), plan)


def table_of_frame(
    frame: Any, title: str, reading: Reading, plan: ReadingPlan | None
) -> AuditTable:
    """Return a frame, whose types a file said, as a table to audit."""
    options = reading.options
    frame.columns = [str(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"two columns are called {twice[0]!r}; rename one or drop it")
    frame, names = _without_id(frame, options.id)
    frame = frame if plan is None else of_types(frame, plan)
    holes = int(frame.isna().to_numpy().sum())
    if holes:
        reading.missing["null"] = holes
    return AuditTable(frame, title, _float_forms(frame), id=names, reading=reading)


def _float_forms(frame: Any) -> dict[int, Form]:
    """Return how floats, decimal numbers and bytes are written that no text file wrote."""
    types = import_extra("pandas", "table").api.types
    forms: dict[int, Form] = {}
    for j, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, j]
        if types.is_float_dtype(dtype):
            forms[j] = NumberNotation.of_floats(column.dropna().to_numpy())
        elif (inner := types.infer_dtype(column, skipna=True)) == "decimal":
            forms[j] = NumberNotation.of_decimals(column.dropna())
        elif inner == "bytes":
            forms[j] = BytesForm.find(column.dropna())
    return forms


def _without_id(frame: Any, name: str | None) -> tuple[Any, Any]:
    """Return a frame without the column that names rows, and that column."""
    if name is None:
        return frame, None
    if name in frame.columns:
        return frame.drop(columns=name), frame[name]
    if name in frame.index.names:
        pandas = import_extra("pandas", "table")
        return frame, pandas.Series(frame.index.get_level_values(name), frame.index, name=name)
    raise ValueError(_no_column(name, list(frame.columns)))


def _no_column(name: str, names: list[str]) -> str:
    return f"--id {name}: there is no such column; there are {_listed(names)}"


def _read_csv(path: Path, options: ReadingOptions, plan: ReadingPlan | None) -> AuditTable:
    reading = Reading("CSV", options=options)
    text, reading.encoding = read_text(path, options.encoding, reading.notes)
    return table_of_grid(read_grid(text, options, reading), title_of(path), reading, plan)


def table_of_grid(grid: Grid, title: str, reading: Reading, plan: ReadingPlan | None) -> AuditTable:
    """Return cells of a text file as a table to audit."""
    pandas, options = import_extra("pandas", "table"), reading.options
    names, columns, row_ids = grid.names, grid.columns, None
    if options.id is not None:
        if options.id not in names:
            raise ValueError(_no_column(options.id, names))
        place = names.index(options.id)
        row_ids = columns[place]
        names, columns = ([*part[:place], *part[place + 1 :]] for part in (names, columns))
    if plan is not None:
        columns, names = [columns[j] for j in plan.places(names)], plan.names
    typed = type_columns(names, columns, options, reading, plan)
    frame = pandas.DataFrame({j: column.column for j, column in enumerate(typed)})
    n_rows = len(columns[0]) if columns else 0
    frame.columns = names if names else frame.columns
    if grid.row_names is not None and n_rows:
        frame.index = _as_index(grid.row_names)
    return AuditTable(
        frame,
        title,
        forms={j: column.form for j, column in enumerate(typed) if column.form is not None},
        words={j: column.missing for j, column in enumerate(typed) if column.missing},
        cells=columns,
        id=None if row_ids is None else pandas.Series(row_ids, frame.index, name=options.id),
        reading=reading,
    )


def _as_index(names: list[str]) -> list[Any]:
    """Return names of rows, whole numbers as such if they are written as any."""
    numbers = [int(name) if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name) else None for name in names]
    return names if None in numbers else numbers


def check_frame(frame: Any, path: Path | str, least: int) -> None:
    """Raise ValueError if there is too little to model, or something that cannot be."""
    if not frame.shape[1]:
        raise ValueError(f"{path}: the table has no columns")
    if len(frame) < least:
        needed = "at least 2 are" if least == 2 else "at least 1 is"
        raise ValueError(f"{path}: the table has {len(frame)} rows; {needed} needed")
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
