"""What goes into a graph of ONNX: a table of numbers, or columns of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_aae.encoding import Scaler, TableEncoder
from sklearn_aae.encoding._category_columns import ERROR
from sklearn_aae.encoding._codec import ColumnCodec
from sklearn_aae.serving._onnx_columns import Cells, input_type, label_check, read_cells
from sklearn_aae.serving._onnx_graph import FLOAT, SINGLE, Graph, Value
from sklearn_aae.serving._onnx_quantiles import from_normal_scores, normal_scores
from sklearn_aae.serving._onnx_rule_kinds import Operand


class Inputs:
    """The inputs of a graph, and what the metadata say of them.

    Parameters
    ----------
    graph : Graph
        What is written.
    number_type : dtype
        Of inputs that are numbers.
    """

    def __init__(self, graph: Graph, number_type: np.dtype) -> None:
        self.graph, self.number_type = graph, number_type
        #: The one cell that stands for all of each column of identifiers, by position.
        self.identifiers: dict[int, Any] = {}
        #: Name, kind and, of dates and durations, unit of each column.
        self.columns: list[dict[str, Any]] = []

    def numbers(self, names: tuple[Any, ...], n_columns: int) -> Value:
        """Return a table of numbers (n, n_columns), float64: an array, or a column each."""
        if not names:
            self.columns = [{"name": str(j), "kind": "number"} for j in range(n_columns)]
            return self.graph.input("X", self.number_type, n_columns).to(FLOAT)
        read = []
        for j, name in enumerate(label_check(names)):
            self.columns.append({"name": name, "kind": "number"})
            raw = self.graph.input(name, self.number_type, 1)
            if j in self.identifiers:
                same = self.graph.constant(self.identifiers[j], self.number_type)
                raw = self.graph.where(raw.is_nan(), same, same)
            read.append(raw)
        return self.graph.concat(read).to(FLOAT)

    def cells(
        self, encoder: TableEncoder, codecs: Sequence[ColumnCodec] | None = None
    ) -> list[Cells]:
        """Return the cells of the columns that an encoder reads; those of arrays are x0, x1...

        Other ``codecs`` than the encoder's say how columns come.
        """
        container, codecs = encoder._container, encoder._codecs if codecs is None else codecs
        names = container.columns or [f"x{j}" for j in range(len(codecs))]
        table = []
        for j, (name, codec) in enumerate(zip(label_check(names), codecs, strict=True)):
            dtype, unit = input_type(codec)
            own: dict[str, Any] = {"name": name, "kind": codec.span.kind}
            self.columns.append(own if unit is None else {**own, "unit": unit})
            dtype = self.number_type if dtype == FLOAT else dtype
            raw = self.graph.input(name, dtype, 1)
            raw = raw.to(FLOAT) if dtype == self.number_type else raw
            cells = read_cells(self.graph, codec, raw)
            table.append(cells.all_as(self.identifiers[j]) if j in self.identifiers else cells)
        return table

    def operand(self, cells: Cells) -> Operand:
        """Return a column as rules compare it."""
        codec = cells.codec
        coarse = SINGLE in (getattr(codec, "storage", None), self.number_type)
        return Operand(cells.raw, cells.missing, input_type(codec)[1], coarse, codec.span.kind)


def refuse_errors(estimator: Any) -> None:
    """Raise if an estimator raises for cells that fit did not see: a graph cannot."""
    for name in ("handle_unknown", "handle_missing"):
        if getattr(estimator, name, None) == ERROR:
            raise ValueError(
                f"{type(estimator).__name__}({name}='error') raises for cells that fit did not "
                f"see, which a graph of ONNX cannot; fit with another {name}."
            )


def scaled(scale: Scaler, rows: Value) -> Value:
    """Return rows of numbers on the network's scale, with flags of missing cells behind them."""
    graph, missing = rows.graph, rows.is_nan()
    numbers = _numbers(scale, graph.where(missing, scale.mean_, rows))
    if not scale.holed_.any():
        return numbers
    flags = graph.gather(missing, np.flatnonzero(scale.holed_), axis=1)
    return graph.concat([numbers, flags.to(FLOAT)])


def _numbers(scale: Scaler, rows: Value) -> Value:
    if scale.kind is None:
        return rows
    plain = (rows - _wide(scale.shift_)) / _wide(scale.scale_)
    if scale.transformer_ is None:
        return plain
    constant = rows.graph.constant(scale.constant_[None])
    return rows.graph.where(constant, plain, normal_scores(scale.transformer_, rows))


def unscaled(scale: Scaler, numbers: Value) -> Value:
    """Return numbers on the table's own scale."""
    if scale.kind is None:
        return numbers
    plain = numbers * _wide(scale.scale_) + _wide(scale.shift_)
    if scale.transformer_ is None:
        return plain
    constant = numbers.graph.constant(scale.constant_[None])
    return numbers.graph.where(constant, plain, from_normal_scores(scale.transformer_, numbers))


def _wide(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)
