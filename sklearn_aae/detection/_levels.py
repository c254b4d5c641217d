"""What levels cost: at most what is known of them from so many rows, and unseen ones, more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn_aae.detection._evidence import EnsembleEvidence
    from sklearn_aae.detection._fitting import FittedModel


def know_level_costs(model: FittedModel, reader: Any, rows: np.ndarray, n_rows: int) -> None:
    """Let a model bound what levels cost, given normal rows, where its reader has levels."""
    column_of_level = getattr(reader, "column_of_level", None)
    if column_of_level is not None and (column_of_level >= 0).any():
        away = np.abs(reader.surprise).max()
        model.level_costs = LevelCosts(column_of_level, n_rows, away).fit(model.evidence(rows))


class LevelCosts:
    r"""Bounds of what columns of levels say of a row, in nats above what they say on average.

    Densities of indicators say more of a rare level than can be known from rows that few have it
    of.  With :math:`n` of these, a level that one had costs at most :math:`\log(n + 1)`, and one
    that none had at least :math:`\log 2(n + 1)`, as if half a row had it.

    Parameters
    ----------
    column_of_level : ndarray of shape (n_features,), int
        The column whose level, or missing cell, a feature tells of; -1 for other features.
    n_rows : int
        Rows of the table: detectors of its parts have the same bounds, for scores of theirs are
        compared.
    away_of_new : float
        How far out cells of levels are that no row had.
    """

    def __init__(self, column_of_level: np.ndarray, n_rows: int, away_of_new: float) -> None:
        self.column_of_level = column_of_level
        self.most, self.least_of_new = math.log(n_rows + 1), math.log(2 * (n_rows + 1))
        self.away_of_new = float(np.float32(away_of_new))

    def fit(self, evidence: EnsembleEvidence) -> LevelCosts:
        """Freeze what cells cost on average, given evidence whose losses are not bounded."""
        is_level = self.column_of_level[evidence.columns] >= 0
        #: By what is read of the evidence, (n_members, n_columns); 0 for other features.
        self.usual_ = {
            which: getattr(evidence, which).mean(axis=1) * is_level for which in evidence.losses
        }
        return self

    def bounded(
        self, which: str, losses: np.ndarray, x: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Return losses (n_members, n_samples, n_columns) of cells ``x``, bounded."""
        losses = losses.copy()
        for member, seen in enumerate(columns):
            column = self.column_of_level[seen]
            own = np.flatnonzero(column >= 0)
            if not len(own):
                continue
            starts = np.flatnonzero(np.diff(column[own], prepend=-1))
            widths = np.diff(starts, append=len(own))
            usual = self.usual_[which][member, own]
            more = losses[member][:, own] - usual
            # Sums of a row that are the same wherever it is among others.
            total = np.add.reduceat(more, starts, axis=1)
            away = np.maximum.reduceat(np.abs(x[member][:, own]), starts, axis=1)
            is_new = away >= self.away_of_new
            shrunk = np.where(is_new, 1.0, self.most / np.maximum(total, self.most))
            raised = np.maximum(self.least_of_new - total, 0.0) * is_new / widths
            more = more * np.repeat(shrunk, widths, axis=1) + np.repeat(raised, widths, axis=1)
            losses[member][:, own] = usual + more
        return losses
