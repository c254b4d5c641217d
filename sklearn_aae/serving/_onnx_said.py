"""Columns that a model reads by rules, in a graph of ONNX: what the others leave open of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from sklearn_aae.autoencoder._rules import RuledLevelsReader
from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec
from sklearn_aae.rules import Product
from sklearn_aae.rules._base import as_units, decimals_of
from sklearn_aae.rules._reexpression import EXPECTED, Computed, Gap, Lookup, Step
from sklearn_aae.serving._onnx_columns import UNSEEN, Cells, read_cells
from sklearn_aae.serving._onnx_graph import FLOAT, Graph, Value
from sklearn_aae.serving._onnx_rule_kinds import (
    HALF,
    NoCounterpartError,
    Operand,
    Table,
    added,
    determined,
    places,
    rounding,
    sum_of_numbers,
)
from sklearn_aae.serving._onnx_tables import Inputs


def said_cells(inputs: Inputs, reader: RuledLevelsReader) -> list[Cells]:
    """Return the cells of columns, with others in place of those that follow from rules."""
    names, codecs = reader.words.names, list(reader.encoder._codecs)
    steps = reader.words.steps
    own = list(codecs)
    for step in steps:
        own[names.index(step.target)] = reader.keeper.codecs.codecs[step.target]
    cells = inputs.cells(reader.encoder, own)
    table = dict(zip(names, map(inputs.operand, cells), strict=True))
    for step in steps:
        j = names.index(step.target)
        try:
            cells[j] = _said(inputs.graph, step, codecs[j], table)
        except NoCounterpartError as error:
            raise ValueError(
                f"the model reads the column {step.target!r} by the rule '{step.rule}', which "
                "cannot be exported to ONNX. Fit with rules=None."
            ) from error
    return cells


def _said(graph: Graph, step: Step, codec: ColumnCodec, table: Table) -> Cells:
    cells = [table[name] for name in step.rule.columns]
    if isinstance(step, Lookup):
        return _looked_up(graph, step, codec, cells)
    missing = cells[0].missing
    for other in cells[1:]:
        missing = missing | other.missing
    assert isinstance(step, (Computed, Gap))
    left = _times(step, cells) if cells[0].unit is not None else _numbers(step, cells)
    return read_cells(graph, codec, graph.where(missing, np.nan, left))


def _looked_up(graph: Graph, step: Lookup, codec: ColumnCodec, cells: list[Operand]) -> Cells:
    """Return whether cells are as expected, or what they are."""
    if not isinstance(codec, CategoryCodec):
        raise NoCounterpartError
    target = cells[-1]
    known, same = determined(step.rule, cells)
    labels = [EXPECTED, *step.others]
    index = np.array([UNSEEN, *(codec._indices.get(codec._key(label), UNSEEN) for label in labels)])
    # Levels of fit where fit never had them are as expected.
    keys = dict.fromkeys(step.natives, 0) | {
        level: place for place, level in enumerate(step.others.values(), 1)
    }
    other = graph.gather(index, places(target, keys) + 1)
    return Cells(codec, graph.where(known & same, index[1], other), target.missing, target.raw)


def _numbers(step: Computed | Gap, cells: list[Operand]) -> Value:
    """Return what is left over in units of the last decimal, as in training."""
    scale = 10.0**step.decimals
    if isinstance(step.rule, Product):
        product, first, second = (cell.raw for cell in cells)
        exact = first * second
        slack = product.abs().at_least(exact.abs()) * (rounding(cells) * scale)
        rounded = exact.graph.op("Floor", exact * scale + slack + 0.5)
        return _settled(product * scale - rounded, slack)
    scale = 1.0 if isinstance(step, Gap) and step.is_fine else scale
    total, largest = sum_of_numbers(_terms(step, cells))
    if isinstance(step, Computed) and len(step.rule.amounts) == 1:
        total = total - float(step.rule.amounts[0])
    return _settled(total * scale, largest * (rounding(cells) * len(cells) * scale))


def _settled(units: Value, slack: Value) -> Value:
    """Return numbers, whole ones where only rounding keeps them from being that."""
    nearest = units.round()
    return units.graph.where((units - nearest).abs() <= slack, nearest, units)


def _times(step: Computed | Gap, cells: list[Operand]) -> Value:
    """Return the same of dates and durations."""
    amounts: Sequence[Decimal] = step.rule.amounts if isinstance(step, Computed) else ()
    exact, roughly, decimals = added(_terms(step, cells), max(step.decimals, decimals_of(amounts)))
    if len(amounts) == 1:
        units = as_units(amounts[0], decimals)
        exact, roughly = exact - units, roughly - float(units)
    left = exact.graph.where(roughly.abs() < HALF, exact.to(FLOAT), roughly)
    return left / 10.0 ** (decimals - step.decimals)


def _terms(step: Computed | Gap, cells: list[Operand]) -> Sequence[tuple[int, Operand]]:
    if isinstance(step, Gap):
        return [(-1, cells[0]), (1, cells[1])]
    return [(sign, cell) for (sign, _), cell in zip(step.rule.terms, cells, strict=True)]
