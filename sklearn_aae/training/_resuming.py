"""A net's training taken up where a checkpoint left it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, LRScheduler
from skorch.callbacks import Checkpoint as SkorchCheckpoint
from skorch.callbacks import EarlyStopping as SkorchEarlyStopping

from sklearn_aae.training._callbacks import (
    EarlyStopping,
    OwnCallback,
    TrainingContext,
    restore_state,
    state_dicts,
)
from sklearn_aae.training._checkpoint import Checkpoint
from sklearn_aae.training._protocols import Net

#: Attributes that are all the state of callbacks, beside what they were made with; skorch's
#: checkpoints keep theirs in files and in the history.
STATES: dict[type[Callback], tuple[str, ...]] = {
    EarlyStopping: ("best_", "misses_", "first_loss_", "state_"),
    SkorchEarlyStopping: ("misses_", "dynamic_threshold_", "best_epoch_", "best_model_weights_"),
    LRScheduler: ("batch_idx_",),
    SkorchCheckpoint: (),
}

#: The user's callbacks with which training resumes.
RESUMABLE = (SkorchEarlyStopping, LRScheduler, SkorchCheckpoint)


class Resuming(OwnCallback):
    """Goes on from a checkpoint, and keeps the state after each epoch in it.

    It comes last, so that all other callbacks have begun, and have seen the end of an epoch.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the state is kept.
    is_fenced : bool
        Whether networks of the user's draw from the global random generators, which are seeded
        for the call.
    """

    PART = "net"

    def __init__(self, checkpoint: Checkpoint, is_fenced: bool) -> None:
        self.checkpoint = checkpoint
        self.is_fenced = is_fenced

    def on_train_begin(self, net: Net, **kwargs: object) -> None:
        self.n_before_ = len(net.history)
        state = self.checkpoint.parts.pop(self.PART, None)
        if state is None:
            self.checkpoint.try_out(self._state(net))
            return
        net.history.extend(state["epochs"])
        net.epochs_done_ = len(state["epochs"])
        restore_state(net, state["owners"])
        for callback, own in zip(_with_state(net), state["callbacks"], strict=True):
            _restore_callback(callback, own)
        for _, callback in net.callbacks_:
            if isinstance(callback, TrainingContext):
                callback.catch_up(net)
        if self.is_fenced:
            version, numbers, rest = state["global"]["python"]
            random.setstate((version, tuple(numbers), rest))
            np.random.set_state(state["global"]["numpy"])
            torch.set_rng_state(state["global"]["torch"])

    def on_epoch_end(self, net: Net, **kwargs: object) -> None:
        if not net.stop_wanted_:
            self.checkpoint.keep(self.PART, lambda: self._state(net))

    def _state(self, net: Net) -> dict[str, Any]:
        epochs = list(net.history)[self.n_before_ :]
        return {
            # Of single batches, a finished training keeps the last at most.
            "epochs": [{**epoch, "batches": epoch["batches"][-1:]} for epoch in epochs],
            "owners": state_dicts(net),
            "callbacks": [_state_of(callback) for callback in _with_state(net)],
            "global": _global_state() if self.is_fenced else None,
        }


def _with_state(net: Net) -> list[Callback]:
    return [callback for _, callback in net.callbacks_ if type(callback) in STATES]


def _state_of(callback: Callback) -> dict[str, Any]:
    state = {name: getattr(callback, name) for name in STATES[type(callback)]}
    if isinstance(callback, LRScheduler):
        state["schedule"] = dict(callback.lr_scheduler_.state_dict())
    return state


def _restore_callback(callback: Callback, state: dict[str, Any]) -> None:
    for name in STATES[type(callback)]:
        setattr(callback, name, state[name])
    if isinstance(callback, LRScheduler):
        callback.lr_scheduler_.load_state_dict(state["schedule"])


def _global_state() -> dict[str, Any]:
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
