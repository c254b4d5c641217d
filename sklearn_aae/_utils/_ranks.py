"""Processes that train one model together: which of them this is, and what they add up."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import distributed as dist

from sklearn_aae.exceptions import LostProcessError


class Ranks:
    """The processes of a training, each known by its rank.

    Attributes
    ----------
    rank : int
        Of this process; 0 is the one that decides and writes.
    size : int
        How many there are.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def edges(self, n_rows: int) -> list[int]:
        """Return where the parts of a batch begin, and its end."""
        return [n_rows * rank // self.size for rank in range(self.size + 1)]

    def add(self, tensor: torch.Tensor) -> None:
        """Add up a tensor over all processes, in place; each gets the same bits."""
        _talk(dist.all_reduce, tensor)

    def gather(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensors of all processes along a new first axis."""
        tensors = tensor.new_empty((self.size, *tensor.shape))
        _talk(dist.all_gather, list(tensors), tensor.contiguous())
        return tensors

    @property
    def place(self) -> tuple[int, int]:
        """The number of this process, and how many there are."""
        return self.rank, self.size

    def exchange(self, answer: Any) -> list[Any]:
        """Return what each process answers, by rank; it travels as a pickle."""
        own = np.frombuffer(pickle.dumps(answer), dtype=np.uint8)
        sizes = self.gather(torch.tensor([len(own)]))[:, 0].tolist()
        padded = torch.zeros(max(sizes), dtype=torch.uint8)
        padded[: len(own)] = torch.from_numpy(own.copy())
        parts = self.gather(padded)
        return [
            pickle.loads(part[:size].numpy().tobytes())
            for part, size in zip(parts, sizes, strict=True)
        ]

    def send(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite tensors by those of the first process."""
        for tensor in tensors:
            whole = tensor.contiguous()
            _talk(dist.broadcast, whole, 0)
            if whole is not tensor:
                tensor.copy_(whole)


def _talk(collective: Callable[..., Any], *arguments: Any) -> None:
    try:
        collective(*arguments)
    except RuntimeError as error:  # what torch raises when the other side has gone
        raise LostProcessError(
            "another process of this training has ended or does not answer, so this one ends, "
            "too. The first error in the logs of all processes says why. Start the job again: "
            f"with checkpoint=FOLDER it goes on where it was. The error here was: {error}"
        ) from error


class _Share:
    """What a process has of a batch."""

    def __init__(self, ranks: Ranks, n_rows: int) -> None:
        edges = ranks.edges(n_rows)
        self.ranks, self.n_rows = ranks, n_rows
        self.rows = slice(edges[ranks.rank], edges[ranks.rank + 1])
        self.weights = [(end - start) / n_rows for start, end in pairwise(edges)]
        self.weight = self.weights[ranks.rank]


#: The processes that train together, while the user says so.
RANKS: ContextVar[Ranks | None] = ContextVar("RANKS", default=None)
_SHARE: ContextVar[_Share | None] = ContextVar("_SHARE", default=None)


@contextmanager
def shared_batch(ranks: Ranks, n_rows: int) -> Iterator[_Share]:
    """Yield this process's share of a batch; moments are of the whole batch meanwhile."""
    share = _Share(ranks, n_rows)
    token = _SHARE.set(share)
    try:
        yield share
    finally:
        _SHARE.reset(token)


def any_rank(flag: bool) -> bool:
    """Return whether a flag is set in any process that trains together with this one."""
    ranks = RANKS.get()
    if ranks is None:
        return flag
    return bool(ranks.gather(torch.tensor([int(flag)])).any())


def from_first(*values: float) -> tuple[float, ...]:
    """Return numbers as the first process has them, so that all decide alike."""
    ranks = RANKS.get()
    if ranks is None:
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    ranks.send([tensor])
    return tuple(tensor.tolist())


def send_from_first(*tensors: torch.Tensor) -> None:
    """Overwrite tensors by those of the first process, if several train together."""
    ranks = RANKS.get()
    if ranks is not None:
        ranks.send(tensors)


class _Gathered(torch.autograd.Function):
    """Tensors of all processes; the gradient is that of the whole batch's loss."""

    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, share: _Share) -> torch.Tensor:
        ctx.share = share
        return share.ranks.gather(part.detach())

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        # Each process has the gradient of the mean over its own rows, which is weighted later.
        share = ctx.share
        total = gradient * share.weight
        share.ranks.add(total)
        return total[share.ranks.rank] / share.weight, None


def batch_rows(h: torch.Tensor) -> int:
    """Return the number of rows of a batch, of which ``h`` may be this process's part."""
    share = _SHARE.get()
    return len(h) if share is None else share.n_rows


def batch_moments(h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return variances and means of a batch by column, as :func:`batch_rows` counts."""
    variance, center = torch.var_mean(h, dim=0, correction=0)
    share = _SHARE.get()
    if share is None:
        return variance, center
    gather: Callable[..., torch.Tensor] = _Gathered.apply
    parts = gather(torch.stack([variance, center]), share)
    weights = h.new_tensor(share.weights)[:, None]
    center = (weights * parts[:, 1]).sum(dim=0)
    variance = (weights * (parts[:, 0] + (parts[:, 1] - center).square())).sum(dim=0)
    return variance, center
