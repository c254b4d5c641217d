"""Rules are checked in tables of any container, edited, and written as JSON."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules import (
    AbsentPairs,
    Bounds,
    Determines,
    Difference,
    Order,
    Presence,
    Product,
    Rule,
    Rules,
    RunningNumber,
    Sum,
    Unique,
    find_rules,
)
from tests.rules.tables import bills, trips

EVERY = [
    Order("start", "end", strict=True),
    Determines("zone", "borough", {("zone 01",): "Queens"}),
    Determines(["zone", "pieces"], "ticket"),
    Sum("total", ["fare", "tip"], offsets=[0, 2.75]),
    Sum(None, ["fare", "tip"], offsets=[1]),
    Difference("fare", "subtotal", "tip"),
    Product("amount", ["pieces", "price"], decimals=2),
    Presence("refund", "returned", when_missing=False),
    AbsentPairs("borough", "ticket", [("Queens", "day")], n_pairs=12),
    Unique("trip"),
    RunningNumber("trip", 5, 10),
    Bounds("pieces", low=1, high=8, whole=True, step=1),
]


def broken(rule, rows):
    """Return the rows of a table, given as a list of them, that break a rule."""
    return np.flatnonzero(rule.broken(rows)).tolist()


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_dictionaries_and_json_give_the_rule_again(rule):
    counted = replace(rule, support=3, breaks=1, chance=0.25)
    again = Rule.from_dict(json.loads(json.dumps(counted.to_dict())))
    assert again == rule
    assert (again.support, again.breaks, again.chance) == (3, 1, 0.25)


def test_labels_of_several_parts_and_odd_cells_survive_json():
    one, other = ("a", 1), ("größe", "π")
    for rule in (
        Order(one, other),
        Determines([one], other, {datetime.date(2024, 1, 1): Decimal("1.5"), np.inf: -0.0}),
        Sum(one, [other], offsets=[Decimal("2.750"), np.float32(0.5), datetime.timedelta(days=2)]),
        Difference(one, other, ("c",)),
        Product(one, [other, other]),
        Presence(one, other),
        AbsentPairs(one, other, [(np.float64(0.1), "ü"), (np.True_, None)]),
        Unique(one),
        RunningNumber(one, np.int64(5), Decimal(10)),
        Bounds(np.int64(3), low=-1e300, high=np.float64(1e300)),
    ):
        (again,) = Rules.from_json(Rules([rule]).to_json())
        assert again == rule
        assert str(again) == str(rule)
        assert len(str(rule)) < 60
    with pytest.raises(TypeError, match="call columns by text or numbers"):
        Rules([Unique(datetime.date(2024, 1, 1))]).to_json()


def test_found_rules_survive_json():
    table = trips()
    rules = find_rules(table)
    again = Rules.from_json(rules.to_json())
    assert again == rules
    assert repr(again) == repr(rules)
    np.testing.assert_array_equal(again.broken(table), rules.broken(table))


def test_orders():
    assert broken(Order(0, 1), [[1, 2], [2, 2], [3, 2]]) == [2]
    assert broken(Order(0, 1, strict=True), [[1, 2], [2, 2], [3, 2]]) == [1, 2]
    # Whole numbers that float64 cannot tell apart.
    assert broken(Order(0, 1), np.array([[2**60 + 1, 2**60], [2**60, 2**60 + 1]])) == [0]
    # 0.1 + 0.2 is not above 0.3.
    assert broken(Order(0, 1), [[0.1 + 0.2, 0.3], [0.31, 0.3]]) == [1]


def test_missing_cells_break_nothing():
    rows = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 1.0, 2.0], "c": [np.nan] * 3})
    assert broken(Order("a", "b"), rows) == [2]
    assert broken(Order("a", "c"), rows) == []
    assert broken(Sum("a", ["b"]), rows) == [2]
    assert broken(Determines("a", "b", {(3,): 1}), rows) == [2]


def test_sums_are_exact():
    rows = pd.DataFrame({"a": [0.1, 0.1, 10.0**6], "b": [0.2, 0.2, 0.01]})
    total = rows["a"] + rows["b"]
    total[1] += 0.01
    assert broken(Sum("t", ["a", "b"]), rows.assign(t=total)) == [1]
    assert broken(Difference("b", "t", "a"), rows.assign(t=total)) == [1]
    assert broken(Sum("t", ["a", "b"], [0, 0.01]), rows.assign(t=total)) == []
    whole = np.array([[2**61, 2**61, 2**62], [2**61, 2**61, 2**62 + 1]])
    assert broken(Sum(2, [0, 1]), whole) == [1]


def test_sums_of_measurements_hold_but_for_rounding():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3))
    rows[:, 2] = rows[:, 0] + rows[:, 1]
    rows[7, 2] += 1e-9
    assert broken(Sum(2, [0, 1]), rows) == [7]


def test_dates_and_durations():
    day = datetime.timedelta(days=1)
    start = pd.Series(pd.to_datetime(["2024-01-01", "2024-02-01"]))
    rows = pd.DataFrame({"start": start, "took": [day, 2 * day], "end": start + 2 * day})
    assert broken(Sum("end", ["start", "took"]), rows) == [0]
    assert broken(Sum("end", ["start"], [2 * day]), rows) == []
    assert broken(Difference("took", "end", "start"), rows) == [0]
    assert Sum("end", ["start"], [2 * day]).offsets == (Decimal(172_800),)


def test_products_are_rounded_to_the_last_decimal():
    rows = [[1.25, 3, 3.75], [0.333, 2, 0.67], [0.333, 2, 0.66], [0.5, 0.5, 0.25]]
    assert broken(Product(2, [0, 1]), rows) == [2]


def test_determined_cells():
    rows = [["a", 1], ["a", 1], ["a", 2], ["b", 2], ["c", 9]]
    assert broken(Determines(0, 1), rows) == [2]
    assert broken(Determines(0, 1, {"a": 2, ("b",): 7}), rows) == [0, 1, 3]


def test_levels_are_the_same_in_every_container():
    rule = Determines("day", "n", {("2024-01-01T00:00:00",): 1})
    days = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-01-01"]), "n": [1, 2]})
    date = [datetime.date(2024, 1, 1)] * 2
    for table in (
        days.astype({"day": "datetime64[s]"}),
        pl.DataFrame({"day": date, "n": [1.0, 2.0]}),
        pd.DataFrame({"day": date, "n": pd.array([1, 2], dtype="Int8")}),
    ):
        assert broken(rule, table) == [1]


def test_presence():
    nan = float("nan")
    rows = [[nan, nan], [nan, 1.0], [1.0, nan], [1.0, 1.0]]
    assert broken(Presence(1, 0), rows) == [1]
    assert broken(Presence(1, 0, when_missing=False), rows) == [3]


def test_keys_and_bounds():
    assert broken(Unique(0), [[3], [1], [3]]) == [2]
    assert broken(RunningNumber(0, 5, 10), [[5], [25], [30], [-5]]) == [2, 3]
    assert broken(Bounds(0, 0, 1, step=0.25), [[0.5], [0.3], [1.25], [-0.25]]) == [1, 2, 3]
    assert broken(Bounds(0, whole=True), [[2.0], [2.5]]) == [1]


@pytest.mark.parametrize("convert", [lambda t: t, pl.from_pandas], ids=["pandas", "polars"])
def test_check_gives_a_frame_of_the_same_library(convert):
    table = convert(trips(50).drop(columns="returned"))
    rules = Rules([Order("start", "end"), Order("end", "start"), Order("end", "start")])
    broken_rows, share = rules.check(table)
    assert type(broken_rows) is type(table)
    assert list(broken_rows.columns) == ["start <= end", "end <= start", "end <= start (2)"]
    assert share["start <= end"] == 0
    assert share["end <= start"] == np.mean(broken_rows["end <= start"].to_numpy()) > 0.9


def test_no_row_breaks_no_rule():
    rules = Rules([Order("a", "b"), Unique("a"), Determines("a", "b")])
    for empty in (pd.DataFrame({"a": [0], "b": [0]})[:0], pl.DataFrame({"a": [0], "b": [0]})[:0]):
        checked = rules.check(empty)
        assert checked.broken.shape == (0, 3)
        assert {*checked.share.values()} == {0.0}


def test_dates_with_and_without_a_time_zone_are_not_added():
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 60, 100), "D")
    table = pd.DataFrame({"here": days, "there": days.tz_localize("UTC"), "again": days})
    rules = find_rules(table)
    assert "again = here" in map(str, rules)
    assert not any("there" in rule.columns for rule in rules if isinstance(rule, Sum))
    assert not any(rules.check(table).share.values())


def test_check_keeps_the_index_and_gives_arrays_for_arrays():
    table = trips(30).iloc[10:]
    assert Rules([Order("start", "end")]).check(table).broken.index.equals(table.index)
    checked = Rules([Order(0, 1)]).check(np.array([[1, 2], [2, 1]]))
    np.testing.assert_array_equal(checked.broken, [[False], [True]])
    assert checked.share == {"0 <= 1": 0.5}


def test_rules_are_a_list():
    rules = Rules([Order("a", "b")])
    rules.append(Unique("c"))
    rules[0] = replace(rules[0], strict=True)
    assert [str(rule) for rule in rules] == ["a < b", "c is unique"]
    more = Rules([Unique("d")])
    assert rules + more == Rules([*rules, *more])
    rules.remove(Unique("c"))
    assert rules == Rules([Order("a", "b", strict=True)])
    with pytest.raises(TypeError, match="Order"):
        rules.append("a <= b")


def test_learning_fills_in_what_is_open_and_counts():
    table = trips()
    rules = Rules([Determines("zone", "borough"), AbsentPairs("borough", "ticket")]).learn(table)
    assert len(rules[0].mapping) == 40
    assert [(rule.support, rule.breaks) for rule in rules] == [(600, 0)] * 2
    assert rules[1].n_pairs == 12
    table.loc[5, "borough"] = "Staten Island"
    assert rules.check(table).share["zone determines borough"] == 1 / 600


def test_a_rule_that_too_many_rows_break_is_named_with_the_rows():
    table = trips(200)
    table.loc[[3, 7], "end"] = table.loc[[3, 7], "start"] - pd.Timedelta("1h")
    rules = Rules([Order("start", "end")])
    assert rules.learn(table, share=0.99)[0].breaks == 2
    with pytest.raises(RuleError, match=r"start <= end.*2 of 200 rows.*rows 3, 7\.") as caught:
        rules.learn(table, share=0.995)
    assert caught.value.rows == [3, 7]
    assert caught.value.rule == rules[0]


@pytest.mark.parametrize(
    "rules",
    [
        [Order("a", "b", strict=True), Order("b", "a")],
        [Order("a", "b"), Order("b", "c", strict=True), Order("c", "a")],
        [Bounds("a", high=3), Bounds("a", low=4)],
    ],
)
def test_contradicting_rules_are_named(rules):
    with pytest.raises(RuleError, match="contradict"):
        Rules(rules).check_consistency()


@pytest.mark.parametrize(
    "rule, message",
    [
        (Order("start", "finish"), "'finish', which is not among"),
        (Order("start", "fare"), "datetime and number"),
        (Order("zone", "borough"), "category"),
        (Sum("end", ["start", "fare"]), "'fare' .number."),
        (Sum(None, ["start", "end"], [0]), "dates and durations"),
        (Product("amount", ["pieces", "zone"]), "'zone' is of kind category"),
        (Bounds("zone", low=0), "'zone' is of kind category"),
        (RunningNumber("zone"), "'zone' is of kind category"),
    ],
)
def test_rules_that_do_not_fit_the_columns_are_named(rule, message):
    with pytest.raises(RuleError, match=message):
        rule.broken(trips(30))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sum("a", "b"), "list of columns"),
        (lambda: Sum("a", ["b"], []), "at least one"),
        (lambda: Sum("a", ["b"], ["much"]), "numbers or durations"),
        (lambda: Product("a", ["b"]), "list of two"),
        (lambda: Bounds("a", 2, 1), "low"),
        (lambda: Bounds("a", step=0), "step"),
        (lambda: RunningNumber("a", step=0), "step"),
        (lambda: AbsentPairs("a", "b", [(1, 2, 3)]), "pairs"),
        (lambda: Rule.from_dict({"rule": "Odd"}), "no rule 'Odd'"),
        (lambda: Rule.from_dict({"rule": "Unique", "name": "a"}), "cannot be read"),
        (lambda: Rules.from_dict({}), '"rules"'),
        (lambda: Rules.from_dict({"rules": 3}), '"rules"'),
        (lambda: Rules.from_dict({"rules": [3]}), "dictionary with its name"),
        (lambda: Rules.from_dict({"rules": [], "not_searched": 3}), "list of text"),
        (lambda: Rule.from_dict({"rule": ["Unique"]}), "no rule"),
        (lambda: Rule.from_dict({"rule": "AbsentPairs", "absent": [3]}), "cannot be read"),
        (lambda: Sum("a", ["b"], 5), "list of numbers"),
        (lambda: Product("a", ["b", "c"], "two"), "whole number"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("table", [trips(200, 0), bills(200)], ids=["trips", "bills"])
def test_odd_cells_of_some_rows_change_nothing_for_others(table):
    rules = find_rules(table)
    later = table[:24].reset_index(drop=True)
    clean = rules.check(later).broken.to_numpy()
    numbers = [name for name in later if later[name].dtype.kind == "f"]
    for j, name in enumerate(numbers):
        later.loc[j, name] += 0.0005  # more decimals than in fit
        later.loc[8 + j, name] = np.pi  # no last decimal
    broken = rules.check(later).broken.to_numpy()
    alone = [rules.check(later[i : i + 1]).broken.to_numpy()[0] for i in range(len(later))]
    np.testing.assert_array_equal(broken, alone)
    np.testing.assert_array_equal(broken[16:], clean[16:])
    assert broken[8 : 8 + len(numbers)].any(axis=1).all()
