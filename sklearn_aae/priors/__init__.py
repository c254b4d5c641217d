"""Prior distributions of the code: by name, as objects, or wrapping what you have."""

from __future__ import annotations

from typing import Any

import torch

from sklearn_aae._registry import resolve
from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._gaussian import Gaussian
from sklearn_aae.priors._uniform import Uniform
from sklearn_aae.priors._wrapped import CallablePrior, ScipyPrior, TorchPrior

__all__ = [
    "PRIORS",
    "CallablePrior",
    "Gaussian",
    "Prior",
    "ScipyPrior",
    "TorchPrior",
    "Uniform",
    "as_prior",
]

PRIORS: dict[str, type[Prior]] = {"gaussian": Gaussian, "uniform": Uniform}


def as_prior(prior: Any, n_components: int) -> Prior:
    """Return the prior that a constructor argument stands for.

    Parameters
    ----------
    prior : str, Prior, torch.distributions.Distribution, frozen scipy.stats \
            distribution or callable
        What the user passed.
    n_components : int
        Width of the code, which the prior must be able to draw.

    Returns
    -------
    Prior
        A fresh object; the argument is not changed.

    Raises
    ------
    ValueError
        If the name is unknown or the prior cannot be drawn in this width.
    TypeError
        If the argument is none of the above.

    Examples
    --------
    >>> from sklearn_aae.priors import as_prior
    >>> as_prior("gaussian", 2)
    Gaussian()
    """
    if isinstance(prior, torch.distributions.Distribution):
        resolved: Prior = TorchPrior(prior)
    elif hasattr(prior, "rvs"):
        resolved = ScipyPrior(prior)
    elif callable(prior) and not isinstance(prior, type):
        resolved = CallablePrior(prior)
    else:
        resolved = resolve(prior, PRIORS, Prior, "prior")
    resolved.check(n_components)
    return resolved
