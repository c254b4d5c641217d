r"""The three phases' gradients derived by hand, for networks that are plain perceptrons.

Autograd records a graph and allocates every intermediate result anew in each step; on
small layers that costs more than the matrix products.  Here all products go into buffers
that are kept from step to step, but for large ones (``_products.py``).  With
:math:`a_l = W_l h_{l-1} + b_l`, :math:`h_l = f(a_l)` and :math:`g_l` the gradient of the loss
by :math:`a_l` (rows are samples),

.. math::

    \partial W_l = g_l^\top h_{l-1}, \quad \partial b_l = \textstyle\sum g_l, \quad
    g_{l-1} = (g_l W_l) \odot f'(a_{l-1}).

Whatever is not known here by its exact type (a custom head or posterior, or a prior with
a support transform) is differentiated by autograd where the chain comes to it; a network
that is no plain perceptron, or a custom loss, switches the whole off (:func:`can_derive`).

The phases mirror those of ``_phases.py``, as the ones of ``detection/ensemble/_trainer.py``
do; tests hold them equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from sklearn_aae.networks import SkipMLP
from sklearn_aae.outputs import Head
from sklearn_aae.outputs._bernoulli import BernoulliHead
from sklearn_aae.outputs._gaussian import UnitHead
from sklearn_aae.posteriors import Deterministic, Universal
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._phases import (
    Phase,
    StepState,
    discriminator_loss,
    game_inputs,
    generator_loss,
    mean_cell_loss,
    mean_of_cells,
    reconstruction_loss,
)
from sklearn_aae.training._products import (
    LEAST_WORK,
    LEAST_WORK_OF_GRADIENT,
    NOTHING,
    Activation,
    can_multiply,
    multiply,
)
from sklearn_aae.training._protocols import Net

aten = torch.ops.aten


class Slope(NamedTuple):
    """An activation's two passes, both into a tensor that is given."""

    #: ``(layer, a, out)``; one that writes in place has no use for ``out``.
    forward: Callable[[nn.Module, torch.Tensor, torch.Tensor], object]
    #: ``(layer, g, a, h)``: multiply ``g`` by the slope, in place.
    backward: Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], object]


SLOPES: dict[type[nn.Module], Slope] = {
    nn.ReLU: Slope(
        lambda layer, a, out: torch.relu_(a),
        lambda layer, g, a, h: aten.threshold_backward.grad_input(g, a, 0, grad_input=g),
    ),
    nn.LeakyReLU: Slope(
        lambda layer, a, out: aten.leaky_relu.out(a, layer.negative_slope, out=out),
        lambda layer, g, a, h: aten.leaky_relu_backward.grad_input(
            g, a, layer.negative_slope, False, grad_input=g
        ),
    ),
    nn.ELU: Slope(
        lambda layer, a, out: aten.elu.out(a, layer.alpha, out=out),
        lambda layer, g, a, h: aten.elu_backward.grad_input(
            g, layer.alpha, 1, 1, False, a, grad_input=g
        ),
    ),
    nn.GELU: Slope(
        lambda layer, a, out: aten.gelu.out(a, approximate=layer.approximate, out=out),
        lambda layer, g, a, h: aten.gelu_backward.grad_input(
            g, a, approximate=layer.approximate, grad_input=g
        ),
    ),
    nn.SiLU: Slope(
        lambda layer, a, out: aten.silu.out(a, out=out),
        lambda layer, g, a, h: aten.silu_backward.grad_input(g, a, grad_input=g),
    ),
    nn.Tanh: Slope(
        lambda layer, a, out: torch.tanh(a, out=out),
        lambda layer, g, a, h: aten.tanh_backward.grad_input(g, h, grad_input=g),
    ),
}


class _Buffers(NamedTuple):
    """What a pass over so many rows writes; lists have an entry per linear layer."""

    #: Before and after the activation: the same tensor where that writes in place.
    before: list[torch.Tensor]
    after: list[torch.Tensor]
    #: Gradients by the layers' inputs, and the same transposed.
    upstream: list[torch.Tensor]
    upstream_t: list[torch.Tensor]
    #: Whether products with the weights are large, and the gradient of these: then their tensors
    #: are not kept.
    large: list[bool]
    large_gradient: list[bool]


class Perceptron:
    """Both passes of a plain network; gradients go where every parameter's ``.grad`` is."""

    def __init__(self, network: nn.Module) -> None:
        assert isinstance(network, nn.Sequential)  # it is plain
        #: A linear path beside the layers, which is not trained.
        self.path = network.path if isinstance(network, SkipMLP) else None
        self.activations = list(network)[1::2]
        self.slopes = [SLOPES[type(layer)] for layer in self.activations]
        fused = [*map(_fused, self.activations), NOTHING]  # nothing follows the last layer
        self.in_place = [activation is not None for activation in fused]
        self.fused = [activation or NOTHING for activation in fused]
        linear = [layer for layer in network if isinstance(layer, nn.Linear)]
        self.weights = [layer.weight.detach() for layer in linear]
        self.transposed = [weight.t() for weight in self.weights]
        self.biases = [layer.bias.detach() for layer in linear]
        # None where no phase trains it.
        self.weight_grads = [layer.weight.grad for layer in linear]
        self.bias_grads = [layer.bias.grad for layer in linear]
        self._buffers: dict[int, _Buffers] = {}

    def _buffers_for(self, n_rows: int) -> _Buffers:
        if n_rows not in self._buffers:
            widths = [len(weight) for weight in self.weights]
            n_in = self.weights[0].shape[1]

            def empty(width: int) -> torch.Tensor:
                return self.weights[0].new_empty((n_rows, width))

            before = [empty(width) for width in widths]
            after = [
                a if in_place else torch.empty_like(a)
                for a, in_place in zip(before, self.in_place, strict=True)
            ]
            upstream = [empty(width) for width in (n_in, *widths[:-1])]
            upstream_t = [g.t() for g in upstream]
            known = all(map(can_multiply, self.weights))
            work = [n_rows * weight.numel() if known else 0 for weight in self.weights]
            self._buffers[n_rows] = _Buffers(
                before,
                after,
                upstream,
                upstream_t,
                [n >= LEAST_WORK for n in work],
                [n >= LEAST_WORK_OF_GRADIENT for n in work],
            )
        return self._buffers[n_rows]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output, in a buffer that the next pass over as many rows overwrites."""
        buffers = self._buffers_for(x.size(0))
        self.x = x
        last = len(self.weights) - 1
        for i, (large, fused) in enumerate(zip(buffers.large, self.fused, strict=True)):
            a, after = buffers.before[i], buffers.after[i]
            if large:
                a = buffers.before[i] = multiply(x, self.weights[i], self.biases[i], fused)
                if self.in_place[i]:
                    after = buffers.after[i] = a
            else:
                torch.addmm(self.biases[i], x, self.transposed[i], out=a)
            if i < last and not (large and self.in_place[i]):
                self.slopes[i].forward(self.activations[i], a, after)
            x = after
        return x if self.path is None else x.addmm_(self.x, self.path.t())

    def backward(
        self, g: torch.Tensor, *, weights: bool = True, inputs: bool = True
    ) -> torch.Tensor:
        """Return the gradient by the input of the last pass, given that by its output.

        ``weights`` says whether parameters get theirs; without ``inputs``, what is returned
        is not that by the input.
        """
        buffers, g_t = self._buffers_for(g.size(0)), g.t()
        of_output = g
        for i in reversed(range(len(self.weights))):
            if weights:
                h = buffers.after[i - 1] if i else self.x
                if buffers.large_gradient[i]:
                    _there(self.weight_grads[i]).copy_(multiply(g_t, h.t()))
                else:
                    torch.mm(g_t, h, out=self.weight_grads[i])
                torch.sum(g, 0, out=self.bias_grads[i])
            if (i or inputs) and buffers.large[i]:
                g = multiply(g, self.transposed[i])
                g_t = g.t()
            elif i or inputs:
                torch.mm(g, self.weights[i], out=buffers.upstream[i])
                g, g_t = buffers.upstream[i], buffers.upstream_t[i]
            if i:
                a, h = buffers.before[i - 1], buffers.after[i - 1]
                self.slopes[i - 1].backward(self.activations[i - 1], g, a, h)
        return g.addmm_(of_output, self.path) if inputs and self.path is not None else g


def _there(gradient: torch.Tensor | None) -> torch.Tensor:
    assert gradient is not None  # the storage's
    return gradient


def _fused(activation: nn.Module) -> Activation | None:
    """Return the activation as part of a product, if its slope is known from what is after it."""
    if type(activation) is nn.ReLU:
        return Activation("relu", [])
    if type(activation) is nn.LeakyReLU and activation.negative_slope >= 0:
        return Activation("leaky_relu", [activation.negative_slope])
    return None


def is_plain(network: nn.Module) -> bool:
    """Return whether a network is linear layers with known activations between, unhooked.

    A linear path may lead past them.
    """
    if not isinstance(network, nn.Sequential) or len(network) % 2 == 0:
        return False
    linear, activations = list(network)[0::2], list(network)[1::2]
    return (
        type(network) in (nn.Sequential, SkipMLP)
        and all(type(layer) is nn.Linear and layer.bias is not None for layer in linear)
        and all(type(layer) in SLOPES for layer in activations)
        and all(parameter.requires_grad for parameter in network.parameters())
        and not any(_hooks(module) for module in network.modules())
    )


HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _hooks(module: nn.Module) -> bool:
    return any(getattr(module, name) for name in HOOKS) or any(
        parameter._backward_hooks for parameter in module.parameters(recurse=False)
    )


def can_derive(net: Net) -> bool:
    """Return whether :class:`PlainGradients` knows all phases and networks of a net."""
    module = net.module_
    networks = (module.encoder, module.decoder, module.discriminator)
    counts = [len(list(network.parameters())) for network in networks]
    distinct = {parameter for network in networks for parameter in network.parameters()}
    return (
        all(phase.loss in PlainGradients.DERIVED for phase in net.phases)
        and all(is_plain(network) for network in networks)
        and sum(counts) == len(distinct)  # no layer is shared
        and not any(_hooks(part) for part in (module, module.head))
        and type(net.criterion_) is AdversarialLoss
    )


class PlainGradients:
    """The gradients of each phase of a net for which :func:`can_derive` holds.

    Parameters must have gradients to write to.
    """

    def __init__(self, net: Net) -> None:
        module, self.criterion = net.module_, net.criterion_
        self.encoder = Perceptron(module.encoder)
        self.decoder = Perceptron(module.decoder)
        self.discriminator = Perceptron(module.discriminator)
        self.module, self.head = module, module.head
        self.posterior, self.prior = module.posterior, module.prior
        self._no_grad = torch.no_grad()  # once, for it is entered three times a step
        # Whether the encoder's output is the code.
        self.direct = (
            type(self.posterior) in (Deterministic, Universal)
            and not self.prior.has_support_transform
        )

    def __call__(self, phase: Phase, state: StepState) -> torch.Tensor:
        """Write the gradients of a phase's parameters; return its loss."""
        with self._no_grad:
            return self.DERIVED[phase.loss](self, state)

    def _encode(self, x: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        self._noise = noise
        self._encoded = self.encoder.forward(self.posterior.inputs(x, noise))
        return self._encoded if self.direct else self._code(self._encoded)

    def _code(self, h: torch.Tensor) -> torch.Tensor:
        if self._noise is None:
            return self.prior.transform_to_support(self.posterior.mode(h))
        return self.prior.transform_to_support(self.posterior.draw(h, self._noise))

    def _encode_backward(self, g: torch.Tensor) -> None:
        # Of the inputs of decoder and discriminator, the code comes first.
        g = g[:, : self.module.n_components]
        if not self.direct:
            with torch.enable_grad():
                h = self._encoded.detach().requires_grad_()
                (g,) = torch.autograd.grad(self._code(h), h, g)
        self.encoder.backward(g, inputs=False)

    def _reconstruction(self, state: StepState) -> torch.Tensor:
        batch = state.batch
        code = self._encode(batch.corrupted, state.noise(0))
        state.params = self.decoder.forward(self.module.decoder_inputs(code, batch.labels))
        loss, g = cell_loss_gradient(self.head, state.params, batch.x, batch.weights)
        self._encode_backward(self.decoder.backward(g))
        return loss

    def _discriminator(self, state: StepState) -> torch.Tensor:
        batch = state.batch
        state.codes = self._encode(batch.x, state.noise(1))
        logits = self.discriminator.forward(game_inputs(self.module, batch, state.codes))
        n = batch.prior.size(0)
        g = torch.sigmoid(logits)
        g[:n].sub_(1)
        self.discriminator.backward(g.mul_(0.5 / n), inputs=False)
        return self.criterion.discriminator(logits, n)

    def _generator(self, state: StepState) -> torch.Tensor:
        assert state.codes is not None  # phase 2 comes first
        inputs = self.module.discriminator_inputs(state.codes, state.batch.labels)
        logits = self.discriminator.forward(inputs)
        g = torch.sigmoid(logits).sub_(1).mul_(1 / logits.size(0))
        self._encode_backward(self.discriminator.backward(g, weights=False))
        return self.criterion.generator(logits)

    DERIVED: dict[Callable[..., Any], Callable[[PlainGradients, StepState], torch.Tensor]] = {
        reconstruction_loss: _reconstruction,
        discriminator_loss: _discriminator,
        generator_loss: _generator,
    }


def cell_loss_gradient(
    head: Head, params: torch.Tensor, x: torch.Tensor, weights: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean cell loss, by weights if they are given, and its gradient by ``params``.

    The gradients of the head's own parameters are written to their ``.grad``.
    """
    if type(head) is UnitHead:
        residual = head.mean(params) - x
        losses = residual.square()
        if head.any_constant:
            residual *= head.varying
        if weights is not None:
            losses *= weights
            residual *= weights
        return mean_of_cells(losses), residual.mul_(2 / x.numel())
    if type(head) is BernoulliHead and weights is None:
        loss = mean_cell_loss(head, params, x)
        return loss, torch.sigmoid(params).sub_(x).mul_(1 / x.numel())
    own = [parameter for parameter in head.parameters() if parameter.requires_grad]
    with torch.enable_grad():
        leaf = params.detach().requires_grad_()
        losses = head.cell_losses(leaf, x)
        loss = mean_of_cells(losses if weights is None else losses * weights)
        g, *own_grads = torch.autograd.grad(loss, [leaf, *own])
    for parameter, grad in zip(own, own_grads, strict=True):
        _there(parameter.grad).copy_(grad)
    return loss.detach(), g
