"""Which kinds of score a detector has, and what it lacks for the others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sklearn_aae.detection.scores import AUTOREGRESSION, RULES, SCORES


def check_kind(kind: str, among: Collection[str], there: Collection[str], estimator: Any) -> None:
    """Raise ValueError unless a kind is among some, and there.

    ``estimator`` is the fitted model that a detector was given, if it was.
    """
    if not isinstance(kind, str):
        raise ValueError(f"kind={kind!r} is not known; choose from {sorted(among)}.")
    if kind in SCORES and kind not in there:
        raise ValueError(f"kind={kind!r} {_what_lacks(kind, there, estimator)}")
    if kind not in among:
        what = "is not a sum over columns" if kind in SCORES else "is not known"
        raise ValueError(f"kind={kind!r} {what}; choose from {sorted(among)}.")


def _what_lacks(kind: str, there: Collection[str], estimator: Any) -> str:
    """Return what a kind needs that a detector has not, and the remedy."""
    score = SCORES[kind]()
    if score.reads_references:
        return (
            "compares rows with stored ones, which were left out of the file; choose from "
            f"{sorted(there)}, or save the detector with references=True."
        )
    if score.needs == AUTOREGRESSION:
        return (
            "needs networks that were not trained; fit a detector with "
            f"AAEOutlierDetector(kind={kind!r})."
        )
    if score.needs == RULES:
        return (
            "needs rules, and none were found or given: fit a detector to a frame, or with "
            "rules=[Order('start', 'end'), ...]."
        )
    prior = type(estimator.net_.module_.prior).__name__
    return (
        f"needs a prior with a density where codes are, which {prior} has not; choose from "
        f"{sorted(there)}."
    )
