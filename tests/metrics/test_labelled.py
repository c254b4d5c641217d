"""The scorer that leaves out rows without a label."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_aae.metrics import labelled_scorer
from tests.instances import fast_classifier

X = np.random.default_rng(0).normal(size=(60, 2))
TRUTH = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
LABELLED = np.arange(60) % 3 > 0

#: The same labels, as many ways of saying which rows have none.
PARTLY = {
    "NaN": np.where(LABELLED, TRUTH, np.nan),
    "-1": np.where(LABELLED, TRUTH, -1),
    "list": [int(y) if there else None for y, there in zip(TRUTH, LABELLED, strict=True)],
    "masked": np.ma.masked_array(TRUTH, ~LABELLED),
    "pandas": pd.Series(TRUTH, dtype="Int64").where(LABELLED),
    "polars": pl.Series(
        [int(y) if there else None for y, there in zip(TRUTH, LABELLED, strict=True)]
    ),
}


@pytest.fixture(scope="module")
def regression():
    return LogisticRegression().fit(X[:8], [0, 1, 0, 1, 1, 0, 1, 0])


@pytest.mark.parametrize("y", PARTLY.values(), ids=PARTLY)
@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "neg_log_loss"])
def test_unlabelled_rows_do_not_count(regression, y, scoring):
    expected = get_scorer(scoring)(regression, X[LABELLED], TRUTH[LABELLED])
    assert labelled_scorer(scoring)(regression, X, y) == pytest.approx(expected, abs=1e-12)
    own = labelled_scorer(get_scorer(scoring))(regression, X, y)
    assert own == pytest.approx(expected, abs=1e-12)


def test_weights_follow_their_rows(regression):
    weights = np.random.default_rng(1).random(60)
    expected = regression.score(X[LABELLED], TRUTH[LABELLED], weights[LABELLED])
    there = labelled_scorer("accuracy")(regression, X, PARTLY["NaN"], sample_weight=weights)
    assert there == pytest.approx(expected)


def test_minus_one_is_a_label_where_it_is_a_class():
    signs = 2 * TRUTH - 1
    regression = LogisticRegression().fit(X, signs)
    assert labelled_scorer("accuracy")(regression, X, signs) == regression.score(X, signs)


def test_no_label_at_all(regression):
    with pytest.raises(ValueError, match="none of its 60 rows has one"):
        labelled_scorer("accuracy")(regression, X, np.full(60, np.nan))
    with pytest.raises(ValueError, match="not a valid scoring value"):
        labelled_scorer("acuracy")


@pytest.mark.parametrize("y", [PARTLY["NaN"], PARTLY["list"], PARTLY["pandas"]])
def test_classifiers_score_labelled_rows_only(y):
    model = fast_classifier(max_epochs=2).fit(X, TRUTH)
    expected = (model.predict(X) == TRUTH)[LABELLED].mean()
    assert model.score(X, y) == pytest.approx(expected)
    assert model.score(X, np.where(LABELLED, TRUTH, -1)) == pytest.approx(expected)


def test_searches_over_few_labels():
    scoring = pickle.loads(pickle.dumps(labelled_scorer("balanced_accuracy")))
    assert repr(scoring) == "labelled_scorer('balanced_accuracy')"
    grid = {"n_components": [2, 3]}
    folds = KFold(2, shuffle=True, random_state=0)
    model = fast_classifier(max_epochs=2)
    search = GridSearchCV(model, grid, scoring=scoring, cv=folds).fit(X, PARTLY["NaN"])
    train, test = next(folds.split(X))
    fitted = fast_classifier(max_epochs=2, n_components=3).fit(X[train], PARTLY["NaN"][train])
    there = test[LABELLED[test]]
    expected = get_scorer("balanced_accuracy")(fitted, X[there], TRUTH[there])
    assert search.cv_results_["split0_test_score"][1] == pytest.approx(expected)
    plain = GridSearchCV(model, grid, cv=2).fit(X, PARTLY["-1"])
    assert np.isfinite(plain.cv_results_["mean_test_score"]).all()
