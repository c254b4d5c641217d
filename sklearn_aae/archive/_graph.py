"""From an object to a tree of JSON beside arrays, and back.

A node of the tree is ``null``, a boolean, a whole number, a finite float, a string, or an object
whose ``"is"`` names one of the kinds: how a value of a type becomes data and comes back.  What
occurs in several places is written once, with an ``"id"``; elsewhere ``{"is": "same", "as": id}``
stands for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_aae.exceptions import DamagedFileError, NotSavableError

Node = Any
#: What JSON writes exactly, beside null and finite floats.
PLAIN = (str, int, bool)

#: What a tree that nobody wrote like this may end in.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Kind:
    """How values of some types are written and read.

    Attributes
    ----------
    name : str
        What ``"is"`` says.
    fits : callable
        Whether it is for a value; the first kind that fits is taken.
    write : callable
        ``(writer, value) -> dict``, a node less its ``"is"``.
    read : callable
        ``(reader, node, keep) -> value``.  It calls ``keep`` with the value as soon as there is
        one, if what it reads next may refer to it.
    """

    name: str
    fits: Callable[[Any], bool]
    write: Callable[[Writer, Any], dict[str, Node]]
    read: Callable[[Reader, dict[str, Node], Callable[[Any], None]], Any]


@dataclass
class Writer:
    """Makes nodes of values, and collects their arrays.

    Attributes
    ----------
    kinds : sequence of Kind
        The closed vocabulary.
    custom : dict of object to str
        The caller's own classes and functions.
    names : mapping of object to str
        The classes and functions that a file may name.
    training, references : bool
        Whether what further training needs, and stored rows, are written.
    """

    kinds: tuple[Kind, ...]
    custom: dict[Any, str] = field(default_factory=dict)
    names: Mapping[Any, str] = field(default_factory=dict)
    training: bool = True
    references: bool = True
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    #: Names of callbacks that were left out.
    left_out: dict[str, None] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)
    #: Values by their address, held so that no other gets it, with their nodes.
    _seen: dict[int, tuple[Any, dict[str, Node]]] = field(default_factory=dict)
    _n_shared: int = 0
    #: The types that no other kind fits, of which there may be thousands of objects.
    _objects: dict[type, Kind] = field(default_factory=dict)

    def write(self, value: Any) -> Node:
        """Return the node of a value."""
        if is_plain(value):
            return value
        there = self._seen.get(id(value))
        if there is not None:
            node = there[1]
            if "id" not in node:
                self._n_shared += 1
                node["id"] = self._n_shared
            return {"is": "same", "as": node["id"]}
        kind = self._objects.get(type(value))
        if kind is None:
            kind = next((kind for kind in self.kinds if kind.fits(value)), None)
        if kind is None:
            raise self.refusal(value)
        if kind.name == "object":
            self._objects[type(value)] = kind
        node = {"is": kind.name}
        self._seen[id(value)] = value, node
        node.update(kind.write(self, value))
        return node

    def inside(self, step: str, value: Any) -> Node:
        """Return the node of a part of the present value."""
        self._path.append(step)  # where an error has happened, if there is one
        node = self.write(value)
        self._path.pop()
        return node

    def several(self, step: str, values: Iterable[Any]) -> list[Node]:
        """Return the nodes of many parts, of which most are plain."""
        self._path.append(step)
        nodes = [value if is_plain(value) else self.write(value) for value in values]
        self._path.pop()
        return nodes

    def add(self, array: np.ndarray) -> str:
        """Keep an array of the present value, and return its name."""
        stem = ".".join(self._path)[:200] or "array"
        name, count = stem, 1
        while name in self.arrays:
            count += 1
            name = f"{stem}~{count}"
        self.arrays[name] = array
        return name

    def name_of(self, value: Any) -> str:
        """Return the name of a class or a function; of the caller's own with a mark."""
        for own, name in self.custom.items():
            if own is value:
                return f"custom:{name}"
        try:
            return self.names[value]
        except (KeyError, TypeError):
            raise self.refusal(value) from None

    def has_name(self, value: Any) -> bool:
        """Return whether :meth:`name_of` knows a class or a function."""
        return any(own is value for own in self.custom) or value in self.names

    def refusal(self, value: Any) -> NotSavableError:
        """Return the error about a value that is code, or of an unknown type."""
        path = ".".join(self._path)
        code = isinstance(value, type) or callable(value)
        if isinstance(value, type):
            what = f"the class {value.__qualname__}"
        elif type(value).__name__ in ("function", "builtin_function_or_method", "method"):
            what = f"the function {getattr(value, '__qualname__', value)!s}"
        else:
            what = f"an object of class {type(value).__qualname__}"
        name = (value if code and hasattr(value, "__name__") else type(value)).__name__
        return NotSavableError(
            f"{path or 'estimator'} is {what}, which a file of data cannot hold. Pass "
            f'custom={{"{name.strip("<>")}": {name.strip("<>")}}} to save and to load, which then '
            "trusts that code, or give the parameter another value."
        )


def is_plain(value: Any) -> bool:
    """Return whether JSON has a form for a value."""
    kind = type(value)
    return value is None or kind in PLAIN or (kind is float and math.isfinite(value))


@dataclass
class Reader:
    """Makes values of nodes.

    Attributes
    ----------
    kinds : dict of str to Kind
        The closed vocabulary, by name.
    arrays : dict of str to ndarray
        The arrays of the file.
    custom : dict of str to object
        The caller's own classes and functions.
    named : mapping of str to object
        The classes and functions that a file may name.
    """

    kinds: dict[str, Kind]
    arrays: dict[str, np.ndarray]
    custom: dict[str, Any] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)
    _shared: dict[int, Any] = field(default_factory=dict)

    def read(self, node: Node) -> Any:
        """Return the value of a node."""
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if node["is"] == "same":
            return self._shared[node["as"]]

        def keep(value: Any) -> None:
            if "id" in node:
                self._shared[node["id"]] = value

        kind = self.kinds.get(node["is"])
        if kind is None:
            raise DamagedFileError(f"the file holds {node['is']!r}, which is no kind of value.")
        value = kind.read(self, node, keep)
        keep(value)
        return value

    def array(self, name: str) -> np.ndarray:
        """Return an array of the file."""
        return self.arrays[name]

    def find(self, name: str) -> Any:
        """Return the class or the function of a name."""
        if not isinstance(name, str):
            raise DamagedFileError(f"the file names {name!r} where a name should stand.")
        part, _, own = name.partition(":")
        if part == "custom":
            return self.custom[own]
        if name not in self.named:
            raise DamagedFileError(f"the file names {name!r}, which this version has not.")
        return self.named[name]
