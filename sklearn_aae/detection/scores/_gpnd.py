"""A density along and across the manifold of the decoder, after Pidhorskyi et al."""

from __future__ import annotations

import numpy as np

from sklearn_aae.detection.scores._base import LEAST_SPREAD, Evidence, Score


class GPND(Score):
    r"""Minus log density along the manifold and across it, in the manner of GPND [1]_.

    :math:`-\log|\det S^{-1}| - \sum_i \log p(z_i) - \log p(\lVert x - \hat x\rVert)
    + \tfrac15 (d - k) \log \lVert x - \hat x\rVert`, with :math:`S` the singular values of the
    decoder's tangent map, for which the encoder's Jacobian stands as its inverse,
    :math:`d` columns and :math:`k` components.  Densities are fitted to rows
    taken to be normal: of a component a Gaussian, of the residual's norm a log-normal (the
    paper: a generalised Gaussian and a histogram).  The factor one fifth damps the change of
    volume in many dimensions, as the authors' code does.  Averaged over members.

    References
    ----------
    .. [1] S. Pidhorskyi, R. Almohsen, D. Adjeroh, G. Doretto, "Generative Probabilistic
       Novelty Detection with Adversarial Autoencoders", NeurIPS 2018.
    """

    DAMPING = 0.2

    def fit(self, evidence: Evidence) -> GPND:
        norms = self._log_norms(evidence)
        self.norm_mean_ = norms.mean(axis=1, keepdims=True)
        self.norm_scale_ = np.maximum(norms.std(axis=1, keepdims=True), LEAST_SPREAD)
        self.code_mean_ = evidence.codes.mean(axis=1, keepdims=True)
        self.code_scale_ = np.maximum(evidence.codes.std(axis=1, keepdims=True), LEAST_SPREAD)
        return self

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        norms = self._log_norms(evidence)
        across = 0.5 * np.square((norms - self.norm_mean_) / self.norm_scale_) + norms
        n_rest = evidence.x.shape[2] - evidence.widths[:, None]
        across = across + self.DAMPING * np.maximum(n_rest - 1, 0) * norms
        along = 0.5 * np.square((evidence.codes - self.code_mean_) / self.code_scale_).sum(axis=2)
        result: np.ndarray = (along + across - evidence.log_volumes).mean(axis=0)
        return result

    @staticmethod
    def _log_norms(evidence: Evidence) -> np.ndarray:
        square = np.square(evidence.x - evidence.expected).sum(axis=2)
        # A row that is reconstructed exactly has no direction to leave the manifold by.
        result: np.ndarray = 0.5 * np.log(square + 1e-12)
        return result
