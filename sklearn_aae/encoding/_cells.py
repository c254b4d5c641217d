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


def in_one_unit(labels: np.ndarray, letter: str) -> np.ndarray:
    """Return dates and durations in microseconds, or nanoseconds if any has some."""
    if any(map(_has_nanoseconds, labels)):
        try:
            whole = [1000 * _microseconds(label) + _nanoseconds(label) for label in labels]
            return np.array(whole, dtype=np.int64).view(f"{letter}8[ns]")
        except OverflowError:  # beyond the years of nanoseconds
            pass
    return np.array(list(map(_microseconds, labels)), dtype=np.int64).view(f"{letter}8[us]")


def _has_nanoseconds(cell: Any) -> bool:
    return _nanoseconds(cell) != 0


def _nanoseconds(cell: Any) -> int:
    """Return the nanoseconds behind the last microsecond of a date or duration."""
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        unit = np.datetime_data(cell.dtype)[0]
        return int(cell.astype(np.int64)) % 1000 if unit == "ns" else 0
    # Timestamp and Timedelta of pandas; the latter counts all below a microsecond too.
    return int(getattr(cell, "nanosecond", getattr(cell, "nanoseconds", 0)))


def _microseconds(cell: Any) -> int:
    """Return whole microseconds since 1970 in UTC, or of a duration."""
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        return int(cell.astype(f"{cell.dtype.kind}8[us]").astype(np.int64))
    if isinstance(cell, datetime.timedelta):
        # Not of nanoseconds, which pandas rounds.
        whole = datetime.timedelta(cell.days, cell.seconds, cell.microseconds)
        return whole // datetime.timedelta(microseconds=1)
    ahead = cell.utcoffset() if isinstance(cell, datetime.datetime) else None
    clock = as_microseconds(cell)
    return clock if ahead is None else clock - ahead // datetime.timedelta(microseconds=1)


def sorted_levels(levels: Iterable[Any]) -> list[Any]:
    """Return levels in order; those of several types by their text, then their type."""
    levels = list(levels)
    try:
        return sorted(levels)
    except TypeError:
        return sorted(levels, key=lambda level: (str(level), str(type(level))))


def as_objects(cells: Iterable[Any]) -> np.ndarray:
    """Return an array of objects that numpy does not look into."""
    cells = list(cells)
    array = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        array[i] = cell
    return array
