"""Kinds of score: what makes a row anomalous, as functions of what a fitted model says.

A new kind is one file with a subclass of :class:`Score`, one row here and one line in the
contract test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

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
from sklearn_aae.detection.scores._mixture import Default, Model, Reference
from sklearn_aae.detection.scores._mode_divergence import ModeDivergence
from sklearn_aae.detection.scores._reconstruction import Reconstruction
from sklearn_aae.detection.scores._rules import BrokenRules

__all__ = [
    "AUTOREGRESSION",
    "DENSITY",
    "GPND",
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
    "check_kind",
    "fold",
    "kinds_with",
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


def check_kind(kind: str, among: Collection[str], fitted: Collection[str], model: Any) -> None:
    """Raise unless a detector can score by a kind.

    Parameters
    ----------
    kind : str
        The kind.
    among : collection of str
        Those that would do.
    fitted : collection of str
        Those that the detector has.
    model : AdversarialAutoencoder or None
        The model that the detector is made of.

    Raises
    ------
    ValueError
        If it is not fitted, or not among them; the message says why.
    """
    if kind in SCORES and kind not in fitted:
        raise ValueError(f"kind={kind!r} {_what_lacks(kind, fitted, model)}")
    if kind not in among:
        what = "is not a sum over columns" if kind in SCORES else "is not known"
        raise ValueError(f"kind={kind!r} {what}; choose from {sorted(among)}.")


def _what_lacks(kind: str, fitted: Collection[str], model: Any) -> str:
    """Return what a kind needs that a detector has not, and the remedy."""
    score = SCORES[kind]()
    if score.reads_references:
        return (
            "compares rows with stored ones, which were left out of the file; choose from "
            f"{sorted(fitted)}, or save the detector with references=True."
        )
    if score.needs == AUTOREGRESSION:
        return (
            "needs networks that were not trained; fit a detector with "
            f"AAEOutlierDetector(kind={kind!r})."
        )
    prior = type(model.net_.module_.prior).__name__
    return (
        f"needs a prior with a density where codes are, which {prior} has not; choose "
        f"from {sorted(fitted)}."
    )
