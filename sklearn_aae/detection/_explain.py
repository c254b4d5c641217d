"""What was expected in place of a surprising cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_aae.detection._evidence import gather_columns
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.training import CLIP, log_mixture

#: Rounds of replacing the cell by what is expected there and encoding the row anew.
ROUNDS = 10
#: The interval that is reported leaves out this much on either side.
TAIL = 0.05
SPACING = 0.05


class Reason(NamedTuple):
    """Why a row is anomalous: one column's part.

    Attributes
    ----------
    column : str or int
        The column's name, or its number if columns have no names.
    value : float
        What the row holds there.
    expected : float
        What the model expects given the rest of the row: the mode of the density.
    low, high : float
        The 5 % and 95 % quantiles of that density.
    share : float
        The column's share of the row's badness.
    """

    column: Any
    value: Any
    expected: Any
    low: Any
    high: Any
    share: float


def expected_cells(
    model: FittedModel, rows: np.ndarray, features: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Return what the model expects of one cell of each row, given the others.

    The cell itself would draw the code towards what it holds; so it is replaced by what
    is expected there, and the row encoded anew, a few times.

    Parameters
    ----------
    model : FittedModel
        The networks.
    rows : ndarray of shape (n_rows, n_features), float32
        Rows on the networks' scale.
    features : ndarray of shape (n_rows,), int
        The cell of each.
    spread : ndarray of shape (n_features,)
        Root mean squared residuals, for models whose head has no density to read.

    Returns
    -------
    ndarray of shape (3, n_rows)
        Mode, 5 % and 95 % quantile on the networks' scale.
    """
    networks = model.networks.in_float64()
    columns = networks.columns
    x = torch.from_numpy(np.asarray(rows, dtype=np.float64)).to(columns.device)
    at = torch.from_numpy(features).to(columns.device)
    x.scatter_(1, at.unsqueeze(1), 0.0)
    # Where each member keeps the column, if it sees it.
    place = (columns.unsqueeze(1) == at.view(1, -1, 1)).to(x)
    sees = place.sum(dim=2)
    index = place.argmax(dim=2)
    densities: Any = None
    mean = x.new_zeros(len(x))
    for _ in range(ROUNDS):
        densities = networks.decode(networks.encode(gather_columns(x, columns)))
        means = densities.mean().gather(2, index.unsqueeze(2)).squeeze(2)
        mean = (means * sees).sum(dim=0) / sees.sum(dim=0).clamp(min=1)
        x.scatter_(1, at.unsqueeze(1), mean.clamp(-CLIP, CLIP).unsqueeze(1))
    if not hasattr(densities, "centre"):
        half = 1.645 * spread[features]
        centre = mean.cpu().numpy()
        return np.stack([centre, centre - half, centre + half])
    return _mode_and_quantiles(densities, index, sees)


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
