"""Columns that are computed from others: sums, differences and products."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Integral
from typing import Self

import numpy as np

from sklearn_aae.encoding import BOOLEAN, DATETIME, DURATION, NUMBER, is_rounding_noise
from sklearn_aae.encoding._comparable import ULPS
from sklearn_aae.rules._base import (
    Rule,
    as_decimal,
    as_label,
    as_text,
    as_units,
    decimals_of,
    not_numbers,
)
from sklearn_aae.rules._table import AWARE, ROOM, Cells, RuleTable, in_one_unit
from sklearn_aae.typing import Label, Number

#: Kinds that can be added.
NUMBERS, TIMES, CLOCKS = {NUMBER, BOOLEAN}, {DATETIME, AWARE, DURATION}, (DATETIME, AWARE)


@dataclass(frozen=True, repr=False)
class Linear(Rule):
    """Columns, added and subtracted, that give one of a few amounts."""

    @property
    @abstractmethod
    def terms(self) -> tuple[tuple[int, Label], ...]:
        """The columns with their signs; the first one is what the others add up to."""

    @property
    @abstractmethod
    def amounts(self) -> tuple[Decimal, ...]:
        """What the terms add up to."""

    @property
    def columns(self) -> tuple[Label, ...]:
        """The columns that are added."""
        return tuple(name for _, name in self.terms)

    def _misfit(self, cells: list[Cells]) -> str | None:
        kinds = {column.kind for column in cells}
        signs = {name: sign for sign, name in self.terms}
        clocks = [signs[column.name] for column in cells if column.kind in CLOCKS]
        # A date less a date is a duration; two dates have no sum.
        balanced = len(cells) < len(self.terms) or not sum(clocks)
        if (kinds <= NUMBERS or kinds <= TIMES) and balanced and not {*CLOCKS} <= kinds:
            return None
        listed = ", ".join(f"{column.name!r} ({column.kind})" for column in cells)
        return f"numbers, or dates and durations that can be added; got {listed}."

    def residuals(self, table: RuleTable) -> tuple[np.ndarray, int] | None:
        """Return what the terms add up to, in units of the last decimal, and their number."""
        signs = [sign for sign, _ in self.terms]
        found = in_one_unit([table[name] for name in self.columns], decimals_of(self.amounts))
        if found is None:
            return None
        columns, decimals = found
        return sum(
            (sign * column for sign, column in zip(signs, columns, strict=True)),
            start=np.zeros(table.n_rows, dtype=np.int64),
        ), decimals

    def _broken(self, table: RuleTable) -> np.ndarray:
        found = self.residuals(table)
        if found is None:
            return self._broken_floats(table)
        totals, decimals = found
        amounts = [as_units(amount, decimals) for amount in self.amounts]
        return ~np.isin(totals, np.array(amounts, dtype=totals.dtype))

    def _broken_floats(self, table: RuleTable) -> np.ndarray:
        """Return the same for numbers without a last decimal, which differ by rounding."""
        (sign, first), *others = self.terms
        left = sign * table[first].numbers.astype(np.float64)
        columns = [-other * table[name].numbers.astype(np.float64) for other, name in others]
        right = np.sum(columns, axis=0) if columns else np.zeros_like(left)
        largest = np.max(np.abs([left, *columns]), axis=0)
        kept = np.zeros(table.n_rows, dtype=bool)
        for amount in self.amounts:
            gap = np.abs(left - right - float(amount))
            kept |= is_rounding_noise(largest, largest + gap)
        return ~kept


@dataclass(frozen=True, repr=False)
class Sum(Linear):
    """One column is the sum of others, or that and one of a few amounts.

    Numbers are compared in whole units of their last decimal.

    Parameters
    ----------
    total : label or None
        The sum; None if the parts add up to the offset alone, as the indicators of a category
        add up to 1.
    parts : list of label
        What is added: numbers, or a date and durations.
    offsets : sequence of number or timedelta, default=(0,)
        What may come on top.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Sum
    >>> Sum("total", ["fare", "tip"])
    total = fare + tip
    >>> Sum(None, ["car", "bus", "bike"], offsets=[1])
    car + bus + bike = 1
    >>> Sum("total", ["fare", "tip"], offsets=[0, 0.5, 2.75])
    total - fare - tip is one of 3 amounts
    >>> Sum(2, [0, 1]).broken([[0.1, 0.2, 0.3], [0.1, 0.2, 0.31]])
    array([False,  True])
    """

    total: Label
    parts: Sequence[Label]
    offsets: Sequence[Number] = (0,)

    def __post_init__(self) -> None:
        if isinstance(self.parts, str) or not len(self.parts):
            raise ValueError(f"parts must be a list of columns; got {self.parts!r}.")
        if isinstance(self.offsets, str) or not isinstance(self.offsets, Iterable):
            raise ValueError(f"offsets must be a list of numbers; got {self.offsets!r}.")
        offsets = self.amounts
        if not offsets:
            raise ValueError("offsets must hold at least one number; no offset is 0.")
        self._set(
            total=as_label(self.total),
            parts=tuple(as_label(part) for part in self.parts),
            offsets=offsets,
        )

    @property
    def terms(self) -> tuple[tuple[int, Label], ...]:
        """The total, and the parts with a minus."""
        if self.total is None:
            return tuple((1, part) for part in self.parts)
        return (1, self.total), *((-1, part) for part in self.parts)

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """What comes on top."""
        return tuple(as_decimal(number, "offsets") for number in self.offsets)

    def __str__(self) -> str:
        added = " + ".join(map(str, self.parts))
        if len(self.offsets) == 1:
            offset = self.amounts[0]
            if self.total is None:
                return f"{added} = {as_text(offset)}"
            sign = "+" if offset > 0 else "-"
            more = f" {sign} {as_text(abs(offset))}" if offset else ""
            return f"{self.total} = {added}{more}"
        if self.total is not None:
            added = " - ".join(map(str, (self.total, *self.parts)))
        return f"{added} is one of {len(self.offsets)} amounts"


@dataclass(frozen=True, repr=False)
class Difference(Linear):
    """One column is another one less a third one.

    Parameters
    ----------
    difference : label
        The difference: a number, or a duration.
    minuend, subtrahend : label
        What it is the difference of: numbers, dates or durations.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Difference
    >>> Difference("net", "gross", "tax")
    net = gross - tax
    """

    difference: Label
    minuend: Label
    subtrahend: Label

    @property
    def terms(self) -> tuple[tuple[int, Label], ...]:
        """The three columns with their signs."""
        return (1, self.difference), (-1, self.minuend), (1, self.subtrahend)

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """Nothing comes on top."""
        return (Decimal(0),)

    def __str__(self) -> str:
        return f"{self.difference} = {self.minuend} - {self.subtrahend}"


@dataclass(frozen=True, repr=False)
class Product(Rule):
    """One column is the product of two others, rounded to its last decimal.

    Parameters
    ----------
    product : label
        The product.
    factors : list of label
        What is multiplied.
    decimals : int or None, default=None
        To how many decimals products are rounded; None takes those of the table.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Product
    >>> Product("amount", ["price", "pieces"])
    amount = price * pieces
    >>> Product(2, [0, 1]).broken([[1.25, 3, 3.75], [1.5, 2, 3.25]])
    array([False,  True])
    """

    product: Label
    factors: Sequence[Label]
    decimals: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.factors, str) or len(self.factors) != 2:
            raise ValueError(f"factors must be a list of two columns; got {self.factors!r}.")
        if not isinstance(self.decimals, (Integral, type(None))):
            raise ValueError(f"decimals must be a whole number or None; got {self.decimals!r}.")
        self._set(
            product=as_label(self.product), factors=tuple(as_label(name) for name in self.factors)
        )

    @property
    def columns(self) -> tuple[Label, ...]:
        """The product and its factors."""
        return self.product, *self.factors

    def __str__(self) -> str:
        return f"{self.product} = {' * '.join(map(str, self.factors))}"

    def _misfit(self, cells: list[Cells]) -> str | None:
        return not_numbers(cells, NUMBERS)

    def _learn(self, table: RuleTable) -> Self:
        """Return the rule with the decimals of a table."""
        if self.decimals is not None or table[self.product].whole is None:
            return self
        return replace(self, decimals=table[self.product].decimals)

    def _broken(self, table: RuleTable) -> np.ndarray:
        product, *factors = (table[name] for name in self.columns)
        wholes = [column.whole for column in (product, *factors)]
        if any(whole is None for whole in wholes):
            return self._broken_floats(product, factors)
        result, a, b = (whole for whole in wholes if whole is not None)
        if int(np.abs(a).max(initial=0)) * int(np.abs(b).max(initial=0)) >= ROOM:
            a, b = a.astype(object), b.astype(object)
        exact, of_factors = a * b, sum(column.decimals for column in factors)
        # In units of the finer of both; the decimals of some rows do not decide about others.
        finest = max(of_factors, product.decimals)
        result = _in_finer_units(result, finest - product.decimals)
        exact = _in_finer_units(exact, finest - of_factors)
        decimals = product.decimals if self.decimals is None else self.decimals
        unit = 10 ** (finest - decimals) if finest > decimals else 0
        returned: np.ndarray = 2 * np.abs(result - exact) > unit
        return returned

    def _broken_floats(self, product: Cells, factors: list[Cells]) -> np.ndarray:
        values = product.numbers.astype(np.float64)
        exact = np.prod([column.numbers.astype(np.float64) for column in factors], axis=0)
        half = 0.0 if self.decimals is None else 0.5 * 10.0**-self.decimals
        apart = np.maximum(np.abs(values - exact) - half, 0.0)
        largest = np.maximum(np.abs(values), np.abs(exact))
        result: np.ndarray = ~is_rounding_noise(largest, largest + apart)
        return result


def _in_finer_units(whole: np.ndarray, decimals: int) -> np.ndarray:
    """Return whole numbers in units of so many decimals more, as Python's where these are large."""
    if int(np.abs(whole).max(initial=0)) * 10**decimals >= ROOM:
        whole = whole.astype(object)
    finer: np.ndarray = whole * 10**decimals
    return finer


def over_of_floats(
    rule: Linear | Product, columns: Mapping[Label, np.ndarray], decimals: int
) -> np.ndarray:
    """Return what is over, in units of a decimal, where some numbers have no last decimal."""
    with np.errstate(over="ignore", invalid="ignore"):
        first, *others = (columns[name] * 10.0**decimals for name in rule.columns)
        if isinstance(rule, Product):
            exact = others[0] * others[1] / 10.0**decimals
            rounded = np.floor(exact + ULPS * np.spacing(np.abs(exact)) + 0.5)
            return without_rounding(first - rounded, np.maximum(np.abs(first), np.abs(exact)))
        signs = np.array([[sign] for sign, _ in rule.terms])
        terms = signs * np.array([first, *others])
        amount = float(rule.amounts[0]) * 10.0**decimals if len(rule.amounts) == 1 else 0.0
        largest = len(terms) * np.abs(terms).max(axis=0)
        return without_rounding(terms.sum(axis=0) - amount, largest)


def without_rounding(units: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Return numbers that only rounding keeps from being whole as whole ones.

    ``largest`` (n,) are the numbers of which they were computed.
    """
    nearest = np.rint(units)
    slack = ULPS * np.spacing(np.abs(largest))
    result: np.ndarray = np.where(np.abs(units - nearest) <= slack, nearest, units)
    return result
