"""The estimator inside scikit-learn: pipelines, searches, meta-estimators, callbacks."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import ColumnTransformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 (switches it on)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import balanced_score
from sklearn_aae.posteriors import Gaussian as GaussianPosterior
from sklearn_aae.priors import Gaussian
from tests.instances import fast


def test_pipeline_with_a_classifier(cancer):
    X, y = cancer
    pipeline = make_pipeline(
        StandardScaler(), fast(n_components=8, max_epochs=30), LogisticRegression()
    )
    assert pipeline.fit(X, y).score(X, y) > 0.9
    assert list(pipeline[:-1].get_feature_names_out()) == [
        f"adversarialautoencoder{i}" for i in range(8)
    ]


def test_pipeline_inverse(cancer):
    X = cancer[0]
    pipeline = make_pipeline(StandardScaler(), fast()).fit(X)
    assert pipeline.inverse_transform(pipeline.transform(X)).shape == X.shape


def test_feature_union_and_column_transformer(cancer):
    X = cancer[0]
    union = FeatureUnion([("aae", fast()), ("scaled", StandardScaler())])
    assert union.fit_transform(X).shape == (569, 32)
    columns = ColumnTransformer([("aae", fast(), [0, 1, 2])], remainder="passthrough")
    assert columns.fit_transform(X).shape == (569, 29)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_without_and_with_a_scorer(cancer, n_jobs):
    X = cancer[0]
    grid = {"n_components": [1, 4], "prior": ["gaussian", Gaussian(2.0)]}
    plain = GridSearchCV(fast(), grid, cv=2, n_jobs=n_jobs).fit(X)
    assert plain.best_params_["n_components"] == 4
    assert np.isfinite(plain.cv_results_["mean_test_score"]).all()
    balanced = GridSearchCV(fast(), grid, cv=2, n_jobs=n_jobs, scoring=balanced_score).fit(X)
    assert np.isfinite(balanced.cv_results_["mean_test_score"]).all()
    assert balanced.best_score_ < 0


def test_grid_search_gives_the_same_with_one_and_two_jobs(cancer):
    X = cancer[0]
    scores = [
        GridSearchCV(fast(), {"n_components": [1, 3]}, cv=2, n_jobs=n_jobs)
        .fit(X)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*scores)


def test_parameters_of_prior_and_posterior_objects_are_searchable(cancer):
    model = fast(prior=Gaussian(), posterior=GaussianPosterior())
    grid = {"prior__scale": [1.0, 3.0], "posterior__input_noise": [0.0, 0.5]}
    search = GridSearchCV(model, grid, cv=2).fit(cancer[0])
    assert len(set(search.cv_results_["mean_test_score"])) == 4


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_halving_search(cancer, n_jobs):
    search = HalvingGridSearchCV(
        fast(), {"n_components": [1, 2, 4]}, cv=2, n_jobs=n_jobs, random_state=0, min_resources=100
    ).fit(cancer[0])
    assert search.best_params_["n_components"] in (1, 2, 4)


def test_halving_search_over_epochs(cancer):
    search = HalvingGridSearchCV(
        fast(), {"lr": [1e-3, 1e-2]}, cv=2, resource="max_epochs", max_resources=4, random_state=0
    ).fit(cancer[0])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_cross_validate_with_several_scorers(cancer):
    X, y = cancer
    own = {"score": lambda model, X, y: model.score(X), "balanced": balanced_score}
    result = cross_validate(fast(), X, y, cv=3, scoring=own)
    assert np.isfinite(result["test_score"]).all()
    assert np.isfinite(result["test_balanced"]).all()
    behind = make_pipeline(fast(n_components=4), LogisticRegression())
    result = cross_validate(behind, X, y, cv=3, scoring=["accuracy", "roc_auc"])
    assert (result["test_roc_auc"] > 0.7).all()


def test_frozen_inside_a_pipeline(cancer):
    X, y = cancer
    model = fast().fit(X)
    pipeline = make_pipeline(FrozenEstimator(model), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(pipeline[:-1].transform(X), model.transform(X))


def test_with_metadata_routing_enabled(cancer):
    X, y = cancer
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("aae", fast()), ("clf", LogisticRegression())])
        pipeline.set_params(clf=LogisticRegression().set_fit_request(sample_weight=True))
        pipeline["clf"].set_score_request(sample_weight=True)
        pipeline.fit(X, y, sample_weight=np.ones(len(y)))
        search = GridSearchCV(pipeline, {"aae__n_components": [1, 2]}, cv=2)
        assert search.fit(X, y, sample_weight=np.ones(len(y))).best_score_ > 0.5
        ovr = OneVsRestClassifier(make_pipeline(fast(), LogisticRegression()))
        assert ovr.fit(X, y).score(X, y) > 0.5


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_and_set_config(cancer, container):
    lib = pytest.importorskip(container)
    X = cancer[0]
    local = fast().set_output(transform=container)
    assert type(local.fit_transform(X)) is lib.DataFrame
    with sklearn.config_context(transform_output=container):
        model = fast(scaling="quantile").fit(X)
        codes = model.transform(X)
        assert type(codes) is lib.DataFrame
        assert list(codes.columns) == ["adversarialautoencoder0", "adversarialautoencoder1"]
        # The way back follows what fit saw, not what transform was told.
        assert type(model.inverse_transform(codes)) is np.ndarray


def test_progress_bar_through_pipeline_and_search(cancer, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pytest.importorskip("rich")
    X, y = cancer
    pipeline = make_pipeline(StandardScaler(), fast(), LogisticRegression())
    search = GridSearchCV(pipeline, {"adversarialautoencoder__n_components": [1, 2]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None))
    search.fit(X, y)
    shown = capsys.readouterr().out
    # Two settings in two folds, and the refit.
    assert shown.count("AdversarialAutoencoder - fit") == 5
    assert shown.count("100%") >= 5


def test_scoring_monitor_sees_every_epoch(cancer):
    X, y = cancer
    monitor = ScoringMonitor(scoring={"score": AdversarialAutoencoder.score})
    model = fast(max_epochs=5).set_callbacks(monitor).fit(X, y)  # it scores only with a y
    logs = monitor.get_logs()
    rows = [row for row in logs.data if row["task_name"] == "epoch"]
    assert len(rows) == 5
    scores = [row["score"] for row in rows]
    assert scores[-1] == pytest.approx(model.score(X))
    assert scores[0] < scores[-1]


def test_callbacks_leave_nothing_behind(cancer):
    X = cancer[0]
    monitored = fast().set_callbacks(ScoringMonitor(scoring=None)).fit(X)
    plain = fast().fit(X)
    assert set(monitored.__dict__) - set(plain.__dict__) == {"_skl_callbacks"}
    np.testing.assert_array_equal(monitored.transform(X), plain.transform(X))


def test_set_params_reaches_everything():
    model = AdversarialAutoencoder(prior=Gaussian()).set_params(prior__scale=3.0, lr=0.01)
    assert model.prior.scale == 3.0
    assert clone(model).prior.scale == 3.0
    assert len(model.get_params(deep=False)) <= 34
