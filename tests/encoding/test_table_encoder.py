"""TableEncoder in use: rules of levels, the dense matrix, workflows."""

from __future__ import annotations

import datetime
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from sklearn_aae import TableEncoder


def people(n_rows=300, seed=0):
    """Return a table of every kind of column that matters in practice, and a target."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n_rows)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(n_rows) < 0.1, np.nan, age),
            "sex": np.array(["Female", "Male"])[rng.integers(0, 2, n_rows)],
            "town": np.char.mod("town %03d", rng.integers(0, 150, n_rows)),
            "member": rng.random(n_rows) < 0.3,
            "joined": pd.Timestamp("2019-05-01")
            + pd.to_timedelta(rng.integers(0, 900, n_rows), "D"),
        }
    )
    return frame, (age + 20 * frame["member"] + rng.normal(size=n_rows) > 60).to_numpy()


# --------------------------------------------------------------------- names


def test_names_of_the_dense_columns():
    frame, _ = people()
    names = TableEncoder().fit(frame).get_feature_names_out().tolist()
    assert names[:4] == ["age", "age_missing", "sex_Female", "sex_Male"]
    assert [name for name in names if name.startswith("town")][:2] == [
        "town_digit0_0",
        "town_digit0_1",
    ]
    assert "town_digit1_3" in names
    assert names[-4:] == ["member", "joined_year", "joined_month", "joined_day"]


def test_names_that_would_clash_get_a_number():
    frame = pd.DataFrame({"a": ["b_c", "x"], "a_b": ["c", "x"]})
    names = TableEncoder().fit(frame).get_feature_names_out().tolist()
    assert names == ["a_b_c", "a_x", "a_b_c_2", "a_b_x"]


def test_names_of_arrays_are_positions():
    names = TableEncoder().fit([[1.0, "a"], [2.0, "b"]]).get_feature_names_out().tolist()
    assert names == ["x0", "x1_a", "x1_b"]


# -------------------------------------------------------------- dense matrix


def test_categories_and_numbers_are_what_scikit_learn_makes_of_them():
    frame, _ = people()
    frame = frame[["age", "sex"]].dropna()
    ours = TableEncoder().fit_transform(frame)
    numbers = StandardScaler().fit_transform(frame[["age"]])
    labels = OneHotEncoder(sparse_output=False).fit_transform(frame[["sex"]])
    np.testing.assert_allclose(ours, np.hstack([numbers, labels]), rtol=1e-6)


def test_a_missing_number_is_zero_and_its_indicator_one():
    frame = pd.DataFrame({"n": [1.0, 3.0, np.nan]})
    np.testing.assert_allclose(TableEncoder().fit_transform(frame), [[-1, 0], [1, 0], [0, 1]])


def test_booleans_are_one_column():
    frame = pl.DataFrame({"b": [True, False, None]})
    np.testing.assert_array_equal(TableEncoder().fit_transform(frame), [[1, 0], [0, 0], [0, 1]])


@pytest.mark.parametrize("max_categories, n_columns", [(200, 150), (64, 12 + 13), (5, 3 + 3 * 4)])
def test_many_categories_are_written_in_digits(max_categories, n_columns):
    frame = pd.DataFrame({"town": [f"town {i:03d}" for i in range(150)]})
    encoder = TableEncoder(max_categories=max_categories)
    matrix = encoder.fit_transform(frame)
    assert matrix.shape[1] == n_columns
    assert set(np.unique(matrix)) == {0.0, 1.0}
    assert len(np.unique(matrix, axis=0)) == 150
    pd.testing.assert_frame_equal(encoder.inverse_transform(matrix), frame)


def test_new_numbers_pass_through_the_dense_matrix():
    encoder = TableEncoder().fit(pd.DataFrame({"n": [1.5, 2.5, 9.5], "k": [1, 5, 100]}))
    new = pd.DataFrame({"n": [3.3, -70.1, 2.5], "k": [7, -20, 100]})
    expected = new.assign(n=[3.3, -70.1, 2.5])
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(new)), expected)


def test_large_ids_come_back_where_float32_can_tell_them_apart():
    ids = np.array([2**53 + 1, 2**60 + 7, -(2**62) - 3])
    frame = pd.DataFrame({"id": ids})
    encoder = TableEncoder().fit(frame)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    # As neighbours they are one number in float32, but as many labels.
    close = pd.DataFrame({"id": 2**60 + np.arange(3)})
    encoder = TableEncoder(categorical_features=["id"]).fit(close)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(close)), close)


def test_small_types_do_not_wrap_around():
    encoder = TableEncoder().fit(pd.DataFrame({"k": np.array([100, 120, 127], dtype=np.int8)}))
    back = encoder.inverse_transform([[1e9], [-1e9]])
    assert back["k"].tolist() == [127, -128]
    assert back["k"].dtype == np.int8
    floats = TableEncoder().fit(pd.DataFrame({"k": np.array([1, 1e38], dtype=np.float32)}))
    assert np.isfinite(floats.inverse_transform([[1e30], [-1e30]])["k"]).all()


def test_extreme_numbers_stay_finite():
    frame = pd.DataFrame({"n": [1.7e308, -1.7e308, 1.0]})
    encoder = TableEncoder().fit(frame)
    assert np.isfinite(encoder.transform(frame)).all()
    tiny = TableEncoder().fit(pd.DataFrame({"n": [0.0, 1e-300]}))
    assert np.isfinite(tiny.transform(frame)).all()


def test_the_calendar_is_written_in_digits():
    timestamps = pd.to_datetime(["2020-02-29 23:59:59", "1969-12-31 00:00:01"])
    frame = pd.DataFrame({"at": timestamps})
    encoder = TableEncoder().fit(frame)
    names = [name.removeprefix("at_") for name in encoder.get_feature_names_out()]
    assert names == ["year", "month", "day", "hour", "minute", "second"]
    matrix = encoder.transform(frame)
    assert np.abs(matrix).max() <= 1
    np.testing.assert_allclose(matrix[:, 1], [(2 - 6.5) / 5.5, 1], rtol=1e-6)
    pd.testing.assert_frame_equal(encoder.inverse_transform(matrix), frame)


def test_decoded_days_exist():
    days = pd.to_datetime(["2020-01-31", "2021-02-01"]).as_unit("us")
    frame = pd.DataFrame({"day": days})
    encoder = TableEncoder().fit(frame)
    matrix = encoder.transform(frame)
    matrix[0, 1] = matrix[1, 1]  # 31 February 2020
    assert encoder.inverse_transform(matrix)["day"][0] == pd.Timestamp("2020-02-29")
    far = encoder.inverse_transform(np.full((2, 3), [[1e9], [-1e9]]))
    assert (far["day"].dt.year == [9999, 1]).all()


def test_nanoseconds_do_not_wrap_around():
    frame = pd.DataFrame({"at": np.array([0, 1], dtype="M8[ns]")})
    encoder = TableEncoder().fit(frame)
    n_columns = encoder.transform(frame).shape[1]
    ends = encoder.inverse_transform(np.full((2, n_columns), [[1e9], [-1e9]]))["at"]
    assert ends[0] > pd.Timestamp("2262-01-01")
    assert ends[1] < pd.Timestamp("1678-01-01")


# --------------------------------------------------------------------- draws


def test_drawn_numbers_are_as_round_as_the_training_numbers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "price": np.round(rng.exponential(100, 2000), 2),
            "count": rng.integers(0, 10**6, 2000),
            "free": rng.normal(size=2000),
            "narrow": np.round(rng.normal(size=2000), 3).astype(np.float32),
        }
    )
    encoder = TableEncoder(max_levels=50).fit(frame)
    assert not any(span.repeats for span in encoder.layout_.spans)
    back = encoder._from_levels(encoder._to_levels(frame), rng)
    assert (back.dtypes == frame.dtypes).all()
    np.testing.assert_array_equal(back["price"], np.round(back["price"], 2))
    np.testing.assert_array_equal(
        back["narrow"], np.round(back["narrow"].astype(float), 3).astype(np.float32)
    )
    for name in frame:
        # Levels hold 40 numbers each; values between them are drawn too.
        assert (~back[name].isin(frame[name])).mean() > 0.1


def test_columns_of_repeated_values_are_drawn_as_training_values():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"income": 1000 * rng.integers(0, 300, 3000)})
    encoder = TableEncoder(max_levels=30).fit(frame)
    assert encoder.layout_.spans[0].repeats
    back = encoder._from_levels(encoder._to_levels(frame), rng)
    assert back["income"].isin(frame["income"]).all()
    assert back["income"].nunique() > 200


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_drawn_days_begin_at_midnight_of_their_zone(zone):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, 2500), "D")
    frame = pd.DataFrame({"day": days.tz_localize(zone)})
    encoder = TableEncoder(max_levels=40).fit(frame)
    span = encoder.layout_.spans[0]
    assert not span.repeats
    back = encoder._from_levels(encoder._to_levels(frame), rng)["day"]
    assert back.dtype == frame["day"].dtype
    new = ~back.isin(frame["day"])
    assert new.mean() > 0.1
    # A change of the clocks between two neighbouring training days shifts what is drawn there.
    at_midnight = back.dt.tz_localize(None) == back.dt.tz_localize(None).dt.normalize()
    assert at_midnight.mean() > 0.99


def test_drawn_durations_are_as_round_as_the_training_durations():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"lap": [datetime.timedelta(minutes=int(m)) for m in rng.integers(-9999, 9999, 900)]}
    )
    encoder = TableEncoder(max_levels=30).fit(frame)
    back = encoder._from_levels(encoder._to_levels(frame), rng)
    assert back.schema == frame.schema
    assert (back["lap"].dt.total_seconds() % 60 == 0).all()
    assert not set(back["lap"]) <= set(frame["lap"])


def test_draws_repeat_with_the_generator_and_move_no_other():
    frame, _ = people()
    encoder = TableEncoder(max_levels=5).fit(frame)
    levels = encoder._to_levels(frame)
    state = np.random.get_state()[1].copy()
    first, again, other = (
        encoder._from_levels(levels, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_large_tables_are_not_kept():
    rng = np.random.default_rng(0)
    n = 80_000
    table = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "at": pd.to_datetime(rng.integers(0, 10**18, n), utc=True).tz_convert("Europe/Paris"),
        }
    )
    encoder = TableEncoder(max_levels=50).fit(table)
    assert len(pickle.dumps(encoder)) < 0.15 * 2 * n * 8
    levels = encoder._to_levels(table)
    back = encoder._from_levels(levels, rng)
    assert (back.dtypes == table.dtypes).all()
    np.testing.assert_array_equal(encoder._to_levels(back), levels)
    with pytest.raises(ValueError, match="No training row that was kept meets"):
        encoder._level_shares("x", 0.123)


@pytest.mark.slow
@pytest.mark.parametrize("frame_type", [pd.DataFrame, pl.DataFrame])
def test_memory_grows_with_rows_and_not_with_rows_times_levels(frame_type):
    rng = np.random.default_rng(0)
    names = [f"customer number {i:06d}" for i in range(100_000)]
    names += [names[i] for i in rng.integers(0, 100_000, 100_000)]
    table = frame_type({"name": names})
    tracemalloc.start()
    encoder = TableEncoder().fit(table)
    levels = encoder._to_levels(table)
    encoder._from_levels(levels, rng)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.reset_peak()
    matrix = encoder.transform(table)
    assert tracemalloc.get_traced_memory()[1] < matrix.nbytes + 100e6
    tracemalloc.stop()


# ---------------------------------------------------------- rare and unknown


@pytest.mark.parametrize("handle_unknown", ["ignore", "infrequent_if_exist"])
@pytest.mark.parametrize("n_levels", [2, 11, 120])
def test_unknown_levels_are_no_level_and_zeros(n_levels, handle_unknown):
    labels = [f"audi {i}" for i in range(n_levels)]
    frame = pd.DataFrame({"car": labels, "n": np.arange(n_levels)})
    encoder = TableEncoder(max_categories=200, handle_unknown=handle_unknown).fit(frame)
    new = frame[:2].assign(car=["audi 1", "audi 999"])
    assert encoder._to_levels(new)[:, 0].tolist() == [labels.index("audi 1"), -1]
    matrix = encoder.transform(new)[:, :-1]
    np.testing.assert_array_equal(matrix.sum(axis=1), [1, 0])
    np.testing.assert_array_equal(encoder.transform(new)[:, -1], encoder.transform(frame)[:2, -1])


def test_unknown_numbers_and_booleans_that_are_labels_are_no_level():
    encoder = TableEncoder(categorical_features=[0]).fit(np.arange(0, 1000, 10)[:, None])
    assert encoder._to_levels([[14], [-5], [20]]).ravel().tolist() == [-1, -1, 2]
    always = TableEncoder().fit(pd.DataFrame({"ok": [True] * 5}))
    new = pd.DataFrame({"ok": [False, True]})
    assert always._to_levels(new).ravel().tolist() == [-1, 0]
    np.testing.assert_array_equal(always.transform(new), [[0], [1]])


def test_missing_cells_that_fit_did_not_see_are_no_level_and_zeros():
    frame = pd.DataFrame(
        {
            "n": [1.0, 2.0, 4.0],
            "s": ["a", "b", "a"],
            "ok": [True, False, True],
            "day": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-05"]),
            "gap": [1.0, None, 2.0],
        }
    )
    encoder = TableEncoder().fit(frame)
    gone = pd.DataFrame({name: [None] for name in frame}).astype({"gap": float})
    assert encoder._to_levels(gone).tolist() == [[-1, -1, -1, -1, 2]]
    names = encoder.get_feature_names_out().tolist()
    matrix = encoder.transform(gone)
    assert names == encoder.fit(frame).get_feature_names_out().tolist()
    np.testing.assert_array_equal(matrix[0], np.array(names) == "gap_missing")
    # Beside known cells, and in other containers.
    part = frame.assign(n=[np.nan, 2.0, 4.0])
    expected = encoder.transform(frame)
    expected[0, 0] = 0
    np.testing.assert_array_equal(encoder.transform(part), expected)
    in_polars = pl.from_pandas(frame)
    again = TableEncoder().fit(in_polars).transform(pl.from_pandas(part))
    np.testing.assert_array_equal(again, expected)


def test_a_cell_in_a_column_that_had_none_is_no_level():
    encoder = TableEncoder().fit(pd.DataFrame({"gone": [None, None], "n": [1, 2]}))
    new = pd.DataFrame({"gone": ["x", None], "n": [1, 2]})
    assert encoder._to_levels(new).tolist() == [[-1, 0], [0, 1]]
    np.testing.assert_array_equal(encoder.transform(new)[:, 0], [0, 1])


@pytest.mark.parametrize("holes", [[None, "a"], [np.nan, 1.0], [None, True]])
def test_handle_missing_error_refuses_missing_cells_in_fit_and_afterwards(holes):
    frame = pd.DataFrame({"c": holes})
    with pytest.raises(ValueError, match=r"Column 'c' has missing cells \(NaN.*first in row 0"):
        TableEncoder(handle_missing="error").fit(frame)
    encoder = TableEncoder(handle_missing="error").fit(frame[1:])
    for method in (encoder.transform, encoder._to_levels):
        with pytest.raises(ValueError, match="Set handle_missing='unknown', or fill them"):
            method(frame)
    assert not get_tags(encoder).input_tags.allow_nan
    assert get_tags(TableEncoder()).input_tags.allow_nan


def test_rare_levels_share_one():
    cells = ["a"] * 50 + ["b"] * 40 + ["x"] * 6 + ["y"] * 3 + [None]
    frame = pd.DataFrame({"c": cells})
    encoder = TableEncoder(min_frequency=0.1, handle_unknown="infrequent_if_exist").fit(frame)
    span = encoder.layout_.spans[0]
    assert (span.n_levels, span.missing) == (4, 3)
    assert encoder.get_feature_names_out().tolist() == [
        "c_a",
        "c_b",
        "c_infrequent",
        "c_missing",
    ]
    new = pd.DataFrame({"c": ["a", "x", "y", "new", None]})
    assert encoder._to_levels(new).ravel().tolist() == [0, 2, 2, 2, 3]
    np.testing.assert_array_equal(encoder.transform(new)[:, 2], [0, 1, 1, 1, 0])
    assert encoder.inverse_transform(encoder.transform(new))["c"].tolist()[:4] == [
        "a",
        "x",
        "x",
        "x",
    ]
    drawn = encoder._from_levels(np.full((3000, 1), 2), np.random.default_rng(0))["c"]
    np.testing.assert_allclose((drawn == "x").mean(), 2 / 3, atol=0.03)
    assert set(drawn) == {"x", "y"}


def test_the_commonest_categories_are_kept_as_in_one_hot_encoder():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"c": "c" + rng.geometric(0.2, 500).astype(str).astype(object)})
    ours = TableEncoder(max_categories=5, handle_unknown="infrequent_if_exist").fit(frame)
    theirs = OneHotEncoder(max_categories=5, sparse_output=False).fit(frame)
    assert ours.layout_.spans[0].n_levels == 5
    np.testing.assert_array_equal(ours.transform(frame), theirs.transform(frame))


# ---------------------------------------------------------------- containers


def test_numbers_as_categories_keep_their_type():
    frame = pd.DataFrame(
        {
            "zip": np.array([10, 2, 10], dtype=np.int16),
            "day": pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-02"]).tz_localize(
                "Asia/Tokyo"
            ),
            "x": [1.5, 2.5, np.nan],
        }
    )
    for chosen in (
        ["zip", "day", "x"],
        [0, 1, -1],
        [True, True, True],
        np.array(["zip", "day", "x"]),
    ):
        encoder = TableEncoder(categorical_features=chosen).fit(frame)
        assert {span.kind for span in encoder.layout_.spans} == {"category"}
        levels = encoder._to_levels(frame)
        assert levels[:, 0].tolist() == [1, 0, 1]
        pd.testing.assert_frame_equal(encoder._from_levels(levels, None), frame)
        pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    assert encoder.get_feature_names_out().tolist()[:2] == ["zip_2", "zip_10"]
    # In another unit they are the same days.
    other = frame.astype({"day": "datetime64[s, Asia/Tokyo]", "zip": "Int64"})
    np.testing.assert_array_equal(encoder._to_levels(other), levels)


def test_pandas_keeps_index_header_and_categories():
    frame, _ = people(20)
    frame.index = pd.Index(range(100, 120), name="row")
    frame.columns.name = "field"
    frame["size"] = pd.Categorical(["S", "L"] * 10, ["S", "M", "L"], ordered=True)
    encoder = TableEncoder().set_output(transform="pandas").fit(frame)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    levels = encoder._to_levels(frame)
    pd.testing.assert_frame_equal(encoder._from_levels(levels, None, like=frame), frame)
    assert encoder._from_levels(levels, None).index.equals(pd.RangeIndex(20))


def test_pandas_with_several_levels_of_labels():
    header = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", "y"])
    frame = pd.DataFrame([[1, "u", 2.5], [2, "v", 3.5]]).set_axis(header, axis=1)
    encoder = TableEncoder().fit(frame)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_arrow_tables_come_back_as_arrow_tables():
    table = pa.table({"n": [1, 2, None], "s": ["a", None, "b"], "b": [True, False, None]})
    encoder = TableEncoder().fit(table)
    back = encoder._from_levels(encoder._to_levels(table), None)
    assert isinstance(back, pa.Table)
    assert back.equals(table)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1, 2], [3, 4]], dtype=np.int8),
        np.array([[1.5, np.nan], [3, 4]], dtype=np.float32),
        np.array([[True], [False]]),
        np.array([["a", "b"], ["c", "d"]]),
        np.array([["2020-01-01"], ["NaT"]], dtype="M8[D]"),
        np.array([["2020", "2021"]], dtype="M8[Y]"),
        np.array([[5], [7]], dtype="m8[h]"),
        np.array([[1, "a", None, True], [2, "b", "c", False]], dtype=object),
        np.array([[2**64 - 1], [0]], dtype=np.uint64),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_come_back_as_arrays_of_their_type(array):
    encoder = TableEncoder().fit(array)
    levels = encoder._to_levels(array)
    for back in (
        encoder._from_levels(levels, None),
        encoder._from_levels(levels, np.random.default_rng(0)),
        encoder.inverse_transform(encoder.transform(array)),
    ):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_lists_of_rows_keep_numbers_beside_text():
    rows = [[1, "a", None], [2.5, "1", True]]
    encoder = TableEncoder().fit(rows)
    assert [span.kind for span in encoder.layout_.spans] == ["number", "category", "boolean"]
    assert encoder._from_levels(encoder._to_levels(rows), None).tolist() == rows


def test_one_frame_library_may_be_fitted_and_another_encoded():
    frame, _ = people(50)
    frame = frame.astype({"sex": "category"})
    encoder = TableEncoder().fit(frame)
    other = pl.from_pandas(frame)
    np.testing.assert_array_equal(encoder._to_levels(other), encoder._to_levels(frame))
    np.testing.assert_array_equal(encoder.transform(other), encoder.transform(frame))


def test_dates_of_other_units_are_the_same_dates():
    days = ["2020-01-01", "2020-01-02", "2020-02-01"]
    frames = [pd.DataFrame({"at": np.array(days, f"M8[{unit}]")}) for unit in ("s", "ms", "ns")]
    for fitted in frames:
        encoder = TableEncoder().fit(fitted)
        for other in frames:
            assert encoder._to_levels(other).ravel().tolist() == [0, 1, 2]
            np.testing.assert_array_equal(encoder.transform(other), encoder.transform(fitted))
    far = pd.DataFrame({"at": np.array(["3000-01-01", "1000-01-01"], "M8[s]")})
    encoder = TableEncoder().fit(frames[-1])
    assert encoder._to_levels(far).ravel().tolist() == [2, 0]
    laps = pd.DataFrame({"lap": np.array([1, 2, 3], "m8[s]")})
    encoder = TableEncoder().fit(laps)
    assert encoder._to_levels(laps.astype("m8[ns]")).ravel().tolist() == [0, 1, 2]


def test_masked_cells_are_missing():
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    encoder = TableEncoder().fit(masked)
    assert encoder._to_levels(masked).tolist() == [[0, 1], [1, 0]]


def test_missing_cells_of_every_sort_are_missing():
    cells = ["a", None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT")]
    levels = TableEncoder().fit(pd.DataFrame({"c": cells}, dtype=object))
    assert levels._to_levels(pd.DataFrame({"c": cells}, dtype=object)).ravel().tolist() == [
        0,
        1,
        1,
        1,
        1,
        1,
    ]
    frame = pl.DataFrame({"x": [1.0, None, float("nan")]})
    encoder = TableEncoder().fit(frame)
    assert encoder._to_levels(frame).ravel().tolist() == [0, 1, 1]
    assert encoder._from_levels(encoder._to_levels(frame), None)["x"].is_null().sum() == 2


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT], ids=str)
@pytest.mark.parametrize("cells", [["a", "b"], [1, 2], [True, False]], ids=str)
def test_what_stood_for_a_missing_object_stands_for_it_again(cells, gap):
    frame = pd.DataFrame({"c": [*cells, gap]}, dtype=object)
    encoder = TableEncoder().fit(frame)
    back = encoder._from_levels(encoder._to_levels(frame), None)["c"].tolist()
    assert back[:2] == cells
    assert back[2] is frame["c"][2]


def test_imputation_may_ask_for_missing_cells_that_fit_did_not_see():
    encoder = TableEncoder().fit(pd.DataFrame({"n": [1.0, 2.0], "s": ["a", "b"]}))
    gaps = pd.DataFrame({"n": [np.nan, 2.0], "s": ["a", None]})
    levels, missing = encoder._to_known_levels(gaps)
    assert levels.tolist() == [[-1, 0], [1, -1]]
    assert missing.tolist() == [[True, False], [False, True]]


def test_true_and_one_are_two_labels():
    frame = pd.DataFrame({"c": [True, 1, "x", False, 0]}, dtype=object)
    encoder = TableEncoder().fit(frame)
    assert encoder.layout_.spans[0].n_levels == 5
    back = encoder._from_levels(encoder._to_levels(frame), None)["c"].tolist()
    assert [type(cell) for cell in back] == [bool, int, str, bool, int]
    assert encoder._to_levels(
        pd.DataFrame({"c": [True, False]}, dtype=object)
    ).ravel().tolist() == (encoder._to_levels(frame).ravel()[[0, 3]].tolist())


# ----------------------------------------------------------------- workflows


@pytest.mark.parametrize(
    "model", [LogisticRegression(max_iter=500), HistGradientBoostingClassifier(max_iter=20)]
)
def test_it_feeds_a_classifier(model):
    frame, y = people(600)
    pipeline = make_pipeline(TableEncoder(), model).fit(frame[:400], y[:400])
    assert pipeline.score(frame[400:], y[400:]) > 0.85


def test_it_is_a_step_of_a_column_transformer():
    frame, y = people()
    columns = make_column_transformer(
        (TableEncoder(), ["age", "town"]), (OneHotEncoder(), ["sex"]), sparse_threshold=0
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame, y)
    assert "tableencoder__age_missing" in pipeline[0].get_feature_names_out()


def test_a_grid_search_goes_over_its_parameters():
    frame, y = people()
    pipeline = make_pipeline(TableEncoder(), LogisticRegression(max_iter=500))
    grid = {"tableencoder__max_categories": [4, 64], "tableencoder__min_frequency": [None, 3]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(frame, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "library, frame_type", [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
def test_set_config_gives_frames(library, frame_type):
    frame, _ = people(30)
    with sklearn.config_context(transform_output=library):
        encoder = TableEncoder().fit(frame)
        matrix = encoder.transform(frame)
    assert isinstance(matrix, {"pandas": pd, "polars": pl}[library].DataFrame)
    assert list(matrix.columns) == encoder.get_feature_names_out().tolist()
    back = encoder.inverse_transform(matrix)
    pd.testing.assert_frame_equal(back, frame)


def test_clones_and_pickles_do_the_same():
    frame, _ = people(100)
    encoder = TableEncoder(max_levels=7, categorical_features=["age"]).fit(frame)
    assert clone(encoder).get_params() == encoder.get_params()
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform(frame), clone(encoder).fit_transform(frame))


def test_a_second_fit_forgets_the_first():
    frame, _ = people(50)
    encoder = TableEncoder().fit(frame)
    encoder.fit(np.arange(6).reshape(3, 2))
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.layout_.n_columns == encoder.n_features_in_ == 2


def test_a_column_keeps_its_name_where_a_made_up_one_is_the_same():
    table = pd.DataFrame(
        {
            "age": [1.0, None, 3.0, 4.0],
            "age_missing": [10.0, 20.0, 30.0, 40.0],
            "sex": ["f", "m", "f", "m"],
            "sex_f": [1.5, 2.5, 3.5, 0.5],
        }
    )
    encoder = TableEncoder().set_output(transform="pandas")
    out = encoder.fit_transform(table)
    assert list(out) == ["age", "age_missing_2", "age_missing", "sex_f_2", "sex_m", "sex_f"]
    assert out["age_missing_2"].tolist() == [0, 1, 0, 0]
    for name in ("age_missing", "sex_f"):
        own = np.corrcoef(out[name], table[name])[0, 1]
        assert own == pytest.approx(1)
