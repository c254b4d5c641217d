"""What the page of an audit, in HTML, is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from sklearn_aae.encoding import CATEGORY, DATE, DURATION

#: Rows of the table and points of the map, at most, and columns that are described.
MAX_ROWS, MAX_POINTS, MAX_COLUMNS = 500, 5000, 300
#: Letters of a cell, and of a name.
MAX_LETTERS = 60


class CellReason(NamedTuple):
    """Why a row is odd: one cell of it, as text."""

    column: str
    value: str
    expected: str
    interval: str
    share: float
    rule: str


@dataclass(frozen=True)
class PageData:
    """What the page shows.

    Attributes
    ----------
    title : str
        What to call the table.
    run : dict of str to str
        When, by which version and of what the page was made.
    notes : sequence of str
        How the table was read.
    names : sequence of str, length n_columns
        Names of the columns.
    kinds : sequence of str, length n_columns
        "number", "date", "duration", "category" or "empty".
    levels : sequence of list, length n_columns
        What the codes of categories stand for; empty for other kinds.
    rows : ndarray of shape (n_rows, n_columns), float64
        The table; codes of categories, microseconds of dates, NaN for missing cells.
    row_ids : sequence of str, length n_rows
        What the rows are called.
    cells : bool
        Whether the page may show cells.
    seed : int
        Chooses the points of the map that are not among the oddest rows.
    scores, p_values : ndarray of shape (n_rows,), float64, or None
        What a detector or a model says of the rows; higher scores are more normal.
    alpha : float or None
        The level at which rows are flagged.
    reasons : dict of int to list of CellReason
        Why the oddest rows are odd, by row.
    synthetic : ndarray of shape (n_synthetic, n_columns), float64, or None
        Rows drawn from a model.
    codes : ndarray of shape (n_rows, n_components), float64, or None
        Codes of the rows.
    classes : sequence of str, length n_rows, or None
        The class of each row.
    rules : sequence of Rule, or None
        Rules that were found or given; None where nobody looked.
    training : dict of str to TrainingReport
        What trainings say of themselves, by what was trained.
    synthetic_report : SyntheticReport or None
        How good synthetic rows are.
    files : str
        Which files beside the page hold cells; empty where there are none.
    most_rows, most_points : int
        Rows that are listed and points that are drawn, at most.
    """

    title: str
    run: Mapping[str, str]
    notes: Sequence[str]
    names: Sequence[str]
    kinds: Sequence[str]
    levels: Sequence[list[Any]]
    rows: np.ndarray
    row_ids: Sequence[str]
    cells: bool = True
    seed: int = 0
    scores: np.ndarray | None = None
    p_values: np.ndarray | None = None
    alpha: float | None = None
    reasons: Mapping[int, list[CellReason]] = field(default_factory=dict)
    synthetic: np.ndarray | None = None
    codes: np.ndarray | None = None
    classes: Sequence[str] | None = None
    rules: Sequence[Any] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    synthetic_report: Any = None
    files: str = ""
    most_rows: int = MAX_ROWS
    most_points: int = MAX_POINTS

    @property
    def oddest(self) -> np.ndarray:
        """The rows of the page's table, the oddest first."""
        if self.scores is None:
            return np.empty(0, dtype=int)
        p_values = None if self.alpha is None else self.p_values
        return oddest_rows(self.scores, p_values)[: self.most_rows]

    @property
    def flagged(self) -> np.ndarray:
        """Which rows are flagged."""
        if self.p_values is None or self.alpha is None:
            return np.zeros(len(self.rows), dtype=bool)
        return self.p_values <= self.alpha + 1e-12

    @property
    def described(self) -> range:
        """The columns that are described one by one."""
        return range(min(len(self.names), MAX_COLUMNS))

    def name_of(self, row: int) -> str:
        """Return what a row is called: its number where its name would be a cell."""
        return clip(self.row_ids[row], 24) if self.cells else str(row)


def oddest_rows(scores: np.ndarray, p_values: np.ndarray | None = None) -> np.ndarray:
    """Return the rows of least p-value, as many as the page lists; of equal ones by lowest score.

    p-values come from networks that did not see the row, and scores from all.
    """
    keys = (scores,) if p_values is None else (scores, p_values)
    return np.lexsort(keys)[:MAX_ROWS]


def clip(text: Any, width: int = MAX_LETTERS) -> str:
    """Return a text in one line and of limited length."""
    text = " ".join(str(text).split())
    result: str = text if len(text) <= width else text[: width - 1] + "…"
    return result


def plural(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Sequence[str], limit: int = 3) -> str:
    """Return the first of some words as a list in a sentence."""
    shown = [f"“{clip(word, 32)}”" for word in words[:limit]]
    shown += [f"{len(words) - limit} more"] if len(words) > limit else []
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def cell_text(value: float, kind: str, levels: list[Any]) -> str:
    """Return a cell of a matrix as text."""
    if np.isnan(value):
        return "missing"
    if kind == CATEGORY:
        return clip(levels[int(value)]) or "(blank)"
    if kind not in (DATE, DURATION):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    try:
        since = timedelta(microseconds=value)
        moment = datetime.fromtimestamp(0, UTC) + (since if kind == DATE else timedelta())
    except OverflowError:
        return f"{value:.4g} µs"  # beyond the years that Python knows
    if kind == DURATION:
        return str(since)
    return moment.strftime("%Y-%m-%d" if value % 86_400e6 == 0 else "%Y-%m-%d %H:%M")
