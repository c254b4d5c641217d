"""What a model expects in place of an unlikely cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection._evidence import EnsembleEvidence
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.detection._protocols import MemberDensities
from sklearn_aae.detection.scores import fold
from sklearn_aae.encoding import CLIP, NumbersReader

#: Rounds of replacing the cell by what is expected there and encoding the row anew.
ROUNDS = 10


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
        density, else the likeliest value.
    low, high : float or None
        The 5 % and 95 % quantiles of a number's density.
    share : float
        The column's share of the row's anomaly score.
    rule : str or None
        The rule of the training rows that the row breaks there, and in how many of them it holds.
    """

    column: Any
    value: Any
    expected: Any
    low: Any
    high: Any
    share: float
    rule: str | None = None


def give_reasons(
    model: FittedModel,
    reader: NumbersReader,
    table: Any,
    rows: np.ndarray,
    cells: np.ndarray,
    labels: list,
    top: int,
) -> list[list[Reason]]:
    """Return, for each row, the columns that contribute most, and what was expected there.

    ``rows`` are the table's rows as numbers, ``cells`` (n_rows, n_columns) the contributions of
    its columns, ``labels`` their names, ``top`` is the number of columns to name.
    """
    named = np.argsort(-cells, axis=1, kind="stable")[:, :top]
    positive = np.maximum(cells, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    shares = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    n_named = named.shape[1]
    scaled = np.repeat(reader.transform(rows), n_named, axis=0)
    expected = expected_cells(model, reader, scaled, named.ravel())
    values = reader.columns(table, np.unique(named).tolist())
    reasons: list[list[Reason]] = []
    for i, row in enumerate(named.tolist()):
        reasons.append([])
        for k, j in enumerate(row):
            likely, low, high = expected[n_named * i + k]
            share = float(shares[i, j])
            reasons[-1].append(Reason(labels[j], values[j][i], likely, low, high, share))
    return reasons


def expected_cells(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> list[tuple[Any, Any, Any]]:
    """Return what is expected in one column (n_rows,) of each row, given the other columns.

    The likeliest cell, and the 5 % and 95 % quantiles if it is a number, else None twice.
    """
    size = model.chunk_rows()
    found: list[tuple[Any, Any, Any]] = []
    for start in range(0, len(scaled), size):
        part = slice(start, start + size)
        found += _expected_chunk(model, reader, scaled[part], columns[part])
    return found


def _expected_chunk(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> list[tuple[Any, Any, Any]]:
    hidden = reader.column_of_feature == columns[:, None]
    features = reader.number_of_column[columns]
    is_number = features >= 0
    with torch_threads(1), torch.no_grad():
        completed, densities = expected_rows(model, scaled, hidden)
        # Where members have the number, if they see it.
        own = model.networks.columns
        feature = torch.from_numpy(np.maximum(features, 0)).to(own.device)
        where = (own.unsqueeze(1) == feature.view(1, -1, 1)).double()
        numbers = densities.interval(where.argmax(dim=2), where.sum(dim=2)).cpu().numpy()
    cells = []
    for line in numbers:
        rows = completed.copy()
        rows[is_number, features[is_number]] = line[is_number]
        cells.append(reader.cells(rows, columns))
    return [
        (likely, low, high) if number else (likely, None, None)
        for likely, low, high, number in zip(*cells, is_number, strict=True)
    ]


def expected_rows(
    model: FittedModel, rows: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, MemberDensities]:
    """Return rows with the means of the densities in hidden cells, and the densities.

    The cell itself would draw the code towards what it holds; so it is replaced by what
    is expected there, and the row encoded anew, a few times.
    """
    x = np.where(hidden, 0.0, rows.astype(np.float64))

    def filled(evidence: EnsembleEvidence) -> np.ndarray:
        return np.where(hidden, fold(evidence.expected, evidence).clip(-CLIP, CLIP), x)

    evidence = model.evidence(x)
    for _ in range(ROUNDS - 1):
        evidence = model.evidence(filled(evidence))
    return filled(evidence), evidence.densities
