"""Held-out rows: how many, p-values, and the threshold at a level."""

from __future__ import annotations

import numpy as np

#: Held-out rows of a table of n: about a tenth, in steps of 20 less 1, so that the level
#: 0.05 is met exactly; at most 499, and none of a table too small to spare any.  From 200 rows
#: on at least 39, so that the threshold at that level is not the lowest score of all.
STEP, MOST_HELD_OUT, LEAST_ROWS = 20, 499, 100


def n_held_out(n_samples: int) -> int:
    """Return how many rows of a table are held out for p-values."""
    if n_samples < LEAST_ROWS:
        return 0
    least = STEP if n_samples < 2 * LEAST_ROWS else 2 * STEP
    return min(max(least, STEP * (n_samples // (10 * STEP))) - 1, MOST_HELD_OUT)


def p_values(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    r"""Return conformal p-values of scores, given the sorted scores of held-out rows.

    :math:`p(s) = (1 + |\{i : s_i \le s\}|) / (1 + n)`; lower scores are more anomalous.
    If the row and they are exchangeable, :math:`P(p \le \alpha) \le \alpha` [1]_.

    References
    ----------
    .. [1] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for Outliers with
       Conformal p-values", Annals of Statistics 51(1), 2023.
    """
    not_above = np.searchsorted(held_out, scores, side="right")
    return (1 + not_above) / (1 + len(held_out))


def conformal_threshold(alpha: float, held_out: np.ndarray) -> float | None:
    """Return the score below which p-values are at most ``alpha``; None if none can be."""
    # Slightly more, so that 0.05 * 20 counts as 1.
    rank = int(np.floor(alpha * (len(held_out) + 1) + 1e-9))
    return float(held_out[rank - 1]) if rank >= 1 else None
