"""The imputer: cells filled by the row alone, in any container, in pipelines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_aae import AAEImputer, AdversarialAutoencoder, TableEncoder
from tests.instances import fast, fast_imputer

rng = np.random.default_rng(0)
N = 120
LATENT = rng.normal(size=(N, 1))
X = LATENT * [1.0, 2.0, -3.0, 0.5] + rng.normal(size=(N, 4)) * 0.1
GONE = rng.random((N, 4)) < 0.3
HOLED = np.where(GONE, np.nan, X)
FRAME = pd.DataFrame(
    {
        "a": X[:, 0].round(2),
        "size": np.where(LATENT[:, 0] > 0, "large", "small"),
        "n": rng.integers(0, 4, N),
        "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(N), "D"),
    },
    index=range(7, 7 + N),
)
FRAME_HOLED = FRAME.astype({"n": "Int64"}).mask(GONE)
LEVELS = AdversarialAutoencoder(
    output="autoregressive", hidden_layer_sizes=(16,), max_epochs=3, random_state=0
)


@pytest.mark.parametrize("method", ["mean", "mode", "draw"])
@pytest.mark.parametrize("table", [HOLED, FRAME_HOLED], ids=["numbers", "mixed"])
def test_a_row_is_filled_alike_alone_and_in_any_batch_and_order(table, method):
    imputer = fast_imputer(method=method).fit(table)
    frame = pd.DataFrame(table)
    filled = pd.DataFrame(imputer.transform(table))
    assert not filled.isna().any(axis=None)
    order = rng.permutation(N)
    as_given = frame.iloc if isinstance(table, pd.DataFrame) else table
    shuffled = pd.DataFrame(imputer.transform(as_given[order]))
    alone = [pd.DataFrame(imputer.transform(as_given[[i]])) for i in range(8)]
    for found, rows in ((shuffled, order), (pd.concat(alone), np.arange(8))):
        for (name, column), (_, expected) in zip(found.items(), filled.items(), strict=True):
            expected = expected.iloc[rows].tolist()
            if column.dtype.kind == "f":
                np.testing.assert_allclose(column, expected, rtol=1e-9, err_msg=str(name))
            else:
                assert column.tolist() == expected


@pytest.mark.parametrize("method", ["mean", "mode", "draw"])
def test_known_cells_stay_and_filled_ones_are_better_than_the_mean(method):
    model = AdversarialAutoencoder(1, hidden_layer_sizes=(32,), max_epochs=60)
    imputer = AAEImputer(model, method=method, random_state=0).fit(HOLED)
    filled = imputer.transform(HOLED)
    np.testing.assert_array_equal(filled[~GONE], X[~GONE])
    known = GONE.sum(axis=1) <= 2
    error = ((filled - X) / X.std(axis=0))[known & (GONE[:, 1]), 1]
    # The mean of the column has 1; a draw has the spread of what is left open twice.
    assert np.sqrt((error**2).mean()) < (0.9 if method == "draw" else 0.75)
    assert not hasattr(model, "net_")


def test_identical_rows_are_filled_alike_and_other_rows_not_by_one_draw():
    imputer = AAEImputer(LEVELS, method="draw", random_state=0).fit(X)
    gaps = X.copy()
    gaps[:, 1:] = np.nan
    drawn = imputer.transform(gaps)
    twice = imputer.transform(np.vstack([gaps[:5], gaps[:5]]))
    np.testing.assert_array_equal(twice, np.vstack([drawn[:5], drawn[:5]]))
    # A network that has learned nothing draws from the whole column.
    assert len(np.unique(drawn[:, 1])) > 40
    other = AAEImputer(LEVELS, method="draw", random_state=1).fit(X).transform(gaps)
    assert (other[:, 1] != drawn[:, 1]).mean() > 0.5


@pytest.mark.parametrize("estimator", [fast(), LEVELS], ids=["numbers", "levels"])
def test_pooled_draws_scatter_less(estimator):
    wide = rng.normal(size=(N, 3))
    holes = wide.copy()
    holes[:, 1] = np.where(np.arange(N) % 2, np.nan, holes[:, 1])
    spreads = []
    for n_draws in (1, 16):
        imputer = AAEImputer(estimator, method="draw", n_draws=n_draws, random_state=0)
        spreads.append(imputer.fit(wide).transform(holes)[1::2, 1].std())
    assert spreads[1] < 0.7 * spreads[0]


@pytest.mark.parametrize("backend", ["array", "pandas", "polars"])
def test_indicators_of_columns_that_had_holes_in_fit(backend):
    cells = HOLED.copy()
    cells[:, 2] = X[:, 2]
    make = {
        "array": np.asarray,
        "pandas": lambda rows: pd.DataFrame(rows, columns=list("abcd")),
        "polars": lambda rows: pl.DataFrame(rows, schema=list("abcd"), nan_to_null=True),
    }[backend]
    imputer = fast_imputer(add_indicator=True).fit(make(cells))
    found = imputer.transform(make(HOLED))
    assert type(found) is type(make(HOLED))
    np.testing.assert_array_equal(np.asarray(found)[:, 4:], GONE[:, [0, 1, 3]])
    names = ["x0", "x1", "x2", "x3"] if backend == "array" else list("abcd")
    expected = [*names, *(f"missingindicator_{names[j]}" for j in (0, 1, 3))]
    assert imputer.get_feature_names_out().tolist() == expected
    if backend != "array":
        assert list(found.columns) == expected
    assert fast_imputer().fit(make(cells)).transform(make(HOLED)).shape == (N, 4)


def test_types_labels_and_index_are_those_of_fit():
    imputer = fast_imputer(method="mode").fit(FRAME)
    filled = imputer.transform(FRAME_HOLED)
    assert filled.index.equals(FRAME.index)
    assert filled.dtypes.equals(FRAME.dtypes)
    assert (filled.to_numpy()[~GONE] == FRAME.to_numpy()[~GONE]).all()
    pd.testing.assert_frame_equal(imputer.transform(FRAME), FRAME)
    labelled = FRAME.set_axis([0, 1, 2, 3], axis=1)
    filled = fast_imputer(add_indicator=True).fit(labelled.mask(GONE)).transform(labelled)
    names = [0, 1, 2, 3, *(f"missingindicator_x{j}" for j in range(4))]
    assert list(filled.columns) == names


def test_set_output_and_column_transformers():
    imputer = fast_imputer().set_output(transform="pandas")
    filled = imputer.fit(FRAME).transform(FRAME_HOLED)
    assert type(filled) is pd.DataFrame
    assert filled.index.equals(FRAME.index)
    imputer.set_output(transform="polars")
    assert type(imputer.transform(FRAME_HOLED)) is pl.DataFrame
    columns = make_column_transformer((fast_imputer(), ["a", "size"]), remainder="drop")
    columns.set_output(transform="pandas")
    assert list(columns.fit_transform(FRAME_HOLED)) == ["aaeimputer__a", "aaeimputer__size"]


@pytest.mark.parametrize("add_indicator", [False, True])
def test_frames_of_polars_become_frames_of_pandas_column_by_column(add_indicator):
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 9), eager=True)
    n, size = [*range(20)] * 2, ["s", "l", None, "l"] * 10
    table = pl.DataFrame({"n": n, "size": size, "at": days.cast(pl.Datetime), "b": [True] * 40})
    imputer = fast_imputer(add_indicator=add_indicator).set_output(transform="pandas")
    filled = imputer.fit_transform(table)
    assert type(filled) is pd.DataFrame
    assert filled["n"].dtype == np.int64
    assert filled["b"].dtype == bool
    assert filled["at"].tolist() == table["at"].to_list()
    assert set(filled["size"]) == {"s", "l"}
    assert list(filled) == imputer.get_feature_names_out().tolist()


def test_in_front_of_other_estimators_and_in_searches():
    y = LATENT[:, 0] > 0
    pipeline = make_pipeline(fast_imputer(), Ridge()).fit(HOLED, X[:, 0])
    assert np.isfinite(pipeline.predict(HOLED)).all()
    pipeline = make_pipeline(fast_imputer(), TableEncoder(), LogisticRegression(max_iter=500))
    grid = {
        "aaeimputer__method": ["mean", "draw"],
        "aaeimputer__estimator__n_components": [1, 2],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(FRAME_HOLED, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_levels_that_fit_did_not_see_stay_or_are_refused():
    new = FRAME_HOLED.head(3).assign(size=["huge", None, "small"])
    filled = fast_imputer().fit(FRAME).transform(new)
    assert filled["size"].tolist()[::2] == ["huge", "small"]
    assert filled["size"].iloc[1] in ("large", "small")
    strict = fast_imputer(handle_unknown="error").fit(FRAME)
    with pytest.raises(ValueError, match=r"'size' has the level 'huge'.*handle_unknown='unknown'"):
        strict.transform(new)


def test_columns_without_a_cell_stay_without():
    table = FRAME.assign(gone=None)
    filled = fast_imputer().fit(table).transform(table.mask(np.c_[GONE, GONE[:, :1]]))
    assert filled["gone"].isna().all()
    assert not filled.drop(columns="gone").isna().any(axis=None)


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"estimator": Ridge()}, ValueError, "estimator"),
        ({"estimator": AdversarialAutoencoder}, ValueError, "estimator"),
        ({"estimator": fast(supervision="decoder")}, ValueError, "supervision='decoder'"),
        ({"method": "median"}, ValueError, "method"),
        ({"n_draws": 0}, ValueError, "n_draws"),
        ({"add_indicator": "yes"}, ValueError, "add_indicator"),
        ({"handle_unknown": "ignore"}, ValueError, "handle_unknown"),
    ],
)
def test_bad_parameters_are_named_and_leave_no_trace(parameters, error, message):
    imputer = AAEImputer().set_params(**parameters)
    with pytest.raises(error, match=message):
        imputer.fit(X)
    assert not hasattr(imputer, "n_features_in_")
    assert not hasattr(imputer, "estimator_")


def test_messages_name_the_imputer():
    with pytest.raises(ValueError, match="required by AAEImputer"):
        AAEImputer().fit(X[:1])
    with pytest.raises(ValueError, match="2 features, but AAEImputer is expecting 4"):
        fast_imputer().fit(X).transform(X[:, :2])
    with pytest.raises(NotFittedError, match="AAEImputer"):
        AAEImputer().transform(X)
    with pytest.raises(NotFittedError, match="AAEImputer"):
        AAEImputer().get_feature_names_out()
    with pytest.raises(ValueError, match="Columns with infinite cells: 1"):
        AAEImputer().fit(np.where(np.arange(4) == 1, np.inf, X))


def test_a_given_estimator_is_not_touched():
    own = fast(random_state=5, handle_missing="error")
    imputer = AAEImputer(own, random_state=3).fit(HOLED)
    assert own.get_params()["random_state"] == 5
    assert own.get_params()["handle_missing"] == "error"
    assert not hasattr(own, "net_")
    again = clone(imputer).fit(HOLED)
    np.testing.assert_array_equal(again.transform(HOLED), imputer.transform(HOLED))
