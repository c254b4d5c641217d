"""How often each value of a column occurs, counted in one pass over rows in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._containers import columns_of

#: Distinct values of a column that are all counted; of more the frequent ones are.
MOST_DISTINCT = 100_000
#: Counters for these: each is too low by at most this part of the cells.
COUNTERS = 2**15
#: Rarer values than this share of the cells are as frequent as a sample has them.
FREQUENT = 2.0**-13
#: Cells that stand for a column: all of them, or as many in the shares of more.
MOST_CELLS = 2**20


class ValueCounts:
    """The distinct values of a column so far, with their numbers.

    Of more than 100,000, those with the largest numbers (the summary of Misra and Gries, 1982, as
    Agarwal et al., 2013, merge it): 32,768 counters, each too low by at most the 32,769th part of
    the cells.  It draws nothing, so that the same rows give the same numbers.

    Parameters
    ----------
    kind : pyarrow.DataType
        Of the column.

    Attributes
    ----------
    n_cells : int
        How many cells were taken in.
    n_short : int
        By how much numbers may be too low; 0 if all values are counted.
    """

    def __init__(self, kind: Any) -> None:
        types = import_extra("pyarrow", "scale").types
        self.kind = kind
        own = kind.value_type if types.is_dictionary(kind) else kind
        #: What values are counted as, where pyarrow cannot count the type itself.
        self.counted = {"halffloat": "float32"}.get(str(own), own)
        self.parts: list[tuple[Any, Any]] = []
        self.n_waiting = self.n_cells = self.n_short = 0

    def add(self, column: Any) -> None:
        """Take in cells."""
        compute = import_extra("pyarrow.compute", "scale")
        found = compute.value_counts(self._plain(column))
        self.n_cells += len(column)
        self._take([(found.field("values"), found.field("counts"))])

    def merge(self, other: ValueCounts) -> None:
        """Take in what was counted of further cells."""
        self.n_cells += other.n_cells
        self.n_short += other.n_short
        self._take(other.parts)

    def cells(self, sample: Any) -> Any:
        """Return all cells, or as many as memory holds in their shares.

        If there are too many values for that, those of a sample that are not frequent, and
        frequent ones as often as in all rows.
        """
        self._merge()
        arrow = import_extra("pyarrow", "scale")
        compute = import_extra("pyarrow.compute", "scale")
        ((values, numbers),) = self.parts
        counts, rest = numbers.to_numpy(), []
        if self.n_short:
            frequent = counts >= FREQUENT * self.n_cells
            values, counts = values.filter(arrow.array(frequent)), counts[frequent]
            counts = counts * (len(sample) / self.n_cells)
            own = self._plain(sample)
            rest = [own.filter(compute.invert(compute.is_in(own, values)))]
        elif counts.sum() > MOST_CELLS:
            counts = counts * (MOST_CELLS / counts.sum())
        counts = np.maximum(1, np.rint(counts).astype(np.int64))
        cells = values.take(arrow.array(np.repeat(np.arange(len(counts)), counts)))
        cells = arrow.chunked_array([cells, *rest]).combine_chunks()
        coded = hasattr(self.kind, "value_type")
        return cells.dictionary_encode() if coded else cells.cast(self.kind)

    def _plain(self, column: Any) -> Any:
        """Return cells in a type that pyarrow counts, in one piece."""
        if hasattr(column.type, "value_type"):
            column = column.cast(column.type.value_type)
        return column.cast(self.counted).combine_chunks()

    def _take(self, parts: list[tuple[Any, Any]]) -> None:
        self.parts = [*self.parts, *parts]
        self.n_waiting += sum(len(values) for values, _ in parts)
        if self.n_waiting > 2 * (COUNTERS if self.n_short else MOST_DISTINCT):
            self._merge()

    def _merge(self) -> None:
        """Add up the numbers of each value; where there are too many, drop the rarest."""
        arrow = import_extra("pyarrow", "scale")
        values, numbers = (arrow.chunked_array([part[k] for part in self.parts]) for k in range(2))
        table = arrow.table({"value": values, "n": numbers})
        merged = table.group_by("value", use_threads=False).aggregate([("n", "sum")])
        own = merged.combine_chunks()
        values, counts = own["value"].combine_chunks(), own["n_sum"].to_numpy()
        if len(counts) > (COUNTERS if self.n_short else MOST_DISTINCT):
            at = max(0, len(counts) - COUNTERS - 1)
            least = np.partition(counts, at)[at]
            values, counts = values.filter(arrow.array(counts > least)), counts - least
            counts, self.n_short = counts[counts > 0], self.n_short + int(least)
        self.parts, self.n_waiting = [(values, arrow.array(counts))], len(counts)


class WholeColumns:
    """What the cells of columns are in all rows of files, of which a sample is in memory.

    Parameters
    ----------
    counts : mapping of str to ValueCounts
        By column.
    rows : pyarrow.Table
        The sample.
    frame_of : callable
        Maps the name of a column and cells to a frame of the library of fit.
    """

    def __init__(
        self, counts: Mapping[str, ValueCounts], rows: Any, frame_of: Callable[[str, Any], Any]
    ) -> None:
        self._counts, self._rows, self._frame_of = dict(counts), rows, frame_of

    def __call__(self, label: Any, native: Any) -> Any:
        """Return the cells that stand for a column, ``native`` if it is another one."""
        counts = self._counts.get(label)
        if counts is None:
            return native
        frame = self._frame_of(label, counts.cells(self._rows[label]))
        return next(iter(columns_of(frame)))

    @property
    def are_all(self) -> bool:
        """Whether the cells of each column are all that there are."""
        return not any(own.n_short or own.n_cells > MOST_CELLS for own in self._counts.values())

    def drop(self, labels: Iterable[Any]) -> None:
        """Forget columns, which are now something else."""
        for label in labels:
            self._counts.pop(label, None)
