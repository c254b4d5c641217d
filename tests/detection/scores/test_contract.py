"""Every kind of score keeps the promises of the base class."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from sklearn_aae.detection.scores import SCORES, additive_kinds
from tests.instances import fast, fast_detector

#: Kinds whose order is not meant to detect anything by itself.
FOR_COMPARISON = {"discriminator"}

KINDS = [
    "default",
    "model",
    "reference",
    "likelihood",
    "autoregressive",
    "marginal",
    "reconstruction",
    "latent",
    "discriminator",
    "mode_divergence",
    "gpnd",
]

#: The fits that give each kind: a given model has no networks for the autoregressive one.
CASES = [("ensemble", kind) for kind in KINDS] + [
    ("frozen", kind) for kind in KINDS if kind != "autoregressive"
]
each_kind = pytest.mark.parametrize("fitted, kind", CASES, indirect=["fitted"], scope="module")


def test_every_kind_is_under_contract():
    # Arrays have no rules unless these are asked for: tests/detection/test_rules.py.
    assert {*KINDS, "rules"} == set(SCORES)


@pytest.fixture(scope="module")
def rows():
    """Correlated normal rows, and rows that are far out or break the correlation."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(400, 2))
    X = factors @ rng.normal(size=(2, 6)) + 0.1 * rng.normal(size=(400, 6))
    far = 6 * rng.normal(size=(20, 6))
    return X, far


@pytest.fixture(scope="module")
def detectors(rows):
    X, _ = rows
    model = fast(n_components=3, max_epochs=20).fit(X)
    return {
        "ensemble": fast_detector(kind="autoregressive", n_estimators=3, max_epochs=10).fit(X),
        "frozen": fast_detector(estimator=FrozenEstimator(model)).fit(X),
    }


@pytest.fixture(scope="module")
def fitted(request, detectors):
    return detectors[request.param]


@each_kind
def test_scores_are_finite_float64_that_vary(fitted, rows, kind):
    scores = fitted.score_samples(rows[0], kind=kind)
    assert scores.shape == (400,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 300


@pytest.mark.parametrize(
    "fitted, kind",
    [case for case in CASES if case[1] not in FOR_COMPARISON],
    indirect=["fitted"],
    scope="module",
)
def test_far_rows_score_lower(fitted, rows, kind):
    X, far = rows
    scores = fitted.score_samples(np.concatenate([X, far]), kind=kind)
    assert roc_auc_score(np.repeat([1, 0], [400, 20]), scores) > 0.9


@each_kind
def test_a_row_depends_on_no_other_row(fitted, rows, kind):
    X = np.concatenate(rows)
    together = fitted.score_samples(X, kind=kind)
    alone = np.concatenate(
        [fitted.score_samples(X[i : i + 1], kind=kind) for i in range(0, 420, 60)]
    )
    np.testing.assert_allclose(alone, together[::60], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        fitted.score_samples(X[::-1], kind=kind)[::-1], together, rtol=1e-9, atol=1e-9
    )


@each_kind
def test_a_kind_gives_the_same_scores_twice(fitted, rows, kind):
    first = fitted.score_samples(rows[0], kind=kind)
    np.testing.assert_array_equal(first, fitted.score_samples(rows[0], kind=kind))


@each_kind
def test_contributions_add_up_or_the_kind_says_that_it_has_none(fitted, rows, kind):
    X = np.concatenate(rows)
    if kind not in additive_kinds():
        with pytest.raises(ValueError, match=f"'{kind}' is not a sum over columns; choose from"):
            fitted.score_contributions(X, kind=kind)
        return
    parts = fitted.score_contributions(X, kind=kind)
    assert parts.shape == X.shape
    np.testing.assert_allclose(parts.sum(axis=1), -fitted.score_samples(X, kind=kind), atol=1e-6)


@pytest.mark.parametrize(
    "fitted, kind",
    [case for case in CASES if case[1] in additive_kinds()],
    indirect=["fitted"],
    scope="module",
)
def test_the_broken_column_contributes_most(fitted, rows, kind):
    X = np.repeat(rows[0][:30], 6, axis=0)
    broken = np.tile(np.arange(6), 30)
    X[np.arange(180), broken] += 8 * rows[0].std(axis=0)[broken]
    hit = fitted.score_contributions(X, kind=kind).argmax(axis=1) == broken
    # By chance it would be one in six.
    assert hit.mean() > 0.5
