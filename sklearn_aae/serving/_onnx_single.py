"""The networks of a model that a detector was given, in a graph of ONNX."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch

from sklearn_aae.detection._single import N_DRAWS, DrawnMarginals, SingleMember
from sklearn_aae.serving._onnx_graph import FLOAT, Value
from sklearn_aae.serving._onnx_heads import cell_losses, mean_of_numbers
from sklearn_aae.serving._onnx_members import MembersInGraph
from sklearn_aae.serving._onnx_networks import as_array, code, network, to_decoder


class SingleInGraph(MembersInGraph):
    """What one model says of rows, as a detector's only member.

    Parameters
    ----------
    x : Value
        The rows, float64 of what float32 holds.
    model : FittedModel
        The networks, and what surrounds them.
    """

    precision = FLOAT

    def __init__(self, x: Value, model: Any) -> None:
        super().__init__(x, model)
        assert isinstance(self.networks, SingleMember)
        self.module = self.networks.module

    @cached_property
    def z(self) -> Value:
        """Codes."""
        return code(self.module, self.x.narrower(0), self.n_features).wider(0)

    @cached_property
    def _params(self) -> Value:
        z = to_decoder(self.module, self.z.narrower(0))
        return network(self.module.decoder, z, self.module.n_components)

    @cached_property
    def means(self) -> Value:
        """Expected rows."""
        return mean_of_numbers(self.module.head, self._params).wider(0)

    @cached_property
    def cell_losses(self) -> Value:
        """Losses of the cells given the codes."""
        return cell_losses(self.module.head, self._params, self.x.narrower(0)).wider(0)

    @cached_property
    def marginal_losses(self) -> Value:
        """Minus log density of the cells by themselves: a mean over draws of the prior."""
        marginals = self.model.marginals
        assert isinstance(marginals, DrawnMarginals)
        draws = torch.from_numpy(marginals.draws).double().unsqueeze(0)
        with torch.no_grad():
            params = as_array(self.networks.to_score().decode_drawn(draws.cpu()).params)
        draw = self.graph.constant(params[:, None])
        logs = -cell_losses(self.module.head, draw, self.x)
        most = logs.reduce("Max", 0, keep=True)
        mean = (logs - most).exp().reduce("Sum", 0, keep=True) / float(N_DRAWS)
        return -(mean.log() + most)
