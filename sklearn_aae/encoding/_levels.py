"""The scale on which networks read tables of mixed types: digits of levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from sklearn_aae.encoding._layout import Layout


class LevelScale:
    """Levels as the digits that networks read, and back; the counterpart of ``Scaler``.

    Parameters
    ----------
    layout : Layout
        The columns.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        #: Levels have no spread that noise could be measured in.
        self.spread_ = np.ones(layout.n_digits)

    def transform(self, rows: np.ndarray, dtype: DTypeLike = np.int64) -> np.ndarray:
        """Return levels as digits; -1, an absent cell, gives digits of -1.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_columns), int
            Levels.
        dtype : dtype
            Not used: digits are whole numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_digits), int64
            Digits.
        """
        absent = rows < 0
        if not absent.any():
            return self.layout.to_digits(rows)
        digits = self.layout.to_digits(np.where(absent, 0, rows))
        digits[absent[:, self.layout.column_of_digit]] = -1
        return digits

    def inverse_transform(
        self, rows: np.ndarray, dtype: DTypeLike = np.int64, *, fill: bool = False
    ) -> np.ndarray:
        """Return digits as levels.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_digits), int
            Digits.
        dtype, fill : object
            Not used.

        Returns
        -------
        ndarray of shape (n_samples, n_columns), int64
            Levels.
        """
        return self.layout.from_digits(rows)
