"""The figures of one epoch."""

from __future__ import annotations

import math

import numpy as np
import torch
from skorch.history import History

from sklearn_aae._utils._ranks import send_from_first
from sklearn_aae.training._phases import Phase


def least_before(history: History, name: str) -> float:
    """Return the least of a figure over all epochs but the last.

    What is known from the last call is not read again, or a stream would take longer the
    longer it is.
    """
    known: dict[str, tuple[int, float]] = vars(history).setdefault("_least", {})
    n_earlier = len(history) - 1
    n_read, least = known.get(name, (0, math.inf))
    if n_read > n_earlier:  # epochs were taken off
        n_read, least = 0, math.inf
    for index in range(n_read, n_earlier):
        least = min(least, list.__getitem__(history, index).get(name, math.inf))
    known[name] = n_earlier, least
    return least


class EpochFigures:
    """Losses of an epoch's batches: on the device until its end, then in the history.

    ``{prefix}_loss`` is the first of a batch; those of ``phases`` are recorded beside it.
    """

    def __init__(
        self, history: History, prefix: str, phases: tuple[Phase, ...], n_batches: int, device: str
    ) -> None:
        self.history, self.prefix = history, prefix
        #: The column of ``losses`` that each name in the history is of.
        self.columns = {f"{prefix}_loss": 0}
        self.columns |= {f"{prefix}_{phase.name}_loss": i for i, phase in enumerate(phases)}
        # One table for the epoch: thousands of small tensors that live until its end
        # would keep the heap between them from being returned.
        self.losses = torch.zeros(n_batches, max(1, len(phases)), device=device)
        self._rows = iter(self.losses)
        self.sizes: list[int] = []

    def add(self, losses: torch.Tensor, size: int) -> None:
        """Note the losses of a batch of ``size`` rows."""
        self._last = next(self._rows)
        self._last.copy_(losses)
        self.sizes.append(size)

    def record_batch(self) -> None:
        """Write the last batch to the history; waits for the device."""
        self._write(self._last.tolist(), self.sizes[-1])

    def record_batches(self, n_last: int | None = None) -> None:
        """Write batches that had no place in the history yet: all, or the last so many."""
        n_last = len(self.sizes) if n_last is None else n_last
        first = len(self.sizes) - n_last
        values = self.losses[first : len(self.sizes)].tolist()
        for losses, size in zip(values, self.sizes[first:], strict=True):
            self.history.new_batch()
            self._write(losses, size)

    def _write(self, losses: list[float], size: int) -> None:
        for name, column in self.columns.items():
            self.history.record_batch(name, losses[column])
        self.history.record_batch(f"{self.prefix}_batch_size", size)

    def record(self) -> bool:
        """Write means over the rows seen to the history; return whether all are finite."""
        send_from_first(self.losses)  # every process decides by the same figures
        weights = np.asarray(self.sizes) / sum(self.sizes)
        means = weights @ self.losses[: len(self.sizes)].double().cpu().numpy()
        for name, column in self.columns.items():
            self.history.record(name, float(means[column]))
        name = f"{self.prefix}_loss"
        is_best = self.history[-1, name] < least_before(self.history, name)
        self.history.record(f"{name}_best", is_best)
        self.history.record(f"{self.prefix}_batch_count", len(self.sizes))
        return bool(np.isfinite(means).all())

    def failed_phase(self) -> str:
        """Return the phase whose loss was the first that was not finite."""
        failed = ~torch.isfinite(self.losses[: len(self.sizes)])
        column = int(failed[failed.any(dim=1)][0].byte().argmax())
        names = [name for name, own in self.columns.items() if own == column]
        return names[-1].removeprefix(f"{self.prefix}_").removesuffix("_loss")
