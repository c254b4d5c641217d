"""Models, classifiers and clusterers in a graph of ONNX."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from sklearn_aae.autoencoder._rules import RuledLevelsReader
from sklearn_aae.autoencoder._unknown import HIDDEN_SHARE, N_ROUNDS, N_ROUNDS_IF_HIDDEN
from sklearn_aae.categories._base import embedding_of, heads_of
from sklearn_aae.encoding import LevelsReader, NumbersReader
from sklearn_aae.serving._onnx_columns import digits_of, levels
from sklearn_aae.serving._onnx_graph import FLOAT, TEXT, TRUTH, WHOLE, Graph, Value
from sklearn_aae.serving._onnx_heads import cell_losses, mean_of_numbers
from sklearn_aae.serving._onnx_networks import code, network, to_decoder
from sklearn_aae.serving._onnx_said import said_cells
from sklearn_aae.serving._onnx_tables import Inputs, refuse_errors, scaled, unscaled


class ModelInGraph:
    """What a fitted model says of rows.

    Parameters
    ----------
    inputs : Inputs
        Where the rows come from.
    model : AdversarialAutoencoder
        The model.
    """

    def __init__(self, inputs: Inputs, model: Any) -> None:
        refuse_errors(model)
        self.graph: Graph = inputs.graph
        self.model, self.module = model, model.net_.module_
        #: Where numbers are missing in columns that had none missing in fit.
        self.unknown: Value | None = None
        hidden = model._identifiers
        inputs.identifiers = {j: hidden.first[j] for j in hidden.found}
        #: How wide a row is on the network's scale.
        self.width = len(model._reader.scale.spread_)
        self.rows = self._read(inputs, model._reader)

    def _read(self, inputs: Inputs, reader: Any) -> Value:
        """Return rows on the network's scale."""
        if isinstance(reader, LevelsReader):
            if isinstance(reader, RuledLevelsReader):
                table = said_cells(inputs, reader)
            else:
                table = inputs.cells(reader.encoder)
            found = levels(self.graph, table)
            return digits_of(self.graph, found, reader.encoder.layout_)
        assert isinstance(reader, NumbersReader)
        rows = inputs.numbers(reader.container.columns, reader.n_columns)
        scale = reader.scale
        if scale.holed_.all():
            return scaled(scale, rows)
        self.unknown = rows.is_nan() & ~self.graph.constant(np.atleast_2d(scale.holed_))
        some = self.unknown.to(WHOLE).reshape(-1).reduce("Max", 0).equals(1)
        return scaled(scale, self.graph.branch(some, lambda: self._settled(rows), rows))

    def _settled(self, rows: Value) -> Value:
        """Return rows with what the model expects where numbers are unknown."""
        assert self.unknown is not None
        scale, filled = self.model._reader.scale, self.graph.where(self.unknown, 0.0, rows)
        filled = self.graph.where(self.unknown, scale.mean_, filled)
        used_to = scale.missing_.mean() >= HIDDEN_SHARE
        for _ in range(N_ROUNDS_IF_HIDDEN if used_to else N_ROUNDS):
            x = scaled(scale, filled)
            params = self._likeliest(code(self.module, x, self.width), x)[0]
            back = unscaled(scale, mean_of_numbers(self.module.head, params))
            filled = self.graph.where(self.unknown, back, filled)
        return filled

    @cached_property
    def _code(self) -> Value:
        """Codes, float32 of levels."""
        return code(self.module, self.rows, self.width)

    @cached_property
    def code(self) -> Value:
        """Codes, float64."""
        return self._code.to(FLOAT)

    @cached_property
    def losses(self) -> Value:
        """The loss of each cell; 0 of unknown ones."""
        losses = self._likeliest(self._code, self.rows, self.unknown)[1]
        return losses if self.unknown is None else self.graph.where(self.unknown, 0.0, losses)

    def _likeliest(self, z: Value, x: Value, unknown: Value | None = None) -> tuple[Value, Value]:
        """Return what is decoded, and its losses, given the class that explains a row best."""
        z = to_decoder(self.module, z)
        if not self.module.decodes_labels:
            params = network(self.module.decoder, z, self.module.n_components)
            return params, cell_losses(self.module.head, params, x)
        best: tuple[Value, Value] | None = None
        least: Value | None = None
        conditioning = self.module.conditioning
        width = self.module.n_components + conditioning.width
        for label in np.eye(conditioning.width)[: conditioning.n_classes]:
            with_label = self.graph.concat([z, z.slice(0, 1) * 0.0 + label[None]])
            params = network(self.module.decoder, with_label, width)
            losses = cell_losses(self.module.head, params, x)
            known = losses if unknown is None else self.graph.where(unknown, 0.0, losses)
            total = known.reduce("Sum", 1, keep=True)
            if best is None or least is None:
                best, least = (params, losses), total
                continue
            better = total < least
            best = (
                self.graph.where(better, params, best[0]),
                self.graph.where(better, losses, best[1]),
            )
            least = total.at_most(least)
        assert best is not None
        return best

    def outputs(self, name: str) -> tuple[Value, list[int | str]]:
        """Return an output by the name of the method that gives it, and its shape."""
        if name == "transform":
            single = self.model._reader.is_mixed or self.model._reader.dtype == np.float32
            return self.code.to(np.float32 if single else FLOAT), ["n", self.module.n_components]
        if name == "score_contributions":
            return self.losses, ["n", self.model.n_features_in_]
        return -self.losses.reduce("Sum", 1), ["n"]


class HeadsInGraph:
    """What a fitted classifier or clusterer says of rows.

    Parameters
    ----------
    inputs : Inputs
        Where the rows come from.
    estimator : AAEClassifier or AAEClusterer
        The estimator.
    """

    def __init__(self, inputs: Inputs, estimator: Any) -> None:
        self.estimator, self.graph = estimator, inputs.graph
        refuse_errors(estimator)
        self.model = ModelInGraph(inputs, estimator.estimator_)
        self.heads = heads_of(estimator.estimator_)

    @cached_property
    def probabilities(self) -> Value:
        """Probabilities of the categories, in the order of ``predict_proba``."""
        code = self.model.code
        if self.heads is None:
            return code.slice(0, 1) * 0.0 + 1.0
        return self._ordered(code.slice(0, self.heads.n_categories))

    def _ordered(self, probabilities: Value) -> Value:
        columns = self.estimator._columns()
        if isinstance(columns, slice):
            return probabilities
        return self.graph.gather(probabilities, np.asarray(columns), axis=1)

    def outputs(self, name: str) -> tuple[Value, list[int | str]]:
        """Return an output by the name of the method that gives it, and its shape."""
        if name == "transform":
            return self._transform()
        if name == "predict_proba":
            n = 1 if self.heads is None else self.heads.n_categories
            return self.probabilities, ["n", n]
        best = self.graph.op("ArgMax", self.probabilities, dtype=WHOLE, axis=1, keepdims=0)
        classes = getattr(self.estimator, "classes_", None)
        if classes is None:
            return best, ["n"]
        return self.graph.gather(_labels(classes), best), ["n"]

    def _transform(self) -> tuple[Value, list[int | str]]:
        code, width = self.model.code, self.model.module.n_components
        if self.heads is None:
            return code, ["n", width]
        k = self.heads.n_categories
        style = code.slice(k, width)
        if self.heads.head_distance is None:
            return self.graph.concat([self.probabilities, style]), ["n", width]
        embedding = embedding_of(self.estimator.estimator_)
        return code.slice(0, k) @ embedding + style, ["n", width - k]


def _labels(classes: np.ndarray) -> np.ndarray:
    """Return class labels as ONNX has them: whole numbers, floats, truths or text."""
    if classes.dtype.kind in "iu":
        return classes.astype(WHOLE)
    if classes.dtype.kind in "fb":
        return classes.astype(FLOAT if classes.dtype.kind == "f" else TRUTH)
    if not all(isinstance(label, str) for label in classes.tolist()):
        raise ValueError(
            f"classes of type {type(classes[0]).__name__} cannot be exported to ONNX, which knows "
            "numbers, booleans and text; leave out 'predict' and take the largest probability."
        )
    return classes.astype(TEXT)
