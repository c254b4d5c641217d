"""Rows that were drawn column by column are put right by what training rows have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.rules import Rules, find_rules
from sklearn_aae.rules._enforcement import Enforcement
from sklearn_aae.rules._reexpression import Reexpression
from sklearn_aae.rules._table import RuleTable
from tests.rules.tables import bills, permuted


def noisy(table, seed):
    """Return a table as a model of numbers draws it: shuffled, and with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.3, table.shape)
    return permuted(table, seed).astype(float) + noise


@pytest.mark.parametrize("convert", [lambda t: t, pl.from_pandas, lambda t: t.to_numpy()])
def test_rows_keep_what_can_be_computed(convert):
    table, drawn = convert(bills()), convert(noisy(bills(), 1))
    read = RuleTable(table)
    rules = find_rules(table)
    kinds = {type(rule).__name__ for rule in rules}
    assert {"Determines", "Sum", "Order", "Presence"} <= kinds
    enforcement = Enforcement(rules, Reexpression(rules, read), read)
    mended = enforcement.apply(drawn, np.random.default_rng(0))
    assert type(mended) is type(drawn)
    computed = Rules(rule for rule in rules if type(rule).__name__ not in ("Bounds", "AbsentPairs"))
    assert rules.broken(drawn).any()
    assert not any(computed.check(mended).share.values())
    # Rows that keep all rules are left alone.
    same = enforcement.apply(table, np.random.default_rng(0))
    np.testing.assert_array_equal(np.asarray(same, dtype=float), np.asarray(table, dtype=float))


def test_what_is_over_is_drawn_as_often_as_in_training_rows():
    table = bills(2000)
    read, rules = RuleTable(table), find_rules(table)
    enforcement = Enforcement(rules, Reexpression(rules, read), read)
    mended = enforcement.apply(noisy(table, 1), np.random.default_rng(0))
    over = (mended["total"] - mended["fare"] - mended["tip"]).round(2).value_counts(normalize=True)
    assert over[[0.5, 1.0, 2.75]].to_numpy() == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    assert (mended["high"] > mended["low"]).all()


def test_what_is_rounded_follows_from_what_is_not():
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 10_000, 400) / 100
    table = pd.DataFrame({"fine": fine, "coarse": np.round(fine, 1), "x": rng.normal(size=400)})
    rules = find_rules(table)
    words = Reexpression(rules, RuleTable(table))
    assert [step.target for step in words.steps] == ["fine"]
    mended = Enforcement(rules, words, RuleTable(table)).apply(
        noisy(table, 1), np.random.default_rng(0)
    )
    assert not rules[0].broken(mended).any()
    assert (mended["coarse"] == mended["coarse"].round(1)).all()
