"""Rows to train on and rows to validate on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sklearn_aae.encoding import LevelScale, Scaler
from sklearn_aae.training._batches import TableDataset

#: Fewer rows say too little about the match of codes to the prior.
MIN_VALIDATION_ROWS = 20


def split_table(
    X: np.ndarray,
    labels: np.ndarray | None,
    scaler: Scaler | LevelScale,
    validation_fraction: float | None,
    seed: int,
) -> tuple[TableDataset, TableDataset | None]:
    """Return the data sets to train on and, if asked for, to validate on.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table.
    labels : ndarray of shape (n_samples,), int64, or None
        The class of each row, -1 for rows without a label.
    scaler : Scaler or LevelScale
        The network's scale.
    validation_fraction : float or None
        Share of the rows to validate on; None for no such rows.
    seed : int
        Chooses the rows.

    Raises
    ------
    ValueError
        If there are too few rows to validate on.
    """
    if validation_fraction is None:
        return TableDataset(X, scaler=scaler, labels=labels), None
    n_valid = math.ceil(validation_fraction * len(X))
    if n_valid < MIN_VALIDATION_ROWS or len(X) - n_valid < 2:
        raise ValueError(
            f"early_stopping=True needs at least {MIN_VALIDATION_ROWS} rows to validate on "
            f"and 2 to train on; validation_fraction={validation_fraction} of "
            f"{len(X)} rows gives {n_valid} and {len(X) - n_valid}. Change "
            "validation_fraction or set early_stopping=False."
        )
    order = np.random.default_rng(seed).permutation(len(X))
    train, valid = (
        TableDataset(X, scaler=scaler, labels=labels, rows=rows)
        for rows in (order[n_valid:], order[:n_valid])
    )
    return train, valid


def fixed_split(dataset: Any, y: Any = None, valid: Any = None, **kwargs: Any) -> tuple:
    """Return data sets that were split before, as skorch's ``train_split`` does."""
    return dataset, valid
