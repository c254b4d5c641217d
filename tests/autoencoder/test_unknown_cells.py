"""Cells that fit never saw, missing ones and new levels, are unknown: read as nothing."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_aae import TableEncoder
from sklearn_aae.outputs import Gaussian
from tests.instances import fast, fast_classifier, fast_clusterer
from tests.mixed_tables import quick

rng = np.random.default_rng(0)
X = (
    rng.normal(size=(120, 1)) * [1.0, 2.0, -3.0, 0.5]
    + rng.normal(size=(120, 4)) * 0.1
    + [0, 5, 0, 9]
)
HOLED = X.copy()
HOLED[3, 1] = HOLED[5, :3] = HOLED[7] = np.nan
NAMES = ["a", "b", "c", "d"]
TABLE = pd.DataFrame({"size": ["s", "m", "l"] * 40, "x": X[:, 0].round(2), "ok": X[:, 1] > 5})


def frame_of(rows):
    return pd.DataFrame(rows, columns=NAMES)


def with_objects(frame):
    frame = frame.astype(object)
    frame.iloc[3, 1], frame.iloc[7] = None, pd.NA
    return frame


# ------------------------------------------------------------- models of numbers


@pytest.mark.parametrize("scaling", ["standard", "quantile", "minmax", None])
def test_unknown_numbers_cost_nothing_and_are_what_the_others_say(scaling):
    model = fast(scaling=scaling, max_epochs=60, n_components=1, adversarial_weight=0).fit(X)
    losses = model.score_contributions(HOLED)
    assert (losses[np.isnan(HOLED)] == 0).all()
    assert (losses[~np.isnan(HOLED)] > 0).all()
    np.testing.assert_allclose(model.score_samples(HOLED), -losses.sum(axis=1), rtol=1e-12)
    known = ~np.isnan(HOLED).any(axis=1)
    np.testing.assert_array_equal(model.transform(HOLED)[known], model.transform(X)[known])
    # One cell of four tells little of where the row lies that the others do not.
    assert model.reconstruct(HOLED)[3, 1] == pytest.approx(X[3, 1], abs=0.8)


def test_a_row_with_unknown_numbers_is_the_same_alone_and_among_others():
    model = fast().fit(X)
    codes = model.transform(HOLED)
    for i in (3, 5, 7):
        np.testing.assert_allclose(model.transform(HOLED[[i]])[0], codes[i], rtol=1e-9)
    np.testing.assert_allclose(model.transform(HOLED[::-1]), codes[::-1], rtol=1e-9)
    assert model.transform(HOLED).dtype == np.float64
    single = fast().fit(X.astype(np.float32))
    assert single.transform(HOLED.astype(np.float32)).dtype == np.float32


CONTAINERS = {
    "pandas": frame_of(HOLED),
    "nullable": frame_of(HOLED).astype("Float64"),
    "pyarrow": frame_of(HOLED).astype("double[pyarrow]"),
    "objects": with_objects(frame_of(HOLED)),
    "polars": pl.DataFrame(frame_of(HOLED).to_dict("list"), nan_to_null=True),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_missing_number_is_unknown_in_any_container(name):
    expected = fast().fit(X).score_contributions(HOLED)
    model = fast().fit(frame_of(X))
    np.testing.assert_allclose(model.score_contributions(CONTAINERS[name]), expected, rtol=1e-9)
    nothing = pd.DataFrame({name: [None] for name in NAMES})
    np.testing.assert_array_equal(model.score_samples(nothing), [0])
    np.testing.assert_array_equal(model.score_samples(pl.from_pandas(nothing)), [0])


def test_lists_and_object_arrays_with_unknown_numbers():
    model = fast().fit(X)
    expected = model.transform(HOLED)
    cells = with_objects(frame_of(HOLED)).to_numpy()
    for table in (cells, cells.tolist(), np.ma.masked_invalid(HOLED)):
        np.testing.assert_allclose(model.transform(table), expected, rtol=1e-9)


def test_training_goes_on_with_unknown_numbers():
    later = fast().fit(X).partial_fit(HOLED)
    assert np.isfinite(later.loss_curve_).all()
    warm = fast(warm_start=True).fit(X).fit(HOLED)
    assert np.isfinite(warm.loss_curve_).all()
    labelled = fast(supervision="decoder").fit(X, X[:, 0] > 0).partial_fit(HOLED, X[:, 0] > 0)
    losses = labelled.score_contributions(HOLED)
    assert (losses[np.isnan(HOLED)] == 0).all()


# -------------------------------------------------------------- models of levels


def test_unknown_levels_and_missing_cells_cost_nothing():
    model = quick(max_epochs=2).fit(TABLE)
    new = TABLE.head(4).astype({"x": float, "ok": object})
    new.loc[0, "size"] = "xl"
    new.loc[1, "size"] = new.loc[2, "x"] = new.loc[3, "ok"] = None
    losses = model.score_contributions(new)
    unknown = np.zeros((4, 3), dtype=bool)
    unknown[[0, 1, 2, 3], [0, 0, 1, 2]] = True
    np.testing.assert_array_equal(losses == 0, unknown)
    np.testing.assert_allclose(model.score_samples(new), -losses.sum(axis=1))
    # A new label says as little as a missing cell, and both less than a label.
    codes = model.transform(new.assign(x=TABLE["x"], ok=TABLE["ok"]))
    nothing = model.transform(TABLE.head(1).assign(size=None))[0]
    np.testing.assert_allclose(codes[0], nothing, atol=1e-5)
    assert (codes[:2] != model.transform(TABLE.head(2))).all()
    assert set(model.reconstruct(new)["size"]) <= {"s", "m", "l"}


def test_training_goes_on_with_unknown_levels():
    model = quick(max_epochs=2).fit(TABLE)
    new = TABLE.assign(size=["xl", None, "s"] * 40)
    model.partial_fit(new)
    assert np.isfinite(model.loss_curve_).all()
    assert set(model.sample(50)["size"]) <= {"s", "m", "l"}


def test_a_cell_in_a_column_that_had_none_is_unknown():
    model = quick(max_epochs=1).fit(TABLE.assign(gone=None))
    expected = model.score_contributions(TABLE.assign(gone=None))
    found = model.score_contributions(TABLE.assign(gone="x"))
    np.testing.assert_array_equal(found[:, 3], 0)
    assert found.shape == expected.shape


# ---------------------------------------------------------- fit with missing cells


@pytest.mark.parametrize("output", ["gaussian", Gaussian("learned"), "bernoulli"])
def test_outputs_over_numbers_model_which_cells_are_missing(output):
    rows = (X.mean(axis=0) < X).astype(float) if output == "bernoulli" else X.copy()
    gone = rng.random(120) < 0.3
    rows[gone, 1] = np.nan
    model = fast(output=output, max_epochs=30, hidden_layer_sizes=(32,)).fit(rows)
    drawn = model.sample(2000)
    assert not np.isnan(np.delete(drawn, 1, axis=1)).any()
    assert np.isnan(drawn[:, 1]).mean() == pytest.approx(gone.mean(), rel=0.15)
    losses = model.score_contributions(rows)
    assert np.isfinite(losses).all()
    # Missing is known here, and costs; in the other columns it is unknown.
    assert (losses[gone, 1] > 0).all()
    other = rows.copy()
    other[0, 2] = np.nan
    assert model.score_contributions(other)[0, 2] == 0
    assert model.partial_fit(other).sample(3).shape == (3, 4)


def test_the_spread_of_a_column_is_that_of_its_known_cells():
    rows = X.copy()
    rows[rng.random(120) < 0.7, 1] = np.nan
    model = fast(output="gaussian", init="random", max_epochs=1).fit(rows)
    noise = model.net_.module_.head.numbers.noise
    # After one epoch from a random start residuals are as wide as the columns.
    np.testing.assert_allclose(noise, 1, atol=0.25)


def test_a_column_without_a_number_is_no_column_of_numbers():
    with pytest.raises(ValueError, match="Column 'd' holds no number"):
        fast(output="gaussian").fit(frame_of(X).assign(d=np.nan))


@pytest.mark.parametrize(
    "container", [np.asarray, frame_of, lambda rows: pl.from_pandas(frame_of(rows))]
)
def test_a_hole_changes_neither_output_nor_unit(container):
    one = X.copy()
    one[3, 1] = np.nan
    # From a random start: losses next to nothing leave flags alone to compare.
    settings = {"init": "random", "max_epochs": 60}
    model = fast(**settings).fit(container(one))
    expected = fast(**settings).fit(one)
    np.testing.assert_array_equal(model.transform(container(one)), expected.transform(one))
    losses = model.score_contributions(container(one))
    without = fast(**settings).fit(X).score_contributions(X)
    # Squared errors, and the little that it costs to say that no cell is missing.
    assert np.median(losses) == pytest.approx(np.median(without), rel=0.6)
    whole = fast(max_epochs=1).fit(container((X * 9).round()))
    assert type(whole.net_.module_.head) is type(model.net_.module_.head.numbers)


@pytest.mark.parametrize("share", [0.03, 0.3])
def test_drawn_rows_have_as_many_holes_where_they_are_likely(share):
    rows = rng.normal(size=(800, 3)) @ rng.normal(size=(3, 3))
    rows[rng.random(800) < share, 0] = np.nan
    high = rows[:, 1] > np.quantile(rows[:, 1], 1 - share)
    rows[high, 2] = np.nan
    model = fast(hidden_layer_sizes=(64,), max_epochs=40).fit(rows)
    drawn = np.isnan(model.sample(40_000))
    np.testing.assert_allclose(drawn.mean(axis=0), np.isnan(rows).mean(axis=0), rtol=0.1)
    drawn = model.sample(4000)
    assert drawn[np.isnan(drawn[:, 2]), 1].mean() > np.nanmean(drawn[:, 1]) + 0.5


# ------------------------------------------------------------------- filled numbers


def test_numbers_are_filled_by_what_the_others_say_and_known_ones_stay():
    model = fast(max_epochs=60, n_components=1, hidden_layer_sizes=(32,)).fit(HOLED)
    holes = X.copy()
    holes[::3, 1] = holes[1::3, 2] = np.nan
    gone = np.isnan(holes)
    filled = model.impute(holes)
    np.testing.assert_array_equal(filled[~gone], X[~gone])
    for j in (1, 2):
        error = (filled[gone[:, j], j] - X[gone[:, j], j]).std()
        assert error < 0.5 * X[:, j].std()
    framed = fast(max_epochs=1).fit(frame_of(X).set_axis(range(5, 125)))
    table = frame_of(holes).set_axis(range(7, 127))
    assert framed.impute(table).index.equals(table.index)
    assert not framed.impute(table).isna().any(axis=None)
    assert framed.impute(frame_of(X)).equals(frame_of(X))


def test_drawn_numbers_scatter_where_means_do_not():
    wide = rng.normal(size=(400, 3))
    model = fast(init="random", max_epochs=5, adversarial_weight=0).fit(wide)
    holes = wide.copy()
    holes[::2, 1] = np.nan
    means = model.impute(holes, method="mean")[::2, 1]
    draws = model.impute(holes, method="draw")[::2, 1]
    assert means.std() < 0.7
    assert draws.std() == pytest.approx(1, abs=0.35)
    again = model.impute(holes, method="draw")[::2, 1]
    np.testing.assert_array_equal(draws, again)
    assert (model.impute(holes, method="draw", random_state=1)[::2, 1] != draws).all()


def test_a_whole_number_beside_a_filled_one_stays_what_it_is():
    whole = pd.DataFrame({"id": 2**60 + np.arange(60), "x": X[:60, 0]})
    holes = whole.astype({"x": "Float64"})
    holes.loc[::2, "x"] = pd.NA
    filled = fast(max_epochs=1, identifiers="keep").fit(whole).impute(holes)
    assert filled["id"].tolist() == whole["id"].tolist()


@pytest.mark.parametrize("whole", [np.int64, "Int64", "uint8", "int64[pyarrow]"])
def test_models_of_numbers_fill_columns_in_the_types_of_fit(whole):
    table = pd.DataFrame({"a": np.arange(60) % 7, "b": np.arange(60) % 5, "c": X[:60, 0]})
    table = table.astype({"a": whole, "b": "int16", "c": "float32"})
    model = fast(max_epochs=1).fit(table)
    holes = table[:9].astype({"a": "Int64", "c": "float64"})
    holes.loc[2, "a"] = pd.NA
    holes.loc[4, "c"] = np.nan
    filled = model.impute(holes)
    assert filled.dtypes.equals(table.dtypes)
    assert 0 <= filled["a"][2] <= 6
    known = [i for i in range(9) if i not in (2, 4)]
    pd.testing.assert_frame_equal(filled.loc[known], table.loc[known])
    # What does not fit widens its own column alone.
    holes["b"] = holes["b"] + 0.5
    filled = model.impute(holes)
    assert filled["b"].tolist() == holes["b"].tolist()
    assert filled.dtypes[["a", "c"]].equals(table.dtypes[["a", "c"]])


def test_models_of_numbers_fill_polars_and_arrays_in_the_types_of_fit():
    table = pl.DataFrame({"a": np.arange(60) % 7, "b": X[:60, 0]}, schema_overrides={"a": pl.UInt8})
    filled = fast(max_epochs=1).fit(table).impute(pl.DataFrame({"a": [None, 3], "b": [0.5, None]}))
    assert filled.schema == table.schema
    assert filled["a"][1] == 3
    whole = (X[:, :3] * 10).astype(np.int32)
    filled = fast(max_epochs=1).fit(whole).impute([[np.nan, 2, 3], [-(2**31), 2, 3]])
    assert filled.dtype == np.int32
    assert filled[1].tolist() == [-(2**31), 2, 3]
    least, most = np.iinfo(np.uint64).min, np.iinfo(np.uint64).max
    wide = np.array([[least, 1], [most, 2]] * 30, dtype=np.uint64)
    filled = fast(max_epochs=1).fit(wide).impute(np.array([[most, None]], dtype=object))
    assert filled.dtype == np.uint64
    assert filled[0, 0] == most


def test_models_of_numbers_fill_exact_numbers_in_the_types_of_fit():
    cells = [Decimal(i % 7) / 4 for i in range(60)]
    objects = pd.DataFrame({"a": cells, "b": pd.Series(range(60), dtype=object), "c": X[:60, 0]})
    holes = objects.head(6).mask(np.eye(6, 3, dtype=bool))
    filled = fast(max_epochs=1, identifiers="keep").fit(objects).impute(holes)
    assert filled.dtypes.equals(objects.dtypes)
    assert {type(cell) for cell in filled["a"]} == {Decimal}
    assert {type(cell) for cell in filled["b"]} == {int}
    assert filled["a"][1:].tolist() == cells[1:6]
    types = {"a": pl.Int128, "b": pl.UInt128}
    table = pl.DataFrame({"a": range(60), "b": range(60), "c": X[:60, 0]}, schema_overrides=types)
    cells = {"a": [-(10**30), None], "b": [None, 3], "c": [0.0, 1.0]}
    far = pl.DataFrame(cells, schema_overrides=types)
    filled = fast(max_epochs=1, identifiers="keep").fit(table).impute(far)
    assert filled.schema == table.schema
    assert (filled["a"][0], filled["b"][1]) == (-(10**30), 3)


def test_decimals_of_arrow_may_have_holes_in_models_of_numbers():
    money = pd.Series([Decimal(i % 7) / 4 for i in range(60)]).astype(
        pd.ArrowDtype(pa.decimal128(10, 2))
    )
    table = pd.DataFrame({"a": money, "c": X[:60, 0]})
    holes = table.copy()
    holes.loc[::4, "a"] = None
    for fitted in (table, holes):
        filled = fast(max_epochs=1).fit(fitted).impute(holes)
        assert filled["a"].notna().all()
        assert filled["a"][1::4].astype(float).tolist() == money[1::4].astype(float).tolist()


# ---------------------------------------------------------------- handle_*="error"


@pytest.mark.parametrize("table", [X, frame_of(X), TABLE], ids=["array", "frame", "mixed"])
@pytest.mark.parametrize("make", [fast, fast_classifier, fast_clusterer])
def test_handle_missing_error_refuses_missing_cells_in_fit_and_afterwards(make, table):
    holed = table.copy()
    if isinstance(table, pd.DataFrame):
        holed.iloc[3, 1] = np.nan
    else:
        holed[3, 1] = np.nan
    y = np.arange(120) % 2
    estimator = make(handle_missing="error", max_epochs=1)
    with pytest.raises(ValueError, match=r"(?s)NaN.*handle_missing='unknown'"):
        estimator.fit(holed, y)
    estimator.fit(table, y)
    ask = getattr(estimator, "predict", None) or estimator.transform
    with pytest.raises(ValueError, match=r"(?s)NaN.*handle_missing='unknown'"):
        ask(holed)
    with pytest.raises(ValueError, match="handle_missing"):
        estimator.set_params(handle_missing="no").fit(table, y)
    estimator = make(max_epochs=1).fit(table, y)
    ask = getattr(estimator, "predict", None) or estimator.transform
    assert np.isfinite(np.asarray(ask(holed), dtype=float)).all()


@pytest.mark.parametrize("make", [fast, fast_classifier, fast_clusterer])
def test_handle_unknown_error_refuses_levels_that_fit_did_not_see(make):
    y = np.arange(120) % 2
    new = TABLE.assign(size="xl")
    estimator = make(handle_unknown="error", max_epochs=1).fit(TABLE, y)
    ask = getattr(estimator, "predict", None) or estimator.transform
    with pytest.raises(ValueError, match=r"'size' has the level 'xl'.*handle_unknown='unknown'"):
        ask(new)
    estimator = make(max_epochs=1).fit(TABLE, y)
    ask = getattr(estimator, "predict", None) or estimator.transform
    assert np.isfinite(np.asarray(ask(new), dtype=float)).all()


# -------------------------------------------------------------------- searches


def test_one_missing_cell_or_rare_level_spoils_no_search():
    tables = [frame_of(X), TABLE, TABLE]
    tables[0].iloc[0, 0] = np.nan
    tables[1] = TABLE.assign(size=["xl", *TABLE["size"][1:]])
    tables[2] = TABLE.assign(size=[None, *TABLE["size"][1:]])
    y = np.arange(120) % 2
    folds = KFold(3, shuffle=True, random_state=0)
    for table in tables:
        search = GridSearchCV(fast(max_epochs=1), {"n_components": [1, 2]}, cv=folds)
        assert np.isfinite(search.fit(table).cv_results_["mean_test_score"]).all()
        pipeline = make_pipeline(TableEncoder(), LogisticRegression())
        assert np.isfinite(cross_val_score(pipeline, table, y, cv=folds)).all()
        scores = cross_val_score(fast_classifier(max_epochs=1), table, y, cv=folds)
        assert np.isfinite(scores).all()
