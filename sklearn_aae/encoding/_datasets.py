"""Tables that need not fit into memory: Datasets of pyarrow and LazyFrames of polars."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.exceptions import UnsupportedColumnsError

#: Cells that are decoded at once, and rows at most.
BATCH_CELLS, BATCH_ROWS = 2**20, 2**16
#: Bytes of a column of a Parquet file that are read at once.
BUFFER = 2**16
#: Pieces of files (row groups) that are open at once where rows are shuffled.
OPEN_PIECES = 4
#: Formats by the endings of files.
FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
FORMATS |= {".arrow": "ipc", ".feather": "ipc", ".ipc": "ipc"}
#: Digits of decimals in 128 bits.
MOST_DIGITS = 38
#: Formats whose files say no types.
UNTYPED = ("csv", "json")


@dataclass(frozen=True)
class FramedRows:
    """Rows of a Dataset as frames of a library, for estimators that know that library.

    Attributes
    ----------
    dataset : pyarrow.dataset.Dataset
        The rows.
    as_frame : callable
        Maps an Arrow table of some rows to a frame with columns of the same names.
    of_column : callable
        Returns such a map for tables of one column, by its name.
    """

    dataset: Any
    as_frame: Callable[[Any], Any]
    of_column: Callable[[str], Callable[[Any], Any]]


def is_stream(X: Any) -> bool:
    """Return whether a table is read in batches: a pyarrow Dataset or a polars LazyFrame."""
    return is_dataset(X) or isinstance(X, FramedRows) or _is_instance(X, "polars", "LazyFrame")


def is_dataset(X: Any) -> bool:
    """Return whether a table is a pyarrow Dataset."""
    return _is_instance(X, "pyarrow.dataset", "Dataset")


def _is_instance(X: Any, module: str, name: str) -> bool:
    """Return whether X is of a class, without importing its module."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(X, getattr(loaded, name))


@contextmanager
def open_stream(X: Any) -> Iterator[Stream]:
    """Open a Dataset, a LazyFrame, or the path of a file or of a folder of files.

    A LazyFrame, or the filter of a Dataset, is evaluated once, into a temporary file.

    Raises
    ------
    ValueError
        If files disagree in columns or types, or cannot be read; the message names the file.
    TypeError
        If it is none of these.
    """
    arrow = import_extra("pyarrow.dataset", "scale")
    if isinstance(X, FramedRows):
        yield Stream(X.dataset, X.as_frame, X.of_column)
    elif isinstance(X, arrow.Dataset):
        with _whole_files(X, arrow) as dataset:
            yield Stream(dataset, is_evaluated=dataset is not X)
    elif isinstance(X, (str, Path)):
        yield Stream(dataset_of(Path(X)))
    elif is_stream(X):
        with tempfile.TemporaryDirectory(prefix="sklearn_aae_") as folder:
            file = Path(folder) / "rows.parquet"
            types = _evaluated(X, file)
            polars = import_extra("polars", "scale")

            def as_polars(table: Any) -> Any:
                own = {name: types[name] for name in table.column_names}
                return polars.from_arrow(table).cast(own)

            yield Stream(arrow.dataset(file), as_polars, is_evaluated=True)
    else:
        raise TypeError(
            "rows are streamed from a pyarrow Dataset, a polars LazyFrame or the path of a file; "
            f"got {type(X).__name__}."
        )


def _evaluated(X: Any, file: Path) -> dict[str, Any]:
    """Write the rows of a LazyFrame to a file; return the types of its columns."""
    polars = import_extra("polars", "scale")
    try:
        types = dict(X.collect_schema())
        for name, kind in types.items():
            if kind in (polars.Int128, polars.UInt128, polars.Object):
                raise UnsupportedColumnsError(
                    f"Column {name!r} of the LazyFrame is of type {kind}, which files do not hold; "
                    "cast it to Int64, Float64 or Decimal, or select the other columns.",
                    [name],
                )
        X.sink_parquet(file, row_group_size=BATCH_ROWS)
    except polars.exceptions.PolarsError as error:
        raise ValueError(f"The LazyFrame cannot be evaluated: {error}") from error
    return types


@contextmanager
def _whole_files(dataset: Any, arrow: Any) -> Iterator[Any]:
    """Open a Dataset whose files can be read one by one: pyarrow does not filter a single one."""
    try:
        dataset.get_fragments()
        is_filtered = False
    except ValueError:
        is_filtered = True
    if not is_filtered:
        yield dataset
        return
    parquet = import_extra("pyarrow.parquet", "scale")
    with tempfile.TemporaryDirectory(prefix="sklearn_aae_") as folder:
        file = Path(folder) / "rows.parquet"
        with parquet.ParquetWriter(file, dataset.schema) as writer:
            for batch in dataset.to_batches(batch_size=BATCH_ROWS, batch_readahead=1):
                writer.write_batch(batch)
        yield arrow.dataset(file)


def dataset_of(path: Path, file_format: Any = None) -> Any:
    """Return the Dataset of a file or of a folder; endings say the format if nobody does."""
    arrow = import_extra("pyarrow.dataset", "scale")
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r}.")
    files = (file for file in sorted(path.rglob("*")) if file.suffix in FORMATS)
    first = next(files, path) if path.is_dir() else path
    if first.is_dir():
        raise ValueError(f"{str(path)!r} is a folder without {', '.join(FORMATS)} files.")
    file_format = file_format or FORMATS.get(first.suffix, "parquet")
    try:
        return arrow.dataset(path, format=file_format, partitioning="hive")
    except (ValueError, OSError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as a table: {error}") from error


class Stream:
    """The rows of a Dataset.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
        Files, or whatever else it reads.
    as_frame : callable or None, default=None
        Maps an Arrow table of these rows to what estimators get; None leaves it as it is.
    of_column : callable or None, default=None
        Returns such a map for a column by itself; None for the same.
    is_evaluated : bool, default=False
        Whether the files are this process's own, of what it has made of others.
    """

    def __init__(
        self,
        dataset: Any,
        as_frame: Callable[[Any], Any] | None = None,
        of_column: Callable[[str], Callable[[Any], Any]] | None = None,
        *,
        is_evaluated: bool = False,
    ) -> None:
        own = dataset.schema
        twice = next((name for name in own.names if own.names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"Two columns are called {twice!r}; rename one or drop it.")
        self._stored, self.schema = own, _in_plain_types(own)
        self.is_evaluated = is_evaluated
        self._as_frame, self._of_column = as_frame, of_column
        self._fragments = list(dataset.get_fragments())
        self._current = self._fragments[0] if self._fragments else None
        _check_agreement(self._fragments, self.schema)

    @property
    def name(self) -> str:
        """What messages call it: the file that was read last, at first the first one."""
        if self.is_evaluated:
            return "The Dataset" if self._as_frame is None else "The LazyFrame"
        return _name(self._current)

    def batches(self, n_rows: int | None = None) -> Iterator[Any]:
        """Yield the rows in the order of the files, as Arrow tables of at most so many rows."""
        for fragment in self._fragments:
            yield from self._batches_of(fragment, n_rows or self._batch_rows)

    def frame(self, table: Any) -> Any:
        """Return an Arrow table of these rows in the library that they came from."""
        return table if self._as_frame is None else self._as_frame(table)

    def frame_of(self, name: str, cells: Any) -> Any:
        """Return cells of a column as a frame of it, as :meth:`frame` does."""
        table = import_extra("pyarrow", "scale").table({name: cells})
        return self.frame(table) if self._of_column is None else self._of_column(name)(table)

    def shuffled(
        self, seed: int, share: float = 1.0, is_own: Callable[[int], bool] | None = None
    ) -> Iterator[Any]:
        """Yield all rows, or a share of them, in small tables from all over the files.

        Row groups come in random order, a few of them side by side.  ``is_own`` says which of
        them, counted in this order, are to be read: of tables of the others come the lengths.
        """
        rng = np.random.default_rng(seed)
        n_rows = max(1, self._batch_rows // 8)
        waiting = [
            self._batches_of(self._pieces[i], n_rows)
            if is_own is None
            else self._blocks_of(self._pieces[i], n_rows, is_read=is_own(place))
            for place, i in enumerate(rng.permutation(len(self._pieces)))
        ]
        opened: list[Iterator[Any]] = []
        while waiting or opened:
            while waiting and len(opened) < OPEN_PIECES:
                opened.append(waiting.pop())
            k = int(rng.integers(len(opened)))
            table = next(opened[k], None)
            if table is None:
                del opened[k]
            elif share < 1:
                is_absent = isinstance(table, int)
                chosen = rng.random(table if is_absent else len(table)) < share
                yield int(chosen.sum()) if is_absent else table.take(np.flatnonzero(chosen))
            else:
                yield table

    @cached_property
    def sizes(self) -> list[int] | None:
        """The rows of all row groups, in the order of the files; None if these have none."""
        if self.is_evaluated or not all(hasattr(piece, "row_groups") for piece in self._pieces):
            return None
        return [_size(piece) for piece in self._pieces]

    def part(self, rank: int, n_ranks: int) -> tuple[int, Iterator[Any]]:
        """Return how many rows come before a part of all row groups, and its rows.

        ``n_ranks`` parts, about equal and in the order of the files, have all of them.
        """
        sizes = np.array(self.sizes or [], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        own = (starts + sizes / 2) * n_ranks // max(1, sizes.sum()) == rank
        pieces = [piece for piece, is_own in zip(self._pieces, own, strict=True) if is_own]
        tables = (rows for piece in pieces for rows in self._batches_of(piece, self._batch_rows))
        return int(starts[own].min(initial=sizes.sum())), tables

    @cached_property
    def _pieces(self) -> list[Any]:
        return [piece for fragment in self._fragments for piece in _split(fragment)]

    def _blocks_of(self, piece: Any, n_rows: int, *, is_read: bool) -> Iterator[Any]:
        """Yield a row group in tables of so many rows, but for the last; or their lengths."""
        if is_read:
            yield from _in_blocks(self._batches_of(piece, n_rows), n_rows)
            return
        for start in range(0, size := _size(piece), n_rows):
            yield min(n_rows, size - start)

    @property
    def _batch_rows(self) -> int:
        return int(np.clip(BATCH_CELLS // max(1, len(self.schema)), 1024, BATCH_ROWS))

    def _batches_of(self, fragment: Any, n_rows: int) -> Iterator[Any]:
        arrow = import_extra("pyarrow", "scale")
        try:
            for batch in _record_batches(fragment, self._stored, n_rows):
                if batch.num_rows:
                    self._current = fragment
                    table = arrow.Table.from_batches([batch])
                    yield table if self.schema is self._stored else table.cast(self.schema)
        except (arrow.ArrowException, OSError) as error:
            raise _unreadable(fragment, error) from error


def _in_plain_types(schema: Any) -> Any:
    """Return a schema whose types pyarrow takes rows of, and estimators know."""
    arrow = import_extra("pyarrow", "scale")

    def plain(kind: Any) -> Any:
        types = arrow.types
        if types.is_decimal(kind) and kind.precision <= MOST_DIGITS:
            return arrow.decimal128(kind.precision, kind.scale)
        if types.is_fixed_size_binary(kind) and not types.is_decimal(kind):
            return arrow.binary()
        return {"string_view": arrow.string(), "binary_view": arrow.binary()}.get(str(kind), kind)

    fields = [field.with_type(plain(field.type)) for field in schema]
    own = arrow.schema(fields, metadata=schema.metadata)
    return schema if own == schema else own


def _split(fragment: Any) -> list[Any]:
    """Return the row groups of a file, or the file where there are none."""
    return fragment.split_by_row_group() if hasattr(fragment, "split_by_row_group") else [fragment]


def _size(piece: Any) -> int:
    """Return the rows of a row group, which its file says."""
    return sum(group.num_rows for group in piece.row_groups)


def _in_blocks(tables: Iterator[Any], n_rows: int) -> Iterator[Any]:
    """Yield the rows of tables again, in tables of so many rows but for the last."""
    concat = import_extra("pyarrow", "scale").concat_tables
    rest: Any = None
    for table in tables:
        rest = table if rest is None else concat([rest, table])
        while len(rest) >= n_rows:
            yield rest[:n_rows]
            rest = rest[n_rows:]
    if rest is not None and len(rest):
        yield rest


def _record_batches(fragment: Any, schema: Any, n_rows: int) -> Iterator[Any]:
    """Yield the rows of a file, or of a row group, in batches of at most so many."""
    arrow = import_extra("pyarrow.dataset", "scale")
    is_parquet = isinstance(fragment, arrow.ParquetFileFragment)
    if not is_parquet or any(field not in list(fragment.physical_schema) for field in schema):
        # Columns may be of the folder's name, or of another type in the file.
        yield from fragment.to_batches(
            schema=schema, batch_size=n_rows, batch_readahead=1, fragment_readahead=1
        )
        return
    # A scan of the Dataset would hold whole row groups.
    parquet = import_extra("pyarrow.parquet", "scale")
    from_arrays = import_extra("pyarrow", "scale").RecordBatch.from_arrays
    groups, names = [group.id for group in fragment.row_groups], schema.names
    options = {"buffer_size": BUFFER, "pre_buffer": False, "page_checksum_verification": True}
    with parquet.ParquetFile(fragment.open(), **options) as file:
        for batch in file.iter_batches(n_rows, groups, names, use_threads=False):
            yield from_arrays([batch.column(name) for name in names], schema=schema)


def _name(fragment: Any) -> str:
    return f"File {fragment.path!r}" if hasattr(fragment, "path") else "The Dataset"


def _unreadable(fragment: Any, error: Exception) -> ValueError:
    advice = "It may be cut short; write it again."
    if _is_untyped(fragment):
        advice = "Where cells are of another type than in the rows before, give the types."
    return ValueError(f"{_name(fragment)} cannot be read: {error} {advice}")


def _is_untyped(fragment: Any) -> bool:
    """Return whether a file says no types of its columns."""
    return getattr(getattr(fragment, "format", None), "default_extname", "") in UNTYPED


def _check_agreement(fragments: list[Any], schema: Any) -> None:
    """Raise if files do not have the columns of the first one, in its types."""
    arrow = import_extra("pyarrow", "scale")
    first: Any = None
    of_first = ""
    for fragment in fragments:
        if not hasattr(fragment, "path"):  # rows in memory are of one table
            continue
        try:
            own = fragment.physical_schema
        except (arrow.ArrowException, OSError) as error:
            raise _unreadable(fragment, error) from error
        if first is None:
            first, of_first = own, _name(fragment)
            continue
        missing = [name for name in first.names if name not in own.names]
        added = [name for name in own.names if name not in first.names]
        if missing or added:
            what = f"has no column {missing[0]!r}" if missing else f"has a column {added[0]!r}"
            whose = "has" if missing else "does not have"
            raise ValueError(
                f"{_name(fragment)} {what}, which {of_first} {whose}; all files need the same "
                "columns."
            )
        for field in [] if _is_untyped(fragment) else own:
            known = first.field(field.name).type
            if field.type != known and not _may_be_empty(field, known, schema):
                raise ValueError(
                    f"{_name(fragment)} has column {field.name!r} as {field.type}, {of_first} as "
                    f"{known}; write all files with one type."
                )


def _may_be_empty(field: Any, known: Any, schema: Any) -> bool:
    """Return whether a column is only without a type where it has no cells."""
    is_null = import_extra("pyarrow", "scale").types.is_null
    typed = field.name in schema.names and not is_null(schema.field(field.name).type)
    return typed and (is_null(field.type) or is_null(known))
