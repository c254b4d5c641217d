"""Held-out rows: p-values, the threshold at a level, and which rows to select."""

from __future__ import annotations

import numpy as np

#: Held-out rows of a table of n: about a tenth, in steps of 20 less 1, so that the level
#: 0.05 is met exactly; at most 499, and none of a table too small to spare any.  From 200 rows
#: on at least 39, so that the threshold at that level is not the lowest score of all.
STEP, MOST_HELD_OUT, LEAST_ROWS = 20, 499, 100


def n_held_out(n_samples: int) -> int:
    """Return how many rows of a table are held out for p-values.

    Parameters
    ----------
    n_samples : int
        Rows of the table.

    Returns
    -------
    int
        0 below 100 rows, 19 below 200, 39 below 600, then about a tenth, at most 499.
    """
    if n_samples < LEAST_ROWS:
        return 0
    least = STEP if n_samples < 2 * LEAST_ROWS else 2 * STEP
    return min(max(least, STEP * (n_samples // (10 * STEP))) - 1, MOST_HELD_OUT)


def p_values(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    r"""Return conformal p-values of scores, where lower scores are more anomalous.

    :math:`p(s) = (1 + |\{i : s_i \le s\}|) / (1 + n)` over the scores of held-out rows.
    If the row and they are exchangeable, :math:`P(p \le \alpha) \le \alpha` [1]_.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of rows.
    held_out : ndarray of shape (n_held_out,)
        Sorted scores of held-out rows.

    Returns
    -------
    ndarray of shape (n_samples,)
        p-values, at least ``1 / (n_held_out + 1)``.

    References
    ----------
    .. [1] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for Outliers with
       Conformal p-values", Annals of Statistics 51(1), 2023.
    """
    not_above = np.searchsorted(held_out, scores, side="right")
    return (1 + not_above) / (1 + len(held_out))


def conformal_threshold(alpha: float, held_out: np.ndarray) -> float | None:
    """Return the score below which p-values are at most ``alpha``; None if none can be.

    Parameters
    ----------
    alpha : float
        The level.
    held_out : ndarray of shape (n_held_out,)
        Sorted scores of held-out rows.

    Returns
    -------
    float or None
        The threshold.
    """
    # A hair more, so that 0.05 * 20 counts as 1.
    rank = int(np.floor(alpha * (len(held_out) + 1) + 1e-9))
    return float(held_out[rank - 1]) if rank >= 1 else None


def benjamini_hochberg(p: np.ndarray, fdr: float) -> np.ndarray:
    """Return which hypotheses to reject at a false discovery rate.

    Parameters
    ----------
    p : ndarray of shape (n_samples,)
        p-values.
    fdr : float
        The rate.

    Returns
    -------
    ndarray of shape (n_samples,), bool
        True where the row is selected.

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg, "Controlling the False Discovery Rate", Journal of the
       Royal Statistical Society B 57(1), 1995.
    """
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= fdr * np.arange(1, len(p) + 1) / len(p) * (1 + 1e-12))
    if not len(passed):
        return np.zeros(len(p), dtype=bool)
    return p <= ordered[passed[-1]]
