"""What a model expects in place of an unlikely cell."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection._evidence import EnsembleEvidence
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.detection._protocols import MemberDensities
from sklearn_aae.detection.ensemble import MOST, TAIL
from sklearn_aae.detection.scores import fold
from sklearn_aae.encoding import NumbersReader, is_missing

#: Columns that are looked at beyond those asked for, where cells are what was expected.
SPARE = 8
#: Numbers that differ by a smaller share are the same.
SAME = 2.0**-22
#: Rounds of replacing the cell by what is expected there and encoding the row anew.
ROUNDS = 10


class Expected(NamedTuple):
    """What is expected of a cell: the likeliest, and how sure that is.

    If it is a number, two others that are the ends of an interval; if it is a category, its
    probability.
    """

    likely: Any
    low: Any = None
    high: Any = None
    probability: float | None = None


class Reason(NamedTuple):
    """Why a row is anomalous: one column's part.

    Attributes
    ----------
    column : str or int
        The column's name, or its number if columns have no names.
    value : object
        What the row holds there.
    expected : object
        What the model expects given the rest of the row: of a number the mode of its
        density, else the likeliest value; never the value itself.  What a rule says that the row
        breaks, if that is one cell.
    low, high : float or None
        What nine tenths of the cells of rows like those in ``fit`` are between, given the rest
        of the row, if the column holds numbers: a twentieth is below, a twentieth above.
    share : float
        The column's share of the row's anomaly score.
    probability : float or None
        How probable ``expected`` is given the rest of the row, if the column holds categories.
    rule : str or None
        The rule of the training rows that the row breaks there, and in how many of them it holds.
    """

    column: Any
    value: Any
    expected: Any
    low: Any
    high: Any
    share: float
    probability: float | None = None
    rule: str | None = None


def give_reasons(
    model: FittedModel,
    reader: NumbersReader,
    table: Any,
    rows: np.ndarray,
    cells: np.ndarray,
    labels: list[Any],
    top: int,
    corrections: Corrections | None = None,
) -> list[list[Reason]]:
    """Return, for each row, the columns that contribute most, and what was expected there.

    ``rows`` are the table's rows as numbers, ``cells`` (n_rows, n_columns) the contributions of
    its columns, ``labels`` their names, ``top`` is the number of columns to name.  A column in
    which a row has what was expected is passed over, unless ``corrections`` say otherwise.
    """
    order = np.argsort(-cells, axis=1, kind="stable")[:, : top + SPARE]
    positive = np.maximum(cells, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    shares = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    scaled = reader.transform(rows)
    silent: set[int] = getattr(reader, "silent", set())
    values: dict[int, list[Any]] = {}
    reasons: list[list[Reason]] = [[] for _ in rows]
    at = np.zeros(len(rows), dtype=int)
    while True:
        n_next = np.minimum(top - np.array(list(map(len, reasons))), order.shape[1] - at)
        which = np.repeat(np.arange(len(rows)), n_next)
        if not len(which):
            return reasons
        nth = np.arange(len(which)) - np.repeat(n_next.cumsum() - n_next, n_next)
        columns = order[which, at[which] + nth]
        at += n_next
        expected = expected_cells(model, reader, scaled[which], columns)
        values |= reader.columns(table, np.setdiff1d(columns, list(values)).tolist())
        for i, j, cells_there in zip(which.tolist(), columns.tolist(), expected, strict=True):
            value, share = values[j][i], float(shares[i, j])
            if corrections is not None:
                cells_there = corrections.correct(i, j, value, cells_there)
            likely, low, high, probability = cells_there
            # One text among many that are told apart by nothing is as good as another.
            is_alike = j in silent and not is_missing(value) and not is_missing(likely)
            if not is_alike and not is_same(value, likely):
                reason = Reason(labels[j], value, likely, low, high, share, probability)
                reasons[i].append(reason)


def is_same(value: Any, expected: Any) -> bool:
    """Return whether two cells are the same, numbers but whole ones to the precision of float32."""
    if is_missing(value) or is_missing(expected):
        return is_missing(value) and is_missing(expected)
    if isinstance(value, float) and isinstance(expected, float):
        if value.is_integer() and expected.is_integer():
            return value == expected
        return math.isclose(value, expected, rel_tol=SAME)
    return bool(value == expected)


class Corrections(Protocol):
    """What is known of cells beyond what a model expects."""

    def correct(self, row: int, column: int, value: Any, expected: Expected) -> Expected:
        """Return what to expect of a cell."""


def expected_cells(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> list[Expected]:
    """Return what is expected in one column (n_rows,) of each row, given the other columns."""
    size = model.chunk_rows()
    found: list[Expected] = []
    for start in range(0, len(scaled), size):
        part = slice(start, start + size)
        found += _expected_chunk(model, reader, scaled[part], columns[part])
    return found


def _expected_chunk(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> list[Expected]:
    completed, (mode, low, high) = expected_numbers(model, reader, scaled, columns)
    features = reader.number_of_column[columns]
    is_number = features >= 0
    below, above = np.zeros((2, len(columns)))
    for j in np.unique(columns[is_number]):
        below[columns == j], above[columns == j] = _margins(model, reader, int(j))
    width = high - low
    low = np.minimum(low - below * width, mode)
    high = np.maximum(high + above * width, mode)
    cells = []
    for line in (mode, low, high):
        rows = completed.copy()
        rows[is_number, features[is_number]] = line[is_number]
        cells.append(reader.cells(rows, columns))
    probabilities = reader.probabilities(completed, columns)
    return [
        Expected(likely, low, high) if number else Expected(likely, probability=probability)
        for likely, low, high, number, probability in zip(
            *cells, is_number, probabilities, strict=True
        )
    ]


def _margins(model: FittedModel, reader: NumbersReader, column: int) -> tuple[float, float]:
    """Return how much to widen a column's intervals below and above, in widths.

    The conformalised quantiles of the sample: the code knows the cell that was filled in, and the
    density is therefore too sure of itself.
    """
    if column not in model.margins:
        feature = int(reader.number_of_column[column])
        others = (reader.column_of_feature == column) & (np.arange(model.n_features) != feature)
        is_present = (model.sample[:, others] <= 0).all(axis=1)
        is_near = np.abs(model.sample[:, feature]) <= model.networks.farthest
        rows = model.sample[is_present & is_near]
        x = rows[:, feature].astype(np.float64)
        _, (_, low, high) = expected_numbers(model, reader, rows, np.full(len(rows), column))
        width = high - low
        model.margins[column] = _quantile((low - x) / width), _quantile((x - high) / width)
    return model.margins[column]


def _quantile(values: np.ndarray) -> float:
    """Return what one more value is not above with probability 0.95; 0 if nothing is known."""
    n = len(values)
    # Half a standard deviation more, for the networks were trained on these rows.
    rank = math.ceil((1 - TAIL) * (n + 1) + 0.5 * math.sqrt(n * TAIL * (1 - TAIL)))
    return float(np.sort(values)[min(rank, n) - 1]) if n else 0.0


def expected_numbers(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with what is expected in one column, and the interval of its density.

    Mode, 5 % and 95 % quantile (3, n_rows) on the networks' scale; where the column (n_rows,)
    holds no numbers they mean nothing.
    """
    hidden = reader.column_of_feature == columns[:, None]
    with torch_threads(1), torch.no_grad():
        completed, densities = expected_rows(model, scaled, hidden)
        # Where members have the number, if they see it.
        own = model.networks.columns
        feature = torch.from_numpy(np.maximum(reader.number_of_column[columns], 0)).to(own.device)
        where = (own.unsqueeze(1) == feature.view(1, -1, 1)).double()
        numbers = densities.interval(where.argmax(dim=2), where.sum(dim=2))
    return completed, numbers.cpu().numpy()


def expected_rows(
    model: FittedModel, rows: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, MemberDensities]:
    """Return rows with the means of the densities in hidden cells, and the densities.

    The cell itself would draw the code towards what it holds; so it is replaced by what
    is expected there, and the row encoded anew, a few times.
    """
    x = np.where(hidden, 0.0, rows.astype(np.float64))

    def filled(evidence: EnsembleEvidence) -> np.ndarray:
        return np.where(hidden, fold(evidence.expected, evidence).clip(-MOST, MOST), x)

    evidence = model.evidence(x)
    for _ in range(ROUNDS - 1):
        evidence = model.evidence(filled(evidence))
    return filled(evidence), evidence.densities
