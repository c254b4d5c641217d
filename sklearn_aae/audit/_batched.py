"""Tables that are read in batches: large files, and folders of files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._grid import Grid, read_grid
from sklearn_aae.audit._plan import ReadingPlan
from sklearn_aae.audit._reading import Reading, ReadingOptions
from sklearn_aae.audit._rows import judged_columns
from sklearn_aae.audit._source import decoded
from sklearn_aae.audit._table import (
    ARROW,
    PARQUET,
    AuditTable,
    check_frame,
    is_arrow,
    is_parquet,
    table_of_frame,
    table_of_grid,
    title_of,
)
from sklearn_aae.encoding._datasets import FramedRows, dataset_of, open_stream
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows

#: Files above so many megabytes are read in batches, if nobody says otherwise.
MOST_MEGABYTES = 50
#: Rows that are judged at once.
BATCH_ROWS = 8192
#: Bytes of a text file that tell how it is written.
HEAD = 2**20
TEXT = (".csv", ".tsv", ".txt", ".gz")
#: Encodings of text, as reading calls them, for pyarrow.
CODECS = {"UTF-8": "utf-8", "UTF-8 with BOM": "utf-8", "Latin-1": "latin-1"}
CODECS |= {"Latin-1 (Windows-1252)": "cp1252"}


def is_batched(path: Path | None, most_megabytes: float) -> bool:
    """Return whether a table is to be read in batches: a folder, or a file above a size.

    Cells of Parquet, which is packed, count for eight bytes each.
    """
    if path is None or not path.exists():
        return False
    if path.is_dir():
        return True
    size = path.stat().st_size if path.is_file() else 0  # a pipe can be read once
    if size and is_parquet(path):
        parquet = import_extra("pyarrow.parquet", "table")
        try:
            facts = parquet.read_metadata(path)
        except (import_extra("pyarrow", "table").ArrowException, OSError):
            return False  # reading it says best what is wrong with it
        size = max(size, 8 * facts.num_rows * facts.num_columns)
    return size > 1e6 * most_megabytes


@dataclass(frozen=True)
class BatchedTable:
    """A table in files, and a part of it.

    Attributes
    ----------
    path : Path
        The file, or the folder of files.
    dataset : pyarrow.dataset.Dataset
        All rows; of files of text, cells as these have them.
    names : list of str or None
        Of files of text: the columns, "" for one that names rows.
    reading : Reading
        How the files are read.
    part : AuditTable or None
        A sample of the rows, with what is rare; None before it is read.
    plan : ReadingPlan or None
        How the sample was read, and all rows are.
    n_rows : int
        How many rows there are; 0 before they are counted.
    """

    path: Path
    dataset: Any
    names: list[str] | None
    reading: Reading
    part: AuditTable | None = None
    plan: ReadingPlan | None = None
    n_rows: int = 0

    @classmethod
    def open(cls, path: Path, options: ReadingOptions) -> BatchedTable:
        """Open a file or a folder; of text, its head tells how it is written.

        Raises
        ------
        ValueError
            If files cannot be read, or are no table.
        """
        files = _files(path)
        if is_parquet(files[0]) or is_arrow(files[0]):
            kind = "Parquet" if is_parquet(files[0]) else "Arrow"
            dataset = dataset_of(path, "parquet" if kind == "Parquet" else "ipc")
            reading = Reading(kind, options=options)
            return cls(path, dataset, None, reading)
        reading = Reading("CSV", options=options)
        try:
            names = _text_names(files[0], reading)
            for other in files[1:]:
                if _text_names(other, Reading("CSV", options=options)) != names:
                    raise ValueError(f"{other.name} has other columns than {files[0].name}")
        except ValueError as error:
            raise ValueError(f"{path}: cannot be read: {error}") from error
        return cls(path, dataset_of(path, _text_format(names, reading)), names, reading)

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return 0 < self.n_rows <= SAMPLED_ROWS

    def sampled(self, seed: int, ruled: Collection[Any] = ()) -> BatchedTable:
        """Return this table with a sample that tells how all rows are to be read."""
        with open_stream(self.dataset) as stream:
            sample = sample_rows(stream, SAMPLED_ROWS, seed, with_rare=True)
        try:
            part = self._read(sample.X, self.reading)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.path}: cannot be read: {error}") from error
        check_frame(part.frame, self.path, 2)
        part = replace(part, ruled=ruled)
        plan = ReadingPlan.of(part.frame, part.forms, part.reading, judged_columns(part))
        return replace(self, part=part, plan=plan, n_rows=sample.n_rows)

    def columns(self, which: np.ndarray) -> FramedRows:
        """Return some columns of the sample, by position, of all rows, for estimators."""
        assert self.plan is not None
        columns = [self.plan.columns[j] for j in which]
        plan = replace(self.plan, columns=tuple(columns))
        schema = import_extra("pyarrow", "scale").schema(
            [self.dataset.schema.field(column.name) for column in columns]
        )
        own = None if self.names is None else [column.name for column in columns]
        plain = Reading(self.reading.format, options=replace(self.reading.options, id=None))
        narrow = replace(self, names=own, reading=replace(plain, sep=self.reading.sep), plan=plan)
        places = {column.name: j for column, j in zip(columns, which, strict=True)}
        return FramedRows(
            self.dataset.replace_schema(schema),
            lambda rows: narrow.table(rows).frame,
            lambda name: self.columns(np.array([places[name]])).as_frame,
        )

    def batches(self) -> Iterator[tuple[Any, np.ndarray, AuditTable]]:
        """Yield batches of all rows: as Arrow has them, their numbers, and as they are judged."""
        start = 0
        with open_stream(self.dataset) as stream:
            for rows in stream.batches(BATCH_ROWS):
                numbers = np.arange(start, start + len(rows))
                try:
                    table = self.table(rows, numbers)
                    check_frame(table.frame, stream.name, 1)
                except (TypeError, ValueError) as error:
                    raise ValueError(
                        f"{stream.name}: rows {start} to {numbers[-1]} cannot be read: {error}"
                    ) from error
                yield rows, numbers, table
                start += len(rows)

    def table(self, rows: Any, numbers: np.ndarray | None = None) -> AuditTable:
        """Return rows of Arrow as a table of the planned types; rows have numbers, or names."""
        reading = replace(self.reading, notes=[], remarks=[], missing=type(self.reading.missing)())
        table = self._read(rows, reading)
        pandas = import_extra("pandas", "table")
        if numbers is not None and isinstance(table.frame.index, pandas.RangeIndex):
            table.frame.index = numbers
        if self.part is None:
            return table
        frame = _in_types_of(table.frame, self.part.frame)
        return replace(table, frame=frame, forms=self.part.forms, words=self.part.words)

    def _read(self, rows: Any, reading: Reading) -> AuditTable:
        """Return rows of Arrow as a table: of the plan, if there is one."""
        title = title_of(self.path)
        if self.names is None:
            return table_of_frame(rows.to_pandas(), title, reading, self.plan)
        cells = {name: rows[name].to_pylist() for name in self.names}
        names = cells.pop("", None)
        grid = Grid(list(cells), list(cells.values()), names)
        return table_of_grid(grid, title, reading, self.plan)


def _in_types_of(frame: Any, like: Any) -> Any:
    """Return a batch in the types of numbers of the sample, in which a cell may be missing."""
    types = import_extra("pandas", "table").api.types
    wanted = {
        name: like.dtypes[name]
        for name, dtype in frame.dtypes.items()
        if types.is_integer_dtype(dtype)
        and types.is_numeric_dtype(like.dtypes[name])
        and dtype != like.dtypes[name]
    }
    return frame.astype(wanted) if wanted else frame


# --------------------------------------------------------------------- files


def _files(path: Path) -> list[Path]:
    """Return the files of a table, those of a folder in their order."""
    if not path.is_dir():
        return [path]
    known = (*PARQUET, *ARROW, *TEXT)
    hidden = (".", "_")
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in known and not file.name.startswith(hidden)
    ]
    if not files:
        raise ValueError(f"{path}: a folder without Parquet, Arrow or CSV files")
    return files


def _text_names(path: Path, reading: Reading) -> list[str]:
    """Return the columns of a text file, "" for one that names rows; ``reading`` learns of it."""
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        head = file.read(HEAD)
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1]
    if b"\0" in head:
        raise ValueError("large text files have to be in UTF-8 or Latin-1; save it in UTF-8")
    text, reading.encoding = decoded(head, reading.options.encoding, reading.notes)
    grid = read_grid(text, reading.options, reading)
    names = [*([] if grid.row_names is None else [""]), *grid.names]
    first = next(csv.reader(text.splitlines()[:1], delimiter=reading.sep))
    if len(first) != len(names):
        raise ValueError(
            "lines that are no rows come first, which only smaller files may have; remove them, or "
            "read the file into memory by a larger --stream-above"
        )
    return names


def _text_format(names: list[str], reading: Reading) -> Any:
    """Return how pyarrow reads such files: all cells as text."""
    arrow = import_extra("pyarrow", "scale")
    options = import_extra("pyarrow.csv", "scale")
    text = {name: arrow.string() for name in names}
    encoding = CODECS.get(reading.encoding, reading.encoding)
    return import_extra("pyarrow.dataset", "scale").CsvFileFormat(
        parse_options=options.ParseOptions(delimiter=reading.sep, newlines_in_values=True),
        read_options=options.ReadOptions(
            column_names=names, skip_rows=int(reading.header), encoding=encoding
        ),
        convert_options=options.ConvertOptions(column_types=text, strings_can_be_null=False),
    )
