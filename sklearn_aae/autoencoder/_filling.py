"""A model of numbers that is trained to fill hidden cells, from a normal's best guesses on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sklearn_aae._utils._compat import with_callbacks
from sklearn_aae._utils._random import EpochStream, ModelStream, derive_seed
from sklearn_aae.autoencoder._normal import Normal
from sklearn_aae.autoencoder._parameters import NumbersDefaults
from sklearn_aae.autoencoder._run import Run, train_in_full
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.outputs import as_output
from sklearn_aae.training import Batch, Phase, TableDataset, TrainBatches, checkpoint_of

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE

#: The least and the most share of a row's cells that are hidden in training; between them it
#: is that of missing cells.
LEAST_HIDDEN, MOST_HIDDEN = 0.15, 0.5
#: Cells that are hidden, at least, to learn how far the networks are right.
N_JUDGED = 20_000


def hide(missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return cells, by the share of missing ones, that are hidden besides the missing ones."""
    share = np.clip(missing.mean(), LEAST_HIDDEN, MOST_HIDDEN)
    result: np.ndarray = (rng.random(missing.shape) < share) & ~missing
    return result


class HoledDataset(TableDataset):
    """Rows of a data set whose missing cells were filled by a normal.

    Parameters
    ----------
    dataset : TableDataset
        The rows.
    normal : Normal
        The normal.
    missing : ndarray of shape (n_samples, n_features)
        Which cells were missing, of all rows of ``dataset.X``.
    """

    def __init__(self, dataset: TableDataset, normal: Normal, missing: np.ndarray) -> None:
        self.__dict__.update(vars(dataset))
        self.normal, self.missing = normal, dataset.of_own_rows(missing)


class HidingBatches(TrainBatches):
    """Batches some of whose known cells are hidden: filled as missing ones are, and judged.

    Each epoch hides others.
    """

    def __iter__(self) -> Iterator[tuple[Batch, torch.Tensor]]:
        seed = derive_seed(self.seed, self.epoch, EpochStream.HIDDEN)
        self._rng = np.random.default_rng(seed)
        yield from super().__iter__()

    def _block(
        self,
        x: torch.Tensor,
        index: torch.Tensor,
        edges: list[tuple[int, int]],
        generator: torch.Generator,
    ) -> Iterator[tuple[Batch, torch.Tensor]]:
        batches = super()._block(x, index, edges, generator)
        dataset = self.dataset
        if not isinstance(dataset, HoledDataset):  # of a call of partial_fit
            yield from batches
            return
        chosen = index.cpu().numpy()
        missing = dataset.missing[chosen]
        hidden = hide(missing, self._rng)
        rows = dataset.of_own_rows(dataset.X)[chosen]
        expected = dataset.normal.expect(rows, missing | hidden)
        filled = torch.from_numpy(dataset.scaler.transform(expected)).to(x.device)
        weights = torch.from_numpy(hidden / max(hidden.mean(), 1e-9)).float().to(x.device)
        offset = edges[0][0]
        for (start, stop), (batch, target) in zip(edges, batches, strict=True):
            part = slice(start - offset, stop - offset)
            noise = batch.corrupted - batch.x
            yield batch._replace(corrupted=filled[part] + noise, weights=weights[part]), target


@dataclass(frozen=True)
class Filling:
    """What fills the missing cells of a model of numbers.

    Attributes
    ----------
    normal : Normal
        Whose expectation the networks read.
    shares : ndarray of shape (n_features,)
        How much of what the networks change it is taken over.
    spread : ndarray of shape (n_features,)
        Standard deviations of what is left, as multiples of the normal's.
    """

    normal: Normal
    shares: np.ndarray
    spread: np.ndarray

    phases: tuple[Phase, ...] = ()
    train_batches = HidingBatches

    def extend(self, builder: ModuleBuilder) -> ModuleBuilder:
        """Return the recipe for the model's networks as it is."""
        return builder

    def rates(self, lr: float) -> dict[str, float]:
        """Return no rates of further optimizers."""
        return {}

    def fill(
        self,
        model: BaseAAE,
        rows: np.ndarray,
        gaps: np.ndarray,
        generators: list[torch.Generator] | None = None,
    ) -> np.ndarray:
        """Return rows with what is expected in their gaps, in float64; with generators drawn.

        There is one of ``generators`` for all rows, or one for each.
        """
        start = self.normal.expect(rows, gaps)
        back = model._decode(model._encode(start), start.dtype)
        filled = np.where(gaps, (1 - self.shares) * start + self.shares * back, start)
        if generators is None:
            return filled
        result: np.ndarray = filled + self.spread * self.normal.deviations(rows, gaps, generators)
        return result

    def judged(self, model: BaseAAE, rows: np.ndarray, missing: np.ndarray, seed: int) -> Filling:
        """Return the same with shares and spread by cells that are hidden from the model."""
        rng = np.random.default_rng(seed)
        asked = changed = both = variances = np.zeros(rows.shape[1])
        for _ in range(max(1, N_JUDGED // rows.size)):
            hidden = hide(missing, rng)
            gaps = missing | hidden
            start = self.normal.expect(rows, gaps)
            back = model._decode(model._encode(start), start.dtype)
            change = np.where(hidden, (back - start) / self.normal.scale, 0)
            error = np.where(hidden, (rows - start) / self.normal.scale, 0)
            both = both + (change * error).sum(axis=0)
            changed = changed + (change**2).sum(axis=0)
            asked = asked + (error**2).sum(axis=0)
            left = np.where(hidden, self.normal.variances(rows, gaps), 0)
            variances = variances + (left / self.normal.scale**2).sum(axis=0)
        # A column that is constant is what the networks say of it.
        shares = np.where(changed > 0, both / np.where(changed > 0, changed, 1), 1).clip(0, 1)
        squares = asked - 2 * shares * both + shares**2 * changed
        spread = np.sqrt(squares / np.where(variances > 0, variances, 1))
        return replace(self, shares=shares, spread=spread)


def can_fill(model: BaseAAE) -> bool:
    """Return whether a model that has read a table expects numbers of its columns."""
    return as_output(model.output, mixed=model._reader.is_mixed).predicts_rows


@with_callbacks
def fit_filling(model: BaseAAE, X: Any, rows: np.ndarray) -> None:
    """Fit a model to rows of numbers that it read, so that it fills their missing cells."""
    missing = np.isnan(rows)
    normal = Normal.fit(rows)
    filled = normal.expect(rows, missing)
    ones = np.ones(rows.shape[1])
    model._extension = filling = Filling(normal, ones, ones)
    # Of other rows than the same model by itself is trained on.
    with checkpoint_of(model, filled, missing) as checkpoint:
        net = model._new_net(filled, checkpoint.seed(model.random_state))
        batch, epochs = model._schedule(len(rows))
        if model.max_epochs == "auto":
            # What is hidden is new in every epoch, and takes longer to learn than what is linear.
            epochs = NumbersDefaults().max_epochs(len(rows))
        prepare = partial(HoledDataset, normal=normal, missing=missing)
        run = Run(batch, epochs, prepare=prepare, checkpoint=checkpoint)
        train_in_full(model, model, net, filled, run, (X, None), model._fitted_attributes)
        model._finish(net)
    seed = derive_seed(model._seed, ModelStream.HIDDEN)
    model._extension = filling.judged(model, filled, missing, seed)
