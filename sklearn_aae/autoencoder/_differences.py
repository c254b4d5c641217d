"""Columns of numbers that rules say by others: what is over is drawn in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.autoencoder._keeper import RuleKeeper
from sklearn_aae.encoding import BOOLEAN, NUMBER
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._enforcement import Enforcement
from sklearn_aae.rules._orders import Order
from sklearn_aae.rules._reexpression import Step


@dataclass
class Difference:
    """What is over of a column: the sum of some columns with their signs, by position.

    ``decimals`` are those of the columns, None where one of them has no last decimal.
    """

    target: int
    signs: dict[int, int]
    decimals: int | None

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return what is over in rows (n_samples, n_columns)."""
        over: np.ndarray = np.zeros(len(rows))
        for j, sign in self.signs.items():
            over += sign * rows[:, j].astype(np.float64)
        return over


@dataclass
class Differences:
    """A table of numbers with what is over in place of the columns that rules say by others.

    Parameters
    ----------
    found : list of Difference
        Each column comes after those that it is said by.
    """

    found: list[Difference]

    @classmethod
    def of(cls, keeper: RuleKeeper | None) -> Differences:
        """Return those of the rules that a keeper enforces: sums, differences and orders."""
        if keeper is None or keeper.enforcement is None:
            return cls([])
        names, enforced = keeper.words.names, keeper.enforcement
        steps = (_difference(step, names, enforced) for step in keeper.words.steps)
        return cls([difference for difference in steps if difference is not None])

    def column(self, rows: np.ndarray, j: int) -> np.ndarray:
        """Return a column of rows, as round as the columns that it is made of."""
        for difference in self.found:
            if difference.target == j:
                over = difference.of(rows)
                return over if difference.decimals is None else over.round(difference.decimals)
        return rows[:, j]

    def express(self, rows: np.ndarray, *, rounded: bool = True) -> np.ndarray:
        """Return rows, or means, which are not to be rounded, with what is over."""
        if not self.found:
            return rows
        expressed = rows.astype(np.float64)
        for difference in self.found:
            j = difference.target
            expressed[:, j] = self.column(rows, j) if rounded else difference.of(rows)
        return expressed

    def restore(self, expressed: np.ndarray) -> np.ndarray:
        """Return the columns of the table."""
        rows = expressed.copy()
        for difference in self.found:
            target, own = difference.target, difference.signs[difference.target]
            over = rows[:, target].copy()
            rows[:, target] = 0
            rows[:, target] = own * (over - difference.of(rows))
            if difference.decimals is not None:
                rows[:, target] = rows[:, target].round(difference.decimals)
        return rows


#: Of a table without such columns.
NO_DIFFERENCES = Differences([])


def _difference(step: Step, names: list[Any], enforced: Enforcement) -> Difference | None:
    """Return what is over of a column by a rule, None if that is no sum of numbers."""
    rule = step.rule
    if step.kind not in (NUMBER, BOOLEAN):
        return None
    if isinstance(rule, Linear):
        terms = rule.terms
    elif isinstance(rule, Order):
        terms = ((1, rule.high), (-1, rule.low))
    else:
        return None
    decimals = [enforced.decimals.get(name) for _, name in terms]
    known = [n for n in decimals if n is not None]
    return Difference(
        names.index(step.target),
        {names.index(name): sign for sign, name in terms},
        max(known) if len(known) == len(decimals) else None,
    )
