"""Drawn rows keep the rules of the training rows, whatever the networks have learned."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules import AbsentPairs, Determines, Order, Rules, Sum
from tests.instances import fast
from tests.rules.tables import trips


def plain_trips(n_rows=400, seed=0):
    return trips(n_rows, seed).drop(columns=["returned", "refund", "trip"])


RULES = [
    Order("start", "end"),
    Determines("zone", "borough"),
    Sum("subtotal", ["fare", "tip"]),
]


@pytest.fixture(scope="module")
def table():
    return plain_trips()


@pytest.fixture(scope="module")
def model(table):
    return fast(rules="auto").fit(table)


def test_drawn_rows_keep_every_rule(model, table):
    drawn = model.sample(1000, random_state=0)
    shares = model.rules_.check(drawn).share
    assert {"start <= end", "zone determines borough", "amount = pieces * price"} <= {*shares}
    assert not any(shares.values())
    assert len(drawn) == 1000
    assert drawn.dtypes.equals(table.dtypes)
    assert list(drawn) == list(table)
    assert (drawn["end"] <= table["end"].max()).all()
    assert drawn["zone"].nunique() > 20


def test_durations_are_as_fine_as_those_of_the_training_rows(model, table):
    drawn = model.sample(1000, random_state=0)
    lengths, real = (t["end"] - t["start"] for t in (drawn, table))
    assert lengths.median() < 2 * real.median()
    assert lengths.max() <= real.max()


def test_polars_and_nullable_types(table):
    for convert in (pl.from_pandas, lambda t: t.convert_dtypes()):
        own = convert(table)
        model = fast(rules="auto").fit(own)
        drawn = model.sample(200, random_state=0)
        assert type(drawn) is type(own)
        assert list(drawn.dtypes) == list(own.dtypes)
        assert not any(model.rules_.check(drawn).share.values())


def test_draws_repeat_themselves_and_differ_by_seed(model):
    first = model.sample(50, random_state=0)
    pd.testing.assert_frame_equal(model.sample(50, random_state=0), first)
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(model)).sample(50, random_state=0), first
    )
    assert not model.sample(50, random_state=1).equals(first)


def test_a_rule_that_holds_in_a_share_is_kept_in_that_share():
    table = plain_trips(1000)
    table.loc[:3, "borough"] = "Harlem"
    model = fast(rules=[Determines("zone", "borough")], max_epochs=10).fit(table)
    assert model.rules_[0].breaks == 4
    assert 0 < model.sample(3000, random_state=0)["borough"].eq("Harlem").mean() < 0.02


@pytest.mark.parametrize(
    "conditions",
    [
        {"borough": "Bronx"},
        {"borough": ["Queens", "Brooklyn"], "ticket": "single"},
        {"zone": "zone 03", "total": (20, 60)},
        {"subtotal": (None, 30.0)},
        {"end": (pd.Timestamp("2024-03-05"), pd.Timestamp("2024-03-25"))},
    ],
)
def test_conditions_are_met_and_rules_kept(model, conditions):
    drawn = model.sample(60, conditions=conditions, random_state=0)
    assert len(drawn) == 60
    assert not any(model.rules_.check(drawn).share.values())
    for name, wanted in conditions.items():
        low, high = wanted if isinstance(wanted, tuple) else (None, None)
        if isinstance(wanted, tuple):
            assert low is None or (drawn[name] >= low).all()
            assert high is None or (drawn[name] <= high).all()
        else:
            assert {*drawn[name]} <= {*(wanted if isinstance(wanted, list) else [wanted])}


def test_conditions_that_rules_do_not_allow_are_errors(model, table):
    assert {*table["borough"][table["zone"] == "zone 01"]} == {"Brooklyn"}
    with pytest.raises(ValueError, match="met too rarely"):
        model.sample(5, conditions={"zone": "zone 01", "borough": "Queens"})
    with pytest.raises(ValueError, match="has no level 'Harlem'"):
        model.sample(5, conditions={"borough": "Harlem"})
    with pytest.raises(ValueError, match="no column 'nowhere'"):
        model.sample(5, conditions={"nowhere": 1})


def test_classes_are_kept_with_the_rules(table):
    model = fast(rules=RULES, supervision="decoder").fit(table, table["ticket"])
    drawn = model.sample(y=["day"] * 20 + ["single"] * 30, random_state=0)
    assert len(drawn) == 50
    assert not any(model.rules_.check(drawn).share.values())


def test_missing_cells_are_looked_up_and_computed(model, table):
    gaps = table[:60].copy()
    gaps.loc[:9, "borough"] = None
    gaps.loc[10:19, "subtotal"] = np.nan
    gaps.loc[20:29, "fare"] = np.nan
    gaps.loc[30:39, "start"] = pd.NaT
    gaps.loc[40:49, "end"] = pd.NaT
    for method in ("mode", "draw"):
        filled = model.impute(gaps, method=method, n_draws=5, random_state=0)
        assert not filled.isna().any().any()
        assert (filled["borough"] == table["borough"][:60]).all()
        np.testing.assert_allclose(filled["subtotal"], table["subtotal"][:60])
        np.testing.assert_allclose(filled["fare"], table["fare"][:60])
        known = gaps.notna()
        for name in gaps:
            assert (filled[name][known[name]] == gaps[name][known[name]]).all()
        shares = Rules(RULES).check(filled).share
        assert not any(shares.values())


def test_scores_and_codes_speak_of_the_users_columns(model, table):
    assert model.n_features_in_ == table.shape[1]
    assert model.score_contributions(table[:5]).shape == (5, table.shape[1])
    wrong = table[:50].assign(end=table["start"][:50] - pd.Timedelta("2h"))
    assert (model.score_samples(wrong) <= model.score_samples(table[:50])).mean() > 0.5
    back = model.reconstruct(table[:50])
    assert not any(Rules(RULES).check(back).share.values())
    assert model.transform(wrong).shape == (50, 2)


def test_rows_that_break_rules_can_be_read(model, table):
    other = table[:5].assign(borough="Harlem", subtotal=1.0)
    assert np.isfinite(model.score_samples(other)).all()


def test_what_is_not_kept_by_the_networks_is_drawn_again():
    rng = np.random.default_rng(0)
    x = rng.choice([*"abcd"], 600)
    y = np.where(np.isin(x, ["a", "b"]), rng.choice([*"pq"], 600), rng.choice([*"rs"], 600))
    table = pd.DataFrame({"x": x, "y": y, "z": rng.normal(size=600)})
    model = fast(rules="auto", max_epochs=1).fit(table)
    assert [type(rule) for rule in model.rules_ if rule.columns == ("x", "y")] == [AbsentPairs]
    assert not model.rules_.broken(model.sample(500, random_state=0)).any()
    assert fast(max_epochs=1).fit(table).sample(500, random_state=0).pipe(model.rules_.broken).any()


def test_without_rules_rows_are_the_same_bit_for_bit():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=200), "c": rng.choice([*"abc"], 200)})
    rows = [fast(rules=rules).fit(table).sample(50, random_state=0) for rules in (None, "auto")]
    pd.testing.assert_frame_equal(*rows)
    assert fast().fit(table).rules_ == Rules()


def test_rules_that_hardly_any_row_keeps_are_a_warning(model, monkeypatch):
    monkeypatch.setattr(
        type(model._reader), "is_wrong", lambda self, X, conditions: np.ones(len(X), dtype=bool)
    )
    with pytest.warns(UserWarning, match="keep all rules"):
        assert len(model.sample(5)) == 5


def test_rules_that_do_not_fit_are_named(table):
    with pytest.raises(RuleError, match="'finish', which is not among"):
        fast(rules=[Order("start", "finish")]).fit(table)
    with pytest.raises(RuleError, match="broken by"):
        fast(rules=[Order("end", "start")]).fit(table)
    with pytest.raises(ValueError, match="rules must be"):
        fast(rules="many").fit(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fast(rules="auto").fit(np.random.default_rng(0).normal(size=(50, 3)))
    assert model.rules_ == Rules()


def test_arrays_are_read_as_the_frame_of_fit(model, table):
    with pytest.warns(UserWarning, match="feature names"):
        codes = model.transform(table[:20].to_numpy(dtype=object))
    np.testing.assert_allclose(codes, model.transform(table[:20]), atol=1e-5)
