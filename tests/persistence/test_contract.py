"""A loaded estimator answers as the saved one did, bit for bit: every estimator, table and part.

An estimator that comes later is one more entry of ``everyday`` in tests/instances.py.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import sklearn
import torch
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator

import sklearn_aae
from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    TableEncoder,
)
from sklearn_aae.outputs import Autoregressive, Independent
from sklearn_aae.persistence._registry import ESTIMATORS
from sklearn_aae.priors import Ball, LearnedMixture, Mixture, Product, SwissRoll
from sklearn_aae.rules import Bounds, Determines, Order, Sum
from tests.instances import everyday, fast, fast_classifier, fast_clusterer, fast_detector, further
from tests.mixed_tables import animals
from tests.persistence.answers import answers, assert_same, round_trip, trained_further

IRIS = load_iris(return_X_y=True)


def briefly(estimator):
    """Train for two epochs, which is enough to have every state there is."""
    return estimator.set_params(max_epochs=2) if hasattr(estimator, "max_epochs") else estimator


def reads_labels(estimator):
    return isinstance(estimator, AAEClassifier) or getattr(estimator, "supervision", None)


def check(estimator, X, y=None, **options):
    """Fit, save, load, and compare what is said before and after further training.

    Of every fourth row, which takes half the time and tells as much.
    """
    y = y if reads_labels(estimator) else None
    briefly(estimator)
    estimator.fit(X) if y is None else estimator.fit(X, y)
    loaded = round_trip(estimator, **options)
    assert without_addresses(loaded) == without_addresses(estimator)
    some = X[::4], None if y is None else y[::4]
    assert_same(answers(loaded, *some), answers(estimator, *some))
    assert_same(trained_further(loaded, *some), trained_further(estimator, *some))
    return loaded


def without_addresses(estimator):
    return re.sub("0x[0-9a-f]+", "", str(estimator))


def ids(estimators):
    return [" ".join(str(estimator).split()) for estimator in estimators]


def test_every_public_estimator_can_be_saved_and_is_tested_here():
    public = [getattr(sklearn_aae, name) for name in sklearn_aae.__all__]
    estimators = {each for each in public if isinstance(each, type)}
    assert estimators == set(ESTIMATORS)
    assert estimators == {type(estimator) for estimator in [*everyday(), *further()]}


@pytest.mark.parametrize("estimator", everyday(), ids=ids(everyday()))
def test_a_loaded_estimator_answers_as_the_saved_one(estimator):
    X, y = IRIS
    check(estimator, X, y)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", further(), ids=ids(further()))
def test_a_loaded_estimator_of_a_further_variant_answers_as_the_saved_one(estimator):
    X, y = IRIS
    check(estimator, X, y)


# -------------------------------------------------------------------------------- tables


def with_other_types(n=150):
    """Return a pandas frame of nullable types, zones, durations and cells that only fit objects."""
    import datetime
    from decimal import Decimal

    import pandas as pd

    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "big": 2**60 + numbers,
            "price": [Decimal(f"{number}.10") for number in numbers],
            "nullable": pd.array(np.where(numbers == 1, None, numbers), dtype="Int64"),
            "zoned": pd.Timestamp("2024-03-30", tz="Europe/Berlin")
            + pd.to_timedelta(rng.integers(0, 90, n), "h"),
            "took": pd.to_timedelta(rng.integers(0, 90, n), "s"),
            "day": [datetime.date(2020, 1, 1 + number) for number in numbers],
            "arrow": pd.array(list("abcd"[number] for number in numbers), dtype="string[pyarrow]"),
        }
    )


def in_polars(n=150):
    """Return a polars frame with a column of every kind."""
    pl = pytest.importorskip("polars")
    frame = pl.from_pandas(animals(n).drop(columns=["empty", "size"]).reset_index(drop=True))
    sizes = pl.Enum(["large", "small"])
    return frame.with_columns(
        pl.when(frame["legs"] > 3).then(pl.lit("large")).otherwise(pl.lit("small")).cast(sizes)
    )


TABLES = {
    "every kind": lambda: animals(150),
    "other types": with_other_types,
    "polars": in_polars,
    "texts in an array": lambda: animals(150)[["animal", "note", "legs"]].to_numpy(dtype=object),
    "dates in an array": lambda: (
        np.datetime64("2020-01-01") + np.arange(300).reshape(150, 2).astype("m8[D]")
    ),
    "numbers of 32 bits in columns": lambda: np.asfortranarray(IRIS[0].astype(np.float32)),
}

OF_TABLES = {
    "encoder": TableEncoder,
    "model": lambda: fast(output=Autoregressive(hidden_size=8)),
    "detector": fast_detector,
    "classifier": fast_classifier,
    "clusterer": fast_clusterer,
    "imputer": lambda: AAEImputer(estimator=fast(output=Autoregressive(hidden_size=8))),
}

#: What runs every day; the other pairs are slow.
EVERY_DAY = {
    *((name, "every kind") for name in OF_TABLES),
    *(("encoder", table) for table in TABLES),
    ("model", "polars"),
    ("detector", "polars"),
    ("model", "other types"),
}


@pytest.mark.parametrize(
    "name, table",
    [
        pytest.param(name, table, marks=() if (name, table) in EVERY_DAY else pytest.mark.slow)
        for name in OF_TABLES
        for table in TABLES
    ],
)
def test_tables_of_every_kind(name, table):
    X = TABLES[table]()
    check(OF_TABLES[name](), X, np.arange(len(X)) % 3)


def test_labels_that_are_dates_come_back():
    X, y = IRIS
    days = np.datetime64("2020-01-01") + y.astype("m8[D]")
    loaded = check(fast_classifier(), X, days)
    assert loaded.classes_.dtype == days.dtype


# --------------------------------------------------------------------------------- parts

PRIORS = {
    "uniform": "uniform",
    "mixture": Mixture(5),
    "ball": Ball(),
    "learned": LearnedMixture(3),
    "swiss roll": SwissRoll(),
    "product": Product([("gaussian", 1), ("uniform", 1)]),
    "normal of scipy": stats.norm(0.0, 2.0),
    "gamma of scipy": stats.gamma(2.0, scale=0.5),
    "poisson of scipy": stats.poisson(3.0),
    "vectors of scipy": stats.multivariate_normal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]]),
    "t of scipy": stats.multivariate_t([0.0, 1.0], df=4),
    "laplace of torch": torch.distributions.Laplace(0.0, 1.0),
    "vectors of torch": torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)),
    "mixture of torch": torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=torch.zeros(2)),
        torch.distributions.Independent(
            torch.distributions.Normal(torch.arange(4.0).reshape(2, 2), torch.ones(2, 2)), 1
        ),
    ),
    "transformed of torch": torch.distributions.TransformedDistribution(
        torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
        [torch.distributions.transforms.AffineTransform(1.0, 2.0)],
    ),
    "lognormal of torch": torch.distributions.LogNormal(torch.zeros(2), torch.ones(2)),
}


@pytest.mark.parametrize("prior", PRIORS)
def test_priors(prior):
    check(fast(prior=PRIORS[prior]), IRIS[0])


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal", "channel"])
@pytest.mark.parametrize("output", ["gaussian", "bernoulli", "independent", "autoregressive"])
def test_posteriors_and_outputs(posterior, output):
    if posterior == "universal" and output in ("independent", "autoregressive"):
        return  # it reads numbers only
    X = (IRIS[0] > IRIS[0].mean(axis=0)).astype(float)
    parts = {"independent": Independent(), "autoregressive": Autoregressive(hidden_size=8)}
    check(fast(posterior=posterior, output=parts.get(output, output)), X)


@pytest.mark.parametrize("supervision", ["decoder", "prior"])
def test_supervision(supervision):
    X, y = IRIS
    prior = Mixture(3) if supervision == "prior" else "gaussian"
    check(fast(supervision=supervision, prior=prior), X, y)


# ----------------------------------------------------------------------- of one estimator


def test_every_kind_of_score_and_the_threshold_come_back():
    X = np.vstack([IRIS[0], IRIS[0] + 0.1])
    detector = fast_detector(kind="autoregressive").fit(X).set_threshold(alpha=0.2)
    loaded = round_trip(detector)
    for kind in detector._scores:
        assert_same(loaded.score_samples(X, kind), detector.score_samples(X, kind), kind)
        assert_same(loaded.p_values(X, kind), detector.p_values(X, kind), kind)
    moved = [each.set_threshold(contamination=0.1).offset_ for each in (loaded, detector)]
    assert moved[0] == moved[1]


def ruled(n=150):
    """Return a frame with a sum, an order, labels that determine others, and a running number."""
    import pandas as pd

    rng = np.random.default_rng(2)
    town = rng.integers(0, 6, n)
    net, tax = rng.integers(100, 900, (2, n))
    begun = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D")
    return pd.DataFrame(
        {
            "number": np.arange(n) + 1000,
            "town": [f"town {i}" for i in town],
            "country": [f"country {i % 2}" for i in town],
            "net": net,
            "tax": tax,
            "gross": net + tax,
            "begun": begun,
            "ended": begun + pd.to_timedelta(rng.integers(1, 9, n), "D"),
        }
    )


@pytest.mark.parametrize("rules", ["auto", "own"])
@pytest.mark.filterwarnings("ignore::sklearn_aae.exceptions.IdentifierWarning")
def test_rules_come_back(rules):
    X = ruled()
    own = [Sum("gross", ["net", "tax"]), Order("begun", "ended"), Determines("town", "country")]
    loaded = check(fast_detector(rules=own if rules == "own" else rules), X)
    assert len(loaded.rules_) >= 3
    broken = X.assign(gross=X["gross"] + 1)
    scores = loaded.score_samples(broken, kind="rules")
    assert (scores < loaded.score_samples(X, kind="rules")).all()


@pytest.mark.parametrize("calibration", ["cross", "split"])
def test_calibrating_rows_come_back(calibration):
    X = animals(150)
    detector = fast_detector(calibration=calibration).fit(X)
    loaded = round_trip(detector)
    for name, of in (("by a column", "animal"), ("by a function", lambda rows: rows["legs"] > 3)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No p-value of a group")  # split leaves few rows
            p = [each.p_values(X, groups=of) for each in (loaded, detector)]
        assert_same(*p, name)
    assert_same(loaded.false_discovery_bound(X), detector.false_discovery_bound(X))
    monitors = [each.drift_monitor(random_state=1) for each in (loaded, detector)]
    assert_same(*[monitor.update(X) for monitor in monitors])


def test_a_detector_around_a_fitted_model_comes_back_with_it():
    X = IRIS[0]
    model = fast().fit(X)
    loaded = check(AAEOutlierDetector(estimator=FrozenEstimator(model), random_state=0), X)
    assert loaded.estimator_ is loaded.estimator.estimator
    assert loaded._reader.scale is loaded.estimator_._reader.scale


@pytest.mark.parametrize("state", [np.random.RandomState(3), 7])
def test_what_draws_seeds_goes_on_where_it_was(state):
    X = IRIS[0]
    model = fast(random_state=state).fit(X)
    loaded = round_trip(model)
    assert_same(loaded.fit(X).transform(X), model.fit(X).transform(X))


def test_other_optimizers_go_on_where_they_were():
    settings = {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 1e-3}
    check(fast(net_params={**settings, "optimizer_disc": torch.optim.SGD}), IRIS[0])


def test_requests_of_metadata_come_back():
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = fast_classifier().set_score_request(sample_weight=True).fit(*IRIS)
        loaded = round_trip(classifier)
        request = loaded.get_metadata_routing().score.requests
    assert request["sample_weight"] is True


def test_a_warm_start_goes_on_where_it_was():
    X = IRIS[0]
    model = fast(warm_start=True).fit(X)
    loaded = round_trip(model)
    assert_same(loaded.fit(X).transform(X), model.fit(X).transform(X))
    assert loaded.n_iter_ == model.n_iter_ == 6


def test_an_unfitted_estimator_comes_back_with_its_parameters():
    model = fast(prior=Mixture(5), hidden_layer_sizes=[np.int64(8), 9], lr=np.float32(0.01))
    loaded = round_trip(model)
    assert str(loaded) == str(model)
    assert type(loaded.lr) is np.float32


def test_labels_and_cells_of_pandas_among_parameters_come_back():
    import pandas as pd

    X = animals(80)
    bounds = [Bounds("weight", low=0, high=1000)]
    check(TableEncoder(categorical_features=X.columns[[2]]), X)
    bundle = {
        "encoder": TableEncoder(),
        "labels": pd.Index(pd.date_range("2020", periods=3, tz="UTC"), name="day"),
        "kinds": pd.CategoricalDtype(["a", "b"], ordered=True),
        "cells": [pd.NA, pd.NaT, pd.Timedelta(3, "s"), pd.Period("2020-01"), pd.Interval(0, 1)],
        "zoned": pd.Timestamp("2024-10-27 01:30:00.123456789", tz="Europe/Berlin"),
        "bounds": bounds,
    }
    loaded = round_trip(bundle)
    bundle["labels"].freq = None  # what it was made by is no part of a file
    pd.testing.assert_index_equal(loaded["labels"], bundle["labels"])
    assert loaded["kinds"] == bundle["kinds"]
    assert loaded["cells"][0] is pd.NA
    assert loaded["cells"][1] is pd.NaT
    assert loaded["cells"][2:] == bundle["cells"][2:]
    assert (loaded["zoned"], loaded["zoned"].tz) == (bundle["zoned"], bundle["zoned"].tz)
    assert loaded["bounds"] == bounds


def test_an_output_that_was_set_comes_back():
    X = animals(120)
    model = fast(output=Autoregressive(hidden_size=8)).fit(X).set_output(transform="pandas")
    assert_same(round_trip(model).transform(X), model.transform(X))


def test_clusters_of_a_mixed_table_come_back_as_the_table_was():
    import pandas as pd

    X = animals(150)
    loaded = check(AAEClusterer(3, random_state=0, hidden_layer_sizes=(16,)), X)
    pd.testing.assert_index_equal(loaded.cluster_prototypes_.columns, X.columns)
