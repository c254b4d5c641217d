"""A sample of rows that do not fit into memory, with what is rare among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._datasets import Stream

if TYPE_CHECKING:
    from sklearn_aae._utils._ranks import Ranks

#: Of so many distinct values of a column each is in a sample: labels, and numbers or dates, of
#: which more are cut into levels that the quantiles of a sample tell.
MOST_LABELS, MOST_NUMBERS = 100_000, 1024
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
    """

    X: Any
    n_rows: int


def sample_rows(
    stream: Stream, size: int, seed: int, *, with_rare: bool = False, ranks: Ranks | None = None
) -> Sample:
    """Return a uniform sample of rows in their order, in one pass; all rows if there are no more.

    With ``with_rare``, further rows come after them: for each column those in which a value
    occurs first that the sample lacks (up to 100,000 labels, or 1,024 numbers or dates), a
    missing cell, the least and the largest cell.  With ``ranks``, each process reads a part of
    the row groups, and all return the same.
    """
    arrow = import_extra("pyarrow", "scale")
    found = _Found(stream, size, with_rare=with_rare)
    if ranks is None:
        found.read(stream.batches(), seed)
    else:
        for part in ranks.exchange(_part(stream, size, seed, ranks, with_rare=with_rare)):
            if isinstance(part, ValueError):  # a file that one of them cannot read
                raise part
            found.take(*part)
    rows = found.chosen.rows()
    if found.n_rows > size and with_rare:
        others = _joined(arrow, found.beside)
        lacking = [column.lacking(rows, others) for column in found.rare]
        rows = _joined(arrow, [rows, others.take(np.unique(np.concatenate(lacking)))])
    if not found.n_rows:
        raise ValueError("The Dataset has no rows.")
    return Sample(stream.frame(rows), found.n_rows)


def _part(
    stream: Stream, size: int, seed: int, ranks: Ranks, *, with_rare: bool
) -> tuple[Any, ...] | ValueError:
    """Return what a process finds in its part of the row groups, or what keeps it from reading."""
    found = _Found(stream, size, with_rare=with_rare)
    first, tables = stream.part(*ranks.place)
    try:
        found.read(tables, seed, first)
    except ValueError as error:
        return error
    return found.answer()


class _Found:
    """What a pass over rows finds: a sample, and beside it those with what none before has."""

    def __init__(self, stream: Stream, size: int, *, with_rare: bool) -> None:
        empty = stream.schema.empty_table()
        self.chosen, self.n_rows = _Uniform(size, empty), 0
        self.rare = [_Rare(field.name, field.type) for field in stream.schema] if with_rare else []
        self.beside = [empty]

    def read(self, tables: Iterable[Any], seed: int, first: int = 0) -> None:
        """Take in rows, of which so many come before the first one."""
        # Each row has the same key, whoever reads it.
        rng = np.random.Generator(np.random.PCG64(seed).advance(first))
        for table in tables:
            self._look(table)
            self.chosen.add(table, rng.random(len(table)))
            self.n_rows += len(table)

    def answer(self) -> tuple[Any, ...]:
        """Return what :meth:`take` of another pass needs."""
        arrow = import_extra("pyarrow", "scale")
        rows = self.chosen.rows()
        return rows, self.chosen.keys, _joined(arrow, self.beside), self.n_rows

    def take(self, rows: Any, keys: np.ndarray, beside: Any, n_rows: int) -> None:
        """Take in what the pass over further rows has found."""
        self._look(beside)
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
        if len(self.keys) > 1.5 * self.size:
            self._cut()

    def rows(self) -> Any:
        """Return the rows in their order."""
        self._cut()
        return self.tables[0]

    def _cut(self) -> None:
        """Drop all but the rows with the smallest keys."""
        arrow = import_extra("pyarrow", "scale")
        rows = _joined(arrow, self.tables)
        if len(self.keys) > self.size:
            index = np.sort(np.argpartition(self.keys, self.size)[: self.size])
            self.limit = float(self.keys[index].max())
            self.keys, rows = self.keys[index], rows.take(index)
        self.tables = [rows]


class _Rare:
    """What values a column has had so far."""

    def __init__(self, name: str, kind: Any) -> None:
        types = import_extra("pyarrow", "scale").types
        self.name = name
        self.is_ordered = types.is_floating(kind) or types.is_integer(kind)
        self.is_ordered |= types.is_temporal(kind) or types.is_decimal(kind)
        self.seen: set[Any] | None = None if types.is_nested(kind) else set()
        self.ends: tuple[Any, ...] = ()
        self.has_gap = False

    def first_seen(self, table: Any) -> np.ndarray:
        """Return which rows of a batch have a value that no earlier row has."""
        compute = import_extra("pyarrow.compute", "scale")
        column = table[self.name].combine_chunks()
        found = self._new_ends(compute, column) if self.is_ordered else []
        if self.seen is None:
            return np.array(found, dtype=np.int64)
        coded = column if hasattr(column, "dictionary") else column.dictionary_encode("encode")
        codes = compute.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
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

    @property
    def most(self) -> int:
        """The most distinct values that are kept."""
        return MOST_NUMBERS if self.is_ordered else MOST_LABELS

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
        low, high = self.ends or own
        if not self.ends or compute.less(own[0], low).as_py():
            low = own[0]
            found.append(compute.index(column, low).as_py())
        if not self.ends or compute.greater(own[1], high).as_py():
            high = own[1]
            found.append(compute.index(column, high).as_py())
        self.ends = low, high
        return found

    def lacking(self, rows: Any, others: Any) -> np.ndarray:
        """Return which of other rows have what the rows lack, one for each value."""
        here = set(map(_plain, rows[self.name].unique().to_pylist()))
        cells = [_plain(cell) for cell in others[self.name].to_pylist()]
        ends = {_plain(end.as_py()) for end in self.ends}
        wanted = (set(cells) if self.seen is not None else {None} | ends) - here
        first: dict[Any, int] = {}
        for row, cell in enumerate(cells):
            if cell in wanted:
                first.setdefault(cell, row)
        return np.array(list(first.values()), dtype=np.int64)


def _plain(cell: Any) -> Any:
    """Return a cell as one that equals itself: NaN is missing."""
    return None if isinstance(cell, float) and cell != cell else cell
