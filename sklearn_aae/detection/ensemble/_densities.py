"""Mixtures of Student-t densities: what a decoder says of a cell that holds a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import softplus

#: Degrees of freedom of the decoder's densities: tails that a far cell does not fall off.
FREEDOM = 4.0
LOG_T_CONSTANT = (
    math.lgamma((FREEDOM + 1) / 2) - math.lgamma(FREEDOM / 2) - 0.5 * math.log(FREEDOM * math.pi)
)
#: Largest log scale: the density is then next to nothing, and its logarithm finite.
MOST_LOG_SCALE = 20.0
#: Least scale of a density, in standard deviations of its column.
MIN_SCALE = 0.05
#: What is said of densities in words of cells lies within so many standard deviations.
MOST = 10.0
#: The share of cells that are below an interval, and of those above it.
TAIL = 0.05
#: Spacing of the grid that intervals are read from.
SPACING = 0.05


class Densities:
    """The decoder's mixtures: tensors of shape (M, n, n_densities, n_columns).

    Columns come last: sums over the few densities are then sums of long vectors.
    """

    def __init__(self, logits: torch.Tensor, centre: torch.Tensor, log_scale: torch.Tensor) -> None:
        self.logits, self.centre = logits, centre
        # For a code far from all that was trained on the decoder may ask for any scale.
        self.log_scale = log_scale.clamp(max=MOST_LOG_SCALE)

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
        log_density: Callable[..., torch.Tensor] = _LogDensity.apply
        return log_density(self.logits, self.centre, self.log_scale, x.unsqueeze(-2))

    def mean(self) -> torch.Tensor:
        """Return the mean of each cell, of shape (M, n, n_columns)."""
        if self.centre.shape[-2] == 2:  # the quicker way
            a, b = self.logits.unbind(-2)
            first, second = self.centre.unbind(-2)
            return torch.lerp(first, second, (b - a).sigmoid_())
        return (self.log_weight.exp() * self.centre).sum(dim=-2)

    def interval(self, index: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        """Return mode, 5 % and 95 % quantile (3, n) of one cell of each row.

        Its column's index (M, n) among a member's, where the member sees it (M, n): the mixtures
        of these members are taken together.
        """

        def of_cell(tensor: torch.Tensor) -> torch.Tensor:
            m, n, c, _ = tensor.shape
            cell = tensor.gather(3, index.view(m, n, 1, 1).expand(-1, -1, c, -1)).squeeze(3)
            return cell.transpose(0, 1).reshape(n, m * c)

        n_parts = self.centre.shape[2]
        weight = (sees.log() - sees.sum(dim=0).clamp(min=1).log()).T.repeat_interleave(n_parts, 1)
        grid = torch.linspace(-MOST, MOST, round(2 * MOST / SPACING) + 1).to(weight)
        log_weight = of_cell(self.log_weight) + weight
        log_density = log_mixture(log_weight, of_cell(self.centre), of_cell(self.scale), grid)
        mode = grid[log_density.argmax(dim=1)]
        mass = log_density.exp().cumsum(dim=1)
        levels = torch.tensor([TAIL, 1 - TAIL]).to(mass) * mass[:, -1:]
        quantiles = grid[torch.searchsorted(mass, levels).clamp(max=len(grid) - 1)]
        return torch.stack([mode, *quantiles.unbind(1)])


def log_mixture(
    log_weight: torch.Tensor, centre: torch.Tensor, scale: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Return the log density of mixtures (n_mixtures, n_parts) at the points of a grid."""
    inverse = 1 / scale
    u = (grid - centre.unsqueeze(2)) * inverse.unsqueeze(2)
    q = u.square_().div_(FREEDOM).add_(1.0)
    # q ** -2.5 without a power, which would take longer than all else.
    density = q.square().mul_(q.sqrt_()).reciprocal_()
    height = log_weight.exp() * inverse
    return (height.unsqueeze(1) @ density).squeeze(1).log() + LOG_T_CONSTANT


def _log_sum(terms: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the sum of exponentials over the densities."""
    if terms.shape[-2] == 2:  # quicker than torch.logaddexp by an order of magnitude
        a, b = terms.unbind(-2)
        # From 40 on log(1 + exp(x)) is x, in float64 too.
        return a + softplus(b - a, threshold=40.0)
    return terms.logsumexp(dim=-2)


class TracedMixture:
    r"""The log density of a mixture of Student-t densities, and its gradient.

    With :math:`u = (x - \mu_c) / s_c`, :math:`q = 1 + u^2 / \nu`, weights
    :math:`w = \mathrm{softmax}(a)` and responsibilities :math:`r`, the gradients are
    :math:`r_c - w_c` by :math:`a_c`, :math:`r_c h_c / s_c` by :math:`\mu_c` and
    :math:`r_c (u h_c - 1) / s_c` by :math:`s_c`, where :math:`h_c = (\nu + 1) u / (\nu q)`.

    Parameters
    ----------
    logits, centre, log_scale : Tensor of shape (..., n_densities, n_cells)
        The mixtures.
    x : Tensor of shape (..., 1, n_cells)
        The cells.
    """

    def __init__(
        self,
        logits: torch.Tensor,
        centre: torch.Tensor,
        log_scale: torch.Tensor,
        x: torch.Tensor,
    ) -> None:
        self.free = log_scale.exp()
        self.scale = self.free + MIN_SCALE
        self.u = (x - centre).div_(self.scale)
        one = torch.ones((), dtype=self.u.dtype, device=self.u.device)
        self.q = torch.addcmul(one, self.u, self.u, value=1 / FREEDOM)
        self.logits = logits
        joint = torch.sub(logits, self.q.log(), alpha=(FREEDOM + 1) / 2)
        self.joint = joint.sub_(self.scale.log())
        self.total, self.prior = _log_sum(self.joint), _log_sum(logits)
        self.log_density = (self.total - self.prior).add_(LOG_T_CONSTANT)

    def back(self, g: torch.Tensor, out: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
        """Put the gradients by logits, centre and log scale into ``out``; once only.

        ``g`` (..., 1, n_cells) is the gradient by the log density.  ``out`` may be what the
        gradients are by.
        """
        share = self.joint.sub_(self.total.unsqueeze(-2)).exp_()
        weight = (self.logits - self.prior.unsqueeze(-2)).exp_()
        of_logits, of_centre, of_log_scale = out
        torch.mul(weight.sub_(share).neg_(), g, out=of_logits)
        pull = share.mul_(g).div_(self.scale)
        h = torch.div(self.u, self.q.mul_(FREEDOM / (FREEDOM + 1)), out=self.q)
        torch.mul(pull, h, out=of_centre)
        torch.mul(pull, self.u.mul_(h).sub_(1.0), out=of_log_scale)
        of_log_scale.mul_(self.free)


class _LogDensity(torch.autograd.Function):
    """:class:`TracedMixture` for autograd."""

    @staticmethod
    def forward(ctx: Any, *arguments: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(*arguments)
        return TracedMixture(*arguments).log_density

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        # Anew, because whoever calls it twice must find the same.
        mixture = TracedMixture(*ctx.saved_tensors)
        a, b, c = (torch.empty_like(mixture.u) for _ in range(3))
        mixture.back(gradient.unsqueeze(-2), (a, b, c))
        return a, b, c, None
