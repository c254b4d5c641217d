"""What watches over training: learning rates, best weights, early stopping, progress."""

from __future__ import annotations

import math
from typing import Any

import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_aae.metrics import PriorGap
from sklearn_aae.training._batches import batch_edges


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


def has_listener(net: Any, *hooks: str) -> bool:
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


def copy_state(net: Any) -> dict[str, Any]:
    """Return a copy of the weights and of every optimizer's state."""
    names = ["module_", *(f"{name}_" for name in net.optimizer_names)]
    return {name: _copied(getattr(net, name).state_dict()) for name in names}


def restore_state(net: Any, state: dict[str, Any]) -> None:
    """Put a copied state back."""
    for name, values in state.items():
        getattr(net, name).load_state_dict(_copied(values))


class LinearDecay(Callback):
    """Learning rates and input noise fall linearly over the last part of training.

    Noise guards against learning rows by heart while rates are high; at its end,
    training is on rows much as they will come.

    Parameters
    ----------
    start : float, default=0.5
        Share of the epochs after which the fall begins.
    end : float, default=0.1
        Factor reached after the last epoch.
    """

    def __init__(self, start: float = 0.5, end: float = 0.1) -> None:
        self.start = start
        self.end = end

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Note where this run starts and what the full rates are."""
        self.first_ = len(net.history)
        self.base_ = {
            name: [group["lr"] for group in getattr(net, f"{name}_").param_groups]
            for name in net.optimizer_names
        }

    def _set(self, net: Any, factor: float) -> None:
        net.noise_share_ = factor
        for name, rates in self.base_.items():
            for group, rate in zip(getattr(net, f"{name}_").param_groups, rates, strict=True):
                group["lr"] = rate * factor

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the rates of the epoch that begins."""
        # The row of the new epoch is in the history already.
        done = (len(net.history) - 1 - self.first_) / net.max_epochs
        fall = max(0.0, done - self.start) / (1 - self.start)
        self._set(net, 1 - (1 - self.end) * min(1.0, fall))

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the full rates back: a later call continues at them."""
        self._set(net, 1.0)


class StepwiseDecay(LinearDecay):
    """Learning rates fall linearly to zero over the last seven tenths of the steps.

    For tables of levels, which are trained at high rates in a few epochs: a fall by
    epochs would be too coarse, and what is left of the rate at its end blurs them.
    """

    def __init__(self, start: float = 0.3, end: float = 0.0) -> None:
        super().__init__(start, end)

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Note how many steps there are, and how many are done."""
        epochs = len(net.history) - 1 - self.first_
        n_batches = len(batch_edges(len(dataset_train), net.batch_size))
        self.step_, self.n_steps_ = epochs * n_batches, net.max_epochs * n_batches

    def on_batch_begin(self, net: Any, training: bool = True, **kwargs: Any) -> None:
        """Set the rates of the step that begins."""
        if training:
            fall = max(0.0, self.step_ / self.n_steps_ - self.start) / (1 - self.start)
            self._set(net, 1 - (1 - self.end) * fall)
            self.step_ += 1


class EarlyStopping(Callback):
    """Stop when reconstruction and prior match together no longer improve.

    The figure of an epoch is the validation loss per column over its value after
    the first epoch, plus the energy distance of validation codes to prior draws
    over that distance's 99 % null value.  The weights of the best epoch are put
    back.

    Parameters
    ----------
    patience : int
        Epochs without a new best before training stops.
    seed : int
        Seed of the prior draws that codes are measured against.
    tol : float, default=1e-4
        Least improvement that counts.
    """

    def __init__(self, patience: int, seed: int, tol: float = 1e-4) -> None:
        self.patience = patience
        self.seed = seed
        self.tol = tol

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Forget earlier runs."""
        self.best_ = math.inf
        self.misses_ = 0
        self.first_loss_: float | None = None
        self.gap_: PriorGap | None = None
        self.state_: dict[str, Any] | None = None

    def on_epoch_end(self, net: Any, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Measure the epoch; keep it if it is the best, stop after too many that are not."""
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

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the best epoch's weights back and forget what is no longer needed."""
        if self.state_ is not None and not net.interrupted_:
            restore_state(net, self.state_)
        self.state_ = self.gap_ = None


class TrainingContext(Callback):
    """Tell scikit-learn's callbacks about epochs: one task of the fit for each.

    Parameters
    ----------
    estimator : estimator
        Whose fit this is.
    context : sklearn.callback.CallbackContext
        The context of the fit.
    X, y : array-like
        The data of the fit, handed through.
    attributes : callable
        Returns the fitted attributes as of now, for callbacks that score.
    """

    def __init__(self, estimator: Any, context: Any, X: Any, y: Any, attributes: Any) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.attributes = attributes

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the epoch's task."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Close the epoch's task; stop if a callback asks for it."""
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.attributes,
        )
        if stop:
            raise StopTraining
