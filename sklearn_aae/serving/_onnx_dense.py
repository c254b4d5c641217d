"""Columns as the numbers that a TableEncoder and a detector make of them, in a graph of ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import EmptyCodec
from sklearn_aae.encoding._columns import BOOLEAN
from sklearn_aae.encoding._datetime_columns import TimestampCodec, per_unit
from sklearn_aae.encoding._detector_features import is_of_singles, marked
from sklearn_aae.encoding._number_columns import LARGEST, NumberCodec
from sklearn_aae.serving._onnx_columns import UNSEEN, Cells, _levels_of_labels
from sklearn_aae.serving._onnx_graph import FLOAT, SINGLE, WHOLE, Graph, Value

#: Days before 1970 in the calendar that begins on the 1st of March of year 0, and days of its eras.
EPOCH, ERA = 719468, 146097


def dense(graph: Graph, table: Sequence[Cells], *, marks: bool = False) -> Value:
    """Return columns as the numbers of a TableEncoder, float64 of what float32 holds.

    With ``marks`` what fit did not see is NaN, as a detector has it; else it is zeros.
    """
    blocks: list[Value] = []
    places: list[int] = []
    edges = np.cumsum([0, *(len(cells.codec.feature_names("")) for cells in table)])
    numbers = [j for j, cells in enumerate(table) if isinstance(cells.codec, NumberCodec)]
    if numbers:
        blocks.append(_numbers(graph, [table[j] for j in numbers], marks))
        places += edges[numbers].tolist()
    for j, cells in enumerate(table):
        start, stop = int(edges[j]), int(edges[j + 1])
        if cells.codec.span.missing is not None and not isinstance(cells.codec, EmptyCodec):
            blocks.append(cells.missing.to(FLOAT))
            places.append(stop - 1)
            stop -= 1
        if j not in numbers:
            blocks.append(_block(graph, cells, marks))
            places += range(start, stop)
    order = np.argsort(places)
    together = graph.concat(blocks).to(SINGLE).to(FLOAT)
    if (order == np.arange(len(order))).all():
        return together
    return graph.gather(together, order, axis=1)


def _numbers(graph: Graph, table: Sequence[Cells], marks: bool) -> Value:
    """Return standardised numbers of all columns that hold some."""
    codecs = [cells.codec for cells in table if isinstance(cells.codec, NumberCodec)]
    for codec in codecs:
        if codec.exact is not None:
            raise ValueError(
                f"Column {codec.span.name!r} has numbers that float64 does not hold, and these "
                "have no input in ONNX; make them float64 before fit."
            )
    centre = np.array([codec.centre for codec in codecs])
    scale = np.array([codec.scale for codec in codecs])
    values = graph.concat([cells.values for cells in table])
    missing = values.is_nan()
    # Halves, for the distance of two finite numbers may be infinite.
    scaled = (values * 0.5 - centre / 2) / scale
    scaled = scaled.at_least(-LARGEST / 2).at_most(LARGEST / 2) * 2.0
    new = np.array([codec.span.missing is None for codec in codecs])
    return graph.where(missing, np.where(new & marks, np.nan, 0.0), scaled)


def _block(graph: Graph, cells: Cells, marks: bool) -> Value:
    """Return the numbers of one column of another kind, without its flag of missing cells."""
    codec = cells.codec
    if isinstance(codec, EmptyCodec):
        return graph.where(cells.missing, 1.0, graph.constant(np.nan if marks else 0.0))
    odd = None
    if isinstance(codec, TimestampCodec):
        values = graph.where(cells.missing, codec.axis.values[0], cells.values)
        block = _calendar(graph, codec, values)
    else:
        assert isinstance(codec, CategoryCodec)
        block, odd = _labels(graph, codec, cells)
    fill = np.zeros((1, len(codec.dense_names(""))))
    block = graph.where(cells.missing, fill, block)
    if not marks:
        return block
    if codec.span.missing is None:
        odd = cells.missing if odd is None else odd | cells.missing
    fill[:, marked(codec)] = np.nan
    return block if odd is None else graph.where(odd, fill, block)


def _labels(graph: Graph, codec: CategoryCodec, cells: Cells) -> tuple[Value, Value | None]:
    """Return one-hot labels, or digits of them, and where they are like none of fit's."""
    unseen = cells.values.equals(UNSEEN) & ~cells.missing
    if codec.span.kind == BOOLEAN:
        true = np.append(False, codec.labels.astype(bool)).astype(np.float64)
        return graph.gather(true, cells.values + 1), unseen
    level = _levels_of_labels(graph, cells)
    new = None if is_of_singles(codec) else unseen
    if codec.one_hot:
        return level.equals(np.arange(codec.span.n_present)).to(FLOAT), new
    parts, rest = [], level.at_least(0)
    for size in codec.sizes[::-1]:
        parts.append((rest % size).equals(np.arange(size)).to(FLOAT))
        rest = rest / size
    block = graph.concat(parts[::-1])
    return graph.where(level < 0, 0.0, block), new


def _calendar(graph: Graph, codec: TimestampCodec, values: Value) -> Value:
    """Return calendar digits of timestamps, each on its scale."""
    if codec.clocks is not None:
        raise ValueError(
            f"Column {codec.span.name!r} has dates of several time zones, which have no input in "
            "ONNX; convert them to one before fit."
        )
    day = per_unit("D", codec.unit)
    days, rest = values // day, values % day
    digits = list(_dates(days)) if codec.letter == "M" else [days]
    for unit in codec._units():
        size = per_unit(unit, codec.unit)
        digits.append(rest / size)
        rest = rest % size
    centre, half = np.array(codec.scales).T
    result: Value = (graph.concat(digits).to(FLOAT) - centre) / half
    return result


def _dates(days: Value) -> tuple[Value, Value, Value]:
    """Return year, month and day of days since 1970.

    By eras of 400 years that begin in March, after H. Hinnant, "chrono-compatible low-level date
    algorithms".
    """
    shifted = days + EPOCH
    era = shifted // ERA
    of_era = shifted % ERA
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365
    of_year = of_era - (year * 365 + year / 4 - year / 100)
    march = (of_year * 5 + 2) / 153
    day = of_year - (march * 153 + 2) / 5 + 1
    month = (march + 2) % 12 + 1
    return year + era * 400 + (month <= 2).to(WHOLE), month, day
