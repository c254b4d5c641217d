"""The universal approximator: noise is an input of the encoder."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.posteriors._base import Posterior


class Universal(Posterior):
    r"""Codes :math:`z = f(x, \eta)` with noise :math:`\eta \sim \mathcal{N}(0, I)` as an input.

    The encoder can turn the noise into a distribution of any shape around each row, where
    a Gaussian posterior has a mean and a variance only.  No density of the single
    posterior is needed: the adversary sees draws.

    ``transform`` returns the mean of the codes over ``n_draws`` fixed draws of the noise,
    the same for every row, so it is deterministic; the mean is taken before the support
    transform of a prior such as :class:`~sklearn_aae.priors.Categorical`.  Encoding takes
    ``n_draws`` passes.

    Parameters
    ----------
    input_noise : float, default=0.3
        Standard deviation of Gaussian noise added to the encoder's input in the
        reconstruction phase, in standard deviations of each column [2]_.
    n_noise_features : int or None, default=None
        Length of :math:`\eta`; None is ``n_components``.  An ``encoder`` of your own is
        asked for as many more inputs than the rows have columns; noise comes last.
    n_draws : int, default=16
        Number of fixed draws.  They come in pairs :math:`\pm\eta`, so that what is linear
        in the noise cancels; an odd number adds :math:`\eta = 0`.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 2.
    .. [2] P. Vincent et al., "Extracting and Composing Robust Features with
       Denoising Autoencoders", ICML 2008.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.posteriors import Universal
    >>> posterior = Universal(n_noise_features=1)
    >>> posterior.inputs(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5]]))
    tensor([[1.0000, 2.0000, 0.5000]])
    >>> posterior.encode(lambda row: row[:, :1] + row[:, 2:], torch.tensor([[1.0, 2.0]]), 1)
    tensor([[1.]])
    """

    takes_levels = False

    def __init__(
        self,
        input_noise: float = 0.3,
        n_noise_features: int | None = None,
        n_draws: int = 16,
    ) -> None:
        super().__init__(input_noise)
        self.n_noise_features = n_noise_features
        self.n_draws = n_draws

    def check(self) -> None:
        super().check()
        for name in ("n_noise_features", "n_draws"):
            value = getattr(self, name)
            if name == "n_noise_features" and value is None:
                continue
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(
                    f"Universal posterior: {name} must be a whole number of at least 1, got "
                    f"{value!r}."
                )

    def n_noise(self, n_components: int) -> int:
        return n_components if self.n_noise_features is None else self.n_noise_features

    def n_inputs(self, n_features: int, n_components: int) -> int:
        return n_features + self.n_noise(n_components)

    def inputs(self, x: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        if noise is None:
            raise ValueError("the universal posterior cannot be drawn from without noise.")
        return torch.cat([x, noise], dim=1)

    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        return h

    def encode(
        self, encoder: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, n_components: int
    ) -> torch.Tensor:
        # The mean of the codes over fixed draws of the noise.
        noise = self._fixed_noise(n_components).to(x.device, x.dtype)
        # One draw at a time: all of them at once would leave the processor's cache.
        passes = (encoder(self.inputs(x, eta.expand(len(x), -1))) for eta in noise)
        total = next(passes).clone()
        for codes in passes:
            total += codes
        return total / len(noise)

    def _fixed_noise(self, n_components: int) -> torch.Tensor:
        width = self.n_noise(n_components)
        half = torch.randn(self.n_draws // 2, width, generator=make_generator(0))
        return torch.cat([half, -half, torch.zeros(self.n_draws % 2, width)])
