"""Some rows of a table."""

from __future__ import annotations

import numpy as np


def spread_over(n_rows: int, most: int) -> np.ndarray:
    """Return positions of at most ``most`` rows, spread over the table, which may be sorted."""
    return np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64)
