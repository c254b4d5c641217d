"""How unusual the rows of an audited table are, and why: what ``scores.csv`` holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.detection._outlier import AAEOutlierDetector
from sklearn_aae.inspection._unusual import LEAST_SHARE, N_ROWS, most_unusual

N_EXPLAINING = 3


@dataclass(frozen=True)
class RowAudit:
    """What a detector says of rows.

    Attributes
    ----------
    detector : AAEOutlierDetector
        The detector; it has not seen columns that are likely identifiers.
    scores : ndarray of shape (n_rows,), float64
        Scores; higher is more normal.
    p_values : ndarray of shape (n_rows,), float64
        Ranks of their scores by detectors that were not trained on them, so that they are
        those of new rows.
    flagged : ndarray of shape (n_rows,), bool
        Which rows have p-values of at most the detector's level.
    contributions : ndarray of shape (n_rows, n_columns), float64
        What each column adds to the anomaly score of a row; not negative, and 0 for
        columns that the detector has not seen.
    order : ndarray of shape (n_rows, n_explaining), int
        Indices of the columns that contribute most, largest part first.
    shares : ndarray of shape (n_rows, n_explaining), float64
        Their shares of the row's anomaly score.
    expected : pandas DataFrame of shape (n_rows, n_columns)
        What was expected of the cells that explain a row, in the types of the table with
        room for missing cells; for the most unusual rows of all cells that have a share
        worth drawing.  Other cells are missing.
    """

    detector: AAEOutlierDetector
    scores: np.ndarray
    p_values: np.ndarray
    flagged: np.ndarray
    contributions: np.ndarray
    order: np.ndarray
    shares: np.ndarray
    expected: Any


class Counts(NamedTuple):
    """How many rows a table has, and how many of these are flagged."""

    n_rows: int
    n_flagged: int

    def with_rows(self, rows: RowAudit) -> Counts:
        """Return the counts with further rows."""
        return Counts(self.n_rows + len(rows.scores), self.n_flagged + int(rows.flagged.sum()))


def fit_detector(table: AuditTable, **parameters: Any) -> AAEOutlierDetector:
    """Fit a detector to the columns of a table that are no identifiers.

    Cells that no two rows share say nothing of new rows: each is as surprising as
    another, and their terms would hide those of other columns.
    """
    result: AAEOutlierDetector = AAEOutlierDetector(**parameters).fit(
        table.frame.iloc[:, judged_columns(table)]
    )
    return result


def judged_columns(table: AuditTable) -> np.ndarray:
    """Return the indices of the columns that the detector sees: all, if it must."""
    is_identifier = np.array(table.is_identifier())
    return np.flatnonzero(~is_identifier | is_identifier.all())


def audit_rows(detector: AAEOutlierDetector, table: AuditTable) -> RowAudit:
    """Score and explain the rows that a detector was fitted on by :func:`fit_detector`."""
    judged = judged_columns(table)
    p_values = detector.training_p_values_
    if detector.n_held_out_:
        # These have p-values; those of the rows that it was trained on come from others.
        crossed = clone(detector).set_params(calibration="cross")
        p_values = crossed.fit(table.frame.iloc[:, judged]).training_p_values_
    return score_rows(detector, table, judged, p_values)


def score_rows(
    detector: AAEOutlierDetector, table: AuditTable, judged: np.ndarray, known: np.ndarray
) -> RowAudit:
    """Score and explain rows; ``judged`` are the positions of the columns that it was fitted on.

    ``known`` are p-values, NaN for rows that are new to the detector.
    """
    frame = table.frame.iloc[:, judged]
    p_values, new = known.copy(), np.flatnonzero(np.isnan(known))
    if len(new):
        p_values[new] = detector.p_values(frame.iloc[new])
    scores = detector.score_samples(frame)
    contributions = np.zeros(table.frame.shape)
    contributions[:, judged] = np.maximum(detector.score_contributions(frame), 0)
    totals = contributions.sum(axis=1, keepdims=True)
    shares = np.divide(contributions, totals, out=np.zeros_like(contributions), where=totals > 0)
    worst = most_unusual(scores, N_ROWS)
    n_drawn = int((shares[worst] >= LEAST_SHARE).sum(axis=1).max())
    reasons = detector.explain(frame, top=N_EXPLAINING)
    more = detector.explain(frame.iloc[worst], top=max(n_drawn, 1))
    index_of = dict(zip(frame.columns, judged.tolist(), strict=True))
    ranked = np.argsort(-contributions[:, judged], axis=1, kind="stable")
    order = np.empty((len(frame), min(N_EXPLAINING, len(judged))), dtype=int)
    expected: dict[int, dict[int, Any]] = {}
    for i, row in [*enumerate(reasons), *zip(worst.tolist(), more, strict=True)]:
        cells = {index_of[reason.column]: reason.expected for reason in row}
        # Columns that explain nothing, as the row has what is expected there, come last.
        for j in judged[ranked[i, : max(n_drawn, N_EXPLAINING)]].tolist():
            cells.setdefault(j, table.frame.iat[i, j])
        for j, cell in cells.items():
            expected.setdefault(j, {})[i] = cell
        order[i] = list(cells)[: order.shape[1]]
    return RowAudit(
        detector=detector,
        scores=scores,
        p_values=p_values,
        flagged=p_values <= detector.alpha + 1e-12,
        contributions=contributions,
        order=order,
        shares=np.take_along_axis(shares, order, axis=1),
        expected=as_table(expected, table.frame),
    )


def as_table(cells: dict[int, dict[int, Any]], like: Any) -> Any:
    """Return cells, by column and row, as a frame like another one with missing cells."""
    pandas = import_extra("pandas", "table")
    columns = {}
    for j in range(like.shape[1]):
        found = cells.get(j, {})
        values = _of_type(list(found.values()), list(found), like.iloc[:, j].dtype)
        columns[j] = values.reindex(range(len(like))).set_axis(like.index)
    frame = pandas.DataFrame(columns)
    frame.columns = like.columns
    return frame


def _of_type(values: list[Any], rows: list[int], dtype: Any) -> Any:
    """Return cells as a column of a type, with room for missing cells."""
    pandas = import_extra("pandas", "table")
    types = pandas.api.types
    if not (types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype)):
        return pandas.Series(values, rows, dtype=dtype)
    numbers = pandas.to_numeric(pandas.Series(values, rows, dtype=object)).astype("Float64")
    if types.is_bool_dtype(dtype):
        # Among numbers only, truth is a number, too.
        return (numbers >= 0.5).astype("boolean")
    # A model of numbers knows nothing of whole ones.
    whole = types.is_integer_dtype(dtype) and (numbers.dropna() % 1 == 0).all()
    if not whole:
        return numbers.astype(np.float64)
    wide = (
        "UInt64"
        if types.is_unsigned_integer_dtype(dtype) and (numbers.dropna() >= 0).all()
        else "Int64"
    )
    return numbers.astype(wide)
