"""The decoder's likelihood, given the code or without it."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import Evidence, Score, fold


class Likelihood(Score):
    r"""Minus log density of the row given its code, in nats of the scaled columns.

    :math:`-\sum_j \log p(x_j \mid z)` at the code's mean :math:`z`, averaged over members.
    Each column's density is a mixture of Student-t densities that the decoder gives, so
    a column's spread depends on the rest of the row, and far values cost their logarithm.
    """

    additive = True

    def fit(self, evidence: Evidence) -> Likelihood:
        self.usual_ = self.contributions(evidence).mean(axis=0)
        return self

    def contributions(self, evidence: Evidence) -> np.ndarray:
        return fold(evidence.bounded_cell_losses, evidence)


class Marginal(Likelihood):
    r"""Minus log density of each column by itself, in nats of the scaled columns.

    :math:`-\sum_j \log p(x_j)` with :math:`p(x_j) = E_{z \sim p(z)}\, p(x_j \mid z)`: the
    decoder's densities, averaged over draws of the prior.  It sees rare values and no
    rare combinations.
    """

    def contributions(self, evidence: Evidence) -> np.ndarray:
        return fold(evidence.bounded_marginal_losses, evidence)
