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
    Rows that ``sample`` draws scatter around the decoder's means as training rows do, by a
    mixture of normal distributions of codes and residuals that is estimated after training.

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

    def __init__(self, constant: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("noise", torch.ones(len(constant)))
        # A constant column is its value, whatever the decoder says.
        self.register_buffer("varying", torch.as_tensor(~constant, dtype=torch.float32))
        self.any_constant = bool(constant.any())

    def mean(self, params: torch.Tensor) -> torch.Tensor:
        return params * self.varying if self.any_constant else params

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (self.mean(params) - x).square()

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        shape, device, dtype = params.shape, params.device, params.dtype
        noise = torch.randn(shape, generator=generator, device=device, dtype=dtype)
        return torch.addcmul(self.mean(params), noise, self.noise * self.varying)

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        self.noise.copy_((self.mean(params) - x).square().nanmean(dim=0).sqrt())


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
