"""Training on rows that do not fit into memory: a sample of them first, then buffers of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_aae._utils._random import RowStream, derive_seed, draw_seed
from sklearn_aae._utils._ranks import Ranks
from sklearn_aae.autoencoder._run import Run
from sklearn_aae.autoencoder._shared_rows import read_together, readers_of
from sklearn_aae.autoencoder._unknown import settle
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._datasets import Stream, is_stream, open_stream
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows
from sklearn_aae.training import TableDataset

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE

#: Rows that training sees with ``max_epochs="auto"``, at most.
MOST_SEEN = 2**22


@dataclass(frozen=True)
class TrainingRows:
    """What a model is fitted to.

    Attributes
    ----------
    X : frame or array-like
        The rows, or a uniform sample of them: what the scale, the start and all that is estimated
        after training come from.  Rows with what is rare follow, for rules and ends.
    stream : Stream or None, default=None
        All rows, where they are more than the sample.
    n_rows : int, default=0
        How many these are.
    seed : int, default=0
        Where their order comes from.
    ranks : Ranks or None, default=None
        The processes that read them together.
    n_uniform : int or None, default=None
        How many rows of ``X`` are the uniform sample.
    columns : WholeColumns or None, default=None
        The columns of all rows, which levels come from.
    """

    X: Any
    stream: Stream | None = None
    n_rows: int = 0
    seed: int = 0
    ranks: Ranks | None = None
    n_uniform: int | None = None
    columns: WholeColumns | None = None

    @property
    def sample(self) -> Any:
        """The rows, or the uniform sample of them."""
        return self.X if self.n_uniform is None else self.X[: self.n_uniform]

    def read(self, model: BaseAAE, *, reset: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows as a model reads them, and those beside a sample."""
        rows = model._read(self.X, reset=reset, columns=self.columns)
        if self.n_uniform is None:
            return rows, None
        return rows[: self.n_uniform], rows[self.n_uniform :]

    def planned(self, model: BaseAAE, run: Run) -> Run:
        """Return a run that goes through buffers of all rows, each for an epoch."""
        stream = self.stream
        if stream is None:
            return run
        seen, share = self.n_rows * run.n_epochs, 1.0
        if run.in_full:
            _, epochs = model._schedule(self.n_rows)
            seen = self.n_rows * epochs
            if model.max_epochs == "auto":
                seen, share = min(seen, MOST_SEEN), min(1.0, MOST_SEEN / self.n_rows)

        def read(table: Any) -> np.ndarray:
            return settle(model, model._read(stream.frame(table)))

        ranks = self.ranks
        is_own = None if ranks is None else lambda place: place % ranks.size == ranks.rank

        def tables() -> Iterator[Any]:
            for n_passes in count():
                yield from stream.shuffled(derive_seed(self.seed, n_passes), share, is_own)

        def prepare(sample: TableDataset) -> TableDataset:
            if ranks is None:
                return StreamedDataset(sample, lambda: map(read, tables()))
            return StreamedDataset(sample, lambda: read_together(ranks, tables(), read, sample.X))

        n_epochs = max(1, math.ceil(seen / SAMPLED_ROWS))
        return replace(run, n_epochs=n_epochs, prepare=prepare)


@contextmanager
def training_rows(model: BaseAAE, X: Any) -> Iterator[TrainingRows]:
    """Open what a model is to be fitted to, whether it is in memory or not."""
    if not is_stream(X):
        yield TrainingRows(X)
        return
    if model.supervision is not None:
        raise ValueError(
            f"supervision={model.supervision!r} needs a label for each row, which a Dataset or a "
            "LazyFrame does not bring; read a part of the rows into a frame."
        )
    seed = draw_seed(model.random_state)
    with open_stream(X) as stream:
        own = derive_seed(seed, RowStream.SAMPLE)
        ranks = readers_of(stream)
        sample = sample_rows(stream, SAMPLED_ROWS, own, with_rare=True, counted=True, ranks=ranks)
        if sample.n_rows <= SAMPLED_ROWS:
            yield TrainingRows(sample.X)
        else:
            order = derive_seed(seed, RowStream.ORDER)
            yield TrainingRows(
                sample.X, stream, sample.n_rows, order, ranks, sample.n_uniform, sample.columns
            )


class StreamedDataset(TableDataset):
    """A sample of rows, and as many others to train on in each epoch.

    Parameters
    ----------
    sample : TableDataset
        The sample.
    parts : callable
        Returns an endless iterator over rows, always the same.
    """

    def __init__(self, sample: TableDataset, parts: Callable[[], Iterator[np.ndarray]]) -> None:
        super().__init__(sample.X, scaler=sample.scaler, rows=sample.rows)
        self._parts = parts
        self._begin()

    def of_epoch(self, epoch: int) -> TableDataset:
        """Return the rows of an epoch; asking for epochs in their order costs one pass."""
        if epoch < self._next:
            self._begin()
        while True:
            rows = self._take()
            self._next += 1
            if self._next > epoch:
                return TableDataset(rows, scaler=self.scaler)

    def _begin(self) -> None:
        self._iterator, self._left, self._next = self._parts(), np.empty(0), 0

    def _take(self) -> np.ndarray:
        """Return the next rows, as many as the sample has."""
        rows = np.empty((len(self), self.X.shape[1]), dtype=self.X.dtype)
        n_rows = 0
        while n_rows < len(rows):
            part = self._left if len(self._left) else next(self._iterator)
            taken = part[: len(rows) - n_rows]
            rows[n_rows : n_rows + len(taken)] = taken
            self._left = part[len(taken) :]
            n_rows += len(taken)
        return rows
