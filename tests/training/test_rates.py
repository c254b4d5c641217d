"""Learning rates: our own schedules in calls that go on, and schedules of the user's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, Checkpoint, LoadInitState, LRScheduler
from torch.optim import lr_scheduler

from tests.instances import fast


class Rates(Callback):
    """Note the rates of all optimizers, and the share of noise, before every batch."""

    def __init__(self):
        self.seen_, self.noise_ = [], []

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            optimizers = getattr(net, "optimizers_", {"optimizer": net.optimizer_})
            self.seen_.append([each.param_groups[0]["lr"] for each in optimizers.values()])
            self.noise_.append(getattr(net, "noise_share_", 1.0))


def table(kind):
    X = np.random.default_rng(0).normal(size=(90, 3))
    if kind == "numbers":
        return X
    return pd.DataFrame(X, columns=list("abc")).assign(t=np.where(X[:, 0] > 0, "p", "q"))


SETTINGS = {"max_epochs": 4, "batch_size": 30, "lr": 1e-3, "adversarial_weight": 0.3}


def rates_of(model, X, method="fit"):
    rates = Rates()
    model.set_params(callbacks=[*(model.callbacks or []), rates])
    getattr(model, method)(X)
    model.set_params(callbacks=model.callbacks[:-1])
    return np.array(rates.seen_), rates.noise_


@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_a_resumed_fit_has_the_rates_of_a_new_one(kind, tmp_path):
    X = table(kind)
    checkpoint = Checkpoint(dirname=str(tmp_path), monitor=None)
    first, noise = rates_of(fast(callbacks=[checkpoint], **SETTINGS), X)
    model = fast(callbacks=[LoadInitState(checkpoint)], **SETTINGS)
    again, noise_again = rates_of(model, X)
    assert model.n_iter_ == 8
    assert first.min() > 0
    np.testing.assert_array_equal(again, first)
    assert noise_again == noise


@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_warm_starts_and_more_epochs_by_hand_have_rates_in_range(kind):
    X = table(kind)
    model = fast(warm_start=True, **SETTINGS)
    first, _ = rates_of(model, X)
    second, _ = rates_of(model, X)
    np.testing.assert_array_equal(second, first)
    rates = Rates()
    net = model.net_
    net.callbacks_.append(("rates", rates))
    net.partial_fit(net.get_dataset(model._read(X)))
    np.testing.assert_allclose(rates.seen_, [[1e-3, 1e-3, 3e-4]] * 12)


def test_partial_fit_trains_at_full_rates_whatever_was_loaded(tmp_path):
    X = table("numbers")
    checkpoint = Checkpoint(dirname=str(tmp_path), monitor=None)
    fast(callbacks=[checkpoint], **SETTINGS).fit(X)
    model = fast(callbacks=[LoadInitState(checkpoint)], **SETTINGS)
    rates, _ = rates_of(model, X, "partial_fit")
    assert model.n_iter_ == 5
    np.testing.assert_allclose(rates, [[1e-3, 1e-3, 3e-4]] * 3)


def sequence(optimizer, last_epoch=-1):
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    return lr_scheduler.SequentialLR(optimizer, parts, [2])


POLICIES = {
    "StepLR": {"step_size": 1, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 2]},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 4},
    "CyclicLR": {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 2},
    "LambdaLR": {"lr_lambda": lambda epoch: 0.5**epoch},
    "WarmRestartLR": {},
    lr_scheduler.CosineAnnealingWarmRestarts: {"T_0": 2},
    lr_scheduler.LinearLR: {"total_iters": 4},
    lr_scheduler.MultiplicativeLR: {"lr_lambda": lambda epoch: 0.9},
    lr_scheduler.OneCycleLR: {"max_lr": 1e-2, "total_steps": 40},
    lr_scheduler.PolynomialLR: {"total_iters": 4},
    sequence: {},
    # A threshold that nothing passes: every step is without an improvement.
    "ReduceLROnPlateau": {"monitor": "train_loss", "patience": 0, "threshold": 10.0},
}


@pytest.mark.parametrize("every", ["epoch", "batch"])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: getattr(policy, "__name__", policy))
def test_a_schedule_moves_all_optimizers_as_it_moves_the_one_of_a_skorch_net(policy, every):
    def schedule():
        return LRScheduler(policy, step_every=every, **POLICIES[policy])

    X = table("numbers")
    alone = Rates()
    net = NeuralNet(
        torch.nn.Linear,
        torch.nn.MSELoss,
        module__in_features=3,
        module__out_features=3,
        optimizer=torch.optim.Adam,
        callbacks=[schedule(), alone],
        max_epochs=4,
        batch_size=30,
        lr=1e-3,
        train_split=None,
        verbose=0,
    )
    target = X.astype(np.float32)
    net.fit(target, target).partial_fit(target, target)
    model = fast(callbacks=[schedule()], warm_start=True, **SETTINGS)
    rates = np.vstack([rates_of(model, X)[0], rates_of(model, X)[0]])
    np.testing.assert_allclose(rates[:, 0], np.array(alone.seen_)[:, 0], rtol=1e-9)
    np.testing.assert_allclose(rates, rates[:, :1] * [1, 1, 0.3], rtol=1e-9)
    assert len(np.unique(rates)) > 2


def test_a_schedule_may_come_with_a_later_call_and_leave_again():
    X = table("numbers")
    model = fast(warm_start=True, **SETTINGS).fit(X)
    model.set_params(callbacks=[LRScheduler("ExponentialLR", gamma=0.5)])
    rates, _ = rates_of(model, X)
    assert rates[0, 0] <= 1e-3
    np.testing.assert_allclose(rates[::3, 0], rates[0, 0] * 0.5 ** np.arange(4))
    np.testing.assert_allclose(rates, rates[:, :1] * [1, 1, 0.3])
    model.set_params(callbacks=None)
    rates, _ = rates_of(model, X, "partial_fit")
    np.testing.assert_allclose(rates, [[1e-3, 1e-3, 3e-4]] * 3)


def test_another_lr_scales_what_a_schedule_has_left():
    X = table("numbers")
    later = []
    for lr in (1e-3, 1e-2):
        model = fast(callbacks=[LRScheduler("StepLR", step_size=1, gamma=0.5)], warm_start=True)
        model.set_params(**SETTINGS).fit(X).set_params(lr=lr)
        later.append(rates_of(model, X)[0])
    np.testing.assert_allclose(later[1], later[0] * 10)


def test_an_optimizer_with_a_schedule_of_its_own_is_left_to_it():
    class OfTheGenerator(LRScheduler):
        def _get_scheduler(self, net, policy, **kwargs):
            return policy(net.optimizer_gen_, **kwargs)

    X = table("numbers")
    both = [LRScheduler("ExponentialLR", gamma=0.5), OfTheGenerator("ExponentialLR", gamma=0.9)]
    rates, _ = rates_of(fast(callbacks=both, **SETTINGS), X)
    falls = 0.5 ** np.arange(4)
    expected = np.column_stack([1e-3 * falls, 1e-3 * falls, 3e-4 * 0.9 ** np.arange(4)])
    np.testing.assert_allclose(rates[::3], expected)
    rates, _ = rates_of(fast(callbacks=both[1:], **SETTINGS), X)
    np.testing.assert_allclose(rates[:, :2], 1e-3)
