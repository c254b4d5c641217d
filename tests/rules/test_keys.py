"""Equal cells have one key in every container, and rules learned in one are true in the others."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.rules import AbsentPairs, Determines, Order, Rules, Sum, find_rules
from sklearn_aae.rules._keys import as_key, without_noise
from sklearn_aae.rules._table import RuleTable

NINE = dt.timezone(dt.timedelta(hours=9))


@pytest.mark.parametrize(
    "cells, key",
    [
        ([0.3, 0.1 + 0.2, Decimal("0.30"), Fraction(3, 10), np.float32(0.3)], 0.3),
        ([1, 1.0, np.int8(1), Decimal("1.0"), np.float32(1), Fraction(2, 2)], 1),
        ([0.0, -0.0, Decimal("-0.0"), 0], 0),
        ([2**60 + 1, Decimal(2**60 + 1), np.int64(2**60 + 1)], 2**60 + 1),
        ([2.0**60, 2**60], 2**60),
        ([1 / 3], 1 / 3),
        ([123456789012.345, Decimal("123456789012.345")], 123456789012.345),
        ([True, np.True_], True),
        (["1"], "1"),
        ([None, float("nan"), pd.NA, pd.NaT, Decimal("NaN"), np.datetime64("NaT")], None),
        (
            [
                dt.date(2024, 1, 1),
                dt.datetime(2024, 1, 1),
                pd.Timestamp("2024-01-01").as_unit("s"),
                np.datetime64("2024-01-01", "ns"),
                dt.datetime(2024, 1, 1, 9, tzinfo=NINE),
            ],
            "2024-01-01T00:00:00",
        ),
        ([pd.Timestamp("2024-01-01") + pd.Timedelta(1)], "2024-01-01T00:00:00.000000001"),
        ([dt.timedelta(seconds=90), pd.Timedelta("90s"), np.timedelta64(90_000, "ms")], 90),
        ([pd.Timedelta("1.5s"), np.timedelta64(1500, "ms")], 1.5),
    ],
    ids=str,
)
def test_equal_cells_have_one_key(cells, key):
    for cell in cells:
        assert as_key(cell) == key
        assert type(as_key(cell)) in (type(key), int, float)
        assert as_key(as_key(cell)) == key


def test_exact_numbers_that_no_float_tells_apart_have_different_keys():
    one, other = Decimal("1234567890.12345678901"), Decimal("1234567890.12345678902")
    assert float(one) == float(other)
    assert as_key(one) != as_key(other)
    assert json.loads(json.dumps(as_key(one))) == as_key(one)


def test_noise_is_taken_from_each_number_by_itself():
    values = np.array([0.1 + 0.2, 1.1 * 3, np.e, 3 + 4e-16, 1e300, 5e-324, 2.0**60 + 512])
    assert without_noise(values, values.dtype).tolist() == [0.3, 3.3, np.e, 3, *values[4:].tolist()]
    thirds = (np.arange(1, 9) / 3).astype(np.float32)
    assert without_noise(thirds.astype(float), thirds.dtype)[0] == 0.33333334


SHARES = np.arange(40) % 8 / 10
CONTAINERS = {
    "noise": lambda v: pd.Series(v + 0.1 - 0.1),
    "float32": lambda v: pd.Series(v, dtype="float32"),
    "Decimal": lambda v: pd.Series([Decimal(f"{x:.2f}") for x in v]),
    "nullable": lambda v: pd.Series(v, dtype="Float64"),
    "arrow": lambda v: pd.Series(v, dtype="double[pyarrow]"),
    "polars": lambda v: pl.Series(v),
    "polars Decimal": lambda v: pl.Series(v).cast(pl.Decimal(9, 2)),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("odd", [None, np.pi, 1e30], ids=["", "a number of no decimals", "huge"])
def test_what_floats_determine_is_known_in_every_container(name, odd):
    frame = pl.DataFrame if name.startswith("polars") else pd.DataFrame
    group = ["low" if share < 0.4 else "high" for share in SHARES]
    rules = Rules([Determines("share", "group")]).learn(
        pd.DataFrame({"share": SHARES, "group": group})
    )
    rules = Rules.from_json(rules.to_json())
    wrong = [*group]
    wrong[3] = "high"
    shares = SHARES.copy()
    if odd is not None and "Decimal" not in name:
        shares[0] = odd
    broken = rules.broken(frame({"share": CONTAINERS[name](shares), "group": wrong}))
    assert np.flatnonzero(broken).tolist() == [3]


def test_large_whole_numbers_are_told_apart():
    ids = [2**60 + i % 4 for i in range(40)]
    parity = [i % 2 for i in range(40)]
    rule = Determines("id", "odd", {2**60 + i: i % 2 for i in range(4)})
    for column in (ids, [Decimal(i) for i in ids]):
        table = pd.DataFrame({"id": pd.Series(column, dtype=object), "odd": parity})
        assert not rule.broken(table).any()
    unsigned = pd.DataFrame({"id": np.array([2**63 + 1, 2**63], "uint64"), "odd": [1, 1]})
    assert Determines("id", "odd", {2**63: 0, 2**63 + 1: 1}).broken(unsigned).tolist() == [0, 1]
    exact = [Decimal(f"1234567890.1234567890{i % 2}") for i in range(40)]
    table = pd.DataFrame({"id": exact, "odd": parity})
    learned = Determines("id", "odd")._learn(RuleTable(table))
    assert len(learned.mapping) == 2
    assert not learned.broken(table).any()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_all_units_zones_and_categories_are_the_same(unit):
    days = pd.Series(pd.date_range("2024-01-01", periods=6))
    rule = Determines("day", "n", {day.date(): n for n, day in enumerate(days)})
    assert rule.mapping[("2024-01-02T00:00:00",)] == 1
    right = days.astype(f"datetime64[{unit}]")
    for column in (right, right.astype(object), right.astype("category")):
        numbers = [0, 1, 2, 3, 4, 9]
        broken = rule.broken(pd.DataFrame({"day": column, "n": numbers}))
        assert broken.tolist() == [False] * 5 + [True]
    aware = days.dt.tz_localize("UTC")
    rule = Determines("day", "n", dict(zip(aware, range(6), strict=True)))
    for zone in ("Asia/Tokyo", "America/New_York"):
        shown = pd.DataFrame({"day": aware.dt.tz_convert(zone), "n": [9, 1, 2, 3, 4, 5]})
        assert rule.broken(shown).tolist() == [True] + [False] * 5


def test_labels_and_their_text_are_the_same_and_numbers_are_no_text():
    rule = Determines("a", "b", {"1": "x", "2": "y"})
    text = pd.DataFrame({"a": ["1", "2"], "b": ["y", "y"]})
    for table in (text, text.astype("category"), pl.from_pandas(text)):
        assert rule.broken(table).tolist() == [True, False]
    assert not rule.broken(text.assign(a=[1, 2])).any()
    pairs = AbsentPairs("a", "b", [(Decimal("1.0"), pd.Timestamp("2024-01-01"))])
    table = pd.DataFrame({"a": [1.0, 2.0], "b": pd.to_datetime(["2024-01-01"] * 2)})
    assert pairs.broken(table).tolist() == [True, False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_number_without_decimals_changes_no_other_row(dtype):
    a, b = np.array([0.1, 0.1, 0.7, 1.1]), np.array([0.2, 0.2, 0.1, 2.2])
    table = pd.DataFrame({"a": a, "b": b, "t": a + b, "least": [0.3, 0.31, 0.8, 3.3]})
    rules = Rules([Sum("t", ["a", "b"]), Order("least", "t")])
    if dtype == np.float32:
        table["t"] = table["t"].round(2)
    table = table.astype(dtype)
    assert rules.broken(table).tolist() == [[False, False], [False, True], *[[False] * 2] * 2]
    odd = pd.concat([table, pd.DataFrame([[np.pi] * 4], columns=table.columns)]).astype(dtype)
    np.testing.assert_array_equal(rules.broken(odd)[:4], rules.broken(table))


def test_decimals_are_added_exactly():
    rng = np.random.default_rng(0)
    a, b = rng.integers(10**14, 10**15, 60), rng.integers(0, 10**6, 60)
    columns = {"a": a, "b": b, "t": a + b}
    table = pd.DataFrame(
        {name: [Decimal(int(x)).scaleb(-6) for x in columns[name]] for name in columns}
    )
    assert "t = a + b" in map(str, find_rules(table))
    table.loc[7, "t"] += Decimal("0.000001")
    assert np.flatnonzero(Sum("t", ["a", "b"]).broken(table)).tolist() == [7]
    table.loc[8, "t"] = Decimal("1.0000000000000000000000000000000000001")
    assert np.flatnonzero(Sum("t", ["a", "b"]).broken(table)).tolist()[-1] == 8
