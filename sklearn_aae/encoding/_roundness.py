"""Which of the numbers that stream by are less round than those before them."""

from __future__ import annotations

import math

import numpy as np

from sklearn_aae.encoding._grids import EXACT
from sklearn_aae.encoding._number_columns import MOST_DECIMALS, rounded


class Roundness:
    """Decimals of numbers, and the step of the grid that they lie on, so far.

    A sample with the numbers that :meth:`first_less_round` finds is as round as all of them.

    Attributes
    ----------
    decimals : int or None
        To how many decimals all are given; None for no rounding.
    step : int
        What all are multiples of, from ``origin`` on, in units of the last decimal; 0 before
        there are two numbers.
    """

    def __init__(self) -> None:
        self.decimals: int | None = 0
        self.step = 0
        self.origin: int | None = None

    def first_less_round(self, values: np.ndarray) -> list[int]:
        """Return the indices of numbers, which are int64 or floats, that are less round."""
        found: list[int] = []
        if not len(values) or self.decimals is None:
            return found
        if values.dtype.kind == "f":
            found += self._more_decimals(values)
            if self.decimals is None:
                return found
            scaled = np.rint(values.astype(np.float64) * 10.0**self.decimals)
            if not (np.abs(scaled) < EXACT).all():
                self.decimals = None
                return found
            values = scaled.astype(np.int64)
        return found + self._off_grid(values)

    def _more_decimals(self, values: np.ndarray) -> list[int]:
        found = []
        wide = values.astype(np.float64)
        while self.decimals is not None:
            off = np.flatnonzero(rounded(wide, self.decimals).astype(values.dtype) != values)
            if not len(off):
                break
            found.append(int(off[0]))
            self.decimals += 1
            self.step *= 10
            self.origin = None if self.origin is None else 10 * self.origin
            if self.decimals > MOST_DECIMALS:
                self.decimals = None
        return found

    def _off_grid(self, values: np.ndarray) -> list[int]:
        found = []
        if self.origin is None:
            self.origin = int(values[0])
            found.append(0)
        while self.step != 1:
            # Modulo 2**64 the distance is right whatever the signs.
            ahead = np.abs(values - self.origin)
            off = np.flatnonzero(ahead % self.step if self.step else ahead)
            if not len(off):
                break
            found.append(int(off[0]))
            self.step = math.gcd(self.step, int(ahead[off[0]]))
        return found
