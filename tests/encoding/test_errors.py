"""What TableEncoder refuses, and what it says then."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_aae import AAEClassifier, AdversarialAutoencoder, TableEncoder
from sklearn_aae.exceptions import UnsupportedColumnsError

FIT_ERRORS = [
    ({"a": [1.0, np.inf]}, ValueError, "Column 'a' has infinite cells, the first in row 1"),
    ({"a": [1, 10**400]}, ValueError, "Column 'a' has infinite cells"),
    ({"a": [["x"], ["y"]]}, TypeError, "Column 'a' holds cells of type list"),
    ({"a": ["x", {"k": 1}]}, TypeError, "Column 'a' holds cells of type dict"),
    ({"a": [(1, 2), (3, 4)]}, TypeError, "Column 'a' holds cells of type tuple"),
    (
        {"a": pd.period_range("2020", periods=2, freq="M")},
        UnsupportedColumnsError,
        r"Column 'a' is of type period\[M\], which is neither",
    ),
    ({"a": [1 + 2j, 3j]}, UnsupportedColumnsError, "Column 'a' is of type complex128"),
    (
        {"a": np.array([datetime.datetime(2020, 1, 1), pd.Timestamp("2020", tz="Asia/Tokyo")])},
        TypeError,
        "Column 'a' mixes dates with and without a time zone, the first in rows 1 and 0",
    ),
]


@pytest.mark.parametrize("columns, error, message", FIT_ERRORS)
def test_cells_that_cannot_be_read(columns, error, message):
    X = pd.DataFrame(columns)
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


def test_unsupported_columns_are_named():
    with pytest.raises(UnsupportedColumnsError) as caught:
        TableEncoder().fit(pl.DataFrame({"a": [1], "b": [[1, 2]]}))
    assert caught.value.columns == ["b"]


@pytest.mark.parametrize(
    "X, error, message",
    [
        (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\) \(shape=\(0, 1\)\)"),
        (pl.DataFrame(), ValueError, r"0 sample\(s\)"),
        (pd.DataFrame(index=[1, 2]), ValueError, r"0 feature\(s\) \(shape=\(2, 0\)\)"),
        (pd.Series([1, 2]), ValueError, "Expected a 2-dimensional container"),
        (pl.Series([1, 2]), ValueError, "Expected 2D array|2-dimensional"),
        ([1, 2], ValueError, "Expected 2D array, got 1D array"),
        ("abc", ValueError, "Expected 2D array, got scalar"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "named alike: 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), TypeError, "feature names"),
        (np.array([[1j]]), ValueError, "Complex data not supported"),
    ],
)
def test_what_is_no_table(X, error, message):
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"max_levels": 1}, "max_levels"),
        ({"max_levels": "many"}, "max_levels"),
        ({"max_categories": 1}, "max_categories"),
        ({"min_frequency": 0}, "min_frequency"),
        ({"min_frequency": 1.5}, "min_frequency"),
        ({"handle_unknown": "surprise"}, "handle_unknown"),
        ({"categorical_features": "sex"}, "categorical_features"),
        ({"categorical_features": ["sex"]}, "'sex' is neither a label nor a position among"),
        ({"categorical_features": [2]}, "2 is neither a label nor a position"),
        ({"categorical_features": [True]}, "a mask of 1 entries for 2 columns"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with pytest.raises(ValueError, match=message):
        TableEncoder(**parameters).fit(table)


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "get_feature_names_out", "_to_levels"],
)
def test_before_fit(method):
    args = () if method == "get_feature_names_out" else ([[1]],)
    with pytest.raises(NotFittedError, match="TableEncoder"):
        getattr(TableEncoder(), method)(*args)
    with pytest.raises(NotFittedError, match="TableEncoder"):
        TableEncoder()._from_levels(np.zeros((1, 1), int), None)
    with pytest.raises(NotFittedError, match="TableEncoder"):
        TableEncoder()._level_shares(0, 1)


def table(**columns):
    return pd.DataFrame(
        {
            "n": [1.0, 2.0],
            "s": ["a", "b"],
            "ok": [True, False],
            "day": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "lap": pd.to_timedelta([1, 2], "h"),
            "gone": [None, None],
            **columns,
        }
    )


@pytest.mark.parametrize("method", ["transform", "_to_levels"])
@pytest.mark.parametrize(
    "columns, error, message",
    [
        ({"n": ["a", "b"]}, TypeError, "Column 'n' is of kind 'category' .*was 'number' .*cast it"),
        ({"n": [True, False]}, TypeError, "Column 'n' is of kind 'boolean'"),
        ({"s": [1, 2]}, TypeError, "Column 's' is of kind 'number'"),
        ({"s": [True, False]}, TypeError, "Column 's' is of kind 'boolean'"),
        ({"ok": [0, 1]}, TypeError, "Column 'ok' is of kind 'number'"),
        ({"ok": ["True", "x"]}, TypeError, "Column 'ok' is of kind 'category'"),
        ({"day": ["2020-01-01", "2020"]}, TypeError, "Column 'day' is of kind 'category'"),
        ({"lap": [1, 2]}, TypeError, "Column 'lap' is of kind 'number'"),
        ({"s": ["a", "new"]}, ValueError, "'s' has the level 'new', which fit did not see; known"),
        ({"gone": ["a", None]}, ValueError, "Column 'gone' had no present cell in fit"),
        ({"n": [1, np.inf]}, ValueError, "Column 'n' has infinite cells, the first in row 1"),
        ({"more": [1, 2]}, ValueError, "feature names.*\n.*unseen at fit"),
    ],
)
def test_tables_unlike_the_one_in_fit(method, columns, error, message):
    encoder = TableEncoder(handle_unknown="error").fit(pd.concat([table()] * 5))
    other = table(**columns)
    with pytest.raises(error, match=message):
        getattr(encoder, method)(other)


def test_a_boolean_that_fit_did_not_see():
    encoder = TableEncoder(handle_unknown="error").fit(pd.DataFrame({"ok": [True] * 5}))
    with pytest.raises(ValueError, match="'ok' has the level"):
        encoder._to_levels(pd.DataFrame({"ok": [False]}))


def test_columns_in_another_order():
    encoder = TableEncoder().fit(table())
    with pytest.raises(ValueError, match="same order"):
        encoder.transform(table()[::-1].iloc[:, ::-1])
    numbered = pd.DataFrame([[1, "a"], [2, "b"]])
    encoder = TableEncoder().fit(numbered)
    with pytest.raises(ValueError, match=r"in that order: \[0, 1\]; got \[1, 0\]"):
        encoder.transform(numbered[[1, 0]])


def test_handle_unknown_error_is_an_error_for_long_lists_too():
    names = pd.DataFrame({"name": [f"n{i}" for i in range(100)]})
    encoder = TableEncoder(handle_unknown="error").fit(names)
    new = pd.DataFrame({"name": ["n100"]})
    with pytest.raises(ValueError, match=r"'name' has the level 'n100'.*and 95 more"):
        encoder.transform(new)
    rare = TableEncoder(handle_unknown="error").fit(pd.DataFrame({"name": ["n1", "n2"]}))
    with pytest.raises(ValueError, match="'name' has the level 'n100'"):
        rare.transform(new)


def test_text_among_numbers_that_are_labels():
    known, mixed = pd.DataFrame({"zip": [1, 2] * 5}), pd.DataFrame({"zip": [1, "x"]})
    strict = TableEncoder(categorical_features=[0], handle_unknown="error").fit(known)
    with pytest.raises(ValueError, match="'zip' has the level 'x', which fit did not see"):
        strict.transform(mixed)
    encoder = TableEncoder(categorical_features=[0]).fit(known)
    assert encoder._to_levels(mixed).ravel().tolist() == [0, -1]


@pytest.mark.parametrize(
    "matrix, message",
    [
        (np.zeros((2, 3)), r"X has 3 columns, but TableEncoder.transform returns 2"),
        (np.array([[0, np.nan]]), "NaN"),
        (np.zeros(2), "2D array"),
    ],
)
def test_matrices_that_transform_did_not_return(matrix, message):
    encoder = TableEncoder().fit([[1.0, 5], [2.0, 6]])
    with pytest.raises(ValueError, match=message):
        encoder.inverse_transform(matrix)


@pytest.mark.parametrize("bad", [{"a": ["x", ["y"]]}, {"a": [1.0, np.inf]}])
def test_a_fit_that_fails_leaves_no_trace(bad):
    good = pd.DataFrame({"b": [1.5, 2.5], "c": ["u", "v"]})
    encoder = TableEncoder().fit(good)
    before = dict(encoder.__dict__)
    with pytest.raises((TypeError, ValueError)):
        encoder.fit(pd.DataFrame(bad))
    assert encoder.__dict__ == before
    fresh = TableEncoder()
    with pytest.raises((TypeError, ValueError)):
        fresh.fit(pd.DataFrame(bad))
    assert not [name for name in vars(fresh) if name.endswith("_") or name.startswith("_")]


def test_advice_on_unknown_levels_can_be_followed():
    table = pd.DataFrame({"sex": ["f", "m"] * 20, "age": [*range(20)] * 2})
    new = table.assign(sex="x")
    with pytest.raises(ValueError, match=r"level 'x'.*or set handle_unknown="):
        TableEncoder(handle_unknown="error").fit(table).transform(new)
    assert np.isfinite(TableEncoder().fit(table).transform(new)).all()
    for model in (AdversarialAutoencoder(max_epochs=1), AAEClassifier(max_epochs=1)):
        model.set_params(handle_unknown="error").fit(table, table["sex"])
        with pytest.raises(ValueError, match=r"level 'x'.*or set handle_unknown='unknown'"):
            model.transform(new)
        model.set_params(handle_unknown="unknown").fit(table, table["sex"])
        assert np.isfinite(model.transform(new)).all()
