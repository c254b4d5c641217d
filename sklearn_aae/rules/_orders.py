"""Columns of which one is never above the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_aae.encoding import DATETIME, DURATION, NUMBER
from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._table import AWARE, Cells, RuleTable, in_one_unit
from sklearn_aae.typing import Label

#: Kinds of columns that have an order.
ORDERED = (NUMBER, DATETIME, AWARE, DURATION)


@dataclass(frozen=True, repr=False)
class Order(Rule):
    """One column is never above another one.

    Parameters
    ----------
    low, high : label
        Two columns of numbers, of dates, or of durations; positions in arrays.
    strict : bool, default=False
        Whether they are never equal, either.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Order
    >>> Order("start", "end")
    start <= end
    >>> Order(0, 1).broken([[3, 4], [4, 3]])
    array([False,  True])
    """

    low: Label
    high: Label
    strict: bool = False

    @property
    def columns(self) -> tuple[Label, ...]:
        """The lower and the higher column."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.low} {'<' if self.strict else '<='} {self.high}"

    def _misfit(self, cells: list[Cells]) -> str | None:
        kinds = [column.kind for column in cells]
        if len({*kinds}) <= 1 and {*kinds} <= {*ORDERED}:
            return None
        return f"two columns of numbers, dates or durations; these are {' and '.join(kinds)}."

    def _broken(self, table: RuleTable) -> np.ndarray:
        low, high = sides(table[self.low], table[self.high])
        return low >= high if self.strict else low > high


def sides(first: Cells, second: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return two columns as arrays that compare as their cells do."""
    found = in_one_unit([first, second], 0)
    if found is None:
        return first.numbers, second.numbers
    low, high = found[0]
    return low, high
