"""Readers: numbers or levels, one answer for all estimators, and what is refused in whose name."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae import TableEncoder
from sklearn_aae.encoding import is_mixed, open_features
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector

TABLE = pd.DataFrame(
    {
        "age": [25.0, 31.0, np.nan, 40.0],
        "tree": ["oak", "elm", "oak", "fir"],
        "old": [True, False, True, True],
    }
)


def estimators():
    return [fast(), fast_detector(), fast_classifier(max_epochs=2), fast_clusterer(max_epochs=2)]


def each(n=60, seed=0):
    """Yield tables of numbers and of text in every container, and whether they are mixed."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(2)
    holed = X.copy()
    holed[::7, 1] = np.nan
    text = np.column_stack([X[:, :1].astype(object), rng.choice(["oak", "elm"], n)])
    yield "numbers", X, False
    yield "list of numbers", X.tolist(), False
    yield "objects that are numbers", X.astype(object), False
    yield "array with holes", holed, True
    yield "objects with holes", np.where(np.isnan(holed), None, holed), True
    yield "objects with text", text, True
    yield "list of rows with text", text.tolist(), True
    yield "pandas", pd.DataFrame(X, columns=["a", "b"]), False
    yield "pandas with holes", pd.DataFrame(holed, columns=["a", "b"]), True
    yield "pandas with text", pd.DataFrame({"a": X[:, 0], "b": text[:, 1]}), True
    yield "polars with text", pl.DataFrame({"a": X[:, 0], "b": text[:, 1].tolist()}), True
    yield "labels are numbers", pd.DataFrame({0: X[:, 0], 1: X[:, 1].astype(object)}), False
    yield "text under a number", pd.DataFrame({0: X[:, 0], 1: text[:, 1]}), True


TABLES = {name: (table, mixed) for name, table, mixed in each()}


@pytest.mark.parametrize("name", TABLES)
def test_every_estimator_takes_every_container(name):
    table, mixed = TABLES[name]
    assert is_mixed(table) is mixed
    y = np.arange(60) % 2
    for estimator in estimators():
        estimator.fit(table, y)
        ask = getattr(estimator, "predict", None) or estimator.transform
        assert np.isfinite(np.asarray(ask(table), dtype=float)).all()
        reader = getattr(estimator, "estimator_", None) or estimator
        if not isinstance(estimator, type(fast_detector())):
            assert reader._reader.is_mixed is ("text" in name)


@pytest.mark.parametrize(
    "name", ["objects with text", "list of rows with text", "array with holes"]
)
def test_a_detector_reads_an_array_as_it_reads_the_frame(name):
    table, _ = TABLES[name]
    frame = pd.DataFrame(table, columns=["a", "b"])
    of_array, of_frame = fast_detector().fit(table), fast_detector().fit(frame)
    np.testing.assert_array_equal(of_array.score_samples(table), of_frame.score_samples(frame))
    reasons = [detector.explain(X, top=2) for detector, X in ((of_array, table), (of_frame, frame))]
    for ours, theirs in zip(*reasons, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.column == list(frame.columns).index(other.column)
            assert (str(one.expected), one.share) == (str(other.expected), other.share)


@pytest.mark.parametrize("kind", ["numbers", "text beside", "holes beside"])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("estimator", estimators(), ids=lambda e: type(e).__name__)
def test_infinite_cells_are_refused_and_their_column_named(estimator, value, kind):
    frame = TABLES["pandas"][0].copy()
    frame.loc[5, "b"] = value
    if kind == "text beside":
        frame["c"] = "oak"
    if kind == "holes beside":
        frame["c"] = np.where(np.arange(60) < 3, np.nan, 1.0)
    y = np.arange(60) % 2
    for table, label in ((frame, "'b'"), (frame.to_numpy(dtype=object), "1")):
        with pytest.raises(
            ValueError, match=rf"(?s)infin.* cells: {label}\.|Column {label} has infin"
        ):
            estimator.fit(table, y)
        assert not hasattr(estimator, "n_features_in_")


def test_a_table_with_whole_numbers_as_labels_is_refused_by_name():
    frame = pd.DataFrame({0: [1.0, 2.0, 3.0], 1: np.array(["oak", "elm", "oak"], dtype=object)})
    with pytest.raises(ValueError, match=r"columns of numbers here.*: 1 \(String\)"):
        fast(output="gaussian").fit(frame)


def test_missing_cells_are_refused_in_the_name_of_the_estimator():
    X, _ = TABLES["numbers"]
    holed, _ = TABLES["array with holes"]
    for estimator in [fast(), fast_classifier(max_epochs=2), fast_clusterer(max_epochs=2)]:
        estimator.set_params(handle_missing="error").fit(X, np.arange(60) % 2)
        ask = getattr(estimator, "predict", None) or estimator.transform
        with pytest.raises(ValueError, match=rf"{type(estimator).__name__} does not accept"):
            ask(holed)


# ------------------------------------------------------------- unknown categories


def test_an_unknown_category_that_is_ignored_has_no_indicator():
    known = TableEncoder(handle_unknown="error").fit(TABLE)
    ignoring = TableEncoder().fit(TABLE)
    np.testing.assert_array_equal(ignoring.transform(TABLE), known.transform(TABLE))
    new = TABLE.assign(tree=["yew", "elm", "ash", "yew"])
    rows = ignoring.transform(new)
    of_tree = [name.startswith("tree_") for name in ignoring.get_feature_names_out()]
    np.testing.assert_array_equal(rows[:, of_tree].sum(axis=1), [0, 1, 0, 0])
    np.testing.assert_array_equal(
        rows[:, ~np.array(of_tree)], known.transform(TABLE)[:, ~np.array(of_tree)]
    )
    assert ignoring._to_levels(new)[:, 1].tolist() == [-1, 0, -1, -1]
    assert ignoring._unseen_labels(new) == {1: ["ash", "yew"]}
    assert ignoring._unseen_labels(TABLE) == {}


def test_of_many_categories_all_are_kept_or_the_commonest():
    names = [f"n{i:03d}" for i in range(100)]
    table = pd.DataFrame({"name": names + names[:10]})
    new = pd.DataFrame({"name": ["n003", "n050", "new"]})
    in_digits = TableEncoder(max_categories=11).fit(table)
    np.testing.assert_array_equal(in_digits.transform(new).sum(axis=1), [2, 2, 0])
    commonest = TableEncoder(max_categories=11, handle_unknown="infrequent_if_exist").fit(table)
    rows = commonest.transform(new)
    assert rows.shape == (3, 11)
    np.testing.assert_array_equal(rows.argmax(axis=1), [3, 10, 10])


# ------------------------------------------------------------------------- wide tables


def n_calls(function):
    """Return how many functions are called, and what the function returns."""
    n = 0

    def count(frame, event, arg):
        nonlocal n
        n += event == "call"

    sys.setprofile(count)
    try:
        result = function()
    finally:
        sys.setprofile(None)
    return n, result


@pytest.mark.parametrize(
    "make",
    [pd.DataFrame, pl.DataFrame, pd.DataFrame.to_numpy],
    ids=["pandas", "polars", "array"],
)
def test_reading_and_explaining_takes_time_in_proportion_to_the_columns(make):
    rng, calls = np.random.default_rng(0), []
    for n_columns in (60, 120):
        frame = pd.DataFrame(
            {
                f"c{j}": rng.choice(["a", "b"], 40) if j % 2 else rng.normal(size=40)
                for j in range(n_columns)
            }
        )
        table = make(frame)
        detector = fast_detector()

        def read(table=table, detector=detector, n_columns=n_columns):
            reader, rows = open_features(detector, table, strict=False, refuse_missing=False)
            reader.fit(rows, np.arange(40), 0)
            scaled = reader.transform(reader.numbers(reader.read(detector, table)))
            which = np.arange(n_columns)
            # In explanations the rows of a chunk are the fewer the more columns there are.
            cells = [reader.cells(scaled[[j % 40]], which[[j]]) for j in which]
            return cells, reader.columns(rows, which.tolist())

        n, (cells, columns) = n_calls(read)
        calls.append(n)
        for j, ((cell,), column) in enumerate(zip(cells, columns.values(), strict=True)):
            assert column == frame.iloc[:, j].tolist()
            assert cell == (column[j % 40] if j % 2 else pytest.approx(column[j % 40], abs=1e-5))
    assert calls[1] < 2.2 * calls[0]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("make", [fast, fast_classifier, fast_clusterer, fast_detector])
def test_messages_on_arrays_name_the_estimator_of_the_user(make):
    table = pd.DataFrame(
        {"sex": ["f", "m"] * 20, "age": [*range(20)] * 2, "city": list("abcd") * 10}
    )
    model = make().fit(table, table["sex"] if make is fast_classifier else None)
    rows = table.to_numpy(object)
    call = getattr(model, "predict", None) or model.transform
    name = type(model).__name__
    with pytest.warns(UserWarning, match=f"but {name} was fitted with feature names") as caught:
        call(rows)
    assert not any("TableEncoder" in str(warning.message) for warning in caught)
    for wrong in (rows[:, :2], table.iloc[:, :2]):
        with pytest.raises(ValueError, match="feature") as error:
            call(wrong)
        assert "TableEncoder" not in str(error.value)


@pytest.mark.parametrize("make", [fast, fast_classifier, fast_clusterer, fast_detector])
def test_what_is_no_table_is_told_what_to_pass(make):
    y = ["f", "m"] * 2 if make is fast_classifier else None
    for path in ("trees.csv", Path("trees.csv")):
        with pytest.raises((ValueError, TypeError), match=r"path is no table: .*pandas\.read_csv"):
            make().fit(path, y)
    for column in (TABLE["tree"], pl.Series("tree", TABLE["tree"].tolist())):
        with pytest.raises(ValueError, match=r"two dimensions: .* frame\[\[name\]\]"):
            make().fit(column, y)
