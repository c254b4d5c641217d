"""Stored rows that new rows are compared with."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from sklearn_aae._utils._blocks import BLOCK, block_size
from sklearn_aae.detection.ensemble import NEAR, affine
from sklearn_aae.detection.ensemble._stored import StoredByTorch

#: Distances that are worked on at once.
SEARCH = 2**19
#: So few are found one after the other: quicker than any way of sorting.
FEW = 8


class Neighbours:
    """Distances of rows to stored references; see :class:`sklearn_aae.detection.scores.Neighbours`.

    Parameters
    ----------
    squares : Tensor of shape (n_members, n_samples, n_neighbours)
        Squared distances to the nearest.
    places : Tensor of int, of the same shape
        Where these are among the candidates.
    in_x, in_expected : Tensor of shape (n_members, n_samples, n_candidates, n_columns)
        Squares of differences in rows and reconstructions.
    """

    def __init__(
        self,
        squares: torch.Tensor,
        places: torch.Tensor,
        in_x: torch.Tensor,
        in_expected: torch.Tensor,
    ) -> None:
        self._distances, self._places = squares.sqrt(), places
        self._in_x, self._in_expected = in_x, in_expected

    @cached_property
    def distance(self) -> np.ndarray:
        """Mean distance to the nearest."""
        return self._distances.double().mean(dim=2).cpu().numpy()

    @cached_property
    def cells(self) -> np.ndarray:
        """The share of each column in it."""
        distance = self._distances.double()
        places = self._places.unsqueeze(3).expand(-1, -1, -1, self._in_x.shape[3])
        cells = (self._in_x + self._in_expected).gather(2, places).double()
        # A neighbour counts with its distance; its columns, with their part of the square.
        weights = torch.where(distance > 0, 1 / distance, distance).unsqueeze(3)
        parts = (cells * weights).sum(dim=2)
        total = distance.sum(dim=2, keepdim=True)
        return torch.where(total > 0, parts / total, parts).cpu().numpy()


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
    of_means : bool, default=False
        Distances are to the mean of the first, of the first two, ... of the nearest instead of to
        each, so they are small in the midst of normal rows, also where these are few, and large at
        their edge.  Cells from ``NEAR`` on grow by the logarithm
        there, so that rare values of single columns do not decide what is near.
    """

    # Files of format 1 have none.
    of_means = False

    def __init__(
        self, x: torch.Tensor, expected: torch.Tensor, n_neighbours: int, of_means: bool = False
    ) -> None:
        # The rows are float32 already; the reconstructions lose what does not matter.
        self.n_neighbours, self.of_means = n_neighbours, of_means
        self.pairs = self._paired(x, expected).float()

    def neighbours(self, x: torch.Tensor, expected: torch.Tensor) -> Neighbours:
        """Return distances of rows (n_members, n_samples, n_columns)."""
        pairs = self._paired(x, expected)
        k = min(self.n_neighbours, self.pairs.shape[1] - 1)
        index = self._candidates(pairs.float(), k + 1)
        # The products lose small distances to rounding; those to the few candidates are exact, of
        # which there is one more, so that one can be left out.
        m, n, width = pairs.shape
        first = self.pairs.shape[1] * torch.arange(m, device=index.device).view(m, 1, 1)
        near = self.pairs.view(-1, width).index_select(0, (index + first).flatten())
        offsets = pairs.unsqueeze(2) - near.view(m, n, -1, width)
        in_x, in_expected = offsets.square().chunk(2, dim=3)
        squares_in_x = in_x.sum(dim=3)
        same = squares_in_x == 0
        if same.any():
            # Reconstructions of a row differ in the last bits from batch to batch.
            offsets.masked_fill_(same.unsqueeze(3), 0)
            in_expected = in_expected.masked_fill(same.unsqueeze(3), 0)
        distance = squares_in_x + in_expected.sum(dim=3)
        nearest, places = _nearest(distance, same, k)
        if self.of_means:
            offsets = offsets.gather(2, places.unsqueeze(3).expand(-1, -1, -1, width)).cumsum(dim=2)
            counts = torch.arange(1, k + 1, device=offsets.device)
            in_x, in_expected = offsets.div_(counts.view(-1, 1)).square_().chunk(2, dim=3)
            nearest = in_x.sum(dim=3) + in_expected.sum(dim=3)
            places = (counts - 1).expand_as(places)
        return Neighbours(nearest, places, in_x, in_expected)

    def _paired(self, x: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Return rows as they are compared, with their reconstructions beside them."""
        if self.of_means:
            # In single precision, as references are, so that a row is the same as itself.
            x = tempered(x.float().contiguous()).to(x)
        return torch.cat([x, expected], dim=2)

    def _candidates(self, pairs: torch.Tensor, k: int) -> torch.Tensor:
        """Return the indices (M, n, k) of the nearest references, up to rounding."""
        m, n, _ = pairs.shape
        n_references = self.pairs.shape[1]
        # What lies between stays in the processor's cache: of many rows one member at a time.
        members, size = (m, n) if n <= BLOCK else (1, block_size(SEARCH // n_references))
        lengths = self.pairs.square().sum(dim=2).unsqueeze(1)
        split = (torch.split(tensor, members) for tensor in (pairs, self.pairs, lengths))
        parts = [
            torch.cat([_nearest_of(some, own, length, k) for some in torch.split(part, size, 1)], 1)
            for part, own, length in zip(*split, strict=True)
        ]
        return torch.cat(parts)

    def residuals(self) -> torch.Tensor:
        """Return the root mean squared residual of each column."""
        x, expected = self.pairs.chunk(2, dim=2)
        return (x - expected).square().mean(dim=(0, 1)).sqrt()


def tempered(x: torch.Tensor) -> torch.Tensor:
    """Return cells that grow by the logarithm from ``NEAR`` on, with the same slope there."""
    away = x.abs().div_(NEAR).clamp_(min=1)
    return x.div(away).mul_(away.log_().add_(1))


def _nearest_of(
    rows: torch.Tensor, references: torch.Tensor, lengths: torch.Tensor, k: int
) -> torch.Tensor:
    """Return the indices (M, n, k) of the references that are nearest to rows, up to rounding."""
    # Of rows' own lengths nothing depends.
    squares = affine(lengths, rows, references.transpose(1, 2), alpha=-2)
    m, n, n_references = squares.shape
    result: torch.Tensor = _smallest(squares.view(m * n, n_references), k).view(m, n, k)
    return result


def _smallest(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return the indices (n, k) of the k smallest of each row, in no order; values are lost."""
    if k == values.shape[1]:
        return torch.arange(k, device=values.device).expand_as(values)
    if values.device.type != "cpu":
        return values.topk(k, dim=1, largest=False).indices
    # Either is quicker than topk by an order of magnitude.
    left = values.numpy()
    if k > FEW:
        return torch.from_numpy(np.argpartition(left, k - 1, axis=1)[:, :k])
    rows = np.arange(len(left))
    found = np.empty((len(left), k), dtype=np.int64)
    for i in range(k):
        found[:, i] = left.argmin(axis=1)
        left[rows, found[:, i]] = np.inf
    return torch.from_numpy(found)


def _nearest(
    squares: torch.Tensor, is_same: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the k smallest squared distances and their places; without the row itself.

    It is one of those at distance 0 in x, if there are any.
    """
    itself = is_same.int().argmax(dim=2, keepdim=True)
    found = is_same.gather(2, itself)
    own = torch.where(found, torch.inf, squares.gather(2, itself))
    squares = squares.scatter(2, itself, own)
    return squares.topk(k, dim=2, largest=False)


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
    lengths = references.square().sum(dim=2).unsqueeze(1)
    squares = affine(lengths, pairs, references.transpose(1, 2), alpha=-2)
    squares = squares + pairs.square().sum(dim=2, keepdim=True)
    itself = torch.arange(pairs.shape[1], device=x.device)[None, :, None] == chosen.unsqueeze(1)
    squares = squares.clamp_(min=0).masked_fill_(itself, torch.inf)
    k = min(n_neighbours, chosen.shape[1] - 1)
    near = squares.topk(k, dim=2, largest=False).values.sqrt_().mean(dim=2)
    logs = (near + 0.1 * near.median(dim=1, keepdim=True).values + 1e-7).log_()
    spread = logs.std(dim=1, keepdim=True).clamp(min=0.01)
    return ((logs - logs.mean(dim=1, keepdim=True)) / spread).mean(dim=0).double().cpu().numpy()
