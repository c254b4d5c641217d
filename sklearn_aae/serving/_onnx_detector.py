"""Detectors in a graph of ONNX: scores, contributions, p-values and flags."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from sklearn_aae.detection._rules import RuledReader
from sklearn_aae.detection.scores._base import LinearScale, LogScale
from sklearn_aae.detection.scores._likelihood import Likelihood, Marginal
from sklearn_aae.detection.scores._mixture import (
    ALL_HEARD,
    AT_LEAST,
    SHARPNESS,
    STEEPNESS,
    Default,
    DistancePart,
    FarPart,
    LossPart,
    Mixture,
)
from sklearn_aae.detection.scores._reconstruction import Reconstruction
from sklearn_aae.encoding import FAR, FARTHEST, Scaler
from sklearn_aae.encoding._detector_readers import GROWTH, IndicatorsReader, PlainReader
from sklearn_aae.encoding._spared import SparingReader
from sklearn_aae.serving._onnx_dense import dense
from sklearn_aae.serving._onnx_graph import FLOAT, SINGLE, WHOLE, Graph, Value
from sklearn_aae.serving._onnx_heads import softplus
from sklearn_aae.serving._onnx_members import MembersInGraph, cells_of, distance_of
from sklearn_aae.serving._onnx_rule_kinds import Operand
from sklearn_aae.serving._onnx_rules import rule_cells
from sklearn_aae.serving._onnx_single import SingleInGraph
from sklearn_aae.serving._onnx_tables import Inputs, refuse_errors
from sklearn_aae.serving._onnx_tables import scaled as scaled_numbers

#: Scores that differ by less than this, relative plus absolute, tie.
TIE = 1e-5


class DetectorInGraph:
    """What a fitted detector says of rows.

    Parameters
    ----------
    inputs : Inputs
        Where the rows come from.
    detector : AAEOutlierDetector
        The detector.
    """

    def __init__(self, inputs: Inputs, detector: Any) -> None:
        refuse_errors(detector)
        detector._known_kind(None)  # what a file left out is not there
        self.graph: Graph = inputs.graph
        self.detector, self.score = detector, detector._scores[detector.kind]
        if type(self.score) not in (Likelihood, Marginal, Reconstruction) and not isinstance(
            self.score, Mixture
        ):
            raise ValueError(
                f"scores of kind={detector.kind!r} cannot be exported to ONNX; fit with "
                "kind='default', 'model', 'reference', 'likelihood', 'marginal' or "
                "'reconstruction'."
            )
        hidden = detector._identifiers
        inputs.identifiers = {j: hidden.first[j] for j in hidden.found}
        reader = detector._reader
        #: The columns, as rules compare them.
        self.operands: list[Operand] = []
        x = self._scaled(inputs, reader.reader if isinstance(reader, RuledReader) else reader)
        of_model = detector.estimator_ is not None
        self.members = (SingleInGraph if of_model else MembersInGraph)(x, detector._model)
        #: What broken rules say of columns, where the score is about that.
        self.rule_cells: Value | None = None
        if isinstance(reader, RuledReader) and isinstance(self.score, Default):
            self.rule_cells = rule_cells(self.graph, reader, self.operands)

    def _scaled(self, inputs: Inputs, reader: Any) -> Value:
        """Return rows on the networks' scale, float64 of what float32 holds."""
        if isinstance(reader, SparingReader):
            return self.graph.gather(self._scaled(inputs, reader.reader), reader.seen, axis=1)
        if isinstance(reader, IndicatorsReader):
            table = inputs.cells(reader.encoder)
            self.operands += [inputs.operand(cells) for cells in table]
            numbers = dense(self.graph, table, marks=True)
            scaled = _bent(reader.scale, numbers)
            clipped = scaled.at_least(-FAR).at_most(FAR)
            scaled = self.graph.where(self._row(reader.is_level), clipped, scaled)
            if reader.blocks:
                scaled = (scaled.to(SINGLE) * reader.weights).to(FLOAT)
        else:
            numbers = inputs.numbers(reader.container.columns, reader.n_columns)
            if isinstance(self.detector._reader, RuledReader):
                columns = [numbers.slice(j, j + 1) for j in range(reader.n_columns)]
                coarse = SINGLE in (reader.dtype, inputs.number_type)
                self.operands += [Operand(own, own.is_nan(), None, coarse) for own in columns]
            if not isinstance(reader, PlainReader):  # a given model's
                own = scaled_numbers(reader.scale, numbers)
                return own.at_least(-FARTHEST).at_most(FARTHEST).to(SINGLE).to(FLOAT)
            scaled = _bent(reader.scale, numbers)
            if len(reader.tempered):
                which = np.isin(np.arange(reader.n_columns), reader.tempered)
                odd = _tempered(scaled, float(reader.surprise[0]))
                scaled = self.graph.where(self._row(which), odd, scaled)
        scaled = self.graph.where(scaled.is_nan(), reader.surprise, scaled)
        return scaled.to(SINGLE).to(FLOAT)

    def _row(self, mask: np.ndarray) -> Value:
        return self.graph.constant(np.atleast_2d(mask))

    # ----------------------------------------------------------------- scores

    @cached_property
    def parts(self) -> Value:
        """The parts of a mixture, (n_parts, n)."""
        assert isinstance(self.score, Mixture)
        parts = [self._part(part).wider(0) for part in self.score.parts]
        return self.graph.concat(parts, axis=0)

    def _part(self, part: Any) -> Value:
        """Return the weighted value of rows, (n,)."""
        found, scale = getattr(self.members, part.which), part.scale_
        if isinstance(part, FarPart):
            farthest = self.members.fold(found).reduce("Max", 1)
            result: Value = (
                farthest - scale.usual_
            ) * STEEPNESS * part.weight - AT_LEAST * part.weight
            return result
        if isinstance(part, LossPart):
            assert isinstance(scale, LinearScale)
            found = found if part.weights_ is None else found * part.weights_
            mean = ((found.reduce("Sum", 2) - scale.mean_) / scale.scale_).reduce("Mean", 0)
            return _arsinh(mean) * part.weight - part.less_
        assert isinstance(part, DistancePart)
        assert isinstance(scale, LogScale)
        distance = distance_of(found)
        if not self.members.sees_all:
            distance = (distance * distance).reduce("Mean", 0, keep=True).sqrt()
        logs = ((distance + scale.offset_).log() - scale.mean_) / scale.scale_
        result = logs.reduce("Mean", 0) * part.weight
        return result

    def _shares(self, part: Any) -> Value:
        """Return the columns' shares in a part, (n, n_features)."""
        found, fold = getattr(self.members, part.which), self.members.fold
        if isinstance(part, FarPart):
            beyond = fold(found)
            most = beyond.equals(beyond.reduce("Max", 1, keep=True)).to(FLOAT)
            return self._as_shares(beyond * most)
        if isinstance(part, LossPart):
            more = found - part.usual_
            if part.by_column_ is None:
                return self._as_shares(fold(more))
            return self._as_shares(fold(more * part.weights_) @ part.by_column_)
        if part.by_column_ is None:
            return self._as_shares(fold(cells_of(found)))
        squares = (distance_of(found) * distance_of(found)).wider(2)
        more = fold(cells_of(found) * squares) - part.usual_
        return self._as_shares(more @ part.by_column_)

    def _as_shares(self, cells: Value) -> Value:
        positive = cells.at_least(0.0)
        total = positive.reduce("Sum", 1, keep=True)
        return self.graph.where(total > 0.0, positive / total, 1 / self.members.n_features)

    @cached_property
    def _additive(self) -> Value:
        """What features add to the scores that are sums over them, (n, n_features)."""
        which = {
            Likelihood: "bounded_cell_losses",
            Marginal: "bounded_marginal_losses",
            Reconstruction: "errors",
        }
        return self.members.fold(getattr(self.members, which[type(self.score)]))

    @cached_property
    def _mixed(self) -> Value:
        """The soft maximum of a mixture's parts, (n,)."""
        most = self.parts.reduce("Max", 0, keep=True)
        near = ((self.parts - most) * SHARPNESS).exp().reduce("Mean", 0).log() / SHARPNESS
        mean = self.parts.reduce("Mean", 0)
        return softplus(most.narrower(0) + near + mean * ALL_HEARD)

    @cached_property
    def anomaly_scores(self) -> Value:
        """How anomalous rows are, (n,)."""
        if not isinstance(self.score, Mixture):
            return self._additive.reduce("Sum", 1)
        if self.rule_cells is None:
            return self._mixed
        return self._mixed + self.rule_cells.reduce("Sum", 1)

    @cached_property
    def contributions(self) -> Value:
        """What each column adds to them, (n, n_columns)."""
        if isinstance(self.score, Mixture):
            weights = self.graph.op("Softmax", self.parts * SHARPNESS, axis=0)
            own = [
                self._shares(part) * weights.slice(i, i + 1, 0).swap(1, 0)
                for i, part in enumerate(self.score.parts)
            ]
            cells = own[0]
            for others in own[1:]:
                cells = cells + others
            cells = cells * self._mixed.wider(1)
        else:
            cells = self._additive
        reader = self.detector._reader
        if not np.array_equal(reader.column_of_feature, np.arange(reader.n_columns)):
            cells = cells @ np.eye(reader.n_columns)[reader.column_of_feature]
        return cells if self.rule_cells is None else cells + self.rule_cells

    def outputs(self, name: str) -> tuple[Value, list[int | str]]:
        """Return an output by the name of the method that gives it, and its shape."""
        detector = self.detector
        if name == "score_contributions":
            return self.contributions, ["n", detector._reader.n_columns]
        scores = -self.anomaly_scores
        if name == "score_samples":
            return scores, ["n"]
        if name == "decision_function":
            return scores - detector.offset_, ["n"]
        # A row that calibrated ties with itself, also where its score is rounded otherwise.
        at_ties = scores + (scores.abs() + 1.0) * TIE
        if name == "predict":
            outlying = (at_ties - detector.offset_) < 0.0
            return self.graph.where(outlying, -1, self.graph.constant(1, WHOLE)), ["n"]
        detector._check_calibrated()
        known = np.sort(detector._calibration.scores[detector.kind])
        below = self.graph.n_not_above(at_ties.wider(1), [known]).narrower(1)
        return (below.to(FLOAT) + 1.0) / (1.0 + len(known)), ["n"]


def _bent(scale: Scaler, rows: Value) -> Value:
    """Return rows on the networks' scale with ends that grow by the logarithm."""
    shift, size = np.asarray(scale.shift_), np.asarray(scale.scale_)
    scaled = (rows - shift.astype(np.float64)) / size.astype(np.float64)
    halves = rows / 2.0 - shift.astype(np.float64) / 2
    logs = halves.abs().log() - np.log(size.astype(np.float64) / 2)
    far = halves.sign() * (logs + (1 - np.log(FAR))) * FAR
    return rows.graph.where(scaled.abs() > FAR, far, scaled).to(SINGLE).to(FLOAT)


def _tempered(scaled: Value, most: float) -> Value:
    away = (scaled.abs() / most).at_least(1.0)
    grown = scaled.sign() * (away.log() * GROWTH + 1.0) * most
    return scaled.graph.where(away > 1.0, grown, scaled)


def _arsinh(x: Value) -> Value:
    size = x.abs()
    return x.sign() * (size + (size * size + 1.0).sqrt()).log()
