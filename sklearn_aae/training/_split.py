"""Rows to train on and rows to validate on."""

from __future__ import annotations

import math

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

    Parameters are those of :class:`TableDataset`, beside the share of the rows to validate
    on, None for no such rows, and the seed that chooses them.
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
