"""A mixture of Gaussians as tensors: draws and densities, by mode."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import torch

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import check_modes


class GaussianModes(NamedTuple):
    """Weights, means and Cholesky factors of the covariances, in float64 on the CPU.

    Attributes
    ----------
    weights : Tensor of shape (n_modes,)
        Probabilities.
    means : Tensor of shape (n_modes, n_components)
        Means.
    factors : Tensor of shape (n_modes, n_components, n_components)
        Lower triangular factors of the covariances.
    """

    weights: torch.Tensor
    means: torch.Tensor
    factors: torch.Tensor

    def draw(self, n_samples: int, generator: torch.Generator) -> torch.Tensor:
        """Return draws of the whole mixture."""
        return self.draw_from(draw_categories(self.weights, n_samples, generator), generator)

    def draw_from(self, modes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one draw, float32, from each of the modes."""
        device = generator.device
        modes = modes.to(device)
        shape = (len(modes), self.means.shape[1])
        draws = torch.randn(shape, generator=generator, device=device)
        means = self.means.to(device, torch.float32)
        factors = self.factors.to(device, torch.float32)
        # Mode by mode: a factor for every draw would be n_components times the draws.
        for mode in torch.unique(modes).tolist():
            rows = modes == mode
            draws[rows] = torch.addmm(means[mode], draws[rows], factors[mode].t())
        return draws

    def log_joint(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log density of each row and mode together, (n_samples, n_modes)."""
        k = self.means.shape[1]
        means, factors = (part.to(z.device, z.dtype) for part in (self.means, self.factors))
        constants = self.weights.log() - self.factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        constants = (constants - 0.5 * k * math.log(2 * math.pi)).to(z.device, z.dtype)
        columns = []
        for mean, factor, constant in zip(means, factors, constants, strict=True):
            white = torch.linalg.solve_triangular(factor, (z - mean).t(), upper=False)
            columns.append(constant - 0.5 * white.square().sum(dim=0))
        return torch.stack(columns, dim=1)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log density of each row under the mixture."""
        return torch.logsumexp(self.log_joint(z), dim=1)


class MixtureOfGaussians(Prior):
    """Shared by priors that are mixtures of Gaussians, fixed or learned."""

    @abstractmethod
    def _modes(self, k: int) -> GaussianModes:
        """Return the mixture in ``k`` components, or raise."""

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        return self._modes(n_components).draw(n_samples, generator)

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        mixture = self._modes(n_components)
        return mixture.draw_from(check_modes(modes, len(mixture.weights), self), generator)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        return self._modes(z.shape[1]).log_prob(z)


def draw_categories(
    weights: torch.Tensor, n_samples: int, generator: torch.Generator
) -> torch.Tensor:
    """Return category numbers drawn with the given probabilities.

    By inversion of one uniform number each, which has no limit on the number of
    categories or draws as ``multinomial`` has.
    """
    device = generator.device
    edges = weights.to(device, torch.float64).cumsum(0)
    uniform = torch.rand(n_samples, generator=generator, device=device, dtype=torch.float64)
    # Rounding may leave the last edge a little below the largest uniform number.
    return torch.searchsorted(edges[:-1].contiguous(), uniform, right=True)
