"""Scales there and back, and the containers that rows come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_aae.encoding import Container, Scaler, check_numeric_columns
from sklearn_aae.exceptions import UnsupportedColumnsError

KINDS = ["standard", "minmax", "quantile", None]
TABLES = arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(1, 4)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=50)
@given(X=TABLES)
def test_there_and_back(kind, X):
    scaler = Scaler(kind).fit(X, seed=0)
    scaled = scaler.transform(X, np.float64)
    assert scaled.shape == X.shape
    assert np.isfinite(scaled).all()
    back = scaler.inverse_transform(scaled, np.float64)
    np.testing.assert_allclose(back, X, atol=1e-6 * max(1.0, np.abs(X).max()))


@settings(deadline=None, max_examples=50)
@given(X=TABLES)
def test_constant_columns_are_zero_inside(X):
    X[:, 0] = X[0, 0]
    for kind in ("standard", "minmax", "quantile"):
        scaler = Scaler(kind).fit(X, seed=0)
        assert scaler.constant_[0]
        assert (scaler.transform(X)[:, 0] == 0).all()
        np.testing.assert_array_equal(
            scaler.inverse_transform(np.zeros_like(X), np.float64)[:, 0], X[:, 0]
        )


def test_affine_scales_are_scikit_learns(cancer):
    X = cancer[0]
    np.testing.assert_allclose(
        Scaler("standard").fit(X, 0).transform(X, np.float64), StandardScaler().fit_transform(X)
    )
    np.testing.assert_allclose(
        Scaler("minmax").fit(X, 0).transform(X, np.float64),
        MinMaxScaler((-1, 1)).fit_transform(X),
        atol=1e-12,
    )


def test_fitting_in_chunks_changes_nothing_that_matters(cancer, monkeypatch):
    import sklearn_aae.encoding._scaling as module

    X = cancer[0]
    whole = Scaler("standard").fit(X, 0)
    monkeypatch.setattr(module, "CHUNK_BYTES", 8 * 30 * 50)
    parts = Scaler("standard").fit(X, 0)
    np.testing.assert_allclose(whole.shift_, parts.shift_)
    np.testing.assert_allclose(whole.scale_, parts.scale_)


@pytest.mark.parametrize("kind", KINDS)
def test_spread_is_the_standard_deviation_inside(cancer, kind):
    X = cancer[0]
    scaler = Scaler(kind).fit(X, 0)
    tolerance = 0.2 if kind == "quantile" else 1e-6
    np.testing.assert_allclose(
        scaler.spread_, scaler.transform(X, np.float64).std(axis=0), rtol=tolerance
    )


def test_arrays_have_no_container():
    rows = np.ones((3, 2))
    assert Container.of(rows).wrap(rows) is rows


def test_numeric_columns_of_all_kinds_pass():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    columns = {"a": [1, 2], "b": [1.5, 2.5], "c": [True, False]}
    check_numeric_columns(pd.DataFrame(columns), "E")
    check_numeric_columns(pl.DataFrame(columns), "E")
    check_numeric_columns(pd.DataFrame({"a": [1, 2.5]}, dtype=object), "E")
    check_numeric_columns(pd.DataFrame(columns).convert_dtypes(), "E")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_other_columns_are_named(library):
    lib = pytest.importorskip(library)
    frame = lib.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "c": ["u", "v"]})
    with pytest.raises(UnsupportedColumnsError, match=r"E reads columns of numbers .*'b'.*'c'"):
        check_numeric_columns(frame, "E")
