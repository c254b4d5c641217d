"""Codes in the order of what they explain: another order of the same networks' columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from sklearn_aae.networks import SkipMLP
from sklearn_aae.posteriors import POSTERIORS
from sklearn_aae.posteriors._channel import CodeNorm
from sklearn_aae.priors import Gaussian, Uniform
from sklearn_aae.training._explained import Explained
from sklearn_aae.training._plain import is_plain
from sklearn_aae.training._protocols import Net

#: A tensor, and in what order it is to have the entries of which dimension.
Move = tuple[torch.Tensor, int, torch.Tensor]


def explain_codes(
    net: Net, x: torch.Tensor, labels: torch.Tensor | None, most: int, *, ordered: bool
) -> np.ndarray:
    """Return the shares of rows that the first codes give back, after ordering codes if asked."""
    explained = Explained(net.module_, x, labels, most)
    if ordered and can_order(net):
        order_codes(net, explained.by_each_code())
    return explained.by_first_codes()


def can_order(net: Net) -> bool:
    """Return whether the order of codes is open, and known to all that depends on it.

    That is so of networks that began as principal components, for a prior whose components are
    alike and independent.
    """
    module = net.module_
    networks = (_parts(module.encoder)[0], module.decoder, module.discriminator)
    return (
        isinstance(networks[0], SkipMLP)
        and isinstance(networks[1], SkipMLP)
        and all(is_plain(network) for network in networks)
        and type(module.prior) in (Gaussian, Uniform)
        and type(module.posterior) in POSTERIORS.values()
        and all(
            not isinstance(value, torch.Tensor) or value.numel() == 1 or value.shape == p.shape
            for optimizer in net.optimizers_.values()
            for p, state in optimizer.state.items()
            for value in state.values()
        )
    )


@torch.no_grad()
def order_codes(net: Net, shares: np.ndarray) -> None:
    """Give code columns, and what optimizers know of them, the order of falling shares."""
    order = np.argsort(-shares, kind="stable")
    if (order == np.arange(len(order))).all():
        return
    moves = list(_moves(net, torch.from_numpy(order)))
    for tensor, dim, index in moves:
        states = [optimizer.state.get(tensor, {}) for optimizer in net.optimizers_.values()]
        moments = [value for state in states for value in state.values()]
        for each in (tensor, *moments):
            if isinstance(each, torch.Tensor) and each.shape == tensor.shape:
                each.copy_(each.index_select(dim, index.to(each.device)))


def _moves(net: Net, order: torch.Tensor) -> Iterator[Move]:
    module, k = net.module_, len(order)
    encoder, *norm = _parts(module.encoder)
    assert isinstance(encoder, SkipMLP)
    # A Gaussian's log variances come after its means.
    blocks = torch.arange(encoder.last.out_features // k)
    outputs = (order + k * blocks[:, None]).flatten()
    for parameter in (encoder.last.weight, encoder.last.bias, encoder.path):
        yield parameter, 0, outputs
    for network in (module.decoder, module.discriminator):
        first = next(network.children())
        assert isinstance(first, nn.Linear)
        inputs = torch.cat([order, torch.arange(k, first.in_features)])  # labels stay
        yield first.weight, 1, inputs
        if isinstance(network, SkipMLP):
            yield network.path, 1, inputs
    for statistic in (buffer for layer in norm for buffer in layer.buffers()):
        yield statistic, 0, order


def _parts(encoder: nn.Module) -> list[nn.Module]:
    """Return an encoder and, if it has one, the layer that a channel posterior ends it with."""
    if type(encoder) is nn.Sequential and len(encoder) == 2 and isinstance(encoder[1], CodeNorm):
        return list(encoder)
    return [encoder]
