"""Class labels as users pass them: of any type, and missing where a row has none."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aae.encoding import read_label_cells
from sklearn_aae.encoding._cells import is_number

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


def read_labels(
    y: Any, *, classes: Any = None, X: Any = None, name: str = "y", warn: bool = False
) -> Labels:
    """Return labels and their classes.

    NaN, None and other missing cells are unlabelled rows.  Where there are none, the number -1
    is one too, if at least two other classes occur: {-1, 1} is an ordinary problem of two
    classes.  Beside missing cells, -1 is a class.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: whole numbers, booleans, strings or other objects that sort.
    classes : array-like of shape (n_classes,), default=None
        The classes that there are, as an earlier call returned them; -1 is unlabelled
        unless it is among them, with a warning where other cells are missing.  None takes
        those that occur in ``y``.
    X : array-like or None, default=None
        The rows that the labels belong to; there must be as many.
    name : str, default="y"
        What to call the labels in messages.
    warn : bool, default=False
        Whether to warn of a column vector, as scikit-learn's estimators do.

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
    >>> read_labels([-1, 0, 1, None]).classes
    array([-1,  0,  1])
    """
    labels, missing = read_label_cells(y, name=name, warn=warn)
    if X is not None:
        check_consistent_length(X, missing)
    found, indices = _unique(labels, name)
    encoded = np.full(len(missing), UNLABELLED, dtype=np.int64)
    minus_one = _is_minus_one(found)
    if classes is None:
        if minus_one.any() and len(found) > 2 and not missing.any():
            # Beside a negative class it need not be the least.
            index_of = np.where(minus_one, UNLABELLED, np.cumsum(~minus_one) - 1)
            found, indices = found[~minus_one], index_of[indices]
        if not len(found):
            raise ValueError(f"{name} has no label: all {len(missing)} of its cells are missing.")
        encoded[~missing] = indices
        return Labels(found, encoded)
    classes = np.asarray(classes)
    encoded[~missing] = _indices_among(classes, found, name)[indices]
    if minus_one.any() and missing.any() and -1 not in classes.tolist():
        n_rows = int(minus_one[indices].sum())
        warnings.warn(
            f"{name} has missing cells, and {n_rows} rows of label -1, which is none of the "
            f"classes that the model knows: {_some(classes)}. They count as unlabelled, too. If "
            "-1 is a class, say so in the first call of partial_fit: classes=[-1, ...].",
            UserWarning,
            stacklevel=2,
        )
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
    labels, missing = read_label_cells(classes, name=name)
    if not len(missing) or missing.any():
        raise ValueError(f"{name} must be classes, none of them missing; got {classes!r}.")
    return _unique(labels, name)[0]


def _unique(labels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels, sorted, and the index of each label among them."""
    if labels.dtype.kind not in "biufOUSmM":
        raise ValueError(f"Unknown label type: {name} is of type {labels.dtype}.")
    broken = _first_broken(labels)
    if broken is not None:
        raise ValueError(
            f"Unknown label type: continuous. {name} holds {broken}; classes are whole "
            "numbers, booleans or strings. Bin a continuous target, for example with "
            "KBinsDiscretizer."
        )
    try:
        found, indices = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"Unknown label type: {name} holds labels of type {type(labels[0]).__name__}, which "
            f"cannot be sorted ({error}). Classes are whole numbers, booleans or strings."
        ) from error
    return found, indices.astype(np.int64)


def _first_broken(labels: np.ndarray) -> Any:
    """Return the first number that is not whole, of those that are finite if there is one."""
    if labels.dtype.kind == "f":
        broken = labels[~np.isfinite(labels) | (labels != np.floor(labels))].tolist()
    elif labels.dtype.kind == "O":
        broken = [x for x in labels if is_number(x) and not (math.isfinite(x) and x == int(x))]
    else:
        return None
    return next((x for x in broken if math.isfinite(x)), broken[0] if broken else None)


def _is_minus_one(found: np.ndarray) -> np.ndarray:
    """Return which of the labels is the number -1."""
    if found.dtype.kind == "O":
        return np.fromiter((is_number(x) and x == -1 for x in found), dtype=bool, count=len(found))
    return found == -1 if found.dtype.kind in "if" else np.zeros(len(found), dtype=bool)


def _indices_among(classes: np.ndarray, found: np.ndarray, name: str) -> np.ndarray:
    """Return the index of each distinct label among the classes."""
    known = {label: index for index, label in enumerate(classes.tolist())}
    if -1 not in known:
        known |= {label: UNLABELLED for label in found[_is_minus_one(found)].tolist()}
    unseen = [label for label in found.tolist() if label not in known]
    if unseen:
        wrong = ", ".join(map(repr, unseen[:5]))
        raise ValueError(
            f"{name} holds {wrong}, not among the classes that the model knows: {_some(classes)}."
        )
    return np.array([known[label] for label in found.tolist()], dtype=np.int64)


def _some(classes: np.ndarray) -> str:
    return ", ".join(map(repr, classes.tolist()))
