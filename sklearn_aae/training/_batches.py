"""Rows and noise in blocks, in place of skorch's Dataset and torch's DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch.utils.data import Dataset

from sklearn_aae._utils._random import EpochStream, derive_seed, make_generator
from sklearn_aae.encoding import LevelScale, Scaler
from sklearn_aae.networks import AAEModule

#: A table that takes no more than this on the network's scale is kept there; a
#: larger one is scaled block by block, so that no second copy of it is made.
KEPT_BYTES = 2**25
#: Rows are gathered in blocks of about this size and handed out as views.
BLOCK_BYTES = 2**20
#: On a GPU a table up to this size is kept whole, and blocks are larger.
RESIDENT_BYTES = 2**31
DEVICE_BLOCK_BYTES = 2**27


class Batch(NamedTuple):
    """One mini-batch of training.

    Attributes
    ----------
    x : Tensor of shape (n, n_features), float32, or (n, n_digits), int64
        Rows on the network's scale.
    corrupted : Tensor of shape (n, n_features)
        The same with noise: what the encoder sees in the reconstruction phase.
    prior : Tensor of shape (n, n_components)
        As many prior draws.
    noise : Tensor of shape (2, n, n_noise) or None
        Posterior noise for the reconstruction phase and for the adversarial ones.
    dropout_masks : Tensor of shape (n, n_masks) or None
        What the output head drew for the reconstruction phase.
    labels : Tensor of shape (n,), int64, or None
        The class of each row, -1 for rows without a label; None if the data set has none.
    labelled_x : Tensor of shape (m, n_features) or None
        Rows with labels, corrupted, for the classification phase; None if there is none.
    classes : Tensor of shape (m,), int64, or None
        Their classes.
    neighbors : Tensor of shape (n, n_features) or None
        A row near each row.
    direction : Tensor of shape (n, n_embedding) or None
        Normal draws: where the search for the direction begins that changes a row's
        category most.
    weights : Tensor of shape (n, n_features) or None
        How much the reconstruction of each cell counts; None for all alike.
    """

    x: torch.Tensor
    corrupted: torch.Tensor
    prior: torch.Tensor
    noise: torch.Tensor | None
    dropout_masks: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    labelled_x: torch.Tensor | None = None
    classes: torch.Tensor | None = None
    neighbors: torch.Tensor | None = None
    direction: torch.Tensor | None = None
    weights: torch.Tensor | None = None


class TableDataset(Dataset[Any]):
    """Rows of a table, scaled when asked for.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table, on its own scale; never copied whole unless small.
    y : object, default=None
        Not used; skorch passes it.
    scaler : Scaler or LevelScale
        The network's scale.
    rows : ndarray of int or None, default=None
        The rows of ``X`` that belong to the data set; None for all.
    labels : ndarray of shape (n_samples,), int64, or None, default=None
        The class of each row of ``X``, -1 for rows without a label.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: object = None,
        *,
        scaler: Scaler | LevelScale,
        rows: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.X = np.asarray(X)
        self.scaler = scaler
        self.rows = rows
        self.labels = None
        if labels is not None:
            own = np.asarray(labels, dtype=np.int64)
            self.labels = torch.from_numpy(own.copy() if rows is None else own[rows])
        small = len(self) * self.X.shape[1] * 4 <= KEPT_BYTES
        self._scaled = scaler.transform(self.X if rows is None else self.X[rows]) if small else None
        self._resident: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    def resident(self, device: torch.device) -> torch.Tensor | None:
        """Return the table on the network's scale where the network is, if it fits there.

        None on the CPU, where a second copy of the table would fill the same memory.
        """
        n_bytes = len(self) * self.X.shape[1] * 4
        if not has_own_memory(device) or n_bytes > RESIDENT_BYTES:
            return None
        if self._resident is None:
            like = self.gather(np.arange(1))
            self._resident = like.new_empty((len(self), like.shape[1]), device=device)
            rows_of_block = max(1, DEVICE_BLOCK_BYTES // (4 * self.X.shape[1]))
            for rows in gen_batches(len(self), rows_of_block):
                self._resident[rows] = self.gather(np.arange(rows.start, rows.stop)).to(device)
        return self._resident

    def of_epoch(self, epoch: int) -> TableDataset:
        """Return what an epoch trains on, as many rows as these."""
        return self

    def gather(self, index: np.ndarray) -> torch.Tensor:
        """Return rows on the network's scale, float32, as a tensor of their own."""
        if self._scaled is not None:
            return torch.from_numpy(self._scaled[index])
        index = index if self.rows is None else self.rows[index]
        return torch.from_numpy(self.scaler.transform(self.X[index]))

    def of_own_rows(self, values: np.ndarray) -> np.ndarray:
        """Return, of what there is for each row of ``X``, that of the data set's rows."""
        return values if self.rows is None else values[self.rows]

    def labels_of(
        self, index: torch.Tensor | np.ndarray, device: torch.device
    ) -> torch.Tensor | None:
        """Return the labels of rows on a device; None if the data set has none."""
        if self.labels is None:
            return None
        return self.labels[torch.as_tensor(index).cpu()].to(device)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Return one row; for callbacks that walk the data set."""
        return self.gather(np.asarray([index]))[0]


def batch_edges(n_rows: int, batch_size: int) -> list[tuple[int, int]]:
    """Return the (start, stop) of each batch: as few as ``batch_size`` allows, about equal.

    Equal sizes rather than a small rest at the end, whose steps would be as large as
    any and mostly noise; and never one row alone, which is no batch to a batch norm,
    unless ``batch_size`` is 1.
    """
    n_batches = -(-n_rows // batch_size)
    if batch_size > 1:
        n_batches = max(1, min(n_batches, n_rows // 2))
    edges = [n_rows * i // n_batches for i in range(n_batches + 1)]
    return list(pairwise(edges))


def has_own_memory(device: torch.device) -> bool:
    """Return whether a device does not share the memory of the CPU."""
    return device.type == "cuda"


class TrainBatches:
    """Shuffled batches with prior draws and posterior noise, a fresh order each epoch.

    A batch comes with its target, as skorch expects; an autoencoder's is its input.
    Every epoch seeds a generator from (seed, epoch): nothing but these two
    numbers has to be kept for a run that stops and goes on.
    """

    def __init__(
        self,
        dataset: TableDataset,
        batch_size: int,
        module: AAEModule,
        seed: int,
        device: torch.device,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.module = module
        self.seed = seed
        self.device = device
        self.epoch = 0
        #: Share of the posterior's input noise that this epoch adds.
        self.noise_share = 1.0

    def __len__(self) -> int:
        return len(batch_edges(len(self.dataset), self.batch_size))

    def __iter__(self) -> Iterator[tuple[Batch, torch.Tensor]]:
        dataset = self.dataset.of_epoch(self.epoch)
        table = dataset.resident(self.device)
        device = torch.device("cpu") if table is None else self.device
        shuffle = make_generator(derive_seed(self.seed, self.epoch, EpochStream.ORDER), device)
        noise = make_generator(derive_seed(self.seed, self.epoch, EpochStream.NOISE), self.device)
        order = torch.randperm(len(dataset), generator=shuffle, device=device)
        edges = batch_edges(len(order), self.batch_size)
        row_bytes = 4 * dataset.X.shape[1]
        block_bytes = BLOCK_BYTES if table is None else DEVICE_BLOCK_BYTES
        per_block = max(1, block_bytes // (row_bytes * self.batch_size))
        for first in range(0, len(edges), per_block):
            block = edges[first : first + per_block]
            index = order[block[0][0] : block[-1][1]]
            x = dataset.gather(index.numpy()).to(self.device) if table is None else table[index]
            yield from self._block(x, index, block, noise)

    def _block(
        self,
        x: torch.Tensor,
        index: torch.Tensor,
        edges: list[tuple[int, int]],
        generator: torch.Generator,
    ) -> Iterator[tuple[Batch, torch.Tensor]]:
        module, offset, n = self.module, edges[0][0], len(x)
        labels = self.dataset.labels_of(index, self.device)
        prior = module.draw_codes(n, generator, labels)
        level = module.posterior.input_noise * self.noise_share
        corrupted = module.head.corrupt(x, level, self.dataset.scaler.spread_, generator)
        n_noise = module.posterior.n_noise(module.n_components)
        noise = (
            torch.randn((2, n, n_noise), generator=generator, device=self.device)
            if n_noise
            else None
        )
        masks = module.head.draw_dropout_masks(n, generator)
        for start, stop in edges:
            rows = slice(start - offset, stop - offset)
            posterior_noise = None if noise is None else noise[:, rows]
            own_masks = None if masks is None else masks[rows]
            own = None if labels is None else labels[rows]
            batch = Batch(x[rows], corrupted[rows], prior[rows], posterior_noise, own_masks, own)
            yield batch, batch.x


class ValidationBatches:
    """Batches in order, without noise: losses at the posterior's mode.

    With labels, what the module is called with is a dictionary of its arguments.
    """

    def __init__(self, dataset: TableDataset, batch_size: int, device: torch.device) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.device = device

    def __len__(self) -> int:
        return len(batch_edges(len(self.dataset), self.batch_size))

    def __iter__(self) -> Iterator[tuple[torch.Tensor | dict[str, torch.Tensor], torch.Tensor]]:
        for start, stop in batch_edges(len(self.dataset), self.batch_size):
            index = np.arange(start, stop)
            x = self.dataset.gather(index).to(self.device)
            labels = self.dataset.labels_of(index, self.device)
            yield (x if labels is None else {"x": x, "labels": labels}), x
