"""A sample of rows that do not fit into memory, with what is rare among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._counts import ValueCounts, WholeColumns
from sklearn_aae.encoding._datasets import Stream
from sklearn_aae.encoding._roundness import Roundness
from sklearn_aae.exceptions import UnsupportedColumnsError

if TYPE_CHECKING:
    from sklearn_aae._utils._ranks import Ranks

#: Of so many distinct values of a column each is in a sample: labels, and numbers or dates, or
#: labels that are counted besides.
MOST_LABELS, MOST_OTHERS = 100_000, 1024
#: Types of numbers that may be infinite, in pyarrow's words.
FLOATS = ("halffloat", "float", "double")
#: Rows that a model or an encoder takes for the table, of more than these.
SAMPLED_ROWS = 2**16


class Sample(NamedTuple):
    """Rows of a stream.

    Attributes
    ----------
    X : frame
        The rows, in the library that the stream's rows came from.
    n_rows : int
        How many rows the stream has.
    n_uniform : int
        How many of the first rows are a uniform sample; what is rare follows.
    columns : WholeColumns or None
        What the columns are in all rows, if they were counted and are more.
    """

    X: Any
    n_rows: int
    n_uniform: int
    columns: WholeColumns | None = None


def sample_rows(
    stream: Stream,
    size: int,
    seed: int,
    *,
    with_rare: bool = False,
    counted: bool = False,
    ranks: Ranks | None = None,
) -> Sample:
    """Return a uniform sample of rows in their order, in one pass; all rows if there are no more.

    With ``with_rare``, further rows come after them: for each column those in which a value
    occurs first that the sample lacks (up to 100,000 labels, or 1,024 numbers or dates), a
    missing cell, the least and the largest cell, and cells that are less round than others.
    ``counted`` is whether the values of columns are counted in all rows; of labels, too, up to
    1,024 have rows then.  With ``ranks``, each process reads a part of the row groups, and all
    return the same.
    """
    arrow = import_extra("pyarrow", "scale")
    _refuse_unknown(stream)
    found = _Found(stream, size, with_rare=with_rare, counted=counted)
    if ranks is None:
        found.read(stream.batches(), seed)
    else:
        own = _Found(stream, size, with_rare=with_rare, counted=counted)
        for part in ranks.exchange(_part(own, stream, seed, ranks)):
            if isinstance(part, ValueError):  # a file that one of them cannot read
                raise part
            found.take(*part)
    rows, columns = found.chosen.rows(), None
    n_uniform = len(rows)
    if found.n_rows > size and with_rare:
        others = _joined(arrow, found.beside)
        lacking = [column.lacking(rows, others) for column in found.rare]
        rows = _joined(arrow, [rows, others.take(np.unique(np.concatenate(lacking)))])
    if not found.n_rows:
        raise ValueError(f"{stream.name} has no rows.")
    if found.n_rows > size and counted:
        columns = WholeColumns(found.counts, rows, stream.frame_of)
    n_rows = found.n_rows
    del found
    arrow.default_memory_pool().release_unused()
    return Sample(stream.frame(rows), n_rows, n_uniform, columns)


def _refuse_unknown(stream: Stream) -> None:
    """Raise for columns of lists and the like, which are of no known kind."""
    types = import_extra("pyarrow", "scale").types
    known = [
        *(types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_date),
        *(types.is_decimal128, types.is_string, types.is_large_string, types.is_binary),
        *(types.is_large_binary, types.is_timestamp, types.is_time, types.is_duration),
    ]
    for field in stream.schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if not any(is_of_kind(kind) for is_of_kind in known):
            raise UnsupportedColumnsError(
                f"{stream.name}: column {field.name!r} is of type {field.type}, which is neither "
                "numbers, text, categories, booleans, dates nor durations; cast it to one of these "
                "or select the other columns.",
                [field.name],
            )


def _part(found: _Found, stream: Stream, seed: int, ranks: Ranks) -> tuple[Any, ...] | ValueError:
    """Return what a process finds in its part of the row groups, or what keeps it from reading."""
    first, tables = stream.part(*ranks.place)
    try:
        found.read(tables, seed, first)
    except ValueError as error:
        return error
    return found.answer()


class _Found:
    """What a pass over rows finds: a sample, those with what none before has, and counts."""

    def __init__(self, stream: Stream, size: int, *, with_rare: bool, counted: bool) -> None:
        self.stream = stream
        empty, columns = stream.schema.empty_table(), list(stream.schema)
        self.chosen, self.n_rows = _Uniform(size, empty), 0
        most = MOST_OTHERS if counted else MOST_LABELS
        self.rare = [_Rare(own.name, own.type, most) for own in columns if with_rare]
        self.counts = {own.name: ValueCounts(own.type) for own in columns if counted}
        self.beside = [empty]

    def read(self, tables: Iterable[Any], seed: int, first: int = 0) -> None:
        """Take in rows, of which so many come before the first one."""
        # Each row has the same key, whoever reads it.
        rng = np.random.Generator(np.random.PCG64(seed).advance(first))
        for table in tables:
            self._refuse_infinite(table)
            self._look(table)
            for name, counts in self.counts.items():
                counts.add(table[name])
            self.chosen.add(table, rng.random(len(table)))
            self.n_rows += len(table)

    def _refuse_infinite(self, table: Any) -> None:
        """Raise for infinite numbers, which a sample may lack."""
        compute = import_extra("pyarrow.compute", "scale")
        for field in table.schema:
            if str(field.type) not in FLOATS:
                continue
            column = table[field.name].cast(
                "float32" if str(field.type) == FLOATS[0] else field.type
            )
            if compute.any(compute.is_inf(column)).as_py():
                raise ValueError(
                    f"{self.stream.name}: column {field.name!r} has infinite cells. Replace them "
                    "by finite numbers or by missing cells."
                )

    def answer(self) -> tuple[Any, ...]:
        """Return what :meth:`take` of another pass needs."""
        arrow = import_extra("pyarrow", "scale")
        rows = self.chosen.rows()
        return rows, self.chosen.keys, _joined(arrow, self.beside), self.n_rows, self.counts

    def take(self, rows: Any, keys: np.ndarray, beside: Any, n_rows: int, counts: Any) -> None:
        """Take in what the pass over further rows has found."""
        self._look(beside)
        for name, own in self.counts.items():
            own.merge(counts[name])
        self.chosen.add(rows, keys)
        self.n_rows += n_rows

    def _look(self, table: Any) -> None:
        found = [column.first_seen(table) for column in self.rare]
        if found and len(index := np.unique(np.concatenate(found))):
            self.beside.append(table.take(index))


def _joined(arrow: Any, tables: list[Any]) -> Any:
    return arrow.concat_tables(tables).unify_dictionaries().combine_chunks()


class _Uniform:
    """The rows with the smallest random keys so far."""

    def __init__(self, size: int, empty: Any) -> None:
        self.size, self.tables = size, [empty]
        self.keys, self.limit = np.empty(0), np.inf

    def add(self, table: Any, keys: np.ndarray) -> None:
        """Take in a batch."""
        index = np.flatnonzero(keys < self.limit)
        self.tables.append(table if len(index) == len(table) else table.take(index))
        self.keys = np.append(self.keys, keys[index])
        if len(self.keys) > 1.25 * self.size:
            self._cut()

    def rows(self) -> Any:
        """Return the rows in their order."""
        self._cut()
        return self.tables[0]

    def _cut(self) -> None:
        """Drop all but the rows with the smallest keys."""
        arrow = import_extra("pyarrow", "scale")
        rows, self.tables = _joined(arrow, self.tables), []
        if len(self.keys) > self.size:
            index = np.sort(np.argpartition(self.keys, self.size)[: self.size])
            self.limit = float(self.keys[index].max())
            self.keys, rows = self.keys[index], rows.take(index)
        self.tables = [rows]
        arrow.default_memory_pool().release_unused()


class _Rare:
    """What values a column has had so far."""

    def __init__(self, name: str, kind: Any, most_labels: int) -> None:
        types = import_extra("pyarrow", "scale").types
        self.name = name
        #: What minima are found in, where pyarrow finds none in the type itself.
        self.cast = {"halffloat": "float32"}.get(str(kind))
        self.cast = "int64" if types.is_duration(kind) else self.cast
        self.is_ordered = types.is_floating(kind) or types.is_integer(kind)
        # Times of a day are labels.
        temporal = types.is_temporal(kind) and not types.is_time(kind)
        self.is_ordered |= temporal or types.is_decimal(kind)
        #: The most distinct values that are kept.
        self.most = MOST_OTHERS if self.is_ordered else most_labels
        self.seen: set[Any] | None = set()
        self.ends: tuple[Any, ...] = ()
        # Numbers of 64 bits without a sign have no difference of that type.
        rounds = types.is_floating(kind) or temporal or types.is_integer(kind)
        self.roundness = Roundness() if rounds and not types.is_uint64(kind) else None
        self.less_round: set[Any] = set()
        self.has_gap = False

    def first_seen(self, table: Any) -> np.ndarray:
        """Return which rows of a batch have a value that no earlier row has."""
        compute = import_extra("pyarrow.compute", "scale")
        column = self._comparable(table[self.name].combine_chunks())
        found = self._new_ends(compute, column) if self.is_ordered else []
        if self.seen is None:
            return np.array(found, dtype=np.int64)
        coded = column if hasattr(column, "dictionary") else column.dictionary_encode("encode")
        codes = compute.fill_null(coded.indices.cast("int64"), -1).to_numpy(zero_copy_only=False)
        which, first = np.unique(codes, return_index=True)
        if len(self.seen) + len(which) > 2 * self.most:
            self.seen = None
            return np.array(found, dtype=np.int64)
        labels = [None, *coded.dictionary.to_pylist()]
        for code, row in zip(which.tolist(), first.tolist(), strict=True):
            value = _plain(labels[code + 1])
            if value not in self.seen:
                self.seen.add(value)
                found.append(row)
        if len(self.seen) > self.most:
            self.seen = None
        return np.array(found, dtype=np.int64)

    def _comparable(self, column: Any) -> Any:
        return column if self.cast is None else column.cast(self.cast)

    def _new_ends(self, compute: Any, column: Any) -> list[int]:
        """Return the rows with a cell beyond those so far, and with the first missing one."""
        found = []
        gaps = compute.is_null(column, nan_is_null=True)
        if not self.has_gap and (row := compute.index(gaps, True).as_py()) >= 0:
            self.has_gap = True
            found.append(row)
        ends = compute.min_max(column.filter(compute.invert(gaps)))
        own = (ends["min"], ends["max"])
        if not own[0].is_valid:
            return found
        found += self._less_round(column, gaps)
        low, high = self.ends or own
        if not self.ends or compute.less(own[0], low).as_py():
            low = own[0]
            found.append(compute.index(column, low).as_py())
        if not self.ends or compute.greater(own[1], high).as_py():
            high = own[1]
            found.append(compute.index(column, high).as_py())
        self.ends = low, high
        return found

    def _less_round(self, column: Any, gaps: Any) -> list[int]:
        """Return the rows with a cell that is less round than those so far."""
        if self.roundness is None or self.roundness.step == 1:
            return []
        there = np.flatnonzero(~gaps.to_numpy(zero_copy_only=False))
        present = column.take(there).to_numpy(zero_copy_only=False)
        if present.dtype.kind in "mM":
            present = present.view(np.int64)
        if present.dtype.kind in "iu":
            present = present.astype(np.int64)
        rows: list[int] = there[self.roundness.first_less_round(present)].tolist()
        self.less_round |= {_plain(column[row].as_py()) for row in rows}
        return rows

    def lacking(self, rows: Any, others: Any) -> np.ndarray:
        """Return which of other rows have what the rows lack, one for each value."""
        here = set(map(_plain, self._comparable(rows[self.name]).unique().to_pylist()))
        cells = [_plain(cell) for cell in self._comparable(others[self.name]).to_pylist()]
        ends = {_plain(end.as_py()) for end in self.ends}
        wanted = set(cells) if self.seen is not None else {None} | ends | self.less_round
        wanted -= here
        first: dict[Any, int] = {}
        for row, cell in enumerate(cells):
            if cell in wanted:
                first.setdefault(cell, row)
        return np.array(list(first.values()), dtype=np.int64)


def _plain(cell: Any) -> Any:
    """Return a cell as one that equals itself: NaN is missing."""
    return None if isinstance(cell, float) and cell != cell else cell
