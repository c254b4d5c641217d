"""Adam on one flat buffer, in one call."""

from __future__ import annotations

import torch


class FusedAdam:
    """What :class:`torch.optim.Adam` comes to for one tensor, without the way there.

    The functions above torch's kernel take three times as long to find out that there is
    one tensor as the kernel takes on layers this small.

    Parameters
    ----------
    values, gradient : Tensor of shape (n_values,)
        What to optimize, in place, and where its gradient will be.

    Attributes
    ----------
    moments : tuple of two Tensors of shape (n_values,)
        Running means of the gradient and of its square.
    step_count : Tensor of shape (), float32
        Steps taken.

    References
    ----------
    .. [1] Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    def __init__(self, values: torch.Tensor, gradient: torch.Tensor) -> None:
        self.values, self.gradient = values, gradient
        self.moments = torch.zeros_like(values), torch.zeros_like(values)
        self.step_count = torch.zeros((), dtype=torch.float32, device=values.device)

    def step(
        self,
        lr: float | torch.Tensor,
        betas: tuple[float, float],
        *,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        """Take a step; parameters are those of :class:`torch.optim.Adam`."""
        self.step_count += 1
        first, second = self.moments
        torch._fused_adam_(
            [self.values],
            [self.gradient],
            [first],
            [second],
            [],
            [self.step_count],
            lr=lr,
            beta1=betas[0],
            beta2=betas[1],
            weight_decay=weight_decay,
            eps=eps,
            amsgrad=False,
            maximize=maximize,
        )
