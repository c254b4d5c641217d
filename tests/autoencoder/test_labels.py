"""Reading class labels: what is a class, what is unlabelled, what is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_aae.autoencoder._labels import learn_classes, read_labels


@pytest.mark.parametrize(
    "y, classes, encoded",
    [
        ([2, 0, 2], [0, 2], [1, 0, 1]),
        (["b", "a"], ["a", "b"], [1, 0]),
        ([True, False], [False, True], [1, 0]),
        ([0.0, np.nan, 3.0], [0, 3], [0, -1, 1]),
        ([0, None, 3], [0, 3], [0, -1, 1]),
        (["b", None, "a", np.nan, pd.NA], ["a", "b"], [1, -1, 0, -1, -1]),
        ([True, None, False], [False, True], [1, -1, 0]),
        ([5, -1, 7, -1], [5, 7], [0, -1, 1, -1]),
        ([-1.0, 0.0, 1.0, np.nan], [-1, 0, 1], [0, 1, 2, -1]),
        (np.array([5.0, -1.0, 7.0, np.nan]), [-1, 5, 7], [1, 0, 2, -1]),
        ([5, -1, 7, None], [-1, 5, 7], [1, 0, 2, -1]),
        (pd.Series([5, -1, 7, None], dtype="Int64"), [-1, 5, 7], [1, 0, 2, -1]),
        ([-3, 5, -1, 7], [-3, 5, 7], [0, 1, -1, 2]),
        ([-1, 1], [-1, 1], [0, 1]),
        ([-1, -1, None], [-1], [0, 0, -1]),
        ([-1, 1, None], [-1, 1], [0, 1, -1]),
        (["-1", "1", "2"], ["-1", "1", "2"], [0, 1, 2]),
        (pd.Series([3, None, 4], dtype="Int64", index=[7, 8, 9]), [3, 4], [0, -1, 1]),
        (pd.Series(["x", None], dtype="category"), ["x"], [0, -1]),
        (pd.Series(["x", None], dtype="string"), ["x"], [0, -1]),
        (pl.Series(["y", None, "x"]), ["x", "y"], [1, -1, 0]),
        (pl.Series([1, None]), [1], [0, -1]),
    ],
)
def test_classes_and_unlabelled_rows(y, classes, encoded):
    read = read_labels(y)
    assert read.classes.tolist() == classes
    assert read.encoded.dtype == np.int64
    assert read.encoded.tolist() == encoded


BIG = 2**53


@pytest.mark.parametrize(
    "y, classes, encoded",
    [
        (pd.Series([True, None, False], dtype="boolean"), [False, True], [1, -1, 0]),
        (pd.Series([True, None, False], dtype="bool[pyarrow]"), [False, True], [1, -1, 0]),
        (pd.Series([True, False], dtype="boolean"), [False, True], [1, 0]),
        (pd.Series([True, None, False]).astype("category"), [False, True], [1, -1, 0]),
        (pd.array([True, None]), [True], [0, -1]),
        (pd.DataFrame({"kind": pd.array([True, None])}), [True], [0, -1]),
        (pl.Series([True, None]), [True], [0, -1]),
        (np.ma.array([True, False], mask=[False, True]), [True], [0, -1]),
        (pd.Series([BIG + 1, None, BIG], dtype="Int64"), [BIG, BIG + 1], [1, -1, 0]),
        (pd.Series([BIG + 1, None, BIG], dtype="int64[pyarrow]"), [BIG, BIG + 1], [1, -1, 0]),
        (pd.array([BIG + 1, BIG], dtype="UInt64"), [BIG, BIG + 1], [1, 0]),
        (pd.Categorical([BIG + 1, BIG, None], [BIG, BIG + 1]), [BIG, BIG + 1], [1, 0, -1]),
        (pd.Index([BIG + 1, BIG], dtype="Int64"), [BIG, BIG + 1], [1, 0]),
        (pl.Series([BIG + 1, None, BIG]), [BIG, BIG + 1], [1, -1, 0]),
        (pl.Series([3, BIG**2], dtype=pl.Int128), [3, BIG**2], [0, 1]),
        (pa.array([BIG + 1, None, BIG]), [BIG, BIG + 1], [1, -1, 0]),
        ([BIG + 1, None, BIG], [BIG, BIG + 1], [1, -1, 0]),
        ([BIG + 1, float("nan"), float(BIG)], [BIG, BIG + 1], [1, -1, 0]),
        ([2**63 + 1, -5], [-5, 2**63 + 1], [1, 0]),
        ([2**64 + 1, 2**64], [2**64, 2**64 + 1], [1, 0]),
        (np.ma.array([7, 0, 3], mask=[0, 1, 0]), [3, 7], [1, -1, 0]),
        (np.ma.array(["b", "zz", "a"], mask=[0, 1, 0]), ["a", "b"], [1, -1, 0]),
        (np.ma.array([-1, 0, 1, 9], mask=[0, 0, 0, 1]), [-1, 0, 1], [0, 1, 2, -1]),
        ([7, np.ma.masked], [7], [0, -1]),
        ([np.str_("b"), "a", None, np.str_("a")], ["a", "b"], [1, 0, -1, 0]),
        (["a\0", "a"], ["a", "a\0"], [1, 0]),
        ([np.array(4), np.int64(2)], [2, 4], [1, 0]),
        (pd.Series(["b", "a", None], dtype="string[pyarrow]"), ["a", "b"], [1, 0, -1]),
        (pd.CategoricalIndex(["b", None, "a"]), ["a", "b"], [1, -1, 0]),
        (pl.Series(["b", None, "a"], dtype=pl.Categorical), ["a", "b"], [1, -1, 0]),
        (pa.array(["b", None]).dictionary_encode(), ["b"], [0, -1]),
        ([["b"], ["a"]], ["a", "b"], [1, 0]),
        ([Decimal("3.0"), None, Decimal(2)], [2, 3], [1, -1, 0]),
        (pl.Series([Decimal(BIG + 1), Decimal(BIG)]), [BIG, BIG + 1], [1, 0]),
    ],
)
def test_labels_keep_the_type_and_the_value_that_they_came_with(y, classes, encoded):
    read = read_labels(y)
    assert read.classes.tolist() == classes
    assert [type(label) for label in read.classes.tolist()] == [type(label) for label in classes]
    assert read.encoded.tolist() == encoded


def test_minus_one_beside_missing_cells_is_told_of_where_the_classes_are_known():
    with pytest.warns(UserWarning, match=r"2 rows of label -1, .* knows: 3, 4\. They count"):
        read = read_labels([-1, None, -1, 4], classes=[3, 4])
    assert read.encoded.tolist() == [-1, -1, -1, 1]
    assert read_labels([-1, None], classes=[-1, 4]).encoded.tolist() == [0, -1]


def test_what_came_is_not_changed():
    y = np.array([3, -1, 4], dtype=object)
    read_labels(y)
    assert y.tolist() == [3, -1, 4]


@pytest.mark.parametrize(
    "y, message",
    [
        ([0.5, 1.0], r"continuous\. y holds 0\.5"),
        ([1.0, np.inf], r"continuous\. y holds inf"),
        ([0.5, None], "continuous"),
        (np.array(["a", 1], dtype=object), "mixes labels of types number, str"),
        (np.array([True, 2], dtype=object), "mixes labels"),
        (["a", -1, "b"], "mixes labels of types number, str; .* None for rows without one"),
        (("a", True), "mixes labels of types bool, str"),
        ([True, False, -1], "mixes labels of types bool, number"),
        ([["a", -1], ["b", 2]], "should be a 1d array"),
        (pl.Series(["a", 1], dtype=pl.Object), "mixes labels of types number, str"),
        (pd.DataFrame({"a": [1], "b": [2]}), r"should be a 1d array.*\(1, 2\)"),
        ([Decimal("0.5"), None], r"continuous\. y holds 0\.5"),
        ([Decimal("Infinity"), Decimal(1)], r"continuous\. y holds Infinity"),
        ([{}, {}], "type dict, which cannot be sorted"),
        ([["a"], "b"], "some of its cells are lists|inhomogeneous"),
        ([1 + 2j], "Complex data not supported"),
        ([None, np.nan], "no label: all 2"),
        ([[1, 2], [3, 4]], "should be a 1d array"),
    ],
)
def test_what_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        read_labels(y)


def test_as_many_labels_as_rows():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        read_labels([0, 1], X=np.zeros((3, 1)))


def test_later_calls_know_the_classes_of_the_first():
    assert read_labels(["b", None], classes=np.array(["a", "b"])).encoded.tolist() == [1, -1]
    assert read_labels([1.0, np.nan], classes=np.array([0, 1])).encoded.tolist() == [1, -1]
    assert read_labels([-1, 4], classes=np.array([3, 4])).encoded.tolist() == [-1, 1]
    assert read_labels([-1, 4], classes=np.array([-1, 4])).encoded.tolist() == [0, 1]
    assert read_labels([None], classes=np.array([3, 4])).encoded.tolist() == [-1]


def test_an_unseen_label_is_named():
    with pytest.raises(ValueError, match=r"target holds 'z', not among .*: 'a', 'b'\."):
        read_labels(["a", "z"], classes=np.array(["a", "b"]), name="target")
    with pytest.raises(ValueError, match="y holds '1'"):
        read_labels(["1"], classes=np.array([0, 1]))


def test_classes_given_ahead():
    assert learn_classes(["b", "a", "b"]).tolist() == ["a", "b"]
    assert learn_classes([3, -1, 2]).tolist() == [-1, 2, 3]
    big = learn_classes(pd.Series([BIG + 1, BIG], dtype="Int64")).tolist()
    assert big == [BIG, BIG + 1]
    with pytest.raises(ValueError, match="classes mixes labels"):
        learn_classes(["a", -1])
    for wrong in ([], [1, None], np.ma.array([1, 2], mask=[0, 1])):
        with pytest.raises(ValueError, match="none of them missing"):
            learn_classes(wrong)
