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
    assert len(lines) == 11
    assert lines[0].startswith("200 synthetic rows, made from 200 real ones")
    good = lines[1].index("good")
    assert len({line[good - 2 : good] for line in lines[2:9]}) == 1
    assert all(line[good - 1] == " " and line[good] != " " for line in lines[2:9])
    assert max(map(len, lines[:9])) <= 88
    (name, score), *_ = sorted(report.column_shapes.details.items(), key=lambda item: item[1])
    assert lines[9].startswith(f"worst columns: {name} {score:.3f}")
    (pair, score), *_ = sorted(report.pair_trends.details.items(), key=lambda item: item[1])
    assert lines[10].startswith(f"worst pairs: {pair[0]} × {pair[1]} {score:.3f}")


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
    assert html.count("<tr>") == 8


def test_to_dict_is_plain(report):
    plain = json.loads(json.dumps(report.to_dict()))
    assert set(plain) == {field.name for field in dataclasses.fields(report)}
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
