"""Out-of-fold scores, and p-values and thresholds by them."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from sklearn_aae.detection import _outlier
from sklearn_aae.detection._calibration import MOST_BEYOND, MOST_ROWS, RowPlan
from sklearn_aae.detection._fitting import Trimmer, usual_rows
from sklearn_aae.detection.ensemble import Excerpt
from sklearn_aae.rules import Sum
from tests.detection.test_outlier import clean
from tests.instances import fast
from tests.instances import fast_detector as detector_of

fast_detector = partial(detector_of, calibration="cross")


@pytest.fixture(scope="module")
def fitted():
    return fast_detector(max_epochs=5).fit(clean(300, 1))


def mixed(n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n), "c": rng.choice(list("xyz"), n)})


# ------------------------------------------------------------------------- rows


@pytest.mark.parametrize("n, n_folds", [(2, 0), (3, 3), (30, 3), (500, 3), (4_096, 3)])
def test_every_row_is_trained_on_and_in_one_fold(n, n_folds):
    plan = RowPlan.cross(n, 0)
    np.testing.assert_array_equal(plan.training, np.arange(n))
    assert len(plan.folds) == n_folds
    assert not len(plan.calibrating)
    if n_folds:
        np.testing.assert_array_equal(np.sort(np.concatenate(plan.folds)), np.arange(n))
    sizes = [len(fold) for fold in plan.folds]
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_rows_beyond_those_trained_on_calibrate_directly():
    plan = RowPlan.cross(MOST_ROWS + 700, 0)
    assert (len(plan.training), len(plan.calibrating)) == (MOST_ROWS, 700)
    assert not np.isin(plan.calibrating, plan.training).any()
    assert len(RowPlan.cross(10**5, 0).calibrating) == MOST_BEYOND


def test_a_fold_does_not_depend_on_its_own_rows():
    """Another row in a fold, of any kind, leaves the scores of the fold's other rows."""
    frame = mixed(60, 2)
    first = fast_detector().fit(frame)
    for cells in ((80.0, "x"), (np.nan, "new"), (0.0, None)):
        other = frame.copy()
        other.loc[7, ["a", "c"]] = cells
        second = fast_detector().fit(other)
        one, two = first._calibration, second._calibration
        np.testing.assert_array_equal(one.index, two.index)
        own = 20 * (int(np.flatnonzero(one.index == 7)[0]) // 20)
        same = [i for i in range(own, own + 20) if one.index[i] != 7]
        for kind, scores in one.scores.items():
            np.testing.assert_array_equal(scores[same], two.scores[kind][same])
        changed = np.delete(np.arange(60), range(own, own + 20))
        assert (one.scores["default"][changed] != two.scores["default"][changed]).any()


@pytest.mark.parametrize("n_rows", [9, 30, 300])
def test_folds_compare_rows_with_those_that_the_detector_of_all_rows_does(n_rows):
    """Else one of them leaves a group of rows out where another keeps it, and levels break."""
    X = torch.from_numpy(clean(n_rows, 20))
    fold = RowPlan.cross(n_rows, 0).folds[1]
    others = np.setdiff1d(np.arange(n_rows), fold)
    for seed in range(5):
        whole, part = Trimmer(X, 0), Trimmer(X[others], 0, Excerpt(others, n_rows))
        all_rows = whole._subsample(np.random.default_rng(seed))
        rows = others[part._subsample(np.random.default_rng(seed))]
        assert len(set(all_rows)) == len(all_rows) == min(32, n_rows // 2)
        assert len(set(rows)) == len(rows) == min(32, len(others) // 2)
        both = set(all_rows) - set(fold)
        assert len(both & set(rows)) == min(len(both), len(rows))


@pytest.mark.parametrize("n_rows", [60, 100])
def test_scales_of_small_tables_do_not_hang_on_which_rows_are_outlying(n_rows, monkeypatch):
    """Else a zone of five rows that one detector leaves out makes all its other rows odder."""
    asked = []

    def usual(inliers, rows, n, **kind):
        asked.append(n)
        return usual_rows(inliers, rows, n, **kind)

    monkeypatch.setattr(_outlier, "usual_rows", usual)
    frame = mixed(n_rows, 6)
    frame.loc[:2, "a"] = [1e6, 5.0, -5.0]  # the first is too far to tell a scale
    detector = fast_detector().fit(frame)
    assert asked == 4 * [n_rows]  # folds do as the detector of all rows
    model = detector._model
    assert not model.inliers[:3].any()
    rows = detector._reader.transform(detector._check_rows(frame))
    told = model.evidence(rows[1:] if n_rows < 100 else rows[model.inliers])
    likelihood = detector._scores["default"].parts[0]
    np.testing.assert_allclose(
        likelihood.scale_.mean_[:, 0], likelihood.values(told).mean(axis=1), rtol=1e-4
    )


def test_outlying_rows_tell_scales_in_small_tables_of_labels_alone():
    inliers, rows = np.array([True, False, False]), np.array([[0.0], [1.0], [1e6]])
    assert usual_rows(inliers, rows, 99, has_levels=True).tolist() == [0, 1]
    assert usual_rows(inliers, rows, 100, has_levels=True).tolist() == [0]
    assert usual_rows(inliers, rows, 99, has_levels=False).tolist() == [0]


@pytest.mark.parametrize(
    "cells", [(np.nan, "x"), (0.5, None), ("text", "x"), (0.5, "rare"), (1e300, "x")]
)
def test_what_only_one_row_has_is_no_error(cells):
    frame = mixed(40, 3).astype(object)
    frame.loc[5, ["a", "c"]] = cells
    detector = fast_detector(handle_unknown="error", handle_missing="error").fit(frame)
    assert detector.training_p_values_[5] <= 0.2
    array = frame.to_numpy(dtype=object)
    np.testing.assert_array_equal(
        fast_detector().fit(array).training_p_values_, detector.training_p_values_
    )


# --------------------------------------------------------------------- p-values


def test_p_values_are_ranks_among_out_of_fold_scores(fitted):
    new = clean(50, 4)
    assert (fitted.n_held_out_, len(fitted.held_out_indices_)) == (0, 0)
    assert fitted.threshold_source_ == "cross"
    for kind in ("default", "likelihood", "gpnd"):
        others, scores = fitted._calibration.scores[kind], fitted.score_samples(new, kind)
        assert len(others) == 300
        expected = (1 + (others[None] <= scores[:, None]).sum(axis=1)) / 301
        np.testing.assert_array_equal(fitted.p_values(new, kind), expected)
    assert fitted.p_values(np.full((1, 6), 50.0)) == 1 / 301


@pytest.mark.parametrize("contamination", ["auto", 0])
@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.1, 0.3])
def test_predictions_are_where_p_values_are_small(alpha, contamination):
    # Discrete rows: many tie.
    discrete = partial(fast_detector, kind="marginal")
    rng = np.random.default_rng(5)
    X, new = rng.poisson(1, size=(90, 2)), rng.poisson(4, size=(200, 2))
    detector = discrete(alpha=alpha, contamination=contamination).fit(X.astype(float))
    flagged = detector.predict(new) == -1
    np.testing.assert_array_equal(flagged, detector.p_values(new) <= alpha)
    assert flagged.any()
    later = discrete().fit(X.astype(float)).set_threshold(alpha=alpha)
    if contamination == "auto":
        assert later.offset_ == detector.offset_


@pytest.mark.parametrize("calibration", ["cross", "split"])
def test_predictions_of_every_kind_are_where_p_values_are_small(calibration):
    rng = np.random.default_rng(22)
    X, new = rng.poisson(1, size=(140, 3)), rng.poisson(3, size=(150, 3))
    X, new = np.column_stack([X, X.sum(axis=1)]), np.column_stack([new, new.max(axis=1)])
    detector = detector_of(calibration=calibration, rules="find").fit(X)
    assert any(isinstance(rule, Sum) for rule in detector.rules_)
    for kind in detector._scores:
        detector.kind = kind
        for alpha in (0.05, 0.25, 0.5):
            p = detector.set_threshold(alpha=alpha).p_values(new)
            np.testing.assert_array_equal(detector.predict(new) == -1, p <= alpha)
            assert p.min() >= 1 / (1 + len(detector._calibration.index))
        equal = [p[(new == row).all(axis=1)] for row in new]
        assert all(len(set(of_row)) == 1 for of_row in equal)
        assert max(map(len, equal)) > 1


@pytest.mark.filterwarnings("ignore::sklearn_aae.exceptions.TrainingWarning")
@pytest.mark.parametrize("contamination", ["auto", 0])
@pytest.mark.parametrize("calibration", ["cross", "split"])
def test_rows_that_all_training_rows_equal_are_not_odd(calibration, contamination):
    settings = {"calibration": calibration, "contamination": contamination}
    halves = np.repeat([[0.0, 0, 0], [1, 1, 1]], 60, axis=0)
    detector = detector_of(**settings).fit(halves)
    # They tie with the calibrating ones, to the last bit.
    assert (detector.p_values(halves) > 0.3).all()
    assert (detector.predict(halves) == 1).all()
    detector = detector_of(**settings).fit(np.ones((120, 3)))
    assert (detector.p_values(np.ones((2, 3))) == 1).all()
    far = np.full((1, 3), 2.0)
    assert detector.p_values(far) == 1 / (1 + len(detector._calibration.index))


def test_too_few_held_out_rows_for_the_level_flag_none():
    X = np.random.default_rng(0).normal(size=(200, 2))
    far = X[:1] + 100
    with pytest.warns(UserWarning, match=r"alpha=0.01 cannot be kept with 39 rows.* takes 99"):
        detector = detector_of(calibration="split", alpha=0.01).fit(X)
    assert (detector.n_held_out_, detector.threshold_source_) == (39, "held-out")
    assert detector.p_values(far) > 0.01
    assert detector.predict(far) == 1
    assert detector.set_threshold(alpha=0.05).predict(far) == -1


def test_training_p_values_rank_each_row_among_the_others():
    X = clean(45, 6)
    X[11] = 30.0
    detector = fast_detector().fit(X)
    scores = np.empty(45)
    scores[detector._calibration.index] = detector._calibration.scores["default"]
    expected = [(1 + (np.delete(scores, i) <= scores[i]).sum()) / 45 for i in range(45)]
    np.testing.assert_allclose(detector.training_p_values_, expected)
    assert detector.training_p_values_[11] == 1 / 45
    # Rows that were trained on have none with rows held out.
    split = detector_of(calibration="split").fit(clean(200, 6))
    known = np.flatnonzero(~np.isnan(split.training_p_values_))
    np.testing.assert_array_equal(known, split.held_out_indices_)


def test_rows_beyond_are_scored_directly(monkeypatch):
    monkeypatch.setattr("sklearn_aae.detection._calibration.MOST_ROWS", 200)
    monkeypatch.setattr("sklearn_aae.detection._calibration.MOST_BEYOND", 100)
    X = clean(350, 7)
    detector = fast_detector().fit(X)
    own = detector._calibration
    assert len(own.index) == 300
    assert detector.n_held_out_ == 0
    np.testing.assert_array_equal(
        own.scores["default"][200:], detector.score_samples(X[own.index[200:]])
    )
    assert np.isnan(detector.training_p_values_).sum() == 50
    assert detector.p_values(np.full((1, 6), 50.0)) == 1 / 301


def test_too_few_rows_for_the_level_warn_and_flag_none():
    X = clean(10, 8)
    with pytest.warns(UserWarning, match=r"level alpha=0.05 cannot be kept with 10 rows.*19"):
        detector = fast_detector().fit(X)
    far = np.full((1, 6), 1e6)
    assert detector.p_values(far) == 1 / 11
    assert (detector.predict(far), detector.threshold_source_) == (1, "cross")
    assert detector.set_threshold(alpha=0.1).predict(far) == -1
    assert detector.set_threshold(contamination=0.2).threshold_source_ == "training"
    with pytest.warns(UserWarning, match="level alpha=0.01"):
        detector.set_threshold(alpha=0.01)


def test_given_models_are_cross_fitted_too():
    X = clean(60, 9)
    for model in (fast(), FrozenEstimator(fast().fit(clean(60, 10)))):
        detector = fast_detector(estimator=model).fit(X)
        assert detector.p_values(X[:5]).shape == (5,)
        assert np.isfinite(detector.training_p_values_).all()


def test_the_same_seed_gives_the_same_p_values(fitted):
    again = fast_detector(max_epochs=5).fit(clean(300, 1))
    np.testing.assert_array_equal(again.training_p_values_, fitted.training_p_values_)
    loaded, new = pickle.loads(pickle.dumps(fitted)), clean(20, 11)
    np.testing.assert_array_equal(loaded.p_values(new), fitted.p_values(new))


# ------------------------------------------------------------------------ groups


def test_p_values_within_groups():
    frame = mixed(300, 12)
    detector = fast_detector().fit(frame)
    new = mixed(40, 13)
    new.loc[0, "c"] = "unseen"
    with pytest.warns(UserWarning, match=r"flagged at alpha=0.05: 'unseen' \(0\)\. Raise"):
        p = detector.p_values(new, groups="c")
    assert p[0] == 1
    new.loc[0, "c"] = "x"
    again = detector.p_values(new, groups="c")
    np.testing.assert_array_equal(again[1:], p[1:])
    p[0] = again[0]
    scores, own = detector.score_samples(new), detector._calibration
    groups = frame["c"].to_numpy()[own.index]
    for i in range(40):
        among = own.scores["default"][groups == new["c"][i]]
        assert p[i] == (1 + (among <= scores[i]).sum()) / (1 + len(among))
    by_function = detector.p_values(new, groups=lambda rows: rows["c"])
    np.testing.assert_array_equal(by_function, p)
    one = detector.p_values(new, groups=lambda rows: np.zeros(len(rows)))
    np.testing.assert_array_equal(one, detector.p_values(new))
    assert detector.select(new, groups="c").dtype == bool


def test_groups_of_few_rows_are_named():
    frame = mixed(60, 21)
    frame["c"] = ["alone", None, None, *"pqrst", *["many"] * 52]
    detector = fast_detector().fit(frame)
    with pytest.warns(
        UserWarning, match=r"'alone' \(1\), None \(2\), 'p' \(1\), 'q' \(1\), 'r' \(1\) and 2 more"
    ):
        p = detector.p_values(frame, groups="c")
    assert set(p[[0, *range(3, 8)]]) <= {0.5, 1.0}
    with pytest.warns(UserWarning, match="'alone'"):
        assert not detector.select(frame[:1], groups="c").any()


def test_missing_cells_are_a_group():
    frame = mixed(120, 14)
    frame.loc[:29, "c"] = None
    detector = fast_detector().fit(frame)
    p = detector.p_values(frame[:5], groups="c")
    np.testing.assert_array_equal(31 * p, np.rint(31 * p))


def test_groups_that_will_not_do(fitted):
    X = clean(5, 15)
    with pytest.raises(ValueError, match=r"groups='region' is no column of the table"):
        fitted.p_values(X, groups="region")
    with pytest.raises(ValueError, match="returned 1 labels for 5 rows"):
        fitted.p_values(X, groups=lambda rows: ["a"])
    for others in (np.zeros(5), ["region"], {}, True, False):
        with pytest.raises(ValueError, match="is no column of the table"):
            fitted.p_values(X, groups=others)
    with pytest.raises(TypeError, match="a label for each row; got NoneType"):
        fitted.p_values(X, groups=lambda rows: None)
    for labels in (np.zeros((5, 2)), [["a"]] * 5):
        with pytest.raises(TypeError, match="labels that are hashable"):
            fitted.p_values(X, groups=lambda rows, labels=labels: labels)
    with pytest.warns(UserWarning, match="none of its rows can be flagged"):
        assert fitted.p_values(X, groups=2).shape == (5,)


def test_small_tables_are_cross_fitted_unless_told_otherwise():
    X = clean(100, 16)
    assert detector_of().fit(X[:99]).threshold_source_ == "cross"
    assert detector_of().fit(X).threshold_source_ == "held-out"
    assert detector_of(calibration="split").fit(X[:99]).threshold_source_ == "training"


def test_progress_says_which_fold_it_is(capsys):
    fast_detector(max_epochs=10, verbose=1).fit(clean(60, 17))
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 40
    assert "[AAEOutlierDetector] fold 3 of 3, ensemble, step 10 of 10:" in shown[-1]
