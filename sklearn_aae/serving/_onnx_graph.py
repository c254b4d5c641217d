"""A graph of ONNX, written as one writes numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra

#: The sets of operators that graphs are written in, and the format of the file.
OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9

FLOAT, SINGLE, WHOLE = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)
TRUTH, TEXT = np.dtype(bool), np.dtype(object)


class Value:
    """What a node gives: the name that other nodes call it by, and the type of its elements."""

    def __init__(self, graph: Graph, name: str, dtype: np.dtype) -> None:
        self.graph, self.name, self.dtype = graph, name, dtype

    def _with(self, kind: str, other: Any, dtype: np.dtype | None = None) -> Value:
        return self.graph.op(kind, self, other, dtype=dtype)

    def __add__(self, other: Any) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Any) -> Value:
        return self._with("Sub", other)

    def __rsub__(self, other: Any) -> Value:
        return self.graph.op("Sub", self.graph.constant(other, self.dtype), self)

    def __mul__(self, other: Any) -> Value:
        return self._with("Mul", other)

    def __truediv__(self, other: Any) -> Value:
        return self._with("Div", other)

    def __matmul__(self, other: Any) -> Value:
        return self._with("MatMul", other)

    def __mod__(self, other: Any) -> Value:
        return self._with("Mod", other)

    def __floordiv__(self, other: Any) -> Value:
        """Return the quotient of whole numbers, rounded down."""
        result: Value = (self - self % other) / other
        return result

    def __neg__(self) -> Value:
        return self.graph.op("Neg", self)

    def __and__(self, other: Any) -> Value:
        return self._with("And", other)

    def __or__(self, other: Any) -> Value:
        return self._with("Or", other)

    def __invert__(self) -> Value:
        return self.graph.op("Not", self)

    def __lt__(self, other: Any) -> Value:
        return self._with("Less", other, TRUTH)

    def __le__(self, other: Any) -> Value:
        return self._with("LessOrEqual", other, TRUTH)

    def __gt__(self, other: Any) -> Value:
        return self._with("Greater", other, TRUTH)

    def equals(self, other: Any) -> Value:
        """Return where elements are equal."""
        return self._with("Equal", other, TRUTH)

    def to(self, dtype: Any) -> Value:
        """Return elements of another type."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self
        return self.graph.op("Cast", self, dtype=dtype, to=self.graph.element(dtype))

    def reduce(self, kind: str, axis: int, *, keep: bool = False) -> Value:
        """Return ``kind`` ("Sum", "Mean", "Max") over one axis."""
        axes = self.graph.constant([axis], WHOLE)
        return self.graph.op(f"Reduce{kind}", self, axes, keepdims=int(keep))

    def slice(self, start: int, stop: int, axis: int = 1) -> Value:
        """Return a part along one axis."""
        ends = (self.graph.constant([end], WHOLE) for end in (start, stop, axis))
        return self.graph.op("Slice", self, *ends)

    def reshape(self, *shape: int) -> Value:
        """Return elements in another shape: 0 is a length that stays, -1 what is left."""
        return self.graph.op("Reshape", self, self.graph.constant(shape, WHOLE))

    def swap(self, *axes: int) -> Value:
        """Return elements with the axes in another order."""
        return self.graph.op("Transpose", self, perm=list(axes))

    def wider(self, axis: int) -> Value:
        """Return elements with one more axis, of length 1."""
        return self.graph.op("Unsqueeze", self, self.graph.constant([axis], WHOLE))

    def narrower(self, axis: int) -> Value:
        """Return elements without an axis of length 1."""
        return self.graph.op("Squeeze", self, self.graph.constant([axis], WHOLE))

    def at_least(self, low: Any) -> Value:
        """Return elements, or what they are at least."""
        return self._with("Max", low)

    def at_most(self, high: Any) -> Value:
        """Return elements, or what they are at most."""
        return self._with("Min", high)

    def __getattr__(self, name: str) -> Callable[[], Value]:
        """Return a function of one argument: ``exp``, ``log``, ``abs``, ``sqrt``, ``sigmoid``..."""
        if name not in ("exp", "log", "abs", "sqrt", "sigmoid", "tanh", "relu", "sign", "round"):
            raise AttributeError(name)
        return lambda: self.graph.op(name.capitalize(), self)

    def is_nan(self) -> Value:
        """Return where elements are NaN."""
        return self.graph.op("IsNaN", self, dtype=TRUTH)


class Graph:
    """Nodes that are written one after the other, each of values that are there already.

    Attributes
    ----------
    inputs, outputs : list
        What goes in and comes out, as ONNX describes it.
    nodes : list
        The nodes of the graph, or of the branch that is being written.
    """

    def __init__(self) -> None:
        self.onnx = import_extra("onnx", "onnx")
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._constants: dict[tuple[Any, ...], Value] = {}
        self._n = 0

    def element(self, dtype: np.dtype) -> int:
        """Return ONNX's number for a type."""
        if dtype == TEXT:
            return int(self.onnx.TensorProto.STRING)
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def new_name(self) -> str:
        """Return a name that no column has: columns are not called so."""
        self._n += 1
        return f"\u00b7{self._n}"

    def input(self, name: str, dtype: np.dtype, width: int) -> Value:
        """Return an input of shape (n, width)."""
        info = self.onnx.helper.make_tensor_value_info(name, self.element(dtype), ["n", width])
        self.inputs.append(info)
        return Value(self, name, dtype)

    def output(self, name: str, value: Value, shape: Sequence[int | str]) -> None:
        """Give a value out under a name."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value.name], [name]))
        info = self.onnx.helper.make_tensor_value_info(name, self.element(value.dtype), shape)
        self.outputs.append(info)

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """Return a value that is always the same."""
        array = np.asarray(array, dtype=dtype)
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self._constants:
            name = self.new_name()
            self.initializers[name] = self.onnx.numpy_helper.from_array(array, name)
            self._constants[key] = Value(self, name, array.dtype)
        return self._constants[key]

    def op(
        self,
        kind: str,
        *inputs: Any,
        dtype: np.dtype | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> Value:
        """Return what a node gives; numbers among its inputs are of the type of the first one.

        The result is of that type too, unless ``dtype`` says otherwise.
        """
        own = inputs[0].dtype
        given = [x if isinstance(x, Value) else self.constant(x, own) for x in inputs]
        value = Value(self, self.new_name(), own if dtype is None else dtype)
        names = [one.name for one in given]
        node = self.onnx.helper.make_node(kind, names, [value.name], domain=domain, **attributes)
        self.nodes.append(node)
        return value

    def where(self, condition: Value, one: Any, other: Any) -> Value:
        """Return ``one`` where a condition holds, else ``other``; at least one is a value."""
        dtype = one.dtype if isinstance(one, Value) else other.dtype
        parts = [x if isinstance(x, Value) else self.constant(x, dtype) for x in (one, other)]
        return self.op("Where", condition, *parts, dtype=dtype)

    def concat(self, values: Sequence[Value], axis: int = 1) -> Value:
        """Return values side by side."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def gather(self, table: Any, index: Any, axis: int = 0) -> Value:
        """Return entries of a table along an axis, by index."""
        table = table if isinstance(table, Value) else self.constant(table)
        index = index if isinstance(index, Value) else self.constant(index, WHOLE)
        return self.op("Gather", table, index, axis=axis)

    def lookup(self, text: Value, places: Mapping[str, int], other: int) -> Value:
        """Return the whole number that stands for each text, another one for other text."""
        return self.op(
            "LabelEncoder",
            text,
            dtype=WHOLE,
            domain="ai.onnx.ml",
            keys_strings=list(places),
            values_int64s=list(places.values()),
            default_int64=other,
        )

    def n_not_above(self, values: Value, edges: Sequence[np.ndarray]) -> Value:
        """Return how many of a column's sorted edges are not above each of its values (n, k).

        All columns are searched at once, by halving.
        """
        counts = np.array([len(own) for own in edges])
        if not counts.any():
            return (values < values).to(WHOLE)
        steps = [2**i for i in reversed(range(int(counts.max()).bit_length()))]
        size = 2 * steps[0] - 1
        last = np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).max
        table = np.full((len(edges), size), last, dtype=values.dtype)
        for padded, own in zip(table, edges, strict=True):
            padded[: len(own)] = own
        first = np.arange(len(edges), dtype=np.int64) * size
        found = (self.constant(table[:, steps[0] - 1]) <= values).to(WHOLE) * steps[0]
        for step in steps[1:]:
            probe = self.gather(table.ravel(), found + (first + step - 1))
            found = found + (probe <= values).to(WHOLE) * step
        # What pads the edges is not above infinity.
        result: Value = found.at_most(counts)
        return result

    def branch(self, condition: Value, then: Callable[[], Value], otherwise: Value) -> Value:
        """Return what ``then`` writes if a condition (a single truth) holds, else a value."""
        helper, outer = self.onnx.helper, self.nodes
        bodies = []
        for write in (then, lambda: self.op("Identity", otherwise)):
            self.nodes = []
            result = write()
            info = helper.make_tensor_value_info(result.name, self.element(result.dtype), None)
            bodies.append(helper.make_graph(self.nodes, "branch", [], [info]))
        self.nodes = outer
        return self.op(
            "If",
            condition,
            dtype=otherwise.dtype,
            then_branch=bodies[0],
            else_branch=bodies[1],
        )

    def model(self, metadata: dict[str, str], producer: str, version: str) -> Any:
        """Return the graph as ONNX's model, checked; without what no output needs."""
        helper = self.onnx.helper
        nodes, needed = _needed(self.nodes, {output.name for output in self.outputs})
        constants = [own for name, own in self.initializers.items() if name in needed]
        graph = helper.make_graph(nodes, "sklearn_aae", self.inputs, self.outputs, constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*item) for item in OPSETS.items()],
            ir_version=IR_VERSION,
            producer_name=producer,
            producer_version=version,
        )
        helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model)
        return model


def _needed(nodes: Sequence[Any], names: set[str]) -> tuple[list[Any], set[str]]:
    """Return the nodes that some values need, and the names of all values that these need."""
    kept, needed = [], set(names)
    for node in reversed(nodes):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
        for attribute in node.attribute:  # of branches
            needed.update(*(own.input for own in attribute.g.node))
            needed.update(own.name for own in attribute.g.output)
    return kept[::-1], needed
