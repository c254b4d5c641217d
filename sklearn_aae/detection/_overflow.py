"""Scores of rows that are too far out to be computed with."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection._evidence import EnsembleEvidence
from sklearn_aae.detection.scores import Score
from sklearn_aae.encoding import FARTHEST

#: The score of a row whose score is beyond what can be computed: no other is more anomalous.
OVERFLOW = 1e300


def anomaly_scores(score: Score, evidence: EnsembleEvidence) -> np.ndarray:
    """Return anomaly scores; of rows that are too far out to be computed with, the largest.

    Sums over columns tell these by themselves.
    """
    found = finite(score.anomaly_scores(evidence))
    if not score.additive:
        found[(np.abs(evidence.x) >= FARTHEST).any(axis=(0, 2))] = OVERFLOW
    return found


def finite(scores: np.ndarray) -> np.ndarray:
    """Return anomaly scores, or parts of them, with the largest of all where one overflowed."""
    result: np.ndarray = np.nan_to_num(scores, nan=OVERFLOW, posinf=OVERFLOW, neginf=-OVERFLOW)
    return result
