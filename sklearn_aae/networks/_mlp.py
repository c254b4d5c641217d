"""The multilayer perceptrons that the package builds itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

#: A discriminator of rectifiers can die; the leak is the usual one for them.
DISCRIMINATOR_ACTIVATION = partial(nn.LeakyReLU, 0.2)


def linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer, uniform in +-1/sqrt(n_in), drawn from ``generator``.

    The distribution is that of :class:`torch.nn.Linear`, whose own
    initialisation would draw from the global generator.
    """
    layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")
    bound = 1 / math.sqrt(max(n_in, 1))
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def mlp(
    n_in: int,
    hidden_layer_sizes: Sequence[int],
    n_out: int,
    activation: Callable[[], nn.Module],
    generator: torch.Generator,
) -> nn.Sequential:
    """Return a multilayer perceptron with a linear last layer."""
    return nn.Sequential(*_layers(n_in, hidden_layer_sizes, n_out, activation, generator))


def _layers(
    n_in: int,
    hidden_layer_sizes: Sequence[int],
    n_out: int,
    activation: Callable[[], nn.Module],
    generator: torch.Generator,
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in hidden_layer_sizes:
        layers += [linear(n_in, width, generator), activation()]
        n_in = width
    return [*layers, linear(n_in, n_out, generator)]


class SkipMLP(nn.Sequential):
    """A multilayer perceptron with a linear path from its input to its output beside it.

    It begins as a linear map: the perceptron's last layer starts at zero, and so does the path,
    for whoever sets it.  The path is not trained: an adversary would turn it away from what is
    linear in the rows sooner than it finds what the perceptron could do instead.
    """

    path: torch.Tensor

    def __init__(
        self,
        n_in: int,
        hidden_layer_sizes: Sequence[int],
        n_out: int,
        activation: Callable[[], nn.Module],
        generator: torch.Generator,
    ) -> None:
        super().__init__(*_layers(n_in, hidden_layer_sizes, n_out, activation, generator))
        self.register_buffer("path", torch.zeros(n_out, n_in))
        with torch.no_grad():
            self.last.weight.zero_()
            self.last.bias.zero_()

    @property
    def last(self) -> nn.Linear:
        """The perceptron's last layer, whose bias is that of the whole."""
        layer = next(reversed(self._modules.values()))
        assert isinstance(layer, nn.Linear)
        return layer

    def __getitem__(self, index: int | slice) -> nn.Module:
        """Return a layer of the perceptron, or a chain of some of them."""
        return nn.Sequential(*self)[index]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of perceptron and path, (n, n_out)."""
        perceptron: Callable[[torch.Tensor], torch.Tensor] = super().forward
        return perceptron(x) + functional.linear(x, self.path)
