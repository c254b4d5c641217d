"""How text writes numbers: found from cells, read by it, written in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from sklearn_aae.encoding._cell_kinds import (
    LEADING_ZERO,
    THOUSANDS,
    WHOLE,
    all_match,
    number_pattern,
)

#: Nine digits give back every float32; scores and codes have no more.
FLOAT_FORMAT = "%.9g"
#: Longer fractions are those of measurements, which nobody fills up with zeros.
MAX_PADDING = 6
#: Numbers of no file that lie outside are written with an exponent: their zeros say nothing.
SMALLEST, LARGEST = 1e-30, 1e30


def find_signs(cells: list[str], decimals: str = ".,") -> tuple[str, str] | None:
    """Return decimal sign and separator of thousands of numbers; None if some are none.

    ``decimals`` are the decimal signs to try, in that order.
    """
    for decimal in decimals:
        if all_match(number_pattern(decimal), cells):
            return decimal, ""
        for thousands in THOUSANDS.replace(decimal, ""):
            if all_match(number_pattern(decimal, thousands), cells):
                return decimal, thousands
    return None


def is_code(cells: Iterable[str]) -> bool:
    """Return whether numbers are codes: one with a leading zero, or all with a plus."""
    cells = list(cells)
    return any(map(LEADING_ZERO.match, cells)) or all(cell[0] == "+" for cell in cells)


def numbers_of(cells: list[str], decimal: str, thousands: str) -> list[Any]:
    """Return what numbers in text stand for: whole ones if all are, else floats."""
    bare = [cell.replace(thousands, "") if thousands else cell for cell in cells]
    if all_match(WHOLE, bare):
        return list(map(int, bare))
    return [float(text.replace(decimal, ".")) for text in bare]


@dataclass(frozen=True)
class NumberNotation:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : str
        The decimal sign.
    least, most : int
        Decimals that all cells have, as in 12.50 or 3.0, and that no cell has more of.
    thousands : str
        What stands between groups of three digits.
    exponents : bool
        Whether some cell has an exponent.
    plus : bool
        Whether positive numbers have a sign.
    """

    decimal: str = "."
    least: int = 0
    most: int = 0
    thousands: str = ""
    exponents: bool = False
    plus: bool = False

    @classmethod
    def find(cls, cells: Iterable[str], decimal: str = ".", thousands: str = "") -> NumberNotation:
        """Return the notation of numbers in text."""
        cells = [cell for cell in cells if "n" not in cell.lower()]
        exponents = any("e" in cell.lower() for cell in cells)
        decimals = [len(cell.partition(decimal)[2]) for cell in cells] or [0]
        least, most = min(decimals), max(decimals)
        return cls(
            decimal=decimal,
            least=0 if exponents or (least > MAX_PADDING and least < most) else least,
            most=most,
            thousands=thousands,
            exponents=exponents,
            plus=any(c[0] == "+" for c in cells)
            and all(c[0] in "+-" for c in cells if _is_large(c)),
        )

    @classmethod
    def of_floats(cls, values: np.ndarray) -> NumberNotation:
        """Return the notation of numbers that no file wrote: all digits that they need."""
        values = np.unique(values)
        values = np.abs(values[np.isfinite(values)])
        small = values[values > 0].astype(np.float64)
        if len(small) and not (small.min() > SMALLEST and small.max() < LARGEST):
            return cls(exponents=True)
        texts = (np.format_float_positional(value, trim="-") for value in values)
        return cls(most=max((len(text.partition(".")[2]) for text in texts), default=0))

    @classmethod
    def of_decimals(cls, cells: Iterable[Decimal]) -> NumberNotation:
        """Return the notation of decimal numbers, which say how many decimals they have."""
        places = {max(0, -int(cell.as_tuple().exponent)) for cell in cells if cell.is_finite()}
        return cls(least=min(places, default=0), most=max(places, default=0))

    @property
    def is_plain(self) -> bool:
        """Whether whole numbers are written as anywhere else."""
        return not (self.thousands or self.plus or self.exponents or self.most)

    @property
    def pattern(self) -> str:
        """What a number looks like: 0, 0.00, 0,## with as many decimals as there are at most."""
        decimals = "0" * self.least + "#" * (self.most - self.least)
        exponent = "e0" if self.exponents else ""
        whole = f"#{self.thousands}##0" if self.thousands else "0"
        sign = "+" if self.plus else ""
        return sign + whole + (self.decimal + decimals if decimals else "") + exponent

    def parse(self, text: str) -> float | None:
        """Return the number that a cell stands for; None if there is none, or an infinite one."""
        for thousands in ("", self.thousands):
            if number_pattern(self.decimal, thousands).fullmatch(text):
                number = numbers_of([text], self.decimal, thousands)[0]
                return number if isinstance(number, int) or np.isfinite(number) else None
        return None

    def texts(self, values: np.ndarray) -> list[str]:
        """Return numbers as text."""
        return [self._text(value) for value in values]

    def _text(self, value: Any) -> str:
        if isinstance(value, Decimal):
            text = f"{value:.{self.most}f}"
        elif self.exponents or isinstance(value, (np.integer, int)):
            text = str(value)
        elif not self.most and value % 1:
            text = FLOAT_FORMAT % value  # what is expected, between whole numbers
        else:
            text = np.format_float_positional(
                value, precision=self.most, min_digits=self.least, trim="k" if self.least else "-"
            )
            if not text.strip("-0."):
                text = text.lstrip("-")
        sign, digits = ("-", text[1:]) if text[0] == "-" else ("+" * self.plus, text)
        whole, point, fraction = digits.partition(".")
        if self.thousands and whole.isdigit():
            whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", self.thousands, whole)
        return sign + whole + (self.decimal if point else "") + fraction


def _is_large(cell: str) -> bool:
    """Return whether a number in text is not 0."""
    return bool(re.search("[1-9]", cell))
