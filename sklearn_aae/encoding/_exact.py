"""Numbers that float64 cannot hold: Decimals, fractions, integers beyond 64 bits."""

from __future__ import annotations

import bisect
import math
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import as_objects

#: Numbers are counted from the least one if no count is beyond this, else by their order.
MOST = 2**62


def needs_exactness(labels: np.ndarray) -> bool:
    """Return whether numbers are exact objects that are more than whole numbers of 64 bits."""
    if not all(isinstance(label, (Rational, Decimal)) for label in labels):
        return False
    ends = (np.iinfo(np.int64).min, np.iinfo(np.uint64).max)
    whole = [int(label) for label in labels if isinstance(label, Integral)]
    if len(whole) < len(labels) or min(whole) < ends[0] or max(whole) > ends[1]:
        return all(math.isfinite(label) for label in labels if isinstance(label, Decimal))
    return min(whole) < 0 and max(whole) > np.iinfo(np.int64).max


class ExactNumbers:
    """Exact numbers as whole numbers of 64 bits, and back.

    These count the steps from the least number, all numbers of training being a whole number
    of steps apart; or, where there are too many steps, they are positions in its order.

    Attributes
    ----------
    denominator : int
        What makes all numbers whole.
    start, size : int
        The least number and the step, times ``denominator``.
    decimals : int or None
        Of Decimals, if all have the same number of digits behind the point.
    order : list of Fraction or None
        The distinct numbers, if they are counted by their order.
    """

    def __init__(self, cells: np.ndarray) -> None:
        distinct = set(cells.tolist())
        self.are_whole = all(isinstance(cell, Integral) for cell in distinct)
        self.are_decimals = any(isinstance(cell, Decimal) for cell in distinct)
        self.decimals: int | None = None
        self.denominator = math.lcm(*(as_fraction(cell).denominator for cell in distinct))
        if self.are_decimals:
            digits = {max(-_exponent(cell), 0) for cell in distinct}
            self.decimals = digits.pop() if len(digits) == 1 else None
        fractions = sorted(map(as_fraction, distinct))
        whole = [int(number * self.denominator) for number in fractions]
        self.start = whole[0]
        self.size = math.gcd(*(number - self.start for number in whole)) or 1
        self.last = (whole[-1] - self.start) // self.size
        self.order: list[Fraction] | None = None
        if self.last > MOST:
            self.order, self.last = fractions, len(fractions) - 1

    @property
    def most_decimals(self) -> int | None:
        """How many digits behind the point are enough for all; None if none are."""
        digits = 0
        while 10**digits % self.denominator:
            digits += 1
            if digits > self.denominator.bit_length():
                return None
        return digits

    @property
    def step(self) -> float | None:
        """How far neighbours are from each other, if not by the last of their decimals."""
        digits = self.most_decimals
        finest = digits is not None and Fraction(self.size, self.denominator) == Fraction(
            1, 10**digits
        )
        return None if self.order is not None or finest else self.size / self.denominator

    def index(self, number: Any) -> int | Fraction:
        """Return the count of a number, a fraction if it is none of the steps.

        Of numbers that are counted by their order, those in between are in the middle.
        """
        exact = as_fraction(number)
        if self.order is None:
            count = (exact * self.denominator - self.start) / self.size
            return int(count) if count.denominator == 1 else count
        place = bisect.bisect_left(self.order, exact)
        known = place < len(self.order) and self.order[place] == exact
        return place if known else Fraction(2 * place - 1, 2)

    def indices(self, numbers: list[Any]) -> np.ndarray:
        """Return the nearest counts of numbers, int64; beyond the ends a step further."""
        counts = [self._nearest(number) for number in numbers]
        return np.array(counts, dtype=np.int64).reshape(-1)

    def _nearest(self, number: Any) -> int:
        exact = as_fraction(number)
        count = self.index(exact)
        if self.order is not None and isinstance(count, Fraction) and 0 < count < self.last:
            left, right = self.order[math.floor(count)], self.order[math.ceil(count)]
            count = math.floor(count) if exact - left <= right - exact else math.ceil(count)
        return max(-MOST, min(MOST, round(count)))

    def cells(self, indices: np.ndarray) -> np.ndarray:
        """Return the numbers of counts, as the objects that came in."""
        numbers = self._numbers(indices)
        if self.are_decimals:
            return as_objects(map(self._as_decimal, numbers))
        return as_objects(map(int, numbers) if self.are_whole else numbers)

    def floats(self, indices: np.ndarray) -> np.ndarray:
        """Return the numbers of counts as floats."""
        return np.array([float(number) for number in self._numbers(indices)])

    def _numbers(self, indices: np.ndarray) -> list[Fraction]:
        counts = indices.clip(0, self.last).tolist()
        if self.order is not None:
            return [self.order[count] for count in counts]
        return [Fraction(self.start + self.size * count, self.denominator) for count in counts]

    def _as_decimal(self, number: Fraction) -> Decimal:
        digits = self.decimals
        if digits is None:
            digits = 0
            while number.denominator != 1 and 10**digits % number.denominator:
                digits += 1
        # Of text, for computing with Decimals rounds to 28 digits.
        return Decimal(f"{int(number * 10**digits)}e-{digits}" if digits else str(int(number)))


def as_fraction(number: Any) -> Fraction:
    """Return a number that is exact as a fraction."""
    return Fraction(number.item() if isinstance(number, np.generic) else number)


def _exponent(number: Any) -> int:
    exponent = number.as_tuple().exponent if isinstance(number, Decimal) else 0
    return int(exponent)
