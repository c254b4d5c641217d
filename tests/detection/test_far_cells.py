"""Cells far out: not tied, not hidden by others of their kind, and no reason of other columns."""

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection.scores import additive_kinds
from sklearn_aae.encoding import Scaler

#: Sums over columns that need no rules.
ADDITIVE = [kind for kind in additive_kinds() if kind != "rules"]


def fast(*args, **settings):
    return AAEOutlierDetector(*args, **{"max_epochs": 5, "random_state": 0, **settings})


def gross(n, seed=0):
    """Return values far out on both sides, and a common one that stands for nothing."""
    rng = np.random.default_rng(seed)
    values = rng.choice([-1, 1], n) * 10.0 ** rng.uniform(2, 9, n)
    values[: n // 2] = -999.0
    return values


def table(n, n_columns, mixed, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    X = z @ np.random.default_rng(9).normal(size=(2, n_columns)) + rng.normal(size=(n, n_columns))
    if not mixed:
        return X
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(n_columns)])
    return frame.assign(
        count=rng.poisson(3, n),
        kind=np.where(z[:, 0] > 0, "a", "b"),
        shop=rng.choice([f"shop {i}" for i in range(20)], n),
    )


def with_cells(rows, j, values):
    rows = rows.copy()
    if isinstance(rows, pd.DataFrame):
        rows[f"x{j}"] = values
    else:
        rows[:, j] = values
    return rows


@pytest.fixture(scope="module", params=[(4, False), (30, False), (4, True)])
def fitted(request):
    """A detector of every kind, gross cells in one training row in twenty, and new rows."""
    n_columns, mixed = request.param
    training = table(600, n_columns, mixed, 0)
    column = np.asarray(training["x1"] if mixed else training[:, 1]).copy()
    column[::20] = gross(30)
    detector = fast("autoregressive").fit(with_cells(training, 1, column))
    return detector, table(60, n_columns, mixed, 1), "x1" if mixed else 1


@pytest.mark.parametrize("kind", ADDITIVE)
@pytest.mark.parametrize("value", [30.0, -999.0, 1e8])
def test_a_gross_cell_is_named_whatever_gross_cells_were_in_training(fitted, kind, value):
    detector, rows, name = fitted
    reasons = detector.explain(with_cells(rows, 1, 3 * value), top=1, kind=kind)
    assert np.mean([row[0].column == name for row in reasons]) >= 0.95


@pytest.mark.parametrize("kind", [*ADDITIVE, "gpnd", "mode_divergence"])
def test_of_two_far_cells_the_farther_is_more_anomalous(fitted, kind):
    detector, rows, _ = fitted
    for sign in (1, -1):
        values = sign * 20 * 1.01 ** np.arange(0, 3000, 100)
        values = np.stack([values, 1.01 * values], axis=1).ravel()
        one = rows[:1] if isinstance(rows, np.ndarray) else rows.iloc[:1]
        repeated = one.repeat(60, axis=0) if isinstance(one, np.ndarray) else pd.concat([one] * 60)
        scores = detector.score_samples(with_cells(repeated, 1, values), kind)
        assert (np.diff(scores) < 0).all()


def test_gross_rows_are_told_from_normal_ones(fitted):
    detector, rows, _ = fitted
    usual = detector.score_samples(rows, "default")
    for value in (100.0, 1e9):
        odd = detector.score_samples(with_cells(rows, 1, value), "default")
        assert (odd[:, None] < usual).mean() > 0.98
        assert len(np.unique(odd)) == len(odd)


def test_a_tenth_of_the_rows_may_be_gross_in_the_same_way():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    X[::10, 1] = 30.0
    detector = fast(max_epochs="auto").fit(X)
    rows = rng.normal(size=(100, 3))
    odd = detector.score_samples(with_cells(rows, 1, 30.0))
    assert (odd[:, None] < detector.score_samples(rows)).mean() > 0.95


def test_a_far_cell_says_nothing_of_the_others(fitted):
    detector, rows, _ = fitted
    parts = [detector.score_contributions(with_cells(rows, 1, v), "likelihood") for v in (50, 1e6)]
    others = np.arange(parts[0].shape[1]) != 1
    np.testing.assert_array_equal(parts[0][:, others], parts[1][:, others])
    assert (parts[0][:, 1] < parts[1][:, 1]).all()


@pytest.mark.parametrize("n_missing", [0, 1, 5])
@pytest.mark.parametrize("name", ["x1", "count", "kind", "shop"])
def test_a_cell_missing_where_hardly_any_was_is_named(n_missing, name):
    training, rows = table(600, 3, True, 0), table(40, 3, True, 1)
    training[name] = training[name].astype(object).where(np.arange(600) >= n_missing, None)
    if name in ("x1", "count"):
        training[name] = training[name].astype(float)
    detector = fast().fit(training)
    gaps = rows.assign(**{name: np.nan if name in ("x1", "count") else None})
    for kind in set(ADDITIVE) - {"autoregressive"}:
        reasons = detector.explain(gaps, top=1, kind=kind)
        assert np.mean([row[0].column == name for row in reasons]) >= 0.95, kind


@pytest.mark.parametrize("dependent", [False, True])
def test_one_gross_cell_among_many_columns_is_flagged(dependent):
    rng = np.random.default_rng(0)
    loadings = dependent * rng.normal(size=(5, 300))

    def make(n):
        return rng.normal(size=(n, 5)) @ loadings + rng.normal(size=(n, 300))

    detector = fast(n_estimators=2, max_epochs=3).fit(make(250))
    rows = make(60)
    assert (detector.predict(rows) == -1).mean() < 0.2
    columns = rng.integers(0, 300, 60)
    rows[np.arange(60), columns] = 30 * rows.std(axis=0)[columns]
    assert (detector.predict(rows) == -1).mean() > 0.95
    named = [row[0].column for row in detector.explain(rows[:10], top=1)]
    assert named == columns[:10].tolist()


def test_every_column_is_seen_at_any_width():
    X = np.random.default_rng(0).normal(size=(60, 900))
    detector = fast(n_estimators=2, max_epochs=1).fit(X)
    assert np.unique(detector.ensemble_.columns).tolist() == list(range(900))
    usual = detector.score_samples(X[:1], "marginal")
    for j in (0, 450, 899):
        assert detector.score_samples(with_cells(X[:1], j, 50.0), "marginal") < usual


# ------------------------------------------------------------------- scale


def test_beyond_eight_standard_deviations_the_scale_is_logarithmic():
    X = np.array([[-1.0], [1.0]])
    scale = Scaler("standard").fit(X, 0)
    near = np.linspace(-8, 8, 9)[:, None]
    np.testing.assert_allclose(scale.bent(near), near)
    far = np.array([[8 * np.e], [-8 * np.e**2], [np.finfo(float).max], [-np.finfo(float).max]])
    most = 8 * (1 + np.log(np.finfo(float).max) - np.log(8))
    np.testing.assert_allclose(scale.bent(far)[:, 0], [16, -24, most, -most], rtol=1e-6)
