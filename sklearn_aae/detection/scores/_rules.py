"""Rules of the training rows that a row breaks."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import RULES, Evidence, Score


def broken_rules(evidence: Evidence) -> np.ndarray:
    """Return what broken rules say of cells (n_samples, n_features), in nats."""
    if evidence.rule_cells is None:
        return np.zeros((1, evidence.n_features))
    return evidence.rule_cells


class BrokenRules(Score):
    r"""What the rules that a row breaks say of it, in nats: 0 if it breaks none.

    A rule that ``k`` of ``n`` training rows break says :math:`-\log\frac{k + 1}{n + 2}`.
    """

    additive = True
    needs = RULES

    def contributions(self, evidence: Evidence) -> np.ndarray:
        return broken_rules(evidence)
