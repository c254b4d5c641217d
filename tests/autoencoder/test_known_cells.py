"""impute: cells that were there are as they were, in the type of fit or in one that holds both."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from sklearn_aae.encoding import Container
from sklearn_aae.encoding._merging import merge_tables
from tests.instances import fast

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

N = 80
WHOLE = np.arange(N) % 40
GROUP = ["a", "b"] * (N // 2)
DAYS = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N) % 30, "D")
INDEX = [30, 10, 20]


def impute(column, given):
    """Return a column with its holes filled by a model of another one."""
    library = pd if isinstance(column, pd.Series) else pl
    more = {"index": INDEX[: len(given)]} if library is pd else {}
    if library is pd:
        given = given.set_axis(more["index"])
    model = fast(max_epochs=1).fit(library.DataFrame({"v": column, "g": GROUP}))
    holes = library.DataFrame({"v": given, "g": ["a", None, "b"][: len(given)]}, **more)
    filled = model.impute(holes, n_draws=3)
    assert type(filled) is library.DataFrame
    if library is pd:
        assert filled.index.tolist() == holes.index.tolist()
    return filled["v"]


def series(cells, dtype=None):
    return pd.Series(cells, dtype=dtype)


PANDAS = {
    "too large for the type": (series(WHOLE, "uint8"), series([300, 5, -1]), "int64"),
    "a fraction": (series(WHOLE), series([40.5, np.nan]), "float64"),
    "beyond whole numbers": (series(WHOLE), series([3e20, np.nan]), "float64"),
    "a whole float": (series(WHOLE), series([3.0, np.nan]), "int64"),
    "a large id with holes": (series(WHOLE), series([2**60 + 1, None], "Int64"), "int64"),
    "nullable with holes": (
        series(WHOLE, "Int64"),
        series([2**60 + 1, None], "Int64"),
        "Int64",
    ),
    "no float holds it": (series(WHOLE + 0.5), series([2**60 + 1, None], "Int64"), "object"),
    "more digits": (series(WHOLE, "float32"), series([0.1, np.nan]), "float64"),
    "arrow": (series(WHOLE, "uint8[pyarrow]"), series([300, 1], "int64"), "int64[pyarrow]"),
    "objects": (series(WHOLE), series([2.5, None, 3], object), "float64"),
    "nullable booleans": (
        series(WHOLE % 2 == 0),
        series([True, None, False], "boolean"),
        "bool",
    ),
    "booleans as objects": (series(WHOLE % 2 == 0), series([True, None, False], object), "bool"),
    "false where all were true": (series(WHOLE >= 0), series([False, None], object), "bool"),
    "new text": (series(GROUP, "object"), series(["new", None], object), "object"),
    "new in categories": (series(GROUP, "category"), series(["new", None], "category"), "category"),
    "new text for categories": (series(GROUP, "category"), series(["new", None]), "category"),
    "finer clocks": (
        series(DAYS).astype("M8[s]"),
        series([pd.Timestamp("2020-01-02 00:00:00.000000001"), None]),
        "datetime64[ns]",
    ),
    "another zone": (
        series(DAYS).dt.tz_localize("Europe/Berlin"),
        series([pd.Timestamp("2020-01-09", tz="UTC"), None]),
        series(DAYS).dt.tz_localize("Europe/Berlin").dtype,
    ),
    "no zone among zones": (
        series(DAYS).dt.tz_localize("UTC"),
        series([pd.Timestamp("2020-01-09"), None]),
        "object",
    ),
    "a zone among none": (
        series(DAYS),
        series([pd.Timestamp("2020-01-09", tz="UTC"), None]),
        "object",
    ),
    "nothing known of the column": (series([np.nan] * N), series([1.0, 2.5]), "float64"),
}


@pytest.mark.parametrize("name", PANDAS)
def test_known_cells_of_pandas_stay_and_types_widen(name):
    column, given, dtype = PANDAS[name]
    filled = impute(column, given)
    assert filled.dtype == dtype
    assert filled.notna().all()
    for before, after in zip(given.tolist(), filled.tolist(), strict=True):
        if not pd.isna(before):
            assert before == after


def test_new_categories_come_after_the_known_ones():
    column = series(pd.Categorical(GROUP, categories=["b", "a", "none"]))
    filled = impute(column, series(["new", None, "b"]))
    assert list(filled.cat.categories) == ["b", "a", "none", "new"]
    sizes = pd.CategoricalDtype(["a", "b"], ordered=True)
    more = pd.CategoricalDtype(["a", "mid", "b"], ordered=True)
    assert impute(series(GROUP, sizes), series(["mid", None, "b"], more)).dtype == more
    # Where a new one stands in an order, nobody knows.
    assert not hasattr(impute(series(GROUP, sizes), series(["mid", None])), "cat")


ENUM = pl.Enum(["a", "b"])
MOMENT = dt.datetime(2020, 1, 9, 5, 0, 0, 7)
STAMPS = pl.Series(DAYS.to_numpy().astype("M8[us]"))
POLARS = {
    "too large for the type": (pl.Series(WHOLE, dtype=pl.UInt8), [300, None], pl.Int64, pl.Int16),
    "of both signs": (pl.Series(WHOLE, dtype=pl.UInt8), [-1, None], pl.Int8, pl.Int16),
    "a fraction": (pl.Series(WHOLE), [40.5, None], pl.Float64, pl.Float64),
    "a whole float": (pl.Series(WHOLE), [3.0, None], pl.Float64, pl.Int64),
    "a large id": (pl.Series(WHOLE), [2**60 + 1, None], pl.Int64, pl.Int64),
    "more digits": (pl.Series(WHOLE, dtype=pl.Float32), [0.1, None], pl.Float64, pl.Float64),
    "text for an enum": (pl.Series(GROUP, dtype=ENUM), ["new", None], pl.String, pl.String),
    "known text for an enum": (pl.Series(GROUP, dtype=ENUM), ["a", None], pl.String, ENUM),
    "categories for an enum": (
        pl.Series(GROUP, dtype=ENUM),
        ["new", None],
        pl.Categorical,
        pl.Categorical,
    ),
    "a larger enum": (
        pl.Series(GROUP, dtype=ENUM),
        ["new", None],
        pl.Enum(["a", "new", "b"]),
        pl.Enum(["a", "new", "b"]),
    ),
    "new in categories": (
        pl.Series(GROUP, dtype=pl.Categorical),
        ["new", None],
        pl.String,
        pl.Categorical,
    ),
    "a time of the day": (
        STAMPS.cast(pl.Date),
        [MOMENT, None],
        pl.Datetime("us"),
        pl.Datetime("us"),
    ),
    "finer clocks": (
        STAMPS.cast(pl.Datetime("ms")),
        [MOMENT, None],
        pl.Datetime("us"),
        pl.Datetime("us"),
    ),
    "finer durations": (
        (STAMPS - STAMPS[0]).cast(pl.Duration("ms")),
        [dt.timedelta(microseconds=7), None],
        pl.Duration("us"),
        pl.Duration("us"),
    ),
    "decimals": (
        pl.Series(["1.25", "3.50"] * (N // 2)).cast(pl.Decimal(9, 2)),
        [Decimal("1.234"), None],
        pl.Decimal(9, 3),
        pl.Decimal(38, 3),
    ),
    "floats for decimals": (
        pl.Series(["1.25", "3.50"] * (N // 2)).cast(pl.Decimal(9, 2)),
        [0.1, None],
        pl.Float64,
        pl.Decimal(9, 2),
    ),
}


@pytest.mark.parametrize("name", POLARS)
def test_known_cells_of_polars_stay_and_types_widen(name):
    column, cells, given, dtype = POLARS[name]
    filled = impute(column, pl.Series(cells, dtype=given))
    assert filled.dtype == dtype
    assert filled.null_count() == 0
    known = float(filled[0]) if isinstance(cells[0], float) else filled[0]
    assert known == cells[0]


def test_nanoseconds_of_polars_stay():
    given = pl.Series([7, None]).cast(pl.Datetime("ns"))
    filled = impute(STAMPS, given)
    assert filled.dtype == pl.Datetime("ns")
    assert filled.cast(pl.Int64)[0] == 7


@pytest.mark.parametrize(
    "column, given, cell",
    [
        (STAMPS, pl.Series([None, MOMENT]).dt.replace_time_zone("UTC"), "zoneinfo"),
        (STAMPS.dt.replace_time_zone("UTC"), pl.Series([None, MOMENT]), "7\\)"),
        (pl.Series(WHOLE + 0.5), pl.Series([None, 2**60 + 1]), str(2**60 + 1)),
    ],
    ids=["a zone among none", "no zone among zones", "no float holds it"],
)
def test_a_cell_that_no_type_holds_beside_the_others_is_named(column, given, cell):
    with pytest.raises(ValueError, match=f"Column 'v': no type of polars.*{cell}.* in row 1"):
        impute(column, given)


ARRAYS = [
    (np.int64, [[2.5, np.nan]], np.float64),
    (np.int64, [[2, None]], np.int64),
    (np.int64, [[2**60 + 1, None]], np.int64),
    (np.uint8, np.array([[-1, 300]], "int16"), np.int16),
    (np.float32, [[0.1, np.nan]], np.float64),
    (np.float64, np.array([[2**60 + 1, 0]]), np.int64),
    (object, [[2.5, None]], object),
]


@pytest.mark.parametrize("dtype, given, wanted", ARRAYS, ids=str)
def test_known_cells_of_arrays_stay_and_types_widen(dtype, given, wanted):
    X = np.column_stack([WHOLE % 7, WHOLE % 9]).astype(dtype)
    filled = fast(max_epochs=1, output="autoregressive").fit(X).impute(given, n_draws=3)
    assert filled.dtype == wanted
    assert filled[0, 0] == given[0][0]
    assert filled[0, 1] == filled[0, 1]


def test_known_cells_of_arrays_of_text_and_dates_stay():
    text = np.array([["x", "y"], ["z", "y"]] * 40)
    filled = fast(max_epochs=1).fit(text).impute([["longer", None]], n_draws=3)
    assert filled.tolist() == [["longer", "y"]]
    days = np.array(DAYS, "M8[D]").reshape(-1, 2)
    filled = fast(max_epochs=1).fit(days).impute([[MOMENT, None]], n_draws=3)
    assert filled.dtype == "M8[us]"
    assert filled[0, 0] == np.datetime64(MOMENT)


@pytest.mark.filterwarnings("ignore:X .* feature names")
@pytest.mark.parametrize("fitted", [pd, pl, None], ids=["pandas", "polars", "array"])
@pytest.mark.parametrize("given", [pd, pl, None], ids=["pandas", "polars", "rows"])
def test_known_cells_of_another_container_stay(fitted, given):
    table = {"id": WHOLE.tolist(), "g": GROUP, "day": DAYS.to_pydatetime().tolist()}
    rows = [[2**60 + 1, "new", None], [None, "a", MOMENT]]
    X = np.array(list(zip(*table.values(), strict=True)), object)
    if fitted is not None:
        X = fitted.DataFrame(table)
    if given is pd:
        columns = zip(table, zip(*rows, strict=True), strict=True)
        rows = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns})
    elif given is pl:
        rows = pl.DataFrame(rows, schema=list(table), orient="row")
    filled = fast(max_epochs=1).fit(X).impute(rows, n_draws=3)
    assert type(filled) is type(X)
    if fitted is not None:
        assert list(filled.dtypes) == list(X.dtypes)
        filled = filled.rows() if fitted is pl else filled.to_numpy().tolist()
    first, second = map(list, filled)
    assert first[:2] == [2**60 + 1, "new"]
    assert second[1:] == ["a", MOMENT]


def test_rows_whose_levels_are_all_new_are_filled_and_kept():
    frame = pd.DataFrame({"n": WHOLE, "g": GROUP, "h": GROUP})
    model = fast(max_epochs=1, categorical_features=["n"]).fit(frame)
    new = pd.DataFrame({"n": [999, 7.5], "g": ["x", "y"], "h": [None, "z"]}, index=[5, 3])
    filled = model.impute(new, method="draw", n_draws=3)
    assert filled["h"][5] in GROUP
    pd.testing.assert_frame_equal(filled[["n", "g"]], new[["n", "g"]])
    assert filled["h"][3] == "z"


def test_columns_are_merged_by_position_whatever_the_index():
    X = pd.DataFrame({"a": [1, 2], "b": [3.0, np.nan]}, index=[7, 7])
    filled = pd.DataFrame({"a": [9, 9], "b": [9.0, 4.0]})
    merged = merge_tables(Container.of(filled), X, filled, X.isna().to_numpy())
    expected = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]}, index=[7, 7])
    pd.testing.assert_frame_equal(merged, expected)


# ------------------------------------------------------------------------- the index


@pytest.mark.parametrize("mixed", [False, True], ids=["numbers", "mixed"])
def test_rows_of_codes_keep_their_index(mixed):
    frame = pd.DataFrame({"a": WHOLE * 1.5, "b": WHOLE % 7})
    if mixed:
        frame["g"] = GROUP
    frame = frame.sample(frac=1, random_state=0).rename(index="row {}".format)
    model = fast(max_epochs=1).set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    assert model.inverse_transform(codes[3:9]).index.equals(frame.index[3:9])
    assert model.inverse_transform(codes.to_numpy()).index.equals(pd.RangeIndex(N))
    assert model.inverse_transform(codes.to_numpy().tolist()).index.equals(pd.RangeIndex(N))
    back = model.inverse_transform(codes)
    pd.testing.assert_frame_equal(back, model.reconstruct(frame))
    of_array = fast(max_epochs=1).fit(frame.to_numpy())
    assert type(of_array.inverse_transform(codes)) is np.ndarray


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_list_of_rows_has_no_index():
    frame = pd.DataFrame({"a": WHOLE * 1.5, "b": WHOLE % 7})
    model = fast(max_epochs=1).fit(frame)
    assert model.reconstruct(frame.to_numpy().tolist()).index.equals(pd.RangeIndex(N))
