"""What a detector's fit says of itself."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.frozen import FrozenEstimator

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.exceptions import (
    AdversaryTooStrongWarning,
    ConstantScoresWarning,
    ConstantTableWarning,
)


@pytest.fixture(scope="module")
def wine():
    return load_wine().data


@pytest.fixture(scope="module")
def detector(wine):
    return AAEOutlierDetector(random_state=0).fit(wine)


def test_default_fit_reports_and_warns_of_nothing(detector):
    report = detector.training_report_
    assert not report.failed
    assert report.basis == "19 held-out rows"
    scores = detector._calibration.scores
    saved = np.median(scores["likelihood"] - scores["marginal"]) / 13
    assert report["reconstruction"].figure == pytest.approx(saved)
    losses = detector.history_["reconstruction_loss"]
    assert report["principal components"].figure == pytest.approx(losses[0] - losses[-30:].mean())
    assert report["scores"].figure > 0
    assert 0.4 < report["discriminator"].figure < 0.8


def test_report_survives_a_file(detector, tmp_path):
    sklearn_aae.save(detector, tmp_path / "detector.aae")
    there = sklearn_aae.load(tmp_path / "detector.aae")
    assert there.training_report_ == detector.training_report_


def test_adversary_too_strong(wine):
    detector = AAEOutlierDetector(adversarial_weight=200.0, random_state=0)
    with pytest.warns(AdversaryTooStrongWarning, match="which is 200.") as caught:
        detector.fit(wine)
    assert caught[0].filename == __file__


def test_constant_table():
    detector = AAEOutlierDetector(max_epochs=2, random_state=0)
    with pytest.warns(ConstantTableWarning):
        detector.fit(np.ones((120, 3)))
    assert [line.warning for line in detector.training_report_.failed] == ["ConstantTableWarning"]


def test_constant_scores(wine, monkeypatch):
    detector = AAEOutlierDetector(max_epochs=2, random_state=0)
    monkeypatch.setattr(AAEOutlierDetector, "_score", lambda self, rows, kind: np.zeros(len(rows)))
    with pytest.warns(ConstantScoresWarning, match="scores: 0 "):
        detector.fit(wine)


def test_what_was_asked_for_is_a_line(wine):
    detector = AAEOutlierDetector(max_epochs=2, adversarial_weight=0, random_state=0).fit(wine)
    assert [line.name for line in detector.training_report_][:2] == ["max_epochs", "adversary"]
    assert not detector.training_report_.failed


def test_model_that_is_given_brings_its_lines(wine):
    wine = wine[:110]
    model = AdversarialAutoencoder(max_epochs=2, hidden_layer_sizes=16, random_state=0).fit(wine)
    detector = AAEOutlierDetector(estimator=FrozenEstimator(model), random_state=0).fit(wine)
    report = detector.training_report_
    assert report[:-1] == model.training_report_.lines
    assert report[-1].name == "scores"


def test_warnings_are_told_once_of_cross_fitted_detectors():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        AAEOutlierDetector(max_epochs=1, random_state=0).fit(np.ones((60, 3)))
    assert [each.category for each in caught].count(ConstantTableWarning) == 1
