"""Classifiers and clusterers that were cut short go on from their checkpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from skorch.callbacks import LRScheduler

from sklearn_aae import AAEClassifier, AAEClusterer, AdversarialAutoencoder
from tests.interrupted import check_resumed

X, Y = load_iris(return_X_y=True)
FEW = np.where(np.arange(len(Y)) % 4 == 3, -1, Y)
MIXED = pd.DataFrame({"size": pd.Categorical(list("smml") * 20), "weight": np.arange(80) % 9 * 0.5})
LABELS = np.array(list("aabb") * 20)

SMALL = {"hidden_layer_sizes": 8, "batch_size": 32, "max_epochs": 4, "random_state": 0}


@pytest.mark.parametrize(
    "parameters, data",
    [
        ({}, (X, FEW)),
        ({"head_distance": 4.0, "init": "random"}, (X, FEW)),
        ({"consistency": "adversarial"}, (MIXED, LABELS)),
        ({"estimator": AdversarialAutoencoder(posterior="gaussian")}, (X, Y)),
    ],
)
def test_classifier(parameters, data, tmp_path, monkeypatch):
    def make(checkpoint):
        steps = LRScheduler("StepLR", step_size=1, gamma=0.5)
        own = {**SMALL, **parameters, "callbacks": [steps], "checkpoint": checkpoint}
        return AAEClassifier(**own)

    check_resumed(monkeypatch, make, data, tmp_path)


@pytest.mark.parametrize("parameters", [{"init": "spectral"}, {"head_distance": 4.0}])
def test_clusterer(parameters, tmp_path, monkeypatch):
    def make(checkpoint):
        return AAEClusterer(3, **SMALL, **parameters, checkpoint=checkpoint)

    check_resumed(monkeypatch, make, (X,), tmp_path)
