"""Products of matrices whose rows do not see each other, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sklearn_aae._utils._defaults import function_modes

#: Rows of a block: of no other number of rows are products so sure to treat all of them alike.
BLOCK = 24
#: Kernels read so many bytes at once, and what begins between two such steps in another way.
STEP = 16


def block_size(most: int) -> int:
    """Return a number of rows, at most so many, for which products treat all rows alike.

    Kernels take 4, 8, 12 or 24 rows at a time, and those that are left over another way, which
    shows in the last bits.  At least 24; larger ones are multiples of each other.
    """
    size = BLOCK
    while 2 * size <= most:
        size *= 2
    return size


def in_blocks(rows: torch.Tensor) -> torch.Tensor:
    """Return rows with the last one repeated until they are a multiple of ``BLOCK``."""
    missing = -len(rows) % BLOCK
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows


@contextmanager
def aligned_products() -> Iterator[None]:
    """Let products read and write rows that all begin at a whole step of memory.

    Others are read or written another way every second or fourth row, which shows in the last
    bits: a row would have another code elsewhere in the table.
    """
    if any(isinstance(mode, _AlignedProducts) for mode in function_modes()):
        yield
        return
    with _AlignedProducts():
        yield


class _AlignedProducts(TorchFunctionMode):
    """What :func:`aligned_products` puts in the place of torch's functions, in this thread."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is functional.linear and args:
            args = (aligned(args[0]), *args[1:])
        elif func is torch.baddbmm and len(args) == 3:
            bias, rows, weight = args
            missing = _missing(weight)
            if missing:
                bias, weight = (functional.pad(part, (0, missing)) for part in (bias, weight))
                return func(bias, rows, weight)[..., :-missing]
        return func(*args, **(kwargs or {}))


def aligned(rows: torch.Tensor) -> torch.Tensor:
    """Return rows (..., k) that all begin at a whole step of memory."""
    missing = _missing(rows)
    return functional.pad(rows, (0, missing))[..., :-missing] if missing else rows


def _missing(rows: torch.Tensor) -> int:
    """Return how many entries rows lack to be a number of whole steps long."""
    return -rows.shape[-1] % (STEP // rows.element_size())
