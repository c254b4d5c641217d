"""Stored rows that new rows are compared with."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import pad

from sklearn_aae.detection.ensemble._stored import StoredByTorch
from sklearn_aae.detection.scores import Neighbours


class References(StoredByTorch):
    r"""Reference rows of every member, and distances to the nearest of them.

    The distance is taken between pairs :math:`(x, \hat x)` of a row and its
    reconstruction: :math:`d^2 = \lVert x - y\rVert^2 + \lVert\hat x - \hat y\rVert^2`, so
    that a row is near only if the model, too, sees it as alike.  One reference at distance
    exactly 0 is skipped: it is the row itself, if it was a training row.

    Parameters
    ----------
    x, expected : Tensor of shape (n_members, n_references, n_columns)
        References on the networks' scale, and their reconstructions.
    n_neighbours : int
        How many of the nearest to average over.
    """

    def __init__(self, x: torch.Tensor, expected: torch.Tensor, n_neighbours: int) -> None:
        # The rows are float32 already; the reconstructions lose what does not matter.
        self.pairs = torch.cat([x, expected], dim=2).float()
        self.n_neighbours = n_neighbours

    def neighbours(self, x: torch.Tensor, expected: torch.Tensor) -> Neighbours:
        """Return distances of rows (n_members, n_samples, n_columns), float64."""
        pairs = torch.cat([x, expected], dim=2)
        references = self.pairs.to(pairs)
        k = min(self.n_neighbours, references.shape[1] - 1)
        index = _nearest(_squared_distances(pairs, references), k + 1)
        m, n, width = pairs.shape
        near = references.gather(1, index.view(m, -1, 1).expand(-1, -1, width))
        # The products above lose small distances to rounding; these few are exact.
        squares = (near.view(m, n, k + 1, width) - pairs.unsqueeze(2)).square_()
        in_x, in_expected = squares.chunk(2, dim=3)
        is_same = in_x.sum(dim=3) == 0
        cells = in_x + in_expected
        distance = cells.sum(dim=3)
        dropped = _dropped(is_same, distance)
        distance = distance.scatter(2, dropped, 0.0).sqrt_()
        cells = cells.scatter(2, dropped.unsqueeze(3).expand(-1, -1, 1, cells.shape[3]), 0.0)
        # A neighbour counts with its distance; its columns, with their part of the square.
        weights = torch.where(distance > 0, 1 / distance, distance).unsqueeze(3)
        parts = (cells * weights).sum(dim=2)
        total = distance.sum(dim=2, keepdim=True)
        shares = torch.where(total > 0, parts / total, parts)
        return Neighbours((total.squeeze(2) / k).cpu().numpy(), shares.cpu().numpy())

    def residuals(self) -> torch.Tensor:
        """Return the root mean squared residual of each column."""
        x, expected = self.pairs.chunk(2, dim=2)
        return (x - expected).square().mean(dim=(0, 1)).sqrt()


def _squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return squared distances of rows of a to rows of b, up to rounding."""
    lengths = b.square().sum(dim=2).unsqueeze(1)
    # The length of a is the same for all of b, and only the order counts.
    if b.shape[1] % 2 == 0:
        return torch.baddbmm(lengths, a, b.transpose(1, 2), alpha=-2)
    # An even number of columns, for which rows at all places get the same.
    product = torch.baddbmm(pad(lengths, (0, 1)), a, pad(b, (0, 0, 0, 1)).transpose(1, 2), alpha=-2)
    return product[..., :-1]


def _nearest(distances: torch.Tensor, k: int) -> torch.Tensor:
    """Return the indices of the k smallest along the last axis."""
    if k > 2:
        return distances.topk(k, dim=2, largest=False).indices
    first = distances.argmin(dim=2, keepdim=True)
    if k == 1:
        return first
    others = distances.scatter(2, first, torch.inf)
    return torch.cat([first, others.argmin(dim=2, keepdim=True)], dim=2)


def _dropped(is_same: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    """Return which candidate to leave out: the row itself if it is there, else the farthest."""
    return torch.where(
        is_same.any(dim=2, keepdim=True),
        is_same.int().argmax(dim=2, keepdim=True),
        distance.argmax(dim=2, keepdim=True),
    )


@torch.no_grad()
def subsample_knn_distance(
    x: torch.Tensor, expected: torch.Tensor, chosen: torch.Tensor, n_neighbours: int
) -> np.ndarray:
    """Return the mean k-NN distance of rows to a subsample of the other rows (n_rows,).

    ``x`` and ``expected`` (M, n_rows, n_columns) are rows and their reconstructions, ``chosen``
    (M, n_chosen) are the indices of each member's subsample.  Members are brought to one scale:
    a mean over them of standardised logarithms.
    """
    pairs = torch.cat([x, expected], dim=2)
    width = pairs.shape[2]
    references = pairs.gather(1, chosen.unsqueeze(2).expand(-1, -1, width))
    squares = _squared_distances(pairs, references) + pairs.square().sum(dim=2, keepdim=True)
    itself = torch.arange(pairs.shape[1], device=x.device)[None, :, None] == chosen.unsqueeze(1)
    squares = squares.clamp_(min=0).masked_fill_(itself, torch.inf)
    k = min(n_neighbours, chosen.shape[1] - 1)
    near = squares.topk(k, dim=2, largest=False).values.sqrt_().mean(dim=2)
    logs = (near + 0.1 * near.median(dim=1, keepdim=True).values + 1e-7).log_()
    spread = logs.std(dim=1, keepdim=True).clamp(min=0.01)
    return ((logs - logs.mean(dim=1, keepdim=True)) / spread).mean(dim=0).double().cpu().numpy()
