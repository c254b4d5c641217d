"""Whether two parameters of an estimator mean the same: by value, not by how they are printed."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn


def same_value(one: Any, other: Any) -> bool:
    """Return whether two parameters have the same value.

    Sequences are the same whatever their type, as numbers are; functions if they have the
    same code and see the same values; objects without an equality of their own if they are
    of one class and have the same attributes.
    """
    return _same(one, other, {})


def refuse_changes(estimator: BaseEstimator, built: Mapping[str, Any], advice: str) -> None:
    """Raise if parameters are no longer what networks were built with.

    ``advice`` says what to do instead.
    """
    for name, value in built.items():
        now = getattr(estimator, name)
        if not same_value(now, value):
            raise ValueError(
                f"{name} changed from {value!r} to {now!r} since the networks were built; {advice}."
            )


#: The pairs that are being compared further up; they are held, so that no id is used again.
Seen = dict[tuple[int, int], tuple[Any, Any]]


def _same(one: Any, other: Any, seen: Seen) -> bool:
    pair = (id(one), id(other))
    if one is other or pair in seen:
        return True
    seen[pair] = one, other
    if isinstance(one, NUMBERS) or isinstance(other, NUMBERS):
        return _same_numbers(one, other)
    if _is_sequence(one) and _is_sequence(other):
        return len(one) == len(other) and all(
            _same(a, b, seen) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) == set(other) and all(_same(one[key], other[key], seen) for key in one)
    if _is_equal(one, other):
        return True
    kind: Any = type(one)
    has_equality = kind.__eq__ is not object.__eq__
    return kind is type(other) and not has_equality and _same_parts(one, other, seen)


NUMBERS = (np.ndarray, torch.Tensor)


def _same_parts(one: Any, other: Any, seen: Seen) -> bool:
    """Compare two objects of one class, which has no equality, by what they are made of."""
    if isinstance(one, type) or not hasattr(one, "__dict__"):
        return False
    return _same(parts_of(one), parts_of(other), seen)


def parts_of(value: Any) -> Any:
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, nn.Module):
        return _of_module(value)
    if isinstance(value, BaseEstimator):
        return value.get_params(deep=False)
    if hasattr(value, "rvs") and hasattr(value, "dist"):  # a frozen distribution of scipy
        return type(value.dist), value.args, value.kwds
    if isinstance(value, torch.distributions.Distribution):
        # Other tensors are computed when they are read for the first time.
        inner = (torch.distributions.Distribution, list)
        own = {
            name: part
            for name, part in vars(value).items()
            if name in value.arg_constraints or isinstance(part, inner)
        }
        return repr(value), own
    return vars(value)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _same_numbers(one: Any, other: Any) -> bool:
    try:
        a, b = (
            value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            for value in (one, other)
        )
    except (TypeError, ValueError):
        return False
    if a.shape != b.shape:
        return False
    both_numbers = a.dtype.kind in "fc" and b.dtype.kind in "fc"
    return bool(np.array_equal(a, b, equal_nan=both_numbers))


def _is_equal(one: Any, other: Any) -> bool:
    try:
        # True is no 1: a mask is not a list of positions.
        return bool(one == other) and (isinstance(one, _BOOLS) == isinstance(other, _BOOLS))
    # An object of the user's may raise anything; what cannot be compared is another one.
    except Exception:
        return False


_BOOLS = (bool, np.bool_)


def _of_module(module: nn.Module) -> tuple[Any, ...]:
    """Return what a network is: how it is printed, its weights and whether they are trained."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    weights = {name: (value, value.requires_grad) for name, value in tensors}
    public = {k: v for k, v in vars(module).items() if not k.startswith("_")}
    return repr(module), weights, public


def _of_function(function: types.FunctionType) -> tuple[Any, ...]:
    code = function.__code__
    cells = function.__closure__ or ()
    # Line numbers are not part of what a function does.
    consts = tuple(c.co_code if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return (
        (code.co_code, code.co_names, code.co_varnames, consts),
        function.__defaults__,
        function.__kwdefaults__,
        tuple(cell.cell_contents for cell in cells),
    )


def snapshot(value: Any) -> Any:
    """Return a copy of a parameter that later changes in place do not reach.

    Of containers and of parts with parameters; others are held as they are.
    """
    if not isinstance(value, (list, tuple, dict, set, BaseEstimator, *NUMBERS)):
        return value
    try:
        made = copy.deepcopy(value)
    # What the container holds may raise anything: then it is held as it is.
    except Exception:
        return value
    return made if same_value(made, value) else value
