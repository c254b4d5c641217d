"""The report: the same figures as its parts, readable, and plain as a dictionary."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.metrics import (
    column_shapes,
    copy_share,
    ml_efficacy,
    near_copies,
    pair_trends,
    synthetic_report,
)
from tests.metrics.mixed import mixed_table, shuffled
from tests.rules.tables import trips


@pytest.fixture(scope="module")
def parts():
    table = mixed_table(600)
    return table[:200], shuffled(table[200:400]), table[400:]


@pytest.fixture(scope="module")
def report(parts):
    return synthetic_report(*parts, target="grade", random_state=0)


def test_it_holds_what_the_functions_return(parts, report):
    real, synthetic, held_out = parts
    assert report.column_shapes == column_shapes(real, synthetic)
    assert report.pair_trends == pair_trends(real, synthetic)
    assert report.held_out_trends == pair_trends(real, held_out)
    assert report.copy_share == copy_share(*parts)
    assert report.near_copies == near_copies(*parts)
    # Another seed; trees on so few rows draw nothing.
    assert report.ml_efficacy == ml_efficacy(*parts, "grade", random_state=5)
    assert report.n_rows == {"real": 200, "synthetic": 200, "held_out": 200}


def test_it_tells_good_from_bad(parts, report):
    real, _, held_out = parts
    good = synthetic_report(real, mixed_table(200, seed=7), held_out, target="grade")
    assert good.pair_trends.score > report.pair_trends.score
    assert good.c2st.score < report.c2st.score
    assert good.ml_efficacy.score > report.ml_efficacy.score
    copies = synthetic_report(real, real, held_out)
    assert copies.dcr.score > 0.9
    assert copies.near_copies.score == copies.copy_share.score == 1


def test_repr(report):
    lines = repr(report).splitlines()
    assert len(lines) == 17
    assert lines[0].startswith("200 synthetic rows, made from 200 real ones")
    good = lines[1].index("good")
    assert len({line[good - 2 : good] for line in lines[2:12]}) == 1
    assert all(line[good - 1] == " " and line[good] != " " for line in lines[2:12])
    assert max(map(len, lines[:12])) <= 88
    (name, score), *_ = sorted(report.column_shapes.details.items(), key=lambda item: item[1])
    assert lines[12].startswith(f"worst columns: {name} {score:.3f}")
    (pair, score), *_ = sorted(report.pair_trends.details.items(), key=lambda item: item[1])
    assert lines[13].startswith(f"worst pairs: {pair[0]} × {pair[1]} {score:.3f}")


def test_missing_cells_and_cells_beyond_the_training_range():
    real = pd.DataFrame({"x": [0.0, 1, 2, 3], "day": pd.to_datetime(["2020-01-01"] * 4), "c": "a"})
    synthetic = real.assign(x=[-1.0, 1, 4, None], c=["a", None, None, None])
    held_out = real.assign(day=pd.to_datetime(["2020-01-01"] * 3 + ["2020-01-02"]))
    report = synthetic_report(real, synthetic, held_out, random_state=0)
    assert report.missing_cells.details == {"x": 0.25, "day": 0, "c": 0.75}
    assert report.missing_cells.score == pytest.approx(4 / 12)
    assert report.held_out_missing_cells.score == 0
    # A category has no range; a missing cell is neither inside nor outside.
    assert report.outside_range.details == pytest.approx({"x": 2 / 3, "day": 0})
    assert report.outside_range.score == pytest.approx(2 / 7)
    assert report.held_out_outside_range.details == {"x": 0, "day": 0.25}
    rows = {line[:20].strip(): line for line in repr(report).splitlines()}
    assert rows["missing cells"].split()[2:4] == ["33.33%", "0.00%"]
    assert "28.57%" in rows["outside training ran"]
    assert "12.50%" in rows["outside training ran"]
    assert "missing cells, for those in real: c 75.00% for 0.00%, x 25.00% for 0.00%" in repr(
        report
    )


@pytest.mark.parametrize(
    "cell",
    [pd.Timestamp("2024-03-01"), 2**60, 0.1, 1e300, "a", True, pd.Timedelta(1), -(2**64)],
    ids=str,
)
def test_constant_columns_score_1_and_are_named_with_their_pairs_left_out(cell):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=90), "g": rng.choice(["a", "b"], 90)})
    table["same"] = pd.Series([cell] * 90)
    report = synthetic_report(table[:30], table[30:60], table[60:], random_state=0)
    assert report.column_shapes.details["same"] == 1
    assert report.constant_columns == ("same",)
    trends = report.pair_trends
    assert [pair for pair, score in trends.details.items() if np.isnan(score)] == [
        ("x", "same"),
        ("g", "same"),
    ]
    assert trends.score == trends.details["x", "g"]
    assert "constant, pairs left out: same" in repr(report)
    json.dumps(report.to_dict())


@pytest.mark.parametrize(
    "cells",
    [
        lambda k: np.array([-1.7e308, 0.0, 1.7e308])[k],
        lambda k: 1e9 + 1e-5 * k,
        lambda k: 2.0**60 + 256 * k,
        lambda k: pd.Series([10**300 * int(i) for i in k], dtype=object),
        lambda k: pd.Timestamp("2024-01-01") + pd.to_timedelta(k, unit="ns"),
    ],
    ids=["as wide as float64", "narrow", "floats as ids", "beyond squares", "nanoseconds"],
)
def test_numbers_of_any_size_are_judged_as_small_ones(cells):
    rng = np.random.default_rng(0)
    k, x = rng.integers(3, size=(2, 240))
    table = pd.DataFrame({"x": x + k, "g": np.array(["u", "v", "w"])[x]})
    found, expected = (
        synthetic_report(t[:80], t[80:160], t[160:], target="k", random_state=0)
        for t in (table.assign(k=cells(k)), table.assign(k=k))
    )
    for name in ("column_shapes", "pair_trends", "outside_range"):
        details = getattr(found, name).details
        assert details == pytest.approx(getattr(expected, name).details, rel=1e-3)
    for name in ("c2st", "ml_efficacy", "dcr", "copy_share", "near_copies"):
        score = getattr(found, name).score
        assert score == pytest.approx(getattr(expected, name).score, rel=1e-6)


def test_to_dict_keeps_columns_whose_labels_look_alike():
    rng = np.random.default_rng(0)
    labels = [1, "1", "'1'", ("a", "b", 1), ("a", "b", 2)]
    tables = []
    for _ in range(3):
        table = pd.DataFrame(rng.normal(size=(9, len(labels))))
        table.columns = pd.Index(labels, tupleize_cols=False)
        tables.append(table)
    report = synthetic_report(*tables, target="1", random_state=0)
    plain = json.loads(json.dumps(report.to_dict()))
    shapes = plain["column_shapes"]["details"]
    assert list(shapes.values()) == list(report.column_shapes.details.values())
    assert list(shapes)[:2] == ["1", "'1'"]
    assert plain["target"] == "'1'"
    assert sum(map(len, plain["pair_trends"]["details"].values())) == 10


def test_the_target_is_checked_before_any_work(parts, monkeypatch):
    from sklearn_aae.metrics import _synthetic_report as module

    monkeypatch.setattr(module, "MixedDistance", lambda *args: pytest.fail("work was done"))
    real, synthetic, held_out = parts
    with pytest.raises(ValueError, match="target='city' has a single value in held_out"):
        synthetic_report(real, synthetic, held_out.assign(city="Ulm"), target="city")


def test_long_labels_are_shortened(parts):
    renamed = [part.rename(columns={"city": "c" * 80, "grade": "g" * 80}) for part in parts]
    text = repr(synthetic_report(*renamed, target="g" * 80, random_state=0))
    assert "c" * 30 not in text
    assert "g" * 30 not in text
    assert "…" in text


def test_html_is_escaped(parts):
    renamed = [part.rename(columns={"grade": "<b>&"}) for part in parts]
    html = synthetic_report(*renamed, target="<b>&", random_state=0)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert html.count("<tr>") == 11


def test_to_dict_is_plain(report):
    plain = json.loads(json.dumps(report.to_dict()))
    names = {field.name for field in dataclasses.fields(report)}
    assert set(plain) == names | {"verdict", "failures"}
    assert plain["pair_trends"]["details"]["height"]["city"] == pytest.approx(
        report.pair_trends.details["height", "city"]
    )
    assert plain["dcr"]["score"] == report.dcr.score
    assert plain["target"] == "grade"


def test_seeds_and_containers(parts, report):
    assert synthetic_report(*parts, target="grade", random_state=0) == report
    in_polars = synthetic_report(*map(pl.from_pandas, parts), target="grade", random_state=0)
    assert in_polars == report
    state = np.random.get_state()[1].copy()
    other = synthetic_report(*parts, target="grade", random_state=np.random.RandomState(1))
    assert other.c2st != report.c2st
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_it_is_frozen_and_needs_no_target(parts, report):
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.target = "city"
    without = synthetic_report(*parts, random_state=0)
    assert without.ml_efficacy is None
    assert "efficacy" not in repr(without)
    assert without.to_dict()["ml_efficacy"] is None


def test_one_column_and_empty_columns(parts):
    tables = [part[["height"]] for part in parts]
    assert "worst pairs" not in repr(synthetic_report(*tables, random_state=0))
    empty = [pd.DataFrame({"x": [None] * 9, "y": [1.0] * 9}) for _ in range(3)]
    report = synthetic_report(*empty, random_state=0)
    assert report.c2st.score == 0.5
    assert report.dcr.score == 0.5


def test_bad_input(parts):
    real, synthetic, held_out = parts
    with pytest.raises(ValueError, match="target='town' is not among the columns"):
        synthetic_report(*parts, target="town")
    with pytest.raises(ValueError, match="held_out has 2 rows; at least 3"):
        synthetic_report(real, synthetic, held_out[:2])
    with pytest.raises(ValueError, match=r"synthetic has columns that real has not: \['x'\]"):
        synthetic_report(real, synthetic.assign(x=1), held_out)


@pytest.fixture(scope="module")
def judged_trips():
    table = trips(600)
    drawn = trips(200, seed=1)
    drawn.loc[:9, "end"] = drawn.loc[:9, "start"] - pd.Timedelta("1min")
    drawn.loc[50:, "borough"] = "Queens"
    return synthetic_report(table[:300], drawn, table[300:], random_state=0)


def test_rules_that_real_rows_keep_and_synthetic_ones_break_fail(judged_trips):
    report = judged_trips
    assert report.broken_rules.details["start <= end"] == 10 / 200
    assert report.held_out_broken_rules.details["start <= end"] == 0
    assert not any("trip" in rule.columns for rule in report.rules)
    assert report.failures[0] == "zone determines borough"
    assert "start <= end" in report.failures
    assert report.verdict == f"fails: {len(report.failures)} rules broken"
    assert 0.5 < report.broken_rules.score < 0.9
    text = repr(report)
    assert "broken rules, for those in real: zone determines borough" in text
    assert text.endswith(f"verdict by {len(report.rules)} rules: {report.verdict}")
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["verdict"] == report.verdict
    assert plain["rules"]["zone determines borough"]["support"] == 300
    assert plain["broken_rules"]["details"]["start <= end"] == 0.05


def test_rules_that_hold_pass():
    table = trips(600)
    report = synthetic_report(table[:300], trips(200, seed=1), table[300:], random_state=0)
    assert len(report.rules) > 5
    assert report.failures == []
    assert report.verdict == "passes"


def test_arrays_have_rules_too():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 99, (120, 2))
    X = np.column_stack([X, X.sum(axis=1)])
    report = synthetic_report(X[:60], X[:30] + np.array([1, 0, 0]), X[60:], random_state=0)
    assert report.broken_rules.details["2 = 0 + 1"] == 1
