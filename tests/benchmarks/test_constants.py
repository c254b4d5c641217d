from __future__ import annotations

import numpy as np

from benchmarks.constants import variants
from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection import _settings


def scores(change):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) @ [[1, 1, 1], [0, 1, -1]] + 0.3 * rng.normal(size=(80, 3))
    X[:12] *= 6
    with change():
        return AAEOutlierDetector(n_estimators=2, random_state=0).fit(X).score_samples(X)


def test_every_variant_reaches_the_detector(monkeypatch):
    monkeypatch.setattr(_settings, "AUTO_STEPS", 20)
    found = {name: scores(change) for name, change in variants().items()}
    usual = found["as it is"]
    assert [name for name, own in found.items() if np.array_equal(own, usual)] == ["as it is"]
