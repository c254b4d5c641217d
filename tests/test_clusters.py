"""Searches and scores on clusters: the same as without one."""

from __future__ import annotations

import importlib
import io
import os
import re
import shutil
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, save
from sklearn_aae.persistence import load_once

X = load_iris().data


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes on the loopback interface."""
    distributed = pytest.importorskip("dask.distributed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, host="127.0.0.1", **settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def pipeline(**settings):
    given = {"max_epochs": 3, "random_state": 0, **settings}
    return make_pipeline(StandardScaler(), AdversarialAutoencoder(**given))


def grid(**settings):
    """A search in which every fit has the same seed, wherever it runs."""
    parameters = {"adversarialautoencoder__n_components": [1, 2]}
    return GridSearchCV(pipeline(**settings), parameters, cv=2)


def others():
    name = "adversarialautoencoder__"
    space = {f"{name}n_components": [1, 2, 3], f"{name}lr": [1e-3, 1e-2]}
    settings = {"cv": 2, "random_state": 0}
    epochs = {"resource": f"{name}max_epochs", "max_resources": 4, "min_resources": 1}
    return [
        RandomizedSearchCV(pipeline(), space, n_iter=3, **settings),
        HalvingGridSearchCV(pipeline(), space, factor=2, **epochs, **settings),
        HalvingRandomSearchCV(pipeline(), space, factor=2, n_candidates=4, **epochs, **settings),
    ]


def assert_same_search(search, local):
    assert search.best_params_ == local.best_params_
    for name, values in local.cv_results_.items():
        if not name.endswith("_time"):
            np.testing.assert_array_equal(search.cv_results_[name], values)
    np.testing.assert_array_equal(
        search.best_estimator_.transform(X), local.best_estimator_.transform(X)
    )


def file_of(estimator):
    buffer = io.BytesIO()
    save(estimator, buffer, training=False)
    return buffer.getvalue()


def scored(part, file):
    """Score a part of a table, with the model that the worker has loaded."""
    return pd.Series(load_once(file).score_samples(part), index=part.index, name="score")


def test_a_grid_on_dask_is_the_grid_without(client, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    local = grid().fit(X)
    search = grid().set_callbacks(ProgressBar(max_propagation_depth=None))
    with parallel_config("dask"):
        search.fit(X)
    assert_same_search(search, local)
    # Two settings in two folds on the workers, and the refit.
    assert capsys.readouterr().out.count("AdversarialAutoencoder - fit") == 5


def test_scores_on_dask_are_those_without(client):
    frames = pytest.importorskip("dask.dataframe")
    table = pd.DataFrame(X, columns=list("abcd"))
    detector = AAEOutlierDetector(random_state=0, max_epochs=2).fit(table)
    parts = frames.from_pandas(table, npartitions=4)
    answer = parts.map_partitions(scored, file_of(detector), meta=("score", "float64"))
    np.testing.assert_array_equal(answer.compute(), detector.score_samples(table))


@pytest.mark.slow
@pytest.mark.parametrize("search", others(), ids=lambda search: type(search).__name__)
def test_searches_on_dask_are_those_without(client, search):
    local = search.fit(X)
    with parallel_config("dask"):
        assert_same_search(clone(search).fit(X), local)


@pytest.mark.slow
def test_a_search_survives_a_killed_worker(client):
    local = grid(max_epochs=400).fit(X)
    pids = client.run(os.getpid)

    def kill():
        while not any(client.processing().values()):
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    search = grid(max_epochs=400)
    with parallel_config("dask"):
        search.fit(X)
    killer.join()
    assert_same_search(search, local)
    client.wait_for_workers(2, timeout=60)  # the nanny has started another
    assert set(client.run(os.getpid).values()) != set(pids.values())


@pytest.fixture(scope="module")
def ray():
    """Ray with two workers on this machine."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        importlib.import_module("ray.util.joblib").register_ray()
        yield ray
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_search_on_ray_is_the_search_without(ray, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    local = grid().fit(X)
    search = grid().set_callbacks(ProgressBar(max_propagation_depth=None))
    with parallel_config("ray", n_jobs=-1):
        assert os.getpid() not in Parallel()(delayed(os.getpid)() for _ in range(4))
        search.fit(X)
    assert_same_search(search, local)
    assert capsys.readouterr().out.count("AdversarialAutoencoder - fit") == 5


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_worker_of_ray_that_is_killed_ends_the_search(ray):
    def fit_and_die(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        parallel_config("ray", n_jobs=-1),
        pytest.raises(ray.exceptions.RayActorError, match="died unexpectedly"),
    ):
        Parallel()(delayed(fit_and_die)() for _ in range(2))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Spark's own
def test_the_recipes_for_spark_score_as_without(monkeypatch):
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.fail("PySpark needs Java 17: apt-get install openjdk-17-jre-headless")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    page = (Path(__file__).parents[1] / "docs/user_guide/clusters.rst").read_text()
    recipes = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", page)[:2]
    rows = pd.DataFrame(X, columns=list("abcd"))
    detector = AAEOutlierDetector(random_state=0, max_epochs=2).fit(rows)
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    spark = builder.getOrCreate()
    try:
        table = spark.createDataFrame(rows.reset_index(names="id")).repartition(3)
        names = {"spark": spark, "table": table, "columns": list("abcd")}
        # As in a script: what the functions need travels with them.
        names |= {"file": file_of(detector), "__name__": "__main__"}
        for recipe in recipes:
            exec(textwrap.dedent(recipe), names)
        for found in (names["scores"], names["with_scores"]):
            scores = found.toPandas().sort_values("id")["score"]
            np.testing.assert_array_equal(scores, detector.score_samples(rows))
    finally:
        spark.stop()
