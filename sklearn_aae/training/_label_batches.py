"""Batches with labelled rows and neighbours beside them, or directions to move rows in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from sklearn_aae._random import derive_seed, make_generator
from sklearn_aae.training._batches import Batch, TrainBatches

#: Streams under (seed, epoch), beside those of TrainBatches: the labelled rows' order, and
#: what is drawn for batches.
LABELLED, BESIDE = 3, 4

#: Neighbours are sought among no more rows than this, for so many rows at a time.
MOST_CANDIDATES, ROWS_AT_ONCE = 16_384, 2048


class LabelledBatches(TrainBatches):
    """Training batches, each with labelled rows and a neighbour of every row beside it.

    Among thousands of rows, a few with labels would hardly turn up in a batch; so every
    batch comes with a second one of labelled rows only, as many as it has rows or all there
    are, which pass by in an order of their own.  Like the rows of the reconstruction phase
    they carry the posterior's input noise.
    """

    def __iter__(self) -> Iterator[tuple[Batch, torch.Tensor]]:
        labels = self.dataset.labels
        labelled = torch.empty(0, dtype=torch.int64)
        if labels is not None:
            labelled = torch.nonzero(labels >= 0).flatten()
        self._parts = self._cut(labelled, len(self)) if len(labelled) else iter(())
        self._beside = make_generator(derive_seed(self.seed, self.epoch, BESIDE), self.device)
        yield from super().__iter__()

    def _cut(self, labelled: torch.Tensor, n_batches: int) -> Iterator[torch.Tensor]:
        """Yield the labelled rows of each batch: shuffled, and again when all had a turn."""
        size = min(self.batch_size, len(labelled))
        generator = make_generator(derive_seed(self.seed, self.epoch, LABELLED))
        n_rounds = -(-n_batches * size // len(labelled))
        order = torch.cat(
            [torch.randperm(len(labelled), generator=generator) for _ in range(n_rounds)]
        )
        for i in range(n_batches):
            yield labelled[order[i * size : (i + 1) * size]]

    def _block(
        self,
        x: torch.Tensor,
        index: torch.Tensor,
        edges: list[tuple[int, int]],
        generator: torch.Generator,
    ) -> Iterator[tuple[Batch, torch.Tensor]]:
        dataset, head, offset = self.dataset, self.module.head, edges[0][0]
        spread = dataset.scaler.spread_
        level = self.module.posterior.input_noise * self.noise_share
        batches = super()._block(x, index, edges, generator)
        for (start, stop), (batch, target) in zip(edges, batches, strict=True):
            labelled = next(self._parts, None)
            if labelled is not None:
                batch = batch._replace(
                    labelled_x=head.corrupt(self._rows(labelled), level, spread, self._beside),
                    classes=dataset.labels_of(labelled, self.device),
                )
            if dataset.neighbors is not None:
                rows = index[start - offset : stop - offset].cpu()
                batch = batch._replace(neighbors=self._rows(self._neighbors(rows)))
            if dataset.directions:
                batch = batch._replace(direction=self._directions(batch.x, spread))
            yield batch, target

    def _directions(self, x: torch.Tensor, spread: np.ndarray) -> torch.Tensor:
        """Return a direction for each row, in the space where its steps are taken."""
        reader: Any = self.module.reader
        width = x.shape[1] if reader is None else reader.width
        direction = torch.randn((len(x), width), generator=self._beside, device=x.device)
        if reader is None:
            # Columns that hold one value say nothing about where rows may lie.
            direction *= torch.as_tensor(spread > 0, dtype=x.dtype, device=x.device)
        return direction

    def _neighbors(self, rows: torch.Tensor) -> torch.Tensor:
        """Return one of each row's neighbours, drawn anew."""
        table = torch.from_numpy(self.dataset.neighbors)
        chosen = torch.randint(
            table.shape[1], (len(rows),), generator=self._beside, device=self.device
        )
        return table[rows, chosen.cpu()]

    def _rows(self, index: torch.Tensor) -> torch.Tensor:
        table = self.dataset.resident(self.device)
        if table is not None:
            return table[index.to(self.device)]
        return self.dataset.gather(index.numpy()).to(self.device)


def nearest_rows(features: np.ndarray, n_neighbors: int, rng: np.random.Generator) -> np.ndarray:
    """Return the nearest other rows of each row, among at most 16,384 drawn at random.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features), float32
        Rows where Euclidean distances mean something.
    n_neighbors : int
        Neighbours of a row; fewer if there are fewer other rows.
    rng : numpy.random.Generator
        Draws the rows to choose from.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors), int64
        Row numbers.
    """
    n = len(features)
    if n == 1:
        return np.zeros((1, 1), dtype=np.int64)
    candidates = np.arange(n)
    if n > MOST_CANDIDATES:
        candidates = np.sort(rng.choice(n, MOST_CANDIDATES, replace=False))
    k = min(n_neighbors, len(candidates) - 1)
    # One more, since a row may be its own nearest.
    search = NearestNeighbors(n_neighbors=k + 1).fit(features[candidates])
    found = []
    for start in range(0, n, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, n))
        place = candidates[search.kneighbors(features[rows], return_distance=False)]
        # Where a row is not among those found (copies of it are), the last is left out.
        own = place == rows[:, None]
        own[~own.any(axis=1), -1] = True
        found.append(place[~own].reshape(len(rows), k))
    return np.concatenate(found)
