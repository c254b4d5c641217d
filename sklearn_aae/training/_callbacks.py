"""What watches over training: best weights, early stopping, progress, the user's callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext
from skorch.callbacks import Callback, EpochTimer, PrintLog

from sklearn_aae._utils._ranks import from_first
from sklearn_aae.metrics import PriorGap
from sklearn_aae.training._batches import TableDataset
from sklearn_aae.training._protocols import Net


class StopTraining(KeyboardInterrupt):
    """Ends training in good order: a callback wants it, not Ctrl-C."""


class OwnCallback(Callback):
    """What a fit adds to the user's callbacks, for one call."""


#: What a user passed as a callback, and the callback that it is or has made.
Made = tuple[Any, Callback]


def user_callbacks(
    items: Sequence[object] | None, earlier: list[Made]
) -> tuple[list[Any], list[Made]]:
    """Return the user's skorch callbacks as skorch takes them, and what each is made from.

    Instances are used as they are; a class, or a function without arguments that returns a
    callback, is called, unless it was among ``earlier``, whose callbacks go on.
    """
    callbacks, made = [], []
    for i, item in enumerate(items or []):
        name, given = item if isinstance(item, (tuple, list)) else (None, item)
        if i < len(earlier) and earlier[i][0] is given:
            callback = earlier[i][1]
        else:
            own = not isinstance(given, type) and isinstance(given, Callback)
            callback = given if own or not callable(given) else given()
        if not isinstance(callback, Callback):
            raise TypeError(
                "callbacks must be skorch callbacks, classes or functions that return one, or "
                f"(name, callback) pairs, got {item!r}; callbacks of scikit-learn go to "
                "set_callbacks."
            )
        made.append((given, callback))
        callbacks.append(callback if name is None else (name, callback))
    return callbacks, made


def reads_batches(callback: Callback) -> bool:
    """Return whether a callback of the user's may read the losses of an epoch's batches."""
    if isinstance(callback, (OwnCallback, EpochTimer, PrintLog)):
        return False
    return any(
        getattr(type(callback), hook, None) is not getattr(Callback, hook)
        for hook in ("on_epoch_end", "on_train_end")
    )


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


def state_dicts(net: Net) -> dict[str, Any]:
    """Return the weights and every optimizer's state, as they are."""
    return {name: dict(owner.state_dict()) for name, owner in _owners(net).items()}


def copy_state(net: Net) -> dict[str, Any]:
    """Return a copy of the weights and of every optimizer's state."""
    result: dict[str, Any] = _copied(state_dicts(net))
    return result


def restore_state(net: Net, state: dict[str, Any]) -> None:
    """Put a copied state back."""
    for name, owner in _owners(net).items():
        owner.load_state_dict(_copied(state[name]))


class EarlyStopping(OwnCallback):
    """Stop when held-out rows are no longer explained better.

    The figure of an epoch is the validation loss per column over its value after the first
    epoch, plus ``GAP_WEIGHT`` times the logarithm of the energy distance of validation codes
    to prior draws over that distance's 99 % null value, where that is above 1.  Training
    stops after ``patience`` epochs without an improvement by more than ``tol``, and the
    weights of the best epoch are put back.  ``seed`` is that of the prior draws.
    """

    #: The distance of few codes moves by factors from epoch to epoch, the loss by percents:
    #: it counts where codes lie elsewhere, and does not hide that rows are learned by heart.
    GAP_WEIGHT = 0.05

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
        if module.prior.learns and self.first_loss_ is not None:
            self.gap_.redraw(module.prior)
        loss = net.history[-1, "valid_loss"]
        if self.first_loss_ is None:
            # Losses that are likelihoods may be negative; the ratio is of distances
            # from zero then, which still falls when the loss does.
            self.first_loss_ = max(abs(loss), 1e-12)
        gap = self.gap_(net.encode_rows(dataset_valid))
        figure = loss / self.first_loss_ + self.GAP_WEIGHT * math.log(max(gap, 1.0))
        gap, figure = from_first(gap, figure)
        net.history.record("prior_gap", gap)
        net.history.record("validation_figure", figure)
        if figure < self.best_ - self.tol:
            self.best_, self.misses_ = figure, 0
            self.state_ = copy_state(net)
        else:
            self.misses_ += 1
            if self.misses_ >= self.patience:
                net.stop_wanted_ = True

    def on_train_end(self, net: Net, **kwargs: object) -> None:
        if self.state_ is not None and not net.interrupted_:
            restore_state(net, self.state_)
        self.state_ = self.gap_ = None


class TrainingContext(OwnCallback):
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

    def catch_up(self, net: Net) -> None:
        """Tell of epochs that an earlier call has trained."""
        for _ in range(net.epochs_done_):
            self.on_epoch_begin(net)
            self.on_epoch_end(net)

    def on_epoch_end(self, net: Net, **kwargs: object) -> None:
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.attributes,
        )
        if stop:
            net.stop_wanted_ = True
