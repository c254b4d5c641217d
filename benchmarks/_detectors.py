"""Detectors of other packages, and ablations of ours, with one interface.

``fit(X, seed)`` returns a model, ``score(model, X)`` its anomaly scores, larger for anomalies.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable
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

Fit = Callable[[np.ndarray, int], Any]
Score = Callable[[Any, np.ndarray], np.ndarray]


class Detector(NamedTuple):
    """A detector to compare: the scores that one fit gives, by row of the table."""

    fit: Fit
    rows: dict[str, Score]


def ours() -> dict[str, Detector]:
    """Return our detector with all its kinds, without the adversary, and without the AAE."""

    def fit(**settings: Any) -> Fit:
        return lambda X, seed: AAEOutlierDetector(random_state=seed, **settings).fit(X)

    def rows(name: str, kinds: Iterable[str]) -> dict[str, Score]:
        return {
            f"{name}, {kind}": lambda model, X, kind=kind: -model.score_samples(X, kind=kind)
            for kind in kinds
        }

    name, without = "AAEOutlierDetector", ("default", "model", "likelihood")
    inputs = {"no networks, reference": lambda references, X: references.anomaly_scores(X)}
    return {
        "ours": Detector(fit(), rows(name, kinds_with([DENSITY]))),
        "clean": Detector(fit(contamination=0), rows("contamination=0", ("default", "reference"))),
        "with autoregression": Detector(fit(kind="autoregressive"), rows(name, ["autoregressive"])),
        "no adversary": Detector(fit(adversarial_weight=0), rows("no adversary", without)),
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

    def anomaly_scores(self, X: np.ndarray) -> np.ndarray:
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
    farthest = math.inf

    def __init__(self, n_features: int) -> None:
        self.columns = torch.arange(n_features).repeat(self.n_members, 1)
        self.code_mask = torch.ones(self.n_members, 1, 1)

    def to_score(self) -> _Nothing:
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
    news: dict[str, Fit] = {
        "IsolationForest": lambda X, seed: IsolationForest(random_state=seed),
        "LocalOutlierFactor(novelty=True)": lambda X, seed: LocalOutlierFactor(novelty=True),
        "OneClassSVM": lambda X, seed: OneClassSVM(),
        "EllipticEnvelope": lambda X, seed: EllipticEnvelope(random_state=seed),
    }
    return with_one_score(news, lambda model, X: -model.score_samples(X))


def with_one_score(news: dict[str, Fit], score: Score) -> dict[str, Detector]:
    """Return detectors by name, from what makes them for rows and a seed."""
    return {
        name: Detector(lambda X, seed, new=new: new(X, seed).fit(X), {name: score})
        for name, new in news.items()
    }


def of_papers() -> dict[str, Detector]:
    """Return what recent papers bring as packages of their own (kar-kcm, aderh), if installed."""
    news: dict[str, Fit] = {}
    if importlib.util.find_spec("karkcm") is not None:
        from karkcm import KCM

        # Its own pipeline puts a scaler before it: here columns come standardised.
        news["KCM"] = lambda X, seed: KCM(random_state=seed, assume_scaled=True)
    if importlib.util.find_spec("aderh") is not None:
        from aderh import ADERH

        news["ADERH"] = lambda X, seed: ADERH(n=min(18, len(X)), random_state=seed)
    return with_one_score(news, lambda model, X: -model.score_samples(X))


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

    def settings(X: np.ndarray, seed: int) -> dict[str, Any]:
        # As shipped, fewer than 32 rows are no batch at all.
        batch_size = min(32, len(X))
        return {"random_state": seed, "verbose": 0, "batch_size": batch_size, "device": "cpu"}

    news: dict[str, Fit] = {
        "PyOD kNN": lambda X, seed: KNN(),
        "PyOD ECOD": lambda X, seed: ECOD(),
        "PyOD COPOD": lambda X, seed: COPOD(),
        "PyOD PCA": lambda X, seed: PCA(),
        "PyOD AutoEncoder": lambda X, seed: AutoEncoder(**settings(X, seed)),
        "PyOD VAE": lambda X, seed: VAE(**settings(X, seed)),
        # The squared error is a mean over columns, the divergence a sum.
        "PyOD VAE, repaired": lambda X, seed: RepairedVAE(
            **settings(X, seed), capacity=float("inf"), beta=1 / X.shape[1]
        ),
        "PyOD DeepSVDD": lambda X, seed: DeepSVDD(
            n_features=X.shape[1], random_state=seed, verbose=0
        ),
    }
    return with_one_score(news, lambda model, X: model.decision_function(X))
