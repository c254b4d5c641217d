"""Reading mixed-type tables: kinds, shared codes, containers and errors."""

from __future__ import annotations

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.metrics import column_shapes, copy_share, dcr, near_copies, pair_trends, table_c2st
from sklearn_aae.metrics._tables import read_tables
from tests.metrics.mixed import halves, mixed_table


def test_kinds_of_a_frame():
    tables = read_tables(real=mixed_table())
    kinds = ("number", "number", "category", "category", "category", "date")
    assert tables.kinds == kinds
    assert tables.n_levels == (0, 0, 3, 2, 2, 0)


def test_categories_share_codes_in_sorted_order():
    tables = read_tables(
        real=pd.DataFrame({"c": ["b", None, "d"]}), synthetic=pd.DataFrame({"c": ["a", "d", "b"]})
    )
    np.testing.assert_array_equal(tables["real"], [[1], [np.nan], [2]])
    np.testing.assert_array_equal(tables["synthetic"], [[0], [2], [1]])
    assert tables.n_levels == (3,)


@pytest.mark.parametrize("column", mixed_table().columns)
def test_pandas_and_polars_read_alike(column):
    frame = mixed_table()[[column]]
    tables = read_tables(pandas=frame, polars=pl.from_pandas(frame))
    np.testing.assert_array_equal(tables["pandas"], tables["polars"])


@pytest.mark.parametrize(
    "cells, kind, expected",
    [
        (pd.array([1, None, 3], dtype="Int64"), "number", [1, np.nan, 3]),
        (pd.array([1, None, 3], dtype="int64[pyarrow]"), "number", [1, np.nan, 3]),
        ([Decimal("0.5"), None, Decimal(2)], "number", [0.5, np.nan, 2]),
        (pd.array([True, None, False], dtype="boolean"), "category", [1, np.nan, 0]),
        ([True, None, False], "category", [1, np.nan, 0]),
        (pd.array(["a", None, "b"], dtype="string"), "category", [0, np.nan, 1]),
        (pd.Categorical([7, None, 3]), "category", [1, np.nan, 0]),
        ([datetime.date(1970, 1, 2), None, pd.NaT], "date", [8.64e10, np.nan, np.nan]),
        (
            [datetime.datetime(1970, 1, 1, 0, 0, 1), None, datetime.datetime(1970, 1, 1)],
            "date",
            [1e6, np.nan, 0],
        ),
        (
            pd.to_datetime(["1970-01-01 01:00", None]).tz_localize("America/New_York"),
            "date",
            [2.16e10, np.nan],
        ),
        (pd.to_timedelta([1, None, 2], unit="s"), "duration", [1e6, np.nan, 2e6]),
        ([datetime.timedelta(seconds=1), None], "duration", [1e6, np.nan]),
        (pd.PeriodIndex(["2020-02", None, "2020-01"], freq="M"), "category", [1, np.nan, 0]),
        (pd.arrays.SparseArray([0.0, 2.5]), "number", [0, 2.5]),
        ([1, True, "a"], "category", [0, 0, 1]),
        ([None, np.nan, pd.NA], "empty", [np.nan] * 3),
        ([1, "a", None], "category", [0, 1, np.nan]),
    ],
)
def test_cells(cells, kind, expected):
    tables = read_tables(real=pd.DataFrame({"x": cells}))
    assert tables.kinds == (kind,)
    np.testing.assert_array_equal(tables["real"][:, 0], expected)


@pytest.mark.parametrize("library", [pd, pl])
def test_dates_with_and_without_a_time_zone_are_not_compared(library):
    days = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=8), "x": range(8)})
    zoned = days.assign(at=days["at"].dt.tz_localize("Europe/Berlin"))
    other = zoned.assign(at=zoned["at"].dt.tz_convert("Asia/Tokyo"))
    if library is pl:
        days, zoned, other = map(pl.from_pandas, (days, zoned, other))
    with pytest.raises(TypeError, match="'at' have no time zone in real and a time zone in synth"):
        column_shapes(days, zoned)
    with pytest.raises(TypeError, match="'at' have a time zone in real and no time zone in synth"):
        pair_trends(zoned, days)
    assert column_shapes(zoned, other).score == 1  # the same instants on other clocks


BIG = 2**60


@pytest.mark.parametrize(
    "make",
    [
        lambda ids: pd.Series(ids, dtype="int64"),
        lambda ids: pd.Series(ids, dtype="uint64"),
        lambda ids: pd.Series(ids, dtype="Int64"),
        lambda ids: pd.Series(ids, dtype="int64[pyarrow]"),
        lambda ids: pd.Series([10**30 + i for i in ids], dtype=object),
        lambda ids: pd.Series([Decimal(i) for i in ids], dtype=object),
        lambda ids: pd.Series([Decimal(i).scaleb(-30) for i in ids], dtype=object),
        lambda ids: pl.Series(ids, dtype=pl.Int128),
        lambda ids: pl.Series(list(map(Decimal, ids)), dtype=pl.Decimal(38, 0)),
        lambda ids: pd.Series(ids).astype("M8[ns]"),
        lambda ids: pl.Series(ids).cast(pl.Duration("ns")),
    ],
    ids=[
        "int64",
        "uint64",
        "Int64",
        "arrow",
        "beyond 64 bits",
        "Decimal",
        "small Decimals",
        "Int128",
        "polars' Decimal",
        "nanoseconds",
        "durations",
    ],
)
def test_cells_that_float64_cannot_tell_apart(make):
    frame = pl.DataFrame if isinstance(make([BIG]), pl.Series) else pd.DataFrame
    odd, even, half = (
        frame({"id": make([BIG + i for i in range(start, 300, 3)])}) for start in (0, 1, 2)
    )
    assert copy_share(odd, even, half).details == {"synthetic": 0, "held_out": 0}
    assert copy_share(odd, odd, half).score == 1
    assert column_shapes(odd, even).details["id"] == pytest.approx(0.99)
    later = frame({"id": make([BIG + i for i in range(300, 600, 3)])})
    assert column_shapes(odd, later).score == 0
    assert table_c2st(odd, later, random_state=0).score > 0.99
    assert dcr(odd, later, half, random_state=0).details["nearer_held_out"] == 1
    assert near_copies(odd, even, half).details["pairs"][0][2] == pytest.approx(1 / 299, rel=1e-6)


def test_trends_of_ids_are_those_of_their_differences():
    x = np.arange(40)
    real = pd.DataFrame({"id": BIG + x, "n": x, "c": ["a"] * 20 + ["b"] * 20})
    turned = real.assign(id=BIG + x[::-1])
    small = real.assign(id=x)
    expected = pair_trends(small, small.assign(id=x[::-1])).details
    assert pair_trends(real, turned).details == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "real, other",
    [
        (np.float64, np.float32),
        ("float64", "Float32"),
        ("float64[pyarrow]", "float32"),
        (object, "float32"),
        ("float64", "category"),
        ("category", "float32"),
    ],
    ids=str,
)
def test_the_type_of_equal_numbers_makes_no_difference(real, other):
    x = np.random.default_rng(0).normal(size=(90, 2))
    tables = [pd.DataFrame(part, columns=["a", "b"]).round(4) for part in np.split(x, 3)]
    train, copies = tables[0].astype(real), tables[0].astype(other)
    assert copy_share(train, copies, tables[2]).details == {"synthetic": 1, "held_out": 0}
    assert column_shapes(train, copies).score == 1
    assert near_copies(train, copies, tables[2]).score == 1


@pytest.mark.parametrize(
    "cells, others",
    [
        (pd.Categorical([1, 2, 3]), [1, 2, 3]),
        (pd.Categorical([1.5, 2.5]), pd.array([1.5, 2.5], dtype="Float32")),
        ([True, False, True], [1, 0, 1]),
        (pd.array([True, False, True], dtype="boolean"), np.array([1.0, 0.0, 1.0])),
    ],
    ids=str,
)
def test_equal_cells_are_equal_in_any_type(cells, others):
    real, copies = pd.DataFrame({"x": cells}), pd.DataFrame({"x": pd.Series(list(others))})
    for first, second in ((real, copies), (copies, real)):
        assert copy_share(first, second, real).score == 1
        assert column_shapes(first, second).score == 1


@pytest.mark.parametrize("without", ["real", "synthetic", "held_out"])
@pytest.mark.parametrize("dtype", [object, int])
def test_codes_of_which_few_are_text_are_categories_in_every_table(without, dtype):
    def codes(role):
        mixed = pd.DataFrame({"code": pd.Series([7, 8, 9, "guitar"] * 5, dtype=object)})
        if role != without:
            return mixed
        return mixed[mixed["code"] != "guitar"].astype(dtype)

    roles = ("real", "synthetic", "held_out")
    tables = read_tables(**{role: codes(role) for role in roles})
    assert tables.kinds == ("category",)
    assert tables.levels == ([7, 8, 9, "guitar"],)
    shares = column_shapes(codes("real"), codes("synthetic")).score
    assert shares == pytest.approx(1 if without == "held_out" else 0.75)
    assert copy_share(*map(codes, roles)).score == (0.75 if without == "real" else 1)


def test_masked_cells_are_missing():
    masked = np.ma.masked_array([[1.0, 2], [3, 4]], mask=[[False, True], [False, False]])
    np.testing.assert_array_equal(read_tables(real=masked)["real"], [[1, np.nan], [3, 4]])


def test_polars_dates_and_times_of_day():
    frame = pl.DataFrame(
        {"date": [datetime.date(1970, 1, 2), None], "time": [datetime.time(2), datetime.time(1)]}
    )
    tables = read_tables(real=frame)
    assert tables.kinds == ("date", "category")
    np.testing.assert_array_equal(tables["real"], [[8.64e10, 1], [np.nan, 0]])


def test_arrays_and_lists():
    assert read_tables(real=[["a", 1], ["b", None]]).kinds == ("category", "number")
    assert read_tables(real=np.array([["a"], ["b"]])).kinds == ("category",)
    assert read_tables(real=np.array([[True], [False]])).kinds == ("category",)
    days = np.array([["1970-01-02"], ["NaT"]], dtype="datetime64[D]")
    tables = read_tables(real=days)
    assert tables.kinds == ("date",)
    np.testing.assert_array_equal(tables["real"], [[8.64e10], [np.nan]])


def test_columns_are_matched_by_label():
    real, other = halves()
    assert column_shapes(real, other) == column_shapes(real, other[other.columns[::-1]])


def test_time_zones_are_read_as_instants():
    shown = [datetime.datetime(2020, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))] * 2
    typed = pd.DataFrame({"x": pd.Series(shown)})
    tables = read_tables(cells=typed.astype(object), typed=typed, polars=pl.from_pandas(typed))
    for rows in tables.rows.values():
        np.testing.assert_array_equal(rows, 1e6 * shown[0].timestamp())


def test_labels_that_are_no_text():
    frame = pd.DataFrame({0: [1, 2], ("a", "b"): [3, 4]})
    assert read_tables(real=frame).names == (0, ("a", "b"))


def test_an_empty_column_takes_the_kind_of_the_other_table():
    empty = pd.DataFrame({"x": [None, None], "y": [np.nan, np.nan]})
    full = pd.DataFrame({"x": ["a", "b"], "y": [1, 2]})
    assert read_tables(real=empty, synthetic=full).kinds == ("category", "number")


def test_input_is_not_changed():
    real, synthetic = halves()
    before = real.copy()
    column_shapes(real, synthetic)
    pd.testing.assert_frame_equal(real, before)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda t: t.drop(columns="city"), ValueError, r"synthetic lacks the columns \['city'\]"),
        (lambda t: t.assign(new=1), ValueError, r"columns that real has not: \['new'\]"),
        (lambda t: t.assign(city=1.5), TypeError, "'city' is a category in real and a number"),
        (lambda t: t.assign(since=3), TypeError, "'since' is a date in real and a number in syn"),
        (lambda t: t.assign(height=np.inf), ValueError, "'height' of synthetic has infinite"),
        (lambda t: t[:1], ValueError, "synthetic has 1 rows; at least 2"),
        (lambda t: t["city"], TypeError, "synthetic must be a frame or a two-dimensional array"),
        (lambda t: t.assign(city=[["a"]] * len(t)), TypeError, "'city' of synthetic holds cells"),
        (lambda t: t.to_numpy(), ValueError, r"lacks the columns \['height'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, error, message):
    real, other = halves()
    synthetic = change(other)
    with pytest.raises(error, match=message):
        column_shapes(real, synthetic)


def test_a_table_without_columns_is_refused():
    with pytest.raises(ValueError, match="real has no columns"):
        column_shapes(pd.DataFrame(index=[0, 1]), pd.DataFrame(index=[0, 1]))
