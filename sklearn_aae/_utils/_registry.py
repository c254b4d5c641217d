"""How a constructor argument (a name, a class or an object) becomes an object."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone


def resolve(value: Any, registry: dict[str, type], base: type, parameter: str) -> Any:
    """Return a fresh instance of ``base`` for a registered name, a class or an instance.

    Raises
    ------
    ValueError
        If a name is not in the registry.
    TypeError
        If the value is neither a name nor a ``base``.
    """
    if isinstance(value, str):
        if value not in registry:
            raise ValueError(
                f"{parameter}={value!r} is not known; choose from {sorted(registry)} "
                f"or pass a {base.__name__} object."
            )
        return registry[value]()
    if isinstance(value, type) and issubclass(value, base):
        return value()
    if isinstance(value, base):
        # A copy: what is fitted must not change when the caller's object does.
        return clone(value)
    raise TypeError(
        f"{parameter} must be one of {sorted(registry)} or a {base.__name__} object; got {value!r}."
    )
