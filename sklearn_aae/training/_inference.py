"""Forward passes over many rows, in chunks and in the precision asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch
from torch import nn

from sklearn_aae._utils._blocks import aligned_products, block_size, in_blocks
from sklearn_aae._utils._threads import SMALL_WORK, in_workers, n_workers, torch_threads
from sklearn_aae.networks import AAEModule

#: What a chunk's widest layer may take: chunks that leave the processor's cache cost up
#: to twice the time, smaller ones more calls.
CHUNK_BYTES = 2**20
LEAST_ROWS, MOST_ROWS = 192, 1536
#: A GPU wants more rows at once.
DEVICE_CHUNK_BYTES = 2**27

Network = TypeVar("Network", bound=nn.Module)

#: Copies in float64 by the network that they were made of.
#: Kept beside the networks, not in them: they must not be in a pickle.
_COPIES: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()


def in_precision(part: Network, dtype: np.dtype) -> Network:
    """Return the network itself in float32, or a copy in float64.

    A copy, because casting the fitted network for the time of a call would show in
    another thread; kept, because making it takes longer than encoding a few rows.
    """
    if dtype == np.float32:
        return part
    with torch_threads(1):
        kept = _COPIES.get(part)
        if kept is None or not _is_copy(kept, part):
            kept = _COPIES[part] = copy.deepcopy(part).double()
    return kept


def _tensors(part: nn.Module) -> list[torch.Tensor]:
    return [*part.parameters(), *part.buffers()]


def _is_copy(kept: nn.Module, part: nn.Module) -> bool:
    """Return whether a copy in float64 has the values of a network.

    By value, which costs a fraction of a pass: torch counts writes to a tensor, but not
    those through its ``data``.
    """
    theirs, own = _tensors(kept), _tensors(part)
    return (
        kept.training == part.training
        and len(theirs) == len(own)
        and all(
            there.shape == here.shape
            and there.device == here.device
            and torch.equal(there, here.detach().to(there.dtype))
            for there, here in zip(theirs, own, strict=True)
        )
    )


class InPrecision:
    """What passes rows through a network of any kind, in the precision asked for.

    A row's result is the same bits wherever it is in a block of rows, if blocks are whole.
    The package's own networks compute in float64 as well as in float32.  One that makes
    or keeps float32 tensors of its own, or cannot be copied, does not: it computes in its
    own precision, between rows that are cast for it and results that are cast back.
    """

    def __init__(self, network: nn.Module, dtype: np.dtype) -> None:
        self.network = network
        self.dtype = torch.float64 if dtype == np.float64 else torch.float32
        self._copy: nn.Module | None = None
        if self.dtype == torch.float64 and network not in _FLOAT32_ONLY:
            try:
                self._copy = in_precision(network, dtype)
            # The network is the user's, and may refuse to be copied with any error.
            except Exception:
                _FLOAT32_ONLY.add(network)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of what computes."""
        return (self.network if self._copy is None else self._copy).parameters()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the network makes of rows, in the precision asked for."""
        with aligned_products():
            return self._of(x)

    def _of(self, x: torch.Tensor) -> torch.Tensor:
        if self.dtype == torch.float32:
            returned: torch.Tensor = self.network(x)
            return returned
        if self._copy is not None:
            try:
                returned = self._copy(x).to(self.dtype)
                return returned
            except torch.OutOfMemoryError:
                raise
            # It may have tensors of its own in float32: if that was not why, this raises again.
            except Exception:
                result = self._in_its_own(x)
                self._copy = None
                _FLOAT32_ONLY.add(self.network)
                return result
        return self._in_its_own(x)

    def _in_its_own(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.network(x.float()).to(self.dtype)
        return result


#: Networks of which no copy in float64 computes.
_FLOAT32_ONLY: WeakSet[nn.Module] = WeakSet()


def as_tensor(rows: np.ndarray) -> torch.Tensor:
    # torch warns of arrays that it could, but will not, write to.
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def chunk_edges(n_samples: int, width: int, itemsize: int, device: torch.device) -> list[int]:
    """Return where chunks of rows begin and end; all but the last are of whole blocks."""
    if device.type == "cpu":
        most = min(max(CHUNK_BYTES // (width * itemsize), LEAST_ROWS), MOST_ROWS)
    else:
        most = max(LEAST_ROWS, DEVICE_CHUNK_BYTES // (width * itemsize))
    return [*range(0, n_samples, block_size(most)), n_samples]


def map_chunks(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[slice], np.ndarray],
    n_samples: int,
    networks: Sequence[nn.Module | InPrecision],
    device: torch.device,
    write: Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    alike: bool = True,
) -> np.ndarray:
    """Return ``function`` of all rows, as many as it is given.

    On the CPU a row's result is the same bits whatever rows are beside it: ``function`` is given
    blocks of a fixed number of rows, the last filled up with copies of its last row. It may draw
    for the rows it is given if they need not be ``alike``.

    ``read`` gives the rows of a slice in the precision of ``networks``, which are what
    ``function`` passes rows through and set the size of a chunk; ``write`` maps a chunk of
    results to what is returned of it.
    """
    parameters = [p for network in networks for p in network.parameters()]
    width = max((max(p.shape, default=1) for p in parameters), default=1)
    itemsize = parameters[0].element_size() if parameters else 4
    work = n_samples * sum(p.numel() for p in parameters)
    edges = chunk_edges(n_samples, width, itemsize, device)

    def of_chunk(rows: slice) -> np.ndarray:
        with torch.inference_mode(), aligned_products():
            x = as_tensor(read(rows)).to(device)
            part = function(in_blocks(x) if alike else x)[: rows.stop - rows.start].cpu().numpy()
            return part if write is None else write(part)

    chunks = [slice(start, stop) for start, stop in pairwise(edges)]
    # One thread for each chunk, and so the same last bits however many there are.
    apart = alike and device.type == "cpu" and is_known(*networks)
    workers = n_workers(work) if apart else 1
    with torch_threads(1 if apart or work < SMALL_WORK else None):
        first = of_chunk(chunks[0])
        if len(chunks) == 1:
            return first
        result = np.empty((n_samples, *first.shape[1:]), dtype=first.dtype)
        result[chunks[0]] = first

        def keep(rows: slice) -> None:
            result[rows] = of_chunk(rows)

        in_workers(keep, chunks[1:], workers)
    return result


def is_known(*networks: nn.Module | InPrecision) -> bool:
    """Return whether networks are of torch's and the package's layers alone.

    A user's own may keep something between two calls, and is called by one thread at a time.
    """
    plain = (part.network if isinstance(part, InPrecision) else part for part in networks)
    return all(
        type(layer).__module__.partition(".")[0] in ("torch", "sklearn_aae")
        for network in plain
        for layer in network.modules()
    )


def encode(
    module: AAEModule,
    read: Callable[[slice], np.ndarray],
    n_samples: int,
    device: torch.device,
    dtype: np.dtype,
) -> np.ndarray:
    """Return the codes (posterior modes) of rows on the network's scale."""
    encoder = InPrecision(module.encoder, dtype)
    return map_chunks(
        lambda x: module.encode(x, encoder=encoder), read, n_samples, [encoder], device
    )
