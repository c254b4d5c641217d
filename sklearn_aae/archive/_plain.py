"""How Python's own values, dates and random generators become data."""

from __future__ import annotations

import datetime
import sys
import uuid
import zoneinfo
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from sklearn_aae.archive._graph import Kind, Node, Reader, Writer, is_plain
from sklearn_aae.exceptions import DamagedFileError

BIT_GENERATORS = {
    each.__name__: each
    for each in (
        np.random.MT19937,
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.Philox,
        np.random.SFC64,
    )
}


def of_type(*types: type) -> Callable[[Any], bool]:
    """Return what tells values of exactly these types."""
    return lambda value: type(value) in types


def as_text(name: str, own: type, read: Callable[[str], Any], write: Any = str) -> Kind:
    """Return the kind of values that a text says exactly."""
    return Kind(
        name,
        of_type(own),
        lambda writer, value: {"text": write(value)},
        lambda reader, node, keep: read(node["text"]),
    )


def as_parts(
    name: str, own: Any, make: Callable[..., Any], parts: Callable[[Any], tuple[Any, ...]]
) -> Kind:
    """Return the kind of values that are made of plain parts."""
    return Kind(
        name,
        of_type(own),
        lambda writer, value: {"of": [writer.write(part) for part in parts(value)]},
        lambda reader, node, keep: make(*map(reader.read, node["of"])),
    )


# ------------------------------------------------------------------------ containers


def _write_items(writer: Writer, value: Any) -> dict[str, Node]:
    if all(map(is_plain, value)):
        return {"items": list(value)}
    return {"items": [writer.inside(str(i), item) for i, item in enumerate(value)]}


def _write_pairs(writer: Writer, value: dict[Any, Any]) -> dict[str, Node]:
    return {
        "pairs": [[writer.write(key), writer.inside(str(key), item)] for key, item in value.items()]
    }


def _read_pairs(make: Callable[[], Any]) -> Callable[..., Any]:
    def read(reader: Reader, node: dict[str, Node], keep: Callable[[Any], None]) -> Any:
        made = make()
        keep(made)
        for key, item in node["pairs"]:
            own = reader.read(key)
            made[own] = reader.read(item)
        return made

    return read


def _read_list(reader: Reader, node: dict[str, Node], keep: Callable[[Any], None]) -> list[Any]:
    made: list[Any] = []
    keep(made)
    made.extend(map(reader.read, node["items"]))
    return made


def _items(make: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda reader, node, keep: make(list(map(reader.read, node["items"])))


CONTAINERS = (
    Kind("list", of_type(list), _write_items, _read_list),
    Kind("tuple", of_type(tuple), _write_items, _items(tuple)),
    Kind("size", of_type(torch.Size), _write_items, _items(torch.Size)),
    Kind("set", of_type(set), _write_items, _items(set)),
    Kind("frozenset", of_type(frozenset), _write_items, _items(frozenset)),
    Kind("dict", of_type(dict), _write_pairs, _read_pairs(dict)),
    Kind("ordered dict", of_type(OrderedDict), _write_pairs, _read_pairs(OrderedDict)),
)


# ----------------------------------------------------------------------- cells, dates


def _offset(zone: datetime.timezone) -> tuple[Any, ...]:
    return (zone.utcoffset(None),)


def _zoned(value: Any) -> tuple[Any, ...]:
    """Return the parts of a date or a time of day with its zone and its fold."""
    return value.replace(tzinfo=None, fold=0).isoformat(), value.tzinfo, value.fold


def _unzoned(own: Any) -> Callable[..., Any]:
    def make(text: str, zone: Any, fold: int) -> Any:
        return own.fromisoformat(text).replace(tzinfo=zone, fold=fold)

    return make


def _is_of_pytz(value: Any) -> bool:
    """Return whether this is a zone of pytz, which pandas had before its version 3."""
    of_pytz = type(value).__module__.partition(".")[0] == "pytz"
    return of_pytz and isinstance(getattr(value, "zone", None), str)


def _zone_of_pytz(name: str) -> Any:
    pytz = sys.modules.get("pytz")  # such a pandas has imported it
    return zoneinfo.ZoneInfo(name) if pytz is None else pytz.timezone(name)


CELLS = (
    as_text("float", float, float, repr),
    as_text("bytes", bytes, bytes.fromhex, bytes.hex),
    as_text("decimal", Decimal, Decimal),
    as_text("uuid", uuid.UUID, uuid.UUID),
    as_text("date", datetime.date, datetime.date.fromisoformat, datetime.date.isoformat),
    as_text("zone", zoneinfo.ZoneInfo, zoneinfo.ZoneInfo),
    Kind(
        "zone of pytz",
        _is_of_pytz,
        lambda writer, value: {"text": value.zone},
        lambda reader, node, keep: _zone_of_pytz(node["text"]),
    ),
    as_parts("complex", complex, complex, lambda value: (value.real, value.imag)),
    as_parts("fraction", Fraction, Fraction, lambda value: value.as_integer_ratio()),
    as_parts(
        "duration",
        datetime.timedelta,
        datetime.timedelta,
        lambda value: (value.days, value.seconds, value.microseconds),
    ),
    as_parts("offset", datetime.timezone, datetime.timezone, _offset),
    as_parts("datetime", datetime.datetime, _unzoned(datetime.datetime), _zoned),
    as_parts("time", datetime.time, _unzoned(datetime.time), _zoned),
    as_parts("slice", slice, slice, lambda value: (value.start, value.stop, value.step)),
    as_parts("range", range, range, lambda value: (value.start, value.stop, value.step)),
)


# ---------------------------------------------------------------------------- random


def _bit_generator(name: str, state: Any) -> Any:
    if name not in BIT_GENERATORS:
        raise DamagedFileError(f"the file names {name!r}, which is no source of random bits.")
    bits = BIT_GENERATORS[name](0)
    bits.state = state
    return bits


def _state_of(value: Any) -> tuple[Any, ...]:
    bits = value.bit_generator
    return type(bits).__name__, bits.state


def _legacy_state(value: np.random.RandomState) -> tuple[Any, ...]:
    state = value.get_state(legacy=False)
    return state["bit_generator"], {name: state[name] for name in state if name != "bit_generator"}


def _random_state(name: str, state: dict[Any, Any]) -> np.random.RandomState:
    made = np.random.RandomState(BIT_GENERATORS[name](0))
    made.set_state({"bit_generator": name, **state})
    return made


def _torch_generator(state: torch.Tensor) -> torch.Generator:
    return torch.Generator().set_state(state)


RANDOM = (
    as_parts(
        "generator",
        np.random.Generator,
        lambda name, state: np.random.Generator(_bit_generator(name, state)),
        _state_of,
    ),
    as_parts("random state", np.random.RandomState, _random_state, _legacy_state),
    as_parts(
        "torch generator", torch.Generator, _torch_generator, lambda value: (value.get_state(),)
    ),
)

KINDS = (*CONTAINERS, *CELLS, *RANDOM)
