"""Class labels as users pass them: of any type, and missing where a row has none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from sklearn_aae.encoding._cells import as_objects, is_bool, is_missing, is_number

#: The code of a row without a label; as an index, the last level of a one-hot code.
UNLABELLED = -1


class Labels(NamedTuple):
    """Labels of rows, and the classes that they are of.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The classes, sorted; numbers, booleans or objects, as they came.
    encoded : ndarray of shape (n_samples,), int64
        The index of each row's label among the classes; -1 for an unlabelled row.
    """

    classes: np.ndarray
    encoded: np.ndarray


def read_labels(y: Any, *, classes: Any = None, X: Any = None, name: str = "y") -> Labels:
    """Return labels and their classes.

    NaN, None and other missing cells are unlabelled rows.  So is the number -1, but only
    if at least two other classes occur: {-1, 1} is an ordinary problem of two classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: whole numbers, booleans, strings or other objects that sort.
    classes : array-like of shape (n_classes,), default=None
        The classes that there are, as an earlier call returned them; -1 is unlabelled
        unless it is among them.  None takes those that occur in ``y``.
    X : array-like or None, default=None
        The rows that the labels belong to; there must be as many.
    name : str, default="y"
        What to call the labels in messages.

    Returns
    -------
    Labels
        Classes and encoded labels.

    Raises
    ------
    ValueError
        If the labels have more than one column, are continuous, of several types, fewer or
        more than there are rows, of a class that is not among ``classes``, or all missing
        where ``classes`` are to be learned.

    Examples
    --------
    >>> from sklearn_aae.autoencoder._labels import read_labels
    >>> read_labels(["b", None, "a"]).encoded
    array([ 1, -1,  0])
    >>> read_labels([2, -1, 7]).encoded
    array([ 0, -1,  1])
    >>> read_labels([-1, 1]).classes
    array([-1,  1])
    """
    column = column_or_1d(y, input_name=name)
    if X is not None:
        check_consistent_length(X, column)
    labelled = ~_missing(column)
    found, indices = _unique(column[labelled], name)
    encoded = np.full(len(column), UNLABELLED, dtype=np.int64)
    if classes is None:
        minus_one = _is_minus_one(found)
        if minus_one.any() and len(found) > 2:
            found, indices = found[~minus_one], indices - 1  # it is the least
            indices[indices < 0] = UNLABELLED
        if not len(found):
            raise ValueError(f"{name} has no label: all {len(column)} of its cells are missing.")
        encoded[labelled] = indices
        return Labels(found, encoded)
    classes = np.asarray(classes)
    encoded[labelled] = _indices_among(classes, found, name)[indices]
    return Labels(classes, encoded)


def learn_classes(classes: Any, name: str = "classes") -> np.ndarray:
    """Return a list of classes, sorted, each once.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        The classes; -1 is one like any other.
    name : str, default="classes"
        What to call them in messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        The classes.

    Raises
    ------
    ValueError
        If there are none, or one is missing, continuous or of another type than the others.
    """
    column = column_or_1d(classes, input_name=name)
    if not len(column) or _missing(column).any():
        raise ValueError(f"{name} must be classes, none of them missing; got {classes!r}.")
    return _unique(column, name)[0]


def _missing(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind == "O":
        return np.fromiter((is_missing(cell) for cell in column), dtype=bool, count=len(column))
    return np.isnan(column) if column.dtype.kind in "fmM" else np.zeros(len(column), dtype=bool)


def _unique(labels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels, sorted, and the index of each label among them."""
    if labels.dtype.kind == "O":
        labels = _of_one_type(labels, name)
    if labels.dtype.kind not in "biufOUSmM":
        raise ValueError(f"Unknown label type: {name} is of type {labels.dtype}.")
    if labels.dtype.kind == "f":
        broken = labels[labels != np.floor(labels)]
        if len(broken) or not np.isfinite(labels).all():
            example = broken[0] if len(broken) else labels[~np.isfinite(labels)][0]
            raise ValueError(
                f"Unknown label type: continuous. {name} holds {example}; classes are whole "
                "numbers, booleans or strings. Bin a continuous target, for example with "
                "KBinsDiscretizer."
            )
    found, indices = np.unique(labels, return_inverse=True)
    return found, indices.astype(np.int64)


def _of_one_type(labels: np.ndarray, name: str) -> np.ndarray:
    """Return objects as numbers or booleans if all are; raise if types are mixed."""
    for holds in (is_bool, is_number):
        if all(holds(label) for label in labels):
            return np.array(labels.tolist())
    kinds = sorted({"number" if is_number(x) else type(x).__name__ for x in labels})
    if len(kinds) > 1:
        raise ValueError(
            f"{name} mixes labels of types {', '.join(kinds)}; pass labels of one type."
        )
    return as_objects(labels)


def _is_minus_one(found: np.ndarray) -> np.ndarray:
    return found == -1 if found.dtype.kind in "if" else np.zeros(len(found), dtype=bool)


def _indices_among(classes: np.ndarray, found: np.ndarray, name: str) -> np.ndarray:
    """Return the index of each distinct label among the classes."""
    known = {label: index for index, label in enumerate(classes.tolist())}
    if -1 not in known:
        known |= {label: UNLABELLED for label in found[_is_minus_one(found)].tolist()}
    unseen = [label for label in found.tolist() if label not in known]
    if unseen:
        wrong, right = (", ".join(map(repr, some)) for some in (unseen[:5], classes.tolist()))
        raise ValueError(
            f"{name} holds {wrong}, not among the classes that the model knows: {right}."
        )
    return np.array([known[label] for label in found.tolist()], dtype=np.int64)
