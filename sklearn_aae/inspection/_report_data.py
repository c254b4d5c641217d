"""What the page that audits a table shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ReportData:
    """What the page shows.

    Attributes
    ----------
    title, subtitle, footer : str
        Name of the table, figures about it, and what made the page.
    names : sequence of str, length n_features
        Names of the columns.
    row_ids : sequence, length n_samples
        What the rows are called.
    rows, expected : ndarray of shape (n_samples, n_features), float64
        The table and what the model expected of its cells; codes of categories, dates in
        days since 1970, NaN for missing cells.  What was expected is only read for the
        ten rows of lowest score, of cells that have at least half a percent of the row's
        contributions.
    contributions : ndarray of shape (n_samples, n_features), float64
        What each cell adds to its row's anomaly score; not negative.
    scores : ndarray of shape (n_samples,), float64
        Scores of the rows; higher is more normal.
    flagged : ndarray of shape (n_samples,), bool
        Which rows lie below the threshold.
    synthetic : ndarray of shape (n_synthetic, n_features), float64
        Rows drawn from the model.
    codes : ndarray of shape (n_samples, n_components), float64
        Codes of the rows.
    prior : ndarray of shape (n_draws, n_components), float64
        Draws of the prior.
    history : dict of list of float
        Losses by epoch.
    labels : sequence of (sequence of str or None), length n_features, default=()
        Of categories what their codes stand for, None for other columns; empty stands
        for a table without categories.
    is_date : sequence of bool, length n_features, default=()
        Which columns are dates; empty stands for none.
    is_identifier : sequence of bool, length n_features, default=()
        Which columns have almost as many levels as rows; empty stands for none.
    """

    title: str
    subtitle: str
    footer: str
    names: Sequence[str]
    row_ids: Sequence[Any]
    rows: np.ndarray
    expected: np.ndarray
    contributions: np.ndarray
    scores: np.ndarray
    flagged: np.ndarray
    synthetic: np.ndarray
    codes: np.ndarray
    prior: np.ndarray
    history: dict
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
