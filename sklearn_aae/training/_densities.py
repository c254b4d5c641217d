"""Mixtures of Student-t densities: what a decoder says of a cell that holds a number."""

from __future__ import annotations

import math
from typing import Any

import torch

#: Degrees of freedom of the decoder's densities: tails that a far cell does not fall off.
FREEDOM = 4.0
LOG_T_CONSTANT = (
    math.lgamma((FREEDOM + 1) / 2) - math.lgamma(FREEDOM / 2) - 0.5 * math.log(FREEDOM * math.pi)
)
#: Least scale of a density, in standard deviations of its column.
MIN_SCALE = 0.05


class Densities:
    """The decoder's mixtures: tensors of shape (M, n, n_densities, n_columns).

    Columns come last: sums over the few densities are then sums of long vectors.
    """

    def __init__(self, logits: torch.Tensor, centre: torch.Tensor, log_scale: torch.Tensor) -> None:
        self.logits, self.centre, self.log_scale = logits, centre, log_scale

    @property
    def log_weight(self) -> torch.Tensor:
        """Log weights of the densities."""
        return self.logits.log_softmax(dim=-2)

    @property
    def scale(self) -> torch.Tensor:
        """Scales of the densities."""
        return self.log_scale.exp() + MIN_SCALE

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log density of cells ``x`` (M, n, n_columns), in nats."""
        return _LogDensity.apply(self.logits, self.centre, self.log_scale, x.unsqueeze(-2))

    def mean(self) -> torch.Tensor:
        """Return the mean of each cell, of shape (M, n, n_columns)."""
        return (self.log_weight.exp() * self.centre).sum(dim=-2)


def log_mixture(
    log_weight: torch.Tensor, centre: torch.Tensor, scale: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Return the log density of mixtures at the points of a grid.

    Parameters
    ----------
    log_weight, centre, scale : Tensor of shape (n_mixtures, n_parts)
        The mixtures of Student-t densities.
    grid : Tensor of shape (n_points,)
        The points.

    Returns
    -------
    Tensor of shape (n_mixtures, n_points)
        Log densities.
    """
    inverse = 1 / scale
    u = (grid - centre.unsqueeze(2)) * inverse.unsqueeze(2)
    q = u.square_().div_(FREEDOM).add_(1.0)
    # q ** -2.5 without a power, which would take longer than all else.
    density = q.square().mul_(q.sqrt_()).reciprocal_()
    height = log_weight.exp() * inverse
    return (height.unsqueeze(1) @ density).squeeze(1).log() + LOG_T_CONSTANT


def _log_sum(terms: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the sum of exponentials over the densities."""
    if terms.shape[-2] == 2:  # a single kernel
        return torch.logaddexp(*terms.unbind(-2))
    return terms.logsumexp(dim=-2)


class _LogDensity(torch.autograd.Function):
    r"""The log density of a mixture of Student-t densities, with its gradient by hand.

    With :math:`u = (x - \mu_c) / s_c`, :math:`q = 1 + u^2 / \nu`, weights
    :math:`w = \mathrm{softmax}(a)` and responsibilities :math:`r`, the gradients are
    :math:`r_c - w_c` by :math:`a_c`, :math:`r_c h_c / s_c` by :math:`\mu_c` and
    :math:`r_c (u h_c - 1) / s_c` by :math:`s_c`, where :math:`h_c = (\nu + 1) u / (\nu q)`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        centre: torch.Tensor,
        log_scale: torch.Tensor,
        x: torch.Tensor,
    ) -> torch.Tensor:
        free = log_scale.exp()
        scale = free + MIN_SCALE
        u = (x - centre) / scale
        q = torch.addcmul(torch.ones((), dtype=u.dtype, device=u.device), u, u, value=1 / FREEDOM)
        joint = logits - ((FREEDOM + 1) / 2) * q.log() - scale.log()
        total, prior = _log_sum(joint), _log_sum(logits)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(logits, prior, joint, total, u, q, scale, free)
        return total - prior + LOG_T_CONSTANT

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        logits, prior, joint, total, u, q, scale, free = ctx.saved_tensors
        g = gradient.unsqueeze(-2)
        weight = (logits - prior.unsqueeze(-2)).exp_()
        share = (joint - total.unsqueeze(-2)).exp_()
        h = ((FREEDOM + 1) / FREEDOM) * u / q
        g_logits = (share - weight) * g
        pull = share * g / scale
        return g_logits, pull * h, pull * (u * h - 1) * free, None
