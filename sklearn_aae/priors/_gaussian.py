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
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.

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
        """Raise ValueError unless ``scale`` is a positive number.

        Parameters
        ----------
        n_components : int
            Width of the code; any will do.

        Raises
        ------
        ValueError
            If ``scale`` is not positive.
        TypeError
            If it is no number.
        """
        check_number(self, "scale", above=0)

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        """Draw codes.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        n_components : int
            Width of the code.
        generator : torch.Generator
            Source of all randomness; its device is the device of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_components), float32
            The draws.
        """
        draws = torch.randn((n_samples, n_components), generator=generator, device=generator.device)
        return draws if self.scale == 1 else draws.mul_(self.scale)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log density of each row, in nats.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples,)
            Log densities.
        """
        n_components = z.shape[1]
        constant = n_components * math.log(self.scale * math.sqrt(2 * math.pi))
        return -0.5 * (z / self.scale).square().sum(dim=1) - constant
