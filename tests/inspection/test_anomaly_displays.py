"""The displays of detectors: scores, p-values, contributions, drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.inspection import (
    AnomalyScoreDisplay,
    ContributionDisplay,
    DriftDisplay,
    PValueDisplay,
)
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


# ----------------------------------------------------------------- contributions

PEOPLE = pd.DataFrame(
    {
        "age": [20, 30, 40, 50] * 12,
        "sex": ["m", "f", None, "f"] * 12,
        "hired": pd.to_datetime(["2020-01-05", "2021-03-04", "2022-01-01", None] * 12),
    }
)


@pytest.fixture(scope="module")
def judge():
    return fast_detector().fit(PEOPLE)


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas])
def test_waterfall_adds_up_and_says_what_was_expected(pyplot, convert):
    people = convert(PEOPLE)
    judge = fast_detector().fit(people)
    odd = PEOPLE[:1].assign(sex="x")
    display = ContributionDisplay.from_estimator(judge, convert(odd))
    cells = dict(zip(PEOPLE.columns, judge.score_contributions(convert(odd))[0], strict=True))
    for name, bar in zip(display.columns_, display.bars_, strict=True):
        assert bar.get_width() == pytest.approx(cells[name])
    top, bottom = display.bars_[0], display.bars_[-1]
    assert top.get_x() + top.get_width() == pytest.approx(-judge.score_samples(convert(odd))[0])
    assert bottom.get_x() == pytest.approx(0)
    labels = dict(zip(display.columns_, display.ax_.get_yticklabels(), strict=True))
    (reason,) = [why for why in judge.explain(convert(odd))[0] if why.column == "sex"]
    assert labels["sex"].get_text() == f"sex = x\nexpected {reason.expected or 'missing'}"
    assert labels["hired"].get_text().startswith("hired = 2020-01-05\n")


def test_waterfall_adds_up_other_columns(pyplot):
    display = ContributionDisplay([[4.0, -1.0, 2.0, 0.5, 0.25]]).plot(n_columns=2, color="red")
    assert display.columns_ == [0, 2]
    assert [bar.get_width() for bar in display.bars_] == pytest.approx([4, 2, -0.25])
    assert [bar.get_x() for bar in display.bars_] == pytest.approx([1.75, -0.25, 0])
    assert display.ax_.get_yticklabels()[-1].get_text() == "3 other columns"
    assert display.ax_.get_yticklabels()[0].get_text() == "0"


def test_swarm_shows_each_row_in_each_column(pyplot, judge):
    display = ContributionDisplay.from_estimator(judge, PEOPLE)
    parts = pd.DataFrame(judge.score_contributions(PEOPLE), columns=PEOPLE.columns)
    assert display.columns_ == list(parts.abs().mean().sort_values(ascending=False).index)
    ranked, grey = display.points_
    # Categories, and the dates that are missing, have no rank.
    assert len(grey.get_offsets()) == 48 + 12
    for name in ("age", "hired"):
        height = display.columns_.index(name)
        known = PEOPLE[name].notna().to_numpy()
        own = np.abs(ranked.get_offsets()[:, 1] - height) < 0.5
        np.testing.assert_allclose(
            np.sort(ranked.get_offsets()[own, 0]), np.sort(parts[name][known])
        )
    ages = np.abs(ranked.get_offsets()[:, 1] - display.columns_.index("age")) < 0.5
    np.testing.assert_allclose(ranked.get_array()[ages], [0, 1 / 3, 2 / 3, 1] * 12)


def test_swarm_by_label_and_by_value(pyplot, judge):
    display = ContributionDisplay.from_estimator(judge, PEOPLE, ["a", "b", "a", None] * 12)
    assert [len(points.get_offsets()) for points in display.points_] == [72, 36, 36]
    assert legend_of(display.ax_) == ["a", "b", "unlabelled"]
    values = np.linspace(0, 1, 48) ** 2
    (points,) = ContributionDisplay.from_estimator(judge, PEOPLE, values, cmap="magma").points_
    np.testing.assert_array_equal(points.get_array(), np.repeat(values, 3))
    assert points.get_cmap().name == "magma"


def test_contributions_of_a_model(pyplot, table):
    model = fast(max_epochs=1).fit(table)
    display = ContributionDisplay.from_estimator(model, table[:1])
    assert sum(bar.get_width() for bar in display.bars_) == pytest.approx(
        -model.score_samples(table[:1])[0]
    )
    assert "expected" not in display.ax_.get_yticklabels()[0].get_text()


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"feature_names": ["a"]}, "1 feature_names"),
        ({"values": np.zeros((2, 3))}, "3 rows and 2 columns"),
        ({"values": np.zeros((3, 1))}, "3 rows and 2 columns"),
        ({"y": [0]}, "inconsistent numbers of samples"),
    ],
)
def test_contributions_bad_shapes(arguments, match):
    with pytest.raises(ValueError, match=match):
        ContributionDisplay(np.ones((3, 2)), **arguments)


def test_contributions_refuse_other_names_for_y(judge):
    for name in ("hue", "c"):
        with pytest.raises(TypeError, match="as y="):
            ContributionDisplay.from_estimator(judge, PEOPLE, **{name: PEOPLE["sex"]})
    with pytest.raises(ValueError, match="n_columns == 0"):
        ContributionDisplay(np.ones((3, 2))).plot(n_columns=0)
