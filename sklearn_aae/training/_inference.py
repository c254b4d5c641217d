"""Forward passes over many rows, in chunks and in the precision asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from sklearn_aae._utils._threads import MIN_ROWS, SMALL_WORK, torch_threads
from sklearn_aae.networks import AAEModule

#: What a chunk's widest layer may take: chunks that leave the processor's cache cost up
#: to twice the time, smaller ones more calls.
CHUNK_BYTES = 2**20
LEAST_ROWS, MOST_ROWS = 256, 2048
#: A GPU wants more rows at once.
DEVICE_CHUNK_BYTES = 2**27

Network = TypeVar("Network", bound=nn.Module)

#: Copies in float64 by the network that they were made of, each with its fingerprint.
#: Kept beside the networks, not in them: they must not be in a pickle.
_COPIES: WeakKeyDictionary[nn.Module, tuple[tuple, Any]] = WeakKeyDictionary()


def in_precision(part: Network, dtype: np.dtype) -> Network:
    """Return the network itself in float32, or a copy in float64.

    A copy, because casting the fitted network for the time of a call would show in
    another thread; kept, because making it takes longer than encoding a few rows.
    """
    if dtype == np.float32:
        return part
    fingerprint = _fingerprint(part)
    kept = _COPIES.get(part)
    if kept is None or kept[0] != fingerprint:
        kept = fingerprint, copy.deepcopy(part).double()
        _COPIES[part] = kept
    return kept[1]


def _fingerprint(part: nn.Module) -> tuple:
    """Return what changes whenever a weight does: torch counts writes to a tensor."""
    tensors = [*part.parameters(), *part.buffers()]
    return part.training, *((tensor.data_ptr(), tensor._version) for tensor in tensors)


def as_tensor(rows: np.ndarray) -> torch.Tensor:
    # torch warns of arrays that it could, but will not, write to.
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def chunk_edges(n_samples: int, width: int, itemsize: int, device: torch.device) -> list[int]:
    """Return where chunks of rows begin and end; none has under 32 rows but a lone one."""
    if device.type == "cpu":
        size = min(max(CHUNK_BYTES // (width * itemsize), LEAST_ROWS), MOST_ROWS)
    else:
        size = max(LEAST_ROWS, DEVICE_CHUNK_BYTES // (width * itemsize))
    edges = list(range(0, n_samples, size))
    if len(edges) > 1 and n_samples - edges[-1] < MIN_ROWS:
        edges.pop()
    return [*edges, n_samples]


def map_chunks(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[slice], np.ndarray],
    n_samples: int,
    networks: list[nn.Module],
    device: torch.device,
    write: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return ``function`` of all rows, as many as it is given.

    ``read`` gives the rows of a slice in the precision of ``networks``, which are what
    ``function`` passes rows through and set the size of a chunk; ``write`` maps a chunk of
    results to what is returned of it.
    """
    parameters = [p for network in networks for p in network.parameters()]
    width = max((max(p.shape, default=1) for p in parameters), default=1)
    itemsize = parameters[0].element_size() if parameters else 4
    work = n_samples * sum(p.numel() for p in parameters)
    edges = chunk_edges(n_samples, width, itemsize, device)
    result: np.ndarray | None = None
    with torch.inference_mode(), torch_threads(1 if work < SMALL_WORK else None):
        for start, stop in pairwise(edges):
            rows = slice(start, stop)
            part = function(as_tensor(read(rows)).to(device)).cpu().numpy()
            if write is not None:
                part = write(part)
            if len(edges) == 2:
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
    device: torch.device,
    dtype: np.dtype,
) -> np.ndarray:
    """Return the codes (posterior modes) of rows on the network's scale."""
    encoder = in_precision(module.encoder, dtype)
    return map_chunks(
        lambda x: module.encode(x, encoder=encoder), read, n_samples, [encoder], device
    )
