"""What was expected in place of a surprising cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection._evidence import gather_columns
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.detection.ensemble import log_mixture
from sklearn_aae.encoding import CLIP, NumbersReader

#: Rounds of replacing the cell by what is expected there and encoding the row anew.
ROUNDS = 10
#: The interval that is reported leaves out this much on either side.
TAIL = 0.05
#: That quantile of the standard normal distribution.
NORMAL_TAIL = 1.645
SPACING = 0.05


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
        The column's share of the row's badness.
    """

    column: Any
    value: Any
    expected: Any
    low: Any
    high: Any
    share: float


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

    Parameters
    ----------
    model : FittedModel
        The networks.
    reader : NumbersReader
        Reads the table.
    table : frame or ndarray of shape (n_rows, n_columns)
        The rows as they came.
    rows : ndarray of shape (n_rows, n_features)
        The same as numbers.
    cells : ndarray of shape (n_rows, n_columns)
        What each column contributes to a row's badness.
    labels : list
        The columns' names.
    top : int
        Number of columns to name.

    Returns
    -------
    list of list of Reason
        Largest share first.
    """
    named = np.argsort(-cells, axis=1, kind="stable")[:, :top]
    positive = np.maximum(cells, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    shares = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    n_named = named.shape[1]
    scaled = np.repeat(reader.transform(rows), n_named, axis=0)
    expected = expected_cells(model, reader, scaled, named.ravel())
    values = {int(j): reader.column(table, int(j)) for j in np.unique(named)}
    reasons: list[list[Reason]] = []
    for i, row in enumerate(named.tolist()):
        reasons.append([])
        for k, j in enumerate(row):
            likely, low, high = expected[n_named * i + k]
            share = float(shares[i, j])
            reasons[-1].append(Reason(labels[j], values[j][i], likely, low, high, share))
    return reasons


def expected_rows(
    model: FittedModel, rows: np.ndarray, hidden: np.ndarray
) -> tuple[np.ndarray, Any]:
    """Return rows with hidden cells replaced by what the model expects there.

    The cell itself would draw the code towards what it holds; so it is replaced by what
    is expected there, and the row encoded anew, a few times.

    Parameters
    ----------
    model : FittedModel
        The networks.
    rows : ndarray of shape (n_rows, n_features), float32
        Rows on the networks' scale.
    hidden : ndarray of shape (n_rows, n_features), bool
        The cells to replace.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The rows, with the densities' means in hidden cells.
    densities : Densities or HeadDensities
        What the decoders say of the completed rows.
    """
    networks = model.networks.in_float64()
    columns = networks.columns
    x = torch.from_numpy(np.where(hidden, 0.0, rows.astype(np.float64))).to(columns.device)
    mask = torch.from_numpy(hidden).to(columns.device)
    densities: Any = None
    for _ in range(ROUNDS):
        densities = networks.decode(networks.encode(gather_columns(x, columns)))
        mean = _mean_of_members(densities.mean(), columns, x.shape[1])
        x = torch.where(mask, mean.clamp(-CLIP, CLIP), x)
    return x.cpu().numpy(), densities


def _mean_of_members(means: torch.Tensor, columns: torch.Tensor, n: int) -> torch.Tensor:
    """Return means (M, n_rows, n_columns) averaged over who sees the column."""
    if columns.shape[1] == n:
        return means.mean(dim=0)
    total = means.new_zeros(means.shape[1], n)
    seen = means.new_zeros(n)
    for member, own in enumerate(columns):
        total[:, own] += means[member]
        seen[own] += 1
    return total / seen.clamp(min=1)


def expected_numbers(
    model: FittedModel, completed: np.ndarray, densities: Any, features: np.ndarray
) -> np.ndarray:
    """Return mode, 5 % and 95 % quantile (3, n_rows) of one number of each row.

    Parameters
    ----------
    model : FittedModel
        The networks.
    completed, densities : ndarray, Densities or HeadDensities
        From :func:`expected_rows`.
    features : ndarray of shape (n_rows,), int
        The number of each row.

    Returns
    -------
    ndarray of shape (3, n_rows)
        On the networks' scale.
    """
    if not hasattr(densities, "centre"):
        # A head without densities to read: its mean, and the residuals' spread.
        centre = completed[np.arange(len(completed)), features]
        half = NORMAL_TAIL * model.residuals[features]
        return np.stack([centre, centre - half, centre + half])
    columns = model.networks.columns
    at = torch.from_numpy(features).to(columns.device)
    # Where each member keeps the number, if it sees it.
    place = (columns.unsqueeze(1) == at.view(1, -1, 1)).double()
    return _mode_and_quantiles(densities, place.argmax(dim=2), place.sum(dim=2))


def expected_cells(
    model: FittedModel, reader: NumbersReader, scaled: np.ndarray, columns: np.ndarray
) -> list[tuple[Any, Any, Any]]:
    """Return what is expected of one column of each row, given its other columns.

    Parameters
    ----------
    model : FittedModel
        The networks.
    reader : NumbersReader
        Turns numbers into the table's cells.
    scaled : ndarray of shape (n_rows, n_features), float32
        Rows on the networks' scale.
    columns : ndarray of shape (n_rows,), int
        The column of each row.

    Returns
    -------
    list of tuple
        The likeliest cell, and the quantiles if it is a number, else None twice.
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
        numbers = expected_numbers(model, completed, densities, np.maximum(features, 0))
    cells = []
    for line in numbers:
        rows = completed.copy()
        rows[is_number, features[is_number]] = line[is_number]
        cells.append(reader.cells(rows, columns))
    return [
        (likely, low, high) if number else (likely, None, None)
        for likely, low, high, number in zip(*cells, is_number, strict=True)
    ]


def _mode_and_quantiles(densities: Any, index: torch.Tensor, sees: torch.Tensor) -> np.ndarray:
    """Return mode and quantiles of the members' mixtures taken together."""

    def of_cell(tensor: torch.Tensor) -> torch.Tensor:
        m, n, c, _ = tensor.shape
        cell = tensor.gather(3, index.view(m, n, 1, 1).expand(-1, -1, c, -1)).squeeze(3)
        return cell.transpose(0, 1).reshape(n, m * c)

    n_parts = densities.centre.shape[2]
    weight = (sees.log() - sees.sum(dim=0).clamp(min=1).log()).T.repeat_interleave(n_parts, 1)
    grid = torch.linspace(-CLIP, CLIP, round(2 * CLIP / SPACING) + 1).to(weight)
    log_density = log_mixture(
        of_cell(densities.log_weight) + weight,
        of_cell(densities.centre),
        of_cell(densities.scale),
        grid,
    )
    mode = grid[log_density.argmax(dim=1)]
    mass = log_density.exp().cumsum(dim=1)
    levels = torch.tensor([TAIL, 1 - TAIL]).to(mass) * mass[:, -1:]
    quantiles = grid[torch.searchsorted(mass, levels).clamp(max=len(grid) - 1)]
    return torch.stack([mode, *quantiles.unbind(1)]).cpu().numpy()
