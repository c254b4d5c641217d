"""A gate without a clock: how many operators a training step calls.

Times depend on the machine; the number of kernels that a step launches does not, and on
small networks it is the time.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_aae.training._batches import TableDataset, TrainBatches
from sklearn_aae.training._stepping import FlatStepper
from tests.instances import fast

#: Calls that only look at memory in another way cost little and vary with torch.
VIEWS = {"t", "detach", "view", "slice", "transpose", "expand", "alias", "unsqueeze", "select"}


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name not in VIEWS:
            self.calls[name] += 1
        return func(*args, **(kwargs or {}))


def calls_per_step(make_stepper, X, **settings):
    labels = np.arange(len(X)) % 2 if "supervision" in settings else None
    net = fast(hidden_layer_sizes=(32, 16), batch_size=64, **settings).fit(X, labels).net_
    stepper = make_stepper(net)
    dataset = TableDataset(X, scaler=net.dataset__scaler, labels=labels)
    batches = iter(TrainBatches(dataset, 64, net.module_, 0, torch.device("cpu")))
    stepper.take(next(batches)[0])  # buffers are made in the first step
    batch = next(batches)[0]
    with Count() as count:
        stepper.take(batch)
    stepper.close()
    return count.calls


def wrapped(n_in, n_out):
    """Return a network that autograd trains."""
    return nn.Sequential(nn.Sequential(nn.Linear(n_in, n_out)))


@pytest.mark.parametrize(
    "settings, most",
    [
        ({}, 90),
        ({"activation": "relu"}, 90),
        ({"posterior": "gaussian"}, 130),
        ({"posterior": "universal"}, 92),
        ({"prior": "categorical"}, 130),
        ({"encoder": wrapped}, 97),
        ({"supervision": "prior", "prior": "mixture"}, 96),
        ({"supervision": "decoder"}, 98),
    ],
)
def test_operators_of_a_step(cancer, settings, most):
    calls = calls_per_step(FlatStepper, cancer[0], init="random", **settings)
    assert sum(calls.values()) <= most, calls


def test_linear_paths_cost_their_matrix_products_and_no_more(cancer):
    without, calls = (
        calls_per_step(FlatStepper, cancer[0], init=init) for init in ("random", "pca")
    )
    # Three forward passes, and the gradient by one's input; the path itself is not trained.
    calls.subtract(without)
    assert {name: count for name, count in calls.items() if count} == {"addmm_": 4}


def test_matrix_products_are_those_of_the_algorithm_and_no_more(cancer):
    calls = calls_per_step(FlatStepper, cancer[0], init="random")
    # Three linear layers each in encoder and decoder, two in the discriminator.
    # Forward: reconstruction 6, discriminator 3 + 2, generator 2.
    assert calls["addmm"] == 13
    # Backward: 6 gradients by weights and 5 by inputs; 2 and 1; then through the
    # discriminator's 2 inputs to the encoder's 3 weights and 2 inputs.
    assert calls["mm"] == (6 + 5) + (2 + 1) + (2 + 3 + 2)
    assert calls["_fused_adam_"] == 3
