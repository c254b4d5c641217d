"""Columns of categories, text and booleans."""

from __future__ import annotations

from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import as_objects, is_bool
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._columns import BOOLEAN, CATEGORY, Column, label_booleans
from sklearn_aae.encoding._datetime_columns import as_timestamp
from sklearn_aae.encoding._described import is_of_pandas, pack, plain, unpack
from sklearn_aae.encoding._layout import MAX_DIGIT, digit_sizes, make_span

#: handle_unknown, and what a label becomes that fit did not see.
ERROR, INFREQUENT, IGNORE = "error", "infrequent_if_exist", "ignore"
#: handle_missing, where it is no error: missing cells that fit did not see are unknown.
UNKNOWN = "unknown"


class CategoryCodec(ColumnCodec):
    """One level for each label; rare labels may share one.

    Parameters
    ----------
    column : Column
        The training cells.
    max_categories : int
        One-hot up to so many levels, digits beyond.
    min_frequency : int, float or None
        Labels with fewer rows, or a smaller share of all rows, share a level.
    handle_unknown : {"error", "infrequent_if_exist", "ignore"}
        What becomes of labels that ``fit`` did not see.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        The labels in order.
    level_of : ndarray of shape (n_labels,)
        The level of each label.
    group : int or None
        The level of the rare labels, the last of the present ones.
    """

    #: What lets a label pass that fit did not see; models have another word for it.
    remedy = "set handle_unknown='ignore' so that it is written as zeros"

    def __init__(
        self,
        column: Column,
        max_categories: int,
        min_frequency: float | None,
        handle_unknown: str,
    ) -> None:
        self.form = column.form
        self.stated, self.source = column.stated, column.source
        self.handle_unknown = handle_unknown
        kind = column.kind
        if kind == BOOLEAN:
            column = label_booleans(column)
        self.labels = column.labels
        self.counts = np.bincount(column.present, minlength=len(self.labels))
        rare = np.zeros(len(self.labels), dtype=bool)
        if kind == CATEGORY:
            cap = max_categories if handle_unknown == INFREQUENT else None
            rare = find_rare(self.counts, len(column.missing), min_frequency, cap)
        self.level_of = np.cumsum(~rare) - 1
        self.group = int((~rare).sum()) if rare.any() else None
        self.level_of[rare] = int((~rare).sum())
        self.level_counts = np.bincount(self.level_of, weights=self.counts)
        # Numbers and dates as labels are in order, but who calls them labels says that
        # the order means nothing; a range of them can be asked for all the same.
        self.in_order = column.ordered
        ordered = column.ordered and column.source is None
        lexical = len(self.level_counts) > MAX_DIGIT
        self.span = make_span(
            column.name,
            kind,
            self.level_counts,
            int(column.missing.sum()),
            ordered=self.group is None and (ordered or lexical),
        )
        self.sizes = digit_sizes(self.span.n_present, min(MAX_DIGIT, max_categories))
        self.one_hot = self.span.n_present <= max_categories
        self.is_packed = any(map(is_of_pandas, self.labels.tolist()))
        if self.is_packed:
            self.labels = as_objects(map(pack, self.labels))
        # Labels by level: those of level k are members[first[k]:first[k + 1]].
        self.members = np.argsort(self.level_of, kind="stable")
        n_levels = len(self.level_counts)
        self.first = np.searchsorted(self.level_of[self.members], np.arange(n_levels + 1))

    def __getstate__(self) -> dict[str, Any]:
        # What is derived has keys of several types, which not every way of storing knows.
        return {name: of for name, of in vars(self).items() if name != "_indices"}

    @cached_property
    def _indices(self) -> dict[Any, int]:
        return {self._key(unpack(label)): i for i, label in enumerate(self.labels)}

    def _key(self, label: Any) -> Any:
        """Return what says whether two labels are the same."""
        if self.labels.dtype.kind in "mM" and isinstance(label, (np.datetime64, np.timedelta64)):
            return int(label.astype(self.labels.dtype).astype(np.int64))
        # 1 == True, but they are two labels.
        return is_bool(label), label.item() if isinstance(label, np.generic) else plain(label)

    # ---------------------------------------------------------------- levels

    def check_kind(self, column: Column) -> None:
        """Raise TypeError if the column cannot hold the labels of ``fit``."""
        if self.span.kind == CATEGORY and column.kind == BOOLEAN:
            if self.stated or column.stated:
                raise self.wrong_kind(column)
        elif self.span.kind == BOOLEAN or column.kind != CATEGORY:
            super().check_kind(column)
        elif self.stated and column.stated and column.source != self.source:
            raise self.wrong_kind(column)

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level of each label; -1 for an unknown one that joins no others."""
        if column.kind == BOOLEAN:
            column = label_booleans(column)
            values = column.present
        level_of = np.empty(len(column.labels), dtype=np.int32)
        for i, label in enumerate(column.labels):
            index = self._indices.get(self._key(label))
            level_of[i] = self._unknown(label) if index is None else self.level_of[index]
        result: np.ndarray = level_of[values]
        return result

    def unseen_labels(self, column: Column) -> list[Any]:
        """Return the labels of a column that fit did not see."""
        if column.kind != CATEGORY:
            return []
        return [label for label in column.labels if self._key(label) not in self._indices]

    def _unknown(self, label: Any) -> int:
        """Return the level of a label that fit did not see; -1 if there is none for it."""
        if self.handle_unknown == ERROR:
            raise ValueError(
                f"Column {self.span.name!r} has the level {label!r}, which fit did not see; known "
                f"are {self._some_labels()}. Fit on rows that have it, or {self.remedy}."
            )
        if self.handle_unknown == IGNORE or self.group is None:
            return -1
        return self.group

    def _some_labels(self) -> str:
        shown = ", ".join(repr(label) for label in self.labels[:5].tolist())
        rest = len(self.labels) - 5
        return f"{shown} and {rest} more" if rest > 0 else shown

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return the labels of levels; of a group, the commonest or one by frequency."""
        indices = self.members[self.first[levels]]
        if self.group is not None:
            rare = np.flatnonzero(levels == self.group)
            if len(rare):
                indices[rare] = self._members_of_group(len(rare), rng, condition)
        labels = self.labels[indices]
        return as_objects(map(unpack, labels)) if self.is_packed else labels

    def _members_of_group(
        self, n: int, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        members = self.members[self.first[self.group] :]
        if condition is not None:
            members = members[self._allowed(condition)[members]]
        counts = self.counts[members]
        if rng is None:
            return np.full(n, members[np.argmax(counts)])
        below = np.cumsum(counts)
        result: np.ndarray = members[
            np.searchsorted(below, rng.random(n) * below[-1], side="right")
        ]
        return result

    # ------------------------------------------------------------ conditions

    def present_shares(self, condition: Condition) -> np.ndarray:
        """Return the share of each present level's rows that meets a condition."""
        met = np.bincount(self.level_of, weights=self.counts * self._allowed(condition))
        return met / self.level_counts

    def _allowed(self, condition: Condition) -> np.ndarray:
        """Return which labels meet a condition."""
        allowed = np.zeros(len(self.labels), dtype=bool)
        if condition.bounds is None:
            allowed[[self._index(cell, condition) for cell in condition.allowed or []]] = True
            return allowed
        if not self.in_order:
            raise ValueError(
                f"The condition {condition.text} is a range, but the levels of this column have "
                "no order; give a list of levels."
            )
        low, high = (
            None if end is None else self._index(end, condition) for end in condition.bounds
        )
        first = 0 if low is None else low
        last = len(self.labels) - 1 if high is None else high
        if first > last:
            raise ValueError(f"The condition {condition.text} is an empty range.")
        allowed[first : last + 1] = True
        return allowed

    def _index(self, label: Any, condition: Condition) -> int:
        if self.labels.dtype.kind in "mM":
            kind, unit = self.labels.dtype.kind, np.datetime_data(self.labels.dtype)[0]
            label = as_timestamp(label, kind, unit, self.form, condition)
            index = self._indices.get(label)
        else:
            index = self._indices.get(self._key(label)) if label.__hash__ is not None else None
        if index is None:
            raise ValueError(
                f"Column {self.span.name!r} has no level {label!r}; known are "
                f"{self._some_labels()}."
            )
        return index

    # ----------------------------------------------------------------- dense

    def dense_names(self, name: str) -> list[str]:
        """Return one name for each level, or for each value of each digit."""
        if self.span.kind == BOOLEAN:
            return [name]
        if self.one_hot:
            labels = [str(label) for label in self.labels[self.members[self.first[:-1]]].tolist()]
            if self.group is not None:
                labels[self.group] = "infrequent"
            return [f"{name}_{label}" for label in labels]
        return [f"{name}_digit{d}_{k}" for d, size in enumerate(self.sizes) for k in range(size)]

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write ones, or true as 1; nothing for an unknown label."""
        rows = np.flatnonzero(~column.missing)
        levels = self.present_levels(column.present, column).astype(np.int64)
        rows, levels = rows[levels >= 0], levels[levels >= 0]
        if self.span.kind == BOOLEAN:
            out[rows, 0] = self.labels[levels].astype(bool)
        elif self.one_hot:
            out[rows, levels] = 1.0
        else:
            end = out.shape[1]
            for size in self.sizes[::-1]:
                levels, digit = np.divmod(levels, size)
                end -= size
                out[rows, end + digit] = 1.0

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return the labels with the largest entries."""
        if self.span.kind == BOOLEAN:
            wanted = block[:, 0] >= 0.5
            return wanted if len(self.labels) == 2 else np.full(len(block), self.labels[0])
        if self.one_hot:
            levels = block.argmax(axis=1)
        else:
            levels, start = np.zeros(len(block), dtype=np.int64), 0
            for size in self.sizes:
                levels = levels * size + block[:, start : start + size].argmax(axis=1)
                start += size
            np.minimum(levels, self.span.n_present - 1, out=levels)
        return self.present_values(levels, None, None)

    def read_shares(self, block: np.ndarray) -> np.ndarray:
        """Return how probable what :meth:`read` gives is where dense columns hold shares."""
        block = block.clip(0.0, 1.0)
        gone = np.zeros(len(block))
        if self.span.missing is not None:
            gone, block = block[:, -1], block[:, :-1]
        if self.span.kind == BOOLEAN:
            true = block[:, 0] if len(self.labels) == 2 else np.ones(len(block))
            share = np.maximum(true, 1 - true)
        else:
            share, start = np.ones(len(block)), 0
            for size in [block.shape[1]] if self.one_hot else self.sizes:
                part = block[:, start : start + size]
                total = np.maximum(part.sum(axis=1), np.finfo(np.float64).tiny)
                share, start = share * part.max(axis=1) / total, start + size
        return np.where(gone >= 0.5, gone, (1 - gone) * share)


def find_rare(
    counts: np.ndarray, n_rows: int, min_frequency: float | None, max_categories: int | None
) -> np.ndarray:
    """Return which labels share a level, as in scikit-learn's OneHotEncoder."""
    rare = np.zeros(len(counts), dtype=bool)
    if min_frequency is not None:
        is_share = isinstance(min_frequency, Real) and not isinstance(min_frequency, Integral)
        rare |= counts < (min_frequency * n_rows if is_share else min_frequency)
    if max_categories is not None and (~rare).sum() + rare.any() > max_categories:
        rare[:] = True
        rare[np.argsort(-counts, kind="stable")[: max_categories - 1]] = False
    return rare
