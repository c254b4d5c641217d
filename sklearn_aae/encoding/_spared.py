"""A detector's reader of tables some of whose columns networks do not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_aae.encoding._readers import NumbersReader


class SparingReader:
    """A fitted reader of a detector, without the features of some columns.

    Parameters
    ----------
    reader : NumbersReader
        What reads all columns.
    spared : sequence of int
        The columns that networks do not see, by position.
    """

    def __init__(self, reader: NumbersReader, spared: Sequence[int]) -> None:
        self.reader = reader
        self.seen = np.flatnonzero(~np.isin(reader.column_of_feature, spared))
        self.column_of_feature = reader.column_of_feature[self.seen]
        place = np.full(len(reader.column_of_feature) + 1, -1)
        place[self.seen] = np.arange(len(self.seen))
        self.number_of_column = place[reader.number_of_column]
        if hasattr(reader, "column_of_level"):
            self.column_of_level = reader.column_of_level[self.seen]
        #: The features of columns of many levels, among those that networks see.
        self.blocks = [place[own] for own in getattr(reader, "blocks", ()) if place[own[0]] >= 0]

    def __getattr__(self, name: str) -> Any:
        if name == "reader":  # not yet there while a copy is made
            raise AttributeError(name)
        return getattr(self.reader, name)

    def transform(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers on the networks' scale, of the columns that they see."""
        return np.ascontiguousarray(self.reader.transform(numbers)[:, self.seen])

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list[Any]:
        """Return the cell of one column for each row on the networks' scale."""
        return self.reader.cells(self._all(scaled), columns)

    def probabilities(self, scaled: np.ndarray, columns: np.ndarray) -> list[float | None]:
        """Return how probable these cells are, None for numbers."""
        return self.reader.probabilities(self._all(scaled), columns)

    def fold(self, cells: np.ndarray) -> np.ndarray:
        """Return cells summed by the column that they belong to, 0 for spared ones."""
        return self.reader.fold(self._all(cells))

    def _all(self, cells: np.ndarray) -> np.ndarray:
        full = np.zeros((len(cells), len(self.reader.column_of_feature)), dtype=cells.dtype)
        full[:, self.seen] = cells
        return full
