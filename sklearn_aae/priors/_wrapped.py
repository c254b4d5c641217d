"""Priors that wrap what the user already has: a callable, torch or scipy distributions."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import stats

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


#: Rows of float32 that should add up to 1 do so up to this.
SIMPLEX_TOLERANCE = 1e-5

#: What makes distributions when it is called with their parameters.
UNFROZEN = (stats.rv_continuous, stats.rv_discrete, *type(stats.multivariate_normal).__bases__)

ACCEPTED = (
    "A prior is a name, a Prior object, a torch.distributions.Distribution, a frozen scipy.stats "
    "distribution (one with rvs), or a function (n_samples, generator) that returns draws of shape "
    "(n_samples, n_components)."
)


def _draw_seed_from(generator: torch.Generator) -> int:
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def _as_codes(
    draws: Draws, shape: tuple[int, int], device: torch.device, what: str
) -> torch.Tensor:
    """Return draws as float32 codes without gradients, or say what is wrong with them."""
    # Priors are fixed: what draws them, a network perhaps, is not to be trained.
    tensor = draws.detach() if isinstance(draws, torch.Tensor) else _as_tensor(draws, what)
    if tensor.is_complex():
        raise TypeError(f"prior: {what} returned draws that are complex numbers.")
    codes = tensor.to(device=device, dtype=torch.float32)
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


def _as_tensor(draws: object, what: str) -> torch.Tensor:
    try:
        return torch.as_tensor(np.asarray(draws))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"prior: {what} returned {type(draws).__name__}, expected an array or tensor of "
            "numbers."
        ) from error


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
        or tensor of draws, from which gradients are cut off: a prior is fixed.  It
        should be a module-level function if the estimator is to be pickled.

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

    def check(self, n_components: int) -> None:
        if not callable(self.function) or isinstance(self.function, type):
            raise TypeError(f"prior: {self.function!r} is no function. {ACCEPTED}")
        if isinstance(self.function, stats.gaussian_kde):
            raise TypeError(
                "prior: a gaussian_kde draws by its resample, not when it is called; wrap it in a "
                "function, as in lambda n, generator: kde.resample(n, seed=int("
                "torch.randint(2**31, (), generator=generator, device=generator.device))).T. "
                f"{ACCEPTED}"
            )
        try:
            super().check(n_components)
        except TypeError as error:
            raise TypeError(
                f"prior: {_name(self.function)}(n_samples, generator) does not work: {error} "
                f"{ACCEPTED}"
            ) from error

    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        # A function that overlooks the generator must neither move the caller's
        # global stream nor give other draws under another one.
        with fenced(_draw_seed_from(generator), generator.device):
            draws = self.function(n_samples, generator)
        return draws, _name(self.function)


def _name(function: object) -> str:
    return getattr(function, "__name__", repr(function))


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
        distribution = type(self.distribution)
        if distribution.log_prob is torch.distributions.Distribution.log_prob:
            return super().log_prob(z)
        result = torch.full((len(z),), -math.inf, dtype=z.dtype, device=z.device)
        inside = self._inside(z)
        if not inside.any():  # some distributions cannot work on no rows
            return result
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
        if support is None or not len(z):
            return torch.ones(len(z), dtype=torch.bool, device=z.device)
        check: Callable[[torch.Tensor], torch.Tensor] = support.check
        return check(z).reshape(len(z), -1).all(dim=1)


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

    def check(self, n_components: int) -> None:
        distribution: object = self.distribution
        if not hasattr(distribution, "rvs") or isinstance(distribution, type):
            raise TypeError(f"prior: {distribution!r} is no distribution. {ACCEPTED}")
        if isinstance(distribution, UNFROZEN):
            name = type(distribution).__name__.removesuffix("_gen")
            raise TypeError(
                f"prior: the scipy.stats distribution {name} is not frozen; call it with its "
                f"parameters, as in stats.norm() or stats.gamma(2.0), and pass what it returns "
                f"(a histogram has none: stats.rv_histogram(...)()). {ACCEPTED}"
            )
        super().check(n_components)

    def _draws(
        self, n_samples: int, n_components: int, generator: torch.Generator
    ) -> tuple[Draws, str]:
        # Frozen univariate distributions carry the generic one they froze.
        univariate = hasattr(self.distribution, "dist")
        size = (n_samples, n_components) if univariate else n_samples
        rng = np.random.default_rng(_draw_seed_from(generator))
        try:
            found = self.distribution.rvs(size=size, random_state=rng)
        except ValueError as error:
            raise ValueError(
                f"prior: {self._name} cannot be drawn from for n_components={n_components}: {error}"
            ) from error
        draws = np.asarray(found, dtype=np.float32)
        if n_samples == 1:  # scipy drops the axis of a single draw
            draws = draws.reshape(1, -1)
        return draws, self._name

    @property
    def _name(self) -> str:
        """What messages call the distribution: a frozen one has no name of its own."""
        kind: Any = getattr(self.distribution, "dist", self.distribution)
        name = type(kind).__name__.removesuffix("_gen").removesuffix("_frozen")
        return f"the scipy.stats distribution {name}"

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        log = getattr(self.distribution, "logpdf", None) or getattr(
            self.distribution, "logpmf", None
        )
        if log is None:
            return super().log_prob(z)
        if not len(z):
            return z.new_zeros(0)
        codes = z.detach().cpu().numpy()
        on_simplex = isinstance(self.distribution, type(stats.dirichlet([1.0, 1.0])))
        density = self._on_simplex(codes) if on_simplex else np.asarray(log(codes))
        return torch.as_tensor(density.reshape(len(z), -1).sum(axis=1)).to(z.device, z.dtype)

    def _on_simplex(self, codes: np.ndarray) -> np.ndarray:
        """Return the log densities of a Dirichlet distribution, which wants points as columns."""
        distribution: Any = self.distribution
        alpha = np.asarray(distribution.alpha)
        if codes.shape[1] != len(alpha):
            raise ValueError(
                f"prior: codes have {codes.shape[1]} columns, the Dirichlet distribution has "
                f"{len(alpha)}."
            )
        sums = codes.sum(axis=1, dtype=np.float64)
        inside = (codes >= 0).all(axis=1) & (np.abs(sums - 1) < SIMPLEX_TOLERANCE)
        density = np.full(len(codes), -np.inf)
        points = codes[inside].astype(np.float64)
        # Draws may underflow to 0, where such a density is infinite.
        points[(points == 0) & (alpha < 1)] = np.finfo(np.float64).tiny
        points /= points.sum(axis=1, keepdims=True)
        if len(points):
            density[inside] = distribution.logpdf(points.T)
        return density
