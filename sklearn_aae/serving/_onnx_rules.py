"""Rules that a detector minds, and what broken ones say of columns, in a graph of ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sklearn_aae.detection._rules import RuledReader
from sklearn_aae.rules import Bounds, Order, Presence
from sklearn_aae.serving._onnx_graph import FLOAT, TRUTH, WHOLE, Graph, Value

#: Numbers that differ by less than this share of them differ by rounding.
ROUNDING = 1e-12


class Operand(NamedTuple):
    """A column as rules compare it: cells (n, 1), where they are missing, and a unit of time."""

    values: Value
    missing: Value
    unit: str | None = None


def rule_cells(graph: Graph, reader: RuledReader, columns: Sequence[Operand]) -> Value:
    """Return what broken rules say of columns, (n, n_columns), in nats."""
    unknown = [rule for rule in reader.rules if not isinstance(rule, (Bounds, Order, Presence))]
    if unknown:
        raise ValueError(
            "the detector minds rules that cannot be exported to ONNX: "
            f"{'; '.join(map(str, unknown))}. Fit with rules=None, or with a list of Bounds, Order "
            "and Presence."
        )
    table = dict(zip(reader.names, columns, strict=True))
    broken = graph.concat([_broken(graph, rule, table) for rule in reader.rules]).to(FLOAT)
    none = broken.slice(0, 1) * np.zeros((1, len(reader.names)))
    some = broken.reshape(-1).reduce("Max", 0) > 0.0
    return graph.branch(some, lambda: _shares(graph, reader, broken), none)


def _shares(graph: Graph, reader: RuledReader, broken: Value) -> Value:
    """Return how broken rules (n, n_rules) share out what they say, as ``RuledReader`` does."""
    about, evidence = reader.about, reader.evidence
    n_rules, n_columns = about.shape
    shares = broken.slice(0, 1) * np.zeros((1, n_columns))
    for _ in range(min(n_rules, n_columns)):
        # The cell that would explain most of what is broken.
        says = (broken * evidence) @ about
        cell = graph.op("ArgMax", says, dtype=WHOLE, axis=1)
        of_cell = broken * graph.gather(about.T, cell.narrower(1))
        together = of_cell @ about
        most = (of_cell * evidence).reduce("Max", 1, keep=True)
        total = together.reduce("Sum", 1, keep=True).at_least(1.0)
        shares = shares + together * most / total
        broken = broken - of_cell
    return shares


def _broken(graph: Graph, rule: Any, table: Mapping[Any, Operand]) -> Value:
    """Return which rows break a rule, (n, 1)."""
    cells = [table[name] for name in rule.columns]
    if isinstance(rule, Presence):
        column, given = (one.missing for one in cells)
        return ~column & (given if rule.when_missing else ~given)
    missing = cells[0].missing
    for other in cells[1:]:
        missing = missing | other.missing
    found = _outside(rule, cells[0]) if isinstance(rule, Bounds) else _unordered(rule, *cells)
    return found & ~missing


def _outside(rule: Bounds, cells: Operand) -> Value:
    values = cells.values
    if values.dtype != FLOAT:
        raise _of_times(rule)
    slack = values.abs() * ROUNDING
    broken = values.graph.constant(np.zeros((1, 1)), TRUTH) & values.is_nan()
    low, high = rule.ends
    if low is not None:
        broken = broken | (values + slack < float(low))
    if high is not None:
        broken = broken | (values - slack > float(high))
    grids = [(1.0, 0.0)] if rule.whole else []
    step, origin = rule.grid
    if step is not None:
        grids.append((float(step), float(origin)))
    for width, start in grids:
        steps = (values - start) / width
        broken = broken | ((steps - steps.round()).abs() > (slack / width).at_least(ROUNDING))
    return broken


def _unordered(rule: Order, low: Operand, high: Operand) -> Value:
    first, second = low.values, high.values
    if first.dtype != second.dtype or low.unit != high.unit:
        raise _of_times(rule)
    if first.dtype == FLOAT:
        slack = first.abs().at_least(second.abs()) * ROUNDING
        second = second - slack if rule.strict else second + slack
    return ~(first < second) if rule.strict else first > second


def _of_times(rule: Any) -> ValueError:
    return ValueError(
        f"the detector minds the rule '{rule}', about dates or durations of several units, which "
        "cannot be exported to ONNX. Fit with rules=None."
    )
