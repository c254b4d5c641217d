"""The Gaussian output: squared error, or a likelihood with learned variances."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._base import Head, Output

# A column that the decoder predicts exactly would drive its variance to zero and
# the likelihood to infinity; one percent of the column's spread is the floor.
MIN_SCALE = 0.01

# A lone parameter moves by about lr a step, where a layer's output moves by the sum
# of many; without this factor the scales of a small table never arrive.
SCALE_SPEED = 10.0

#: What residuals have in common is kept in at most so many directions.
MOST_FACTORS = 64


class Gaussian(Output):
    r"""Every column is Gaussian around the decoder's output, on the scaled table.

    Parameters
    ----------
    variance : {"unit", "learned"}, default="unit"
        ``"unit"``: the loss of a cell is the squared error
        :math:`(x - \hat x)^2`; after training the noise that ``sample`` adds is
        the root mean squared residual of each column on training rows.
        ``"learned"``: each column has a standard deviation :math:`\sigma_j`
        learned with the decoder, and the loss of a cell is
        :math:`\frac{(x - \hat x)^2}{2\sigma_j^2} + \log\sigma_j + \frac12\log 2\pi`,
        in nats of the scaled column.

    Notes
    -----
    In rows that ``sample`` draws, noise of different columns is correlated as their residuals
    are, shrunk after Ledoit and Wolf, and of more than 64 columns in 64 directions.

    Examples
    --------
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.outputs import Gaussian
    >>> AdversarialAutoencoder(output=Gaussian(variance="learned"))
    AdversarialAutoencoder(output=Gaussian(variance='learned'))
    """

    predicts_rows = True

    def __init__(self, variance: str = "unit") -> None:
        self.variance = variance

    def n_params(self, table: TableFacts) -> int:
        return table.n_features

    def build(self, table: TableFacts, generator: torch.Generator) -> Head:
        if self.variance not in ("unit", "learned"):
            raise ValueError(
                f'Gaussian output: variance must be "unit" or "learned", got {self.variance!r}.'
            )
        kind = LearnedHead if self.variance == "learned" else UnitHead
        return kind(table.constant)


class UnitHead(Head):
    noise: torch.Tensor
    varying: torch.Tensor
    factors: torch.Tensor
    own: torch.Tensor

    def __init__(self, constant: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("noise", torch.ones(len(constant)))
        # A column's noise is its own and its part of what several have in common.
        n_factors = min(len(constant), MOST_FACTORS)
        self.register_buffer("factors", torch.zeros(n_factors, len(constant)))
        self.register_buffer("own", torch.ones(len(constant)))
        # A constant column is its value, whatever the decoder says.
        self.register_buffer("varying", torch.as_tensor(~constant, dtype=torch.float32))
        self.any_constant = bool(constant.any())

    def mean(self, params: torch.Tensor) -> torch.Tensor:
        return params * self.varying if self.any_constant else params

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (self.mean(params) - x).square()

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self._add(params, standard_normal(params, generator))

    def draw_related(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        own = standard_normal(params, generator) * self.own
        common = standard_normal(params[:, : len(self.factors)], generator) @ self.factors
        return self._add(params, own + common)

    def _add(self, params: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.mean(params), noise, self.noise * self.varying)

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        residuals = self.mean(params) - x
        self.noise.copy_(residuals.square().nanmean(dim=0).sqrt())
        self._relate(residuals)

    def _relate(self, residuals: torch.Tensor) -> None:
        """Let noise be correlated as residuals are, NaN for those of missing numbers."""
        spread = residuals.square().nanmean(dim=0).sqrt()
        scaled = (residuals / spread.where(spread > 0, 1)).nan_to_num(posinf=0, neginf=0)
        sizes, directions = np.linalg.eigh(shrunk_correlation(scaled.double().cpu().numpy()))
        kept = slice(len(sizes) - len(self.factors), None)
        factors = (directions[:, kept] * np.sqrt(sizes[kept].clip(0))).T
        own = np.sqrt((1 - np.square(factors).sum(axis=0)).clip(0))
        self.factors.copy_(torch.as_tensor(factors))
        self.own.copy_(torch.as_tensor(own))


def standard_normal(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return standard normal draws of the shape, device and precision of a tensor."""
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def shrunk_correlation(scaled: np.ndarray) -> np.ndarray:
    """Return the correlation of columns of mean square 1, shrunk towards none.

    By as much as Ledoit and Wolf (2004) find best for so few rows.
    """
    n = len(scaled)
    correlation: np.ndarray = scaled.T @ scaled / n
    apart = np.square(correlation).sum() - np.square(np.diag(correlation)).sum()
    lengths = np.square(scaled).sum(axis=1)
    noise = (np.square(lengths).mean() - np.square(correlation).sum()) / n
    shrinkage = min(max(noise, 0.0) / apart, 1.0) if apart > 0 else 1.0
    correlation *= 1 - shrinkage
    np.fill_diagonal(correlation, 1.0)
    return correlation


class LearnedHead(UnitHead):
    def __init__(self, constant: np.ndarray) -> None:
        super().__init__(constant)
        self.raw_scale = nn.Parameter(torch.zeros(len(constant)))

    def log_scale(self) -> torch.Tensor:
        return (self.raw_scale * SCALE_SPEED).clamp(min=math.log(MIN_SCALE))

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        log_scale = self.log_scale()
        standardised = (self.mean(params) - x) * (-log_scale).exp()
        return 0.5 * standardised.square() + (log_scale + 0.5 * math.log(2 * math.pi))

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        self.noise.copy_(self.log_scale().detach().exp())
        self._relate(self.mean(params) - x)
