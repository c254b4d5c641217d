"""What goes in comes out: TableEncoder's promises on random tables."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars.testing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_aae import TableEncoder
from tests.encoding.strategies import STABLE, object_array, tables


def assert_same(table, expected, **tolerance):
    """Assert the same container, labels, types, category sets and cells."""
    if isinstance(expected, pd.DataFrame):
        exact = not tolerance
        pd.testing.assert_frame_equal(table, expected, check_exact=exact, **tolerance)
    else:
        if tolerance:
            tolerance = {"rel_tol": tolerance["rtol"], "abs_tol": tolerance["atol"]}
        # NaN and null are both missing; a column comes back with one of them.
        polars.testing.assert_frame_equal(
            table, expected, check_exact=not tolerance, categorical_as_str=True, **tolerance
        )


@pytest.mark.parametrize("library", ["pandas", "polars"])
@STABLE
@given(data=st.data())
def test_levels_of_small_tables_are_exact(library, data):
    table, kinds = data.draw(tables(library))
    encoder = TableEncoder().fit(table)
    for span, kind in zip(encoder.layout_.spans, kinds, strict=True):
        assert span.kind == kind or kind == "any"
    levels = encoder._to_levels(table)
    assert levels.dtype == np.int32
    for rng in (None, np.random.default_rng(0)):
        assert_same(encoder._from_levels(levels, rng, like=table), table)


@STABLE
@given(data=st.data())
def test_arrays_of_objects_are_exact(data):
    frame, _ = data.draw(tables("pandas"))
    array = object_array(frame)
    encoder = TableEncoder().fit(array)
    back = encoder._from_levels(encoder._to_levels(array), None)
    assert back.dtype == object
    # A frame of objects treats all missing cells alike, pandas' NA and None among them.
    gone = pd.isna(pd.DataFrame(array)).to_numpy()
    assert (pd.isna(pd.DataFrame(back)).to_numpy() == gone).all()
    for cell, expected in zip(back[~gone], array[~gone], strict=True):
        assert cell == expected
        assert isinstance(cell, bool) == isinstance(expected, bool)


def float_columns(table, n_columns):
    """Return by position which columns float32 cannot hold exactly."""
    return [str(dtype) for dtype in table.dtypes][:n_columns]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@STABLE
@given(data=st.data())
def test_dense_matrices_are_exact_where_float32_can_tell_values_apart(library, data):
    table, _ = data.draw(tables(library))
    encoder = TableEncoder(max_categories=data.draw(st.integers(2, 20))).fit(table)
    matrix = encoder.transform(table)
    assert matrix.dtype == np.float32
    assert np.isfinite(matrix).all()
    assert matrix.shape == (len(table), len(encoder.get_feature_names_out()))
    back = encoder.inverse_transform(matrix)
    levels, again = encoder._to_levels(table), encoder._to_levels(back)
    for j, codec in enumerate(encoder._codecs):
        if codec.span.kind != "number":
            assert (levels[:, j] == again[:, j]).all()
            continue
        assert ((levels[:, j] == codec.span.missing) == (again[:, j] == codec.span.missing)).all()
        values = np.append(codec.axis.values.astype(float), 0.0)  # the last one: missing
        slack = (float(np.abs(matrix).max()) + 1) * (codec.scale * 2.0**-22)
        assert np.isclose(values[again[:, j]], values[levels[:, j]], 1e-14, slack).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
@STABLE
@given(data=st.data())
def test_values_stay_in_the_interval_of_their_level(library, data):
    table, _ = data.draw(tables(library, min_rows=8, max_rows=40))
    encoder = TableEncoder(max_levels=data.draw(st.integers(2, 6))).fit(table)
    levels = encoder._to_levels(table)
    n_levels = encoder.layout_.n_levels
    assert (levels >= 0).all()
    assert (levels < n_levels).all()
    for span, column in zip(encoder.layout_.spans, levels.T, strict=True):
        if span.low is not None:
            assert span.n_present <= 6
        np.testing.assert_allclose(
            span.shares, np.bincount(column, minlength=span.n_levels) / len(table)
        )
    for seed in (None, 0, 1):
        rng = None if seed is None else np.random.default_rng(seed)
        back = encoder._from_levels(levels, rng)
        assert list(back.columns) == list(table.columns)
        if library == "pandas":
            assert (back.dtypes == table.dtypes).all()
        else:
            assert back.dtypes == table.dtypes
        np.testing.assert_array_equal(encoder._to_levels(back), levels)


@STABLE
@given(data=st.data())
def test_a_pickled_encoder_does_the_same(data):
    table, _ = data.draw(tables("pandas"))
    encoder = TableEncoder().fit(table)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(table), encoder.transform(table))
    levels = encoder._to_levels(table)
    rng, other = np.random.default_rng(0), np.random.default_rng(0)
    assert_same(again._from_levels(levels, rng), encoder._from_levels(levels, other))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@STABLE
@given(data=st.data())
def test_names_are_distinct_text(library, data):
    table, _ = data.draw(tables(library))
    names = TableEncoder().fit(table).get_feature_names_out()
    assert names.dtype == object
    assert len(set(names)) == len(names)
    assert all(isinstance(name, str) for name in names)


@STABLE
@given(data=st.data())
def test_fit_and_transform_leave_the_table_alone(data):
    table, _ = data.draw(tables("pandas"))
    before = table.copy(deep=True)
    encoder = TableEncoder()
    encoder.fit_transform(table)
    encoder._from_levels(encoder._to_levels(table), np.random.default_rng(0))
    assert_same(table, before)
