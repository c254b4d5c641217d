"""Whatever is in a table: promises of encoder, model and detector on tables that are made up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder
from tests.encoding.strategies import STABLE, object_array, tables

EVERYDAY = settings(STABLE, max_examples=3)
SWEEP = settings(STABLE, max_examples=40)


def columns_of(table):
    """Return the cells of each column as lists."""
    if isinstance(table, np.ndarray):
        return [column.tolist() for column in table.T]
    if isinstance(table, pd.DataFrame):
        return [table.iloc[:, j].to_list() for j in range(table.shape[1])]
    return [column.to_list() for column in table.iter_columns()]


def types_of(table):
    return [table.dtype] if isinstance(table, np.ndarray) else list(table.dtypes)


def is_gone(cell):
    return cell is None or bool(pd.isna(cell))


def is_same(cell, other):
    if is_gone(cell) or is_gone(other):
        return is_gone(cell) and is_gone(other)
    return bool(cell == other) and isinstance(cell, bool) == isinstance(other, bool)


def assert_same(table, expected):
    """Assert the same container, types and cells."""
    assert type(table) is type(expected)
    assert types_of(table) == types_of(expected)
    for cells, known in zip(columns_of(table), columns_of(expected), strict=True):
        assert all(map(is_same, cells, known))


def draw_table(data, container):
    table, _ = data.draw(tables("polars" if container == "polars" else "pandas", 22, 36))
    return object_array(table) if container == "objects" else table


def sweep(data, container):
    table = draw_table(data, container)
    encoder = TableEncoder(max_levels=64).fit(table)
    levels, matrix = encoder._to_levels(table), encoder.transform(table)
    assert_same(encoder._from_levels(levels, np.random.default_rng(0)), table)
    np.testing.assert_array_equal(encoder._to_levels(table[3:4]), levels[3:4])
    np.testing.assert_array_equal(encoder.transform(table[3:4]), matrix[3:4])
    model = AdversarialAutoencoder(
        output="autoregressive", hidden_layer_sizes=(8,), max_epochs=1, random_state=0
    ).fit(table)
    drawn = model.sample(9, random_state=0)
    assert type(drawn) is type(table)
    assert types_of(drawn) == types_of(table)
    codes = model.transform(table)
    # Codes of a constant table are nothing but rounding noise, brought to a scale of 1.
    np.testing.assert_allclose(model.transform(table[3:4]), codes[3:4], rtol=1e-4, atol=1e-3)
    filled = model.impute(table, n_draws=2, random_state=0)
    assert type(filled) is type(table)
    assert types_of(filled) == types_of(table)
    for cells, known in zip(columns_of(filled), columns_of(table), strict=True):
        empty = all(map(is_gone, known))
        for cell, before in zip(cells, known, strict=True):
            assert is_same(cell, before) if empty or not is_gone(before) else not is_gone(cell)
    detector = AAEOutlierDetector(max_epochs=1, random_state=0).fit(table)
    scores = detector.score_samples(table)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(detector.score_samples(table[3:4]), scores[3:4])


CONTAINERS = ["pandas", "polars", "objects"]
#: Some of the tables that are drawn hold the same row throughout, which is warned of.
MAY_BE_CONSTANT = "ignore::sklearn_aae.exceptions.ConstantTableWarning"


@pytest.mark.filterwarnings(MAY_BE_CONSTANT)
@pytest.mark.parametrize("container", CONTAINERS)
@EVERYDAY
@given(data=st.data())
def test_a_few_tables(container, data):
    sweep(data, container)


@pytest.mark.slow
@pytest.mark.filterwarnings(MAY_BE_CONSTANT)
@pytest.mark.parametrize("container", CONTAINERS)
@SWEEP
@given(data=st.data())
def test_many_tables(container, data):
    sweep(data, container)
