"""Out-of-fold scores: those of detectors that have not seen a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from sklearn_aae.detection._calibration import RowPlan
from sklearn_aae.detection._progress import Progress
from sklearn_aae.detection.ensemble import EnsemblePlan, Excerpt

#: Out-of-fold scores are lowered by this share, so that what ties but for rounding ties.
ROUNDING = 1e-9


def score_out_of_fold(
    detector: Any,
    table: Any,
    plan: RowPlan,
    training: EnsemblePlan,
    seed: int,
    progress: Progress,
) -> list[dict[str, np.ndarray]]:
    """Return the scores of the rows of each fold, by kind, by a detector of the other folds.

    That is a clone that opens, reads and learns the other folds' rows as if there were no others:
    what kinds of columns there are, scales, levels, networks, references, scales of scores.  Its
    seed and its steps are those of the detector itself, so that the rows make the difference.
    """
    found = []
    for k, fold in enumerate(plan.folds):
        others = np.setdiff1d(plan.training, fold)
        places = np.searchsorted(plan.training, others)
        # The rows were fit's own: whatever is new in a fold is no error.
        own = clone(detector).set_params(handle_unknown="surprise", handle_missing="surprise")
        reader, part = own._open(_safe_indexing(table, others))
        own._identifiers = detector._identifiers  # of which the table was rid
        if hasattr(reader, "container"):
            # Numbers that were read have lost the frame that rules are about.
            reader.container = detector._container
        own._rule_share = None
        own._learn(
            reader,
            part,
            np.arange(len(others)),
            replace(training, excerpt=Excerpt(places, len(plan.training))),
            seed,
            progress.of(f"fold {k + 1} of {len(plan.folds)}"),
        )
        # With all rows at hand, as columns of a few may look like others.
        rows = own._reader.numbers(own._read(table), strict=False)
        # Where the other folds' rows have no rules, no row breaks one.
        scores = {"rules": np.zeros(len(fold))} | own._score_kinds(rows[fold])
        found.append({kind: s - ROUNDING * (1 + np.abs(s)) for kind, s in scores.items()})
    return found
