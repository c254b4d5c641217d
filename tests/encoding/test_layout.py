"""Levels in digits and back, and what a span says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_aae import TableEncoder
from sklearn_aae.encoding._layout import Layout, digit_sizes, make_span
from tests.encoding.strategies import STABLE


@pytest.mark.parametrize(
    "n_levels, digits",
    [
        (1, (1,)),
        (64, (64,)),
        (65, (8, 9)),
        (1000, (32, 32)),
        (1024, (32, 32)),
        (1025, (32, 33)),
        (4096, (64, 64)),
        (4097, (15, 17, 17)),
        (262_144, (64, 64, 64)),
        (262_145, (22, 23, 23, 23)),
    ],
)
def test_digits_of_known_sizes(n_levels, digits):
    assert digit_sizes(n_levels) == digits


@STABLE
@given(n_levels=st.integers(1, 10**7))
def test_digits_are_few_and_small(n_levels):
    sizes = digit_sizes(n_levels)
    assert max(sizes) <= 64
    assert math.prod(sizes) >= n_levels
    assert 64 ** (len(sizes) - 1) < n_levels or len(sizes) == 1
    assert len(set(sizes[1:])) <= 1
    if len(sizes) > 1:
        base = sizes[1]
        assert base ** len(sizes) >= n_levels > (base - 1) ** len(sizes)
        # The first digit takes no value that no level has.
        assert (sizes[0] - 1) * base ** (len(sizes) - 1) < n_levels


def test_categories_have_one_softmax_up_to_256_levels():
    def digits(kind, n_levels, n_missing=0):
        return make_span("a", kind, np.ones(n_levels), n_missing, ordered=False).digits

    assert digits("category", 256) == digits("category", 255, n_missing=1) == (256,)
    assert digits("category", 257) == digits("category", 256, n_missing=1) == (16, 17)
    assert digits("number", 64) == (64,)
    assert digits("number", 65) == digits("datetime", 65) == (8, 9)


def layout_of(n_levels):
    return Layout(tuple(make_span(j, "number", np.ones(n), 0, ordered=True) for j, n in n_levels))


@STABLE
@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5), data=st.data())
def test_levels_there_and_back(sizes, data):
    layout = layout_of(enumerate(sizes))
    row = st.tuples(*(st.integers(0, size - 1) for size in sizes))
    levels = np.array(data.draw(st.lists(row, min_size=1, max_size=10)))
    digits = layout.to_digits(levels)
    assert digits.dtype == np.int64
    assert digits.shape == (len(levels), layout.n_digits)
    assert (digits >= 0).all()
    assert (digits < layout.digit_sizes).all()
    np.testing.assert_array_equal(layout.from_digits(digits), levels)


def test_digits_belong_to_their_column_most_significant_first():
    layout = layout_of([("a", 2), ("b", 1000), ("c", 64)])
    assert layout.column_of_digit.tolist() == [0, 1, 1, 2]
    assert layout.digit_sizes.tolist() == [2, 32, 32, 64]
    assert layout.to_digits(np.array([[1, 33, 63]])).tolist() == [[1, 1, 1, 63]]
    assert layout.n_columns == 3
    assert layout.n_digits == 4
    assert layout.n_levels.tolist() == [2, 1000, 64]


def test_combinations_that_do_not_exist_become_the_last_level():
    layout = layout_of([("a", 1000)])
    assert layout.from_digits(np.array([[31, 31]])).tolist() == [[999]]


def test_spans_describe_the_columns():
    frame = pd.DataFrame(
        {
            "n": [1.5, 2.5, 2.5, np.nan],
            "whole": [3.0, 4.0, 4.0, 4.0],
            "size": pd.Categorical(["S", "L", "S", "L"], ["S", "M", "L"], ordered=True),
            "sex": ["m", "f", "f", "f"],
            "gone": [None, None, None, None],
            "day": pd.to_datetime(["2020-01-01", "2020-01-03", None, "2020-01-01"]),
        }
    )
    spans = {span.name: span for span in TableEncoder().fit(frame).layout_.spans}
    n = spans["n"]
    assert (n.kind, n.n_levels, n.missing, n.n_present) == ("number", 3, 2, 2)
    assert (n.ordered, n.integer, n.decimals, n.repeats) == (True, False, 1, True)
    np.testing.assert_allclose(n.shares, [0.25, 0.5, 0.25])
    np.testing.assert_allclose(n.ranks, [1 / 6, 2 / 3, 0.5])
    np.testing.assert_array_equal(n.low, [1.5, 2.5, np.nan])
    assert spans["whole"].integer
    assert spans["whole"].missing is None
    assert spans["size"].ordered
    assert spans["size"].n_levels == 2  # no row is M
    assert not spans["sex"].ordered
    np.testing.assert_allclose(spans["sex"].ranks, [0.375, 0.875])
    assert (spans["gone"].kind, spans["gone"].n_levels, spans["gone"].missing) == ("empty", 1, 0)
    day = spans["day"]
    assert day.kind == "datetime"
    assert day.resolution == np.timedelta64(1, "D") / np.timedelta64(1, day.unit)


def test_text_of_many_levels_is_ordered():
    names = [f"name {i:03d}" for i in range(65)]
    for n, ordered in ((64, False), (65, True)):
        span = TableEncoder().fit(pd.DataFrame({"name": names[:n]})).layout_.spans[0]
        assert span.ordered is ordered
