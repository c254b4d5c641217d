"""Seeds: repeatable to the bit, and no global generator read or moved."""

from __future__ import annotations

import hashlib
import math
import pickle
import random
import threading

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import clone

from sklearn_aae import metrics
from sklearn_aae._utils import _threads
from sklearn_aae.training import AAENet
from tests.instances import fast


class Dropping(torch.nn.Sequential):
    """A user's network: built with torch's global initialisation, drops at random."""

    def __init__(self, n_in, n_out):
        super().__init__(
            torch.nn.Linear(n_in, 16),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(16, n_out),
        )


VARIANTS = {
    "defaults": {},
    "gaussian posterior": {"posterior": "gaussian"},
    "quantile scaling": {"scaling": "quantile"},
    "early stopping": {"early_stopping": True},
    "torch prior": {"prior": torch.distributions.Normal(0.0, 1.0)},
    "scipy prior": {"prior": stats.norm()},
    "own networks": {"encoder": Dropping, "decoder": Dropping, "discriminator": Dropping},
    "own instance": {"encoder": Dropping(30, 2)},
}


@pytest.fixture(params=VARIANTS, name="model")
def model_variant(request):
    return fast(**VARIANTS[request.param])


def global_state():
    """Hash the state of every global generator."""
    state = (
        random.getstate(),
        pickle.dumps(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()


def outputs(model, X):
    """Return everything that a fitted model says, weights first."""
    weights = [value.numpy().copy() for value in model.net_.module_.state_dict().values()]
    return [
        *weights,
        model.transform(X),
        model.reconstruct(X),
        model.score_samples(X),
        model.sample(20),
        model.sample(20, random_state=5),
        np.asarray(model.loss_curve_),
    ]


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_public_method_reads_or_moves_a_global_generator(model, cancer):
    X = cancer[0]
    before = global_state()
    model.fit(X)
    model.partial_fit(X)
    Z = model.fit_transform(X)
    model.inverse_transform(Z)
    model.score(X)
    outputs(model, X)
    metrics.c2st(Z, -Z)
    metrics.prior_gap(model, X)
    metrics.balanced_score(model, X)
    assert global_state() == before


def test_same_seed_same_bits_whatever_the_caller_did_before(model, cancer):
    X = cancer[0]
    first = outputs(clone(model).fit(X), X)
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    torch.rand(5)
    assert_same(first, outputs(clone(model).fit(X), X))


def test_refitting_the_same_object_gives_the_same_bits(model, cancer):
    X = cancer[0]
    model.fit(X)
    first = outputs(model, X)
    assert_same(first, outputs(model.fit(X), X))


@pytest.mark.parametrize(
    "batch_size, hidden", [(5, (128, 64)), (64, (128, 64)), (200, (128, 64)), (569, (250, 250))]
)
@pytest.mark.parametrize("n_rows", [7, 65, 569])
def test_same_bits_with_one_and_two_torch_threads(cancer, batch_size, hidden, n_rows):
    X = cancer[0][:n_rows]
    results = []
    threads = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            model = fast(batch_size=batch_size, hidden_layer_sizes=hidden).fit(X)
            part = X[: min(7, n_rows)].astype(np.float32)
            results.append([*outputs(model, X), model.transform(part)])
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(threads)
    assert_same(*results)


@pytest.mark.parametrize("sizes, threads_used", [((64, 64), 1), ((256, 256), 2), ((3000,), 3)])
def test_larger_layers_train_on_more_threads(digits, monkeypatch, sizes, threads_used):
    seen = set()
    run_epoch = AAENet.run_single_epoch

    def run(net, *args, **kwargs):
        if kwargs["training"]:  # an epoch's steps may leave it with fewer
            seen.add(torch.get_num_threads())
        return run_epoch(net, *args, **kwargs)

    monkeypatch.setattr(AAENet, "run_single_epoch", run)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        fast(hidden_layer_sizes=sizes, batch_size=512, max_epochs=1).fit(digits[0][:512])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == {threads_used}


# Batches leave few rows over: 16, 1 and 6.
@pytest.mark.parametrize("sizes, n_rows", [((1000, 1000), 400), ((512, 256), 257), ((700,), 390)])
def test_wide_networks_same_bits_with_one_and_two_torch_threads(digits, monkeypatch, sizes, n_rows):
    # Two it is, however busy the machine.
    monkeypatch.setattr(_threads, "use_quicker_threads", lambda: None)
    monkeypatch.setattr(_threads, "LONG_WAIT", math.inf)
    X = digits[0][:n_rows]
    results = []
    threads = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            model = fast(hidden_layer_sizes=sizes, batch_size=128, max_epochs=1)
            results.append(outputs(model.fit(X), X))
    finally:
        torch.set_num_threads(threads)
    assert_same(*results)


def test_same_bits_in_worker_processes(model, cancer):
    X = cancer[0]
    here = model.fit(X).transform(X)
    there = Parallel(n_jobs=2)(delayed(clone(model).fit_transform)(X) for _ in range(2))
    np.testing.assert_array_equal(here, there[0])
    np.testing.assert_array_equal(here, there[1])


@pytest.mark.parametrize("variant", ["defaults", "own networks", "torch prior"])
def test_fits_in_two_threads_at_once_do_not_disturb_each_other(cancer, variant):
    X = cancer[0]
    seeds = range(4)
    alone = [
        fast(**VARIANTS[variant], max_epochs=5, random_state=s).fit_transform(X) for s in seeds
    ]
    together = {}

    def work(seed):
        model = fast(**VARIANTS[variant], max_epochs=5, random_state=seed)
        together[seed] = model.fit_transform(X)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in seeds:
        np.testing.assert_array_equal(alone[seed], together[seed])


def test_other_seeds_and_none_give_other_models(cancer):
    X = cancer[0]
    codes = [fast(random_state=state).fit_transform(X) for state in (0, 1, None, None)]
    for i in range(4):
        for j in range(i):
            assert np.abs(codes[i] - codes[j]).max() > 1e-3


def test_a_random_state_object_moves_on(cancer):
    state = np.random.RandomState(0)
    model = fast(random_state=state)
    X = cancer[0]
    assert not np.array_equal(model.fit_transform(X), model.fit_transform(X))
    assert not np.array_equal(model.sample(5), model.sample(5))


def test_sample_repeats_for_an_int_and_not_for_none(cancer):
    model = fast(random_state=0).fit(cancer[0])
    np.testing.assert_array_equal(model.sample(5), model.sample(5))
    assert not np.array_equal(model.sample(5), model.sample(5, random_state=1))
    unseeded = fast(random_state=None).fit(cancer[0])
    assert not np.array_equal(unseeded.sample(5), unseeded.sample(5))


def test_frames_and_arrays_give_the_same_codes(cancer):
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    X = cancer[0]
    expected = fast().fit_transform(X)
    for variant in (pd.DataFrame(X), pl.DataFrame(X), np.asfortranarray(X), X.tolist()):
        np.testing.assert_array_equal(expected, np.asarray(fast().fit_transform(variant)))
