"""Posteriors: how an encoder's output becomes a code."""

from __future__ import annotations

from typing import Protocol

from sklearn_aae._utils._registry import resolve
from sklearn_aae.posteriors._base import Posterior
from sklearn_aae.posteriors._channel import Channel
from sklearn_aae.posteriors._deterministic import Deterministic
from sklearn_aae.posteriors._gaussian import Gaussian
from sklearn_aae.posteriors._universal import Universal

__all__ = [
    "POSTERIORS",
    "Channel",
    "Deterministic",
    "Gaussian",
    "Posterior",
    "Universal",
    "as_posterior",
]

POSTERIORS: dict[str, type[Posterior]] = {
    "channel": Channel,
    "deterministic": Deterministic,
    "gaussian": Gaussian,
    "universal": Universal,
}


class _Prior(Protocol):
    """What decides whether a prior goes with the channel."""

    @property
    def suits_channel(self) -> bool: ...

    @property
    def has_support_transform(self) -> bool: ...


def as_posterior(
    posterior: str | type[Posterior] | Posterior,
    *,
    mixed: bool = False,
    prior: _Prior | None = None,
) -> Posterior:
    """Return the posterior that a constructor argument stands for.

    Parameters
    ----------
    posterior : str or Posterior
        ``"auto"`` stands for the deterministic posterior, or, for an output over levels
        and a prior that suits it, for the channel.
    mixed : bool, default=False
        Whether the output is over levels.
    prior : Prior or None, default=None
        What the codes should follow; None for the standard normal.

    Returns
    -------
    Posterior
        A fresh object.

    Raises
    ------
    ValueError
        If the name is unknown, a parameter is out of range, or the posterior does not
        go with the output or the prior.
    TypeError
        If the argument is neither a name nor a posterior.

    Examples
    --------
    >>> from sklearn_aae.posteriors import as_posterior
    >>> as_posterior("auto")
    Deterministic()
    """
    auto = "channel" if mixed and (prior is None or prior.suits_channel) else "deterministic"
    name = auto if isinstance(posterior, str) and posterior == "auto" else posterior
    resolved: Posterior = resolve(name, POSTERIORS, Posterior, "posterior")
    resolved.check()
    if mixed and not resolved.takes_levels:
        raise ValueError(
            f"posterior={posterior!r} reads noise beside columns of numbers, and this table is of "
            "mixed types; use 'gaussian' or 'channel', or output='gaussian' if all are numbers."
        )
    if isinstance(resolved, Channel) and prior is not None and prior.has_support_transform:
        raise ValueError(
            f"posterior={posterior!r} gives codes of mean 0 and variance 1, which codes of "
            f"prior={prior!r} are not; use 'deterministic' or 'gaussian'."
        )
    return resolved
