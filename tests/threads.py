"""Threads in the place of processes that read files together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor


class ThreadRanks:
    """What one of several threads knows of the others, as Ranks of processes do."""

    def __init__(self, rank, barrier, board):
        self.rank, self.size = rank, barrier.parties
        self.place = self.rank, self.size
        self._barrier, self._board = barrier, board

    def exchange(self, answer):
        self._board[self.rank] = answer
        self._barrier.wait()
        answers = [self._board[rank] for rank in range(self.size)]
        self._barrier.wait()
        return answers

    def add(self, tensor):
        tensor.copy_(sum(self.exchange(tensor.clone())))


def together(n_threads, function):
    """Return what a function of ranks returns in each of so many threads."""
    barrier, board = threading.Barrier(n_threads, timeout=30), {}

    def run(rank):
        try:
            return function(ThreadRanks(rank, barrier, board))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, range(n_threads)))
