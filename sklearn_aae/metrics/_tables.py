"""Mixed-type tables as matrices with enough rows to compare, and columns and rows of these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_aae.encoding import Matrices, as_frame, read_matrices


def read_tables(min_rows: int = 2, **tables: Any) -> Matrices:
    """Read tables, by role, that should have the same columns and no fewer rows.

    Where float64 lacks digits for numbers and dates, the rows hold their differences.
    """
    read = read_matrices(tables)
    for role, matrix in read.rows.items():
        if len(matrix) < min_rows:
            raise ValueError(f"{role} has {len(matrix)} rows; at least {min_rows} are needed.")
    return replace(read, rows=read.differences)


def in_one_container(X: Any, other: Any) -> tuple[Any, Any]:
    """Return two tables of the same columns in the same order, as arrays if one is no frame.

    Labels and positions cannot be matched.
    """
    if (as_frame(X) is None) != (as_frame(other) is None):
        return np.asarray(X, dtype=object), np.asarray(other, dtype=object)
    return X, other


def index_of(name: Any, tables: Matrices, parameter: str) -> int:
    """Return the index of a column or say that there is none of that label."""
    if name not in tables.names:
        raise ValueError(f"{parameter}={name!r} is not among the columns {list(tables.names)}.")
    return tables.names.index(name)


def take_rows(rows: np.ndarray, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``n_rows`` rows at random in their order, or all if there are no more."""
    if len(rows) <= n_rows:
        return rows
    return rows[np.sort(rng.choice(len(rows), n_rows, replace=False))]
