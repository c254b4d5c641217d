"""A multivariate normal of a table with holes, and what it says of missing cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from sklearn_aae._utils._random import parts_of
from sklearn_aae._utils._spread import spread_over
from sklearn_aae._utils._threads import torch_threads

#: Rows of independent columns of unit variance that are added to those of the table.
PSEUDO_ROWS = 5.0
#: The most rounds of EM, and the change of a covariance at which they end.
MOST_ROUNDS, LEAST_CHANGE = 30, 1e-3
#: The most of one round: the sum of cubes of numbers of missing cells, of columns for a row
#: without.  Of larger tables some rows are learned from, but not fewer than the last.
MOST_WORK, LEAST_ROWS = 2**28, 256
#: Entries of the matrices that are gathered at once.
BLOCK_ENTRIES = 2**20


class Block(NamedTuple):
    """Rows with as many missing cells, and what these are given the others, standardised.

    Attributes
    ----------
    rows : Tensor of shape (n, 1), int64
        Which they are.
    columns : Tensor of shape (n, m), int64
        The columns of their missing cells.
    expected : Tensor of shape (n, m)
        What is expected of these, less the columns' means.
    factor : Tensor of shape (n, m, m)
        The lower Cholesky factor of their precision.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    expected: torch.Tensor
    factor: torch.Tensor

    def put(self, table: torch.Tensor, values: torch.Tensor) -> None:
        """Write values (n, m) into the missing cells of a table."""
        table[self.rows, self.columns] = values

    def covariance(self) -> torch.Tensor:
        """Return the covariance (n, m, m) of the missing cells."""
        return torch.cholesky_inverse(self.factor)


@dataclass(frozen=True)
class Normal:
    """A multivariate normal.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        By which columns are standardised.
    precision : ndarray of shape (n_features, n_features)
        The inverse of their covariance.
    """

    mean: np.ndarray
    scale: np.ndarray
    precision: np.ndarray

    @classmethod
    def fit(cls, rows: np.ndarray) -> Normal:
        """Return the normal of rows with missing cells (NaN), by EM [1]_.

        References
        ----------
        .. [1] Little, Rubin, "Statistical Analysis with Missing Data", 2002, ch. 11.
        """
        gaps = np.isnan(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.asarray(np.nanmean(rows, axis=0, dtype=np.float64))
            spread = np.nanstd(rows, axis=0, dtype=np.float64)
            scale = np.where(spread > 0, spread, 1.0)
            z = np.where(gaps, 0.0, (rows - mean) / scale)
        d = rows.shape[1]
        if not np.isfinite(z).all():  # networks cannot read it either, which training says
            return cls(mean, scale, np.eye(d))
        work = np.mean(gaps.sum(axis=1, dtype=np.float64) ** 3) + d**2
        some = spread_over(len(rows), int(max(LEAST_ROWS, MOST_WORK / work)))
        with torch_threads(1):
            center, covariance = _expectation_maximisation(
                torch.from_numpy(z[some]), torch.from_numpy(gaps[some])
            )
            precision = torch.linalg.inv(covariance)
        return cls(mean + scale * center.numpy(), scale, precision.numpy())

    def expect(self, rows: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """Return rows with what is expected in their gaps, given the other cells, in float64."""
        z = torch.zeros(rows.shape, dtype=torch.float64)
        for block in self._blocks(rows, gaps):
            block.put(z, block.expected)
        return np.where(gaps, self.mean + self.scale * z.numpy(), rows)

    def variances(self, rows: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """Return the variance that the other cells leave to each gap; 0 for others."""
        left = torch.zeros(rows.shape, dtype=torch.float64)
        for block in self._blocks(rows, gaps):
            block.put(left, block.covariance().diagonal(dim1=1, dim2=2))
        result: np.ndarray = left.numpy() * self.scale**2
        return result

    def deviations(
        self, rows: np.ndarray, gaps: np.ndarray, generators: list[torch.Generator]
    ) -> np.ndarray:
        """Return how far draws of the gaps lie from what is expected; 0 in other cells.

        There is one of ``generators`` for all rows, or one for each.
        """
        noise = torch.cat(
            [
                torch.randn(rows[part].shape, generator=own, device=own.device).double().cpu()
                for part, own in parts_of(generators, len(rows))
            ]
        )
        drawn = torch.zeros_like(noise)
        for block in self._blocks(rows, gaps):
            own = noise[block.rows, block.columns][:, :, None]
            away = torch.linalg.solve_triangular(block.factor.mT, own, upper=True)
            block.put(drawn, away[:, :, 0])
        result: np.ndarray = drawn.numpy() * self.scale
        return result

    def _blocks(self, rows: np.ndarray, gaps: np.ndarray) -> Iterator[Block]:
        z = np.where(gaps, 0.0, (rows - self.mean) / self.scale)
        with torch_threads(1):
            precision = torch.from_numpy(self.precision)
            yield from condition(torch.from_numpy(z), torch.from_numpy(gaps), precision)


def condition(z: torch.Tensor, gaps: torch.Tensor, precision: torch.Tensor) -> Iterator[Block]:
    """Yield the rows with gaps in blocks, given standardised rows whose gaps are 0.

    With the precision :math:`P`, missing cells :math:`m` and others :math:`o`, the missing ones
    have the precision :math:`P_{mm}` and the mean :math:`-P_{mm}^{-1} P_{mo} z_o`.
    """
    counts = gaps.sum(dim=1)
    for m in torch.unique(counts[counts > 0]).tolist():
        # Without a matrix product of rows, whose last bits depend on their number.
        size = max(1, BLOCK_ENTRIES // (m * len(precision)))
        for rows in torch.split((counts == m).nonzero(), size):
            columns = gaps[rows[:, 0]].nonzero()[:, 1].view(-1, m)
            factor = torch.linalg.cholesky(precision[columns[:, :, None], columns[:, None, :]])
            pull = (precision[columns] * z[rows]).sum(dim=2, keepdim=True)
            yield Block(rows, columns, -torch.cholesky_solve(pull, factor)[:, :, 0], factor)


def _expectation_maximisation(
    z: torch.Tensor, gaps: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean (d,) and covariance (d, d) of standardised rows whose gaps are 0."""
    n, d = z.shape
    center = z.new_zeros(d)
    covariance = identity = torch.eye(d, dtype=z.dtype)
    for _ in range(MOST_ROUNDS):
        filled = (z - center).masked_fill_(gaps, 0)
        left = torch.zeros_like(covariance)
        for block in condition(filled.clone(), gaps, torch.linalg.inv(covariance)):
            block.put(filled, block.expected)
            cells = block.columns[:, :, None] * d + block.columns[:, None, :]
            left.view(-1).index_add_(0, cells.flatten(), block.covariance().flatten())
        shift = filled.mean(dim=0)
        center, filled = center + shift, filled - shift
        last = covariance
        covariance = (filled.T @ filled + left + PSEUDO_ROWS * identity) / (n + PSEUDO_ROWS)
        if (covariance - last).abs().max() < LEAST_CHANGE:
            break
    return center, covariance
