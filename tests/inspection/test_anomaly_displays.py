"""The displays of detectors: scores, p-values, contributions, drift."""

from __future__ import annotations

import numpy as np
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.inspection import AnomalyScoreDisplay, DriftDisplay, PValueDisplay
from tests.instances import fast, fast_detector


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(220, 3))


@pytest.fixture(scope="module")
def detector(table):
    return fast_detector().fit(table[:160])


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ------------------------------------------------------------------------ scores


def test_scores_are_counted_on_both_sides_of_the_threshold(pyplot, table, detector):
    rows = table[160:]
    display = AnomalyScoreDisplay.from_estimator(detector, rows)
    n = int((detector.predict(rows) == -1).sum())
    assert [heights(bars).sum() for bars in display.bars_] == [60 - n, n]
    assert display.threshold_.get_xdata()[0] == -detector.offset_
    assert legend_of(display.ax_) == [f"not flagged ({60 - n})", f"flagged ({n})", "threshold"]


def test_scale_of_p_values_lies_where_the_rows_pass_a_level(pyplot):
    scores = -np.arange(1.0, 11)
    p_values = np.linspace(1, 0.1, 10)
    display = AnomalyScoreDisplay.from_predictions(scores, p_values=p_values)
    ticks = {
        text.get_text(): place
        for text, place in zip(
            display.p_value_ax_.get_xticklabels(), display.p_value_ax_.get_xticks(), strict=True
        )
    }
    # A p-value of at most 0.5 begins with the score 6, and of at most 0.2 with 9.
    assert ticks["0.5"] == 5.5
    assert ticks["0.2"] == 8.5


def test_scores_by_label(pyplot, table, detector):
    y = ["a"] * 40 + ["b"] * 15 + [None] * 5
    display = AnomalyScoreDisplay.from_estimator(detector, table[160:], y, color="red")
    assert [heights(bars).sum() for bars in display.bars_] == [40, 15, 5]
    assert legend_of(display.ax_) == ["a", "b", "unlabelled", "threshold"]
    assert display.bars_[1][0].get_facecolor() == (1, 0, 0, 1)


def test_scores_of_a_model_have_no_threshold(pyplot, table):
    display = AnomalyScoreDisplay.from_estimator(fast(max_epochs=1).fit(table), table)
    assert display.threshold_ is None
    assert display.p_value_ax_ is None
    assert heights(display.bars_[0]).sum() == len(table)


def test_a_detector_without_calibrating_rows_has_no_p_values(pyplot, table):
    few = fast_detector(calibration="split").fit(table[:60])
    assert AnomalyScoreDisplay.from_estimator(few, table).p_value_ax_ is None


def test_far_scores_have_a_logarithmic_axis(pyplot):
    display = AnomalyScoreDisplay([-1.0, -1.1, -1.2, -500]).plot()
    assert display.ax_.get_xscale() == "log"
    assert heights(display.bars_[0]).sum() == 4
    assert AnomalyScoreDisplay([-1.0, -1.1]).plot().ax_.get_xscale() == "linear"


# ---------------------------------------------------------------------- p-values


def test_p_values_rise_as_their_shares(pyplot, table, detector):
    rows = table[160:]
    display = PValueDisplay.from_estimator(detector, rows, [0] * 30 + [1] * 30)
    for line, part in zip(display.lines_, (rows[:30], rows[30:]), strict=True):
        own = detector.p_values(part)
        levels, shares = line.get_xdata()[1:-1], line.get_ydata()[1:-1]
        np.testing.assert_array_equal(levels, np.sort(own))
        np.testing.assert_allclose(shares, np.arange(1, 31) / 30)
    assert legend_of(display.ax_) == ["0", "1", "uniform"]
    assert list(display.uniform_.get_xdata()) == list(display.uniform_.get_ydata()) == [0, 1]


@pytest.mark.parametrize("p_values", [[0.1, 1.5], [-0.1, 0.2], [0.1, np.nan]])
def test_p_values_are_shares(p_values):
    with pytest.raises(ValueError, match="p_values"):
        PValueDisplay(p_values)


# -------------------------------------------------------------------------- both


@pytest.mark.parametrize("display", [AnomalyScoreDisplay, PValueDisplay])
def test_labels_are_called_y(pyplot, display, table, detector):
    for name in ("hue", "c"):
        with pytest.raises(TypeError, match="as y="):
            display.from_estimator(detector, table, **{name: [0] * len(table)})
        with pytest.raises(TypeError, match="as y="):
            display.from_predictions([0.5, 0.2], **{name: [0, 1]})
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display([0.5, 0.2], y=[0])
    display.from_estimator(detector, table, table[:, 0], cmap="magma")
    with pytest.raises(ValueError, match="not fitted"):
        display.from_estimator(AAEOutlierDetector(), table)


# ------------------------------------------------------------------------- drift


def test_drift_by_row_and_by_column(pyplot, table, detector):
    shifted = table[160:].copy()
    shifted[:, 1] += 9
    monitor = detector.drift_monitor(alpha=0.1)
    drift = monitor.update(shifted)
    display = DriftDisplay.from_monitor(monitor)
    np.testing.assert_allclose(display.line_.get_ydata(), monitor.history_ / np.log(10))
    assert display.bound_.get_ydata()[0] == pytest.approx(1)
    assert display.alarm_.get_xdata()[0] == drift.first_row + 1
    names = [label.get_text() for label in display.columns_ax_.get_yticklabels()]
    found = dict(zip(names, (bar.get_width() for bar in display.bars_), strict=True))
    for name, evidence in monitor.column_evidence_.items():
        assert found[str(name)] == pytest.approx(evidence / np.log(10))
    assert names[0] == str(drift.columns[0]) == "1"
    colors = [bar.get_facecolor() for bar in display.bars_]
    assert colors[0] != colors[-1]
    again = DriftDisplay.from_estimator(detector, shifted, alpha=0.1)
    np.testing.assert_array_equal(again.history, monitor.history_)


def test_drift_in_given_axes(pyplot):
    _, (ax, other) = pyplot.subplots(1, 2)
    evidence = {f"column {i}": float(i) for i in range(20)}
    display = DriftDisplay([0.1, 0.2], column_evidence=evidence)
    assert display.plot(ax).columns_ax_ is None
    assert display.plot(ax, columns_ax=other, n_columns=3, color="red").columns_ax_ is other
    assert display.alarm_ is None
    assert display.line_.get_color() == "red"
    assert [bar.get_width() * np.log(10) for bar in display.bars_] == pytest.approx([19, 18, 17])
    with pytest.raises(ValueError, match="alpha == 2"):
        DriftDisplay([0.1], alpha=2)
