"""How often each value of a column occurs, counted in one pass over rows in files."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra

#: Distinct values of a column that are counted; of more a sample stands for the column.
MOST_DISTINCT = 100_000
#: Cells that stand for a column: all of them, or as many in the shares of more.
MOST_CELLS = 2**20


class ValueCounts:
    """The distinct values of a column so far, with their numbers.

    Parameters
    ----------
    kind : pyarrow.DataType
        Of the column.
    """

    def __init__(self, kind: Any) -> None:
        types = import_extra("pyarrow", "scale").types
        self.kind = kind
        own = kind.value_type if types.is_dictionary(kind) else kind
        #: What values are counted as, where pyarrow cannot count the type itself.
        self.counted = {"halffloat": "float32"}.get(str(own), own)
        self.parts: list[tuple[Any, Any]] | None = []
        self.n_waiting = 0

    def add(self, column: Any) -> None:
        """Take in cells."""
        if self.parts is None:
            return
        compute = import_extra("pyarrow.compute", "scale")
        if hasattr(column.type, "value_type"):
            column = column.cast(column.type.value_type)
        found = compute.value_counts(column.cast(self.counted).combine_chunks())
        self.parts.append((found.field("values"), found.field("counts")))
        self.n_waiting += len(found)
        if self.n_waiting > 2 * MOST_DISTINCT:
            self._merge()

    def cells(self) -> Any:
        """Return all cells, or as many as memory holds in their shares; None if not counted."""
        self._merge()
        if not self.parts:
            return None
        arrow = import_extra("pyarrow", "scale")
        ((values, numbers),) = self.parts
        counts = numbers.to_numpy()
        if counts.sum() > MOST_CELLS:
            counts = np.maximum(1, np.rint(counts * (MOST_CELLS / counts.sum())).astype(np.int64))
        cells = values.take(arrow.array(np.repeat(np.arange(len(counts)), counts)))
        return cells.cast(self.kind)

    def _merge(self) -> None:
        if not self.parts:
            return
        arrow = import_extra("pyarrow", "scale")
        values, numbers = (arrow.chunked_array([part[k] for part in self.parts]) for k in range(2))
        table = arrow.table({"value": values, "n": numbers})
        merged = table.group_by("value", use_threads=False).aggregate([("n", "sum")])
        own = merged.combine_chunks()
        self.parts, self.n_waiting = None, len(own)
        if len(own) <= MOST_DISTINCT:
            self.parts = [(own["value"].combine_chunks(), own["n_sum"].combine_chunks())]
