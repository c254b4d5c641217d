"""Checks of constructor arguments, with messages that name prior, parameter and value."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_number(
    prior: Any, name: str, *, above: float | None = None, least: float = -math.inf
) -> None:
    """Raise unless a parameter is a finite number in range; TypeError if it is no number."""
    value: Any = getattr(prior, name)
    who = type(prior).__name__
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{who} prior: {name} must be a number, got {value!r}.")
    number = float(value)
    if above is not None and not (math.isfinite(number) and number > above):
        bound = "positive" if above == 0 else f"above {above:g}"
        raise ValueError(f"{who} prior: {name} must be {bound}, got {value!r}.")
    if not (math.isfinite(number) and number >= least):
        bound = "finite" if least == -math.inf else f"at least {least:g}"
        raise ValueError(f"{who} prior: {name} must be {bound}, got {value!r}.")


def check_count(prior: Any, name: str, *, least: int = 1) -> None:
    """Raise unless a parameter is a whole number of at least ``least``."""
    value = getattr(prior, name)
    who = type(prior).__name__
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{who} prior: {name} must be a whole number, got {value!r}.")
    if value < least:
        raise ValueError(f"{who} prior: {name} must be at least {least}, got {value!r}.")


def as_array(prior: Any, name: str) -> np.ndarray:
    """Return a parameter as a finite float64 array."""
    who = type(prior).__name__
    try:
        array = np.asarray(getattr(prior, name), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who} prior: {name} must be an array of numbers ({error}).") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{who} prior: {name} must be finite, got {getattr(prior, name)!r}.")
    return array


def as_weights(prior: Any, n_modes: int, of: str = "modes") -> np.ndarray:
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
    return weights / weights.sum()
