"""Reconstruction error and distance to the prior's nearest mode, after Schreyer et al."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import Evidence, Score


class ModeDivergence(Score):
    r"""Reconstruction error plus mode divergence, each on a scale of 0 to 1 [1]_.

    :math:`\alpha\, RE + (1 - \alpha)\, MD` with :math:`\alpha = 0.4`, where RE is the mean
    squared error and MD the distance of the code to the centre of the prior's nearest
    mode.  The paper scales both by the least and largest value among the rows that are
    scored, which lets a row's score depend on the others; here these two values are frozen
    in ``fit``.

    References
    ----------
    .. [1] M. Schreyer, T. Sattarov, C. Schulze, B. Reimer, D. Borth, "Detection of
       Accounting Anomalies in the Latent Space using Adversarial Autoencoder Neural
       Networks", arXiv:1908.00734, 2019.
    """

    ALPHA = 0.4

    def fit(self, evidence: Evidence) -> ModeDivergence:
        parts = self._parts(evidence)
        self.low_ = parts.min(axis=2, keepdims=True)
        # Rows that all have the same error say nothing about its scale.
        spread = parts.max(axis=2, keepdims=True) - self.low_
        self.spread_ = np.where(spread > 0, spread, 1.0)
        return self

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        error, divergence = ((self._parts(evidence) - self.low_) / self.spread_).mean(axis=1)
        result: np.ndarray = self.ALPHA * error + (1 - self.ALPHA) * divergence
        return result

    def _parts(self, evidence: Evidence) -> np.ndarray:
        error = np.square(evidence.x - evidence.expected).mean(axis=2)
        return np.stack([error, evidence.mode_distances])
