"""Batches with labelled rows and neighbours beside them, or directions to move rows in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sklearn_aae._utils._random import EpochStream, derive_seed, make_generator
from sklearn_aae.training import Batch, TableDataset, TrainBatches


class LabelledDataset(TableDataset):
    """Rows of a data set, with what batches bring beside them.

    Parameters
    ----------
    dataset : TableDataset
        The rows.
    neighbors : ndarray of shape (n_samples, n_neighbors), int64, or None, default=None
        For each row others near it.
    directions : bool, default=False
        Whether a batch comes with a direction for each row.
    pseudo_labels : ndarray of shape (n_samples,), int64, or None, default=None
        What stands in for labels in the first epochs; -1 where there is nothing.
    n_pseudo_epochs : int, default=0
        How many epochs these are.
    """

    def __init__(
        self,
        dataset: TableDataset,
        *,
        neighbors: np.ndarray | None = None,
        directions: bool = False,
        pseudo_labels: np.ndarray | None = None,
        n_pseudo_epochs: int = 0,
    ) -> None:
        self.__dict__.update(vars(dataset))
        self.neighbors, self.directions = neighbors, directions
        self.pseudo_labels = None if pseudo_labels is None else torch.from_numpy(pseudo_labels)
        self.n_pseudo_epochs = n_pseudo_epochs

    def labels_in(self, epoch: int) -> torch.Tensor | None:
        """Return the labels that an epoch teaches."""
        taught = self.pseudo_labels is not None and epoch < self.n_pseudo_epochs
        return self.pseudo_labels if taught else self.labels


class LabelledBatches(TrainBatches):
    """Training batches, each with labelled rows and a neighbour of every row beside it.

    Among thousands of rows, a few with labels would hardly turn up in a batch; so every
    batch comes with a second one of labelled rows only, as many as it has rows or all there
    are, which pass by in an order of their own.  Like the rows of the reconstruction phase
    they carry the posterior's input noise.  In the first epochs pseudo-labels may
    stand in for labels.
    """

    dataset: LabelledDataset

    def __iter__(self) -> Iterator[tuple[Batch, torch.Tensor]]:
        self._parts = self._cut(self.dataset.labels_in(self.epoch), len(self))
        self._beside = make_generator(
            derive_seed(self.seed, self.epoch, EpochStream.LABELLED_NOISE), self.device
        )
        yield from super().__iter__()

    def _cut(
        self, labels: torch.Tensor | None, n_batches: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield (rows, labels) for each batch: shuffled, and again when all had a turn."""
        if labels is None or not (labels >= 0).any():
            return
        labelled = torch.nonzero(labels >= 0).flatten()
        size = min(self.batch_size, len(labelled))
        generator = make_generator(derive_seed(self.seed, self.epoch, EpochStream.LABELLED))
        n_rounds = -(-n_batches * size // len(labelled))
        order = torch.cat(
            [torch.randperm(len(labelled), generator=generator) for _ in range(n_rounds)]
        )
        for i in range(n_batches):
            rows = labelled[order[i * size : (i + 1) * size]]
            yield rows, labels[rows]

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
                rows, classes = labelled
                batch = batch._replace(
                    labelled_x=head.corrupt(self._rows(rows), level, spread, self._beside),
                    classes=classes.to(self.device),
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
