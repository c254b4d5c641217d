"""The uniform prior on a box."""

from __future__ import annotations

import math

import torch

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import check_number


class Uniform(Prior):
    r"""Uniform distribution on the box :math:`[low, high]^k`.

    Parameters
    ----------
    low, high : float, default=-1.0 and 1.0
        Edges of the box, the same for every component.

    See Also
    --------
    Ball : The uniform distribution on a ball.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Uniform
    >>> draws = Uniform(0, 1).sample(1000, 3, torch.Generator().manual_seed(0))
    >>> bool((draws >= 0).all() and (draws <= 1).all())
    True
    """

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        self.low = low
        self.high = high

    def check(self, n_components: int) -> None:
        check_number(self, "low")
        check_number(self, "high")
        if self.low >= self.high:
            raise ValueError(
                f"Uniform prior: low must be below high, got low={self.low!r}, high={self.high!r}."
            )

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        draws = torch.rand((n_samples, n_components), generator=generator, device=generator.device)
        return draws.mul_(self.high - self.low).add_(self.low)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        inside = ((z >= self.low) & (z <= self.high)).all(dim=1)
        density = -z.shape[1] * math.log(self.high - self.low)
        return torch.where(inside, density, -math.inf).to(z.dtype)
