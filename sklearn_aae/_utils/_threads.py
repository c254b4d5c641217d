"""How many threads torch may use, so that small work is quick and repeatable."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from sklearn_aae._utils._defaults import plain_defaults

#: Matrix products of fewer rows than this are split among threads in a way that
#: changes the last bit of their results (measured: 5 to 11 rows, float32).
MIN_ROWS = 32

#: Multiplications below which a second thread costs more than it brings.
SMALL_WORK = 2**26

#: Multiplications of a batch with a layer from which training gains by a second thread
#: (``benchmarks.threads``: 1.04 to 1.55 times from 2 to 17 millions, 1.5 to 1.6 from 34 on).
TRAINING_WORK = 2**22

#: Products by which one thread and two are compared, and the side of their matrices.
N_TRIALS, TRIAL_SIDE = 5, 160

#: Steps after which they are compared again, and seconds of waiting that end two threads at once.
STEPS_ON_AS_MANY, LONG_WAIT = 64, 0.02


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


@cache
def stay_forkable() -> None:
    """Let processes that are forked later use one thread of torch: more would hang there.

    They have none of the threads that this process has woken, and would wait for them.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


@cache
def keep_freed_memory() -> None:
    """Let glibc keep what is freed at the end of its heaps, up to 64 MB, for what is asked next.

    It does so once a block of half the size was freed.  Otherwise each of many steps gets its
    memory anew from the system, page by page, which takes as long as the steps themselves.
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)


@contextmanager
def torch_threads(n_threads: int | None) -> Iterator[None]:
    """Cap the threads of torch in this Python thread for a block; None changes nothing.

    New tensors are float32 on the CPU unless something else is said.
    """
    before = torch.get_num_threads()
    if n_threads != 1 and before > 1:
        stay_forkable()
    with plain_defaults():
        if n_threads is not None and n_threads < before:
            torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            if torch.get_num_threads() != before:
                torch.set_num_threads(before)


class Pace:
    """Lets steps run on two threads of torch, or on one while other processes use the cores.

    With the same bits.  Where no core is idle each product waits for its other half, and a step
    on two threads can take a hundred times as long as on one.
    """

    def __init__(self) -> None:
        self._may_change = torch.get_num_threads() == 2
        self._n_steps = 0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Take a step; what follows has its threads, to the end of :func:`torch_threads`."""
        if not self._may_change:
            yield
            return
        if self._n_steps % STEPS_ON_AS_MANY == 0:
            use_quicker_threads()
        self._n_steps += 1
        start, busy = time.perf_counter(), time.thread_time()
        yield
        busy = time.thread_time() - busy
        if time.perf_counter() - start > 2 * busy + LONG_WAIT:
            torch.set_num_threads(1)


def use_quicker_threads() -> None:
    """Set one thread of torch or two, whichever multiplies quicker at the moment."""
    matrix = torch.ones(TRIAL_SIDE, TRIAL_SIDE)
    seconds = np.zeros((N_TRIALS, 2))
    for row in seconds:
        for i in range(2):
            torch.set_num_threads(i + 1)
            start = time.perf_counter()
            torch.mm(matrix, matrix)
            row[i] = time.perf_counter() - start
    torch.set_num_threads(1 + int(np.median(seconds, axis=0).argmin()))


def n_workers(work: int) -> int:
    """Return among how many threads chunks of rows are shared, of as many multiplications."""
    return 1 if work < SMALL_WORK else torch.get_num_threads()


def in_workers(function: Callable[[Any], None], parts: Sequence[Any], workers: int) -> None:
    """Call a function of each part: one after the other, or in threads with one of torch's each.

    Kernels of torch and numpy run side by side; threads of their own would wait for each other.
    """
    workers = min(workers, len(parts))
    if workers < 2:
        for part in parts:
            function(part)
        return

    def alone(context: Context, part: Any) -> None:
        def run() -> None:
            with torch_threads(1):
                function(part)

        context.run(run)  # what numpy is told to ignore

    with ThreadPoolExecutor(workers) as pool:
        calls = [pool.submit(alone, copy_context(), part) for part in parts]
        try:
            for call in calls:
                call.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
