"""Forward passes over many rows, in chunks and in the precision asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils import gen_batches

from sklearn_aae._threads import MIN_ROWS, torch_threads
from sklearn_aae.networks import AAEModule

#: Cells per chunk: large enough to keep the cores busy, small enough for memory.
CHUNK_CELLS = 2**20

TORCH_DTYPES = {np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}


def in_precision(part: Any, dtype: np.dtype) -> Any:
    """Return the network itself in float32, or a copy in float64.

    A copy, because casting the fitted network for the time of a call would show
    in another thread.
    """
    if dtype == np.float32:
        return part
    return copy.deepcopy(part).to(TORCH_DTYPES[np.dtype(dtype)])


def _as_tensor(rows: np.ndarray) -> torch.Tensor:
    # torch warns of arrays that it could, but will not, write to.
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def map_chunks(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[slice], np.ndarray],
    n_samples: int,
    width: int,
    device: torch.device,
) -> np.ndarray:
    """Return ``function`` of all rows, where ``read`` gives the rows of a slice.

    Parameters
    ----------
    function : callable
        Maps a tensor of rows to a tensor with as many rows.
    read : callable
        Maps a slice to an ndarray of rows in the network's precision.
    n_samples : int
        Number of rows.
    width : int
        The larger of the widths in and out, which sets the size of a chunk.
    device : torch.device
        Where the network is.
    """
    size = max(MIN_ROWS, CHUNK_CELLS // max(width, 1))
    chunks = list(gen_batches(n_samples, size, min_batch_size=MIN_ROWS))
    result: np.ndarray | None = None
    with torch.inference_mode(), torch_threads(1 if n_samples < MIN_ROWS else None):
        for rows in chunks:
            part = function(_as_tensor(read(rows)).to(device)).cpu().numpy()
            if len(chunks) == 1:
                return part
            if result is None:
                result = np.empty((n_samples, *part.shape[1:]), dtype=part.dtype)
            result[rows] = part
    assert result is not None  # n_samples >= 1
    return result


def encode(
    module: AAEModule,
    read: Callable[[slice], np.ndarray],
    n_samples: int,
    width: int,
    device: torch.device,
    dtype: np.dtype,
) -> np.ndarray:
    """Return the codes (posterior modes) of rows on the network's scale."""
    encoder = in_precision(module.encoder, dtype)
    return map_chunks(lambda x: module.posterior.mode(encoder(x)), read, n_samples, width, device)
