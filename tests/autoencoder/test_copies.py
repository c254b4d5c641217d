"""What a model that goes on training copies, and what it takes for a change."""

from __future__ import annotations

import copy
import cProfile
import pstats
import threading
from functools import partial

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.callback import ScoringMonitor
from skorch.callbacks import Callback, Checkpoint
from torch import nn

from sklearn_aae import AAEClassifier
from sklearn_aae._utils._same import same_value, snapshot
from sklearn_aae.priors import Mixture
from sklearn_aae.training._copying import EpochHistory
from tests.instances import fast


def local_network():
    class Network(nn.Linear):
        pass

    return Network


def draw(n_samples, generator):
    return torch.randn(n_samples, 2, generator=generator)


SETTINGS = {
    "lambda prior": {"prior": lambda n, generator: draw(n, generator)},
    "local class": {"encoder": local_network()},
    "lambda network": {"decoder": lambda n_in, n_out: nn.Linear(n_in, n_out)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_is_pickled_to_go_on(cancer, name):
    X = cancer[0]
    model = fast(warm_start=True, max_epochs=1, **SETTINGS[name]).fit(X)
    assert model.fit(X).partial_fit(X).n_iter_ == 3
    np.testing.assert_array_equal(copy.deepcopy(model).transform(X), model.transform(X))


def test_a_classifier_goes_on_with_a_lambda(cancer):
    model = AAEClassifier(max_epochs=1, estimator=fast(**SETTINGS["lambda network"]))
    for _ in range(3):
        model.partial_fit(*cancer)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.history_["category_loss"]) == 3


def calls_of(function):
    profile = cProfile.Profile()
    profile.enable()
    function()
    profile.disable()
    return pstats.Stats(profile).total_calls


def test_a_call_costs_the_same_however_many_went_before(cancer):
    X = cancer[0][:16]
    model = fast(hidden_layer_sizes=(4,)).partial_fit(X)

    def further():
        model.partial_fit(X)

    further()
    early = calls_of(further)
    for _ in range(3):
        further()
    model.net_.history.extend([dict(model.net_.history[-1]) for _ in range(5000)])
    further()  # reads them once
    assert calls_of(further) <= 1.05 * early
    assert len(model.loss_curve_) == model.n_iter_ == 5008


def test_a_call_that_fails_leaves_weights_and_history(cancer, monkeypatch):
    X = cancer[0]
    model = fast().fit(X)
    net, codes, curve = model.net_, model.transform(X), model.loss_curve_
    with monkeypatch.context() as patch:
        patch.setattr(type(net), "calibrate", lambda self, dataset, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.partial_fit(X)
    assert model.net_ is net
    assert model.loss_curve_ == curve
    np.testing.assert_array_equal(model.transform(X), codes)
    model.partial_fit(X)
    assert model.loss_curve_[:-1] == curve


def test_the_old_net_keeps_its_weights_and_moments(cancer):
    model = fast().fit(cancer[0])
    old = model.net_
    before = copy.deepcopy((old.module_.state_dict(), old.optimizer_.state_dict()))
    model.partial_fit(cancer[0])
    after = old.module_.state_dict(), old.optimizer_.state_dict()
    assert all(torch.equal(after[0][name], value) for name, value in before[0].items())
    assert same_value(after[1], before[1])


class Locked(Callback):
    """Is not to be copied; counts epochs."""

    def __init__(self):
        self.lock, self.n_epochs_ = threading.Lock(), 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1


def test_callbacks_and_history_are_shared_with_what_goes_on(cancer):
    X, locked = cancer[0], Locked()
    model = fast(callbacks=[locked], **SETTINGS["lambda network"]).fit(X)
    old = model.net_
    assert model.partial_fit(X).n_iter_ == locked.n_epochs_ == 4
    assert model.net_.history is old.history
    assert dict(model.net_.callbacks_)["Locked"] is dict(old.callbacks_)["Locked"] is locked
    assert not any(epoch["batches"] for epoch in model.net_.history)


def test_a_copy_made_while_a_net_trains_is_whole(cancer):
    X, copies = cancer[0], []

    class Copies(Callback):
        def on_epoch_end(self, net, **kwargs):
            copies.append(copy.deepcopy(net))

    model = fast(callbacks=[Copies]).fit(X)
    assert [len(net.history) for net in copies] == [1, 2, 3]
    net = copies[0]
    assert [name for name, _ in net.callbacks_] == ["epoch_timer", "Copies"]
    assert len(net.partial_fit(net.get_dataset(model._read(X)), epochs=2).history) == 3
    assert len(model.loss_curve_) == 3


def test_what_scikit_learns_callbacks_keep_of_an_epoch_stays(cancer):
    nets = []

    def scorer(fitted, X, y):
        nets.append(fitted.net_)
        return {"score": 0.0}

    fast().set_callbacks(ScoringMonitor(scoring=scorer)).fit(*cancer)
    assert [len(net.history) for net in nets[:3]] == [1, 2, 3]


def test_a_history_that_was_loaded_goes_on(cancer, tmp_path, monkeypatch):
    def second(net):
        return len(net.history) == 2

    X, checkpoint = cancer[0], Checkpoint(dirname=str(tmp_path), monitor=second, load_best=True)
    model = fast(callbacks=[checkpoint]).fit(X).set_params(callbacks=None)
    curve = model.loss_curve_
    assert len(curve) == 2
    with monkeypatch.context() as patch:
        patch.setattr(type(model.net_), "calibrate", lambda self, dataset, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.partial_fit(X)
    assert model.loss_curve_ == curve
    assert model.partial_fit(X).loss_curve_[:-1] == curve
    assert type(model.net_.history) is EpochHistory


def shifted(by):
    return lambda n, generator: torch.full((n, 2), by)


LARGE, OTHER = np.zeros(3000), np.zeros(3000)
OTHER[1500] = 1  # repr shows the ends alone
NORMAL = torch.distributions.Normal


@pytest.mark.parametrize(
    "make, change",
    [
        (lambda: [8, 8], lambda: (8, 9)),
        (lambda: LARGE.copy(), lambda: OTHER.copy()),
        (lambda: Mixture(5), lambda: Mixture(6)),
        (lambda: shifted(1.0), lambda: shifted(2.0)),
        (lambda: partial(shifted, 1), lambda: partial(shifted, 2)),
        (lambda: scipy.stats.norm(0, 1), lambda: scipy.stats.norm(0, 2)),
        (lambda: NORMAL(torch.zeros(2), 1.0), lambda: NORMAL(torch.zeros(2), 2.0)),
        (lambda: nn.Threshold(0, 1), lambda: nn.Threshold(0, 2)),
        (lambda: torch.arange(3), lambda: torch.arange(1, 4)),
        (lambda: {"a": [1]}, lambda: {"a": [2]}),
        (lambda: 1, lambda: True),
    ],
)
def test_parameters_are_compared_by_value(make, change):
    value = make()
    assert same_value(value, make())
    assert same_value(snapshot(value), value)
    assert not same_value(value, change())
    assert not same_value(change(), value)


def test_networks_are_compared_by_their_weights():
    network = nn.Sequential(nn.Linear(3, 2))
    assert same_value(network, copy.deepcopy(network))
    assert not same_value(network, nn.Sequential(nn.Linear(3, 2)))


def test_equal_parameters_are_no_change(cancer):
    X = cancer[0]
    model = fast(hidden_layer_sizes=[8], n_components=2, prior=shifted(0.5)).partial_fit(X)
    model.set_params(
        hidden_layer_sizes=(np.int64(8),), n_components=np.int64(2), prior=shifted(0.5)
    )
    assert model.partial_fit(X).n_iter_ == 2


def test_a_change_that_is_not_printed_or_made_in_place_is_one(cancer):
    X = cancer[0]
    layers = [8]
    model = fast(hidden_layer_sizes=layers).partial_fit(X)
    layers.append(4)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes changed from \[8\] to \[8, 4\]"):
        model.partial_fit(X)


def test_columns_follow_what_was_fitted(cancer):
    X, y = cancer
    model = AAEClassifier(2, head_distance=3.0, max_epochs=1, random_state=0).fit(X, y)
    model.set_output(transform="pandas").set_params(n_components=5)
    assert list(model.transform(X).columns) == list(model.get_feature_names_out())
    assert model.transform(X).shape == (len(X), 2)
