"""Real and synthetic rows as matrices that pictures are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.encoding import CATEGORY, DATE, DURATION, read_matrices

MICROSECONDS_PER_DAY = 86_400e6
#: From so many levels and this share of distinct cells on, a category is likely an identifier.
IDENTIFIER_LEVELS, IDENTIFIER_SHARE = 20, 0.9


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two tables of the same columns.

    Attributes
    ----------
    names : sequence, length n_features
        Names of the columns.
    rows, synthetic : ndarray of shape (n_rows, n_features), float64
        The tables; codes of categories, dates in days since 1970, NaN for missing cells.
    labels : sequence of (sequence of str or None), length n_features, default=()
        Of categories what their codes stand for, None for other columns; empty stands
        for a table without categories.
    is_date : sequence of bool, length n_features, default=()
        Which columns are dates; empty stands for none.
    is_identifier : sequence of bool, length n_features, default=()
        Which columns have almost as many levels as rows; empty stands for none.
    """

    names: Sequence[Any]
    rows: np.ndarray
    synthetic: np.ndarray
    labels: Sequence[Sequence[str] | None] = ()
    is_date: Sequence[bool] = ()
    is_identifier: Sequence[bool] = ()

    @property
    def is_category(self) -> np.ndarray:
        """Which columns are categories."""
        labels = self.labels or [None] * len(self.names)
        return np.array([of_column is not None for of_column in labels], dtype=bool)

    @property
    def is_mixed(self) -> bool:
        """Whether there are categories or missing cells."""
        return bool(self.is_category.any() or np.isnan(self.rows).any())

    def part(self, columns: np.ndarray) -> Compared:
        """Return some of the columns."""
        return Compared(
            names=[self.names[j] for j in columns],
            rows=self.rows[:, columns],
            synthetic=self.synthetic[:, columns],
            labels=[self.labels[j] for j in columns] if self.labels else (),
            is_date=[self.is_date[j] for j in columns] if self.is_date else (),
            is_identifier=[self.is_identifier[j] for j in columns] if self.is_identifier else (),
        )


def read_cells(tables: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return tables by role as matrices, and names, labels and which columns are dates."""
    read = read_matrices(tables)
    days = np.where(np.isin(read.kinds, [DATE, DURATION]), MICROSECONDS_PER_DAY, 1)
    labels = [
        list(map(str, levels)) if kind == CATEGORY else None
        for kind, levels in zip(read.kinds, read.levels, strict=True)
    ]
    facts = {
        "names": list(read.names),
        "labels": labels,
        "is_date": [kind == DATE for kind in read.kinds],
    }
    return {role: rows / days for role, rows in read.rows.items()}, facts


def compare(real: Any, synthetic: Any) -> Compared:
    """Return two tables side by side."""
    cells, facts = read_cells({"real": real, "synthetic": synthetic})
    rows = cells["real"]
    known = [column[~np.isnan(column)] for column in rows.T]
    is_identifier = [
        labels is not None
        and len(np.unique(column)) >= max(IDENTIFIER_LEVELS, IDENTIFIER_SHARE * len(column))
        for column, labels in zip(known, facts["labels"], strict=True)
    ]
    return Compared(rows=rows, synthetic=cells["synthetic"], is_identifier=is_identifier, **facts)
