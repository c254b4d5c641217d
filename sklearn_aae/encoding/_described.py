"""Types and labels of pandas and narwhals in Python's terms: what a fitted encoder keeps of them.

A fitted estimator holds no objects of a library of frames, so that it can be stored and read
again where that library is of another version.
"""

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra

#: Labels of these types of pandas are kept by what makes them.
PACKED = ("Interval", "Period", "Timedelta", "Timestamp")


def zone_name(zone: Any) -> Any:
    """Return a time zone as text that a library of frames reads; one that has no name as it is."""
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key is not None:
        return zone.key
    if isinstance(zone, datetime.timezone):
        ahead = datetime.datetime(2000, 1, 1, tzinfo=zone).isoformat()[19:]
        return "UTC" if zone == datetime.UTC else ahead
    return zone


# ----------------------------------------------------------------------- types


@dataclass(frozen=True)
class TypeOf:
    """The type of a column or of labels.

    Attributes
    ----------
    library : str
        "pandas" or "narwhals".
    name : str
        Of its class.
    text : str
        What it calls itself.
    arguments : tuple
        What it is made of.
    """

    library: str
    name: str
    text: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.text


def describe(dtype: Any) -> Any:
    """Return a type as one that can be kept; numpy's, and those of others, as they are."""
    name, library = type(dtype).__name__, type(dtype).__module__.partition(".")[0]
    if isinstance(dtype, nw.dtypes.DType):
        arguments = _NARWHALS.get(name, lambda dtype: ())(dtype)
        return TypeOf("narwhals", name, str(dtype), arguments)
    if isinstance(dtype, type) and issubclass(dtype, nw.dtypes.DType):
        return TypeOf("narwhals", dtype.__name__, dtype.__name__, ())
    if library != "pandas":
        return dtype
    if name not in _PANDAS:
        return TypeOf("pandas", name, str(dtype))
    return TypeOf("pandas", name, str(dtype), _PANDAS[name](dtype))


def restore(dtype: Any) -> Any:
    """Return the type that was described."""
    if not isinstance(dtype, TypeOf):
        return dtype
    if dtype.library == "narwhals":
        kind = getattr(nw, dtype.name)
        return kind(*dtype.arguments) if dtype.arguments else kind()
    pd = import_extra("pandas", "table")
    arguments = [a.build() if isinstance(a, IndexOf) else restore(a) for a in dtype.arguments]
    if dtype.name == "ArrowDtype":
        pa = import_extra("pyarrow", "table")
        schema = pa.ipc.read_schema(pa.py_buffer(arguments[0]))
        return pd.ArrowDtype(schema.field(0).type)
    if dtype.name == "StringDtype":
        storage, is_nan = arguments
        # Before its version 2.3 pandas knew one missing value, and no name for it.
        return pd.StringDtype(storage, **({"na_value": np.nan} if is_nan else {}))
    return getattr(pd, dtype.name)(*arguments)


def _arrow_type(dtype: Any) -> tuple[Any, ...]:
    """Return a type of Arrow as Arrow itself writes it into files."""
    pa = import_extra("pyarrow", "table")
    schema = pa.schema([("", dtype.pyarrow_dtype)])
    return (schema.serialize().to_pybytes(),)


_NARWHALS: dict[str, Any] = {
    "Datetime": lambda dtype: (dtype.time_unit, dtype.time_zone),
    "Duration": lambda dtype: (dtype.time_unit,),
    "Enum": lambda dtype: (tuple(dtype.categories),),
    "Decimal": lambda dtype: (dtype.precision, dtype.scale),
}
_PANDAS: dict[str, Any] = {
    "CategoricalDtype": lambda dtype: (
        None if dtype.categories is None else IndexOf.of(dtype.categories),
        dtype.ordered,
    ),
    "DatetimeTZDtype": lambda dtype: (dtype.unit, zone_name(dtype.tz)),
    "StringDtype": lambda dtype: (dtype.storage, dtype.na_value is np.nan),
    "ArrowDtype": _arrow_type,
    "PeriodDtype": lambda dtype: (str(dtype).removeprefix("period[")[:-1],),
    "IntervalDtype": lambda dtype: (describe(dtype.subtype), dtype.closed),
}


@dataclass(frozen=True)
class Named:
    """Something that pandas has under a name: NA, NaT, Timestamp."""

    name: str


def by_name(thing: Any) -> Any:
    """Return a type of cells, or what stands for a missing one, by its name if it is pandas'."""
    kind = thing if isinstance(thing, type) else type(thing)
    if kind.__module__.partition(".")[0] != "pandas":
        return thing
    return Named(kind.__name__.removesuffix("Type"))


def of_name(thing: Any) -> Any:
    """Return what has a name."""
    return (
        getattr(import_extra("pandas", "table"), thing.name) if isinstance(thing, Named) else thing
    )


# ---------------------------------------------------------------------- labels


@dataclass(frozen=True)
class Packed:
    """A label of a type of pandas.

    Attributes
    ----------
    name : str
        Of its class.
    arguments : tuple
        What makes it.
    text : str
        What it calls itself.
    """

    name: str
    arguments: tuple[Any, ...]
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def is_of_pandas(label: Any) -> bool:
    """Return whether a label is of a type of pandas."""
    kind = type(label)
    return kind.__name__ in PACKED and kind.__module__.partition(".")[0] == "pandas"


def pack(label: Any) -> Any:
    """Return a label as one that can be kept: as it is, if it is none of pandas."""
    if not is_of_pandas(label):
        return label
    name = type(label).__name__
    arguments: tuple[Any, ...]
    if name == "Interval":
        arguments = (pack(label.left), pack(label.right), label.closed)
    elif name == "Period":
        arguments = (label.ordinal, label.freqstr)
    else:
        zone = (zone_name(label.tzinfo),) if name == "Timestamp" else ()
        arguments = (int(label.to_numpy().view("i8")), label.unit, *zone)
    return Packed(name, arguments, str(label))


def unpack(label: Any) -> Any:
    """Return the label that was packed."""
    if not isinstance(label, Packed):
        return label
    pd = import_extra("pandas", "table")
    if label.name == "Interval":
        return pd.Interval(*map(unpack, label.arguments))
    if label.name == "Period":
        ordinal, freq = label.arguments
        return pd.Period(ordinal=ordinal, freq=freq)
    value, unit, *zone = label.arguments
    if label.name == "Timedelta":
        return pd.Timedelta(np.timedelta64(value, unit))
    instant = pd.Timestamp(np.datetime64(value, unit))
    return instant if zone[0] is None else instant.tz_localize("UTC").tz_convert(zone[0])


def plain(label: Any) -> Any:
    """Return a label as one of Python that equals it; of types that Python lacks, packed."""
    if not is_of_pandas(label):
        return label
    name = type(label).__name__
    if name == "Timestamp" and not label.nanosecond:
        return label.to_pydatetime()
    if name == "Timedelta" and not label.nanoseconds:
        return label.to_pytimedelta()
    return pack(label)


@dataclass(frozen=True, eq=False)
class IndexOf:
    """Labels of columns, or categories, of pandas.

    Attributes
    ----------
    kind : str
        Of its class: "RangeIndex", "MultiIndex", "IntervalIndex", or "Index" for any other.
    dtype : object
        Its type, described.
    labels : tuple
        The labels; start, stop and step of a range; an index by level of several levels, or
        of the left and the right ends of intervals.
    names : tuple
        Its own names.
    codes : tuple of tuple of int
        Of several levels: which label each place has.
    freq : str or None
        Of dates and durations at equal distances.
    """

    kind: str
    dtype: Any
    labels: tuple[Any, ...]
    names: tuple[Any, ...]
    codes: tuple[Any, ...] = ()
    freq: str | None = None

    @classmethod
    def of(cls, index: Any) -> IndexOf:
        """Return what there is to know of an index."""
        kind, names = type(index).__name__, tuple(index.names)
        if kind == "RangeIndex":
            return cls(kind, None, (index.start, index.stop, index.step), names)
        if kind == "MultiIndex":
            codes = tuple(tuple(level.tolist()) for level in index.codes)
            return cls(kind, None, tuple(map(cls.of, index.levels)), names, codes)
        if kind == "IntervalIndex":
            ends = (cls.of(index.left), cls.of(index.right))
            return cls(kind, index.closed, ends, names)
        freq = getattr(index, "freqstr", None) if index.dtype.kind in "mM" else None
        return cls("Index", describe(index.dtype), tuple(map(pack, index)), names, freq=freq)

    def build(self) -> Any:
        """Return the index."""
        pd = import_extra("pandas", "table")
        if self.kind == "RangeIndex":
            return pd.RangeIndex(*self.labels, name=self.names[0])
        parts = [
            part.build() if isinstance(part, IndexOf) else unpack(part) for part in self.labels
        ]
        if self.kind == "MultiIndex":
            return pd.MultiIndex(levels=parts, codes=list(map(list, self.codes)), names=self.names)
        if self.kind == "IntervalIndex":
            return pd.IntervalIndex.from_arrays(*parts, closed=self.dtype, name=self.names[0])
        dtype = restore(self.dtype)
        index = pd.Index(parts, dtype=dtype, name=self.names[0], tupleize_cols=False)
        if self.freq is not None:
            index.freq = self.freq
        return index
