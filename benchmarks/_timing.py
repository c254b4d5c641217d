"""Contenders that are timed in turns, and what is said of the times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks._common import Row, verdict


def timed(
    call: Callable[..., Any],
    *arguments: Any,
    clock: Callable[[], float] = time.perf_counter,
    **options: Any,
) -> tuple[Any, float]:
    """Return what a call returns, and how long it takes, by the wall clock if no other is named."""
    start = clock()
    result = call(*arguments, **options)
    return result, clock() - start


def in_turns(
    contenders: Sequence[Callable[[], Any]], repetitions: int, order: np.random.Generator
) -> np.ndarray:
    """Return seconds, (repetitions, contenders).

    The order within a repetition is drawn anew: a contender does not always have the same
    neighbours, which can leave caches warm or the chip hot.
    """
    seconds = np.zeros((repetitions, len(contenders)))
    for row in seconds:
        for i in order.permutation(len(contenders)):
            row[i] = timed(contenders[i])[1]
    return seconds


def quartiles(values: Sequence[float] | np.ndarray, form: str) -> str:
    """Return the quartiles of repeated measurements, as text."""
    low, high = np.quantile(values, [0.25, 0.75])
    return f"{low:{form}} to {high:{form}}"


def ratio_columns(ratios: np.ndarray, side: str, bound: float | None, name: str = "median") -> Row:
    """Return median and quartiles of ratios, and whether the median is what it should be."""
    median = float(np.median(ratios))
    columns = {name: f"{median:.2f}", "quartiles": quartiles(ratios, ".2f")}
    return columns | verdict(median, side, bound)
