"""The networks of a detector, and what they say of rows, in a graph of ONNX.

All values have the members as their first axis, as in :mod:`sklearn_aae.detection.ensemble`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sklearn_aae.detection._marginals import SPACING
from sklearn_aae.detection._references import References
from sklearn_aae.detection.ensemble import FREEDOM, MOST
from sklearn_aae.detection.ensemble._densities import LOG_T_CONSTANT, MIN_SCALE, MOST_LOG_SCALE
from sklearn_aae.detection.ensemble._members import NEAR, MemberMLP
from sklearn_aae.encoding import FAR
from sklearn_aae.serving._onnx_graph import FLOAT, SINGLE, WHOLE, Graph, Value
from sklearn_aae.serving._onnx_networks import as_array

#: Tempered cells that differ by the last bits of float32 only are the same.
LAST_BITS = 1e-13
#: References of a group in the search for the nearest.
GROUP = 16


class Near(NamedTuple):
    """Distances to the nearest references: each (M, n, k), and the squares of cells in them."""

    distance: Value
    cells: Value


class MembersInGraph:
    """What members say of rows (n, n_features) on the networks' scale, as ``EnsembleEvidence``.

    Parameters
    ----------
    x : Value
        The rows, float64 of what float32 holds.
    model : FittedModel
        The networks, and what surrounds them.
    """

    #: Of what networks compute, as in Python, and of distances to stored rows.
    precision: np.dtype[Any] = SINGLE

    def __init__(self, x: Value, model: Any) -> None:
        self.graph: Graph = x.graph
        x = x.to(self.precision)
        self.model, self.networks = model, model.networks
        self.columns = self.networks.columns.cpu().numpy()
        self.n_features = model.n_features
        self.sees_all = self.columns.shape[1] == self.n_features
        if self.sees_all:
            self.x = x.wider(0)
        else:
            self.x = self.graph.gather(x.swap(1, 0), self.columns).swap(0, 2, 1)

    @cached_property
    def z(self) -> Value:
        """Codes."""
        networks = self.networks
        x = self.x * ((self.x.abs() - FAR) * (1 / (NEAR - FAR))).at_least(0.0).at_most(1.0)
        raw = _mlp(networks.encoder, x) + x @ as_array(networks.path_in)
        scale = networks.shrinkage / as_array(networks.code_scale) * as_array(networks.code_mask)
        result: Value = (raw - as_array(networks.code_mean)) * scale
        return result

    @cached_property
    def _densities(self) -> tuple[list[Value], list[Value], list[Value]]:
        """Weights (not normalised), centres and log scales of mixtures: (M, n, n_columns) each."""
        networks, n, d = self.networks, self.networks.settings.n_densities, self.columns.shape[1]
        params = _mlp(networks.decoder, self.z)
        parts = [params.slice(i * d, (i + 1) * d, 2) for i in range(3 * n)]
        logits, shifts, log_scales = parts[:n], parts[n : 2 * n], parts[2 * n :]
        most = logits[0]
        for other in logits[1:]:
            most = most.at_least(other)
        path = self.z @ as_array(networks.path_out) + as_array(networks.centre)
        weights = [(own - most).exp() for own in logits]
        return weights, [path + own for own in shifts], log_scales

    @cached_property
    def _weight(self) -> Value:
        """What the weights add up to."""
        return _sum(self._densities[0])

    @cached_property
    def means(self) -> Value:
        """Means of the densities."""
        weights, centres, _ = self._densities
        products = [w * centre for w, centre in zip(weights, centres, strict=True)]
        return _sum(products) / self._weight

    @cached_property
    def cell_losses(self) -> Value:
        """Minus log density of the cells given the codes."""
        heights = []
        for weight, centre, log_scale in zip(*self._densities, strict=True):
            scale = log_scale.at_most(MOST_LOG_SCALE).exp() + MIN_SCALE
            u = (self.x - centre) / scale
            q = u * u * (1 / FREEDOM) + 1.0
            # q to the power of 2.5, without a power, which would take longer than all else.
            heights.append(weight / (q * q * q.sqrt() * scale))
        return (self._weight / _sum(heights)).log().to(FLOAT) - LOG_T_CONSTANT

    @cached_property
    def marginal_losses(self) -> Value:
        """Minus log density of the cells by themselves."""
        table = as_array(self.model.marginals.table).astype(self.precision)
        m, d, n_points = table.shape
        position = (self.x.at_least(-MOST).at_most(MOST) + MOST) / SPACING
        left = self.graph.op("Floor", position).at_least(0.0).at_most(float(n_points - 2))
        first = (np.arange(m * d) * n_points).reshape(m, 1, d)
        index = left.to(WHOLE) + first
        low = self.graph.gather(table.ravel(), index)
        high = self.graph.gather(table.ravel(), index + 1)
        beyond = (self.x.abs() / MOST).at_least(1.0).log() * (FREEDOM + 1)
        return (beyond - (low + (high - low) * (position - left))).to(FLOAT)

    @cached_property
    def bounded_cell_losses(self) -> Value:
        """The losses of cells given the codes, with what levels cost bounded."""
        return self._bounded("cell_losses")

    @cached_property
    def bounded_marginal_losses(self) -> Value:
        """The losses of cells by themselves, with what levels cost bounded."""
        return self._bounded("marginal_losses")

    def _bounded(self, which: str) -> Value:
        """Return losses with those of levels bounded, as ``LevelCosts`` does."""
        costs = self.model.level_costs
        losses: Value = getattr(self, which)
        if costs is None:
            return losses
        column = costs.column_of_level[self.columns]
        own = (column[:, :, None] == np.unique(column[column >= 0])).astype(FLOAT)
        back, widths = own.transpose(0, 2, 1), np.maximum(own.sum(axis=1, keepdims=True), 1)
        usual = costs.usual_[which][:, None]
        more = losses - usual
        total = more @ own
        is_new = ((~(self.x.abs() < costs.away_of_new)).to(FLOAT) @ own) > 0.0
        most = self.graph.constant(costs.most)
        shrunk = self.graph.where(is_new, 1.0, most / total.at_least(most))
        raised = self.graph.where(is_new, (costs.least_of_new - total).at_least(0.0) / widths, 0.0)
        more = more * (shrunk @ back + (column < 0)[:, None]) + raised @ back
        result: Value = more + usual
        return result

    @cached_property
    def beyond(self) -> Value:
        """Logarithms of how many times as far cells are as what networks learn."""
        result: Value = (self.x.to(FLOAT).abs() / self.networks.farthest).at_least(1.0).log()
        return result

    @cached_property
    def errors(self) -> Value:
        """Squared errors of reconstructions."""
        away = self.x.to(FLOAT) - self.means.to(FLOAT)
        return away * away

    @cached_property
    def core(self) -> Near:
        """Distances to the references that survived trimming."""
        return self._neighbours(self.model.references["core"])

    @cached_property
    def nearest(self) -> Near:
        """Distances to the nearest of many references."""
        return self._neighbours(self.model.references["nearest"])

    def fold(self, cells: Value) -> Value:
        """Return cells averaged over who sees the column, (n, n_features)."""
        if self.sees_all:
            return cells.reduce("Mean", 0)
        m, d = self.columns.shape
        # The places of each column among those of all members, and of zeros where there are less.
        places = [np.flatnonzero(self.columns.ravel() == j) for j in range(self.n_features)]
        index = np.full((max(map(len, places)), self.n_features), m * d)
        for j, own in enumerate(places):
            index[: len(own), j] = own
        flat = cells.swap(0, 2, 1).reshape(m * d, -1)
        flat = self.graph.concat([flat, flat.slice(0, 1, 0) * 0.0], axis=0)
        seen = np.maximum([len(own) for own in places], 1)
        return (self.graph.gather(flat, index).reduce("Sum", 0) / seen[:, None]).swap(1, 0)

    # ------------------------------------------------------------- references

    def _neighbours(self, references: References) -> Near:
        """Return distances to the nearest of stored rows, without the row itself."""
        graph, stored = self.graph, as_array(references.pairs).astype(self.precision)
        # The sooner what is near to most rows comes, the less a search has to put aside.
        order = np.square(stored).sum(axis=2).argsort(axis=1, kind="stable")
        stored = np.take_along_axis(stored, order[:, :, None], axis=1)
        m, n_references, width = stored.shape
        k = min(references.n_neighbours, n_references - 1)
        x, means = self.x, self.means
        x = _tempered(x) if references.of_means else x
        if self.sees_all:  # an axis of members, as the means have it
            x = x + means * 0.0
        pairs = graph.concat([x, means], axis=2)
        index = self._candidates(pairs, stored, k + 1)
        first = (n_references * np.arange(m)).reshape(m, 1, 1)
        near = graph.gather(stored.reshape(-1, width), index + first)
        offsets = pairs.wider(2) - near
        squares = offsets * offsets
        halves = squares.reshape(0, 0, 0, 2, -1).reduce("Sum", 4)
        in_x = halves.slice(0, 1, 3).narrower(3)
        same = in_x.equals(0.0)
        if references.of_means:
            same = in_x <= (x * x).reduce("Sum", 2, keep=True) * LAST_BITS
        # What is the same has the same reconstruction, to the last bit.
        apart = graph.where(same, 0.0, halves.reduce("Sum", 3))
        # One of those that are the same is the row itself.
        itself = graph.op("ArgMax", same.to(SINGLE), dtype=WHOLE, axis=2).equals(np.arange(k + 1))
        nearest, places = self._smallest(graph.where(same & itself, np.inf, apart), k)
        others = graph.where(same, -1, graph.constant(np.arange(k + 1)))
        chosen = places.wider(3).equals(others.wider(2)).to(self.precision)
        if references.of_means:
            sums = graph.op("CumSum", chosen, graph.constant(2, WHOLE)) @ offsets
            squares, counts = sums * sums, np.arange(1.0, k + 1)
            nearest = squares.reduce("Sum", 3) / counts**2
            cells = squares / counts[:, None] ** 2
        else:
            cells = chosen @ squares
        cells = cells.slice(0, width // 2, 3) + cells.slice(width // 2, width, 3)
        return Near(nearest.to(FLOAT).sqrt(), cells.to(FLOAT))

    def _candidates(self, pairs: Value, stored: np.ndarray, k: int) -> Value:
        """Return the indices (M, n, k) of the nearest references, up to rounding."""
        graph, pairs, stored = self.graph, pairs.to(SINGLE), stored.astype(SINGLE)
        # Their squared lengths meet a column of ones; of rows' own lengths nothing depends.
        lengths = np.square(stored).sum(axis=2)[:, None]
        table = np.concatenate([-2 * stored.transpose(0, 2, 1), lengths], axis=1)
        is_grouped = stored.shape[1] > k * GROUP
        if is_grouped:
            wider = ((0, 0), (0, 0), (0, -stored.shape[1] % GROUP))
            table = np.pad(table, wider)
            table[:, -1, stored.shape[1] :] = np.inf
        ones = pairs.slice(0, 1, 2) * 0.0 + 1.0
        squares = graph.concat([pairs, ones], axis=2) @ table
        if not is_grouped:
            return self._smallest(squares, k, in_order=False)[1]
        # The k nearest are in the k groups with the nearest of all.
        groups = squares.reshape(0, 0, -1, GROUP)
        chosen = self._smallest(groups.reduce("Min", 3), k)[1]
        of_chosen = graph.op("GatherND", groups, chosen.wider(3), batch_dims=2)
        place = self._smallest(of_chosen.reshape(0, 0, -1), k, in_order=False)[1]
        group = graph.op("GatherElements", chosen, place / GROUP, axis=2)
        return group * GROUP + place % GROUP

    def _smallest(self, values: Value, k: int, in_order: bool = True) -> tuple[Value, Value]:
        """Return the k smallest of the last axis, and their places."""
        graph = self.graph
        found, places = Value(graph, graph.new_name(), values.dtype), graph.new_name()
        names = [values.name, graph.constant([k], WHOLE).name]
        outputs = [found.name, places]
        graph.nodes.append(
            graph.onnx.helper.make_node("TopK", names, outputs, largest=0, sorted=int(in_order))
        )
        return found, Value(graph, places, WHOLE)


def distance_of(near: Near) -> Value:
    """Return the mean distance to the nearest references, (M, n)."""
    return near.distance.reduce("Mean", 2)


def cells_of(near: Near) -> Value:
    """Return the share of each column in it, (M, n, n_columns)."""
    graph, distance = near.distance.graph, near.distance
    # A neighbour counts with its distance; its columns, with their part of the square.
    weights = graph.where(distance > 0.0, graph.constant(1.0) / distance, distance).wider(3)
    parts = (near.cells * weights).reduce("Sum", 2)
    total = distance.reduce("Sum", 2, keep=True)
    return graph.where(total > 0.0, parts / total, parts)


def _mlp(layers: MemberMLP, x: Value) -> Value:
    for i, layer in enumerate(layers._chain):
        if i:
            x = x.at_least(x * layers.slope)
        x = x @ as_array(layer.weight) + as_array(layer.bias)
    return x


def _sum(values: list[Value]) -> Value:
    total = values[0]
    for other in values[1:]:
        total = total + other
    return total


def _tempered(x: Value) -> Value:
    """Return cells that grow by the logarithm from ``NEAR`` on, as float32 has them."""
    away = (x.abs() / NEAR).at_least(1.0)
    return (x / away) * (away.log() + 1.0)
