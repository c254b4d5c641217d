"""Detectors that were cut short go on from their checkpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.detection.ensemble import EnsembleTrainer
from tests.interrupted import check_resumed, cut_short
from tests.persistence.answers import assert_same

X = load_iris().data
MIXED = pd.DataFrame(
    {"size": pd.Categorical(list("smml") * 30), "weight": np.arange(120) % 9 * 0.5}
)


def fast(**parameters):
    """Return a detector of 45 steps: checkpoints after 14, when rows are left out, 30 and 45."""
    small = {"n_estimators": 2, "hidden_layer_sizes": 8, "batch_size": 8, "max_epochs": 5}
    return AAEOutlierDetector(**{**small, "random_state": 0, **parameters})


@pytest.mark.parametrize("n_writes", [1, 2, 3])
def test_it_may_be_cut_short_anywhere(n_writes, tmp_path, monkeypatch):
    check_resumed(monkeypatch, fast, (X,), tmp_path, n_writes)


@pytest.mark.parametrize(
    "parameters, table, n_writes",
    [
        ({"calibration": "cross"}, X[::2], 5),
        ({"kind": "autoregressive"}, X, 6),
        ({"contamination": 0}, X, 2),
        ({"adversarial_weight": 0}, X, 2),
        ({}, MIXED, 2),
    ],
)
def test_so_may_others(parameters, table, n_writes, tmp_path, monkeypatch):
    def make(**more):
        return fast(**parameters, **more)

    check_resumed(monkeypatch, make, (table,), tmp_path, n_writes)


def test_what_was_trained_before_is_not_trained_again(tmp_path, monkeypatch):
    def make(**more):
        return fast(calibration="cross", **more)

    cut_short(monkeypatch, lambda: make(checkpoint=tmp_path).fit(X[::2]), 5)
    steps = []
    plain = EnsembleTrainer._take

    def counted(self, *batch):
        steps.append(self.step)
        return plain(self, *batch)

    monkeypatch.setattr(EnsembleTrainer, "_take", counted)
    make(checkpoint=tmp_path).fit(X[::2])
    resumed = len(steps)
    make().fit(X[::2])
    assert resumed < 0.6 * (len(steps) - resumed)


@pytest.mark.parametrize("random_state", [1, None])
def test_a_model_in_its_place_resumes_by_itself(random_state, tmp_path, monkeypatch):
    def make(checkpoint):
        model = AdversarialAutoencoder(
            hidden_layer_sizes=8, max_epochs=4, random_state=random_state
        )
        return fast(estimator=model, checkpoint=checkpoint)

    path = cut_short(monkeypatch, lambda: make(tmp_path).fit(X), 2)
    assert path.name.startswith("AdversarialAutoencoder")
    resumed, whole = make(tmp_path).fit(X), make(tmp_path / "other").fit(X)
    assert not list(tmp_path.glob("*.checkpoint"))
    assert_same(resumed.score_samples(X), whole.score_samples(X))
    assert resumed.estimator_.get_params()["random_state"] == random_state
    if random_state is not None:
        assert_same(make(None).fit(X).score_samples(X), whole.score_samples(X))


def test_a_progress_bar_sees_every_step(tmp_path, monkeypatch):
    cut_short(monkeypatch, lambda: fast(checkpoint=tmp_path).fit(X), 2)
    detector = fast(checkpoint=tmp_path).set_callbacks(ProgressBar())
    assert_same(detector.fit(X).score_samples(X), fast().fit(X).score_samples(X))
