"""The matrix products of a training step alone: a floor under any loop on a machine."""

from __future__ import annotations

import functools
import math
from itertools import pairwise

import numpy as np
import torch

from benchmarks._loops import Workload
from sklearn_aae.training._products import (
    LEAST_WORK,
    LEAST_WORK_OF_GRADIENT,
    can_multiply,
    multiply,
)


def product(x: torch.Tensor, weight: torch.Tensor, out: torch.Tensor, least: float) -> torch.Tensor:
    """Return ``x @ weight.T`` by the library that the package takes for as many multiplications."""
    if len(x) * weight.numel() >= least and can_multiply(weight):
        return multiply(x, weight)
    return torch.mm(x, weight.t(), out=out)


class Products:
    """The matrix products of a multilayer perceptron, into buffers made once or by oneDNN.

    No biases, activations, losses or optimizers.  Weights are stored and transposed as
    :class:`torch.nn.Linear` and its gradient do; their scale keeps every number near one,
    because denormal or infinite numbers would change the times.  ``by_torch`` says whether all
    products are :func:`torch.mm`'s.
    """

    def __init__(
        self, sizes: tuple[int, ...], n_rows: int, device: torch.device, by_torch: bool
    ) -> None:
        self.least = (math.inf, math.inf) if by_torch else (LEAST_WORK, LEAST_WORK_OF_GRADIENT)
        generator = torch.Generator().manual_seed(0)
        self.weights = [
            (torch.randn(n_out, n_in, generator=generator) / n_in**0.5).to(device)
            for n_in, n_out in pairwise(sizes)
        ]
        self.weight_gradients = [torch.empty_like(weight) for weight in self.weights]
        self.activations = [torch.empty(n_rows, width, device=device) for width in sizes]
        self.gradients = [torch.empty(n_rows, width, device=device) for width in sizes]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last layer's output for rows."""
        n_rows = len(x)
        # What the first layer read is wanted again by the gradient of its weights.
        self.inputs = [x]
        for weight, buffer in zip(self.weights, self.activations[1:], strict=True):
            out = product(self.inputs[-1], weight, buffer[:n_rows], self.least[0])
            self.inputs.append(out)
        return out

    def backward(
        self, gradient: torch.Tensor, *, weights: bool = True, first: bool = False
    ) -> torch.Tensor:
        """Go back through the last forward pass, with or without the gradients of weights.

        Returns the gradient of the input, or of the second layer's input unless ``first``.
        """
        for layer in reversed(range(len(self.weights))):
            if weights:
                inputs, of_weights = self.inputs[layer].t(), self.weight_gradients[layer]
                product(gradient.t(), inputs, of_weights, self.least[1])
            if layer or first:
                out = self.gradients[layer][: len(gradient)]
                gradient = product(gradient, self.weights[layer].t(), out, self.least[0])
        return gradient


@functools.lru_cache(maxsize=2)
def _networks(work: Workload, by_torch: bool) -> tuple[Products, Products, Products, torch.Tensor]:
    """Return encoder, decoder, discriminator and what the discriminator tells apart."""
    device = torch.device(work.device)
    n = min(work.batch_size, work.n_samples)
    widths = (*work.hidden, work.n_components)
    generator = torch.Generator().manual_seed(1)
    return (
        Products((work.n_features, *widths), n, device, by_torch),
        Products((*widths[::-1], work.n_features), n, device, by_torch),
        Products((work.n_components, *work.discriminator_hidden, 1), 2 * n, device, by_torch),
        torch.randn(2 * n, work.n_components, generator=generator).to(device),
    )


@torch.inference_mode()
def products_alone(work: Workload, X: np.ndarray, *, by_torch: bool = False) -> int:
    """Run the matrix products of every three-phase step; return the number of steps.

    Those that the algorithm cannot do without: phases 2 and 3 share the encoder's pass,
    and nothing is computed for weights that a phase does not train.  The buffers are made
    in the first call, which no benchmark times.
    """
    encoder, decoder, discriminator, codes_and_prior = _networks(work, by_torch)
    x = torch.from_numpy(X[: work.batch_size]).to(work.device)
    steps = work.epochs * work.steps_per_epoch
    for _ in range(steps):
        # Reconstruction: its output stands in for the gradient of the loss, of equal shape.
        restored = decoder.forward(encoder.forward(x))
        encoder.backward(decoder.backward(restored, first=True))
        # Discrimination.
        codes = encoder.forward(x)
        discriminator.backward(discriminator.forward(codes_and_prior))
        # Generation: through the discriminator, which is not trained, into the encoder.
        encoder.backward(
            discriminator.backward(discriminator.forward(codes), weights=False, first=True)
        )
    return steps
