"""Whole numbers beyond 2**53: floats stand for several of them, of which ``fit`` saw some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._containers import as_frame, columns_of

#: Up to here every whole number is a float.
EXACT = 2**53
#: Numbers of a column that are kept, the least and the largest among them.
MOST_KEPT = 1000


def wide_numbers(X: Any) -> dict[int, np.ndarray]:
    """Return numbers, sorted and distinct, of columns of a table that go beyond 2**53."""
    found: dict[int, np.ndarray] = {}
    is_frame = as_frame(X) is not None
    if not is_frame and getattr(X, "dtype", None) not in (np.int64, np.uint64):
        return found
    for j, column in enumerate(columns_of(X)):
        if is_frame and column.dtype not in (nw.Int64, nw.UInt64):
            continue
        numbers = column.drop_nulls().to_numpy() if is_frame else column
        if len(numbers) and (numbers.max() > EXACT or numbers.min() < -EXACT):
            numbers = np.unique(numbers)
            n_kept = min(len(numbers), MOST_KEPT)
            found[j] = numbers[np.linspace(0, len(numbers) - 1, n_kept).astype(int)]
    return found


@dataclass(frozen=True)
class Drawn:
    """Rows that are drawn of a table some of whose numbers are known, by column."""

    known: Mapping[int, np.ndarray]
    rng: np.random.Generator | None

    def as_known(self, stored: np.ndarray, floats: np.ndarray, j: int) -> np.ndarray:
        """Return what is stored of column ``j``: one of its numbers that are the same float."""
        if self.rng is None or j not in self.known:
            return stored
        known = self.known[j]
        near = known.astype(np.float64)
        first, last = np.searchsorted(near, floats), np.searchsorted(near, floats, side="right")
        chosen = first + np.floor(self.rng.random(len(floats)) * (last - first)).astype(np.int64)
        return np.where(first < last, known[np.minimum(chosen, len(known) - 1)], stored)


NOT_DRAWN = Drawn({}, None)
