"""What the page that audits a table shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.inspection._compared import Compared


@dataclass(frozen=True, kw_only=True)
class ReportData(Compared):
    """What the page shows, beside real and synthetic rows.

    Attributes
    ----------
    title, subtitle, footer : str
        Name of the table, figures about it, and what made the page.
    row_ids : sequence, length n_samples
        What the rows are called.
    expected : ndarray of shape (n_samples, n_features), float64
        What the model expected of the rows' cells, in the form of ``rows``.  It is only read
        for the ten rows of lowest score, of cells that have at least half a percent of the row's
        contributions.
    contributions : ndarray of shape (n_samples, n_features), float64
        What each cell adds to its row's anomaly score; not negative.
    scores : ndarray of shape (n_samples,), float64
        Scores of the rows; higher is more normal.
    flagged : ndarray of shape (n_samples,), bool
        Which rows lie below the threshold.
    codes : ndarray of shape (n_samples, n_components), float64
        Codes of the rows.
    prior : ndarray of shape (n_draws, n_components), float64
        Draws of the prior.
    history : dict of list of float
        Losses by epoch.
    """

    title: str
    subtitle: str
    footer: str
    row_ids: Sequence[Any]
    expected: np.ndarray
    contributions: np.ndarray
    scores: np.ndarray
    flagged: np.ndarray
    codes: np.ndarray
    prior: np.ndarray
    history: dict[Any, Any]
