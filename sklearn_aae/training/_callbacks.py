"""What watches over training: learning rates, best weights, early stopping, progress."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackContext
from skorch.callbacks import Callback

from sklearn_aae.metrics import PriorGap
from sklearn_aae.training._batches import TableDataset, batch_edges
from sklearn_aae.training._protocols import Net


class StopTraining(KeyboardInterrupt):
    """Raised by our callbacks to end training in good order, as skorch expects it."""


def user_callbacks(items: list | None) -> list:
    """Return clones of the user's skorch callbacks: skorch would change the originals."""
    callbacks = []
    for item in items or []:
        name, callback = item if isinstance(item, (tuple, list)) else (None, item)
        callback = callback() if isinstance(callback, type) else clone(callback, safe=False)
        if not isinstance(callback, Callback):
            raise TypeError(
                "callbacks must be skorch callbacks or (name, callback) pairs, got "
                f"{item!r}; callbacks of scikit-learn go to set_callbacks."
            )
        callbacks.append(callback if name is None else (name, callback))
    return callbacks


def has_listener(net: Net, *hooks: str) -> bool:
    """Return whether a callback of the net overrides one of skorch's hooks."""
    return any(
        getattr(type(callback), hook, None) is not getattr(Callback, hook)
        for _, callback in net.callbacks_
        for hook in hooks
    )


def _copied(value: Any) -> Any:
    """Return a copy of nested containers of tensors; several times faster than deepcopy."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _owners(net: Net) -> dict[str, Any]:
    """Return what has a state to be kept: the module and the optimizers."""
    return {"module": net.module_, **net.optimizers_}


def copy_state(net: Net) -> dict[str, Any]:
    """Return a copy of the weights and of every optimizer's state."""
    return {name: _copied(owner.state_dict()) for name, owner in _owners(net).items()}


def restore_state(net: Net, state: dict[str, Any]) -> None:
    """Put a copied state back."""
    for name, owner in _owners(net).items():
        owner.load_state_dict(_copied(state[name]))


class LinearDecay(Callback):
    """Learning rates and input noise fall linearly over the last part of training.

    They fall after the share ``start`` of the epochs, to the factor ``end`` after the last.
    Noise guards against learning rows by heart while rates are high; at its end,
    training is on rows much as they will come.
    """

    def __init__(self, start: float = 0.5, end: float = 0.1) -> None:
        self.start = start
        self.end = end

    def on_train_begin(self, net: Net, **kwargs: object) -> None:
        self.first_ = len(net.history)
        self.full_rates_ = [group["lr"] for group in _groups(net)]

    def _set(self, net: Net, factor: float) -> None:
        net.noise_share_ = factor
        for group, rate in zip(_groups(net), self.full_rates_, strict=True):
            group["lr"] = rate * factor

    def on_epoch_begin(self, net: Net, *, dataset_train: TableDataset, **kwargs: object) -> None:
        # The row of the new epoch is in the history already.
        done = (len(net.history) - 1 - self.first_) / net.max_epochs
        fall = max(0.0, done - self.start) / (1 - self.start)
        self._set(net, 1 - (1 - self.end) * min(1.0, fall))

    def on_train_end(self, net: Net, **kwargs: object) -> None:
        # A later call continues at full rates.
        self._set(net, 1.0)


def _groups(net: Net) -> list[dict[str, Any]]:
    return [group for optimizer in net.optimizers_.values() for group in optimizer.param_groups]


class StepwiseDecay(LinearDecay):
    """Learning rates fall linearly to zero over the last seven tenths of the steps.

    For tables of levels, which are trained at high rates in a few epochs: a fall by
    epochs would be too coarse, and what is left of the rate at its end blurs them.
    """

    def __init__(self, start: float = 0.3, end: float = 0.0) -> None:
        super().__init__(start, end)

    def on_epoch_begin(self, net: Net, *, dataset_train: TableDataset, **kwargs: object) -> None:
        epochs = len(net.history) - 1 - self.first_
        n_batches = len(batch_edges(len(dataset_train), net.batch_size))
        self.step_, self.n_steps_ = epochs * n_batches, net.max_epochs * n_batches

    def on_batch_begin(self, net: Net, *, training: bool, **kwargs: object) -> None:
        if training:
            fall = max(0.0, self.step_ / self.n_steps_ - self.start) / (1 - self.start)
            self._set(net, 1 - (1 - self.end) * fall)
            self.step_ += 1


class EarlyStopping(Callback):
    """Stop when reconstruction and prior match together no longer improve.

    The figure of an epoch is the validation loss per column over its value after
    the first epoch, plus the energy distance of validation codes to prior draws
    over that distance's 99 % null value.  Training stops after ``patience`` epochs
    without an improvement by more than ``tol``, and the weights of the best epoch are put
    back.  ``seed`` is that of the prior draws.
    """

    def __init__(self, patience: int, seed: int, tol: float = 1e-4) -> None:
        self.patience = patience
        self.seed = seed
        self.tol = tol

    def on_train_begin(self, net: Net, **kwargs: object) -> None:
        self.best_ = math.inf
        self.misses_ = 0
        self.first_loss_: float | None = None
        self.gap_: PriorGap | None = None
        self.state_: dict[str, Any] | None = None

    def on_epoch_end(self, net: Net, *, dataset_valid: TableDataset, **kwargs: object) -> None:
        module = net.module_
        if self.gap_ is None:
            self.gap_ = PriorGap(module.prior, len(dataset_valid), module.n_components, self.seed)
        elif module.prior.learns:
            self.gap_.redraw(module.prior)
        loss = net.history[-1, "valid_loss"]
        if self.first_loss_ is None:
            # Losses that are likelihoods may be negative; the ratio is of distances
            # from zero then, which still falls when the loss does.
            self.first_loss_ = max(abs(loss), 1e-12)
        gap = self.gap_(net.encode_rows(dataset_valid))
        figure = loss / self.first_loss_ + gap
        net.history.record("prior_gap", gap)
        net.history.record("validation_figure", figure)
        if figure < self.best_ - self.tol:
            self.best_, self.misses_ = figure, 0
            self.state_ = copy_state(net)
        else:
            self.misses_ += 1
            if self.misses_ >= self.patience:
                raise StopTraining

    def on_train_end(self, net: Net, **kwargs: object) -> None:
        if self.state_ is not None and not net.interrupted_:
            restore_state(net, self.state_)
        self.state_ = self.gap_ = None


class TrainingContext(Callback):
    """Tell scikit-learn's callbacks about epochs: one task of the fit for each.

    ``attributes`` returns the fitted attributes as of now, for callbacks that score.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        X: object,
        y: object,
        attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.attributes = attributes

    def on_epoch_begin(self, net: Net, **kwargs: object) -> None:
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: Net, **kwargs: object) -> None:
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.attributes,
        )
        if stop:
            raise StopTraining
