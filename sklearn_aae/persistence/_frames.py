"""How types, labels and small tables of pandas, polars and narwhals become data.

Values are read by the constructors of a closed list of types.  No library is imported unless
the value is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.exceptions import DamagedFileError
from sklearn_aae.persistence._arrays import Keep
from sklearn_aae.persistence._graph import Kind, Node, Reader, Writer
from sklearn_aae.persistence._registry import words

#: What a name of a type of pandas consists of.
PANDAS_NAME = re.compile(r"[A-Za-z0-9_ ,:/+\-\[\]<>]{1,100}")

#: Types of polars and narwhals with nothing to them but the name.
PLAIN = words(
    """
    Binary Boolean Categorical Date Float32 Float64 Int128 Int16 Int32 Int64 Int8 Null Object
    String Time UInt128 UInt16 UInt32 UInt64 UInt8 Unknown
    """
)

#: Others, with what they are made of.
WITH_PARTS = {
    "Datetime": ("time_unit", "time_zone"),
    "Decimal": ("precision", "scale"),
    "Duration": ("time_unit",),
    "Enum": ("categories",),
}


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


def _polars() -> Any:
    return import_extra("polars", "test")


def _parts(
    library: str, name: str, make: Callable[..., Any], parts: Callable[[Any], tuple]
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
        return _pandas().StringDtype(first, na_value=second)
    return _pandas().CategoricalDtype(first, ordered=bool(second))


def _write_library_dtype(writer: Writer, value: Any) -> dict[str, Node]:
    is_class = isinstance(value, type)
    name = value.__name__ if is_class else type(value).__name__
    if is_class and (name in PLAIN or name in WITH_PARTS):
        return {"name": name, "bare": True}
    if name in PLAIN:
        return {"name": name}
    if name not in WITH_PARTS:
        raise writer.refusal(value)
    parts = (getattr(value, part) for part in WITH_PARTS[name])
    # The categories of an Enum of polars are a series.
    return {"name": name, "of": [writer.inside(name, _as_tuple(part)) for part in parts]}


def _as_tuple(part: Any) -> Any:
    return part if isinstance(part, (str, int, type(None))) else tuple(part)


def _read_library_dtype(library: Callable[[], Any]) -> Callable[..., Any]:
    def read(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
        name = node["name"]
        if name not in PLAIN and name not in WITH_PARTS:
            raise DamagedFileError(f"the file names {name!r}, which is no type of a column.")
        cls = getattr(library(), name)
        return cls if node.get("bare") else cls(*map(reader.read, node.get("of", ())))

    return read


def _is_dtype_of(library: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        cls = value if isinstance(value, type) else type(value)
        return cls.__module__.partition(".")[0] == library and any(
            base.__name__ in ("DType", "DataType") for base in cls.__mro__
        )

    return fits


# ----------------------------------------------------------------- labels and tables


def _write_cells(writer: Writer, values: Any) -> list[Node]:
    """Return an array of pandas as its type and an array of numbers or of cells."""
    if isinstance(values.dtype, np.dtype):
        return [None, writer.inside("values", values.to_numpy())]
    cells = np.empty(len(values), dtype=object)
    cells[:] = list(values)
    return [writer.inside("dtype", values.dtype), writer.inside("values", cells)]


def _read_cells(reader: Reader, nodes: list[Node]) -> Any:
    dtype, values = map(reader.read, nodes)
    return values if dtype is None else _pandas().array(values, dtype=dtype)


def _write_index(writer: Writer, value: Any) -> dict[str, Node]:
    names = writer.inside("names", tuple(value.names))
    if type(value).__name__ == "RangeIndex":
        return {"names": names, "range": [value.start, value.stop, value.step]}
    if value.nlevels > 1:
        levels = [writer.inside("level", value.get_level_values(i)) for i in range(value.nlevels)]
        return {"names": names, "levels": levels}
    return {"names": names, "cells": _write_cells(writer, value)}


def _read_index(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    pd, names = _pandas(), reader.read(node["names"])
    if "range" in node:
        return pd.RangeIndex(*map(int, node["range"]), name=names[0])
    if "levels" in node:
        return pd.MultiIndex.from_arrays(
            [reader.read(level) for level in node["levels"]], names=names
        )
    values = _read_cells(reader, node["cells"])
    return pd.Index(values, dtype=values.dtype, name=names[0])


def _write_frame(writer: Writer, value: Any) -> dict[str, Node]:
    return {
        "columns": writer.inside("columns", value.columns),
        "index": writer.inside("index", value.index),
        "cells": [_write_cells(writer, value.iloc[:, j]) for j in range(value.shape[1])],
    }


def _read_frame(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    columns, index = reader.read(node["columns"]), reader.read(node["index"])
    series = _pandas().Series
    columns_of_cells = [_read_cells(reader, own) for own in node["cells"]]
    cells = {j: series(own, index, own.dtype) for j, own in enumerate(columns_of_cells)}
    frame = _pandas().DataFrame(cells, index=index)
    frame.columns = columns
    return frame


def _write_polars(writer: Writer, value: Any) -> dict[str, Node]:
    return {
        "columns": [
            [own.name, writer.inside("dtype", own.dtype), writer.inside("values", own.to_list())]
            for own in value.get_columns()
        ]
    }


def _read_polars(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    pl = _polars()
    columns = []
    for name, dtype, values in node["columns"]:
        own = reader.read(dtype)
        columns.append(pl.Series(name, reader.read(values), dtype=own))
    return pl.DataFrame(columns)


KINDS = (
    *PANDAS_CELLS,
    Kind("pandas dtype", _is_pandas_dtype, _write_pandas_dtype, _read_pandas_dtype),
    Kind("pandas labels", _of("pandas", "Index"), _write_index, _read_index),
    Kind("pandas table", _of("pandas", "DataFrame"), _write_frame, _read_frame),
    Kind("polars table", _of("polars", "DataFrame"), _write_polars, _read_polars),
    *(
        Kind(
            f"{library} dtype",
            _is_dtype_of(library),
            _write_library_dtype,
            _read_library_dtype(get),
        )
        for library, get in (("narwhals", lambda: nw), ("polars", _polars))
    ),
)
