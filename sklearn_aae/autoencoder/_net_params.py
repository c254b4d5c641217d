"""skorch's own words for the net: which are the user's, and which the estimator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import LBFGS

#: What is said elsewhere: the parameter of the estimator, or None where it follows from all.
OWNED: dict[str, str | None] = {
    "module": "hidden_layer_sizes, encoder and decoder",
    "criterion": None,
    "phases": "adversarial_weight",
    "train_batches": None,
    "dataset": "scaling",
    "iterator_train": "batch_size",
    "iterator_valid": "batch_size",
    "train_split": "early_stopping and validation_fraction",
    "seed": "random_state",
    "lr": "lr",
    "max_epochs": "max_epochs",
    "batch_size": "batch_size",
    "callbacks": "callbacks",
    "device": "device",
    "verbose": "verbose",
    "warm_start": "warm_start",
    "compile": None,
}


def net_arguments(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of a net: ours, and over them what the user says.

    An optimizer of the user's gets of ours the learning rate alone: others are Adam's.
    """
    theirs = {} if theirs is None else dict(theirs)
    for name in theirs:
        _refuse_owned(name)
    replaced = [name for name in theirs if name.startswith("optimizer") and "__" not in name]
    for name in replaced:
        _check_optimizer(name, theirs[name])
    kept = {
        name: value
        for name, value in ours.items()
        if name.split("__")[0] not in replaced or name.endswith("__lr")
    }
    return {**kept, **theirs}


def _check_optimizer(name: str, optimizer: Any) -> None:
    if not callable(optimizer):
        raise TypeError(
            f"net_params[{name!r}] must be a class of optimizers, such as torch.optim.AdamW; got "
            f"{optimizer!r}."
        )
    if isinstance(optimizer, type) and issubclass(optimizer, LBFGS):
        raise ValueError(
            f"net_params[{name!r}] is {optimizer.__name__}, which asks for losses several times a "
            "step; take one that steps by gradients alone, such as torch.optim.AdamW."
        )


def _refuse_owned(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"net_params must have text as keys, got {name!r}.")
    first, *further = name.split("__")
    if further == ["lr"]:
        raise ValueError(
            f"net_params sets {name!r}: learning rates are set by the parameters lr and "
            "adversarial_weight."
        )
    if first not in OWNED:
        return
    own = OWNED[first]
    raise ValueError(
        f"net_params sets {name!r}, "
        + ("which the training needs as it is." if own is None else f"which is set by {own}.")
    )
