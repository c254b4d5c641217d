"""Scores that look at the code alone."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import DENSITY, Evidence, Score


class Latent(Score):
    r"""Minus log density of the code under the prior, :math:`-\log p(z)`.

    Averaged over members; it sees rows that the encoder places far out, and is blind to
    what the code leaves out, such as cells beyond eight standard deviations.
    """

    needs = DENSITY

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        result: np.ndarray = evidence.prior_losses.mean(axis=0)
        return result


class Discriminator(Score):
    """Minus the discriminator's logit that the code is a draw of the prior.

    Averaged over members.  Kept for comparison: a discriminator is trained on codes of
    ordinary rows and draws of the prior, and what it says about codes far from both is
    undefined; on many tables it calls them real.
    """

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        result: np.ndarray = -evidence.logits.mean(axis=0)
        return result
