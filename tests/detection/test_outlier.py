"""The detector: thresholds, p-values, explanations, odd data, state."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import betabinom
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_wine
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection._fitting import fit_ensemble, not_far_above
from sklearn_aae.detection.ensemble import EnsemblePlan, EnsembleSettings
from sklearn_aae.detection.scores import DENSITY, SCORES, kinds_with
from sklearn_aae.exceptions import ConstantTableWarning, UnsupportedColumnsError
from tests.instances import fast, fast_detector
from tests.test_randomness import global_state

#: What every fit gives.
KINDS = kinds_with([DENSITY])


def clean(n_samples, seed):
    """Return normal rows of six correlated columns."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(2, 6))
    return rng.normal(size=(n_samples, 2)) @ mixing + 0.3 * rng.normal(size=(n_samples, 6))


@pytest.fixture(scope="module")
def fitted():
    return fast_detector(max_epochs=5).fit(clean(600, 1))


# ------------------------------------------------------------------- detection


@pytest.mark.parametrize("kind", ["default", "model"])
def test_detects_better_than_isolation_forest(digits, kind):
    """Nines among eights: no pixel gives them away, and training rows hold a few, too."""
    X, y = digits
    eights, nines = X[y == 8], X[y == 9]
    rows = np.concatenate([eights[:120], nines[:12]])
    test = np.concatenate([eights[120:], nines[12:]])
    labels = np.repeat([1, 0], [len(eights) - 120, len(nines) - 12])
    ours = AAEOutlierDetector(kind, calibration="split", random_state=0).fit(rows)
    forest = IsolationForest(random_state=0).fit(rows)
    ours, theirs = (roc_auc_score(labels, d.score_samples(test)) for d in (ours, forest))
    assert ours > 0.9
    assert ours > theirs


def test_the_model_alone_finds_broken_dependence():
    """Each column by itself is ordinary, so the marginal score must fail where others do not."""
    X = clean(600, 2)
    broken = np.random.default_rng(3).permuted(clean(200, 4), axis=0)
    test, labels = np.concatenate([clean(200, 5), broken]), np.repeat([1, 0], 200)
    detector = AAEOutlierDetector(random_state=0).fit(X)
    auc = {kind: roc_auc_score(labels, detector.score_samples(test, kind)) for kind in KINDS}
    assert min(auc[kind] for kind in ("default", "likelihood", "reconstruction")) > 0.85
    assert auc["marginal"] < 0.65


# ------------------------------------------------------------------- threshold


def test_nothing_but_the_offset_changes_with_kind_or_threshold(fitted):
    X = clean(50, 6)
    detector = copy.deepcopy(fitted)
    weights = {name: p.clone() for name, p in detector.ensemble_.state_dict().items()}
    scores = detector.score_samples(X)
    for kind in KINDS:
        detector.score_samples(X, kind=kind)
    before = vars(detector).copy()
    offsets = [
        detector.set_threshold(contamination=0.2).offset_,
        detector.set_threshold(contamination=0.3).offset_,
        detector.set_threshold(alpha=0.1).offset_,
        detector.set_threshold(alpha=0.2).offset_,
    ]
    assert len(set(offsets)) == 4
    assert all((weights[name] == p).all() for name, p in detector.ensemble_.state_dict().items())
    np.testing.assert_array_equal(detector.score_samples(X), scores)
    changed = {name for name in vars(detector) if vars(detector)[name] is not before[name]}
    assert changed <= {"offset_", "threshold_source_"}


@pytest.mark.parametrize("kind", ["default", "likelihood", "latent"])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_share_of_the_training_rows_is_flagged(kind, share):
    X = clean(300, 7)
    detector = fast_detector(kind=kind, contamination=share).fit(X)
    assert detector.threshold_source_ == "training"
    assert (detector.predict(X) == -1).sum() == pytest.approx(share * 300, abs=1)
    later = fast_detector(kind=kind).fit(X).set_threshold(contamination=share)
    assert later.offset_ == pytest.approx(detector.offset_)


def test_predict_is_the_sign_of_the_decision(fitted):
    X = clean(300, 8)
    decision = fitted.decision_function(X)
    np.testing.assert_array_equal(decision, fitted.score_samples(X) - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(X), np.where(decision < 0, -1, 1))
    # The threshold is where p-values are alpha.
    np.testing.assert_array_equal(fitted.p_values(X) <= 0.05, fitted.predict(X) == -1)


def test_few_rows_have_a_threshold_from_training_and_no_p_values():
    X = clean(99, 9)
    detector = fast_detector(calibration="split").fit(X)
    assert (detector.n_held_out_, detector.threshold_source_) == (0, "training")
    assert (detector.predict(X) == -1).sum() == pytest.approx(0.05 * 99, abs=1)
    for method in (detector.p_values, detector.select):
        with pytest.raises(ValueError, match="fit on at least 100"):
            method(X)
    assert (
        fast_detector(calibration="split", alpha=0.05).fit(clean(150, 9)).threshold_source_
        == "held-out"
    )


@pytest.mark.parametrize("contamination", [-0.1, 0.51, 1, "much", np.nan])
def test_contamination_out_of_range(contamination):
    with pytest.raises(ValueError, match="contamination"):
        fast_detector(contamination=contamination).fit(clean(50, 0))


@pytest.mark.parametrize(
    "threshold",
    [
        {},
        {"contamination": 0.1, "alpha": 0.1},
        {"contamination": 0},
        {"contamination": 0.6},
        {"alpha": 0},
        {"alpha": 1},
    ],
)
def test_thresholds_out_of_range(fitted, threshold):
    before = fitted.offset_
    with pytest.raises(ValueError, match=r"contamination|alpha"):
        fitted.set_threshold(**threshold)
    assert fitted.offset_ == before


def test_clean_training_rows_are_not_trimmed():
    X = clean(400, 10)
    assert fast_detector(contamination=0).fit(X)._model.inliers.all()
    trimmed = fast_detector().fit(np.concatenate([X, 8 + clean(40, 11)]))
    assert not trimmed._model.inliers.all()


@pytest.mark.parametrize("trimming", [True, False])
def test_a_share_of_every_batch_is_left_out_from_the_start(trimming):
    X = np.concatenate([clean(180, 12), 8 + clean(20, 13)]).astype(np.float32)
    shares = []
    fit_ensemble(
        X,
        0,
        EnsembleSettings(n_members=2, hidden_layer_sizes=(8,)),
        EnsemblePlan(n_steps=100, batch_size=16),
        trimming=trimming,
        watch=lambda trainer: shares.append(trainer.trim),
    )
    assert all(0.05 < share < 0.3 if trimming else share == 0 for share in shares)


def test_rows_a_little_apart_from_many_equal_ones_are_inliers():
    distance = np.repeat([0.0, 0.01, 5.0], [90, 5, 5])
    np.testing.assert_array_equal(not_far_above(distance), distance < 1)


# -------------------------------------------------------------------- p-values


def check_p_values(n_seeds, most_outside):
    """Fit on clean rows again and again; flag clean rows at 5 %."""
    n_test, shares, outside = 400, [], 0
    for seed in range(n_seeds):
        detector = fast_detector(calibration="split", random_state=seed).fit(clean(700, [seed, 0]))
        n = detector.n_held_out_
        flagged = int((detector.p_values(clean(n_test, [seed, 1])) <= 0.05).sum())
        # The share of new rows below the rank'th of n held-out ones is Beta-distributed.
        rank = round(0.05 * (n + 1))
        low, high = betabinom(n_test, rank, n + 1 - rank).interval(0.95)
        outside += not low <= flagged <= high
        shares.append(flagged / n_test)
    error = np.std(shares, ddof=1) / np.sqrt(n_seeds)
    assert abs(np.mean(shares) - 0.05) <= 3 * error
    assert outside <= most_outside
    return shares


def test_p_values_hold_their_level():
    check_p_values(8, 3)


@pytest.mark.slow
def test_p_values_hold_their_level_over_many_seeds():
    """The first forty alone happen to flag 3.8 %, 3.2 standard errors too few; all do not."""
    check_p_values(120, 13)


def test_selection_holds_its_rate():
    detector = fast_detector(max_epochs=5).fit(clean(4_000, 12))
    new, far = clean(300, 13), 10 + clean(60, 14)
    chosen = detector.select(np.concatenate([new, far]), fdr=0.2)
    assert chosen[300:].all()
    assert chosen[:300].sum() <= 0.4 * chosen.sum()
    assert not detector.select(clean(300, 15), fdr=0.01).any()
    with pytest.raises(ValueError, match="fdr"):
        detector.select(new, fdr=0.0)


def test_selection_is_benjamini_and_hochbergs(fitted, monkeypatch):
    """By the definition in fractions: ties and p-values at their bound are not rounded away."""
    rng = np.random.default_rng(0)
    bound_was_met = 0
    for _ in range(2_000):
        n, fdr = int(rng.integers(1, 40)), Fraction(int(rng.integers(1, 10)), 10)
        p = [Fraction(int(k), 40) for k in rng.integers(1, rng.integers(3, 42), size=n)]
        bounds = [fdr * rank / n for rank in range(1, n + 1)]
        passed = [own for own, bound in zip(sorted(p), bounds, strict=True) if own <= bound]
        bound_was_met += any(map(Fraction.__eq__, sorted(p), bounds))
        expected = [own <= max(passed, default=0) for own in p]
        monkeypatch.setattr(fitted, "p_values", lambda X, p=p, **_: np.array(p, dtype=float))
        np.testing.assert_array_equal(fitted.select(None, fdr=float(fdr)), expected)
    assert bound_was_met > 100


def test_held_out_rows_are_used_for_nothing_else():
    """Other values in the held-out rows leave the weights as they were."""
    X = clean(400, 16)
    detector = fast_detector(calibration="split").fit(X)
    assert len(np.unique(detector.held_out_indices_)) == detector.n_held_out_ == 39
    other = X.copy()
    other[detector.held_out_indices_] += 1
    again = fast_detector(calibration="split").fit(other)
    old, new = detector.ensemble_.state_dict(), again.ensemble_.state_dict()
    assert all((old[name] == new[name]).all() for name in old)
    test = clean(50, 17)
    np.testing.assert_array_equal(detector.score_samples(test), again.score_samples(test))
    assert detector.offset_ != again.offset_


# ----------------------------------------------------------------- explanation


def test_explanations_name_the_column_and_what_was_expected():
    X = clean(1_000, 18)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    detector = AAEOutlierDetector(random_state=0).fit(frame)
    rows = frame.iloc[:40].copy()
    rows["c"] += 4 * frame["c"].std()
    reasons = detector.explain(rows, top=2)
    assert [len(row) for row in reasons] == [2] * 40
    first = [row[0] for row in reasons]
    assert np.mean([reason.column == "c" for reason in first]) > 0.9
    for i, reason in enumerate(first):
        assert reason.value == rows.iloc[i][reason.column]
        assert reason.low <= reason.expected <= reason.high
        assert 0 <= reason.share <= 1
    named = [i for i, reason in enumerate(first) if reason.column == "c"]
    expected = np.array([first[i].expected for i in named])
    truth = X[named, 2]
    # Far better than the column's mean, and nearly right.
    assert np.mean((expected - truth) ** 2) < 0.3 * truth.var()
    assert np.mean([first[i].low <= X[i, 2] <= first[i].high for i in named]) > 0.6


def test_explanations_of_a_given_model():
    X = clean(400, 19)
    detector = fast_detector(estimator=fast(n_components=2, max_epochs=20)).fit(X)
    (reason,) = detector.explain(X[:1], top=1)[0]
    assert reason.low < reason.expected < reason.high
    with pytest.raises(ValueError, match="not a sum over columns"):
        detector.explain(X[:1], kind="gpnd")
    with pytest.raises(ValueError, match="top"):
        detector.explain(X[:1], top=0)


# ------------------------------------------------------------- given estimator


def test_a_frozen_model_is_used_as_it_is():
    X = clean(300, 20)
    model = fast(max_epochs=5).fit(X)
    weights = [p.clone() for p in model.net_.module_.parameters()]
    detector = fast_detector(estimator=FrozenEstimator(model)).fit(X)
    assert detector.estimator_ is model
    assert detector.ensemble_ is None
    kept = zip(weights, model.net_.module_.parameters(), strict=True)
    assert all((before == after).all() for before, after in kept)
    np.testing.assert_allclose(
        detector.score_samples(X, kind="likelihood"), model.score_samples(X), rtol=1e-5, atol=1e-5
    )
    # The same after a copy: weights belong to the detector.
    again = clone(detector).fit(X)
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))


def test_a_model_that_is_not_frozen_is_cloned_and_fitted():
    model = fast()
    detector = fast_detector(estimator=model).fit(clean(300, 21))
    assert not hasattr(model, "net_")
    assert detector.estimator_.n_iter_ == 3
    # One whose training needs autograd.
    model = fast(encoder=torch.nn.Linear(6, 2))
    assert fast_detector(estimator=model).fit(clean(300, 21)).estimator_.n_iter_ == 3


def test_estimators_that_will_not_do():
    X = clean(50, 22)
    with pytest.raises(TypeError, match="must be an AdversarialAutoencoder"):
        fast_detector(estimator=IsolationForest()).fit(X)
    with pytest.raises(NotFittedError, match="not fitted"):
        fast_detector(estimator=FrozenEstimator(fast())).fit(X)
    with pytest.raises(ValueError, match="X has 4 columns, but estimator was fitted on 6"):
        fast_detector(estimator=FrozenEstimator(fast().fit(X))).fit(X[:, :4])
    with pytest.raises(ValueError, match="reads a table as levels"):
        fast_detector(estimator=fast(output="autoregressive")).fit(X)


# -------------------------------------------------------------- data and state


def test_constant_rows_are_all_alike_and_others_are_not():
    X = np.full((150, 3), 7.0)
    with pytest.warns(ConstantTableWarning):
        detector = fast_detector().fit(X)
    assert np.ptp(detector.score_samples(X)) == 0
    assert (detector.predict(X) == 1).all()
    assert (detector.predict(X + np.eye(3)[1]) == -1).all()


def test_a_constant_column_flags_any_other_value():
    X = clean(300, 23)
    X[:, 1] = 5.0
    detector = fast_detector(max_epochs=5).fit(X)
    odd = X[:20].copy()
    odd[:, 1] = 9.0
    assert (detector.predict(odd) == -1).all()
    assert (detector.score_contributions(odd).argmax(axis=1) == 1).mean() > 0.9


@pytest.mark.filterwarnings("ignore:The level")
@pytest.mark.parametrize("shape", [(2, 1), (2, 5), (3, 2), (40, 1), (120, 2)])
def test_small_tables(shape):
    X = np.random.default_rng(0).normal(size=shape)
    detector = fast_detector(n_estimators=3).fit(X)
    for kind in KINDS:
        assert np.isfinite(detector.score_samples(X, kind=kind)).all()


def test_a_single_step():
    X = clean(60, 23)
    detector = AAEOutlierDetector(max_epochs=1, random_state=0).fit(X)
    assert {len(losses) for losses in detector.history_.values()} == {1}
    assert np.isfinite(detector.score_samples(X)).all()


def test_wide_tables_are_shared_out_among_members():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) @ rng.normal(size=(3, 450))
    detector = fast_detector(n_estimators=3).fit(X)
    assert detector.ensemble_.columns.shape == (3, 400)
    parts = detector.score_contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(X), atol=1e-6)


def test_frames_must_keep_their_columns():
    frame = pd.DataFrame(clean(120, 24), columns=list("abcdef"))
    detector = fast_detector().fit(frame)
    with pytest.raises(ValueError, match="feature names"):
        detector.score_samples(frame[list("bacdef")])
    missing = frame.copy()
    missing.iloc[3, 2] = np.nan
    assert detector.predict(missing)[3] == -1
    detector.set_params(handle_missing="error").fit(frame)
    with pytest.raises(ValueError, match="'c'"):
        detector.predict(missing)
    with pytest.raises(UnsupportedColumnsError, match="'f'"):
        detector.predict(frame.assign(f="text"))


def test_a_failed_fit_leaves_no_trace(fitted):
    detector = copy.deepcopy(fitted)
    before = vars(detector).copy()
    with pytest.raises(ValueError, match="minimum of 2"):
        detector.fit(clean(1, 0))
    assert vars(detector) == before
    empty = fast_detector()
    with pytest.raises(ValueError, match="infinity"):
        empty.fit(np.full((9, 2), np.inf))
    assert not any(name.endswith("_") for name in vars(empty))


def test_pickles_score_the_same(fitted):
    X = clean(30, 25)
    again = pickle.loads(pickle.dumps(fitted))
    for kind in KINDS:
        np.testing.assert_array_equal(again.score_samples(X, kind), fitted.score_samples(X, kind))


def test_the_same_seed_gives_the_same_detector():
    X = load_wine().data
    first, second, other = (fast_detector(random_state=s).fit(X) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert first.offset_ == second.offset_
    assert (first.score_samples(X) != other.score_samples(X)).any()


def test_no_global_generator_is_read_or_moved(cancer):
    """Every method, twice: between other draws, with one torch thread and with two."""
    X = cancer[0]

    def everything():
        detector = fast_detector().fit(X)
        results = [detector.score_samples(X, kind=kind) for kind in KINDS]
        return [*results, detector.p_values(X), detector.score_contributions(X), detector.offset_]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first, before = everything(), global_state()
        np.random.default_rng().random()
        torch.set_num_threads(2)
        second = everything()
    finally:
        torch.set_num_threads(threads)
    assert global_state() == before
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_losses_of_the_three_phases_are_kept(fitted):
    assert set(fitted.history_) == {"reconstruction_loss", "discriminator_loss", "generator_loss"}
    assert len({len(losses) for losses in fitted.history_.values()}) == 1
    losses = fast_detector(adversarial_weight=0).fit(clean(50, 0)).history_
    assert set(losses) == {"reconstruction_loss"}


def test_a_search_runs_over_kinds():
    X = np.concatenate([clean(200, 26), 5 * clean(20, 27)])
    y = np.repeat([1, -1], [200, 20])
    order = np.random.default_rng(28).permutation(220)
    search = GridSearchCV(
        fast_detector(),
        {"kind": ["default", "latent"], "n_components": [1, 3]},
        scoring="roc_auc",
        cv=2,
    ).fit(X[order], y[order])
    assert search.best_score_ > 0.8


def test_the_autoregressive_likelihood_is_there_if_it_was_asked_for(fitted):
    X = clean(300, 29)
    assert set(SCORES) - set(KINDS) == {"autoregressive", "rules"}
    fix = r"were not trained; fit a detector with AAEOutlierDetector\(kind='autoregressive'\)"
    for method in (fitted.score_samples, fitted.p_values, fitted.score_contributions):
        with pytest.raises(ValueError, match=fix):
            method(X, kind="autoregressive")
    with pytest.raises(ValueError, match=fix):
        fitted.explain(X, kind="autoregressive")
    with pytest.raises(ValueError, match=fix):
        copy.deepcopy(fitted).set_params(kind="autoregressive").set_threshold(alpha=0.1)
    detector = fast_detector(kind="autoregressive", max_epochs=5).fit(X)
    np.testing.assert_array_equal(
        detector.score_samples(X), detector.score_samples(X, "autoregressive")
    )
    assert detector.p_values(X).min() == 1 / (detector.n_held_out_ + 1)
    # All other kinds are those of a fit without it.
    other = fast_detector(max_epochs=5).fit(X)
    for kind in KINDS:
        np.testing.assert_array_equal(detector.score_samples(X, kind), other.score_samples(X, kind))
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))
    with pytest.raises(ValueError, match=r"estimator takes the place of. Leave estimator out"):
        fast_detector(kind="autoregressive", estimator=fast()).fit(X)


def test_the_autoregressive_likelihood_explains_itself():
    X = clean(600, 30)
    detector = AAEOutlierDetector("autoregressive", random_state=0).fit(X)
    odd = X[:60].copy()
    odd[:, 2] += 5 * X[:, 2].std()
    parts = detector.score_contributions(odd)
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(odd), atol=1e-6)
    assert np.mean([row[0].column == 2 for row in detector.explain(odd, top=1)]) > 0.8


@pytest.mark.filterwarnings("ignore:The level")
@pytest.mark.parametrize("shape", [(2, 1), (3, 2), (120, 70)])
def test_the_autoregressive_likelihood_of_odd_shapes(shape):
    X = np.random.default_rng(0).normal(size=shape)
    detector = fast_detector(kind="autoregressive", contamination=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()


def test_unknown_kinds(fitted):
    with pytest.raises(ValueError, match="kind='best' is not known; choose from"):
        fitted.score_samples(clean(3, 0), kind="best")
    with pytest.raises(ValueError, match="kind"):
        fast_detector(kind="best").fit(clean(50, 0))
    with pytest.raises(NotFittedError):
        fast_detector().score_samples(clean(3, 0))


# -------------------------------------------------------------------- progress


class Watcher:
    """A callback of scikit-learn that counts tasks, and stops after some."""

    def __init__(self, stop_after=np.inf):
        self.names, self.stop_after = [], stop_after

    def setup(self, estimator, context):
        self.tasks = context.max_subtasks

    def on_fit_task_begin(self, estimator, context, **kwargs):
        pass

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.names.append(context.task_name)
        return len(self.names) >= self.stop_after

    def teardown(self, estimator, context):
        self.names.append("teardown")


def test_nothing_is_printed_unless_verbose(capsys):
    X = clean(120, 31)
    quiet = fast_detector(max_epochs=10).fit(X)
    assert capsys.readouterr() == ("", "")
    loud = fast_detector(kind="autoregressive", max_epochs=10, verbose=1).fit(X)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 20
    assert all("reconstruction" in line and "generator" in line for line in shown)
    assert "[AAEOutlierDetector] ensemble, step 10 of 10:" in shown[9]
    assert "autoregressive ensemble, step 10 of 10" in shown[19]
    np.testing.assert_array_equal(loud.score_samples(X, "default"), quiet.score_samples(X))


@pytest.mark.parametrize("kind, n_tasks", [("default", 10), ("autoregressive", 20)])
@pytest.mark.parametrize("calibration, max_epochs", [("split", 1), ("split", 30), ("cross", 1)])
def test_callbacks_are_told_of_every_tenth(kind, n_tasks, calibration, max_epochs):
    X, watcher = clean(120, 32), Watcher()
    settings = {"kind": kind, "calibration": calibration, "max_epochs": max_epochs}
    detector = fast_detector(**settings).set_callbacks(watcher).fit(X)
    n_tasks *= 4 if calibration == "cross" else 1  # three folds
    assert watcher.tasks == n_tasks
    assert len(watcher.names) == n_tasks + 2  # the fit itself, and the end
    assert watcher.names[-2:] == ["fit", "teardown"]
    plain = fast_detector(**settings).fit(X)
    assert set(vars(detector)) - set(vars(plain)) == {"_skl_callbacks"}
    np.testing.assert_array_equal(detector.score_samples(X), plain.score_samples(X))


def test_a_callback_can_stop_training():
    X = clean(400, 33)
    detector = fast_detector(max_epochs=30).set_callbacks(Watcher(stop_after=3)).fit(X)
    steps = len(detector.history_["reconstruction_loss"])
    assert 0.3 * 90 <= steps < 0.6 * 90
    assert np.isfinite(detector.score_samples(X)).all()


def test_callbacks_see_the_epochs_of_a_given_model(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pytest.importorskip("rich")
    bar = ProgressBar(max_propagation_depth=None)
    fast_detector(estimator=fast()).set_callbacks(bar).fit(clean(120, 34))
    shown = capsys.readouterr().out
    assert "AdversarialAutoencoder - fit" in shown
    assert "100%" in shown
