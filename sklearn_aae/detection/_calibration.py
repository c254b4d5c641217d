"""Calibrating rows: which they are, p-values by them, and the threshold at a level."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sklearn_aae.encoding._cells import is_missing
from sklearn_aae.encoding._containers import as_plain, columns_of
from sklearn_aae.encoding._kept_rows import KeptRows

CROSS, HELD_OUT, TRAINING = "cross", "held-out", "training"
#: More training rows would not change what a few hundred steps learn.
MOST_ROWS = 4096
#: Held-out rows of a table of n: about a tenth, in steps of 20 less 1, so that the level
#: 0.05 is met exactly; at most 499, and none of a table too small to spare any.  From 200 rows
#: on at least 39, so that the threshold at that level is not the lowest score of all.
STEP, MOST_HELD_OUT, LEAST_ROWS = 20, 499, 100
#: Parts of the rows that are left out in turn for out-of-fold scores.  Where a tenth of the rows
#: may count as odd or not, the detector of all rows errs beyond both of two others in a third of
#: the cases, and the level is broken; beyond three in a quarter.
N_FOLDS = 3
#: Rows beyond those trained on that calibrate beside out-of-fold ones, at most.
MOST_BEYOND = 5_000


def n_held_out(n_samples: int) -> int:
    """Return how many rows of a table are held out for p-values."""
    if n_samples < LEAST_ROWS:
        return 0
    least = STEP if n_samples < 2 * LEAST_ROWS else 2 * STEP
    return min(max(least, STEP * (n_samples // (10 * STEP))) - 1, MOST_HELD_OUT)


@dataclass(frozen=True)
class RowPlan:
    """What each row of a table is for, as positions in it.

    Attributes
    ----------
    training : ndarray of int
        Rows that the detector is trained on, ascending.
    calibrating : ndarray of int
        Rows that it is not trained on and that calibrate.
    folds : list of ndarray of int
        Training rows in parts, each of which a detector of the other parts is to score.
    """

    training: np.ndarray
    calibrating: np.ndarray
    folds: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def split(cls, n_samples: int, seed: int) -> RowPlan:
        """Return a plan that holds rows out."""
        order = np.random.default_rng(seed).permutation(n_samples)
        n = n_held_out(n_samples)
        return cls(np.sort(order[n:][:MOST_ROWS]), order[:n])

    @classmethod
    def cross(cls, n_samples: int, seed: int) -> RowPlan:
        """Return a plan by which all rows train and calibrate, of large tables many."""
        order = np.random.default_rng(seed).permutation(n_samples)
        training, beyond = order[:MOST_ROWS], order[MOST_ROWS:][:MOST_BEYOND]
        # A detector needs two rows.
        folds = [np.sort(training[k::N_FOLDS]) for k in range(N_FOLDS)] if n_samples > 2 else []
        return cls(np.sort(training), beyond, folds)


@dataclass(frozen=True)
class Calibration:
    """Rows that calibrate, and their scores by a detector that was not trained on them.

    Attributes
    ----------
    source : {"cross", "held-out"}
        Whether their scores are out-of-fold ones or those of rows held out.
    index : ndarray of int
        Their positions in the table that ``fit`` was given.
    rows : KeptRows or None
        The rows, for groups that are named later and for drift; None if a file left them out.
    scores : dict of str to ndarray of shape (n_rows,)
        Their scores by kind; higher is more normal.
    n_beyond : int
        How many of them, the last ones, are not among the rows that the detector was trained on.
    """

    source: str
    index: np.ndarray
    rows: KeptRows | None
    scores: dict[str, np.ndarray]
    n_beyond: int

    @property
    def tells(self) -> bool:
        """Whether there are p-values; cross-fitting has some of however few rows."""
        return self.source == CROSS or len(self.index) > 0

    def table(self) -> Any:
        """Return the rows as they came."""
        if self.rows is None:
            raise ValueError(
                "groups and drift need the calibrating rows, which were left out of the file; "
                "save the detector with references=True."
            )
        return self.rows.build()

    def p_values(self, scores: np.ndarray, kind: str) -> np.ndarray:
        """Return the p-values of scores of one kind."""
        return p_values(scores, np.sort(self.scores[kind]))

    def within(
        self, groups: str | int | Callable[..., Any], X: Any, names: list[Any], kind: str
    ) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Yield each group of rows, which they are and its calibrating scores, sorted.

        Names are those of the table's columns.
        """
        own, others = (group_labels(groups, rows, names) for rows in (X, self.table()))
        codes = {label: code for code, label in enumerate(dict.fromkeys(own))}
        of_rows = np.array([codes[label] for label in own])
        of_others = np.array([codes.get(label, -1) for label in others])
        for label, code in codes.items():
            among = self.scores[kind][of_others == code]
            yield label, np.flatnonzero(of_rows == code), np.sort(among)

    def own_p_values(self, kind: str, n_samples: int) -> np.ndarray:
        """Return each calibrating row's p-value among the others, NaN for rows that are none."""
        found = np.full(n_samples, np.nan)
        scores = self.scores[kind]
        found[self.index] = rankdata(scores, method="max") / len(scores)
        return found

    def threshold(self, alpha: float, kind: str) -> float | None:
        """Return the score below which p-values are at most ``alpha``; None if none can be."""
        return conformal_threshold(alpha, np.sort(self.scores[kind]))


def p_values(scores: np.ndarray, calibrating: np.ndarray) -> np.ndarray:
    r"""Return conformal p-values of scores, given the sorted scores of calibrating rows.

    :math:`p(s) = (1 + |\{i : s_i \le s\}|) / (1 + n)`; lower scores are more anomalous.
    If the row and they are exchangeable, :math:`P(p \le \alpha) \le \alpha` [1]_.

    References
    ----------
    .. [1] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for Outliers with
       Conformal p-values", Annals of Statistics 51(1), 2023.
    """
    not_above = np.searchsorted(calibrating, scores, side="right")
    return (1 + not_above) / (1 + len(calibrating))


def conformal_threshold(alpha: float, calibrating: np.ndarray) -> float | None:
    """Return the score below which p-values are at most ``alpha``; None if none can be."""
    # Slightly more, so that 0.05 * 20 counts as 1.
    rank = int(np.floor(alpha * (len(calibrating) + 1) + 1e-9))
    return float(calibrating[rank - 1]) if rank >= 1 else None


def group_labels(groups: str | int | Callable[..., Any], X: Any, names: list[Any]) -> list[Any]:
    """Return the group of each row: a column's cell, or what a function of the rows says.

    Missing cells are one group, None.

    Raises
    ------
    ValueError
        If there is no such column, or the function does not return a label for each row.
    TypeError
        If what it returns are no labels.
    """
    if callable(groups):
        returned = groups(X)
        if not isinstance(returned, Iterable):
            raise TypeError(
                f"groups must return a label for each row; got {type(returned).__name__}."
            )
        labels = list(returned)
        if len(labels) != len(X):
            raise ValueError(
                f"groups returned {len(labels)} labels for {len(X)} rows; return one for each."
            )
        odd = next((label for label in labels if not isinstance(label, Hashable)), None)
        if odd is not None:
            raise TypeError(
                "groups must return labels that are hashable, as numbers and texts are; got "
                f"{type(odd).__name__} for a row."
            )
    elif _is_label(groups) and groups in names:
        column = list(columns_of(as_plain(X)))[names.index(groups)]
        labels = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
    else:
        raise ValueError(
            f"groups={groups!r} is no column of the table; choose from {names}, or pass a "
            "function of the rows that returns a label for each."
        )
    return [None if is_missing(label) else label for label in labels]


def _is_label(groups: Any) -> bool:
    return isinstance(groups, (str, Integral)) and not isinstance(groups, bool)
