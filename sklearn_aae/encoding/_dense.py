"""What else there is to know of an encoder's dense matrix: widths, and cells new to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._table_encoder import TableEncoder


class UnseenCells(NamedTuple):
    """Cells of a column whose labels ``fit`` did not see.

    Attributes
    ----------
    labels : list
        These labels, each once.
    rows : ndarray of shape (n_cells,), int
        The rows that hold one.
    """

    labels: list
    rows: np.ndarray


def dense_widths(encoder: TableEncoder) -> list[int]:
    """Return how many columns of the dense matrix each column of the table has.

    Parameters
    ----------
    encoder : TableEncoder
        A fitted encoder.

    Returns
    -------
    list of int
        Widths, in the order of the table's columns.
    """
    return encoder._widths()


def unseen_cells(encoder: TableEncoder, table: Any) -> dict[int, UnseenCells]:
    """Return the cells of a table whose labels an encoder does not know.

    Parameters
    ----------
    encoder : TableEncoder
        A fitted encoder.
    table : frame or ndarray of shape (n_samples, n_features)
        A table with its columns.

    Returns
    -------
    dict of int to UnseenCells
        By the number of the column; columns without such cells are left out.
    """
    found = {}
    for j, (codec, column) in enumerate(encoder._read(table)):
        labels = codec.unseen_labels(column) if isinstance(codec, CategoryCodec) else []
        if labels:
            is_new = np.array([label in labels for label in column.labels])
            rows = np.flatnonzero(~column.missing)
            found[j] = UnseenCells(labels, rows[is_new[column.present]])
    return found
