"""What says whether two cells are the same: one value for each, whatever container it came in.

Keys are text, booleans and numbers, as JSON has them, so that rules can be stored and rows of other
tables be looked up: 1, 1.0 and Decimal("1.0") are one number, 0.1 + 0.2 is 0.3, dates are text.
"""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import as_objects, in_one_unit, is_bool, is_missing
from sklearn_aae.encoding._comparable import is_rounding_noise

#: Digits that noise leaves alone.
N_DIGITS = 13
#: Decimals of a second that the units of dates and durations have.
DECIMALS_OF_UNIT = {"D": 0, "s": 0, "ms": 3, "us": 6, "ns": 9}
UNIT_OF_DECIMALS = {0: "s", 3: "ms", 6: "us", 9: "ns"}


def as_moment(units: int, decimals: int) -> str:
    """Return an instant, in units of the last decimal of a second, as text that is no longer."""
    while decimals and units % 1000 == 0:
        units, decimals = units // 1000, decimals - 3
    return str(np.int64(units).view(f"M8[{UNIT_OF_DECIMALS[decimals]}]"))


def as_key(cell: Any) -> Any:
    """Return what stands for a cell, wherever it came from; None for a missing one."""
    if isinstance(cell, (str, bool, int)):
        return cell
    if is_missing(cell):
        return None
    if is_bool(cell):
        return bool(cell)
    if isinstance(cell, (datetime.date, np.datetime64, datetime.timedelta, np.timedelta64)):
        return _as_time(cell)
    if isinstance(cell, Integral):
        return int(cell)
    if isinstance(cell, (Decimal, Fraction)):
        return _as_exact(cell)
    if isinstance(cell, Real):
        storage = cell.dtype if isinstance(cell, np.floating) else np.dtype(np.float64)
        return without_noise(np.array([float(cell)]), storage).item()
    return str(cell)


def _as_time(cell: Any) -> Any:
    """Return a date as text, in UTC if it has a time zone, and a duration in seconds."""
    letter = "m" if isinstance(cell, (datetime.timedelta, np.timedelta64)) else "M"
    timestamps = in_one_unit(as_objects([cell]), letter)
    decimals = DECIMALS_OF_UNIT[np.datetime_data(timestamps.dtype)[0]]
    units = int(timestamps.astype(np.int64)[0])
    if letter == "M":
        return as_moment(units, decimals)
    return round(units / 10**decimals, decimals) if units % 10**decimals else units // 10**decimals


def _as_exact(cell: Decimal | Fraction) -> int | float | str:
    """Return an exact number as a whole one or a float, as text where no float says the same."""
    if isinstance(cell, Decimal) and not cell.is_finite():
        return float(cell)
    exact = Fraction(cell)
    if exact.denominator == 1:
        return int(exact)
    try:
        near = float(cell)
    except OverflowError:
        return str(exact)
    is_near = math.isfinite(near) and exact in (Fraction(repr(near)), Fraction(near))
    return near if is_near else str(exact)


def without_noise(values: np.ndarray, storage: np.dtype) -> np.ndarray:
    """Return floats (n,) as the short numbers that only rounding keeps them from being.

    Each by itself; numbers of float32 as those that they are written as.
    """
    if storage.kind == "f" and storage.itemsize < values.itemsize:
        distinct, place = np.unique(values.astype(storage), return_inverse=True)
        return np.array([float(str(number)) for number in distinct], dtype=np.float64)[place]
    largest = np.abs(values)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        unit = 10.0 ** (np.floor(np.log10(largest)) - (N_DIGITS - 1))
        short = np.rint(largest / unit) * unit
        near = is_rounding_noise(np.minimum(largest, short), np.maximum(largest, short))
    near &= np.isfinite(short) & (values != np.rint(values))
    result: np.ndarray = values + 0.0  # no zero has a sign
    result[near] = [float(f"{number:.{N_DIGITS}g}") for number in values[near].tolist()]
    return result
