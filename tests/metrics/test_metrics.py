"""Two-sample statistics against independent computations, and the scorers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import priors
from sklearn_aae._utils._random import derive_seed, draw_seed
from sklearn_aae.metrics import (
    PriorGap,
    balanced_score,
    c2st,
    code_information,
    energy_distance,
    mmd,
    parzen_log_likelihood,
    precision_recall,
    prior_draws,
    prior_gap,
    prior_match_score,
    sample_quality_score,
    sliced_wasserstein,
)
from sklearn_aae.metrics._prior_match import _unexplained
from tests.instances import fast
from tests.mixed_tables import animals, learned


def normal(n, k, seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, size=(n, k))


def test_energy_distance_against_loops():
    X, Y = normal(13, 3, 0), normal(17, 3, 1)

    def mean(X, Y):
        return np.mean([[np.linalg.norm(x - y) for y in Y] for x in X])

    expected = 2 * mean(X, Y) - mean(X, X) - mean(Y, Y)
    assert energy_distance(X, Y) == pytest.approx(expected)


def test_energy_distance_in_one_column_against_scipy():
    x, y = normal(300, 1, 0), normal(200, 1, 1, 0.5)
    expected = stats.energy_distance(x[:, 0], y[:, 0]) ** 2
    assert energy_distance(x, y) == pytest.approx(expected)


def test_energy_distance_is_symmetric_and_zero_for_equal_samples():
    X, Y = normal(1500, 2, 0), normal(1300, 2, 1)
    assert energy_distance(X, Y) == pytest.approx(energy_distance(Y, X))
    assert energy_distance(X, X) == pytest.approx(0, abs=1e-12)


def test_c2st_sees_what_is_there_and_nothing_else():
    same = np.mean(
        [c2st(normal(500, 3, s), normal(500, 3, s + 50), random_state=s) for s in range(4)]
    )
    assert 0.5 <= same < 0.56
    assert c2st(normal(500, 3, 0), normal(500, 3, 1, 1.0), random_state=0) > 0.85
    # A difference in dependence alone.
    x = normal(500, 1, 0)
    assert c2st(np.hstack([x, x]), normal(500, 2, 1), random_state=0) > 0.9


def test_c2st_counts_both_directions():
    X, Y = normal(90, 2, 0), normal(90, 2, 1)
    assert c2st(X, Y, random_state=3) >= 0.5


@pytest.mark.parametrize("metric", [energy_distance, c2st])
def test_bad_samples_are_refused(metric):
    with pytest.raises(ValueError, match="inconsistent"):
        metric(normal(9, 2, 0), normal(9, 3, 0))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        metric(np.full((5, 2), np.nan), normal(9, 2, 0))


@pytest.fixture(scope="module")
def without_and_with_adversary(digits):
    """Return two models of the digits."""
    return [fast(adversarial_weight=w, max_epochs=40).fit(digits[0]) for w in (0.0, 0.5)]


def test_prior_gap_tells_a_trained_adversary_from_none(digits, without_and_with_adversary):
    gaps = [prior_gap(model, digits[0], random_state=0) for model in without_and_with_adversary]
    assert gaps[0] > 3 * gaps[1]


def test_prior_gap_wants_a_fitted_model(digits):
    with pytest.raises(NotFittedError):
        prior_gap(fast(), digits[0])


def test_balanced_score_prefers_the_model_that_does_both(digits):
    X = digits[0]
    settings = {"n_components": 4, "max_epochs": 40, "hidden_layer_sizes": (128,)}
    both = balanced_score(fast(adversarial_weight=0.4, **settings).fit(X), X)
    no_adversary = balanced_score(fast(adversarial_weight=0, **settings).fit(X), X)
    untrained = balanced_score(fast(**settings).set_params(max_epochs=1, lr=1e-9).fit(X), X)
    assert both > no_adversary
    assert both > untrained


def test_balanced_score_by_hand(digits):
    X = digits[0][:300]
    model = fast().fit(X)
    varies = X.var(axis=0) > 0
    residual = ((X - model.reconstruct(X)) ** 2).mean(axis=0)[varies]
    unexplained = (residual / X.var(axis=0)[varies]).mean()
    assert balanced_score(model, X, weight=1.0) == pytest.approx(-unexplained)
    match = balanced_score(model, X, weight=0.0)
    assert balanced_score(model, X, weight=0.25) == pytest.approx(
        0.25 * -unexplained + 0.75 * match
    )
    with pytest.raises(ValueError, match=r"weight must be in \[0, 1\]"):
        balanced_score(model, X, weight=2)


def test_balanced_score_of_categories_dates_and_missing_cells_by_hand():
    """Two of six categories are wrong; one number is missing; the day is two days off."""
    frame = pd.DataFrame(
        {
            "kind": ["a", "a", "a", None, "b", "b"],
            "number": [0.0, 0.0, 0.0, 3.0, 3.0, np.nan],
            "day": pd.to_datetime(["2020-01-01"] * 3 + ["2020-01-05"] * 3),
            "same": "x",
            "empty": np.nan,
        }
    )
    back = frame.assign(
        kind=["a", "a", "b", "b", "b", "b"],
        number=[0.0, 0.0, 0.0, 3.0, np.nan, 1.2],
        day=frame["day"] + pd.Timedelta(2, "D"),
    )
    kind = 2 * (2 / 6) / (1 - (3**2 + 2**2 + 1) / 6**2)
    number = 1.8**2 / (3 * 1.2**2 + 2 * 1.8**2)
    expected = np.mean([kind, number, 2**2 / 2**2])
    assert _unexplained(frame, back) == pytest.approx(expected)
    assert _unexplained(frame.to_numpy(object), back) == pytest.approx(expected)
    assert _unexplained(frame, frame) == 0


def test_the_value_of_a_constant_column_makes_no_difference():
    rng = np.random.default_rng(0)
    X = rng.normal([0, 1e9], size=(50, 2))
    back = X + rng.normal(scale=0.3, size=X.shape)
    expected = (((X - back) ** 2).mean(axis=0) / X.var(axis=0)).mean()
    assert _unexplained(X, back) == pytest.approx(expected, rel=1e-6)
    noise = np.where(rng.random(50) < 0.5, 0.1 + 0.2, 0.3)
    for constant in (0.0, 0.1, 1e-300, 2.0**60, noise):
        column = np.broadcast_to(np.reshape(constant, (-1, 1)), (50, 1))
        for seen in (column, column + 1):
            found = _unexplained(np.hstack([X, column]), np.hstack([back, seen]))
            assert found == pytest.approx(expected, rel=1e-6)
    assert _unexplained(1e291 * X, 1e291 * back) == pytest.approx(expected, rel=1e-6)
    holes = pd.DataFrame(X).assign(k=[0.1, None] * 25)
    assert _unexplained(holes, pd.DataFrame(back).assign(k=5.0)) == pytest.approx(expected)


def test_constant_columns_are_left_out_of_samples(cancer):
    X = cancer[0][:100, :3]

    class Shuffler(BaseEstimator):
        def __init__(self, constant):
            self.constant = constant

        def fit(self, X):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def sample(self, n, random_state):
            return np.hstack([X[::-1] + 0.01, np.full((n, 1), self.constant)])

    rows = np.hstack([X, np.full((100, 1), 0.1)])
    for measure in QUALITIES:
        scores = [
            sample_quality_score(Shuffler(constant), rows, measure=measure)
            for constant in (0.1, 0.11, 7.0)
        ]
        assert scores[0] == scores[1] == scores[2]
    with pytest.raises(ValueError, match="no column of X varies"):
        sample_quality_score(Shuffler(0.1), np.full((100, 4), 0.1))


@pytest.mark.parametrize("to_frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_samples_are_matched_by_label(to_frame):
    X, Y = normal(60, 3, 0, [0, 5, 9]), normal(60, 3, 1, [0, 5, 9])
    first, second, third = (
        to_frame(dict(zip("abc", rows.T, strict=True))) for rows in (X, Y, X[:20] + 0.1)
    )
    turned = second[["c", "a", "b"]]
    for metric in (energy_distance, c2st, mmd, sliced_wasserstein, precision_recall):
        seed = {"random_state": 0} if metric in (c2st, sliced_wasserstein) else {}
        assert metric(first, turned, **seed) == metric(X, Y, **seed)
        # Without labels on both sides, columns are matched by position.
        assert metric(X, turned, **seed) == metric(X, Y[:, [2, 0, 1]], **seed)
        other = (
            second.rename({"a": "z"})
            if to_frame is pl.DataFrame
            else second.set_axis(["z", "b", "c"], axis=1)
        )
        with pytest.raises(ValueError, match=r"Y|samples.* has columns .* \['z'\]"):
            metric(first, other, **seed)
    expected = parzen_log_likelihood(X, Y, X[:20] + 0.1)
    assert parzen_log_likelihood(first, turned, third) == pytest.approx(expected)


def test_the_precision_of_samples_makes_no_difference():
    X = normal(200, 2, 0)
    narrow = X.astype(np.float32)
    assert energy_distance(X, narrow) < 1e-12
    assert c2st(X, narrow, random_state=0) == 0.5
    frame = pd.DataFrame(X).astype({0: "float32"})
    assert c2st(frame, narrow, random_state=0) == 0.5
    assert X.dtype == np.float64
    assert not np.array_equal(X, narrow)


def test_parzen_sees_that_equal_numbers_do_not_vary():
    with pytest.raises(ValueError, match="rows of X_valid do not vary"):
        parzen_log_likelihood(normal(9, 1, 0), [[0.0123], [0.0123]], np.full((30, 1), 0.1))


def test_scorers_measure_the_last_step_of_a_pipeline(cancer):
    X = cancer[0][:120]
    pipe = make_pipeline(StandardScaler(), fast(max_epochs=3)).fit(X)
    rows = pipe[0].transform(X)
    nested = Pipeline([("first", StandardScaler()), ("then", clone(pipe))]).fit(X)
    search = GridSearchCV(
        pipe, {"adversarialautoencoder__lr": [0.01]}, scoring=balanced_score, cv=2
    )
    search.fit(X)
    for scorer in (balanced_score, prior_match_score, sample_quality_score):
        assert scorer(pipe, X) == scorer(pipe[-1], rows)
        assert np.isfinite(scorer(nested, X))
        assert scorer(search, X) == scorer(search.best_estimator_, X)
        scores = cross_val_score(pipe, X, scoring=scorer, cv=2, error_score="raise")
        assert np.isfinite(scores).all()
    for measure in (prior_gap, code_information):
        seed = {"random_state": 0}
        assert measure(pipe, X, **seed) == measure(pipe[-1], rows, **seed)


def test_scorers_say_what_they_take(cancer):
    X = cancer[0][:60]
    no_model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    for scorer in (balanced_score, prior_match_score, sample_quality_score, prior_gap):
        name = scorer.__name__
        with pytest.raises(TypeError, match=f"{name} takes a fitted AdversarialAutoencoder.* PCA"):
            scorer(no_model, X)
        with pytest.raises(NotFittedError):
            scorer(make_pipeline(StandardScaler(), fast()), X)
    with pytest.raises(TypeError, match="code_information takes"):
        code_information(no_model, X)


def test_sample_quality_score_of_tables_of_mixed_types():
    table = animals(120)
    model = learned(max_epochs=2).fit(table)
    score = sample_quality_score(model, table)
    assert -1 <= score <= 0
    assert score == sample_quality_score(model, table[table.columns[::-1]])
    with pytest.raises(ValueError, match="measure='mmd' takes rows of numbers"):
        sample_quality_score(model, table, measure="mmd")


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_balanced_score_searches_over_tables_of_mixed_types(container):
    table = animals(120)
    if container == "polars":
        table = pl.from_pandas(table.reset_index(drop=True).drop(columns="empty"))
    grid = {"n_components": [2], "max_epochs": [1, 30]}
    search = GridSearchCV(learned(), grid, scoring=balanced_score, cv=2, error_score="raise")
    short, long = search.fit(table).cv_results_["mean_test_score"]
    assert long > short
    best = search.best_estimator_
    assert balanced_score(best, table) == balanced_score(best, table) < 0


def test_balanced_score_wants_a_fitted_model_and_rows(digits):
    with pytest.raises(NotFittedError):
        balanced_score(fast(), digits[0])
    with pytest.raises(ValueError, match="5 rows; at least 6"):
        balanced_score(fast().fit(digits[0][:50]), digits[0][:5])


def test_scorers_repeat(digits):
    X = digits[0][:300]
    model = fast().fit(X)
    assert balanced_score(model, X) == balanced_score(model, X)
    assert prior_gap(model, X, random_state=1) == prior_gap(model, X, random_state=1)


# -------------------------------------------------------------------------- scorers

SCORES = {
    "c2st": lambda X, Y, seed: 1 - 2 * c2st(X, Y, random_state=seed),
    "energy_distance": lambda X, Y, seed: -energy_distance(X, Y),
    "mmd": lambda X, Y, seed: -mmd(X, Y),
    "sliced_wasserstein": lambda X, Y, seed: -sliced_wasserstein(X, Y, random_state=seed),
}


@pytest.mark.parametrize("measure", SCORES)
def test_prior_match_score_by_hand(digits, measure):
    X = digits[0][:300]
    model, seed = fast(prior="uniform").fit(X), draw_seed(3)
    draws = prior_draws(model.prior_, 300, 2, derive_seed(seed, 0))
    expected = SCORES[measure](model.transform(X), draws, derive_seed(seed, 1) % 2**32)
    found = prior_match_score(model, X, measure=measure, random_state=3)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("measure", ["c2st", "energy_distance", "mmd", "sliced_wasserstein"])
def test_prior_match_score_prefers_the_adversary(digits, without_and_with_adversary, measure):
    scores = [
        prior_match_score(model, digits[0], measure=measure) for model in without_and_with_adversary
    ]
    assert scores[0] < scores[1] <= 0.02


QUALITIES = [*SCORES, "parzen", "precision", "recall"]


@pytest.fixture(scope="module")
def trained_briefly_and_long(cancer):
    """Return a table and two models of it."""
    X = cancer[0]
    X = np.hstack([np.log1p(X), np.ones((len(X), 1))])  # a constant column changes nothing
    # From a random start: principal components are no bad model.
    settings = {"init": "random", "n_components": 4, "hidden_layer_sizes": (64,)}
    models = [fast(max_epochs=epochs, **settings).fit(X) for epochs in (1, 100)]
    for model in models:
        # Without what gives columns and correlations to the rows of any model, trained or not.
        model.net_.marginals_ = None
    return X, models


# Rows that are spread too wide cover all real ones, so recall says nothing here.
@pytest.mark.parametrize("measure", sorted({*QUALITIES} - {"recall"}))
def test_sample_quality_score_prefers_what_has_learned(trained_briefly_and_long, measure):
    X, models = trained_briefly_and_long
    scores = [sample_quality_score(model, X, measure=measure) for model in models]
    assert np.isfinite(scores).all()
    assert scores[0] < scores[1]


def test_sample_quality_score_does_not_depend_on_the_unit(cancer):
    X = cancer[0][:200]
    scale = np.geomspace(0.01, 100, X.shape[1])
    for measure in ("energy_distance", "parzen"):
        a, b = (
            sample_quality_score(fast(max_epochs=5).fit(table), table, measure=measure)
            for table in (X, X * scale)
        )
        assert a == pytest.approx(b, rel=1e-3)


@pytest.mark.parametrize("scorer", [prior_match_score, sample_quality_score])
def test_scorers_in_a_search(cancer, scorer):
    frame = pd.DataFrame(cancer[0][:200])
    grid = {"max_epochs": [1, 20]}
    search = GridSearchCV(fast(init="random"), grid, cv=2, scoring=scorer).fit(frame)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
    if scorer is prior_match_score:  # rows have their columns' distributions from the start
        assert search.best_params_ == {"max_epochs": 20}
    assert scorer(search.best_estimator_, frame) == scorer(search.best_estimator_, frame)


def test_scorers_name_what_is_wrong(digits):
    X = digits[0][:100]
    model = fast().fit(X)
    with pytest.raises(ValueError, match=r"measure must be one of .* got 'recall'"):
        prior_match_score(model, X, measure="recall")
    with pytest.raises(ValueError, match=r"measure must be one of .* got 'fid'"):
        sample_quality_score(model, X, measure="fid")
    for scorer in (prior_match_score, sample_quality_score):
        with pytest.raises(NotFittedError):
            scorer(fast(), X)


@pytest.mark.parametrize(
    "after, k",
    [
        (priors.Gaussian(20.0), 2),
        (priors.Gaussian(0.1), 8),
        (priors.Mixture(), 2),
        (priors.Mixture(5), 8),
        (priors.Mixture(means=[[-1, 0], [1, 0]], covariances=0.01), 2),
        (priors.SwissRoll(), 2),
    ],
)
def test_the_null_value_follows_a_prior_that_moves(after, k):
    moved = PriorGap(priors.Gaussian(), 60, k, seed=0)
    before = moved.null
    moved.redraw(after)
    fresh = PriorGap(after, 60, k, seed=0)
    np.testing.assert_array_equal(moved.draws, fresh.draws)
    assert moved.null == pytest.approx(fresh.null, rel=0.4)
    moved.redraw(priors.Gaussian())
    assert moved.null == pytest.approx(before, rel=0.4)


def test_a_random_part_has_the_energy_distance_to_the_rest():
    # One random part of both: the quadratic form is the distance itself.
    gap = PriorGap(priors.Gaussian(), 20, 2, seed=3)
    gap.redraw(priors.Gaussian())
    both = np.concatenate([gap.draws, prior_draws(priors.Gaussian(), 20, 2, derive_seed(3, 1))])
    rng = np.random.default_rng(derive_seed(3, 2))
    order = rng.permuted(np.tile(np.arange(len(both)), (200, 1)), axis=1)
    distances = [energy_distance(both[rows[:20]], both[rows[20:]]) for rows in order]
    assert gap.null == pytest.approx(np.quantile(distances, 0.99), rel=1e-9)
