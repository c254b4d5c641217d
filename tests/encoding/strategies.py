"""Random tables of every kind of column, in pandas, polars and arrays, for Hypothesis."""

from __future__ import annotations

import datetime
import string
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: The same examples on every run, however slow the machine is.
STABLE = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns"]
START, END = datetime.datetime(1931, 1, 1), datetime.datetime(2199, 12, 31)


@dataclass(frozen=True)
class Recipe:
    """Cells that a column can hold, and the types that can hold them.

    ``kind`` is what TableEncoder should take the column for.
    """

    kind: str
    cells: st.SearchStrategy
    pandas: tuple = ()
    polars: tuple = ()
    #: Types that cannot hold a missing cell.
    complete: tuple = ()


def _integers(bits, signed=True):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(st.integers(low, high), st.integers(0, 9))


def _timestamps(step):
    """Return naive timestamps that are multiples of so many microseconds."""
    whole = st.datetimes(START, END)
    return whole.map(
        lambda m: START + datetime.timedelta(microseconds=(m - START) // MICROSECOND // step * step)
    )


MICROSECOND = datetime.timedelta(microseconds=1)
TEXT = st.text(string.ascii_letters + string.digits + " _-é中", max_size=4)

RECIPES = [
    Recipe(
        "number", _integers(8), ("int8", "Int8", "int8[pyarrow]", object), (pl.Int8,), ("int8",)
    ),
    Recipe("number", _integers(64), ("int64", "Int64", "int64[pyarrow]"), (pl.Int64,), ("int64",)),
    Recipe("number", _integers(64, False), ("uint64", "UInt64"), (pl.UInt64,), ("uint64",)),
    Recipe(
        "number",
        st.integers(-9999, 9999).map(lambda n: n / 100),
        ("float64", "Float64", "double[pyarrow]", object),
        (pl.Float64,),
    ),
    Recipe(
        "number",
        st.floats(-1e300, 1e300, allow_subnormal=False),
        ("float64", "Float64"),
        (pl.Float64,),
    ),
    Recipe(
        "number",
        st.floats(-(2.0**20), 2.0**20, width=32, allow_subnormal=False),
        ("float32", "float[pyarrow]"),
        (pl.Float32,),
    ),
    Recipe("number", st.decimals(-99, 99, places=2), (object,), (pl.Decimal(10, 2),)),
    Recipe(
        "boolean",
        st.booleans(),
        ("bool", "boolean", "bool[pyarrow]", object),
        (pl.Boolean,),
        ("bool",),
    ),
    Recipe(
        "category",
        TEXT,
        ("str", "string", "string[pyarrow]", "category", object),
        (pl.String, pl.Categorical),
    ),
    Recipe(
        "category",
        st.sampled_from(["low", "mid", "high"]),
        (
            pd.CategoricalDtype(["low", "mid", "never", "high"], ordered=True),
            pd.CategoricalDtype(["mid", "low", "never", "high"]),
        ),
        (pl.Enum(["low", "mid", "never", "high"]),),
    ),
    Recipe("category", st.one_of(TEXT, st.integers(0, 3), st.booleans()), (object,)),
    Recipe(
        "datetime",
        _timestamps(10**6).map(lambda m: m.strftime("%Y-%m-%d %H:%M:%S")),
        ("str", "string", "string[pyarrow]", object),
        (pl.String,),
    ),
    # A number or a category, by how many there are.
    Recipe(
        "any",
        st.integers(-(10**6), 10**6).map(lambda n: f"{n / 100:.2f}"),
        ("str", "string", object),
        (pl.String,),
    ),
    Recipe("category", st.integers(0, 5), ("category",)),
    Recipe(
        "datetime", _timestamps(1), ("datetime64[us]", "datetime64[ns]", object), (pl.Datetime,)
    ),
    Recipe(
        "datetime", _timestamps(10**6), ("datetime64[s]", "datetime64[ms]"), (pl.Datetime("ms"),)
    ),
    Recipe(
        "datetime",
        _timestamps(60 * 10**6),
        (
            *(pd.DatetimeTZDtype("us", zone) for zone in ZONES),
            pd.ArrowDtype(pa.timestamp("us", ZONES[1])),
        ),
        tuple(pl.Datetime("us", zone) for zone in ZONES),
    ),
    Recipe(
        "datetime", _timestamps(1).map(lambda m: m.date()), (object, "date32[pyarrow]"), (pl.Date,)
    ),
    Recipe(
        "duration",
        st.timedeltas(datetime.timedelta(-400), datetime.timedelta(400)),
        ("timedelta64[us]", "timedelta64[ns]", "duration[us][pyarrow]", object),
        (pl.Duration,),
    ),
]

LABELS = st.one_of(
    st.text(string.printable, max_size=5), st.sampled_from(["a_b", "a", "b_missing", "a_1", ""])
)
#: pandas takes any hashable label; scikit-learn only refuses text beside other types.
ODD_LABELS = st.one_of(
    st.integers(-5, 5),
    st.tuples(st.sampled_from("ab"), st.integers(0, 2)),
    st.dates(datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)),
)


def pandas_series(cells, dtype):
    """Return a series of the type, which datetimes with a zone need a detour for."""
    zone = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
    if zone is None:
        return pd.Series(cells, dtype=dtype)
    return (
        pd.Series(cells, dtype="datetime64[us]")
        .dt.tz_localize("UTC")
        .dt.tz_convert(zone)
        .astype(dtype)
    )


def polars_series(name, cells, dtype):
    """Return a series of the type."""
    if getattr(dtype, "time_zone", None) is None:
        return pl.Series(name, cells, dtype=dtype)
    naive = pl.Series(name, cells, dtype=pl.Datetime("us"))
    return naive.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)


@st.composite
def tables(draw, library="pandas", min_rows=1, max_rows=20) -> tuple[Any, list[str]]:
    """Draw a frame, and the kinds of its columns."""
    n_rows = draw(st.integers(min_rows, max_rows))
    odd = library == "pandas" and draw(st.booleans())
    labels = draw(st.lists(ODD_LABELS if odd else LABELS, min_size=1, max_size=5, unique=True))
    columns, kinds = [], []
    for label in labels:
        recipe = draw(st.sampled_from([r for r in RECIPES if getattr(r, library)]))
        dtype = draw(st.sampled_from(getattr(recipe, library)))
        may_miss = not (isinstance(dtype, str) and dtype in recipe.complete) and draw(st.booleans())
        cells = st.one_of(st.none(), recipe.cells) if may_miss else recipe.cells
        cells = draw(st.lists(cells, min_size=n_rows, max_size=n_rows))
        present = [cell for cell in cells if cell is not None]
        kinds.append(_kind_of(recipe.kind, present))
        if library == "pandas":
            columns.append(pandas_series(cells, dtype))
        else:
            columns.append(polars_series(label, cells, dtype))
    if library == "polars":
        return pl.DataFrame(columns), kinds
    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(labels, tupleize_cols=False)
    frame.index = draw(st.permutations(range(10, 10 + n_rows)))
    return frame, kinds


def _kind_of(kind, present):
    if not present:
        return "empty"
    # What cells are decides where no type does; a mix of all kinds may hold one only.
    if kind == "category" and not any(isinstance(cell, str) for cell in present):
        return "any"
    return kind


def object_array(frame):
    """Return the cells of a frame as an array of objects."""
    array = np.empty(frame.shape, dtype=object)
    for j in range(frame.shape[1]):
        array[:, j] = frame.iloc[:, j].astype(object).to_list()
    return array
