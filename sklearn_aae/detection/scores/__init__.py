"""Kinds of score: what makes a row anomalous, as functions of what a fitted model says.

A new kind is one file with a subclass of :class:`Score`, one row here and one line in the
contract test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from sklearn_aae.detection.scores._autoregressive import Autoregressive
from sklearn_aae.detection.scores._base import (
    AUTOREGRESSION,
    DENSITY,
    RULES,
    Evidence,
    Neighbours,
    Score,
    fold,
)
from sklearn_aae.detection.scores._gpnd import GPND
from sklearn_aae.detection.scores._latent import Discriminator, Latent
from sklearn_aae.detection.scores._likelihood import Likelihood, Marginal
from sklearn_aae.detection.scores._mixture import Default, Model, Reference, usual_farthest
from sklearn_aae.detection.scores._mode_divergence import ModeDivergence
from sklearn_aae.detection.scores._reconstruction import Reconstruction
from sklearn_aae.detection.scores._rules import BrokenRules

__all__ = [
    "AUTOREGRESSION",
    "DENSITY",
    "GPND",
    "OF_CLEAN",
    "RULES",
    "SCORES",
    "Autoregressive",
    "BrokenRules",
    "Default",
    "Discriminator",
    "Evidence",
    "Latent",
    "Likelihood",
    "Marginal",
    "ModeDivergence",
    "Model",
    "Neighbours",
    "Reconstruction",
    "Reference",
    "Score",
    "additive_kinds",
    "fold",
    "kinds_with",
    "usual_farthest",
]

SCORES: dict[str, Callable[[], Score]] = {
    "default": Default,
    "model": Model,
    "reference": Reference,
    "likelihood": Likelihood,
    "autoregressive": Autoregressive,
    "marginal": Marginal,
    "reconstruction": Reconstruction,
    "latent": Latent,
    "discriminator": Discriminator,
    "mode_divergence": ModeDivergence,
    "gpnd": GPND,
    "rules": BrokenRules,
}
#: What takes their place where training rows are known to be normal.
OF_CLEAN: dict[str, Callable[[], Score]] = {"default": partial(Default, clean=True)}


def additive_kinds() -> list[str]:
    """Return the kinds whose scores are sums over columns.

    Returns
    -------
    list of str
        Keys of ``SCORES``.
    """
    return [kind for kind, score in SCORES.items() if score().additive]


def kinds_with(provided: Collection[str] = ()) -> list[str]:
    """Return the kinds that a fit gives.

    Parameters
    ----------
    provided : collection of str, default=()
        What it has that a score may need: ``AUTOREGRESSION``, ``DENSITY``, ``RULES``.

    Returns
    -------
    list of str
        Keys of ``SCORES``.
    """
    return [kind for kind, new in SCORES.items() if new().needs in (None, *provided)]
