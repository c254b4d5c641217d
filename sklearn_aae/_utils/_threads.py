"""How many threads torch may use, so that small work is quick and repeatable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from sklearn_aae._utils._defaults import plain_defaults

#: Matrix products of fewer rows than this are split among threads in a way that
#: changes the last bit of their results (measured: 5 to 11 rows, float32).
MIN_ROWS = 32

#: Multiplications below which a second thread costs more than it brings.
SMALL_WORK = 2**26


@contextmanager
def quiet_pools(work: int) -> Iterator[None]:
    """Keep scikit-learn's threads asleep for a block of small work, as many multiplications.

    A process that is forked later hangs if this one has ever woken them.
    """
    if work >= SMALL_WORK:
        yield
        return
    with threadpool_limits(1, user_api="openmp"):
        yield


@contextmanager
def torch_threads(n_threads: int | None) -> Iterator[None]:
    """Cap the threads of torch in this Python thread for a block; None changes nothing.

    New tensors are float32 on the CPU unless something else is said.
    """
    before = torch.get_num_threads()
    with plain_defaults():
        if n_threads is None or n_threads >= before:
            yield
            return
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
