"""Columns of categories, text and booleans."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

from sklearn_aae._cells import is_bool
from sklearn_aae._layout import MAX_DIGIT, digit_sizes, make_span
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._columns import BOOLEAN, CATEGORY, EMPTY, Column

#: handle_unknown, and what a label becomes that fit did not see.
AUTO, ERROR, INFREQUENT = "auto", "error", "infrequent_if_exist"


def _key(label: Any) -> tuple[bool, Any]:
    # 1 == True, but they are two labels.
    return is_bool(label), label.item() if isinstance(label, np.generic) else label


class CategoryCodec(ColumnCodec):
    """One level for each label; rare labels may share one.

    Parameters
    ----------
    column : Column
        The training cells.
    max_categories : int
        One-hot up to so many levels, digits beyond.
    min_frequency : int, float or None
        Labels with fewer rows, or a smaller share of them, share a level.
    handle_unknown : {"auto", "error", "infrequent_if_exist"}
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
        if column.kind == BOOLEAN:
            column = _boolean_labels(column)
            kind = BOOLEAN
        else:
            kind = CATEGORY
        self.labels = column.labels
        self.counts = np.bincount(column.present, minlength=len(self.labels))
        cap = max_categories if handle_unknown == INFREQUENT else None
        rare = _rare(self.counts, min_frequency, cap)
        self.level_of = np.cumsum(~rare) - 1
        self.group = int((~rare).sum()) if rare.any() else None
        if self.group is not None:
            self.level_of[rare] = self.group
        counts = np.bincount(self.level_of, weights=self.counts)
        lexical = len(counts) > MAX_DIGIT and self.group is None
        self.span = make_span(
            column.name,
            kind,
            counts,
            int(column.missing.sum()),
            ordered=(column.ordered and self.group is None) or lexical,
        )
        self.one_hot = self.span.n_present <= max_categories
        self._places = {_key(label): i for i, label in enumerate(self.labels)}
        # Labels by level: those of level k are members[first[k]:first[k + 1]].
        self.members = np.argsort(self.level_of, kind="stable")
        self.first = np.searchsorted(self.level_of[self.members], np.arange(len(counts) + 1))

    # ---------------------------------------------------------------- levels

    def check_kind(self, column: Column) -> None:
        """Raise TypeError if the column cannot hold the labels of ``fit``."""
        if self.span.kind == BOOLEAN or column.kind not in (CATEGORY, EMPTY):
            super().check_kind(column)
        elif self.stated and column.stated and column.source != self.source:
            raise self.wrong_kind(column)

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the level of each label."""
        if column.kind == BOOLEAN:
            column = _boolean_labels(column)
            values = column.present
        level_of = np.empty(len(column.labels), dtype=np.int32)
        for i, label in enumerate(column.labels):
            place = self._places.get(_key(label))
            level_of[i] = self._unknown(label) if place is None else self.level_of[place]
        return level_of[values]

    def _unknown(self, label: Any) -> int:
        """Return the level of a label that fit did not see."""
        if self.handle_unknown == INFREQUENT and self.group is not None:
            return self.group
        if self.handle_unknown == ERROR or (
            self.handle_unknown == AUTO and self.span.n_present <= MAX_DIGIT
        ):
            raise ValueError(
                f"Column {self.span.name!r} has the level {label!r}, which fit did not see; known "
                f"are {self._some_labels()}. Set handle_unknown='infrequent_if_exist' with "
                "min_frequency so that new levels join the rare ones, or fit on rows that have it."
            )
        return int(self.level_of[self._nearest(label)])

    def _nearest(self, label: Any) -> int:
        """Return the known label whose text shares the longest prefix."""
        texts = self._texts()
        text = str(label)
        right = bisect_left(texts, (text,))
        left = max(right - 1, 0)
        right = min(right, len(texts) - 1)
        closer = _n_shared(texts[right][0], text) > _n_shared(texts[left][0], text)
        return texts[right if closer else left][1]

    def _texts(self) -> list[tuple[str, int]]:
        if not hasattr(self, "_sorted_texts"):
            self._sorted_texts = sorted((str(label), i) for i, label in enumerate(self.labels))
        return self._sorted_texts

    def _some_labels(self) -> str:
        shown = ", ".join(repr(label) for label in self.labels[:5].tolist())
        rest = len(self.labels) - 5
        return f"{shown} and {rest} more" if rest > 0 else shown

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return the labels of levels; of a group, the commonest or one by frequency."""
        places = self.members[self.first[levels]]
        if self.group is not None:
            rare = np.flatnonzero(levels == self.group)
            if len(rare):
                places[rare] = self._members_of_group(len(rare), rng, condition)
        return self.labels[places]

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
        return members[np.searchsorted(below, rng.random(n) * below[-1], side="right")]

    # ------------------------------------------------------------ conditions

    def present_shares(self, condition: Condition) -> np.ndarray:
        """Return the share of each present level's rows that meets a condition."""
        met = np.bincount(self.level_of, weights=self.counts * self._allowed(condition))
        return met / np.bincount(self.level_of, weights=self.counts)

    def _allowed(self, condition: Condition) -> np.ndarray:
        allowed = np.zeros(len(self.labels), dtype=bool)
        if condition.bounds is None:
            allowed[[self._place(cell) for cell in condition.allowed or []]] = True
            return allowed
        if not (self.span.ordered and self._has_order()):
            raise ValueError(
                f"The condition {condition.text} is a range, but the levels of this column have "
                "no order; give a list of levels."
            )
        low, high = (None if end is None else self._place(end) for end in condition.bounds)
        first = 0 if low is None else low
        last = len(self.labels) - 1 if high is None else high
        if first > last:
            raise ValueError(f"The condition {condition.text} is an empty range.")
        allowed[first : last + 1] = True
        return allowed

    def _has_order(self) -> bool:
        return True

    def _place(self, label: Any) -> int:
        place = self._places.get(_key(label)) if label.__hash__ is not None else None
        if place is None:
            raise ValueError(
                f"Column {self.span.name!r} has no level {label!r}; known are "
                f"{self._some_labels()}."
            )
        return place

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
        return [f"{name}_digit{d}_{k}" for d, size in enumerate(self._sizes()) for k in range(size)]

    def _sizes(self) -> tuple[int, ...]:
        return digit_sizes(self.span.n_present)

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write ones, or true as 1."""
        rows = np.flatnonzero(~column.missing)
        levels = self.present_levels(column.present, column).astype(np.int64)
        if self.span.kind == BOOLEAN:
            out[rows, 0] = self.labels[levels].astype(bool)
        elif self.one_hot:
            out[rows, levels] = 1.0
        else:
            end = out.shape[1]
            for size in self._sizes()[::-1]:
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
            for size in self._sizes():
                levels = levels * size + block[:, start : start + size].argmax(axis=1)
                start += size
            np.minimum(levels, self.span.n_present - 1, out=levels)
        return self.present_values(levels, None, None)


def _n_shared(first: str, second: str) -> int:
    """Return the length of the common prefix."""
    n = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        n += 1
    return n


def _boolean_labels(column: Column) -> Column:
    labels = np.unique(column.present)
    codes = np.searchsorted(labels, column.values).clip(0, len(labels) - 1).astype(np.int32)
    return Column(
        column.name, CATEGORY, codes, column.missing, column.form, labels, stated=column.stated
    )


def _rare(counts: np.ndarray, min_frequency: float | None, cap: int | None) -> np.ndarray:
    """Return which labels share a level, as in OneHotEncoder."""
    rare = np.zeros(len(counts), dtype=bool)
    if min_frequency is not None:
        least = min_frequency * counts.sum() if isinstance(min_frequency, float) else min_frequency
        rare |= counts < least
    if cap is not None and len(counts) - rare.sum() + rare.any() > cap:
        kept = np.argsort(-counts, kind="stable")[: cap - 1]
        rare[:] = True
        rare[kept] = False
    return rare
