"""Broken rules are evidence, and explanations name them."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules import Determines, Difference, Order, Rules, RunningNumber, Sum
from tests.instances import fast, fast_detector
from tests.rules.tables import trips

#: The tables have a running number.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_aae.exceptions.IdentifierWarning")


def plain_trips(n_rows=700, seed=0):
    return trips(n_rows, seed).drop(columns=["returned", "refund"])


def broken_in_turn(rows):
    """Return rows that end before they start, with a wrong borough, and with a wrong total."""
    other = {"Bronx": "Queens", "Queens": "Bronx", "Brooklyn": "Manhattan", "Manhattan": "Brooklyn"}
    late = rows["start"] - pd.Timedelta("10min")
    return {
        "end": rows.assign(end=late),
        "borough": rows.assign(borough=rows["borough"].map(other)),
        "total": rows.assign(total=rows["total"] + 0.17),
    }


@pytest.fixture(scope="module")
def rows():
    return plain_trips(1000)


@pytest.fixture(scope="module")
def detector(rows):
    return fast_detector().fit(rows[:700])


@pytest.mark.parametrize("column", ["end", "borough", "total"])
def test_rows_that_break_a_rule_are_told_and_the_rule_is_named(detector, rows, column):
    usual, odd = rows[700:], broken_in_turn(rows[700:])[column]
    scores = detector.score_samples(pd.concat([usual, odd]))
    assert roc_auc_score(np.repeat([1, 0], 300), scores) > 0.99
    reasons = detector.explain(odd[:20], top=2)
    rule = next(r for r in detector.rules_ if column in r.columns and r.by_row and "=" in f"{r}=")
    for first, second in reasons:
        assert column in (first.column, second.column)
        assert column in first.rule
        assert first.rule.endswith(f"holds in {rule.support:,} of {rule.support:,} rows")
    assert all(reason.rule is None for reason in detector.explain(usual[:1], top=13)[0])


def test_evidence_is_that_of_the_training_rows(detector, rows):
    odd = broken_in_turn(rows[700:])["end"]
    n_training = 700 - detector.n_held_out_
    assert {r.support for r in detector.rules_ if isinstance(r, Order)} == {n_training}
    expected = -np.log(1 / (n_training + 2))
    np.testing.assert_allclose(-detector.score_samples(odd, "rules"), expected)
    assert not detector.score_samples(rows[700:], "rules").any()
    more = detector.score_samples(rows[700:]) - detector.score_samples(odd)
    assert np.median(more) > 0.5 * expected


def test_contributions_add_up_and_are_shared_by_the_columns_of_the_rule(detector, rows):
    odd = broken_in_turn(rows[700:800])["borough"]
    names = list(rows)
    for kind in ("default", "rules"):
        parts = detector.score_contributions(odd, kind)
        np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(odd, kind))
    zone, borough, ticket = (parts[:, names.index(name)] for name in ("zone", "borough", "ticket"))
    np.testing.assert_allclose(zone + borough + ticket, parts.sum(axis=1))
    # Some tickets do not go with the wrong borough either: the borough is in both rules.
    both = ticket > 0
    np.testing.assert_allclose(zone[~both], borough[~both])
    np.testing.assert_allclose(zone[both], borough[both] / 2)
    assert 0 < both.sum() < 100


def test_several_rules_broken_by_one_cell_count_once():
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, 10_000, (3, 400))
    table = pd.DataFrame({"a": a, "b": b, "c": c, "ab": a + b, "ac": a + c})
    detector = fast_detector(rules=[Sum("ab", ["a", "b"]), Sum("ac", ["a", "c"])]).fit(table)
    one = table[:1].assign(a=a[0] + 1)  # breaks both
    other = table[:1].assign(ab=0)  # breaks one
    two = table[:1].assign(ab=0, ac=0)  # one cell would explain this, too
    scores = [-detector.score_samples(row, "rules")[0] for row in (one, other, two)]
    np.testing.assert_allclose(scores, np.log(400 - detector.n_held_out_ + 2))
    assert detector.explain(one, top=1, kind="rules")[0][0].column == "a"


def test_rows_that_were_held_out_say_nothing_of_rules(rows):
    table = rows[:400].copy()
    index = fast_detector().fit(table).held_out_indices_
    table.loc[table.index[index], "borough"] = "Nowhere"
    detector = fast_detector().fit(table)
    (rule,) = (rule for rule in detector.rules_ if isinstance(rule, Determines))
    assert (rule.support, rule.breaks) == (400 - len(index), 0)
    # They break it as later rows do, and calibrate p-values with it.
    assert detector.p_values(table.iloc[index[:1]])[0] > 0.02


def test_keys_are_found_and_say_nothing_of_single_rows(detector, rows):
    assert RunningNumber("trip") in detector.rules_
    again = pd.concat([rows[700:701]] * 2)
    assert not detector.score_samples(again, "rules").any()


def test_rules_are_sought_in_frames_and_in_arrays_if_asked():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, (300, 2)).astype(float)
    X = np.column_stack([X, X.sum(axis=1)])
    assert fast_detector().fit(X).rules_ == Rules()
    found = fast_detector(rules="find").fit(X)
    assert [str(rule) for rule in found.rules_ if isinstance(rule, Sum)] == ["2 = 0 + 1"]
    wrong = X[:1] + np.array([0.0, 0.0, 5.0])
    assert found.score_samples(wrong, "rules")[0] < -5
    assert found.explain(wrong)[0][0].rule.startswith("2 = 0 + 1 holds in")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    assert "c = a + b" in map(str, fast_detector().fit(frame).rules_)


def test_without_rules_all_is_as_for_arrays():
    X = np.random.default_rng(0).normal(size=(200, 3))
    frame = pd.DataFrame(X, columns=list("abc"))
    detector = fast_detector(rules=None).fit(frame)
    np.testing.assert_array_equal(
        detector.score_samples(frame), fast_detector().fit(X).score_samples(X)
    )
    assert detector.rules_ == Rules()
    with pytest.raises(ValueError, match="needs rules, and none were found or given"):
        detector.score_samples(frame, "rules")
    with pytest.raises(ValueError, match="needs rules"):
        fast_detector(kind="rules").fit(X)


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda t: t.convert_dtypes()])
def test_other_frames_give_the_same_evidence(detector, rows, convert):
    other = fast_detector().fit(convert(rows[:700]))
    assert list(map(str, other.rules_)) == list(map(str, detector.rules_))
    for odd in broken_in_turn(rows[700:750]).values():
        np.testing.assert_allclose(
            other.score_samples(convert(odd), "rules"), detector.score_samples(odd, "rules")
        )


def test_a_given_model_minds_rules_too():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, (300, 2)).astype(float)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X.sum(axis=1)})
    frozen = FrozenEstimator(fast().fit(frame.to_numpy()))
    for estimator in (fast(), frozen):
        detector = fast_detector(rules=[Sum("c", ["a", "b"])], estimator=estimator).fit(frame)
        assert detector.score_samples(frame[:1].assign(c=0.5), "rules")[0] < -5


def test_cells_that_are_like_none_of_fit_s_break_no_rule():
    table = plain_trips(300).astype({"total": object})
    detector = fast_detector().fit(table)
    odd = table[:3].copy()
    odd["total"] = ["much", None, 0.25]
    scores = detector.score_samples(odd, "rules")
    assert (scores[:2] == 0).all()
    assert scores[2] < -5


def test_missing_cells_make_no_other_number_of_float32_break_a_rule():
    rng = np.random.default_rng(0)
    X = np.round(rng.gamma(2, 3, (100, 3)), 2)
    X[:, 2] = np.round(X[:, 0] - X[:, 1], 2)
    X = X.astype(np.float32)
    detector = fast_detector(rules=[Difference(2, 0, 1)]).fit(X)
    with_gap = X.copy()
    with_gap[5, 0] = np.nan
    others = np.delete(np.arange(100), 5)
    expected = detector.score_samples(X)[others]
    np.testing.assert_allclose(detector.score_samples(with_gap)[others], expected, rtol=1e-6)


def test_copies_mind_rules(detector, rows):
    odd = broken_in_turn(rows[700:750])["end"]
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.score_samples(odd), detector.score_samples(odd))
    assert again.rules_ == detector.rules_


def test_p_values_of_the_kind_rules(rows):
    detector = fast_detector(kind="rules").fit(rows[:700])
    assert (detector.predict(rows[700:]) == 1).all()
    assert (detector.predict(broken_in_turn(rows[700:])["end"]) == -1).all()
    assert detector.p_values(rows[700:]).min() == 1


@pytest.mark.parametrize(
    "rules, error, message",
    [
        ("some", ValueError, "rules must be"),
        (["a <= b"], ValueError, "rules must be"),
        ([Order("start", "finish")], RuleError, "'finish', which is not among"),
        ([Order("end", "start")], RuleError, "broken by"),
        ([Order("start", "end", True), Order("end", "start")], RuleError, "contradicts"),
    ],
)
def test_rules_that_do_not_fit_are_named_and_leave_no_trace(rows, rules, error, message):
    detector = fast_detector(rules=rules)
    with pytest.raises(error, match=message):
        detector.fit(rows[:200])
    assert not hasattr(detector, "rules_")


@pytest.mark.parametrize("make", [lambda frame: frame, lambda frame: frame.assign(t="u")])
def test_rows_that_break_a_rule_are_named_by_their_place_in_the_table(make):
    table = pd.DataFrame({"a": np.arange(300.0), "b": np.arange(300.0) + 1})
    table.loc[250:, "b"] = -1.0
    with pytest.raises(RuleError, match=r"rows 25\d, ") as raised:
        fast_detector(rules=[Order("a", "b")]).fit(make(table))
    assert set(raised.value.rows) <= set(range(250, 300))


@pytest.mark.parametrize("rules", ["auto", [Sum("c", ["a", "b"])]])
@pytest.mark.parametrize("mixed", [False, True])
def test_out_of_fold_scores_mind_the_rules_of_the_other_folds(rules, mixed):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(0, 1000, (240, 2)), columns=["a", "b"])
    table["c"] = table["a"] + table["b"]
    if mixed:
        table["d"] = rng.choice(["x", "y"], 240)
    detector = fast_detector(calibration="cross", rules=rules).fit(table)
    odd = table.assign(c=table["c"] + 7)
    assert detector.p_values(odd).max() < 0.02
    # Were the rules of fit not sought in the folds, all p-values of usual rows would be small.
    assert abs(np.median(detector.p_values(table)) - 0.5) < 0.2
    assert detector.p_values(table, "rules").min() == 1
