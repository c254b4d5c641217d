"""The quick ways to take a step against the plain one, with callbacks and without."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, Checkpoint, Freezer, GradientNormClipping, LRScheduler
from torch import nn

import sklearn_aae.training._net as net_module
import sklearn_aae.training._stepping as stepping
from sklearn_aae.outputs import Gaussian
from sklearn_aae.training._stepping import FlatStepper, Stepper
from tests.instances import fast


@pytest.fixture
def steppers(monkeypatch):
    """The steppers that were made, and a switch of how they are made."""

    class Made(list):
        def use(self, make):
            monkeypatch.setattr(net_module, "make_stepper", lambda net: self.made(make, net))

        def made(self, make, net):
            self.append(make(net))
            return self[-1]

    made = Made()
    made.use(stepping.make_stepper)
    return made


def weights(model):
    return {name: value.clone() for name, value in model.net_.module_.state_dict().items()}


def assert_close(got, expected):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-3, atol=1e-4, msg=name)


class Wrapped(nn.Module):
    """A network that is not plain: autograd trains it."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 16), nn.GELU(), nn.Linear(16, n_out))

    def forward(self, x):
        return self.body(x)


class CountSteps(Callback):
    def on_train_begin(self, net, **kwargs):
        self.counts_ = {"begin": 0, "grad": 0, "end": 0}

    def on_batch_begin(self, net, training=None, **kwargs):
        self.counts_["begin"] += 1

    def on_grad_computed(self, net, named_parameters, **kwargs):
        assert all(parameter.grad.abs().sum() > 0 for _, parameter in named_parameters)
        self.counts_["grad"] += 1

    def on_batch_end(self, net, **kwargs):
        self.counts_["end"] += 1


class ReplaceGradients(Callback):
    """Put other tensors in the place of gradients, as nobody should."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        for _, parameter in named_parameters:
            parameter.grad = 0.1 * parameter.grad.sign()


class ReloadOptimizer(Callback):
    """Load a state into an optimizer between epochs: its tensors are new ones then."""

    def on_epoch_end(self, net, **kwargs):
        net.optimizer_.load_state_dict(copy.deepcopy(net.optimizer_.state_dict()))
        net.module_.decoder.load_state_dict(copy.deepcopy(net.module_.decoder.state_dict()))


class MoveWeights(Callback):
    """Give the weights other storage between epochs."""

    def on_epoch_end(self, net, **kwargs):
        for parameter in net.module_.parameters():
            parameter.data = parameter.data.clone()


CASES = {
    "defaults": {},
    "gaussian posterior": {"posterior": "gaussian"},
    "learned variance": {"output": Gaussian(variance="learned")},
    "no adversary": {"adversarial_weight": 0},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "a network of one's own": {"encoder": Wrapped},
    # Hidden layers before one that starts at zero have no gradient in the first step.
    "counted": {"callbacks": [CountSteps], "init": "random"},
    "random start": {"init": "random"},
    "clipped": {"callbacks": [GradientNormClipping(0.01)]},
    "gradients replaced": {"callbacks": [ReplaceGradients]},
    "scheduled by epoch": {"callbacks": [LRScheduler("StepLR", step_size=1, gamma=0.5)]},
    "scheduled by batch": {
        "callbacks": [LRScheduler("StepLR", step_size=3, gamma=0.5, step_every="batch")]
    },
    "frozen": {"callbacks": [Freezer("encoder.0.*")]},
    "frozen decoder": {"callbacks": [Freezer(["decoder.*", "head.*"])]},
    "optimizer reloaded": {"callbacks": [ReloadOptimizer]},
    "weights moved": {"callbacks": [MoveWeights]},
}


@pytest.mark.parametrize("case", CASES)
def test_the_quick_way_ends_where_the_plain_one_does(cancer, steppers, case):
    X = cancer[0]
    settings = {"batch_size": 64, "max_epochs": 4, **CASES[case]}
    quick = fast(**settings).fit(X)
    steppers.use(Stepper)
    plain = fast(**settings).fit(X)
    assert [type(stepper) for stepper in steppers] == [FlatStepper, Stepper]
    assert_close(weights(quick), weights(plain))
    for name, curve in plain.history_.items():
        np.testing.assert_allclose(quick.history_[name], curve, rtol=1e-3, err_msg=name)


def test_autograd_in_flat_storage_ends_there_too(cancer, steppers, monkeypatch):
    X = cancer[0]
    expected = weights(fast(batch_size=64).fit(X))
    monkeypatch.setattr(stepping, "can_derive", lambda net: False)
    got = weights(fast(batch_size=64).fit(X))
    assert steppers[0].derived is not None
    assert steppers[1].derived is None
    assert_close(got, expected)


def test_which_way_is_taken(cancer, steppers):
    X = cancer[0]
    adams = {"optimizer", "optimizer_disc", "optimizer_gen"}
    schedule = LRScheduler("StepLR", step_size=1)
    for parameters, derived, stand_ins in [
        ({}, True, adams),
        ({"encoder": Wrapped}, False, adams),
        # The schedule counts the steps of the first optimizer.
        ({"callbacks": [schedule]}, True, adams - {"optimizer"}),
        ({"callbacks": [Freezer("encoder.0.*")]}, False, {"optimizer_disc"}),
    ]:
        fast(**parameters).fit(X)
        assert (steppers[-1].derived is not None) == derived
        assert set(steppers[-1].storage.adams) == stand_ins


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer_disc": torch.optim.NAdam},
        {"optimizer": torch.optim.AdamW},
        {"optimizer__amsgrad": True},
        {"optimizer__weight_decay": 0.1},
        {"optimizer__param_groups": [("encoder.*", {"lr": 1e-4})]},
        {"optimizer__fused": False},
    ],
)
def test_other_optimizers(cancer, steppers, changes):
    X = cancer[0]
    results = []
    for make in (stepping.make_stepper, Stepper):
        steppers.use(make)
        net = fast(batch_size=64).fit(X).net_
        vars(net).update(changes)
        net.initialize()
        results.append(net.partial_fit(X).partial_fit(X).module_.state_dict())
    assert_close(*results)


def test_callbacks_see_every_step(cancer):
    callbacks = [("count", CountSteps())]
    model = fast(batch_size=64, callbacks=callbacks, init="random").fit(cancer[0])
    counts = dict(model.net_.callbacks_)["count"].counts_
    assert counts == {"begin": 27, "grad": 81, "end": 27}


def test_outputs_that_a_callback_keeps_are_not_overwritten(cancer):
    kept = []

    class Keep(Callback):
        def on_batch_end(self, net, y_pred=None, **kwargs):
            kept.append((y_pred, y_pred.clone()))

    fast(batch_size=64, callbacks=[Keep]).fit(cancer[0])
    assert len(kept) == 27
    assert all(torch.equal(output, then) for output, then in kept)


# ------------------------------------------------------------------------- storage


def tensors(net):
    found = dict(net.module_.named_parameters())
    for name in net.optimizer_names:
        for i, state in enumerate(getattr(net, f"{name}_").state.values()):
            found |= {f"{name}.{i}.{key}": value for key, value in state.items()}
    return found


@pytest.mark.parametrize("case", ["defaults", "scheduled by epoch", "frozen", "early stopping"])
def test_a_fitted_net_holds_no_views(cancer, case):
    net = fast(**CASES[case]).fit(cancer[0]).net_
    found = tensors(net)
    for name, tensor in found.items():
        assert tensor.untyped_storage().nbytes() == tensor.numel() * 4, name
        assert tensor.grad is None
    assert len({tensor.data_ptr() for tensor in found.values()}) == len(found)


def test_a_callback_that_fails_leaves_no_views_behind(cancer):
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise OSError("disk full")

    model = fast(warm_start=True).fit(cancer[0])
    net = model.net_
    net.replace_callbacks([Fails()])
    with pytest.raises(OSError, match="disk full"):
        net.partial_fit(cancer[0])
    for name, tensor in tensors(net).items():
        assert tensor.untyped_storage().nbytes() == tensor.numel() * 4, name


def test_a_pickle_is_as_large_as_weights_and_optimizer_states(digits):
    model = fast(hidden_layer_sizes=(256, 256), max_epochs=1).fit(digits[0])
    expected = sum(4 * tensor.numel() for tensor in tensors(model.net_).values())
    assert expected > 1e6
    # And quantiles of columns.
    assert len(pickle.dumps(model)) < 1.1 * expected + len(pickle.dumps(model.net_.marginals_))


def test_training_goes_on_bitwise_the_same_from_a_pickle(cancer):
    X = cancer[0]
    model = fast().fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    for one in (model, loaded):
        one.net_.partial_fit(X)
        one.partial_fit(X)
    for name, value in weights(model).items():
        assert torch.equal(value, weights(loaded)[name]), name


def test_checkpoints_of_single_epochs_can_be_gone_back_to(cancer, tmp_path):
    X = cancer[0]
    seen = []

    class Remember(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(copy.deepcopy((net.module_.state_dict(), net.optimizer_.state_dict())))

    checkpoint = Checkpoint(
        dirname=str(tmp_path),
        monitor=lambda net: len(net.history) == 2,
        f_criterion=None,
        f_history=None,
    )
    model = fast(callbacks=[checkpoint, Remember], max_epochs=4).fit(X)
    net = model.net_
    net.load_params(f_params=tmp_path / "params.pt", f_optimizer=tmp_path / "optimizer.pt")
    for name, value in seen[1][0].items():
        assert torch.equal(net.module_.state_dict()[name], value), name
    state = net.optimizer_.state_dict()["state"]
    for i, values in seen[1][1]["state"].items():
        assert all(torch.equal(state[i][name], value) for name, value in values.items())
    assert float(state[0]["step"]) == 2 * net.history[0, "train_batch_count"]
