"""Forward passes: chunks, the kept copies in float64, and checks that are skipped."""

from __future__ import annotations

import gc
import pickle
import threading
from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.utils.validation import check_array
from torch import nn

from sklearn_aae._utils._blocks import BLOCK
from sklearn_aae.training import _inference
from sklearn_aae.training._inference import MOST_ROWS, chunk_edges, map_chunks
from tests.instances import fast

CPU = torch.device("cpu")


@pytest.mark.parametrize("n_samples", [1, 31, 191, 192, 193, 287, 288, 5000])
def test_chunks_cover_all_rows_and_all_but_the_last_are_of_whole_blocks(n_samples):
    edges = chunk_edges(n_samples, 10_000, 8, CPU)
    assert edges[0] == 0
    assert edges[-1] == n_samples
    sizes = np.diff(edges)
    assert sizes.sum() == n_samples
    assert set(sizes[:-1].tolist()) <= {8 * BLOCK}
    assert 0 < sizes[-1] <= 8 * BLOCK


def test_narrow_networks_have_larger_chunks():
    assert np.diff(chunk_edges(10_000, 64, 4, CPU)).max() == MOST_ROWS
    assert np.diff(chunk_edges(10_000, 512, 4, CPU)).max() == 384
    assert np.diff(chunk_edges(10_000, 512, 8, CPU)).max() == 192
    assert len(chunk_edges(10_000, 512, 4, torch.device("cuda"))) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chunks_do_not_show_in_the_results(digits, dtype, monkeypatch):
    X = digits[0].astype(dtype)
    model = fast().fit(X)
    whole = [model.transform(X), model.reconstruct(X), model.score_samples(X)]
    monkeypatch.setattr(_inference, "MOST_ROWS", 100)
    monkeypatch.setattr(_inference, "LEAST_ROWS", 100)
    chunked = [model.transform(X), model.reconstruct(X), model.score_samples(X)]
    for one, other in zip(whole, chunked, strict=True):
        assert other.dtype == one.dtype
        np.testing.assert_array_equal(other, one)


def test_scores_are_the_sums_of_contributions(cancer):
    model = fast().fit(cancer[0])
    expected = -model.score_contributions(cancer[0]).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(cancer[0]), expected, rtol=1e-12)


CHANGES = {
    "net_.partial_fit": lambda model, X: model.net_.partial_fit(X),
    "load_state_dict": lambda model, X: model.net_.module_.load_state_dict(
        {name: 0.5 * value for name, value in model.net_.module_.state_dict().items()}
    ),
    "a weight set in place": lambda model, X: torch.nn.init.zeros_(
        model.net_.module_.encoder[0].weight
    ),
    "a weight replaced": lambda model, X: setattr(
        model.net_.module_.encoder[0], "weight", torch.nn.Parameter(torch.zeros(16, 30))
    ),
    "fit": lambda model, X: model.set_params(random_state=1).fit(X),
}


@pytest.mark.parametrize("change", CHANGES)
def test_kept_copies_follow_the_weights(cancer, change):
    X = cancer[0]
    model = fast().fit(X)
    before = model.transform(X)
    model.score_samples(X)
    for _ in range(3):  # memory that was freed may be handed out again
        CHANGES[change](model, X)
        # float32 rows are read with the network itself, float64 with a copy.
        expected = model.transform(X.astype(np.float32))
        np.testing.assert_allclose(model.transform(X), expected, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            model.score_samples(X), pickle.loads(pickle.dumps(model)).score_samples(X), rtol=1e-9
        )
    assert not np.allclose(model.transform(X), before, atol=1e-2)


def test_kept_copies_are_made_once_and_go_with_their_network(cancer, monkeypatch):
    X = cancer[0]
    model = fast().fit(X)
    gc.collect()
    monkeypatch.setattr(_inference, "_COPIES", type(_inference._COPIES)())
    size = len(pickle.dumps(model))
    first = model.score_samples(X)
    copies = {id(copy) for copy in _inference._COPIES.values()}
    np.testing.assert_array_equal(model.score_samples(X), first)
    assert {id(copy) for copy in _inference._COPIES.values()} == copies
    assert len(copies) == 3  # encoder, decoder, head
    assert len(pickle.dumps(model)) == size
    del model
    gc.collect()
    assert not _inference._COPIES


def test_good_arrays_skip_the_checks_and_bad_ones_meet_them(cancer, monkeypatch):
    import sklearn_aae.encoding._containers as containers_module
    import sklearn_aae.encoding._readers as readers_module

    X = cancer[0]
    model = fast().fit(X)
    Z = model.transform(X)
    calls = []
    for module, name in ((readers_module, "validate_data"), (containers_module, "check_array")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *args, original=original, **kwargs: calls.append(1) or original(*args, **kwargs),
        )
    model.transform(X)
    model.score_samples(X[:1])
    model.transform(np.asfortranarray(X))
    model.inverse_transform(Z)
    assert not calls
    for bad, message in [
        (X[:, :5], "features"),
        (np.where(X > 1000, np.inf, X), "infinity"),
        (X[0], "2D array"),
        (X[:0], "0 sample"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.transform(bad)
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform(Z * np.nan)
    assert len(calls) == 5
    model.transform(X.astype(int))
    model.transform(X.tolist())
    model.transform(np.full_like(X, 1e305))  # finite, though its sum is not
    assert len(calls) == 8


def test_rows_come_back_as_check_array_would_give_them(cancer):
    X = cancer[0].astype(np.float32)
    model = fast().fit(cancer[0])
    np.testing.assert_array_equal(
        model.transform(X), model.transform(check_array(X.copy(), dtype=np.float32))
    )


class Odd(nn.Module):
    """A user's own layer, which notes the threads that call it."""

    threads: ClassVar[set] = set()

    def forward(self, x):
        Odd.threads.add(threading.get_ident())
        return 2 * x


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_chunks_are_shared_among_threads_without_another_bit(three_threads, monkeypatch):
    monkeypatch.setattr("sklearn_aae._utils._threads.SMALL_WORK", 1)
    rows = np.random.default_rng(0).normal(size=(5000, 7)).astype(np.float32)
    layer = nn.Linear(7, 5)
    threads = set()

    def function(x):
        threads.add(threading.get_ident())
        assert torch.get_num_threads() == 1
        assert torch.is_inference_mode_enabled()
        return layer(x)

    def codes():
        return map_chunks(function, rows.__getitem__, 5000, [layer], torch.device("cpu"))

    shared = codes()
    assert len(threads) > 1
    assert torch.get_num_threads() == 3
    threads.clear()
    torch.set_num_threads(1)
    np.testing.assert_array_equal(codes(), shared)
    assert threads == {threading.get_ident()}


def test_errors_of_a_thread_are_raised(three_threads, monkeypatch):
    monkeypatch.setattr("sklearn_aae._utils._threads.SMALL_WORK", 1)
    rows = np.zeros((9000, 3), dtype=np.float32)
    layer = nn.Linear(3, 3)

    def read(part):
        if part.start > 3000:
            raise RuntimeError("no such rows")
        return rows[part]

    with pytest.raises(RuntimeError, match="no such rows"):
        map_chunks(layer, read, 9000, [layer], torch.device("cpu"))


def test_own_networks_are_called_by_one_thread(three_threads, monkeypatch):
    monkeypatch.setattr("sklearn_aae._utils._threads.SMALL_WORK", 1)
    rows = np.ones((5000, 2), dtype=np.float32)
    network = nn.Sequential(nn.Linear(2, 2), Odd())
    map_chunks(network, rows.__getitem__, 5000, [network], torch.device("cpu"))
    assert Odd.threads == {threading.get_ident()}
