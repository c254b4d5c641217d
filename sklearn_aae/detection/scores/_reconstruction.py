"""Reconstruction error."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import Evidence, Score, fold


class Reconstruction(Score):
    r"""Squared error of the row's reconstruction, on the networks' scale.

    :math:`\sum_j (x_j - \hat x_j)^2`, averaged over members [1]_.

    References
    ----------
    .. [1] S. Hawkins, H. He, G. Williams, R. Baxter, "Outlier Detection Using Replicator
       Neural Networks", DaWaK 2002.
    """

    additive = True

    def contributions(self, evidence: Evidence) -> np.ndarray:
        return fold(np.square(evidence.x - evidence.expected), evidence)
