"""Identifiers are found, hidden from networks, and drawn anew."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.encoding._identifiers import Identifiers
from sklearn_aae.exceptions import IdentifierWarning
from sklearn_aae.rules import Rules, RunningNumber, Unique
from tests.instances import fast, fast_classifier, fast_detector


def people(n=120, start=5):
    rng = np.random.default_rng(0)
    names = [f"Pt-{rng.integers(10**6):06d}{'abc'[i % 3]}" for i in range(n)]
    frame = {"id": np.arange(start, start + n), "age": rng.integers(20, 80, n), "name": names}
    return pd.DataFrame(frame | {"kind": rng.choice(["u", "v"], n)})


def found(frame, **parameters):
    """Return which columns are identifiers."""
    with pytest.warns(IdentifierWarning):
        return Identifiers.of(frame, "auto", **parameters).labels


@pytest.mark.parametrize("convert", [lambda f: f, pl.from_pandas, pd.DataFrame.convert_dtypes])
def test_unique_text_and_numbers_that_count_rows_are_identifiers(convert):
    frame = people()
    assert found(convert(frame)) == ["id", "name"]
    assert found(convert(frame), spared=["id"]) == ["name"]
    shuffled = frame.sample(frac=1, random_state=0)
    assert found(convert(shuffled)) == ["name"]


@pytest.mark.parametrize(
    "column",
    [
        np.arange(60.0),
        np.arange(60) * 2,
        pd.date_range("2024-01-01", periods=60),
        pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"),
        [f"t{i}" for i in range(59)] + ["t0"],
        [f"t{i}" for i in range(59)] + [None],
        [True, False] * 30,
    ],
)
def test_other_columns_are_none(column):
    frame = pd.DataFrame({"a": column, "b": np.random.default_rng(0).normal(size=60)})
    assert not Identifiers.of(frame, "auto")


def test_few_rows_arrays_and_tables_of_nothing_else_are_not_searched():
    frame = people()
    assert not Identifiers.of(frame[:19], "auto")
    assert not Identifiers.of(frame.to_numpy(), "auto")
    assert not Identifiers.of(frame, "keep")
    assert not Identifiers.of(frame[["id", "name"]], "auto")


@pytest.mark.parametrize("dtype", [object, "category", "string", "str"])
def test_fresh_ones_follow_the_pattern_and_are_new(dtype):
    frame = people().astype({"name": dtype})
    with pytest.warns(IdentifierWarning):
        identifiers = Identifiers.of(frame, "auto")
    new = identifiers.fresh(frame[:50], np.random.default_rng(0))
    assert list(new["id"]) == list(range(125, 175))
    assert all(re.fullmatch(r"Pt-\d{6}[abc]", name) for name in new["name"])
    assert new["name"].is_unique
    assert not set(new["name"]) & set(frame["name"])
    assert new["name"].dtype.kind == frame["name"].dtype.kind
    assert new["id"].dtype == frame["id"].dtype


def test_numbers_beyond_their_type_are_of_a_wider_one():
    frame = pd.DataFrame({"id": np.arange(100, dtype=np.int8), "x": 1.0})
    for table in (frame, pl.from_pandas(frame)):
        with pytest.warns(IdentifierWarning):
            new = Identifiers.of(table, "auto").fresh(table, np.random.default_rng(0))
        assert list(new["id"]) == list(range(100, 200))


def test_patterns_that_are_used_up_go_on_with_numbers():
    frame = pd.DataFrame({"code": [f"K{i}" for i in "abcdefghijklmnopqrstuvwxyz"], "x": 1.0})
    with pytest.warns(IdentifierWarning):
        identifiers = Identifiers.of(frame, "auto")
    new = identifiers.fresh(frame, np.random.default_rng(0))["code"]
    assert new.is_unique
    assert not set(new) & set(frame["code"])


@pytest.fixture(scope="module")
def model():
    with pytest.warns(IdentifierWarning, match="'id', 'name'"):
        return fast().fit(people())


def test_a_model_draws_new_identifiers_and_scores_none(model):
    frame = people()
    assert model.n_features_in_ == 4
    drawn = model.sample(30, random_state=1)
    assert list(drawn) == list(frame)
    assert list(drawn["id"]) == list(range(125, 155))
    assert not set(drawn["name"]) & set(frame["name"])
    pd.testing.assert_frame_equal(drawn, model.sample(30, random_state=1))
    parts = model.score_contributions(frame, as_frame=True)
    assert not parts[["id", "name"]].to_numpy().any()
    other = frame.assign(id=7, name="someone else", age=frame["age"])
    np.testing.assert_array_equal(model.transform(frame), model.transform(other))
    assert {Unique("name"), RunningNumber("id", 5)} <= {
        type(r)(*[getattr(r, n) for n in ("column", "start") if hasattr(r, n)])
        for r in model.rules_
        if not r.by_row
    }


def test_rows_that_come_back_keep_their_identifiers(model):
    frame = people()[:10].set_index(np.arange(10) + 50)
    back = model.reconstruct(frame)
    pd.testing.assert_frame_equal(back[["id", "name"]], frame[["id", "name"]])
    assert model.inverse_transform(model.transform(frame))["id"].tolist() == list(range(125, 135))
    holes = frame.astype({"age": float, "id": "Int64"})
    holes.loc[52, ["age", "name"]] = np.nan
    holes.loc[53, "id"] = pd.NA
    filled = model.impute(holes)
    assert filled.loc[53, "id"] == 125
    assert filled["name"].drop(52).equals(frame["name"].drop(52))
    assert filled["name"].is_unique
    assert filled.notna().all(axis=None)


def test_no_condition_can_be_on_an_identifier(model):
    with pytest.raises(ValueError, match="'id' is an identifier"):
        model.sample(3, conditions={"id": 7})
    assert (model.sample(3, conditions={"kind": "u"})["kind"] == "u").all()


def test_a_table_of_numbers_has_identifiers_too():
    frame = people()[["age", "id"]].assign(x=np.random.default_rng(1).normal(size=120))
    with pytest.warns(IdentifierWarning, match="Column 'id'"):
        model = fast().fit(frame)
    assert model.sample(3)["id"].tolist() == [125, 126, 127]
    assert not model.score_contributions(frame)[:, 1].any()
    with pytest.warns(IdentifierWarning):
        detector = fast_detector().fit(frame)
    parts = detector.score_contributions(frame)
    assert not parts[:, 1].any()
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(frame))
    without = fast_detector().fit(frame.drop(columns="id"))
    other = without.score_samples(frame.drop(columns="id"))
    np.testing.assert_array_equal(detector.score_samples(frame), other)
    assert fast_detector(estimator=fast()).fit(frame).score_contributions(frame)[:, 1].any()


@pytest.mark.parametrize("calibration", ["split", "cross"])
def test_a_detector_scores_no_identifiers(calibration):
    frame = people()
    with pytest.warns(IdentifierWarning, match="'id', 'name'"):
        detector = fast_detector(calibration=calibration).fit(frame)
    other = frame.assign(id=-4, name=None)
    np.testing.assert_array_equal(detector.score_samples(frame), detector.score_samples(other))
    assert not detector.score_contributions(frame)[:, [0, 2]].any()
    assert not {r.column for row in detector.explain(frame, top=4) for r in row} & {"id", "name"}
    assert RunningNumber("id", 5).column in {r.columns[0] for r in detector.rules_ if not r.by_row}
    assert np.median(detector.p_values(frame)) > 0.2


def test_columns_that_a_parameter_names_are_kept():
    frame = people()
    with pytest.warns(IdentifierWarning, match="Column 'name'"):
        model = fast(rules=[Unique("id")]).fit(frame)
    assert model.score_contributions(frame)[:, 0].any()
    with pytest.warns(IdentifierWarning, match="Column 'id'"):
        fast(categorical_features=["name", "kind"]).fit(frame)
    kept = fast(identifiers="keep", max_epochs=1).fit(frame)
    assert kept.score_contributions(frame)[:, 2].any()
    assert fast_detector(identifiers="keep").fit(frame).rules_ != Rules()
    fast_classifier(max_epochs=1).fit(frame[["age", "id"]], frame["kind"])


def test_errors_about_later_tables_stay(model):
    frame = people()
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame.rename(columns={"id": "key"}))
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame.drop(columns="id"))
