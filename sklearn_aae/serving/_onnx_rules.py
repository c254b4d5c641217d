"""Rules that a detector minds, and what broken ones say of columns, in a graph of ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_aae.detection._rules import RuledReader
from sklearn_aae.serving._onnx_graph import FLOAT, WHOLE, Graph, Value
from sklearn_aae.serving._onnx_rule_kinds import NoCounterpartError, Operand, broken_by


def rule_cells(graph: Graph, reader: RuledReader, columns: Sequence[Operand]) -> Value:
    """Return what broken rules say of columns, (n, n_columns), in nats."""
    table = dict(zip(reader.names, columns, strict=True))
    found, unknown = [], []
    for rule in reader.rules:
        try:
            found.append(broken_by(rule, table))
        except NoCounterpartError:
            unknown.append(rule)
    if unknown:
        raise ValueError(
            "the detector minds rules that cannot be exported to ONNX: "
            f"{'; '.join(map(str, unknown))}. Fit with rules=None, or with a list of other rules."
        )
    broken = graph.concat(found).to(FLOAT)
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
