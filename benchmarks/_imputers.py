"""scikit-learn's imputers for mixed-type tables, beside which the model is measured.

Each has ``fit(frame)`` and ``impute(frame)``, which returns the frame with its missing cells
filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from benchmarks._frames import as_floats, from_floats, is_number

#: Share of the cells that a benchmark of imputation masks.
SHARE = 0.2


def mask_cells(frame: pd.DataFrame, seed: int, share: float = SHARE) -> np.ndarray:
    """Choose a share of the present cells at random, but never all that a row has."""
    rng = np.random.default_rng(seed)
    present = frame.notna().to_numpy()
    draws = np.where(present, rng.random(frame.shape), np.inf)
    chosen = draws < share
    # Of a row that would lose all, the cell that came last into the choice stays.
    lost = chosen.any(axis=1) & (chosen == present).all(axis=1)
    last = np.where(chosen, draws, -np.inf).argmax(axis=1)
    chosen[lost, last[lost]] = False
    return chosen


def without(frame: pd.DataFrame, chosen: np.ndarray) -> pd.DataFrame:
    """Return a frame whose chosen cells are missing, in types that have room for that."""
    columns = {
        name: with_room(column).mask(chosen[:, i]) for i, (name, column) in enumerate(frame.items())
    }
    return pd.DataFrame(columns)


def with_room(column: pd.Series) -> pd.Series:
    """Return a column in a type with room for missing cells, and for fractions of numbers."""
    if types.is_bool_dtype(column):
        return column.astype("boolean")
    return column.astype("float64") if types.is_integer_dtype(column) else column


class Coding:
    """A mixed-type table as a matrix with NaN for missing cells, and the way back.

    Numbers are standardised.  Levels of a category that the training rows lack are treated
    like missing cells.

    Categories are coded by ``kind``.  ``"one-hot"``: a column for each level, and back by the
    largest.  ``"dummies"``: the same without the first level, which is what the others leave of 1;
    for imputers that would otherwise predict a column from those it adds up with.  ``"ordinal"``:
    the index of the level in sorted order, standardised, and back by rounding.
    """

    def __init__(self, frame: pd.DataFrame, kind: str) -> None:
        self.frame = frame
        self.levels = {
            name: pd.Index(column.dropna().unique()).sort_values()
            for name, column in frame.items()
            if not is_number(column)
        }
        self.wide = set() if kind == "ordinal" else set(self.levels)
        self.first = 1 if kind == "dummies" else 0
        self.centre, self.scale = {}, {}
        for name in frame.columns.difference(list(self.wide)):
            values = self._values(frame[name])
            self.centre[name] = np.nanmean(values)
            self.scale[name] = np.nanstd(values) or 1.0

    def _values(self, column: pd.Series) -> np.ndarray:
        if column.name not in self.levels:
            return as_floats(column)
        indices = self.levels[column.name].get_indexer(column)
        return np.where(indices < 0, np.nan, indices)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the matrix of a frame."""
        blocks = []
        for name in self.frame:
            values = self._values(frame[name])
            if name in self.wide:
                levels = np.arange(self.first, len(self.levels[name]))
                one_hot = (values[:, np.newaxis] == levels).astype(float)
                one_hot[np.isnan(values)] = np.nan
                blocks.append(one_hot)
            else:
                scaled = (values - self.centre[name]) / self.scale[name]
                blocks.append(scaled[:, np.newaxis])
        return np.hstack(blocks)

    def decode(self, matrix: np.ndarray) -> pd.DataFrame:
        """Return the frame of a matrix without missing cells."""
        columns: dict[str, Any] = {}
        start = 0
        for name, column in self.frame.items():
            width = len(self.levels[name]) - self.first if name in self.wide else 1
            block = matrix[:, start : start + width]
            start += width
            if name in self.wide:
                rest = 1 - block.sum(axis=1, keepdims=True)
                full = np.hstack([rest, block]) if self.first else block
                columns[name] = self.levels[name].take(full.argmax(axis=1))
                continue
            values = block[:, 0] * self.scale[name] + self.centre[name]
            if name in self.levels:
                indices = np.round(values).clip(0, len(self.levels[name]) - 1)
                columns[name] = self.levels[name].take(indices.astype(np.intp))
            else:
                # Fractions stay: that a mean is no whole number is not held against it.
                columns[name] = from_floats(values, with_room(column))
        return pd.DataFrame(columns)


class Imputer:
    """An imputer of scikit-learn, for mixed-type tables, with a coding of categories."""

    def __init__(self, imputer: Any, kind: str) -> None:
        self.imputer, self.kind = imputer, kind

    def fit(self, frame: pd.DataFrame) -> Imputer:
        self.coding = Coding(frame, self.kind)
        self.imputer.fit(self.coding.encode(frame))
        return self

    def impute(self, frame: pd.DataFrame) -> pd.DataFrame:
        return self.coding.decode(self.imputer.transform(self.coding.encode(frame)))


class Typical:
    """The mean or median of numbers, and the most frequent category."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def fit(self, frame: pd.DataFrame) -> Typical:
        self.cells = {
            name: getattr(column, self.kind)() if is_number(column) else column.mode().iloc[0]
            for name, column in frame.items()
        }
        return self

    def impute(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {name: with_room(column).fillna(self.cells[name]) for name, column in frame.items()}
        )
