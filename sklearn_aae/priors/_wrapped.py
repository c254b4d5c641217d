"""Priors that wrap what the user already has: a callable, torch or scipy distributions."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike

from sklearn_aae._utils._random import fenced
from sklearn_aae.priors._base import Prior

Draws = np.ndarray | torch.Tensor
DrawFunction = Callable[[int, torch.Generator], Draws]


class FrozenDistribution(Protocol):
    """A frozen distribution of :mod:`scipy.stats`."""

    def rvs(
        self, *, size: int | tuple[int, int], random_state: np.random.Generator
    ) -> ArrayLike: ...


#: What stands for a prior.
PriorLike = (
    str | type[Prior] | Prior | torch.distributions.Distribution | FrozenDistribution | DrawFunction
)


def _draw_seed_from(generator: torch.Generator) -> int:
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def _as_codes(
    draws: Draws, shape: tuple[int, int], device: torch.device, what: str
) -> torch.Tensor:
    """Return draws as float32 codes, or say what is wrong with them."""
    codes = torch.as_tensor(draws).to(device=device, dtype=torch.float32)
    if codes.ndim == 1 and shape[1] == 1:
        codes = codes[:, None]
    if tuple(codes.shape) != shape:
        raise ValueError(
            f"prior: {what} returned draws of shape {tuple(codes.shape)}, "
            f"expected (n_samples, n_components) = {shape}."
        )
    if not bool(torch.isfinite(codes).all()):
        raise ValueError(f"prior: {what} returned draws that are not finite.")
    return codes


class _Wrapped(Prior):
    """Shared by the wrappers: a width is possible if draws of that width are."""

    def check(self, n_components: int) -> None:
        self.sample(2, n_components, torch.Generator().manual_seed(0))

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        draws, what = self._draws(n_samples, n_components, generator)
        return _as_codes(draws, (n_samples, n_components), generator.device, what)

    @abstractmethod
    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        """Return draws as they come, and what to call their source in an error."""


class CallablePrior(_Wrapped):
    """Prior given by a function ``(n_samples, generator) -> (n_samples, n_components)``.

    Parameters
    ----------
    function : callable
        Takes the number of draws and a :class:`torch.Generator`, returns an array
        or tensor of draws.  It should be a module-level function if the estimator
        is to be pickled.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import CallablePrior
    >>> def line(n_samples, generator):
    ...     return torch.rand((n_samples, 1), generator=generator).repeat(1, 2)
    >>> CallablePrior(line).sample(4, 2, torch.Generator()).shape
    torch.Size([4, 2])
    """

    def __init__(self, function: DrawFunction) -> None:
        self.function = function

    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        # A function that overlooks the generator must neither move the caller's
        # global stream nor give other draws under another one.
        with fenced(_draw_seed_from(generator), generator.device):
            draws = self.function(n_samples, generator)
        return draws, getattr(self.function, "__name__", repr(self.function))


class TorchPrior(_Wrapped):
    """Prior given by a :class:`torch.distributions.Distribution`.

    Parameters
    ----------
    distribution : torch.distributions.Distribution
        Over vectors of ``n_components`` (batch and event shape together), or over
        scalars, which then gives independent components.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import TorchPrior
    >>> prior = TorchPrior(torch.distributions.Laplace(0.0, 1.0))
    >>> prior.sample(4, 3, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3])
    """

    def __init__(self, distribution: torch.distributions.Distribution) -> None:
        self.distribution = distribution

    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        of_vectors = bool(self.distribution.batch_shape + self.distribution.event_shape)
        shape = (n_samples,) if of_vectors else (n_samples, n_components)
        # torch distributions draw from the global generator only.
        with fenced(_draw_seed_from(generator), generator.device):
            draws = self.distribution.sample(shape)
        return draws, repr(self.distribution)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        result = torch.full((len(z),), -math.inf, dtype=z.dtype, device=z.device)
        inside = self._inside(z)
        try:
            log_prob = self.distribution.log_prob(z[inside])
        except NotImplementedError:
            return super().log_prob(z)
        result[inside] = log_prob.reshape(int(inside.sum()), -1).sum(dim=1).to(z.dtype)
        return result

    def _inside(self, z: torch.Tensor) -> torch.Tensor:
        """Return which rows are in the support; outside of it torch would raise."""
        try:
            support = self.distribution.support
        except NotImplementedError:
            support = None
        if support is None:
            return torch.ones(len(z), dtype=torch.bool, device=z.device)
        return support.check(z).reshape(len(z), -1).all(dim=1)


class ScipyPrior(_Wrapped):
    """Prior given by a frozen distribution of :mod:`scipy.stats`.

    Parameters
    ----------
    distribution : frozen scipy.stats distribution
        Multivariate of ``n_components``, or univariate, which then gives
        independent components.

    Examples
    --------
    >>> import torch
    >>> from scipy import stats
    >>> from sklearn_aae.priors import ScipyPrior
    >>> ScipyPrior(stats.norm()).sample(4, 3, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3])
    """

    def __init__(self, distribution: FrozenDistribution) -> None:
        self.distribution = distribution

    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        # Frozen univariate distributions carry the generic one they froze.
        univariate = hasattr(self.distribution, "dist")
        size = (n_samples, n_components) if univariate else n_samples
        rng = np.random.default_rng(_draw_seed_from(generator))
        draws = np.asarray(self.distribution.rvs(size=size, random_state=rng), dtype=np.float32)
        if n_samples == 1:  # scipy drops the axis of a single draw
            draws = draws.reshape(1, -1)
        return draws, repr(self.distribution)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        log = getattr(self.distribution, "logpdf", None) or getattr(
            self.distribution, "logpmf", None
        )
        if log is None:
            return super().log_prob(z)
        density = np.asarray(log(z.detach().cpu().numpy()))
        return torch.as_tensor(density.reshape(len(z), -1).sum(axis=1)).to(z.device, z.dtype)
