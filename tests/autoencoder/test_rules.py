"""Drawn rows keep the rules of the training rows, whatever the networks have learned."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules import AbsentPairs, Bounds, Determines, Order, Product, Rules, Sum
from tests.instances import fast
from tests.rules.tables import bills, trips


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


@pytest.mark.parametrize("n_rows", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_drawn_rows_keep_every_rule(model, table, n_rows):
    drawn = model.sample(n_rows, random_state=0)
    shares = model.rules_.check(drawn).share
    assert {"start <= end", "zone determines borough", "amount = pieces * price"} <= {*shares}
    assert not any(shares.values())
    assert len(drawn) == n_rows
    assert drawn.dtypes.equals(table.dtypes)
    assert list(drawn) == list(table)
    assert (drawn["end"] <= table["end"].max()).all()
    assert drawn["zone"].nunique() > 20


def test_durations_are_as_fine_as_those_of_the_training_rows(model, table):
    drawn = model.sample(1000, random_state=0)
    lengths, real = (t["end"] - t["start"] for t in (drawn, table))
    assert lengths.median() < 2 * real.median()
    assert lengths.max() <= real.max()


def test_a_level_that_fit_did_not_see_is_unknown_though_others_determine_it(model, table):
    new, unknown = (table.assign(borough=cell) for cell in ("Narnia", None))
    np.testing.assert_array_equal(model.transform(new), model.transform(unknown))
    assert (model.score_contributions(new)[:, list(table).index("borough")] == 0).all()
    strict = fast(rules="auto", handle_unknown="error").fit(table)
    with pytest.raises(ValueError, match="'borough' has the level 'Narnia'"):
        strict.transform(new)
    # Known levels in the wrong rows are no unknown ones.
    other = table.borough.to_numpy()[::-1]
    assert np.isfinite(strict.transform(table.assign(borough=other))).all()


def test_polars_and_nullable_types(table):
    for convert in (pl.from_pandas, lambda t: t.convert_dtypes()):
        own = convert(table)
        model = fast(rules="auto").fit(own)
        drawn = model.sample(200, random_state=0)
        assert type(drawn) is type(own)
        assert list(drawn.dtypes) == list(own.dtypes)
        assert not any(model.rules_.check(drawn).share.values())


def test_text_that_is_dates_or_numbers_keeps_rules(table):
    text = table.assign(
        start=table["start"].dt.strftime("%d.%m.%Y %H:%M:%S"),
        end=table["end"].dt.strftime("%d.%m.%Y %H:%M:%S"),
        **{name: table[name].map("{:.2f}".format) for name in ("fare", "tip", "subtotal")},
    )
    model = fast().fit(text)
    assert {"start <= end", "subtotal = fare + tip"} <= {*map(str, model.rules_)}
    drawn = model.sample(300, conditions={"end": ("05.03.2024 00:00:00", None)}, random_state=0)
    assert drawn.dtypes.equals(text.dtypes)
    start, end = (pd.to_datetime(drawn[name], dayfirst=True) for name in ("start", "end"))
    assert (start <= end).all()
    assert (end >= "2024-03-05").all()
    fare, tip, subtotal = (drawn[name].astype(float) for name in ("fare", "tip", "subtotal"))
    np.testing.assert_allclose(fare + tip, subtotal)
    gaps = text[:20].copy()
    gaps.loc[:9, "subtotal"] = None
    gaps.loc[10:, "start"] = "soon"  # a known cell that fit cannot read
    filled = model.impute(gaps)
    assert filled["subtotal"].tolist() == text["subtotal"][:20].tolist()
    assert set(filled["start"][10:]) == {"soon"}


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
    drawn = model.sample(10_000, random_state=0)
    assert model.rules_.check(drawn).share["zone determines borough"] == pytest.approx(
        4 / 1000, abs=0.005
    )
    assert 0 < drawn["borough"].eq("Harlem").mean() < 0.01


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
    forbidden = {
        "zone determines borough": {"zone": "zone 01", "borough": ["Queens", "Bronx"]},
        "borough and ticket": {"borough": "Queens", "ticket": ["day", "week"]},
        "start <= end": {
            "start": (pd.Timestamp("2024-03-20"), None),
            "end": (None, pd.Timestamp("2024-03-19")),
        },
        "subtotal = fare": {"subtotal": (None, 10.0), "fare": (10.5, 12), "tip": (None, 2)},
        "amount = pieces": {"amount": (50, None), "pieces": 2},
    }
    for rule, conditions in forbidden.items():
        with pytest.raises(ValueError, match=f"contradict the rule '{rule}") as caught:
            model.sample(5, conditions=conditions)
        assert all(repr(name) in str(caught.value) for name in list(conditions)[:2])
    model.sample(5, conditions={"pieces": 2, "amount": (None, 30.0)})
    with pytest.raises(ValueError, match="has no level 'Harlem'"):
        model.sample(5, conditions={"borough": "Harlem"})
    with pytest.raises(ValueError, match="no column 'nowhere'"):
        model.sample(5, conditions={"nowhere": 1})


def test_conditions_on_what_dates_and_durations_determine():
    rng = np.random.default_rng(0)
    pieces, days = rng.integers(1, 6, 200), rng.integers(0, 14, 200)
    day = pd.Timestamp("2024-03-01", tz="Asia/Tokyo") + pd.to_timedelta(days, "D")
    table = pd.DataFrame(
        {
            "day": day,
            "weekday": days % 7,
            "date": day.tz_localize(None).astype(str).str[:10].astype("M8[s]").astype("category"),
            "odd": (days % 2).astype(str),
            "pieces": pieces,
            "took": pd.to_timedelta(15 * pieces, "min"),
            "long": pd.to_timedelta(10_000 * pieces, "D").astype("m8[s]"),
            "size": pieces.astype(str),
        }
    )
    pairs = [("day", "weekday"), ("date", "odd"), ("pieces", "took"), ("long", "size")]
    model = fast(max_epochs=1, rules=[Determines(*pair) for pair in pairs]).fit(table)
    assert [step.target for step in model._keeper.words.steps] == ["weekday", "odd", "took", "size"]
    for name, wanted in {
        "weekday": [2, 3],
        "odd": ["1"],
        "took": [pd.Timedelta("30min"), pd.Timedelta("45min")],
        "size": ["4"],
    }.items():
        drawn = model.sample(20, conditions={name: wanted}, random_state=0)
        assert {*drawn[name]} <= {*wanted}
        assert not model.rules_.broken(drawn).any()
    first = table.iloc[0]
    for source, target in pairs:
        met = model.sample(2, conditions={name: first[name] for name in (source, target)})
        assert (met[target] == first[target]).all()
        other = table[target][table[target] != first[target]].iloc[0]
        with pytest.raises(ValueError, match=f"contradict the rule '{source} determines"):
            model.sample(2, conditions={source: first[source], target: other})


def test_rules_of_a_column_and_itself():
    table = pd.DataFrame({"a": [1, 2, 3, 4] * 20, "group": [*"pqrs"] * 20})
    table = table.assign(square=table["a"] ** 2, double=2 * table["a"], one=1)
    doubled, squared = Sum("double", ["a", "a"]), Product("square", ["a", "a"])
    itself = [Order("a", "a"), Sum("a", ["a"]), Product("a", ["a", "one"]), Determines("a", "a")]
    model = fast(max_epochs=1, rules=[doubled, squared, *itself]).fit(table)
    assert {step.target for step in model._keeper.words.steps} == {"double", "square"}
    assert not model.rules_.broken(model.sample(50, random_state=0)).any()


def test_conditions_on_what_is_missing_together():
    table = trips(400).drop(columns=["trip"])
    model = fast().fit(table)
    assert "refund is missing where returned is" in map(str, model.rules_)
    assert model.sample(5, conditions={"refund": None, "returned": None})["refund"].isna().all()
    with pytest.raises(ValueError, match="contradict the rule 'refund is missing where returned"):
        model.sample(5, conditions={"refund": (0, None), "returned": None})


def test_conditions_that_no_row_met_together_are_a_warning():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"x": rng.choice([*"abc"], 200), "y": rng.choice([*"pqr"], 200), "z": rng.normal(size=200)}
    )
    table = table[(table["x"] != "a") | (table["y"] != "p")]
    table.loc[table["x"] == "b", "x"] = np.where(
        rng.random((table["x"] == "b").sum()) < 0.1, "b", "c"
    )
    table = table[(table["x"] != "b") | (table["y"] != "q")]
    model = fast(max_epochs=1).fit(table)
    with pytest.warns(
        UserWarning, match="No training row meets the conditions on 'x', 'y'.*about 0"
    ):
        drawn = model.sample(20, conditions={"x": "b", "y": "q"}, random_state=0)
    assert (drawn["x"] + drawn["y"] == "bq").all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.sample(20, conditions={"x": "c", "y": "q"})
        model.sample(20, conditions={"x": "b", "z": (0, None)})


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
    plain = fast(rules=None, max_epochs=1).fit(table)
    assert plain.sample(500, random_state=0).pipe(model.rules_.broken).any()


def test_without_rules_rows_are_the_same_bit_for_bit():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=200), "c": rng.choice([*"abc"], 200)})
    rows = [fast(rules=rules).fit(table).sample(50, random_state=0) for rules in (None, "auto")]
    pd.testing.assert_frame_equal(*rows)
    assert fast(rules=None).fit(table).rules_ == Rules()


def test_rules_that_hardly_any_row_keeps_are_a_warning(model, monkeypatch):
    monkeypatch.setattr(
        type(model._keeper), "is_wrong", lambda self, X, conditions: np.ones(len(X), dtype=bool)
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


@pytest.mark.parametrize("convert", [lambda t: t, pl.from_pandas, lambda t: t.to_numpy()])
def test_numbers_keep_rules(convert):
    table = convert(bills(400))
    model = fast(rules="find").fit(table)
    checked = Rules(rule for rule in model.rules_ if not isinstance(rule, Bounds))
    assert {"Determines", "Sum", "Order", "Presence"} <= {type(r).__name__ for r in checked}
    drawn = model.sample(1000, random_state=0)
    assert type(drawn) is type(table)
    assert not any(checked.check(drawn).share.values())
    np.testing.assert_array_equal(model.sample(1000, random_state=0), drawn)
    plain = fast(rules=None).fit(table)
    assert checked.broken(plain.sample(100, random_state=0)).any()
    np.testing.assert_array_equal(plain.transform(table), model.transform(table))


def test_arrays_are_searched_if_that_is_asked_for():
    table = bills(400).assign(
        zone=np.arange(400) % 20, borough=np.array([*"abcd"])[np.arange(400) % 4]
    )
    array = table.to_numpy(dtype=object)
    assert fast().fit(array).rules_ == Rules()
    assert fast().fit(bills(100).to_numpy()).rules_ == Rules()
    model = fast(rules="find").fit(array)
    drawn = model.sample(300, conditions={11: (3, None)}, random_state=0)
    assert (drawn[:, 11] >= 3).all()
    assert "11 determines 12" in map(str, model.rules_)
    assert not any(model.rules_.check(drawn).share.values())


def test_equal_measurements_stay_equal():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    table = pd.DataFrame({"x": x, "again": x, "more": x + rng.random(300)})
    drawn = fast().fit(table).sample(500, random_state=0)
    assert (drawn["x"] == drawn["again"]).all()
    assert (drawn["x"] <= drawn["more"]).all()


def test_numbers_among_objects_keep_rules():
    table = bills(200).drop(columns=["refund", "reason"]).astype(object)
    model = fast().fit(table)
    checked = Rules(rule for rule in model.rules_ if not isinstance(rule, Bounds))
    assert len(checked) >= 4
    assert not checked.broken(model.sample(300, random_state=0).astype(float)).any()


def test_given_rules_of_arrays_are_kept():
    array = bills(300).to_numpy()
    model = fast(rules=[Order(5, 6), Determines(3, 4)]).fit(array)
    assert [rule.breaks for rule in model.rules_] == [0, 0]
    assert not model.rules_.broken(model.sample(500, random_state=0)).any()


def test_pairs_that_do_not_occur_are_masked():
    rng = np.random.default_rng(0)
    zone = rng.integers(0, 12, 800)
    borough = np.array([*"abcd"])[zone % 4]
    kind = np.where(
        np.isin(borough, ["a", "b"]), rng.choice([*"pq"], 800), rng.choice([*"rs"], 800)
    )
    table = pd.DataFrame({"kind": kind, "zone": zone.astype(str), "borough": borough})
    model = fast(max_epochs=1).fit(table)
    assert {"zone determines borough", "kind and borough: 8 of 16 pairs occur"} <= {
        *map(str, model.rules_)
    }
    assert model._keeper.pairs
    proposed = []
    draw = model._reader.hand_back
    model._reader.hand_back = lambda rows, **more: (proposed.append(len(rows)), draw(rows, **more))[
        1
    ]
    drawn = model.sample(1000, random_state=0)
    assert not model.rules_.broken(drawn).any()
    assert sum(proposed) <= 1500
    assert drawn["kind"].value_counts(normalize=True).between(0.1, 0.45).all()
    del model._reader.hand_back
    filled = model.impute(table.assign(kind=None, zone=None), n_draws=30, random_state=0)
    assert not model.rules_.broken(filled).any()
    assert (filled["borough"] == table["borough"]).all()


def test_the_lower_column_is_as_much_lower_as_it_is_in_rows(model, table):
    gaps = table.assign(start=pd.NaT)
    filled = model.impute(gaps, method="draw", n_draws=20, random_state=0)
    length, real = (t["end"] - t["start"] for t in (filled, table))
    assert (filled["end"] == table["end"]).all()
    assert (length >= pd.Timedelta(0)).all()
    assert 0.5 * real.median() < length.median() < 2 * real.median()


def test_arrays_are_read_as_the_frame_of_fit(model, table):
    with pytest.warns(UserWarning, match="feature names"):
        codes = model.transform(table[:20].to_numpy(dtype=object))
    np.testing.assert_allclose(codes, model.transform(table[:20]), atol=1e-5)
