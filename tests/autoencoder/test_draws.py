"""Rows that meet conditions, missing cells that are filled, codes of another density."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.autoencoder._draws import codes_of_density
from tests.instances import fast
from tests.mixed_tables import WEIGHTS, animals, learned, quick

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def table():
    return animals()


@pytest.fixture(scope="module")
def model(table):
    """A model that has learned the table."""
    return learned(max_epochs=60).fit(table)


# ------------------------------------------------------------------- conditions

CONDITIONS = {
    "a value": ({"animal": "dog"}, lambda r: r["animal"] == "dog"),
    "a list": ({"animal": ["cat", "horse"]}, lambda r: r["animal"].isin(["cat", "horse"])),
    "a number": ({"legs": 4}, lambda r: r["legs"] == 4),
    "a boolean": ({"tame": False}, lambda r: ~r["tame"]),
    "a range": ({"weight": (4.1, 19.5)}, lambda r: r["weight"].between(4.1, 19.5)),
    "a range without end": ({"weight": (20.0, None)}, lambda r: r["weight"] >= 20),
    "a range of ordered levels": (
        {"size": ("middle", "large")},
        lambda r: r["size"].isin(["middle", "large"]),
    ),
    "a range of dates": (
        {"born": (pd.Timestamp("2020-06-01"), pd.Timestamp("2020-12-31"))},
        lambda r: r["born"].between("2020-06-01", "2020-12-31"),
    ),
    "missing": ({"age": None}, lambda r: r["age"].isna()),
    "missing or a level": ({"note": [None, "heavy"]}, lambda r: r["note"].ne("light")),
    "two columns": (
        {"animal": "cat", "age": (None, 5.0)},
        lambda r: (r["animal"] == "cat") & (r["age"] <= 5),
    ),
    "a column that decides and one before": (
        {"tame": False, "note": None},
        lambda r: ~r["tame"] & r["note"].isna(),
    ),
}


@pytest.mark.parametrize("conditions, met", CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_are_always_met(table, model, conditions, met):
    rows = model.sample(200, conditions=conditions)
    assert rows.shape == (200, 10)
    assert met(rows).all()
    pd.testing.assert_series_equal(rows.dtypes, table.dtypes)
    assert len(rows.drop_duplicates()) > 150


def test_what_depends_on_a_condition_follows_it(model):
    # Later columns follow earlier ones, and earlier ones the later, by rejection.
    # So many draws that the model's own share counts, 0.96 to 0.98 by six seeds, not chance.
    horses = model.sample(2000, conditions={"animal": "horse"})
    assert horses["weight"].median() == pytest.approx(WEIGHTS["horse"], rel=0.1)
    heavy = model.sample(2000, conditions={"weight": (350.0, None)})
    assert (heavy["animal"] == "horse").mean() > 0.9
    large = model.sample(2000, conditions={"size": "large"})
    assert (large["animal"] == "horse").mean() > 0.9


def test_conditions_draw_what_filtering_draws():
    """Against filtered free draws, on a model of two columns that say much of each other."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 600)
    b = np.where(rng.random(600) < 0.7, a, rng.integers(0, 3, 600))
    frame = pd.DataFrame({"a": np.array(list("xyz"))[a], "b": np.array(list("uvw"))[b]})
    model = quick(max_epochs=15).fit(frame)
    free = model.sample(40_000)
    for given, other, value in (("b", "a", "v"), ("a", "b", "x")):
        expected = free[other][free[given] == value].value_counts(normalize=True).sort_index()
        drawn = model.sample(8000, conditions={given: value})
        found = drawn[other].value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(found, expected, atol=0.03)
        # The condition changes what it should.
        marginal = free[other].value_counts(normalize=True).sort_index()
        assert (found - marginal).abs().max() > 0.15


def test_conditions_follow_the_seed(model):
    conditions = {"animal": "dog", "weight": (18.0, None)}
    first = model.sample(50, conditions=conditions)
    pd.testing.assert_frame_equal(first, model.sample(50, conditions=conditions))
    other = model.sample(50, conditions=conditions, random_state=1)
    assert not first.equals(other)
    pd.testing.assert_frame_equal(other, model.sample(50, conditions=conditions, random_state=1))


def test_no_conditions_are_free_draws(model):
    pd.testing.assert_frame_equal(model.sample(30, conditions={}), model.sample(30))


def test_arrays_name_columns_by_position(table):
    X = table[["animal", "weight", "note"]].to_numpy(dtype=object)
    rows = quick().fit(X).sample(50, conditions={0: "dog", 2: None})
    assert (rows[:, 0] == "dog").all()
    assert all(cell is None or cell != cell for cell in rows[:, 2])


def test_polars_columns_meet_conditions(table):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"animal": table["animal"].tolist(), "weight": table["weight"].tolist()})
    rows = quick().fit(frame).sample(50, conditions={"weight": (5.0, 21.0)})
    assert type(rows) is pl.DataFrame
    assert rows["weight"].is_between(5.0, 21.0).all()


def test_conditions_that_are_met_too_rarely_are_an_error(model, monkeypatch):
    conditions = {"animal": "cat", "tame": True}
    free = model.sample(5000)
    share = ((free["animal"] == "cat") & free["tame"]).mean()
    assert 0.2 < share < 0.8
    # Weights of proposals spread, so that not all of them can be kept.
    monkeypatch.setattr("sklearn_aae.autoencoder._draws.MOST_PROPOSALS", 1)
    monkeypatch.setattr("sklearn_aae.autoencoder._draws.MOST_IN_ALL", 1)
    with pytest.raises(ValueError, match="conditions on 'animal', 'tame' are met too") as caught:
        model.sample(2000, conditions=conditions)
    said = re.search(r"by about (\S+) of the model's rows, so that 2000 pro", str(caught.value))
    assert float(said[1]) == pytest.approx(share, abs=0.05)
    assert "Widen a condition" in str(caught.value)


@pytest.mark.parametrize("n", [1, 3, 50])
def test_a_level_of_one_row_in_a_thousand_is_drawn_however_few_rows_are_asked_for(n):
    rng = np.random.default_rng(0)
    kinds = rng.choice(["a", "b"], 1000).astype(object)
    kinds[[17]] = "rare"
    frame = pd.DataFrame({"kind": kinds, "size": rng.normal(size=1000)})
    model = learned().fit(frame)
    for seed in range(5):
        rows = model.sample(n, conditions={"kind": "rare"}, random_state=seed)
        assert rows["kind"].tolist() == ["rare"] * n


@pytest.mark.parametrize(
    "conditions, error, message",
    [
        ([("animal", "cat")], TypeError, "conditions must be a dict of column labels"),
        ("animal", TypeError, "conditions must be a dict"),
        ({"colour": "red"}, ValueError, "'colour'"),
        ({"animal": "cow"}, ValueError, "Column 'animal' has no level 'cow'; known are"),
        ({"animal": ("cat", "dog")}, ValueError, "(?s)range.*no order"),
        ({"weight": (9.0, 5.0)}, ValueError, "'weight'.*range"),
        ({"weight": "heavy"}, (TypeError, ValueError), "'weight'"),
        ({"weight": None}, ValueError, "'weight'.*missing"),
        ({"animal": []}, ValueError, "'animal'"),
    ],
)
def test_bad_conditions_are_named(model, conditions, error, message):
    with pytest.raises(error, match=message):
        model.sample(5, conditions=conditions)


@pytest.mark.parametrize("more", [{"density": GaussianMixture()}, {"noise": False}])
def test_conditions_stand_alone(model, more):
    with pytest.raises(ValueError, match="neither with density nor with noise=False"):
        model.sample(5, conditions={"animal": "cat"}, **more)


def test_models_of_numbers_have_no_levels(cancer):
    model = fast().fit(cancer[0])
    with pytest.raises(ValueError, match=r"conditions needs an output over categories"):
        model.sample(5, conditions={0: 3.0})


def test_before_fit(table):
    with pytest.raises(NotFittedError):
        AdversarialAutoencoder().impute(table)
    with pytest.raises(NotFittedError):
        AdversarialAutoencoder().sample(conditions={"animal": "cat"})


# ----------------------------------------------------------------- missing cells


def with_holes(table, share=0.3, seed=1):
    """Return the table with missing cells, and where they are."""
    holes = np.random.default_rng(seed).random(table.shape) < share
    frame = table.copy()
    for j, name in enumerate(table.columns):
        if name in ("legs", "same", "tame"):
            frame[name] = frame[name].astype(object)
        frame.loc[holes[:, j], name] = None
    return frame, holes


@pytest.mark.parametrize("method", ["mode", "draw"])
def test_known_cells_stay_and_missing_ones_are_filled(table, model, method):
    frame, _ = with_holes(table)
    gone = frame.isna().to_numpy()
    filled = model.impute(frame, method=method, n_draws=20)
    assert filled.index.equals(table.index)
    assert list(filled.columns) == list(table.columns)
    present = table.columns != "empty"
    assert filled.loc[:, present].notna().all(axis=None)
    assert filled["empty"].isna().all()
    for j, name in enumerate(table.columns):
        known = ~gone[:, j]
        assert filled[name][known].tolist() == frame[name][known].tolist(), name
    assert filled["animal"].isin(list(WEIGHTS)).all()
    assert filled["weight"].between(table["weight"].min(), table["weight"].max()).all()
    assert (filled["same"] == 7).all()


def test_what_other_columns_say_is_filled_in(table, model):
    frame = table.assign(animal=None)
    frame["animal"] = frame["animal"].astype(object)
    filled = model.impute(frame)
    assert (filled["animal"] == table["animal"]).mean() > 0.95
    weights = model.impute(table.assign(weight=np.nan))["weight"]
    error = np.abs(weights / table["weight"] - 1)
    assert error.median() < 0.2
    assert (error < 0.6).mean() > 0.95
    drawn = model.impute(table.assign(weight=np.nan), method="draw")["weight"]
    assert (np.abs(drawn / table["weight"] - 1) < 0.6).mean() > 0.9


def test_draws_keep_the_spread_that_medians_lose(table, model):
    frame = table.assign(weight=np.nan)
    cats = (table["animal"] == "cat").to_numpy()
    middle = model.impute(frame)["weight"][cats]
    drawn = model.impute(frame, method="draw")["weight"][cats]
    assert drawn.quantile(0.9) - drawn.quantile(0.1) > middle.quantile(0.9) - middle.quantile(0.1)


def test_imputation_follows_the_seed(table, model):
    frame, _ = with_holes(table)
    first = model.impute(frame, method="draw", n_draws=5)
    pd.testing.assert_frame_equal(first, model.impute(frame, method="draw", n_draws=5))
    other = model.impute(frame, method="draw", n_draws=5, random_state=1)
    assert not first.equals(other)


def test_a_row_without_missing_cells_is_as_it_was(table, model):
    whole = table[table[["age", "note"]].notna().all(axis=1)]
    filled = model.impute(whole)
    pd.testing.assert_frame_equal(filled, whole)


def test_rows_that_are_all_missing_are_drawn(table, model):
    frame = table[:40].copy()
    for name in frame.columns:
        frame[name] = pd.Series([None] * 40, index=frame.index, dtype=object)
    filled = model.impute(frame, method="draw")
    assert filled["animal"].nunique() > 1
    assert filled["weight"].notna().all()


def test_whole_numbers_with_missing_cells():
    rng = np.random.default_rng(0)
    size = rng.choice(["s", "l"], 200)
    pieces = np.where(size == "s", 1, 9)
    complete = pd.DataFrame({"size": size, "pieces": pieces})
    model = learned().fit(complete)
    for column in (
        pd.Series([np.nan, 9, np.nan]),
        pd.Series([None, 9, None], dtype="Int64"),
    ):
        frame = pd.DataFrame({"size": ["l", "s", "s"], "pieces": column}).set_axis([3, 1, 2])
        frame["pieces"] = column.to_numpy() if column.dtype == float else column.array
        filled = model.impute(frame)
        assert filled["pieces"].tolist() == [9, 9, 1]
        assert filled.index.tolist() == [3, 1, 2]
    nullable = complete.astype({"pieces": "Int64"})
    nullable.loc[::5, "pieces"] = pd.NA
    filled = learned().fit(nullable).impute(nullable)
    assert filled["pieces"].dtype == "Int64"
    assert (filled["pieces"] == pieces).mean() > 0.97


def test_polars_frames_are_filled():
    pl = pytest.importorskip("polars")
    size = ["s", "l"] * 100
    frame = pl.DataFrame({"size": size, "pieces": [1, 9] * 100, "on": [True, False] * 100})
    holes = frame.with_columns(
        pieces=pl.when(pl.int_range(200) % 4 < 2).then(None).otherwise("pieces"),
        on=pl.when(pl.int_range(200) % 3 == 0).then(None).otherwise("on"),
    )
    filled = learned().fit(frame).impute(holes)
    assert type(filled) is pl.DataFrame
    assert filled.schema == frame.schema
    assert filled.null_count().sum_horizontal().item() == 0
    assert (filled["pieces"] == frame["pieces"]).mean() > 0.97
    known = holes["on"].is_not_null()
    assert filled["on"].filter(known).to_list() == frame["on"].filter(known).to_list()


@pytest.mark.parametrize("dtype", [np.float64, object])
def test_arrays_are_filled(dtype):
    a = np.random.default_rng(0).integers(0, 3, 200)
    X = np.column_stack([a, 10 * a]).astype(dtype)
    holes = X.copy()
    holes[::4, 0] = np.nan
    holes[1::4, 1] = np.nan
    filled = learned(output="autoregressive").fit(X).impute(holes)
    assert type(filled) is np.ndarray
    assert filled.dtype == X.dtype
    known = holes == holes
    np.testing.assert_array_equal(filled[known], X[known])
    assert (filled == X).mean() > 0.97


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"method": "median"}, ValueError, "method must be one of .*'mean'.*, got 'median'"),
        ({"n_draws": 0}, ValueError, "n_draws"),
        ({"n_draws": 2.5}, TypeError, "n_draws"),
    ],
)
def test_bad_parameters_of_imputation_are_named(table, model, parameters, error, message):
    with pytest.raises(error, match=message):
        model.impute(table, **parameters)


def test_tables_to_fill_must_be_those_of_fit(table, model):
    with pytest.raises(ValueError, match="feature names"):
        model.impute(table.drop(columns="age"))
    with pytest.raises(TypeError, match="Column 'age' is of kind 'category'"):
        model.impute(table.assign(age="old"))


# ------------------------------------------------------------------ other densities


class Densities:
    """Objects that look like densities and give what they should not."""

    class Narrow:
        def sample(self, n):
            return np.zeros((n, 2))

    class Nan:
        def sample(self, n):
            return np.full((n, 3), np.nan)

    class Few:
        def sample(self, n):
            return np.zeros((n - 1, 3))


@pytest.mark.parametrize(
    "density",
    [GaussianMixture(4), KernelDensity(bandwidth=0.3)],
    ids=["mixture", "kernel"],
)
def test_codes_of_a_density(table, model, density):
    density.fit(model.transform(table).astype(np.float64))
    before = np.random.get_state()[1].copy()
    first = model.sample(100, density=density)
    assert first.shape == (100, 10)
    pd.testing.assert_series_equal(first.dtypes, table.dtypes)
    pd.testing.assert_frame_equal(first, model.sample(100, density=density))
    assert not first.equals(model.sample(100, density=density, random_state=1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_codes_of_a_density_are_all_of_its_draws_in_random_order():
    drawn = np.arange(300.0).reshape(100, 3)
    labelled = type("Labelled", (), {"sample": lambda self, n: (drawn[:n], np.zeros(n))})()
    codes = codes_of_density(labelled, 100, 3, seed=0)
    assert codes.dtype == np.float32
    assert not np.array_equal(codes, drawn)
    np.testing.assert_array_equal(codes[codes[:, 0].argsort()], drawn)
    np.testing.assert_array_equal(codes, codes_of_density(labelled, 100, 3, seed=0))


def test_a_density_decides_where_codes_lie(model, table):
    codes = model.transform(table)
    cats, horses = (
        GaussianMixture(1).fit(codes[(table["animal"] == name).to_numpy()].astype(float))
        for name in ("cat", "horse")
    )
    shares = [
        (model.sample(400, density=density)["animal"] == "cat").mean() for density in (cats, horses)
    ]
    assert shares[0] > shares[1] + 0.2


def test_densities_of_models_of_numbers(cancer):
    model = fast(n_components=2).fit(cancer[0])
    near = GaussianMixture(1, random_state=0).fit(model.transform(cancer[0]))
    assert model.sample(20, density=near).shape == (20, 30)
    fixed = type("Fixed", (), {"sample": lambda self, n: np.zeros((n, 2))})()
    rows = model.sample(5, density=fixed, noise=False)
    np.testing.assert_allclose(rows, model.inverse_transform(np.zeros((5, 2))), rtol=1e-4)


@pytest.mark.parametrize(
    "density, error, message",
    [
        (3, TypeError, "density must have a method sample"),
        ("normal", TypeError, "density must have a method sample"),
        (Densities.Narrow(), ValueError, r"returned shape \(5, 2\); codes have 3 components"),
        (Densities.Few(), ValueError, r"returned shape \(4, 3\)"),
        (Densities.Nan(), ValueError, "density.sample contains NaN"),
    ],
)
def test_bad_densities_are_named(model, density, error, message):
    with pytest.raises(error, match=message):
        model.sample(5, density=density)
