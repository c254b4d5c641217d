"""From a table to the numbers that the networks read, and back to its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_aae.encoding import (
    CLIP,
    Scaler,
    TableEncoder,
    as_frame,
    check_numeric_columns,
    columns_of,
    dense_widths,
    unseen_cells,
)
from sklearn_aae.exceptions import UnsupportedColumnsError


class RowReader:
    """Rows of numbers on the networks' scale: zero mean, unit variance, cut off far out.

    Attributes
    ----------
    column_of_feature : ndarray of shape (n_features,), int
        The table's column that each number belongs to.
    number_of_column : ndarray of shape (n_columns,), int
        The number that a column of numbers is read as; -1 for columns of other kinds.
    n_columns : int
        Number of columns of the table.
    """

    clip = CLIP

    def fit(self, table: Any, training: np.ndarray, seed: int) -> RowReader:
        """Learn the scale from the training rows of a table."""
        self.scaler = Scaler("standard").fit(table[training], seed)
        self.n_columns = table.shape[1]
        self.column_of_feature = self.number_of_column = np.arange(self.n_columns)
        return self

    def read(self, table: Any, *, strict: bool = True) -> np.ndarray:
        """Return a table as numbers (n_samples, n_features)."""
        return table

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Return numbers on the networks' scale, float32."""
        return self.scaler.transform(rows).clip(-self.clip, self.clip)

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list:
        """Return the cell of one column for each row on the networks' scale."""
        rows = self.scaler.inverse_transform(scaled, np.float64)
        return rows[np.arange(len(rows)), columns].tolist()

    def column(self, table: Any, j: int) -> list:
        """Return the cells of a column of the table."""
        return table[:, j].tolist()


class FrozenReader(RowReader):
    """Rows on the scale of a fitted model.

    Parameters
    ----------
    fitted : AdversarialAutoencoder
        The model.
    """

    clip = np.inf

    def __init__(self, fitted: Any) -> None:
        self.scaler = fitted._scaler
        self.n_columns = fitted.n_features_in_
        self.column_of_feature = self.number_of_column = np.arange(self.n_columns)


class TableReader(RowReader):
    """Rows of mixed types, by way of :class:`TableEncoder`.

    A category that was not seen sets none of its column's indicators, which no training
    row does: it is surprising.

    Parameters
    ----------
    handle_unknown : {"surprise", "error"}
        What becomes of such a category.
    """

    def __init__(self, handle_unknown: str) -> None:
        self.handle_unknown = handle_unknown

    def fit(self, table: Any, training: np.ndarray, seed: int) -> RowReader:
        """Learn levels and scale from the training rows of a table."""
        part = _safe_indexing(table, training)
        # Unseen labels must not stop it; what it makes of them is overwritten.
        self.encoder = TableEncoder(handle_unknown="infrequent_if_exist").fit(part)
        #: Labels that only held-out rows have: new to the networks, not to the user.
        self.known = {j: labels for j, (labels, _) in unseen_cells(self.encoder, table).items()}
        widths = dense_widths(self.encoder)
        self.n_columns = len(widths)
        self.column_of_feature = np.repeat(np.arange(self.n_columns), widths)
        first = np.cumsum([0, *widths[:-1]])
        kinds = [span.kind for span in self.encoder.layout_.spans]
        self.number_of_column = np.where(np.array(kinds) == "number", first, -1)
        self.scaler = Scaler("standard").fit(self.read(part), seed)
        return self

    def read(self, table: Any, *, strict: bool = True) -> np.ndarray:
        """Return a table as numbers (n_samples, n_features).

        Raises
        ------
        ValueError
            If a category was not seen and ``handle_unknown`` is "error".
        """
        unseen = unseen_cells(self.encoder, table)
        if strict and self.handle_unknown == "error":
            for j, (labels, _) in unseen.items():
                new = [label for label in labels if label not in self.known.get(j, [])]
                if new:
                    raise ValueError(
                        f"Column {self.encoder.layout_.spans[j].name!r} has the level {new[0]!r}, "
                        'which fit did not see. Set handle_unknown="surprise" to score it.'
                    )
        rows = self.encoder.transform(table)
        for j, (_, cells) in unseen.items():
            rows[np.ix_(cells, np.flatnonzero(self.column_of_feature == j))] = 0.0
        return rows

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list:
        """Return the cell of one column for each row on the networks' scale."""
        rows = self.scaler.inverse_transform(scaled, np.float64)
        # One frame for all: to make one for each column takes longer than what is in it.
        table = list(columns_of(self.encoder.inverse_transform(rows)))
        found: list[Any] = [None] * len(rows)
        for j in np.unique(columns):
            cells = table[j].to_list()
            for i in np.flatnonzero(columns == j):
                found[i] = cells[i]
        return found

    def column(self, table: Any, j: int) -> list:
        """Return the cells of a column of the table."""
        series = list(columns_of(table))[j]
        return series.to_list()


def is_mixed(table: Any) -> bool:
    """Return whether a table is a frame with other columns than complete ones of numbers."""
    frame = as_frame(table)
    if frame is None or 0 in frame.shape:
        return False
    try:
        check_numeric_columns(table, "")
    except UnsupportedColumnsError:
        return True
    numbers = [c for c in columns_of(table) if c.dtype.is_numeric()]
    return any(c.null_count() or (c.dtype.is_float() and bool(c.is_nan().any())) for c in numbers)


def fold_features(cells: np.ndarray, reader: Any) -> np.ndarray:
    """Return cells (n_samples, n_features) summed by the column that they belong to."""
    if cells.shape[1] == reader.n_columns:
        return cells
    folded = np.zeros((len(cells), reader.n_columns))
    np.add.at(folded.T, reader.column_of_feature, cells.T)
    return folded
