"""A row is answered with the same bits alone and in a table, in any order, container and thread.

An estimator that comes later is one more entry of ``everyday`` in tests/instances.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.datasets import load_breast_cancer

from sklearn_aae import AAEClassifier, AAEImputer, TableEncoder
from sklearn_aae.outputs import Autoregressive
from sklearn_aae.posteriors import Channel
from tests.instances import (
    everyday,
    fast,
    fast_classifier,
    fast_clusterer,
    fast_detector,
    fast_imputer,
    further,
)
from tests.mixed_tables import animals
from tests.persistence.answers import METHODS, adds_up, answers, assert_same, round_trip

CANCER = load_breast_cancer()
#: An odd number of columns, so that rows begin anywhere in memory.
NUMBERS = pd.DataFrame(CANCER.data[:150, :7], columns=list("abcdefg"))
LABELS = CANCER.target[:150]


def with_gaps():
    return NUMBERS.mask(np.random.default_rng(0).random(NUMBERS.shape) < 0.1)


def odd(**parameters):
    """Return a model none of whose widths is a multiple of two."""
    return fast(hidden_layer_sizes=(33, 17), n_components=3, **parameters)


def fitted(estimator, X):
    if hasattr(estimator, "max_epochs"):
        estimator.set_params(max_epochs=2)
    reads_labels = isinstance(estimator, AAEClassifier) or getattr(estimator, "supervision", None)
    return estimator.fit(X, LABELS) if reads_labels else estimator.fit(X)


def name_of(estimator):
    return " ".join(str(estimator).split())


OF_NUMBERS = {name_of(estimator): (estimator, NUMBERS) for estimator in everyday()}
OTHERS = {
    "odd widths": (odd(posterior=Channel()), NUMBERS),
    "normal scores": (odd(scaling="quantile"), NUMBERS),
    "gaps": (odd(), with_gaps()),
    "detector with gaps": (fast_detector(), with_gaps()),
    "imputer with gaps": (fast_imputer(), with_gaps()),
    "imputer that draws": (fast_imputer(method="draw"), with_gaps()),
    "embedding": (fast_clusterer(2, head_distance=3.0), NUMBERS),
    "independent": (fast(output="independent"), NUMBERS),
    "mixed": (fast(output=Autoregressive(hidden_size=9)), animals(150)),
    "mixed detector": (fast_detector(), animals(150)),
    "mixed classifier": (fast_classifier(), animals(150)),
    "mixed clusterer": (fast_clusterer(2), animals(150)),
    "mixed imputer": (AAEImputer(fast(output=Autoregressive(hidden_size=8))), animals(150)),
    "mixed encoder": (TableEncoder(), animals(150)),
}
FURTHER = {name_of(estimator): (estimator, NUMBERS) for estimator in further()}


def said_of(estimator, X):
    """Return what is said of rows, one row of an array for each."""
    names = [name for name in METHODS if hasattr(estimator, name)]
    labels = getattr(estimator, "supervision", None) == "decoder"
    leave_out = {"explain", *(["reconstruct"] if labels else [])}
    leave_out |= set() if adds_up(estimator) else {"score_contributions"}
    return {
        name: np.asarray(getattr(estimator, name)(X)) for name in names if name not in leave_out
    }


def assert_said_of_rows(estimator, X, said, indices):
    """Assert that a table of some of the rows is answered as they were."""
    part = {name: np.ascontiguousarray(all_[indices]) for name, all_ in said.items()}
    assert_same(said_of(estimator, X.iloc[indices]), part, f"rows {indices[:3]}")


def check_rows_are_alike_anywhere(estimator, X):
    fitted(estimator, X)
    said = said_of(estimator, X)
    assert said
    rng = np.random.default_rng(1)
    for indices in (
        *([0], [5], [149]),
        *(np.arange(k) for k in (13, 25)),
        rng.permutation(150),
        rng.integers(0, 150, 1700),  # more than a chunk
    ):
        assert_said_of_rows(estimator, X, said, indices)
    assert_same(said_of(round_trip(estimator), X.iloc[[7]]), said_of(estimator, X.iloc[[7]]))


@pytest.mark.parametrize("name", [*OF_NUMBERS, *OTHERS])
def test_rows_are_alike_anywhere(name):
    check_rows_are_alike_anywhere(*(OF_NUMBERS | OTHERS)[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", FURTHER)
def test_rows_of_further_variants_are_alike_anywhere(name):
    check_rows_are_alike_anywhere(*FURTHER[name])


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_containers_and_orders_in_memory_do_not_show(name):
    estimator, X = OF_NUMBERS[name]
    said = said_of(fitted(estimator, X), X)
    array = X.to_numpy()
    for table in (
        np.ascontiguousarray(array),
        np.asfortranarray(array),
        np.repeat(array, 2, axis=1)[:, ::2],
        array.tolist(),
        pl.from_pandas(X),
        X.astype("Float64"),
    ):
        assert_same(said_of(estimator, table), said)


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
def test_a_second_thread_of_torch_does_not_show(scaling):
    X = pd.concat([NUMBERS] * 11).to_numpy()
    model = fast(hidden_layer_sizes=(201, 299), scaling=scaling).fit(NUMBERS.to_numpy())
    threads = torch.get_num_threads()
    said = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            said.append(said_of(model, X))
    finally:
        torch.set_num_threads(threads)
    assert_same(*said)


@pytest.mark.parametrize("name", [*OF_NUMBERS, "mixed", "mixed detector"])
def test_threads_of_python_may_share_an_estimator(name):
    estimator, X = (OF_NUMBERS | OTHERS)[name]
    fitted(estimator, X)
    X = X.iloc[:40]
    alone = answers(estimator, X)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: answers(estimator, X), range(6)))
    for said in together:
        assert_same(said, alone)
