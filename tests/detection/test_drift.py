"""Conformal test martingales, and the monitor of a detector."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_aae.detection._drift import Martingales
from tests.detection.test_outlier import clean
from tests.instances import fast_detector


def capitals(calibrating, stream, seed=0):
    return Martingales(calibrating, np.random.default_rng(seed)).update(stream)


def alarms(n_streams, n_rows, n_calibrating=50):
    """Return the share of streams without drift whose capital ever reaches 20."""
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(n_streams):
        rows = rng.normal(size=(n_calibrating + n_rows, 1))
        rows = np.floor(3 * rows) if seed % 2 else rows  # with ties
        found += capitals(rows[:n_calibrating], rows[n_calibrating:], seed).max() >= math.log(20)
    return found / n_streams


def test_few_streams_without_drift_alarm():
    assert alarms(100, 100) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 100)


@pytest.mark.slow
def test_a_thousand_streams_without_drift_keep_the_level():
    assert alarms(1_000, 1_000) <= 0.05


def test_capitals_gain_nothing_on_average():
    """One row: the mean over all p-values is the capital before."""
    grid = (np.arange(20_000) + 0.5) / 20_000
    martingale = Martingales(np.empty((0, len(grid))), np.random.default_rng(0))
    assert np.exp(martingale._bet(grid)).mean() == pytest.approx(1, abs=5e-3)


def test_one_batch_and_row_by_row_are_the_same():
    rng = np.random.default_rng(1)
    calibrating, stream = rng.normal(size=(30, 3)), rng.integers(-2, 3, size=(80, 3)).astype(float)
    whole = capitals(calibrating, stream)
    rows = Martingales(calibrating, np.random.default_rng(0))
    parts = [rows.update(stream[i : i + 1]) for i in range(80)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("shift", [-1.5, 1.5])
@pytest.mark.parametrize("start", [0, 300])
def test_shifts_are_found_whenever_they_begin(shift, start):
    rng = np.random.default_rng(2)
    stream = rng.normal(size=(start + 100, 1))
    stream[start:] += shift
    found = capitals(rng.normal(size=(200, 1)), stream)[:, 0]
    assert (found[:start] < math.log(20)).all()
    assert found[start:].max() > math.log(20)


# --------------------------------------------------------------------- monitor


@pytest.mark.parametrize(
    "settings", [{"calibration": "split"}, {"kind": "marginal"}, {"kind": "gpnd"}]
)
def test_a_monitor_names_the_column(settings):
    frame = pd.DataFrame(clean(600, 3), columns=list("abcdef"))
    monitor = fast_detector(max_epochs=10, **settings).fit(frame).drift_monitor()
    calm = monitor.update(pd.DataFrame(clean(100, 4), columns=list("abcdef")))
    assert (calm.detected, calm.columns, calm.n_rows, calm.first_row) == (False, [], 100, None)
    later = pd.DataFrame(clean(100, 5), columns=list("abcdef"))
    later["c"] += 8
    drift = monitor.update(later)
    assert drift.detected
    assert "c" in drift.columns
    assert drift.columns == ["c"] or settings.get("kind") != "marginal"
    assert 100 <= drift.first_row < 150
    assert drift == monitor.drift_
    shown = repr(monitor)
    assert shown.endswith(f"detected=True, columns={drift.columns}, n_rows=200)")
    assert monitor.history_.shape == (200,)
    assert monitor.history_[drift.first_row] >= math.log(20) > monitor.history_[99]
    assert monitor.column_evidence_["c"] > math.log(6 / 0.05)
    assert drift.log_evidence >= monitor.history_.max()


def test_monitors_of_one_seed_are_the_same_whatever_the_batches():
    detector, stream = fast_detector(calibration="cross").fit(clean(120, 6)), clean(40, 7)
    one, other = detector.drift_monitor(), detector.drift_monitor()
    one.update(stream)
    for i in range(40):
        other.update(stream[i : i + 1])
    np.testing.assert_array_equal(one.history_, other.history_)
    assert one.column_evidence_ == other.column_evidence_
    third = detector.drift_monitor(random_state=1)
    third.update(stream)
    assert (third.history_ != one.history_).any()


def test_rows_beyond_those_trained_on_calibrate_a_monitor(monkeypatch):
    monkeypatch.setattr("sklearn_aae.detection._calibration.MOST_ROWS", 100)
    detector = fast_detector(calibration="cross").fit(clean(700, 8))
    monitor = detector.drift_monitor()
    assert monitor.detector is detector
    assert not monitor.update(clean(50, 9)).detected
    # Fewer than rows that are held out are too few: then another detector is trained.
    few = fast_detector(calibration="cross").fit(clean(500, 8))
    assert len(few._calibration.index) == 500
    assert few.drift_monitor().detector is not few


def test_a_call_that_fails_leaves_a_monitor_as_it_was():
    monitor = fast_detector(calibration="split").fit(clean(200, 10)).drift_monitor()
    with pytest.raises(ValueError, match="features"):
        monitor.update(clean(5, 11)[:, :3])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        monitor.update(clean(5, 11)[:0])
    assert monitor.drift_.n_rows == 0
    assert monitor.update(clean(1, 11)).n_rows == 1


@pytest.mark.filterwarnings("ignore:The level alpha")
def test_a_monitor_needs_three_rows():
    with pytest.raises(ValueError, match="fit on at least 3"):
        fast_detector().fit(clean(2, 12)).drift_monitor()
    assert fast_detector().fit(clean(3, 12)).drift_monitor().update(clean(4, 13)).n_rows == 4


def test_monitors_that_cannot_be():
    detector = fast_detector()
    with pytest.raises(NotFittedError):
        detector.drift_monitor()
    few = fast_detector(calibration="split").fit(clean(60, 12))
    with pytest.raises(ValueError, match="fit on at least 100"):
        few.drift_monitor()
    detector.fit(clean(60, 12))
    with pytest.raises(ValueError, match="not a sum over columns"):
        detector.drift_monitor("gpnd")
    with pytest.raises(ValueError, match="alpha"):
        detector.drift_monitor(alpha=0.0)


def test_what_is_wrong_with_the_names_of_rows_is_said_once():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", "b"])
    monitor = fast_detector().fit(table).drift_monitor()
    with pytest.warns(UserWarning, match="feature names") as caught:
        monitor.update(rng.normal(size=(3, 2)))
    assert len(caught) == 1
