"""Tables in other words come back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pytest

from sklearn_aae.rules import Product, Sum, find_rules
from sklearn_aae.rules._reexpression import Reexpression
from sklearn_aae.rules._table import RuleTable
from tests.rules.tables import trips


@pytest.mark.parametrize(
    "convert", [lambda t: t, lambda t: t.convert_dtypes(), pl.from_pandas], ids=["a", "b", "c"]
)
def test_a_table_comes_back(convert):
    table = convert(trips(300))
    words = Reexpression(find_rules(table), RuleTable(table))
    assert {"end", "borough", "subtotal", "total", "amount"} <= {s.target for s in words.steps}
    said = words.express(table)
    assert set(said["borough"].to_list()) == {""}
    assert set(said["subtotal"].to_list()) == {0}
    assert len(set(said["total"].to_list())) == 3
    back = words.restore(said)
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(back, table)
    else:
        pl.testing.assert_frame_equal(back, table)


def test_rows_that_break_rules_come_back():
    table = trips(1000)
    table.loc[[3, 500], "borough"] = "Harlem"
    table.loc[7, "total"] += 9
    words = Reexpression(find_rules(table), RuleTable(table))
    said = words.express(table)
    assert set(said["borough"]) == {"", "'Harlem'"}
    pd.testing.assert_frame_equal(words.restore(said), table)


def test_chains_come_back():
    rng = np.random.default_rng(0)
    low = rng.integers(0, 100, 400)
    age = rng.integers(18, 90, 400)
    table = pd.DataFrame(
        {
            "high": low + rng.integers(0, 9, 400) + 5,
            "middle": low + rng.integers(0, 5, 400),
            "low": low,
            "label": pd.Categorical([f"group {a // 20}" for a in age]),
            "group": (age // 20).astype(float),
            "age": age.astype(np.int8),
            "day": pd.date_range("2024-01-01", periods=400, tz="Europe/Berlin"),
        }
    )
    table["later"] = table["day"] + pd.to_timedelta(rng.integers(0, 50, 400), "h")
    words = Reexpression(find_rules(table), RuleTable(table))
    assert len(words.steps) >= 4
    pd.testing.assert_frame_equal(words.restore(words.express(table)), table)


def test_later_numbers_without_a_last_decimal_are_expressed_all_the_same():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(np.round(rng.gamma(2, 3, (60, 3)), 2), columns=["fare", "tip", "price"])
    table["pieces"] = rng.integers(1, 9, 60)
    table["total"] = (table["fare"] + table["tip"]).round(2)
    table["paid"] = (table["price"] * table["pieces"]).round(2)
    rules = [Sum("total", ["fare", "tip"]), Product("paid", ["price", "pieces"])]
    words = Reexpression(rules, RuleTable(table))
    later = table[:9].copy()
    later.loc[0, "total"] += 1 / 3
    later.loc[1, "fare"] -= 1 / 7
    later.loc[2, "paid"] += 0.03
    later.loc[3, "price"] = None
    later.loc[4, "price"] = 1 / 3
    said = words.express(later)
    np.testing.assert_allclose(said["total"][:3], [100 / 3, 100 / 7, 0], atol=1e-6)
    assert (said["total"][2:] == 0).all()
    paid = np.floor(100 * later.loc[4, "pieces"] / 3 + 0.5)
    assert said["paid"][2] == 3
    assert np.isnan(said["paid"][3])
    np.testing.assert_allclose(said["paid"][4], 100 * later.loc[4, "paid"] - paid, atol=1e-6)
    assert (said["paid"][5:] == 0).all()
