"""Stored rows that new rows are compared with."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch.nn.functional import pad

from sklearn_aae._utils._blocks import BLOCK, block_size
from sklearn_aae.detection.ensemble import NEAR, affine
from sklearn_aae.detection.ensemble._stored import StoredByTorch

#: Distances, and rows, that are worked on at once: they stay in the processor's cache.
SEARCH, MOST_ROWS = 2**18, 384
#: Their number is made a multiple of this one.
ROUND = 4
#: So few are found one after the other: quicker than any way of sorting many.
FEW = 8
#: As many are sorted, with their places in bits that float32 does not use.
SORTED = 128


class Neighbours:
    """Distances of rows to stored references; see :class:`sklearn_aae.detection.scores.Neighbours`.

    Parameters
    ----------
    distances : Tensor of shape (n_members, n_samples, n_neighbours)
        Distances to the nearest.
    places : Tensor of int, of the same shape
        Where these are among the candidates.
    squares : Tensor of shape (n_members, n_samples, n_candidates, 2 * n_columns)
        Squares of differences in rows and reconstructions, up to a factor for each candidate.
    """

    def __init__(
        self, distances: torch.Tensor, places: torch.Tensor, squares: torch.Tensor
    ) -> None:
        self._distances, self._places, self._squares = distances, places, squares

    @cached_property
    def distance(self) -> np.ndarray:
        """Mean distance to the nearest."""
        return self._distances.double().mean(dim=2).cpu().numpy()

    @cached_property
    def cells(self) -> np.ndarray:
        """The share of each column in it."""
        distance = self._distances.double()
        in_x, in_expected = self._squares.chunk(2, dim=3)
        places = self._places.unsqueeze(3).expand(-1, -1, -1, in_x.shape[3])
        cells = (in_x + in_expected).gather(2, places).double()
        # A neighbour counts with its distance; its columns, with their part of the square.
        weights = torch.where(distance > 0, distance / cells.sum(dim=3), 0.0).unsqueeze(3)
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
        """Return distances of rows (n_members, n_samples, n_columns), given reconstructions.

        Rows may be (1, n_samples, n_columns) where members see the same.
        """
        pairs = self._paired(x, expected)
        k = min(self.n_neighbours, self.pairs.shape[1] - 1)
        index = self._candidates(pairs.float(), k + 1)
        # The products lose small distances to rounding; those to the few candidates are exact, of
        # which there is one more, so that one can be left out.
        m, n, width = pairs.shape
        first = self.pairs.shape[1] * torch.arange(m, device=index.device).view(m, 1, 1)
        near = _rows_of(self.pairs, index + first)
        offsets = pairs.unsqueeze(2) - near
        squares = offsets.square()
        same = _same(squares)
        if same is not None:
            # Reconstructions of a row differ in the last bits from batch to batch.
            found = same.flatten().nonzero().squeeze(1)
            for cells in (offsets, squares):
                cells.view(-1, width).index_fill_(0, found, 0)
        distance = squares.sum(dim=3)
        if same is not None:
            _leave_itself_out(distance, same)
        # Of so few quicker than topk.
        nearest, places = (part[..., :k] for part in distance.sort(dim=2))
        if self.of_means:
            first = (k + 1) * torch.arange(m * n, device=index.device).view(m, n, 1)
            squares = _rows_of(offsets, places + first).cumsum(dim=2).square_()
            counts = torch.arange(1, k + 1, device=offsets.device)
            nearest = squares.sum(dim=3).div_(counts.square())
            places = (counts - 1).expand_as(places)
        return Neighbours(nearest.sqrt(), places, squares)

    def _paired(self, x: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Return rows as they are compared, with their reconstructions beside them."""
        if self.of_means:
            # In single precision, as references are, so that a row is the same as itself.
            x = tempered(x.float().contiguous()).to(x)
        return torch.cat([x.expand_as(expected), expected], dim=2)

    def _candidates(self, pairs: torch.Tensor, k: int) -> torch.Tensor:
        """Return the indices (M, n, k) of the nearest references, up to rounding."""
        m, n, _ = pairs.shape
        n_references = self.pairs.shape[1]
        # What lies between stays in the processor's cache: of many rows one member at a time.
        size = block_size(min(MOST_ROWS, SEARCH // n_references))
        members, size = (m, n) if n <= BLOCK else (1, size)
        # A round number of references: those that are added are infinitely far.
        missing = -n_references % ROUND
        lengths = pad(self.pairs.square().sum(dim=2), (0, missing), value=torch.inf).unsqueeze(1)
        references = pad(self.pairs, (0, 0, 0, missing))
        split = (torch.split(tensor, members) for tensor in (pairs, references, lengths))
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
    if values.device.type != "cpu":
        return values.topk(k, dim=1, largest=False).indices
    # Each is quicker than topk by an order of magnitude.
    left = values.numpy()
    if left.shape[1] <= SORTED and left.dtype == np.float32:
        bits = left.astype(np.float64).view(np.int64)
        bits |= np.arange(left.shape[1])
        bits.view(np.float64).partition(k - 1, axis=1)
        return torch.from_numpy(bits[:, :k] % SORTED)
    if k > FEW:
        return torch.from_numpy(np.argpartition(left, k - 1, axis=1)[:, :k])
    flat, first = left.reshape(-1), np.arange(0, left.size, left.shape[1])
    found = np.empty((k, len(left)), dtype=np.int64)
    for nearest in found:
        left.argmin(axis=1, out=nearest)
        flat[first + nearest] = np.inf
    return torch.from_numpy(found.T)


def _rows_of(table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return rows of a table (..., width), counted over all its axes but the last."""
    width = table.shape[-1]
    found = table.reshape(-1, width).index_select(0, index.flatten())
    return found.view(*index.shape, width)


def _same(squares: torch.Tensor) -> torch.Tensor | None:
    """Return which candidates are the same in x; None if none is."""
    if not (squares[..., 0] == 0).any():  # quicker than to look at all cells
        return None
    return squares.chunk(2, dim=-1)[0].sum(dim=-1) == 0


def _leave_itself_out(squares: torch.Tensor, is_same: torch.Tensor) -> None:
    """Make the squared distance (..., k) to the row itself infinite, where it is there.

    It is one of those at distance 0 in x, if there are any.
    """
    itself = is_same.int().argmax(dim=-1, keepdim=True)
    own = torch.where(is_same.gather(-1, itself), torch.inf, squares.gather(-1, itself))
    squares.scatter_(-1, itself, own)


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
