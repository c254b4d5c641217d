"""Rules that are there are found, whatever the container, and others are not."""

from __future__ import annotations

import time
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.rules import (
    AbsentPairs,
    Determines,
    Order,
    Presence,
    Product,
    Rules,
    RunningNumber,
    Sum,
    Unique,
    find_rules,
)
from tests.rules.tables import permuted, trips


def of_kind(rules, *kinds):
    return [rule for rule in rules if isinstance(rule, kinds)]


def texts(rules):
    return [str(rule) for rule in rules]


@pytest.fixture(scope="module")
def found():
    return find_rules(trips())


def test_the_rules_of_a_table_are_found(found):
    assert {
        "start <= end",
        "zone determines borough",
        "subtotal = fare + tip",
        "amount = pieces * price",
        "trip is a running number",
        "refund is missing where returned is",
        "returned is missing where refund is",
        "borough and ticket: 5 of 12 pairs occur",
    } <= {*texts(found)}


def test_amounts_that_come_on_top_are_found(found):
    (rule,) = (rule for rule in of_kind(found, Sum) if len(rule.offsets) > 1)
    assert rule.total == "total"
    assert rule.offsets == (Decimal("0.5"), Decimal("1"), Decimal("2.75"))
    assert str(rule).endswith("is one of 3 amounts")


def test_nothing_is_said_twice(found):
    assert len(of_kind(found, Order)) == 1
    # fare and tip determine subtotal, and any two of the three the third: a sum says it.
    assert len(of_kind(found, Determines)) == 1
    assert len(of_kind(found, Product)) == 1
    # The ticket follows from the borough, and so from the zone: said of the borough only.
    assert [rule.columns for rule in of_kind(found, AbsentPairs)] == [("borough", "ticket")]


def test_rules_are_counted(found):
    (rule,) = of_kind(found, Determines)
    assert (rule.support, rule.breaks) == (600, 0)
    # A zone's commonest borough is right a bit more often than one in four times by chance.
    assert 0.25 < rule.chance < 0.5
    (order,) = of_kind(found, Order)
    assert order.chance == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda t: t.convert_dtypes()])
def test_other_containers_have_the_same_rules(found, convert):
    assert texts(find_rules(convert(trips()))) == texts(found)


def test_arrays_have_positions():
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 1000, (300, 2))
    rules = find_rules(np.column_stack([parts, parts.sum(axis=1)]))
    assert texts(of_kind(rules, Sum)) == ["2 = 0 + 1"]


def test_chains_are_shortened_and_the_first_of_equivalent_columns_leads():
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, 800)
    group = age // 20
    table = pd.DataFrame(
        {
            "age": age,
            "group": group,
            "label": pd.Series(group).map(lambda g: f"group {g}"),
            "young": group < 2,
            "low": rng.integers(0, 100, 800),
        }
    )
    table["middle"] = table["low"] + rng.integers(0, 50, 800)
    table["high"] = table["middle"] + rng.integers(0, 50, 800)
    rules = find_rules(table)
    assert texts(of_kind(rules, Determines)) == [
        "age determines group",
        "group determines label",
        "group determines young",
    ]
    assert texts(of_kind(rules, Order)) == ["low <= middle", "middle <= high"]


def test_two_columns_determine_what_neither_does():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 8, (2, 2000))
    table = pd.DataFrame({"a": a, "b": b, "c": (3 * a + 5 * b) % 7, "noise": rng.random(2000)})
    assert texts(of_kind(find_rules(table), Determines)) == ["a, b determine c"]


def test_indicators_add_up_to_one_and_follow_from_their_group():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 500)
    table = pd.DataFrame({f"is_{g}": (group == g).astype(int) for g in range(3)})
    rules = texts(find_rules(table.assign(group=group)))
    assert {f"group determines is_{g}" for g in range(3)} <= {*rules}
    assert "is_0 + is_1 + is_2 = 1" in rules


def test_long_sums_are_found():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"part {i}": rng.integers(0, 100, 400) / 10 for i in range(7)})
    table["all"] = table.sum(axis=1)
    (rule,) = of_kind(find_rules(table), Sum)
    assert rule == Sum("all", [f"part {i}" for i in range(7)])


def test_a_few_rows_may_break_a_rule_and_more_may_not():
    table = trips(1000)
    table.loc[[3, 500], "borough"] = table["borough"][[3, 500]].map(
        lambda borough: "Bronx" if borough == "Queens" else "Queens"
    )
    swapped = table.loc[:3, ["end", "start"]].to_numpy().copy()
    table.loc[:3, ["start", "end"]] = swapped
    rules = find_rules(table)
    (rule,) = of_kind(rules, Determines)
    assert np.flatnonzero(rule.broken(table)).tolist() == [3, 500]
    assert rule.breaks == 2
    order = rules[rules.index(Order("start", "end"))]
    assert (order.support, order.breaks) == (996, 4)
    kept_by_all = find_rules(table, share=1)
    assert order not in kept_by_all
    assert rule not in kept_by_all


def test_dates_and_durations_add_up():
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 400), "s")
    took = pd.to_timedelta(rng.integers(1, 10**5, 400), "s")
    due = start + pd.to_timedelta(rng.choice([14, 30], 400), "D")
    rules = find_rules(
        pd.DataFrame({"start": start, "took": took, "end": start + took, "due": due})
    )
    assert "end = start + took" in texts(rules)
    (rule,) = (rule for rule in of_kind(rules, Sum) if len(rule.offsets) > 1)
    assert (rule.total, rule.parts) == ("due", ("start",))
    assert rule.offsets == (14 * 86_400, 30 * 86_400)


def test_columns_by_themselves():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "name": [f"person {i}" for i in rng.permutation(300)],
            "key": rng.choice(2000, 300, replace=False),
            "minutes": 15 * rng.integers(0, 40, 300),
            "height": rng.normal(170, 8, 300),
        }
    )
    rules = find_rules(table)
    assert of_kind(rules, Unique) == [Unique("name"), Unique("key")]
    assert "minutes >= 0, whole, steps of 15" in texts(rules)
    assert not [rule for rule in rules if "height" in rule.columns]


def test_a_running_number_stays_one_where_rows_are_left_out():
    rng = np.random.default_rng(0)
    table = trips().iloc[np.sort(rng.permutation(600)[:480])]
    (rule,) = of_kind(find_rules(table), RunningNumber)
    assert (rule.start, rule.step) == (1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_columns_have_no_rules(seed):
    rules = find_rules(permuted(trips(400), seed), random_state=seed)
    assert not of_kind(rules, Order, Determines, Sum, Product, AbsentPairs, Presence)


@pytest.mark.slow
def test_shuffled_columns_have_no_rules_in_nineteen_of_twenty_runs():
    tables = [trips(n_rows, seed) for seed, n_rows in enumerate([100, 200, 400, 800] * 5)]
    kinds = Order, Determines, Sum, Product, AbsentPairs
    with_rules = [
        bool(of_kind(find_rules(permuted(table, seed), random_state=seed), *kinds))
        for table in tables
        for seed in range(20)
    ]
    assert np.mean(with_rules) <= 0.05


def test_rules_hold_in_rows_left_out():
    table = trips(500)
    order = np.random.default_rng(0).permutation(500)
    shares = find_rules(table.iloc[np.sort(order[100:])]).check(table.iloc[order[:100]]).share
    assert len(shares) > 8
    assert max(shares.values()) <= 0.03


def test_large_tables_are_searched_quickly_and_counted_in_all_rows():
    table = trips(30_000)
    start = time.perf_counter()
    rules = find_rules(table)
    assert time.perf_counter() - start < 10
    (rule,) = of_kind(rules, Determines)
    assert rule.support == 30_000


def test_a_budget_names_what_was_left_out():
    rules = find_rules(trips(), budget=100_000)
    assert {"orders", "dependencies on two columns", "sums"} <= {*rules.not_searched}
    assert "trip is a running number" in texts(rules)


def test_the_search_repeats_itself():
    assert find_rules(trips(), random_state=3) == find_rules(trips(), random_state=3)


@pytest.mark.parametrize(
    "table, options, message",
    [
        (trips(5), {}, "at least 20"),
        (trips(50), {"share": 0.5}, "share"),
        (trips(50), {"budget": 0}, "budget"),
        (np.full((30, 1), np.inf), {}, "infinite"),
    ],
)
def test_what_cannot_be_searched_is_named(table, options, message):
    with pytest.raises(ValueError, match=message):
        find_rules(table, **options)


def test_a_table_without_rules_has_none():
    rules = find_rules(np.random.default_rng(0).normal(size=(100, 3)))
    assert rules == Rules()
    assert repr(rules) == "no rules"


def test_odd_columns_are_no_trouble():
    rng = np.random.default_rng(0)
    n = 60
    numbers = rng.integers(0, 50, n)
    table = pd.DataFrame(
        {
            "huge": np.where(numbers > 25, np.finfo(float).max, rng.normal(size=n)),
            "wide": numbers.astype(np.uint64) + np.uint64(2**63),
            "beyond": [int(number) * 10**30 for number in numbers],
            "exact": [Decimal(int(number)) / 8 for number in numbers],
            "single": (numbers / 10).astype(np.float32),
            "far": numbers * 2**57,
            "empty": [None] * n,
            "constant": "c",
            "mixed": [1, "one", 2.5] * 20,
            "flag": pd.array(numbers > 20, dtype="boolean"),
            "day": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin"),
            "date": pd.date_range("2024-01-01", periods=n),
            "level": pd.Categorical(rng.choice([*"xyz"], n), categories=[*"zyxw"], ordered=True),
            7: [*numbers[1:], None],
        }
    )
    for frame in (
        table,
        pl.from_pandas(table.drop(columns=["beyond", "mixed"]).rename(columns=str)),
    ):
        rules = find_rules(frame)
        assert not rules.broken(frame).any()


@pytest.mark.parametrize("pattern", ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M"])
def test_text_dates_have_orders(pattern):
    table = trips(400).drop(columns=["returned", "refund"])
    text = table.assign(**{name: table[name].dt.strftime(pattern) for name in ("start", "end")})
    rules = find_rules(text)
    assert "start <= end" in map(str, rules)
    later = text[:3].assign(end=text["start"][:3], start=text["end"][:3])
    broken = rules.check(later).broken["start <= end"]
    assert broken.tolist() == (later["start"] != later["end"]).tolist()
    # Text that is no date is text, as before.
    assert "start <= zone" not in map(str, rules)
