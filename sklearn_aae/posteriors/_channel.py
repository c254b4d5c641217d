"""The posterior that is a noisy channel of known capacity."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import nn

from sklearn_aae._utils._ranks import batch_moments, batch_rows
from sklearn_aae.posteriors._base import Posterior

#: Weight of a batch in the running statistics.
MOMENTUM = 0.05
EPSILON = 1e-5


class Channel(Posterior):
    r"""The code in units of its standard deviation, shrunk, plus fixed noise.

    With :math:`e(x)` the encoder's output, :math:`m` and :math:`s` its mean and standard
    deviation over the batch and :math:`\sigma` the noise,

    .. math::

        z = \sqrt{1 - \sigma^2}\,\frac{e(x) - m}{s} + \sigma \varepsilon, \quad
        \varepsilon \sim \mathcal{N}(0, I),

    has mean 0 and variance 1 whatever the encoder does.  Such a channel carries at most
    :math:`-\log\sigma` nats a component, and most if its input is Gaussian, so
    reconstruction itself drives the codes towards a Gaussian prior; the adversary does
    the rest.  More noise makes codes that match the prior better and say less: at 0.6
    eight components carry up to 4.1 nats, at 0.3 up to 9.6, at 0.8 up to 1.8.

    ``transform`` returns the code before shrinking and noise, which has variance 1;
    ``inverse_transform`` applies the factor.

    Parameters
    ----------
    noise : float, default=0.6
        Standard deviation :math:`\sigma` of the noise, above 0 and below 1.
    input_noise : float, default=0.3
        Standard deviation of Gaussian noise added to the encoder's input in the
        reconstruction phase, in standard deviations of each column; only where the
        output is over numbers.

    References
    ----------
    .. [1] C. E. Shannon, "A Mathematical Theory of Communication", 1948, section 25: the
       capacity of a channel with Gaussian noise.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.posteriors import Channel
    >>> Channel(noise=0.6).to_decoder(torch.tensor([[1.0, -2.0]]))
    tensor([[ 0.8000, -1.6000]])
    """

    def __init__(self, noise: float = 0.6, input_noise: float = 0.3) -> None:
        super().__init__(input_noise)
        self.noise = noise

    def check(self) -> None:
        super().check()
        if not (isinstance(self.noise, Real) and 0 < self.noise < 1):
            raise ValueError(
                f"Channel posterior: noise must be above 0 and below 1, got {self.noise!r}; for "
                'no noise use posterior="deterministic".'
            )

    def n_noise(self, n_components: int) -> int:
        return n_components

    def tail(self, n_components: int) -> nn.Module:
        return CodeNorm(n_components)

    def to_decoder(self, code: torch.Tensor) -> torch.Tensor:
        return code * math.sqrt(1 - self.noise**2)

    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        if noise is None:
            raise ValueError("the channel posterior cannot be drawn from without noise.")
        return torch.add(self.to_decoder(h), noise, alpha=self.noise)


class CodeNorm(nn.Module):
    """Codes with mean 0 and variance 1: of the batch in training, else of the table.

    :class:`torch.nn.BatchNorm1d` without its affine part, but for two things: a batch of
    one row is let through, and :meth:`measure` sets the statistics to those of given
    rows, because running ones also see the rows with hidden cells.
    """

    center: torch.Tensor
    variance: torch.Tensor

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(n_components))
        self.register_buffer("variance", torch.ones(n_components))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        center, variance = self.center, self.variance
        if self.training and batch_rows(h) > 1:
            variance, center = batch_moments(h)
            self.center.lerp_(center.detach(), MOMENTUM)
            self.variance.lerp_(variance.detach(), MOMENTUM)
        return (h - center) * (variance + EPSILON).rsqrt()

    def measure(self, h: torch.Tensor) -> None:
        """Take the statistics from what the layer gets for rows of the table."""
        variance, center = torch.var_mean(h, dim=0, correction=0)
        self.center.copy_(center)
        self.variance.copy_(variance)
