"""Detectors of other packages, and ablations of ours, with one interface.

Every function below returns ``(fit, score)`` for a seed: ``fit(X)`` and ``score(X)``,
larger for anomalies.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection._fitting import Trimmer, surround
from sklearn_aae.detection.scores import DENSITY, SCORES, kinds_with


class Detector(NamedTuple):
    """A detector to compare: the kinds of score that one fit gives, by row of the table."""

    fit: Callable[[np.ndarray, int], Any]
    rows: dict[str, Callable[[Any, np.ndarray], np.ndarray]]


def ours() -> dict[str, Detector]:
    """Return our detector with all its kinds, without the adversary, and without the AAE."""

    def fit(X: np.ndarray, seed: int) -> AAEOutlierDetector:
        return AAEOutlierDetector(random_state=seed).fit(X)

    def with_autoregression(X: np.ndarray, seed: int) -> AAEOutlierDetector:
        return AAEOutlierDetector("autoregressive", random_state=seed).fit(X)

    def plain(X: np.ndarray, seed: int) -> AAEOutlierDetector:
        return AAEOutlierDetector(adversarial_weight=0, random_state=seed).fit(X)

    def by(kind: str) -> Callable[[Any, np.ndarray], np.ndarray]:
        return lambda detector, X: -detector.score_samples(X, kind=kind)

    kinds = {f"AAEOutlierDetector, {kind}": by(kind) for kind in kinds_with([DENSITY])}
    own_fit = {"AAEOutlierDetector, autoregressive": by("autoregressive")}
    without = {f"no adversary, {kind}": by(kind) for kind in ("default", "model", "likelihood")}
    inputs = {"no networks, reference": lambda references, X: references.badness(X)}
    return {
        "ours": Detector(fit, kinds),
        "with autoregression": Detector(with_autoregression, own_fit),
        "no adversary": Detector(plain, without),
        "no networks": Detector(InputReferences, inputs),
    }


class InputReferences:
    """The distances to trimmed references of the default, taken between rows as they are."""

    def __init__(self, X: np.ndarray, seed: int) -> None:
        rows = torch.from_numpy(np.clip(X, -10, 10).astype(np.float32))
        networks = _Nothing(rows.shape[1])
        trimmer = Trimmer(rows, seed)
        trimmer.inliers(networks)
        self.model = surround(networks, rows, None, trimmer, seed)
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(self.model.inliers))[:400]
        self.score = SCORES["reference"]()
        self.score.fit(self.model.evidence(rows[normal].numpy()))

    def badness(self, X: np.ndarray) -> np.ndarray:
        rows = np.clip(X, -10, 10).astype(np.float32)
        size = self.model.chunk_rows()
        parts = [
            self.score.anomaly_scores(self.model.evidence(rows[i : i + size]))
            for i in range(0, len(rows), size)
        ]
        return np.concatenate(parts)


class _Nothing:
    """Networks that say nothing: every row has the same reconstruction."""

    n_members = 4

    def __init__(self, n_features: int) -> None:
        self.columns = torch.arange(n_features).repeat(self.n_members, 1)
        self.code_mask = torch.ones(self.n_members, 1, 1)

    def in_float64(self) -> _Nothing:
        return self

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def decode(self, z: torch.Tensor) -> _Nothing:
        self.zeros = torch.zeros_like(z)
        return self

    def mean(self) -> torch.Tensor:
        return self.zeros


def of_scikit_learn() -> dict[str, Detector]:
    """Return scikit-learn's detectors."""

    def single(name: str, new: Callable[[int], Any]) -> Detector:
        return Detector(
            lambda X, seed: new(seed).fit(X), {name: lambda model, X: -model.score_samples(X)}
        )

    return {
        name: single(name, new)
        for name, new in {
            "IsolationForest": lambda seed: IsolationForest(random_state=seed),
            "LocalOutlierFactor(novelty=True)": lambda seed: LocalOutlierFactor(novelty=True),
            "OneClassSVM": lambda seed: OneClassSVM(),
            "EllipticEnvelope": lambda seed: EllipticEnvelope(random_state=seed),
        }.items()
    }


def of_pyod() -> dict[str, Detector]:
    """Return PyOD's detectors, if it is installed."""
    if importlib.util.find_spec("pyod") is None:
        return {}
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.copod import COPOD
    from pyod.models.deep_svdd import DeepSVDD
    from pyod.models.ecod import ECOD
    from pyod.models.knn import KNN
    from pyod.models.pca import PCA
    from pyod.models.vae import VAE

    class RepairedVAE(VAE):
        """With a divergence that acts, and scores that do not draw."""

        def evaluating_forward(self, batch_data: torch.Tensor) -> np.ndarray:
            self.model.reparameterize = lambda mu, log_variance: mu
            return super().evaluating_forward(batch_data)

    def batch(X: np.ndarray) -> int:
        return min(32, len(X))  # as shipped, fewer than 32 rows are no batch at all

    news: dict[str, Callable[[np.ndarray, int], Any]] = {
        "PyOD kNN": lambda X, seed: KNN(),
        "PyOD ECOD": lambda X, seed: ECOD(),
        "PyOD COPOD": lambda X, seed: COPOD(),
        "PyOD PCA": lambda X, seed: PCA(),
        "PyOD AutoEncoder": lambda X, seed: AutoEncoder(
            random_state=seed, verbose=0, batch_size=batch(X), device="cpu"
        ),
        "PyOD VAE": lambda X, seed: VAE(
            random_state=seed, verbose=0, batch_size=batch(X), device="cpu"
        ),
        "PyOD VAE, repaired": lambda X, seed: RepairedVAE(
            random_state=seed,
            verbose=0,
            batch_size=batch(X),
            device="cpu",
            capacity=float("inf"),
            # The squared error is a mean over columns, the divergence a sum.
            beta=1 / X.shape[1],
        ),
        "PyOD DeepSVDD": lambda X, seed: DeepSVDD(
            n_features=X.shape[1], random_state=seed, verbose=0
        ),
    }

    def single(name: str, new: Callable[[np.ndarray, int], Any]) -> Detector:
        return Detector(
            lambda X, seed: new(X, seed).fit(X),
            {name: lambda model, X: model.decision_function(X)},
        )

    return {name: single(name, new) for name, new in news.items()}
