"""Posteriors: how an encoder's output becomes a code."""

from __future__ import annotations

from sklearn_aae._registry import resolve
from sklearn_aae.posteriors._base import Posterior
from sklearn_aae.posteriors._channel import Channel, CodeNorm
from sklearn_aae.posteriors._deterministic import Deterministic
from sklearn_aae.posteriors._gaussian import Gaussian

__all__ = [
    "POSTERIORS",
    "Channel",
    "CodeNorm",
    "Deterministic",
    "Gaussian",
    "Posterior",
    "as_posterior",
]

POSTERIORS: dict[str, type[Posterior]] = {
    "channel": Channel,
    "deterministic": Deterministic,
    "gaussian": Gaussian,
}


def as_posterior(posterior: str | type[Posterior] | Posterior, *, mixed: bool = False) -> Posterior:
    """Return the posterior that a constructor argument stands for.

    Parameters
    ----------
    posterior : str or Posterior
        ``"auto"`` stands for the deterministic posterior, or the channel for an output
        over levels.
    mixed : bool, default=False
        Whether the output is over levels.

    Returns
    -------
    Posterior
        A fresh object.

    Raises
    ------
    ValueError
        If the name is unknown or a parameter is out of range.
    TypeError
        If the argument is neither a name nor a posterior.

    Examples
    --------
    >>> from sklearn_aae.posteriors import as_posterior
    >>> as_posterior("auto")
    Deterministic()
    """
    auto = "channel" if mixed else "deterministic"
    name = auto if isinstance(posterior, str) and posterior == "auto" else posterior
    resolved = resolve(name, POSTERIORS, Posterior, "posterior")
    resolved.check()
    return resolved
