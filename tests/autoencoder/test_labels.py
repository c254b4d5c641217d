"""Reading class labels: what is a class, what is unlabelled, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
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
        ([5.0, -1.0, 7.0, np.nan], [5, 7], [0, -1, 1, -1]),
        ([5, -1, 7, None], [5, 7], [0, -1, 1, -1]),
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
    for wrong in ([], [1, None]):
        with pytest.raises(ValueError, match="none of them missing"):
            learn_classes(wrong)
