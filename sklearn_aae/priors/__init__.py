"""Prior distributions of the code: by name, as objects, or wrapping what you have."""

from __future__ import annotations

import torch

from sklearn_aae._utils._registry import resolve
from sklearn_aae.priors._ball import Ball
from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._categorical import Categorical
from sklearn_aae.priors._gaussian import Gaussian
from sklearn_aae.priors._learned import LearnedMixture
from sklearn_aae.priors._mixture import Mixture
from sklearn_aae.priors._product import Product
from sklearn_aae.priors._swiss_roll import SwissRoll
from sklearn_aae.priors._uniform import Uniform
from sklearn_aae.priors._wrapped import (
    ACCEPTED,
    CallablePrior,
    PriorLike,
    ScipyPrior,
    TorchPrior,
)

__all__ = [
    "PRIORS",
    "Ball",
    "CallablePrior",
    "Categorical",
    "Gaussian",
    "LearnedMixture",
    "Mixture",
    "Prior",
    "Product",
    "ScipyPrior",
    "SwissRoll",
    "TorchPrior",
    "Uniform",
    "as_prior",
]

PRIORS: dict[str, type[Prior]] = {
    "gaussian": Gaussian,
    "uniform": Uniform,
    "mixture": Mixture,
    "swiss_roll": SwissRoll,
    "categorical": Categorical,
    "learned": LearnedMixture,
}


def as_prior(prior: PriorLike, n_components: int) -> Prior:
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
    resolved = find_prior(prior)
    resolved.check(n_components)
    return resolved


def find_prior(prior: PriorLike) -> Prior:
    """Return what :func:`as_prior` does, whatever the width of the code."""
    if isinstance(prior, torch.distributions.Distribution):
        return TorchPrior(prior)
    if isinstance(prior, (str, Prior)) or (isinstance(prior, type) and issubclass(prior, Prior)):
        result: Prior = resolve(prior, PRIORS, Prior, "prior")
        return result
    if isinstance(prior, type):
        raise TypeError(f"prior must be an object, not the class {prior.__name__}. {ACCEPTED}")
    if hasattr(prior, "rvs"):
        return ScipyPrior(prior)
    if callable(prior):
        return CallablePrior(prior)
    raise TypeError(
        f"prior must be one of {sorted(PRIORS)}; got {prior!r}.{_hint(prior)} {ACCEPTED}"
    )


def _hint(prior: object) -> str:
    """Return how else to offer what is no prior, if there is a way."""
    if not hasattr(prior, "sample"):
        return ""
    if hasattr(prior, "covariance_type"):
        return (
            " Fit a mixture and pass its parameters: priors.Mixture(means=gmm.means_, "
            "covariances=gmm.covariances_, weights=gmm.weights_)."
        )
    return " Wrap what has a sample method, once it is fitted, in a function."
