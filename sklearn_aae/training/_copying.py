"""Copies of nets: what a training changes and no more, without pickling."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, TypeVar

import torch
from skorch import NeuralNet
from skorch.history import History
from skorch.setter import optimizer_setter
from torch import nn
from torch.optim import Optimizer

from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.training._callbacks import OwnCallback

Kind = TypeVar("Kind", bound=NeuralNet)

#: Attributes of a net while it trains, which belong to one call alone.
OF_ONE_CALL = ("_signals", "_stepper", "_last_state", "epochs_done_")


class EpochHistory(History):
    """A history whose single epochs are read without a copy of all of them."""

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, int):
            return list.__getitem__(self, i)
        if isinstance(i, tuple) and i and isinstance(i[0], int):
            one = History([list.__getitem__(self, i[0])])
            return one[(0, *i[1:])]
        return super().__getitem__(i)


def without_own(items: list[Any]) -> list[Any]:
    """Return callbacks, or pairs of a name and a callback, that are not of one call alone."""
    return [
        item
        for item in items
        if not isinstance(item[1] if isinstance(item, tuple) else item, OwnCallback)
    ]


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """Return those attributes of a net that outlast a call: callbacks may copy it within one."""
    kept = {name: value for name, value in state.items() if name not in OF_ONE_CALL}
    for name in ("callbacks", "callbacks_"):
        if isinstance(kept.get(name), list):
            kept[name] = without_own(kept[name])
    return kept


#: What a file does not hold of a net: callbacks are code, and the rest is made of them.
NOT_IN_FILES = ("callbacks", "callbacks_", "_made", "virtual_params_")


def lasting_state(net: NeuralNet, *, training: bool) -> dict[str, Any]:
    """Return the attributes of a net that a file holds, perhaps without what training needs."""
    left_out = set(NOT_IN_FILES)
    if not training:
        left_out |= {"history_", *(f"{name}_" for name in net.optimizer_names)}
    return {name: value for name, value in lasting(vars(net)).items() if name not in left_out}


def revive(net: Kind) -> Kind:
    """Give a net that was read from a file what the file does not hold."""
    if str(net.device).startswith("cuda") and not torch.cuda.is_available():
        net.device = "cpu"
    named = [(name, callback.initialize()) for name, callback in net.get_default_callbacks()]
    net.__dict__.update(callbacks=[], callbacks_=named, _made=[], virtual_params_={})
    net.__dict__.setdefault("history_", EpochHistory())
    for name in net._optimizers:
        # As in skorch's own initialisation, which would make new optimizers.
        patterns = [f"{name}__param_groups__*__*", f"{name}__*"]
        setter = partial(optimizer_setter, optimizer_attr=f"{name}_", optimizer_name=name)
        patterns += ["lr"] if name == "optimizer" else []
        net._register_virtual_param(patterns, setter)
    return net


def copy_net(net: Kind, memo: dict[int, Any]) -> Kind:
    """Return a deep copy of a net.

    skorch's own goes through pickle, which knows no lambdas, no local classes and no hooks.
    """
    new = object.__new__(type(net))
    memo[id(net)] = new
    with torch_threads(1):
        for name, value in lasting(vars(net)).items():
            new.__dict__[name] = copy.deepcopy(value, memo)
    return new


def copy_to_train(net: Kind) -> Kind:
    """Return a copy of a net that trains on its own, and shares what no training changes.

    Weights and optimizers are copied.  Callbacks are shared.  The history is, too: a training
    adds to its end, and whoever lets one fail takes off what it added.
    """
    new = object.__new__(type(net))
    own = lasting(vars(net))
    new.__dict__.update({name: _shallow(value) for name, value in own.items()})
    prior = net.module_.prior
    memo: dict[int, Any] = {id(net): new} if prior.learns else {id(net): new, id(prior): prior}
    with torch_threads(1):
        # Under one memo, so that optimizers are those of the copied parameters.
        for name in [name for name in own if isinstance(own[name], (nn.Module, Optimizer))]:
            # Past skorch, which registers what is set.
            new.__dict__[name] = copy.deepcopy(own[name], memo)
    return new


def _shallow(value: Any) -> Any:
    """Return a copy of a plain container, which a net may add to; else the value itself."""
    return copy.copy(value) if type(value) in (list, dict, set) else value
