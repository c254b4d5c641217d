"""Features of a detector's columns: which say what level a row has, and mark what is like none.

Such cells (missing where none was, a level that no row had) are NaN.
"""

from __future__ import annotations

import numpy as np

from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec, EmptyCodec
from sklearn_aae.encoding._columns import BOOLEAN, CATEGORY, Column

#: A column of more levels weighs less, down to what a number weighs at 64 of them.
MANY = 8
#: Of so many labels for each row that has one, which one it is says nothing.
NEAR_UNIQUE = 0.5


def sign_of(codec: ColumnCodec) -> float:
    """Return on which side of what is usual a surprising cell is."""
    if isinstance(codec, EmptyCodec) or codec.span.kind == CATEGORY:
        return -1.0  # an indicator that nearly all rows have
    is_true = isinstance(codec, CategoryCodec) and codec.labels.tolist() == [True]
    return -1.0 if is_true else 1.0


def is_near_unique(codec: CategoryCodec) -> bool:
    """Return whether nearly every row has a label of its own."""
    result: bool = len(codec.labels) > max(MANY, NEAR_UNIQUE * codec.counts.sum())
    return result


def least_count(codec: ColumnCodec) -> int | None:
    """Return how many rows a label needs for a level of its own; None if levels may stay."""
    if not isinstance(codec, CategoryCodec):
        return None
    if is_near_unique(codec):
        return int(codec.counts.sum()) + 1
    if not codec.group:
        return None  # none shares a level, or all do
    shares = codec.level_of == codec.group
    # Of labels of as many rows the alphabet does not say which are told apart.
    most = int(codec.counts[shares].max())
    return most + 1 if most == codec.counts[~shares].min() else None


def levels_of(codec: ColumnCodec, n_features: int) -> np.ndarray:
    """Return which of a column's features say what level a row has."""
    found = np.full(n_features, isinstance(codec, CategoryCodec))
    if codec.span.missing is not None:
        found[-1] = False
    return found


def weights_of(codec: ColumnCodec, n_features: int) -> np.ndarray:
    """Return by how much a column's features are scaled, so that it weighs no more than others."""
    found = np.ones(n_features, dtype=np.float32)
    is_level = levels_of(codec, n_features)
    found[is_level] = min(1.0, MANY / max(is_level.sum(), 1))
    return found


def write(codec: ColumnCodec, column: Column, block: np.ndarray) -> None:
    """Write a column into zeros of shape (n, n_dense), NaN where it has what it had not in fit."""
    if isinstance(codec, EmptyCodec):
        block[:, 0] = np.where(column.missing, 1.0, np.nan)
        return
    codec.write(column, block)
    if isinstance(codec, CategoryCodec):
        _mark_labels(codec, column, block)
    if codec.span.missing is None and column.missing.any():
        _mark(column.missing, codec, block)
    elif column.unknown is not None:
        _mark(column.unknown, codec, block)


def marked(codec: ColumnCodec) -> np.ndarray:
    """Return which of a column's features tell of a surprising cell."""
    if isinstance(codec, CategoryCodec) and codec.span.kind == CATEGORY and codec.one_hot:
        # Two, so that it is less usual than a level of a single row, which stands out by its own.
        return np.argsort(-codec.level_counts, kind="stable")[:2]
    return np.zeros(1, dtype=int)


def _mark(rows: np.ndarray, codec: ColumnCodec, block: np.ndarray) -> None:
    """Write surprising cells in these rows."""
    block[rows] = 0.0
    block[np.ix_(rows, marked(codec))] = np.nan


def _mark_labels(codec: CategoryCodec, column: Column, block: np.ndarray) -> None:
    """Mark the cells with labels that fit did not see, unless they are like others of one row."""
    if codec.span.kind == BOOLEAN and column.kind == BOOLEAN:
        new = ~np.isin(column.values, codec.labels.astype(bool))
    elif column.kind == CATEGORY and not is_of_singles(codec):
        unseen = codec.unseen_labels(column)
        if not unseen:
            return
        is_new = np.array([label in unseen for label in column.labels])
        new = np.append(is_new, False)[column.values]
    else:
        return
    new &= ~column.missing
    _mark(new, codec, block)


def is_of_singles(codec: CategoryCodec) -> bool:
    """Return whether half of what shares a level are labels of one row: the chance of a new one.

    Or all share one, and nearly every row has its own.
    """
    if codec.group is None:
        return False
    if codec.group == 0 and is_near_unique(codec):
        return True
    members = codec.counts[codec.level_of == codec.group]
    result: bool = 2 * (members == 1).sum() >= members.sum()
    return result
