"""The uniform prior on a ball."""

from __future__ import annotations

import math

import torch

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import check_number


class Ball(Prior):
    r"""Uniform distribution on the ball :math:`\{z : \|z\| \le r\}`.

    Unlike a box it has no corners and no preferred axes.  In :math:`k` components each
    has variance :math:`r^2 / (k + 2)`, and in many of them nearly all of the ball is
    close to its surface.

    Parameters
    ----------
    radius : float, default=2.0
        Radius :math:`r`; 2 gives unit variance in two components.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Ball
    >>> draws = Ball(3.0).sample(1000, 2, torch.Generator().manual_seed(0))
    >>> bool((draws.norm(dim=1) <= 3).all())
    True
    """

    def __init__(self, radius: float = 2.0) -> None:
        self.radius = radius

    def check(self, n_components: int) -> None:
        check_number(self, "radius", positive=True)

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        device = generator.device
        draws = torch.randn((n_samples, n_components), generator=generator, device=device)
        length = torch.rand((n_samples, 1), generator=generator, device=device)
        length = length.pow_(1 / n_components).mul_(self.radius)
        return draws.div_(draws.norm(dim=1, keepdim=True).clamp_(min=1e-30)).mul_(length)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        k = z.shape[1]
        volume = k / 2 * math.log(math.pi) - math.lgamma(k / 2 + 1) + k * math.log(self.radius)
        return torch.where(z.norm(dim=1) <= self.radius, -volume, -math.inf).to(z.dtype)
