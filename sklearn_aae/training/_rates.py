"""Learning rates: schedules of our own, and what follows a schedule of the user's."""

from __future__ import annotations

from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sklearn_aae.training._batches import TableDataset, batch_edges
from sklearn_aae.training._callbacks import OwnCallback
from sklearn_aae.training._protocols import Net


def _set_rate(group: dict[str, Any], rate: float) -> None:
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def set_share(net: Net, share: float, names: list[str] | None = None) -> None:
    """Set the learning rates of some or all optimizers to a share of their full rates."""
    for name, optimizer in net.optimizers_.items():
        if names is None or name in names:
            for group, full in zip(optimizer.param_groups, net.full_rates_[name], strict=False):
                _set_rate(group, full * share)


def change_full_rates(net: Net, rates: dict[str, float], *, scheduled: bool = False) -> None:
    """Give every optimizer another full rate.

    Rates are full then, unless they are ``scheduled``: then they keep their share.
    """
    for name, rate in rates.items():
        groups = net.optimizers_[name].param_groups
        for group, full in zip(groups, net.full_rates_[name], strict=False):
            if not scheduled:
                _set_rate(group, rate)
            elif full != rate:
                _set_rate(group, float(group["lr"]) * rate / full)
                group["initial_lr"] = float(group.get("initial_lr", full)) * rate / full
        net.full_rates_[name] = [rate] * len(groups)


def let_schedules_go_on(net: Net) -> None:
    """Say where schedules of torch have begun, for one that was not there from the beginning."""
    if len(net.history):
        for name, optimizer in net.optimizers_.items():
            for group, full in zip(optimizer.param_groups, net.full_rates_[name], strict=False):
                group.setdefault("initial_lr", full)


def follow(net: Net, callback: LRScheduler) -> None:
    """Move all optimizers in proportion to the first, which a user's schedule has moved.

    An optimizer that has a schedule of its own is left to it.
    """
    first = net.optimizer_names[0]
    leader = net.optimizers_[first]
    if getattr(callback.lr_scheduler_, "optimizer", leader) is not leader:
        return
    scheduled = {
        id(getattr(other.lr_scheduler_, "optimizer", leader))
        for _, other in net.callbacks_
        if isinstance(other, LRScheduler)
    }
    others = [name for name, each in net.optimizers_.items() if id(each) not in scheduled]
    full = net.full_rates_[first][0]
    if full > 0:
        set_share(net, float(leader.param_groups[0]["lr"]) / full, others)


class FullRates(OwnCallback):
    """Rates are full, whatever state a callback has loaded."""

    def on_epoch_begin(self, net: Net, **kwargs: object) -> None:
        set_share(net, 1.0)


class LinearDecay(OwnCallback):
    """Learning rates and input noise fall linearly over the last part of training.

    They fall after the share ``start`` of the call's epochs, to the factor ``end`` after the
    last.  Noise guards against learning rows by heart while rates are high; at its end,
    training is on rows much as they will come.
    """

    def __init__(self, start: float = 0.5, end: float = 0.1) -> None:
        self.start = start
        self.end = end

    def _set(self, net: Net, done: float) -> None:
        """Set what belongs to a share of training."""
        fall = max(0.0, done - self.start) / (1 - self.start)
        net.noise_share_ = 1 - (1 - self.end) * min(1.0, fall)
        set_share(net, net.noise_share_)

    def on_epoch_begin(self, net: Net, *, dataset_train: TableDataset, **kwargs: object) -> None:
        self._set(net, (net.epochs_begun_ - 1) / net.epochs_wanted_)

    def on_train_end(self, net: Net, **kwargs: object) -> None:
        # A later call continues at full rates.
        self._set(net, 0.0)


class StepwiseDecay(LinearDecay):
    """Learning rates fall linearly to zero over the last seven tenths of the steps.

    For tables of levels, which are trained at high rates in a few epochs: a fall by
    epochs would be too coarse, and what is left of the rate at its end blurs them.
    """

    def __init__(self, start: float = 0.3, end: float = 0.0) -> None:
        super().__init__(start, end)

    def on_epoch_begin(self, net: Net, *, dataset_train: TableDataset, **kwargs: object) -> None:
        n_batches = len(batch_edges(len(dataset_train), net.batch_size))
        self.step_ = (net.epochs_begun_ - 1) * n_batches
        self.n_steps_ = net.epochs_wanted_ * n_batches

    def on_batch_begin(self, net: Net, *, training: bool, **kwargs: object) -> None:
        if training:
            self._set(net, self.step_ / self.n_steps_)
            self.step_ += 1
