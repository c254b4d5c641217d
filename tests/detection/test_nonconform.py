"""The detector in nonconform, which calibrates any detector that has its protocol."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sklearn_aae import AAEOutlierDetector
from tests.detection.test_outlier import clean
from tests.instances import fast_detector


def test_the_methods_that_its_protocol_names_do_what_it_expects():
    """It sets the smallest share of outliers and a seed, copies, fits and asks for decisions."""
    detector = fast_detector().set_params(contamination=sys.float_info.min, random_state=3)
    assert detector.get_params()["contamination"] == sys.float_info.min
    X = clean(60, 0)
    assert detector.fit(X, None) is detector
    far = np.full((1, 6), 50.0)
    # Higher is more normal: score_polarity="higher_is_normal" says so there.
    assert detector.decision_function(far) < detector.decision_function(X).min()


def test_nonconform_wraps_the_detector():
    nonconform = pytest.importorskip("nonconform")
    wrapped = nonconform.ConformalDetector(
        detector=AAEOutlierDetector(calibration="split", n_estimators=2, max_epochs=5),
        strategy=nonconform.Split(n_calib=0.3),
        score_polarity="higher_is_normal",
        seed=1,
    )
    wrapped.fit(clean(300, 1))
    p = wrapped.compute_p_values(np.concatenate([clean(100, 2), np.full((10, 6), 50.0)]))
    assert p[100:].max() < 0.05
    assert 0.3 < p[:100].mean() < 0.7
