"""Which levels meet a condition, and draws that do."""

from __future__ import annotations

import datetime
import zoneinfo
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_aae import TableEncoder
from tests.encoding.strategies import STABLE, tables

DAYS = ["2020-01-01", "2020-01-02", "2020-02-01", "2021-01-01"]


def frame():
    return pd.DataFrame(
        {
            "n": [1.0, 2.0, 2.0, np.nan],
            "k": np.array([10, 20, 20, 30], dtype=np.int8),
            "sex": ["m", "f", "f", "f"],
            "size": pd.Categorical(["S", "M", "L", "L"], ["S", "M", "L", "XL"], ordered=True),
            "ok": [True, False, False, None],
            "day": pd.to_datetime(DAYS),
            "local": pd.to_datetime(DAYS).tz_localize("America/New_York"),
            "lap": pd.to_timedelta([1, 2, 3, 4], "h"),
            "float32": np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32),
        }
    )


@pytest.mark.parametrize(
    "column, condition, shares",
    [
        ("n", 2, [0, 1, 0]),
        ("n", 2.0, [0, 1, 0]),
        ("n", Decimal(2), [0, 1, 0]),
        ("n", [1, 2], [1, 1, 0]),
        ("n", [1, None], [1, 0, 1]),
        ("n", None, [0, 0, 1]),
        ("n", np.nan, [0, 0, 1]),
        ("n", (1, 1.9), [1, 0, 0]),
        ("n", (None, 1.9), [1, 0, 0]),
        ("n", (1.1, None), [0, 1, 0]),
        ("n", (-np.inf, np.inf), [1, 1, 0]),
        ("k", (15, 1000), [0, 1, 1]),
        ("k", [20, 999], [0, 1, 0]),
        ("k", 20.0, [0, 1, 0]),
        ("sex", "f", [1, 0]),
        ("sex", ["f", "m"], [1, 1]),
        ("sex", np.array(["f"]), [1, 0]),
        ("sex", pd.Series(["m"]), [0, 1]),
        ("size", ("M", "L"), [0, 1, 1]),
        ("size", (None, "M"), [1, 1, 0]),
        ("ok", True, [0, 1, 0]),
        ("ok", [False, None], [1, 0, 1]),
        ("day", "2020-02-01", [0, 0, 1, 0]),
        ("day", pd.Timestamp("2020-02-01"), [0, 0, 1, 0]),
        ("day", np.datetime64("2020-02-01"), [0, 0, 1, 0]),
        ("day", datetime.date(2020, 2, 1), [0, 0, 1, 0]),
        ("day", ("2020-01-02", datetime.datetime(2020, 12, 31)), [0, 1, 1, 0]),
        ("local", "2020-02-01", [0, 0, 1, 0]),
        ("local", "2020-02-01T05:00:00+00:00", [0, 0, 1, 0]),
        ("local", pd.Timestamp("2020-02-01", tz="America/New_York"), [0, 0, 1, 0]),
        ("lap", datetime.timedelta(hours=2), [0, 1, 0, 0]),
        ("lap", (pd.Timedelta("2h"), np.timedelta64(180, "m")), [0, 1, 1, 0]),
        ("float32", 0.3, [0, 0, 1, 0]),
        ("float32", (0.1, 0.3), [1, 1, 1, 0]),
    ],
)
def test_conditions(column, condition, shares):
    table = frame()
    np.testing.assert_array_equal(
        TableEncoder().fit(table)._level_shares(column, condition), shares
    )


@pytest.mark.parametrize(
    "column, condition, error, message",
    [
        ("age", 3, ValueError, r"no column 'age'; columns are \['n', 'k'"),
        ("n", 1.5, ValueError, r"No training row meets the condition 'n': 1.5.*from 1.0 to 2.0"),
        ("n", (3, 4), ValueError, r"No training row meets the condition 'n': \(3, 4\)"),
        ("n", (2, 1), ValueError, r"'n': \(2, 1\) is an empty range"),
        ("n", (1, 2, 3), ValueError, r"column 'n', \(1, 2, 3\), has 3 entries"),
        ("n", [], ValueError, "column 'n' allows no value"),
        ("n", "high", TypeError, "'n': 'high' is on numbers; 'high' is none"),
        ("n", True, TypeError, "'n': True is on numbers"),
        ("n", {"low": 1}, TypeError, "column 'n' is a dict"),
        ("k", None, ValueError, "'k' had no missing cell in fit"),
        ("sex", "x", ValueError, "'sex' has no level 'x'; known are 'f', 'm'"),
        ("sex", ["f", "x"], ValueError, "'sex' has no level 'x'"),
        ("sex", ("f", "m"), ValueError, "'sex': .* is a range, but the levels .* no order"),
        ("ok", 1, ValueError, "'ok' has no level 1"),
        ("size", ("L", "S"), ValueError, "'size': .* is an empty range"),
        ("size", "XL", ValueError, "'size' has no level 'XL'"),
        ("day", "soon", TypeError, "'day': 'soon' is on dates; 'soon' cannot be read as one"),
        ("day", 2020, TypeError, "'day': 2020 is on dates"),
        ("day", "2020-01-01T00:00+01:00", TypeError, "it has a time zone"),
        ("day", ("2030-01-01", None), ValueError, "values go from 2020-01-01.* to 2021-01-01"),
        ("lap", "long", TypeError, "'lap': 'long' is on durations"),
        ("lap", 3, TypeError, "it has no unit"),
    ],
)
def test_conditions_that_make_no_sense(column, condition, error, message):
    encoder = TableEncoder().fit(frame())
    with pytest.raises(error, match=message):
        encoder._level_shares(column, condition)


def test_positions_are_the_labels_of_arrays():
    encoder = TableEncoder().fit(np.array([[1, 2], [3, 4]]))
    assert encoder._level_shares(1, (3, None)).tolist() == [0, 1]


def test_labels_that_are_numbers_or_dates_have_an_order():
    table = pd.DataFrame({"zip": [1, 2, 3], "day": pd.to_datetime(DAYS[:3])})
    encoder = TableEncoder(categorical_features=["zip", "day"]).fit(table)
    assert encoder._level_shares("zip", (2, None)).tolist() == [0, 1, 1]
    assert encoder._level_shares("zip", 2).tolist() == [0, 1, 0]
    assert encoder._level_shares("day", ("2020-01-02", None)).tolist() == [0, 1, 1]
    assert encoder._level_shares("day", [datetime.date(2020, 2, 1)]).tolist() == [0, 0, 1]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "+05:30"])
def test_dates_without_a_zone_are_read_on_the_clocks_of_the_column(zone):
    if zone == "+05:30":
        table = pd.DataFrame({"at": pd.to_datetime(DAYS).tz_localize(zone)})
    else:
        table = pl.DataFrame({"at": DAYS}).select(
            pl.col("at").str.to_datetime("%Y-%m-%d").dt.replace_time_zone(zone)
        )
    encoder = TableEncoder().fit(table)
    assert encoder._level_shares("at", "2020-02-01").tolist() == [0, 0, 1, 0]
    aware = datetime.datetime(2020, 1, 31, 18, 30, tzinfo=zoneinfo.ZoneInfo("UTC"))
    assert encoder._level_shares("at", aware).tolist() == [0, 0, 1, 0]


def test_nanoseconds_are_told_apart():
    table = pd.DataFrame({"at": np.array([5, 6], "M8[ns]"), "lap": np.array([5, 6], "m8[ns]")})
    encoder = TableEncoder().fit(table)
    assert encoder._level_shares("at", pd.Timestamp(6)).tolist() == [0, 1]
    assert encoder._level_shares("lap", pd.Timedelta(6)).tolist() == [0, 1]


def test_a_share_of_a_level_counts_rows():
    values = np.repeat([0, 1, 2, 3], [10, 10, 30, 50])
    encoder = TableEncoder(max_levels=2).fit(values[:, None])
    assert encoder.layout_.spans[0].low.tolist() == [0, 3]
    np.testing.assert_allclose(encoder._level_shares(0, (1, 2)), [0.8, 0])
    np.testing.assert_allclose(encoder._level_shares(0, [0, 3]), [0.2, 1])


def test_rare_levels_are_told_apart_within_their_group():
    table = pd.DataFrame({"c": ["a"] * 50 + ["x"] * 3 + ["y"] * 1})
    encoder = TableEncoder(min_frequency=5).fit(table)
    assert encoder._level_shares("c", "x").tolist() == [0, 0.75]
    group = np.ones((40, 1), dtype=int)
    back = encoder._from_levels(group, np.random.default_rng(0), within={0: "y"})
    assert (back["c"] == "y").all()
    assert (encoder._from_levels(group, None, within={0: ["a", "y"]})["c"] == "y").all()


@pytest.mark.parametrize("repeats", [True, False])
def test_draws_within_a_range(repeats):
    rng = np.random.default_rng(0)
    n = 1000
    numbers = rng.integers(0, 60, n) if repeats else np.round(rng.normal(30, 9, n), 3)
    days = np.datetime64("2020-01-01T00", "ms") + rng.integers(0, 5000, n) * 3_600_000
    table = pd.DataFrame({"n": numbers, "at": days})
    encoder = TableEncoder(max_levels=6).fit(table)
    within = {0: (25.5, 40), 1: ("2020-03-01", "2020-03-09T12:00")}
    shares = [encoder._level_shares(name, within[j]) for j, name in enumerate(table)]
    levels = np.column_stack([rng.choice(np.flatnonzero(share), 500) for share in shares])
    for generator in (rng, None):
        back = encoder._from_levels(levels, generator, within=within)
        assert back["n"].between(25.5, 40).all()
        assert back["at"].between("2020-03-01", "2020-03-09T12:00").all()
        np.testing.assert_array_equal(encoder._to_levels(back), levels)
    drawn = encoder._from_levels(levels, rng, within=within)
    assert drawn["n"].nunique() > 10
    assert (drawn["at"] == drawn["at"].dt.floor("h")).all()


def test_labels_that_do_not_meet_the_condition_are_refused():
    table = pd.DataFrame({"c": ["a"] * 9 + ["b"] * 9 + ["x", "y", None]})
    encoder = TableEncoder(min_frequency=5).fit(table)
    assert encoder._from_levels(np.array([[3]]), None, within={0: "a"})["c"].isna().all()
    for level in (1, 2):
        with pytest.raises(ValueError, match=f"Level {level} of column 'c' holds no"):
            encoder._from_levels(np.array([[level]]), None, within={0: "a"})


def test_draws_of_listed_numbers():
    table = pd.DataFrame({"n": np.arange(100)})
    encoder = TableEncoder(max_levels=2).fit(table)
    levels = np.repeat([[0], [1]], 50, axis=0)
    back = encoder._from_levels(levels, np.random.default_rng(0), within={0: [3, 4, 77]})["n"]
    assert set(back[:50]) == {3, 4}
    assert set(back[50:]) == {77}


def test_levels_that_no_draw_can_come_from_are_refused():
    encoder = TableEncoder(max_levels=2).fit(pd.DataFrame({"n": np.arange(100)}))
    message = r"Level 1 of column 'n' holds no training value that meets .* 'n': \(3, 4\)"
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(ValueError, match=message):
            encoder._from_levels(np.array([[0], [1]]), rng, within={0: (3, 4)})
    for level in (-1, 2):
        with pytest.raises(ValueError, match="Column 'n' has levels 0 to 1; got"):
            encoder._from_levels(np.array([[level]]), None)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@STABLE
@given(data=st.data())
def test_every_cell_meets_the_condition_that_names_it(library, data):
    table, _ = data.draw(tables(library))
    encoder = TableEncoder(max_levels=3).fit(table)
    levels = encoder._to_levels(table)
    row = data.draw(st.integers(0, len(table) - 1))
    for j, name in enumerate(table.columns):
        column = table.iloc[:, j] if library == "pandas" else table[name]
        cell = column.iloc[row] if library == "pandas" else column[row]
        shares = encoder._level_shares(name, cell)
        assert shares.shape == (encoder.layout_.spans[j].n_levels,)
        assert shares[levels[row, j]] > 0
        assert ((shares >= 0) & (shares <= 1)).all()
        drawn = encoder._from_levels(levels[[row]], np.random.default_rng(0), within={j: cell})
        again = drawn.iloc[0, j] if library == "pandas" else drawn[name][0]
        assert encoder.layout_.spans[j].missing == levels[row, j] or again == cell
