"""Widths of the dense matrix, and cells new to an encoder."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sklearn_aae import TableEncoder
from sklearn_aae.encoding import dense_widths, unseen_cells

TABLE = pd.DataFrame(
    {
        "age": [25.0, 31.0, np.nan, 40.0],
        "tree": ["oak", "elm", "oak", "fir"],
        "old": [True, False, True, True],
    }
)


def test_widths_are_those_of_the_names():
    encoder = TableEncoder().fit(TABLE)
    names = encoder.get_feature_names_out()
    expected = [sum(name.startswith(column) for name in names) for column in TABLE]
    assert dense_widths(encoder) == expected
    assert sum(expected) == encoder.transform(TABLE).shape[1]


def test_unseen_cells_are_named_with_their_rows():
    encoder = TableEncoder().fit(TABLE)
    new = TABLE.assign(tree=["yew", "elm", "ash", "yew"], age=[1e9, 0.0, np.nan, 1.0])
    found = unseen_cells(encoder, new)
    assert set(found) == {1}
    assert sorted(found[1].labels) == ["ash", "yew"]
    np.testing.assert_array_equal(found[1].rows, [0, 2, 3])
    assert unseen_cells(encoder, TABLE) == {}
