"""One short name for what a call is given, the same in every process."""

from __future__ import annotations

import functools
import hashlib
import pickle
import types
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from sklearn_aae._utils._same import parts_of

#: What equal values print alike.
PRINTED = (bool, int, float, complex, str, bytes, torch.dtype, torch.device, np.dtype)
#: Libraries whose objects have more attributes than they have contents.
TABLES = ("narwhals", "pandas", "polars", "pyarrow")
#: What parts_of takes apart.
KNOWN = (types.FunctionType, functools.partial, nn.Module, torch.distributions.Distribution)


def digest(*values: Any, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of values by their contents: 64 hexadecimal digits.

    Functions and networks are told apart by what they compute, estimators and parts with
    parameters by these, ``without`` those of some names, at any depth; tables as joblib does.
    """
    result: str = _Digest(without).of("values", values).hexdigest()
    return result


class _Digest:
    """Walks through values; ``_above`` are those that the present one is part of."""

    def __init__(self, without: Collection[str]) -> None:
        self.without = frozenset(without)
        self._above: list[int] = []

    def of(self, tag: str, parts: Iterable[Any]) -> Any:
        """Return the hash of a kind of value and its parts, in order."""
        found = hashlib.sha256(tag.encode())
        for part in parts:
            found.update(self._one(part))
        return found

    def _one(self, value: Any) -> bytes:
        if id(value) in self._above:  # a value that refers to itself
            return b"above"
        self._above.append(id(value))
        try:
            result: bytes = self._known(value).digest()
            return result
        finally:
            self._above.pop()

    def _known(self, value: Any) -> Any:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if value is None or isinstance(value, PRINTED):
            return hashlib.sha256(f"{name} {value!r}".encode())
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            parts = (str(value.dtype), list(value.shape), flat.view(torch.uint8).numpy())
            return self.of("tensor", parts)
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(np.asarray(value))
        if isinstance(value, (list, tuple)):
            return self.of(name, value)
        if isinstance(value, (Mapping, AbstractSet)):
            items = value.items() if isinstance(value, Mapping) else value
            found = hashlib.sha256(name.encode())
            for each in sorted(self._one(item) for item in items):
                found.update(each)
            return found
        if isinstance(value, types.MethodType):
            return self.of(name, [value.__func__, value.__self__])
        if callable(value) and hasattr(value, "__qualname__"):
            inner = parts_of(value) if isinstance(value, types.FunctionType) else ()
            return self.of(f"named {value.__module__}.{value.__qualname__}", [inner])
        return self._object(name, value)

    def _array(self, array: np.ndarray) -> Any:
        head = f"array {array.dtype.str} {array.shape}"
        if array.dtype.hasobject or array.dtype.kind == "T":
            return self.of(head, array.ravel().tolist())
        found = hashlib.sha256(head.encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return found

    def _object(self, name: str, value: Any) -> Any:
        if isinstance(value, BaseEstimator):
            parts = value.get_params(deep=False)
            return self.of(name, [{k: v for k, v in parts.items() if k not in self.without}])
        if isinstance(value, np.random.RandomState):
            return self.of(name, [value.get_state(legacy=False)])
        if isinstance(value, KNOWN) or hasattr(value, "dist"):
            return self.of(name, [parts_of(value)])
        if hasattr(value, "__dict__") and name.partition(".")[0] not in TABLES:
            # What an object was made with, not what it has seen since.
            own = {k: v for k, v in vars(value).items() if not k.endswith("_")}
            own.pop("_random_state", None)  # scipy's is the global one
            return self.of(name, [own])
        try:
            return self.of(name, [joblib.hash(value)])
        except (pickle.PicklingError, TypeError) as error:
            raise ValueError(
                f"a checkpoint cannot tell one {name} from another ({error}); set checkpoint=None."
            ) from error
