"""Checks of arguments, with messages that name prior, parameter and value."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike


class _Weighted(Protocol):
    weights: ArrayLike | None


def _named(prior: object, name: str, kind: type, noun: str) -> tuple[Any, str]:
    """Return a parameter and the start of messages; raise TypeError if it is no ``kind``."""
    value = getattr(prior, name)
    must = f"{type(prior).__name__} prior: {name} must be"
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{must} a {noun}, got {value!r}.")
    return value, must


def check_number(
    prior: object, name: str, *, positive: bool = False, least: float | None = None
) -> None:
    """Raise unless a parameter is a finite number in range; TypeError if it is no number."""
    value, must = _named(prior, name, Real, "number")
    number, fine, bound = float(value), True, "finite"
    if positive:
        fine, bound = number > 0, "positive"
    elif least is not None:
        fine, bound = number >= least, f"at least {least:g}"
    if not (math.isfinite(number) and fine):
        raise ValueError(f"{must} {bound}, got {value!r}.")


def check_count(prior: object, name: str) -> None:
    """Raise unless a parameter is a whole number of at least 1."""
    value, must = _named(prior, name, Integral, "whole number")
    if value < 1:
        raise ValueError(f"{must} at least 1, got {value!r}.")


def as_array(prior: object, name: str) -> np.ndarray:
    """Return a parameter as a finite float64 array."""
    value = getattr(prior, name)
    must = f"{type(prior).__name__} prior: {name} must be"
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{must} an array of numbers ({error}).") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{must} finite, got {value!r}.")
    return array


def as_weights(prior: _Weighted, n_modes: int, of: str = "modes") -> np.ndarray:
    """Return the parameter ``weights`` as probabilities; None stands for equal ones."""
    if prior.weights is None:
        return np.full(n_modes, 1 / n_modes)
    weights = as_array(prior, "weights")
    who = type(prior).__name__
    if weights.shape != (n_modes,):
        raise ValueError(
            f"{who} prior: weights must be {n_modes} numbers, one for each of the {of}; "
            f"got shape {weights.shape}."
        )
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise ValueError(
            f"{who} prior: weights must not be negative and add up to 1, got {prior.weights!r}."
        )
    result: np.ndarray = weights / weights.sum()
    return result


def check_modes(modes: torch.Tensor, n_modes: int, prior: object) -> torch.Tensor:
    """Return modes as int64, or raise ValueError if one does not exist."""
    modes = torch.as_tensor(modes)
    if modes.ndim != 1 or modes.is_floating_point() or modes.is_complex():
        raise ValueError(
            f"modes must be whole numbers of shape (n_samples,), got {modes.dtype} of shape "
            f"{tuple(modes.shape)}."
        )
    if len(modes) and not 0 <= int(modes.min()) <= int(modes.max()) < n_modes:
        wrong = int(modes.min()) if int(modes.min()) < 0 else int(modes.max())
        raise ValueError(f"{prior!r} has modes 0 to {n_modes - 1}; got mode {wrong}.")
    return modes.to(torch.int64)
