"""The isotropic Gaussian prior."""

from __future__ import annotations

import math

import torch

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import check_number


class Gaussian(Prior):
    r"""Isotropic Gaussian :math:`\mathcal{N}(0, s^2 I)`.

    Parameters
    ----------
    scale : float, default=1.0
        Standard deviation :math:`s` of every component.

    References
    ----------
    .. [1] Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Gaussian
    >>> draws = Gaussian(scale=5.0).sample(10_000, 2, torch.Generator().manual_seed(0))
    >>> round(float(draws.std()), 1)
    5.0
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    @property
    def suits_channel(self) -> bool:
        """Whether it is the standard normal."""
        return self.scale == 1

    def check(self, n_components: int) -> None:
        check_number(self, "scale", positive=True)

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        draws = torch.randn((n_samples, n_components), generator=generator, device=generator.device)
        return draws if self.scale == 1 else draws.mul_(self.scale)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        n_components = z.shape[1]
        constant = n_components * math.log(self.scale * math.sqrt(2 * math.pi))
        return -0.5 * (z / self.scale).square().sum(dim=1) - constant
