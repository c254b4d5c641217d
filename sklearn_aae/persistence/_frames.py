"""How cells and labels of pandas become data, which users pass as parameters.

What the package fits holds none.  Values are read by the constructors of a closed list of
types, and pandas is imported if a file has some.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.archive._arrays import Keep
from sklearn_aae.archive._graph import Kind, Node, Reader, Writer
from sklearn_aae.exceptions import DamagedFileError

#: What a name of a type of pandas consists of.
PANDAS_NAME = re.compile(r"[A-Za-z0-9_ ,:/+\-\[\]<>]{1,100}")


def _of(library: str, *names: str) -> Callable[[Any], bool]:
    """Return what tells values of the named classes of a library, or of their subclasses."""

    def fits(value: Any) -> bool:
        return any(
            base.__module__.partition(".")[0] == library and base.__name__ in names
            for base in type(value).__mro__
        )

    return fits


def _pandas() -> Any:
    return import_extra("pandas", "table")


def _parts(
    library: str, name: str, make: Callable[..., Any], parts: Callable[[Any], tuple[Any, ...]]
) -> Kind:
    """Return the kind of values of pandas that are made of parts."""
    return Kind(
        f"{library} {name}",
        _of(library, name),
        lambda writer, value: {"of": [writer.inside(name, part) for part in parts(value)]},
        lambda reader, node, keep: make(*map(reader.read, node["of"])),
    )


# ------------------------------------------------------------------------------ cells


def _timestamp(value: int, unit: str, zone: Any) -> Any:
    stamp = _pandas().Timestamp(np.array(int(value)).view(f"M8[{_unit(unit)}]")[()])
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _timedelta(value: int, unit: str) -> Any:
    return _pandas().Timedelta(np.array(int(value)).view(f"m8[{_unit(unit)}]")[()])


def _unit(unit: str) -> str:
    if unit not in ("s", "ms", "us", "ns"):
        raise DamagedFileError(f"the file has dates in {unit!r}, which is no unit of pandas.")
    return unit


#: pandas marks missing cells by two objects of its own.
MARKS = {"NAType": "NA", "NaTType": "NaT"}

PANDAS_CELLS = (
    Kind(
        "pandas mark",
        _of("pandas", *MARKS),
        lambda writer, value: {"name": MARKS[type(value).__name__]},
        lambda reader, node, keep: _pandas().NA if node["name"] == "NA" else _pandas().NaT,
    ),
    _parts(
        "pandas",
        "Timestamp",
        _timestamp,
        lambda value: (value.asm8.astype(np.int64).item(), value.unit, value.tzinfo),
    ),
    _parts(
        "pandas",
        "Timedelta",
        _timedelta,
        lambda value: (value.asm8.astype(np.int64).item(), value.unit),
    ),
    _parts(
        "pandas",
        "Period",
        lambda ordinal, freq: _pandas().Period(ordinal=ordinal, freq=freq),
        lambda value: (value.ordinal, value.freqstr),
    ),
    _parts(
        "pandas",
        "Interval",
        lambda left, right, closed: _pandas().Interval(left, right, closed),
        lambda value: (value.left, value.right, value.closed),
    ),
)


# ------------------------------------------------------------------------------ types


def _is_pandas_dtype(value: Any) -> bool:
    return _of("pandas", "ExtensionDtype")(value)


def _pandas_dtype(name: str) -> Any:
    if not PANDAS_NAME.fullmatch(name):
        raise DamagedFileError(f"the file names {name!r}, which is no type of pandas.")
    return _pandas().api.types.pandas_dtype(name)


def _write_pandas_dtype(writer: Writer, value: Any) -> dict[str, Node]:
    if type(value).__name__ == "CategoricalDtype":
        parts = writer.inside("categories", value.categories), bool(value.ordered)
        return {"name": "category", "of": list(parts)}
    if type(value).__name__ == "StringDtype":
        return {"name": "text", "of": [value.storage, writer.write(value.na_value)]}
    name = str(value)
    if not PANDAS_NAME.fullmatch(name) or _pandas_dtype(name) != value:
        raise writer.refusal(value)
    return {"name": name}


def _read_pandas_dtype(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    if "of" not in node:
        return _pandas_dtype(node["name"])
    first, second = map(reader.read, node["of"])
    if node["name"] == "text":
        # Before its version 2.3 pandas knew one missing value, and no name for it.
        is_usual = second is _pandas().NA
        return _pandas().StringDtype(first, **({} if is_usual else {"na_value": second}))
    return _pandas().CategoricalDtype(first, ordered=bool(second))


# ----------------------------------------------------------------------------- labels


def _write_index(writer: Writer, value: Any) -> dict[str, Node]:
    if value.nlevels > 1:
        raise writer.refusal(value)
    node = {"name": writer.inside("name", value.name)}
    if isinstance(value.dtype, np.dtype):
        return {**node, "values": writer.inside("values", value.to_numpy())}
    cells = np.empty(len(value), dtype=object)
    cells[:] = list(value)
    dtype = writer.inside("dtype", value.dtype)
    return {**node, "dtype": dtype, "values": writer.inside("values", cells)}


def _read_index(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    name = reader.read(node["name"])
    dtype = reader.read(node["dtype"]) if "dtype" in node else None
    values = reader.read(node["values"])
    return _pandas().Index(values, dtype=values.dtype if dtype is None else dtype, name=name)


KINDS = (
    *PANDAS_CELLS,
    Kind("pandas dtype", _is_pandas_dtype, _write_pandas_dtype, _read_pandas_dtype),
    Kind("pandas labels", _of("pandas", "Index"), _write_index, _read_index),
)
