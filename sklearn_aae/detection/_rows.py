"""From a table to the numbers that the networks read, and back to its columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.encoding import Scaler
from sklearn_aae.training import CLIP


class RowReader:
    """Rows of numbers on the networks' scale: zero mean, unit variance, cut off far out.

    Attributes
    ----------
    column_of_feature : ndarray of shape (n_features,), int
        The table's column that each number belongs to.
    n_columns : int
        Number of columns of the table.
    """

    def fit(self, X: np.ndarray, seed: int) -> RowReader:
        """Learn the scale."""
        self.scaler = Scaler("standard").fit(X, seed)
        self.n_columns = X.shape[1]
        self.column_of_feature = np.arange(X.shape[1])
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return rows as float32 (n_samples, n_features)."""
        return self.scaler.transform(X).clip(-CLIP, CLIP)

    def to_units(self, values: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return values of the given features in the table's units."""
        return values * self.scaler.scale_[features] + self.scaler.shift_[features]


class FrozenReader:
    """Rows on the scale of a fitted model.

    Parameters
    ----------
    fitted : AdversarialAutoencoder
        The model.
    """

    def __init__(self, fitted: Any) -> None:
        self.scaler = fitted._scaler
        self.n_columns = fitted.n_features_in_
        self.column_of_feature = np.arange(self.n_columns)

    def transform(self, X: Any) -> np.ndarray:
        """Return rows as float32 (n_samples, n_features)."""
        return self.scaler.transform(X)

    def to_units(self, values: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return values of the given features in the table's units."""
        rows = np.zeros((values.shape[1], self.n_columns))
        at = np.arange(values.shape[1]), features
        units = []
        for line in values:
            rows[at] = line
            units.append(self.scaler.inverse_transform(rows, np.float64)[at])
        return np.stack(units)


def fold_features(cells: np.ndarray, reader: Any) -> np.ndarray:
    """Return cells (n_samples, n_features) summed by the column that they belong to."""
    if cells.shape[1] == reader.n_columns:
        return cells
    folded = np.zeros((len(cells), reader.n_columns))
    np.add.at(folded.T, reader.column_of_feature, cells.T)
    return folded
