"""Masked cells are missing cells; what numpy makes an array of is read as that array."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_aae import TableEncoder
from sklearn_aae.encoding import as_plain, is_mixed
from sklearn_aae.metrics import column_shapes
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2)).round(1)
MASK = np.zeros(X.shape, dtype=bool)
MASK[::7, 1] = True
HOLED = np.where(MASK, np.nan, X)
Y = np.arange(60) % 2

ESTIMATORS = {
    "model": fast,
    "detector": fast_detector,
    "classifier": lambda: fast_classifier(max_epochs=2),
    "clusterer": lambda: fast_clusterer(max_epochs=2),
    "encoder": TableEncoder,
}


class ArrayLike:
    """Has nothing but what numpy asks for."""

    def __init__(self, cells):
        self.cells = cells

    def __array__(self, dtype=None, copy=None):
        return np.array(self.cells, dtype=dtype)


class Capsule:
    """Has nothing but DLPack."""

    def __init__(self, cells):
        self.cells = cells

    def __dlpack__(self, **options):
        return self.cells.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.cells.__dlpack_device__()


MASKED = {
    "fill value": np.ma.masked_array(X, MASK, fill_value=-999),
    "numbers under the mask": np.ma.masked_array(np.where(MASK, 1e9, X), MASK),
    "infinite under the mask": np.ma.masked_array(np.where(MASK, np.inf, X), MASK),
    "masked by value": np.ma.masked_equal(np.where(MASK, -999, X), -999),
    "list of masked rows": list(np.ma.masked_array(X, MASK)),
    "the constant": [
        [np.ma.masked if gone else cell for cell, gone in zip(*row, strict=True)]
        for row in zip(X.tolist(), MASK, strict=True)
    ],
    "array-like": ArrayLike(HOLED),
    "DLPack": Capsule(HOLED),
    "tensor": torch.tensor(HOLED),
}


def ask(estimator, table):
    method = getattr(estimator, "predict", None) or estimator.transform
    return np.asarray(method(table), dtype=float)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_masked_cell_is_a_missing_cell_in_every_estimator(make):
    expected = ask(make().fit(HOLED, Y), HOLED)
    for name, table in MASKED.items():
        assert is_mixed(table), name
        np.testing.assert_array_equal(ask(make().fit(table, Y), table), expected, err_msg=name)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_numbers_are_numbers_in_any_array_and_masked_cells_are_missing_ones_later(make):
    fitted = make().fit(X, Y)
    expected = ask(fitted, X)
    for table in (np.ma.masked_array(X), ArrayLike(X), Capsule(X), torch.tensor(X)):
        assert not is_mixed(table)
        np.testing.assert_array_equal(ask(make().fit(table, Y), table), expected)
    masked = MASKED["numbers under the mask"]
    np.testing.assert_array_equal(ask(fitted, masked), ask(fitted, HOLED))
    if make is not ESTIMATORS["detector"]:  # which takes missing cells in fit
        fitted = make().set_params(handle_missing="error").fit(X, Y)
        with pytest.raises(ValueError, match=r"NaN"):
            ask(fitted, masked)


@pytest.mark.parametrize("fill", [0, 3, 999])
def test_masked_whole_numbers_are_missing_whatever_the_fill_value(fill):
    whole = np.ma.masked_array(rng.integers(0, 4, (60, 2)), MASK, fill_value=fill)
    encoder = TableEncoder().fit(whole)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x1_missing"]
    drawn = fast(output="autoregressive", max_epochs=1).fit(whole).sample(50)
    assert set(drawn[~np.isnan(drawn)]) <= {0.0, 1.0, 2.0, 3.0}


@pytest.mark.parametrize(
    "cells, names",
    [
        (X > 0, ["x0", "x1", "x1_missing"]),
        (np.where(X > 0, "a", "b"), ["x0_a", "x0_b", "x1_a", "x1_b", "x1_missing"]),
        (
            np.where(X > 0, "a", "b").astype(object),
            ["x0_a", "x0_b", "x1_a", "x1_b", "x1_missing"],
        ),
        ((X * 10).astype("m8[D]"), ["x0_days", "x1_days", "x1_missing"]),
    ],
    ids=["booleans", "text", "objects", "durations"],
)
def test_masked_cells_of_every_kind_are_missing(cells, names):
    encoder = TableEncoder().fit(np.ma.masked_array(cells, MASK))
    assert encoder.get_feature_names_out().tolist() == names


def test_masked_cells_keep_the_precision_of_the_others():
    ids = as_plain(np.ma.masked_array([[2**60 + 1, 1], [2, 3]], [[0, 1], [0, 0]]))
    assert ids.tolist() == [[2**60 + 1, None], [2, 3]]
    assert as_plain(np.ma.masked_array(X.astype(np.float32), MASK)).dtype == np.float32
    whole = np.ma.masked_array(np.arange(4).reshape(2, 2))
    assert as_plain(whole).dtype == whole.dtype


def test_masked_cells_are_filled_and_are_missing_to_metrics():
    masked = MASKED["numbers under the mask"]
    filled = fast(max_epochs=1).fit(HOLED).impute(masked, n_draws=3)
    np.testing.assert_array_equal(filled[~MASK], X[~MASK])
    assert np.abs(filled).max() < 100
    assert float(column_shapes(masked, HOLED)) == 1


def test_masked_codes_are_missing_codes():
    model = fast(max_epochs=1).fit(X)
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform(np.ma.masked_array(model.transform(X), MASK))
    with pytest.raises(ValueError, match="NaN"):
        TableEncoder().fit(X).inverse_transform(np.ma.masked_array(X, MASK))


def test_what_numpy_cannot_read_is_refused_by_type():
    with pytest.raises(TypeError, match=r"A Tensor cannot be read as an array.*detach"):
        fast().fit(torch.tensor(X, requires_grad=True))
