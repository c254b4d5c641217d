"""Networks, posteriors and priors as nodes of a graph of ONNX."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_aae.categories._networks import ClusterHeads
from sklearn_aae.networks import AAEModule
from sklearn_aae.networks._levels import LevelReader, OneHot
from sklearn_aae.networks._mlp import SkipMLP
from sklearn_aae.networks._module import in_precision_of_rows, with_rows_of_its_own
from sklearn_aae.outputs._digits import DigitVectors
from sklearn_aae.posteriors import Channel, Deterministic, Gaussian, Universal
from sklearn_aae.posteriors._channel import EPSILON, CodeNorm
from sklearn_aae.priors import Categorical, Prior, Product
from sklearn_aae.serving._onnx_graph import SINGLE, Value
from sklearn_aae.serving._onnx_own import own_network

#: What a network may have attached to it that needs nothing of the graph.
HOOKS = (in_precision_of_rows, with_rows_of_its_own)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array, float64."""
    return tensor.detach().cpu().numpy().astype(np.float64)


def _linear(layer: nn.Linear, x: Value) -> Value:
    product = x @ as_array(layer.weight).T
    return product if layer.bias is None else product + as_array(layer.bias)


def _skip(layers: SkipMLP, x: Value) -> Value:
    found = x
    for layer in layers._modules.values():
        found = LAYERS[type(layer)](layer, found)
    return found + x @ as_array(layers.path).T


def _leaky(slope: float, x: Value) -> Value:
    return x.at_least(0.0) + x.at_most(0.0) * slope


def _elu(layer: nn.ELU, x: Value) -> Value:
    return x.at_least(0.0) + (x.at_most(0.0).exp() - 1.0) * layer.alpha


def _gelu(layer: nn.GELU, x: Value) -> Value:
    if layer.approximate != "none":
        result: Value = (
            x * ((x * x * x * 0.044715 + x) * np.sqrt(2 / np.pi)).tanh().__add__(1.0) * 0.5
        )
        return result
    # ONNX Runtime has no erf of float64; of float32 it makes one node of this all.
    erf = x.graph.op("Erf", (x / np.sqrt(2)).to(SINGLE)).to(x.dtype)
    return x * (erf + 1.0) * 0.5


def _batch_norm(layer: nn.BatchNorm1d, x: Value) -> Value:
    mean, variance = layer.running_mean, layer.running_var
    if mean is None or variance is None:
        raise ValueError("a BatchNorm1d without running statistics cannot be exported to ONNX.")
    x = (x - as_array(mean)) / np.sqrt(as_array(variance) + layer.eps)
    return x * as_array(layer.weight) + as_array(layer.bias) if layer.affine else x


def digit_table(vectors: DigitVectors) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of digits, float32: for each digit that of -1 first; and where these are."""
    table, offsets = as_array(vectors.table()).astype(SINGLE), as_array(vectors.offsets).astype(int)
    parts = [np.vstack([table[-1:], own]) for own in np.split(table[:-1], offsets[1:])]
    return np.concatenate(parts), offsets + np.arange(len(offsets))


def _level_reader(layer: LevelReader, digits: Value) -> Value:
    table, first = digit_table(layer.vectors)
    sizes = np.diff(np.append(first, len(table)))
    # A product with zeros and ones is quicker than a sum of what is looked up.
    return _hot(digits, sizes, -1) @ table + as_array(layer.bias)


def _one_hot(layer: OneHot, digits: Value) -> Value:
    return _hot(digits, np.diff(np.append(layer.offsets.cpu().numpy(), layer.width)), 0)


def _hot(digits: Value, sizes: np.ndarray, least: int) -> Value:
    """Return which values, from ``least`` on, digits (n, n_digits) have: zeros and ones."""
    values = np.concatenate([np.arange(least, least + size) for size in sizes])
    column = np.repeat(np.arange(len(sizes)), sizes)
    return digits.graph.gather(digits, column, axis=1).equals(values).to(SINGLE)


def _code_norm(layer: CodeNorm, x: Value) -> Value:
    return (x - as_array(layer.center)) / np.sqrt(as_array(layer.variance) + EPSILON)


def _cluster_heads(layer: ClusterHeads, code: Value) -> Value:
    k, width = layer.embedding.shape
    return code.slice(0, k) @ as_array(layer.embedding) + code.slice(k, k + width)


LAYERS: dict[type[nn.Module], Callable[[Any, Value], Value]] = {
    SkipMLP: _skip,
    nn.Linear: _linear,
    nn.Identity: lambda layer, x: x,
    nn.Dropout: lambda layer, x: x,
    nn.ReLU: lambda layer, x: x.relu(),
    nn.LeakyReLU: lambda layer, x: _leaky(layer.negative_slope, x),
    nn.ELU: _elu,
    nn.GELU: _gelu,
    nn.SiLU: lambda layer, x: x * x.sigmoid(),
    nn.Tanh: lambda layer, x: x.tanh(),
    nn.Sigmoid: lambda layer, x: x.sigmoid(),
    nn.BatchNorm1d: _batch_norm,
    LevelReader: _level_reader,
    OneHot: _one_hot,
    CodeNorm: _code_norm,
    ClusterHeads: _cluster_heads,
}


def network(module: nn.Module, x: Value, width: int) -> Value:
    """Return what a network makes of rows (n, width); one of the user's as torch exports it."""
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    if any(hook not in HOOKS for hook in hooks):
        return own_network(module, x, width)
    if type(module) is nn.Sequential:
        return _chain(module, x, width)
    write = LAYERS.get(type(module))
    return own_network(module, x, width) if write is None else write(module, x)


def _chain(layers: nn.Sequential, x: Value, width: int) -> Value:
    if all(type(layer) not in LAYERS for layer in layers):
        return own_network(layers, x, width)
    for layer in layers:
        x = network(layer, x, width)
        width = _width_after(layer, width)
    return x


def _width_after(layer: nn.Module, width: int) -> int:
    """Return how wide a layer's output is."""
    if isinstance(layer, (LevelReader, OneHot)):
        return layer.width
    layer = copy.deepcopy(layer).float().cpu().eval()
    with torch.no_grad():
        return int(layer(torch.zeros(2, width)).shape[1])


def raw_code(module: AAEModule, x: Value, width: int) -> Value:
    """Return the posterior's one code for each row, before the prior takes it to its support."""
    posterior, k = module.posterior, module.n_components
    if type(posterior) is Universal:
        noise = as_array(posterior._fixed_noise(k))
        # Rows of zeros give the noise a length of its own.
        zeros = x.slice(0, 1) * 0.0
        width += noise.shape[1]
        rows = [x.graph.concat([x, zeros + eta[None]]) for eta in noise]
        passes = [network(module.encoder, own, width) for own in rows]
        total = passes[0]
        for codes in passes[1:]:
            total = total + codes
        return total / float(len(noise))
    h = network(module.encoder, x, width)
    if type(posterior) is Gaussian:
        return h.slice(0, k)
    if type(posterior) not in (Deterministic, Channel):
        raise ValueError(f"the posterior {posterior!r} cannot be exported to ONNX.")
    return h


def code(module: AAEModule, x: Value, width: int) -> Value:
    """Return the codes of rows (n, width) on the network's scale."""
    return _to_support(module.prior, raw_code(module, x, width), module.n_components)


def to_decoder(module: AAEModule, z: Value) -> Value:
    """Return where the decoder expects codes."""
    if type(module.posterior) is Channel:
        return z * float(np.sqrt(1 - module.posterior.noise**2))
    return z


def _to_support(prior: Prior, z: Value, width: int) -> Value:
    if not prior.has_support_transform:
        return z
    if type(prior) is Categorical:
        return z.graph.op("Softmax", z, axis=1)
    if type(prior) is Product:
        parts, start = [], 0
        for part, own in prior._resolved(width):
            parts.append(_to_support(part, z.slice(start, start + own), own))
            start += own
        return z.graph.concat(parts)
    raise ValueError(f"the prior {prior!r} cannot be exported to ONNX.")
