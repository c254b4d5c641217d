"""How objects become data: their fields, on a new object of a class that the code names."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import nn
from torch.optim import Optimizer

from sklearn_aae.archive._arrays import Keep
from sklearn_aae.archive._graph import Kind, Node, Reader, Writer
from sklearn_aae.detection import AAEOutlierDetector
from sklearn_aae.detection._calibration import Calibration
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.exceptions import DamagedFileError
from sklearn_aae.persistence._registry import names
from sklearn_aae.training import AAENet, InPrecision
from sklearn_aae.training._copying import EpochHistory, lasting_state, revive

#: What torch keeps of every module; the rest are fields of its own.
OF_MODULES = frozenset(vars(nn.Module()))

#: Attributes of estimators that hold the callbacks of their user.
CALLBACKS = ("callbacks", "_skl_callbacks")


def is_of(cls: type) -> Callable[[Any], bool]:
    """Return what tells objects of a class, or of those made from it."""
    return lambda value: isinstance(value, cls)


# ----------------------------------------------------------------------------- fields


@lru_cache(maxsize=4096)  # a table of dates has an object for each cell
def is_field(cls: type, name: str) -> bool:
    """Return whether a file may set a field: not what is a method or a property of the class."""
    static = inspect.getattr_static(cls, name, None)
    code = isinstance(static, (classmethod, property)) or callable(static)
    return name.isidentifier() and not name.startswith("__") and not code


@lru_cache(maxsize=4096)
def is_computed(cls: type, name: str) -> bool:
    """Return whether a field is made of others when it is read for the first time."""
    return isinstance(inspect.getattr_static(cls, name, None), cached_property)


def check_field(cls: type, name: str) -> None:
    """Raise unless a file may set a field."""
    if not is_field(cls, name):
        raise DamagedFileError(f"the file sets {name!r} of {cls.__name__}, which is no field.")


def write_fields(writer: Writer, cls: type, fields: dict[str, Any]) -> dict[str, Node]:
    """Return nodes of the fields of an object, less what is computed when it is read."""
    nodes = {}
    for name, value in fields.items():
        if not is_field(cls, name):
            raise writer.refusal(value)
        if not is_computed(cls, name):
            nodes[name] = writer.inside(name, value)
    return nodes


def read_fields(reader: Reader, made: Any, fields: dict[str, Node]) -> None:
    """Set the fields of a new object."""
    for name, node in fields.items():
        check_field(type(made), name)
        made.__dict__[name] = reader.read(node)


def _new(reader: Reader, name: str, base: type = object) -> Any:
    cls = reader.find(name)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise DamagedFileError(f"the file makes an object of {name!r}, which is not made so.")
    return cls.__new__(cls)


# ----------------------------------------------------------- objects and named tuples


def _lasting_fields(writer: Writer, value: Any) -> dict[str, Any]:
    """Return the attributes of an object that a file is to hold."""
    fields = dict(vars(value))
    if isinstance(value, FittedModel):
        fields |= {} if writer.training else {"losses": {}}
        fields |= {} if writer.references else {"references": {}, "sample": value.sample[:0]}
    if isinstance(value, Calibration):
        fields |= {} if writer.references else {"rows": None}
    if isinstance(value, AAEOutlierDetector):
        if not writer.training and "history_" in fields:
            fields["history_"] = {}
        if not writer.references and "_scores" in fields:
            without = {k: score for k, score in value._scores.items() if not score.reads_references}
            fields["_scores"] = without
    if isinstance(value, BaseEstimator):
        for name in CALLBACKS:
            writer.left_out |= dict.fromkeys(map(_name_of_callback, fields.get(name) or ()))
        fields.pop("_skl_callbacks", None)
        # Callbacks are code; a folder of the saver's is none that the next fit should write to.
        fields |= {name: None for name in ("callbacks", "checkpoint") if name in fields}
    return fields


def _name_of_callback(item: Any) -> str:
    callback = item[1] if isinstance(item, tuple) else item
    return getattr(callback, "__name__", type(callback).__name__)


def _write_object(writer: Writer, value: Any) -> dict[str, Node]:
    cls = type(value)
    name = writer.name_of(cls) if writer.has_name(cls) else None
    if name is None:
        raise writer.refusal(value)
    return {"class": name, "fields": write_fields(writer, cls, _lasting_fields(writer, value))}


def _read_object(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    cls = reader.find(node["class"])
    if not _is_made_by_fields(cls):
        raise DamagedFileError(f"the file makes an object of {node['class']!r} by its fields.")
    made = cls.__new__(cls)
    keep(made)
    read_fields(reader, made, node["fields"])
    return made


@lru_cache(maxsize=4096)
def _is_made_by_fields(cls: Any) -> bool:
    """Return whether objects of a class are their fields, and of no other kind."""
    others = (nn.Module, Optimizer, AAENet, tuple, Enum, type, int, float, str)
    return isinstance(cls, type) and not issubclass(cls, others)


def _is_object(value: Any) -> bool:
    return (
        hasattr(value, "__dict__") and not isinstance(value, type) and not inspect.isroutine(value)
    )


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _write_named_tuple(writer: Writer, value: Any) -> dict[str, Node]:
    fields = {name: writer.inside(name, part) for name, part in value._asdict().items()}
    return {"class": writer.name_of(type(value)), "fields": fields}


def _read_named_tuple(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    cls = reader.find(node["class"])
    if not (isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_make")):
        raise DamagedFileError(f"the file makes a tuple of {node['class']!r}.")
    if tuple(node["fields"]) != getattr(cls, "_fields", None):
        raise DamagedFileError(f"the file has other fields for {node['class']!r}.")
    return cls._make(map(reader.read, node["fields"].values()))


def _read_member(reader: Reader, node: dict[str, Node], keep: Keep) -> Enum:
    cls = reader.find(node["class"])
    if not (isinstance(cls, type) and issubclass(cls, Enum)):
        raise DamagedFileError(f"the file takes a member of {node['class']!r}.")
    return cls[node["name"]]


# ---------------------------------------------------------------------------- modules


def _write_module(writer: Writer, module: nn.Module) -> dict[str, Node]:
    state, cls = vars(module), type(module)
    hooks = [hook for name in OF_MODULES if "hooks" in name for hook in state[name] or ()]
    given = state["_forward_pre_hooks"]
    if len(hooks) > len(given) or state["_forward_pre_hooks_with_kwargs"]:
        raise writer.refusal(next(v for n in OF_MODULES if "hooks" in n for v in state[n].values()))
    own = {name: value for name, value in state.items() if name not in OF_MODULES}
    name = writer.name_of(cls) if writer.has_name(cls) else None
    if name is None:
        raise writer.refusal(module)
    fields = write_fields(writer, cls, own)
    parts = {
        part: {key: writer.inside(key, each) for key, each in state[f"_{part}"].items()}
        for part in ("parameters", "buffers", "modules")
    }
    return {
        "class": name,
        "training": module.training,
        "fields": fields,
        **parts,
        "passing": sorted(state["_non_persistent_buffers_set"]),
        "hooks": [writer.inside("hook", hook) for hook in given.values()],
    }


def _read_module(reader: Reader, node: dict[str, Node], keep: Keep) -> nn.Module:
    module: nn.Module = _new(reader, node["class"], nn.Module)
    nn.Module.__init__(module)
    keep(module)
    read_fields(reader, module, node["fields"])
    for part, kind in (
        ("parameters", nn.Parameter),
        ("buffers", torch.Tensor),
        ("modules", nn.Module),
    ):
        for name, inner in node[part].items():
            check_part(type(module), name)
            value = reader.read(inner)
            if value is not None and not isinstance(value, kind):
                raise DamagedFileError(f"the file has {type(value).__name__} among {part}.")
            getattr(module, f"_{part}")[name] = value
    module._non_persistent_buffers_set.update(map(str, node["passing"]))
    for inner in node["hooks"]:
        hook = reader.read(inner)
        if not inspect.isfunction(hook):
            raise DamagedFileError(f"the file has {type(hook).__name__} among hooks.")
        module.register_forward_pre_hook(hook)
    module.training = bool(node["training"])
    return module


def check_part(cls: type, name: str) -> None:
    """Raise unless a module may have a part of this name; chains number theirs."""
    if not name.isdecimal():
        check_field(cls, name)


# ------------------------------------------------------------------ nets, optimizers


def _write_net(writer: Writer, net: AAENet) -> dict[str, Node]:
    state = lasting_state(net, training=writer.training)
    return {"fields": write_fields(writer, type(net), state)}


def _read_net(reader: Reader, node: dict[str, Node], keep: Keep) -> AAENet:
    net: AAENet = object.__new__(AAENet)
    keep(net)
    read_fields(reader, net, node["fields"])
    return revive(net)


def _write_history(writer: Writer, history: list[Any]) -> dict[str, Node]:
    return {"epochs": [writer.inside(str(i), epoch) for i, epoch in enumerate(list(history))]}


def _write_optimizer(writer: Writer, optimizer: Optimizer) -> dict[str, Node]:
    state = optimizer.__getstate__()
    own = state["state"].items()
    return {
        "class": writer.name_of(type(optimizer)),
        "defaults": writer.inside("defaults", state["defaults"]),
        "groups": writer.inside("groups", state["param_groups"]),
        "state": [[writer.write(key), writer.inside("state", value)] for key, value in own],
    }


def _read_optimizer(reader: Reader, node: dict[str, Node], keep: Keep) -> Optimizer:
    optimizer: Optimizer = _new(reader, node["class"], Optimizer)
    defaults, groups = reader.read(node["defaults"]), reader.read(node["groups"])
    state: defaultdict[Any, Any] = defaultdict(dict)
    for parameter, own in node["state"]:
        key = reader.read(parameter)
        state[key] = reader.read(own)
    optimizer.__setstate__({"defaults": defaults, "state": state, "param_groups": groups})
    return optimizer


def _read_in_precision(reader: Reader, node: dict[str, Node], keep: Keep) -> InPrecision:
    return InPrecision(reader.read(node["network"]), reader.read(node["dtype"]))


# ----------------------------------------------------------------- classes, functions


def _is_named(value: Any) -> bool:
    return isinstance(value, type) or inspect.isroutine(value)


def _is_own_method(value: Any) -> bool:
    """Return whether a value is a method of an object that a file may hold."""
    return inspect.ismethod(value) and type(value.__self__) in names()


def _write_method(writer: Writer, value: Any) -> dict[str, Node]:
    return {"name": value.__name__, "of": writer.inside("of", value.__self__)}


def _read_method(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    owner, name = reader.read(node["of"]), node["name"]
    static = inspect.getattr_static(type(owner), name)
    if type(owner) not in names() or not inspect.isfunction(static) or name.startswith("__"):
        raise DamagedFileError(f"the file names {name!r} of {type(owner).__name__}.")
    return getattr(owner, name)


def kinds() -> Iterator[Kind]:
    """Yield the kinds of objects; the first that fits is taken."""
    yield Kind("method", _is_own_method, _write_method, _read_method)
    yield Kind(
        "named",
        _is_named,
        lambda writer, value: {"name": writer.name_of(value)},
        lambda reader, node, keep: reader.find(node["name"]),
    )
    yield Kind(
        "member",
        is_of(Enum),
        lambda writer, value: {"class": writer.name_of(type(value)), "name": value.name},
        _read_member,
    )
    yield Kind("named tuple", _is_named_tuple, _write_named_tuple, _read_named_tuple)
    yield Kind("net", lambda value: type(value) is AAENet, _write_net, _read_net)
    yield Kind(
        "history",
        is_of(list),
        _write_history,
        lambda reader, node, keep: EpochHistory(map(reader.read, node["epochs"])),
    )
    yield Kind("optimizer", is_of(Optimizer), _write_optimizer, _read_optimizer)
    yield Kind("module", is_of(nn.Module), _write_module, _read_module)
    yield Kind(
        "network in precision",
        is_of(InPrecision),
        lambda writer, value: {
            "network": writer.inside("network", value.network),
            "dtype": writer.write(torch.empty(0, dtype=value.dtype).numpy().dtype),
        },
        _read_in_precision,
    )
    yield Kind("object", _is_object, _write_object, _read_object)
