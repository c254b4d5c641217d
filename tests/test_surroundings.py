"""The program around: torch's defaults, forked processes, tensors of any type."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sklearn_aae import TableEncoder
from sklearn_aae._utils._defaults import plain_defaults
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector


@pytest.fixture(params=[torch.float64, torch.bfloat16, "meta"], ids=str)
def default(request):
    """Another default type, or a default device that holds no numbers."""

    def set_it():
        if request.param == "meta":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(request.param)

    yield set_it
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def mixed_table(X):
    frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 18, "u", "v"), "c": X[:, 2]})
    frame.loc[::7, "a"] = np.nan
    return frame


def results_of(make, X, y):
    """Return everything that a model makes of rows."""
    model = make().fit(X, y)
    names = ["transform", "predict", "predict_proba", "score_samples", "score_contributions"]
    results = [np.asarray(getattr(model, name)(X)) for name in names if hasattr(model, name)]
    if hasattr(model, "sample"):
        results += [np.asarray(model.sample(5)), np.asarray(model.reconstruct(X))]
    if hasattr(model, "partial_fit"):
        results.append(np.asarray(model.partial_fit(X, y).transform(X)))
    return results


class Inside(nn.Linear):
    """Makes tensors of the default type when it is made and when rows pass."""

    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.scale = torch.tensor([1.5, *torch.full((n_out - 1,), 2.5)])

    def forward(self, x):
        return super().forward(x) * self.scale + torch.tensor(0.5)


MODELS = {
    **{
        f"prior {prior}": lambda prior=prior: fast(prior=prior, max_epochs=2)
        for prior in ("gaussian", "uniform", "mixture", "swiss_roll", "categorical", "learned")
    },
    "universal": lambda: fast(posterior="universal", max_epochs=2),
    "channel": lambda: fast(posterior="channel", max_epochs=2),
    "autoregressive": lambda: fast(output="autoregressive", max_epochs=2),
    "independent": lambda: fast(output="independent", max_epochs=2),
    "supervised": lambda: fast(supervision="decoder", max_epochs=2),
    "own networks": lambda: fast(encoder=Inside, decoder=Inside, max_epochs=2),
    "classifier": lambda: fast_classifier(max_epochs=2),
    "clusterer": lambda: fast_clusterer(2, max_epochs=2, head_distance=3.0),
    "detector": fast_detector,
}


@pytest.fixture(scope="module")
def usual(cancer):
    """Return what gives a model's results under torch's own defaults, computed once."""
    X, y = cancer[0][:100], cancer[1][:100]
    return functools.cache(lambda name: results_of(MODELS[name], X, y))


@pytest.mark.parametrize("name", MODELS)
def test_torchs_defaults_do_not_show(cancer, usual, default, name):
    X, y = cancer[0][:100], cancer[1][:100]
    expected = usual(name)
    default()
    for found, wanted in zip(results_of(MODELS[name], X, y), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_torchs_defaults_do_not_show_in_mixed_tables(cancer, default):
    table = mixed_table(cancer[0][:100])

    def draws():
        model = fast(max_epochs=2).fit(table)
        return [model.impute(table), model.sample(5, conditions={"b": "u"})]

    expected = draws()
    default()
    for found, wanted in zip(draws(), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted)


def test_the_usual_defaults_are_those_of_one_thread(default):
    default()
    there = []
    with plain_defaults():
        thread = threading.Thread(target=lambda: there.append(torch.get_default_dtype()))
        thread.start()
        thread.join()
        here = torch.ones(2)
    assert here.dtype == torch.float32
    assert here.device.type == "cpu"
    assert there == [torch.get_default_dtype()]


def test_what_says_its_type_keeps_it():
    torch.set_default_dtype(torch.float64)
    try:
        with plain_defaults():
            assert torch.tensor(np.ones(2)).dtype == torch.float64
            assert torch.zeros(2, dtype=torch.float64).dtype == torch.float64
            assert torch.as_tensor(torch.ones(2, dtype=torch.float64)).dtype == torch.float64
            assert torch.tensor([1, 2]).dtype == torch.int64
            assert torch.tensor([1.0]).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


FORKED = """
import multiprocessing, sys
import torch
from sklearn.datasets import load_wine
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector

torch.set_num_threads(2)
X, y = load_wine(return_X_y=True)
wide = {"hidden_layer_sizes": (256, 256), "max_epochs": 1, "batch_size": 128}

def fit():
    model = fast(**wide).fit(X)
    assert model.net_.n_threads(len(X)) == 2
    fast(**wide).fit(X).partial_fit(X).transform(X)
    fast_classifier(max_epochs=1).fit(X, y).predict(X)
    fast_clusterer(max_epochs=1).fit(X)
    fast_detector().fit(X).score_samples(X)

fit()
child = multiprocessing.get_context("fork").Process(target=fit)
child.start()
child.join(60)
hangs = child.is_alive()
if hangs:
    child.kill()
sys.exit(int(hangs) or child.exitcode)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="others do not fork")
def test_a_forked_process_fits_after_this_one_has(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    "dtype, precision",
    [
        (torch.float32, np.float32),
        (torch.bfloat16, np.float32),
        (torch.float16, np.float64),
        (torch.float64, np.float64),
        (torch.int64, np.float64),
    ],
)
def test_tensors_of_any_type_are_rows(cancer, dtype, precision):
    X = torch.tensor(cancer[0][:100]).to(dtype)
    y = torch.tensor(cancer[1][:100])
    model = fast(max_epochs=1).fit(X)
    codes = model.transform(X)
    assert codes.dtype == precision
    array = X.float().numpy() if dtype == torch.bfloat16 else X.numpy()
    np.testing.assert_array_equal(codes, fast(max_epochs=1).fit(array).transform(array))
    # Means are floating point; drawn rows are what the rows were.
    assert model.inverse_transform(torch.tensor(codes)).dtype == precision
    assert model.sample(2).dtype == array.dtype
    assert fast_classifier(max_epochs=1).fit(X, y).predict(X).shape == (100,)
    assert np.isfinite(fast_detector().fit(X).score_samples(X)).all()
    assert np.isfinite(TableEncoder().fit(X).transform(X)).all()


OF_MAIN = """
import numpy as np
import torch
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from tests.instances import fast


class Network(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = torch.nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.layer(x)


def prior(n, generator):
    return torch.rand(n, 2, generator=generator)


X = np.random.default_rng(0).normal(size=(60, 3))
y = X[:, 0] > 0
model = fast(encoder=Network, decoder=lambda n_in, n_out: Network(n_in, n_out), prior=prior)
found = cross_validate(model, X, cv=2, n_jobs=2, return_estimator=True, error_score="raise")
for fitted in found["estimator"]:
    assert fitted.transform(X).shape == (60, 2)
    assert isinstance(fitted.net_.module_.encoder, Network)
    fitted.partial_fit(X)
chain = make_pipeline(model, LogisticRegression())
bags = BaggingClassifier(chain, n_estimators=2, n_jobs=2, random_state=0).fit(X, y)
assert bags.predict(X).shape == (60,)
"""


@pytest.mark.slow
def test_networks_of_main_come_back_from_workers():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", OF_MAIN], capture_output=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_local_network_goes_through_cloudpickle():
    cloudpickle = pytest.importorskip("cloudpickle", reason="joblib brings it from 1.6 on")

    class Network(torch.nn.Linear):
        pass

    X = np.random.default_rng(0).normal(size=(40, 3))
    model = fast(encoder=Network).fit(X)
    again = pickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    again.partial_fit(X)
    model.partial_fit(X)
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
