"""Explanations and contributions as frames of the caller's library."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.instances import fast, fast_detector

COLUMNS = ["row", "column", "value", "expected", "low", "high"]
COLUMNS += ["share", "probability", "contribution", "rule"]


def table(n=150):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 500, n)
    frame = {"a": a, "kind": rng.choice(["u", "v", "w"], n), "twice": 2.0 * a}
    return pd.DataFrame(frame, index=[f"r{i}" for i in range(n)])


@pytest.fixture(scope="module")
def detector():
    return fast_detector().fit(table())


def test_contributions_have_the_rows_index_and_the_columns(detector):
    rows = table()[5:9]
    frame = detector.score_contributions(rows, as_frame=True)
    pd.testing.assert_index_equal(frame.index, rows.index)
    assert list(frame) == list(rows)
    np.testing.assert_array_equal(frame, detector.score_contributions(rows))
    model = fast(max_epochs=1).fit(table())
    frame = model.score_contributions(rows, as_frame=True)
    assert (list(frame.index), list(frame)) == (list(rows.index), list(rows))
    np.testing.assert_array_equal(frame, model.score_contributions(rows))


def test_each_reason_is_a_line(detector):
    rows = table()[:6]
    frame = detector.explain(rows, top=2, as_frame=True)
    found = detector.explain(rows, top=2)
    reasons = [(i, r) for i, own in zip(rows.index, found, strict=True) for r in own]
    parts = detector.score_contributions(rows, as_frame=True)
    assert list(frame) == COLUMNS
    assert list(frame["row"]) == [i for i, _ in reasons]
    assert list(frame["value"]) == [r.value for _, r in reasons]
    assert list(frame["contribution"]) == [parts.loc[i, r.column] for i, r in reasons]
    is_category = frame["column"] == "kind"
    assert (frame["probability"].notna() == is_category).all()
    assert frame.loc[is_category, "low"].isna().all()


@pytest.mark.parametrize("library", [pl.from_pandas, pa.Table.from_pandas])
def test_other_libraries_give_their_own(library):
    plain = table().reset_index(drop=True)
    rows = library(plain[:6])
    other = fast_detector().fit(library(plain))
    parts, reasons = (
        other.score_contributions(rows, as_frame=True),
        other.explain(rows, as_frame=True),
    )
    assert type(parts) is type(reasons) is type(rows)
    as_pandas = reasons.to_pandas()
    assert list(as_pandas) == COLUMNS
    expected = other.explain(rows)
    assert list(as_pandas["row"]) == [i for i, found in enumerate(expected) for _ in found]
    assert list(as_pandas["value"]) == [str(r.value) for found in expected for r in found]
    np.testing.assert_array_equal(parts.to_pandas(), other.score_contributions(rows))


def test_rows_of_arrays_are_numbered():
    X = np.random.default_rng(0).normal(size=(150, 3))
    detector = fast_detector().fit(X)
    frame = detector.explain(X[:3], top=1, as_frame=True)
    assert frame["row"].tolist() == [0, 1, 2]
    assert frame["expected"].dtype == np.float64
    assert list(detector.score_contributions(X[:3], as_frame=True)) == [0, 1, 2]
    assert list(detector.explain(X[:1] * 0 + X.mean(axis=0), as_frame=True)) == COLUMNS
