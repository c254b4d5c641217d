"""The likelihood of a decoder that sees the earlier columns."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import AUTOREGRESSION, Evidence, fold
from sklearn_aae.detection.scores._likelihood import Likelihood


class Autoregressive(Likelihood):
    r"""Minus log density of the row by the chain rule, in nats of the scaled columns.

    :math:`-\sum_j \log p(x_j \mid z, x_{<j})` [1]_ at the code's mean :math:`z`, averaged
    over members, each of which has an order of the columns of its own.  Networks of
    their own give these densities, which are trained only for a detector of this kind:
    mixtures of Student-t densities, whose parameters depend on the code and, through
    hidden units in the manner of NADE, on the columns before.  In tables wider than 64
    columns the columns before are those of a block of at most 64.

    References
    ----------
    .. [1] B. Uria, I. Murray, H. Larochelle, "RNADE: The Real-valued Neural Autoregressive
       Density-estimator", NeurIPS 2013.
    """

    needs = AUTOREGRESSION

    def contributions(self, evidence: Evidence) -> np.ndarray:
        return fold(evidence.bounded_autoregressive_losses, evidence)
