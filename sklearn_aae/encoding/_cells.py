"""What single cells of a table are: missing, a number, a boolean, a timestamp."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def is_missing(cell: Any) -> bool:
    """Return whether a cell is None or does not equal itself.

    NaN and NaT say that they differ from themselves, pandas.NA says NA.
    """
    if cell is None:
        return True
    equal = cell == cell
    return not (is_bool(equal) and equal)


def is_number(cell: Any) -> bool:
    """Return whether a cell is a real number and no boolean.

    numpy's durations say that they are whole numbers.
    """
    is_real = isinstance(cell, (numbers.Real, Decimal))
    return is_real and not isinstance(cell, np.timedelta64) and not is_bool(cell)


def is_bool(cell: Any) -> bool:
    """Return whether a cell is a boolean of Python or numpy."""
    return isinstance(cell, (bool, np.bool_))


def as_microseconds(cell: datetime.date) -> int:
    """Return what a datetime column of a frame would say: wall time since 1970."""
    timestamp = datetime.datetime.fromordinal(cell.toordinal())
    if isinstance(cell, datetime.datetime):
        timestamp = datetime.datetime.combine(timestamp, cell.time())
    return (timestamp - EPOCH) // MICROSECOND


def sorted_levels(levels: Iterable) -> list:
    """Return levels in order; those of several types by their text, then their type."""
    levels = list(levels)
    try:
        return sorted(levels)
    except TypeError:
        return sorted(levels, key=lambda level: (str(level), str(type(level))))


def as_objects(cells: Iterable) -> np.ndarray:
    """Return an array of objects that numpy does not look into."""
    cells = list(cells)
    array = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        array[i] = cell
    return array
