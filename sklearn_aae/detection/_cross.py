"""Out-of-fold scores: what detectors that have not seen a row say of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from sklearn_aae._utils._random import DetectorStream, derive_seed
from sklearn_aae.detection._calibration import RowPlan
from sklearn_aae.detection._progress import Progress

#: What a detector says of rows: scores by kind, and what columns contribute.
Judgement = tuple[dict[str, np.ndarray], np.ndarray]


def judge_out_of_fold(
    detector: Any, table: Any, plan: RowPlan, seed: int, progress: Progress
) -> list[Judgement]:
    """Return what is said of the rows of each fold by a detector of the other folds.

    It is a clone that opens, reads and learns the other folds' rows as if there were no others:
    what kinds of columns there are, scales, levels, networks, references, scales of scores.
    """
    judgements = []
    for k, fold in enumerate(plan.folds):
        others = np.setdiff1d(plan.training, fold)
        # The rows were fit's own: whatever is new in a fold is no error.
        own = clone(detector).set_params(handle_unknown="surprise", handle_missing="surprise")
        reader, part = own._open(_safe_indexing(table, others))
        own._learn(
            reader,
            part,
            np.arange(len(others)),
            derive_seed(seed, DetectorStream.FOLDS, k),
            progress.of(f"fold {k + 1} of {len(plan.folds)}"),
        )
        # With all rows at hand, as columns of a few may look like others.
        rows = own._reader.numbers(own._read(table), strict=False)
        judgements.append(own._judge(rows[fold]))
    return judgements
