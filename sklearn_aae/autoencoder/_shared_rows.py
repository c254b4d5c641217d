"""Files that several processes read together, each row group once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch

from sklearn_aae._utils._ranks import RANKS, Ranks
from sklearn_aae.encoding._datasets import Stream


def readers_of(stream: Stream) -> Ranks | None:
    """Return the processes that share a stream's row groups; None if this one reads all.

    Raises
    ------
    ValueError
        If processes that train together have opened different files.
    """
    ranks = RANKS.get()
    if ranks is None:
        return None
    facts = ranks.exchange((stream.schema.to_string(), stream.sizes))
    if any(fact != facts[0] for fact in facts):
        raise ValueError(
            "the processes of this training differ in their files: give each the same ones, with "
            "the same columns and the same rows."
        )
    return None if stream.sizes is None else ranks


def read_together(
    ranks: Ranks, tables: Iterable[Any], read: Callable[[Any], np.ndarray], like: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield rows of tables in their order, in blocks of at least as many as ``like`` has.

    ``tables`` are those of :meth:`Stream.shuffled`: what others read is there as a number of rows.
    """
    own: list[tuple[int, np.ndarray]] = []
    n_rows = 0
    for table in tables:
        if isinstance(table, int):
            n_rows += table
        else:
            own.append((n_rows, read(table)))
            n_rows += len(table)
        if n_rows >= len(like):
            yield _joined(ranks, own, np.zeros((n_rows, like.shape[1]), like.dtype))
            own, n_rows = [], 0


def _joined(ranks: Ranks, own: list[tuple[int, np.ndarray]], rows: np.ndarray) -> np.ndarray:
    """Return rows of which each process has some, and the place of each."""
    for start, part in own:
        rows[start : start + len(part)] = part
    # Zero where another has the row, so the sum of bytes is exact.
    ranks.add(torch.from_numpy(rows.view(np.uint8)))
    return rows
