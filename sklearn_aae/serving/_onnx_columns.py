"""Columns of a table as inputs of a graph of ONNX, as levels and as numbers for networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.encoding import is_missing
from sklearn_aae.encoding._category_columns import INFREQUENT, CategoryCodec
from sklearn_aae.encoding._cells import is_bool, is_number
from sklearn_aae.encoding._codec import ColumnCodec, EmptyCodec
from sklearn_aae.encoding._columns import BOOLEAN
from sklearn_aae.encoding._datetime_columns import TimestampCodec
from sklearn_aae.encoding._number_columns import AxisCodec, NumberCodec
from sklearn_aae.serving._onnx_graph import FLOAT, TEXT, WHOLE, Graph, Value

#: What stands for a missing date or duration, as NaT does in numpy.
NAT = np.iinfo(np.int64).min
#: What stands for a label that fit did not see, and for a missing cell, among indices of labels.
UNSEEN, MISSING = -1, -2


@dataclass(frozen=True)
class Cells:
    """The cells of one column, (n, 1).

    Attributes
    ----------
    codec : ColumnCodec
        What fit learned of the column.
    values : Value
        Numbers, float64; timestamps, int64; or indices of labels, -1 for one that is not known.
    missing : Value
        Where cells are missing.
    raw : Value
        What came in; numbers are float64.
    """

    codec: ColumnCodec
    values: Value
    missing: Value
    raw: Value

    @property
    def missing_level(self) -> int:
        """The level of missing cells; -1 if there were none in fit."""
        level = self.codec.span.missing
        return -1 if level is None else level

    def all_as(self, cell: Any) -> Cells:
        """Return as many cells that are all the same, one of fit's."""
        codec = self.codec
        known = _index(codec, cell) if isinstance(codec, CategoryCodec) else cell
        dtype = self.values.dtype
        values = self.missing.to(dtype) * 0 + self.values.graph.constant(known, dtype)
        return Cells(codec, values, self.missing & ~self.missing, self.raw)


def input_type(codec: ColumnCodec) -> tuple[np.dtype, str | None]:
    """Return the type of a column's input, and the unit of dates and durations."""
    if isinstance(codec, TimestampCodec):
        return WHOLE, codec.unit
    if not isinstance(codec, CategoryCodec) or codec.span.kind == BOOLEAN:
        return FLOAT, None
    labels = codec.labels.tolist()
    if codec.labels.dtype.kind in "mM":
        return WHOLE, np.datetime_data(codec.labels.dtype)[0]
    if not codec.is_packed and all(isinstance(label, str) for label in labels):
        return TEXT, None
    kinds = {is_bool(label) for label in labels}
    if not codec.is_packed and all(map(is_number, labels)) | (kinds == {True}) and len(kinds) == 1:
        return FLOAT, None
    types = sorted({type(label).__name__ for label in labels})
    raise ValueError(
        f"Column {codec.span.name!r} has categories of type {', '.join(types)}, which ONNX has no "
        "tensors of; make them text before fit."
    )


def read_cells(graph: Graph, codec: ColumnCodec, raw: Value) -> Cells:
    """Return the cells of a column, given its input (n, 1)."""
    if isinstance(codec, CategoryCodec):
        if codec.span.kind == BOOLEAN:
            false, true = (_index(codec, label) for label in (False, True))
            where = raw.equals(0.0)
            index = graph.where(where, false, graph.constant(true))
            return Cells(codec, index, raw.is_nan(), raw)
        if raw.dtype == TEXT:
            index = _index_of_text(codec, raw)
            return Cells(codec, index.at_least(UNSEEN), index.equals(MISSING), raw)
        return Cells(codec, _index_of_numbers(codec, raw), _is_missing(raw), raw)
    return Cells(codec, raw, _is_missing(raw), raw)


def _is_missing(raw: Value) -> Value:
    return raw.is_nan() if raw.dtype == FLOAT else raw.equals(NAT)


def _index(codec: CategoryCodec, label: Any) -> int:
    return codec._indices.get(codec._key(label), UNSEEN)


def _index_of_text(codec: CategoryCodec, raw: Value) -> Value:
    labels = codec.labels.tolist()
    known = dict(zip(labels, range(len(labels)), strict=True))
    known.setdefault("", MISSING)
    return raw.graph.lookup(raw, known, UNSEEN)


def _index_of_numbers(codec: CategoryCodec, raw: Value) -> Value:
    labels = codec.labels
    labels = labels.view(np.int64) if labels.dtype.kind in "mM" else labels.astype(raw.dtype)
    order = np.argsort(labels, kind="stable")
    place = (raw.graph.n_not_above(raw, [labels[order]]) - 1).at_least(0)
    known = raw.graph.gather(labels[order], place).equals(raw)
    return raw.graph.where(known, raw.graph.gather(order.astype(np.int64), place), UNSEEN)


# ------------------------------------------------------------------------- levels


def levels(graph: Graph, table: Sequence[Cells]) -> Value:
    """Return the level of each cell, (n, n_columns), int64; -1 if it has none."""
    found: dict[int, Value] = {}
    for kind in (FLOAT, WHOLE):
        own = [
            j
            for j, cells in enumerate(table)
            if isinstance(cells.codec, AxisCodec) and cells.values.dtype == kind
        ]
        if own:
            values = graph.concat([table[j].values for j in own])
            block = graph.n_not_above(values, [level_edges(table[j].codec) for j in own])
            found |= {j: block.slice(i, i + 1) for i, j in enumerate(own)}
    for j, cells in enumerate(table):
        if isinstance(cells.codec, CategoryCodec):
            found[j] = _levels_of_labels(graph, cells)
        elif isinstance(cells.codec, EmptyCodec):
            found[j] = cells.missing.to(WHOLE) * 0 - 1
    ordered = graph.concat([found[j] for j in range(len(table))])
    missing = graph.concat([cells.missing for cells in table])
    return graph.where(missing, [cells.missing_level for cells in table], ordered)


def _levels_of_labels(graph: Graph, cells: Cells) -> Value:
    codec = cells.codec
    assert isinstance(codec, CategoryCodec)
    joins = codec.handle_unknown == INFREQUENT and codec.group is not None
    unseen = codec.group if joins and codec.group is not None else -1
    return graph.gather(np.append(unseen, codec.level_of).astype(np.int64), cells.values + 1)


def level_edges(codec: ColumnCodec) -> np.ndarray:
    """Return where levels after the first begin: the least values that are of these.

    Found by halving, with what finds levels in Python, so that both agree on every number.
    """
    assert isinstance(codec, AxisCodec)
    n_levels = len(codec.axis.low)
    below = np.arange(n_levels - 1)
    if codec.axis.values.dtype == np.int64 and not isinstance(codec, NumberCodec):
        low, high = codec.axis.high[:-1], codec.axis.low[1:]
        return _first_above(codec.axis.levels, low, high, below)
    exact = getattr(codec, "exact", None)

    def level_of(keys: np.ndarray) -> np.ndarray:
        values = _as_floats(keys)
        return codec.axis.levels(values if exact is None else exact.indices(values.tolist()))

    assert codec.span.low is not None
    assert codec.span.high is not None
    low, high = codec.span.high[: n_levels - 1], codec.span.low[1:n_levels]
    most = _as_keys(np.array([np.finfo(np.float64).max]))[0]
    # Numbers of other types may lie beside the floats that stand for them.
    ends = (_as_keys(low) - 4).clip(-most, most), (_as_keys(high) + 4).clip(-most, most)
    return _as_floats(_first_above(level_of, *ends, below))


def _first_above(
    level_of: Callable[[np.ndarray], np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    below: np.ndarray,
) -> np.ndarray:
    """Return the least whole numbers from low to high whose levels are above those given."""
    for _ in range(64 if len(below) else 0):
        middle = (low & high) + ((low ^ high) >> 1)  # a mean that does not overflow
        above = level_of(middle) > below
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high


def _as_keys(values: np.ndarray) -> np.ndarray:
    """Return whole numbers that are in the order of floats, without gaps."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, -(bits & np.iinfo(np.int64).max), bits)


def _as_floats(keys: np.ndarray) -> np.ndarray:
    negative = np.ascontiguousarray(np.where(keys < 0, -keys, 0)).view(np.float64)
    return np.where(keys < 0, -negative, np.ascontiguousarray(keys).view(np.float64))


def digits_of(graph: Graph, found: Value, layout: Any) -> Value:
    """Return levels (n, n_columns) as digits (n, n_digits); -1 for those of unknown cells."""
    if layout.n_digits == layout.n_columns:
        return found
    divisors = np.concatenate(
        [np.cumprod((1, *span.digits[:0:-1]))[::-1] for span in layout.spans]
    ).astype(np.int64)
    of_digit = graph.gather(found, layout.column_of_digit, axis=1)
    digits = (of_digit.at_least(0) / divisors) % layout.digit_sizes
    return graph.where(of_digit < 0, -1, digits)


def label_check(columns: Sequence[Any]) -> list[str]:
    """Return the names of columns as text; raise if two are the same, or one is missing."""
    names = [str(label) for label in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    empty = any(is_missing(label) or not str(label) for label in columns)
    if twice is not None or empty:
        what = "is the name of no column" if empty else f"{twice!r} is the name of several columns"
        raise ValueError(f"Inputs of ONNX have names of their own, and {what}; rename them.")
    return names
