"""Digests tell what is given to calls by contents: the same in every process."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import stats
from skorch.callbacks import LRScheduler
from torch import nn

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae._utils._digest import digest
from sklearn_aae.priors import LearnedMixture, Mixture
from sklearn_aae.rules import Order


def scaled(factor):
    return lambda n, generator: factor * torch.randn(n, 2, generator=generator)


def layer(seed):
    torch.manual_seed(seed)
    return nn.Linear(2, 3)


def frame(order):
    return pd.DataFrame({"size": pd.Categorical(["s", "l"], order), "day": ["a", None]})


def moved(n):
    state = np.random.RandomState(0)
    state.rand(n)
    return state


#: Pairs that are not the same.
OTHERS = {
    "numbers": (np.arange(3.0), np.array([0.0, 1.0, 2.5])),
    "types": (np.arange(3.0), np.arange(3)),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "whole": (1, 1.0),
    "flag": (1, True),
    "text": ("1", 1),
    "nested": ([1, [2]], [[1], 2]),
    "cells": (np.array(["a", None], object), np.array(["a", "b"], object)),
    "lists": ([["a", 1.0]], [["a", 2.0]]),
    "keys": ({"a": 1}, {"b": 1}),
    "sets": ({"a", "b"}, {"a", "c"}),
    "functions": (lambda x: x + 1, lambda x: x + 2),
    "closures": (scaled(1.0), scaled(2.0)),
    "partials": (functools.partial(min, 1), functools.partial(min, 2)),
    "methods": ([].append, {}.get),
    "classes": (nn.ReLU, nn.GELU),
    "weights": (layer(0), layer(1)),
    "tensors": (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
    "halves": (torch.zeros(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)),
    "priors": (Mixture(3), Mixture(4)),
    "learned": (LearnedMixture(3), LearnedMixture(4)),
    "scipy": (stats.norm(0, 1), stats.norm(0, 2)),
    "vectors": (stats.multivariate_normal([0.0]), stats.multivariate_normal([1.0])),
    "torch": (torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(0.0, 2.0)),
    "rules": (Order("a", "b"), Order("b", "a")),
    "states": (moved(0), moved(1)),
    "frames": (frame(["s", "l"]), frame(["l", "s"])),
    "polars": (pl.DataFrame({"a": ["x", None]}), pl.DataFrame({"a": ["x", "y"]})),
    "schedules": (LRScheduler("StepLR", step_size=1), LRScheduler("StepLR", step_size=2)),
    "models": (AdversarialAutoencoder(), AdversarialAutoencoder(prior=Mixture(2))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_contents_have_another_digest(name):
    one, other = OTHERS[name]
    assert digest(one) != digest(other)
    assert digest(one) == digest(one)


@pytest.mark.parametrize("name", sorted(set(OTHERS) - {"methods", "closures", "functions"}))
def test_a_copy_has_the_same(name):
    one, _ = OTHERS[name]
    assert digest(copy.deepcopy(one)) == digest(one)


def test_functions_with_the_same_code_are_the_same():
    assert digest(scaled(1.0)) == digest(scaled(1.0))


def test_some_parameters_may_be_left_out_at_any_depth():
    inner = [{"estimator": AdversarialAutoencoder(verbose=each)} for each in (0, 1)]
    assert digest(inner[0]) != digest(inner[1])
    assert digest(inner[0], without=["verbose"]) == digest(inner[1], without=["verbose"])


def test_what_callbacks_have_seen_does_not_count():
    callback = LRScheduler("StepLR", step_size=1)
    before = digest(callback)
    callback.initialize().batch_idx_ = 5
    assert digest(callback) == before


def test_global_generators_do_not_count():
    np.random.seed(0)
    before = digest(stats.multivariate_normal([0.0]))
    np.random.seed(1)
    assert digest(stats.multivariate_normal([0.0])) == before


def test_a_list_may_hold_itself():
    one: list = [1]
    one.append(one)
    assert len(digest(one)) == 64


def test_what_has_no_contents_is_refused():
    with pytest.raises(ValueError, match=r"generator.*checkpoint=None"):
        digest(each for each in "ab")
