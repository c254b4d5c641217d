"""What the columns of an encoded table are; heads and losses read this and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

#: The most values that one digit takes: what one softmax of the decoder is over.
MAX_DIGIT = 64
#: The same of categories: which levels of a digit go with which of the next would have to be
#: learned for each by itself, and of rare ones there are too few rows for that.
MAX_CATEGORY_DIGIT = 256

#: Kinds of columns whose levels lie on an axis, so that they have a median.
ON_AN_AXIS = ("number", "datetime", "duration")


def digit_sizes(n_levels: int, max_digit: int = MAX_DIGIT) -> tuple[int, ...]:
    """Return the sizes of the digits that a level is written in, most significant first.

    One digit up to ``max_digit`` levels; beyond, the fewest digits of a common base
    ``b = ceil(n_levels ** (1 / m))``, the first of them as small as the levels allow.
    """
    if n_levels <= max_digit:
        return (n_levels,)
    n_digits = 2
    while max_digit**n_digits < n_levels:
        n_digits += 1
    base = math.ceil(n_levels ** (1 / n_digits))
    # A root in floating point may fall on either side of a whole number.
    while (base - 1) ** n_digits >= n_levels:
        base -= 1
    while base**n_digits < n_levels:
        base += 1
    first = -(-n_levels // base ** (n_digits - 1))
    return (first, *[base] * (n_digits - 1))


@dataclass(frozen=True, eq=False)
class Span:
    """One column of the table.

    Attributes
    ----------
    name : object
        Label of the column; its position for arrays.
    kind : {"number", "boolean", "category", "datetime", "duration", "empty"}
        What its cells are.  A number that was declared a category is a "category".
    n_levels : int
        How many levels there are, the missing one included.
    missing : int or None
        The level of a missing cell, always the last; None if ``fit`` saw none.
    ordered : bool
        Whether the order of the levels means something: numbers, dates, durations,
        ordered categoricals, and text of so many levels that neighbours in
        lexical order share a prefix.
    shares : ndarray of shape (n_levels,), float64
        Share of the training rows in each level; they add up to 1.
    ranks : ndarray of shape (n_levels,), float64
        Mid-rank of each level in [0, 1]: the share of the present training cells in
        lower levels plus half of its own.  The missing level has 0.5.
    digits : tuple of int
        Sizes of the digits that a level is written in, most significant first.
    repeats : bool
        Whether levels are drawn as one of their training values; otherwise values
        between neighbouring training values are drawn too.
    integer : bool
        Whether all numbers are whole.
    decimals : int or None
        To how many decimals all numbers are given; None if that is no short decimal.
    step : float or None
        The step that all numbers are multiples of from each other, if that is coarser than
        their decimals: 15, 0.25, a third.
    low, high : ndarray of shape (n_levels,), float64, or None
        Smallest and largest training value of each level, NaN for the missing level;
        dates and durations in ``unit``.  None for categories.
    unit : str or None
        The unit of dates (since 1970, in UTC) and durations: "D", "s", "ms", "us", "ns".
    resolution : int or None
        The step in ``unit`` that all dates or durations are multiples of from each other.
    text : str or None
        How numbers or dates are written in a column of text: "%d.%m.%Y" as in strftime, or
        "0.00".  None for columns that are no text, or that are nothing but text.
    """

    name: Any
    kind: str
    n_levels: int
    missing: int | None
    ordered: bool
    shares: np.ndarray
    ranks: np.ndarray
    digits: tuple[int, ...]
    repeats: bool = True
    integer: bool = False
    decimals: int | None = None
    step: float | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    unit: str | None = None
    resolution: int | None = None
    text: str | None = None

    @property
    def n_present(self) -> int:
        """How many levels there are without the missing one."""
        return self.n_levels - (self.missing is not None)


def mid_ranks(counts: np.ndarray) -> np.ndarray:
    """Return the mid-rank in [0, 1] of each level of these training counts."""
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum()
    return (np.cumsum(counts) - counts / 2) / total if total else np.full(len(counts), 0.5)


def make_span(
    name: Any, kind: str, counts: np.ndarray, n_missing: int, *, ordered: bool, **more: Any
) -> Span:
    """Return the span of a column whose present levels have these training counts."""
    counts = np.asarray(counts, dtype=np.float64)
    ranks = mid_ranks(counts)
    if n_missing:
        counts = np.append(counts, n_missing)
        ranks = np.append(ranks, 0.5)
        for edge in ("low", "high"):
            if edge in more:
                more[edge] = np.append(more[edge], np.nan)
    n_levels = len(counts)
    return Span(
        name=name,
        kind=kind,
        n_levels=n_levels,
        missing=n_levels - 1 if n_missing else None,
        ordered=ordered,
        shares=counts / counts.sum(),
        ranks=ranks,
        digits=digit_sizes(n_levels, MAX_CATEGORY_DIGIT if kind == "category" else MAX_DIGIT),
        **more,
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of an encoded table, in the table's order.

    Attributes
    ----------
    spans : tuple of Span
        One for each column.
    """

    spans: tuple[Span, ...]

    @property
    def n_columns(self) -> int:
        """How many columns the table has."""
        return len(self.spans)

    @cached_property
    def n_levels(self) -> np.ndarray:
        """Levels of each column, shape (n_columns,), int64."""
        return np.array([span.n_levels for span in self.spans], dtype=np.int64)

    @cached_property
    def digit_sizes(self) -> np.ndarray:
        """Sizes of all digits, shape (n_digits,), int64."""
        return np.array([size for span in self.spans for size in span.digits], dtype=np.int64)

    @cached_property
    def column_of_digit(self) -> np.ndarray:
        """The column that each digit belongs to, shape (n_digits,), int64."""
        return np.repeat(np.arange(self.n_columns), [len(span.digits) for span in self.spans])

    @property
    def n_digits(self) -> int:
        """How many digits a row has."""
        return len(self.digit_sizes)

    def to_digits(self, levels: np.ndarray) -> np.ndarray:
        """Return levels (n, n_columns) as digits (n, n_digits), int64."""
        digits = np.empty((len(levels), self.n_digits), dtype=np.int64)
        last = self.n_digits
        for j in range(self.n_columns - 1, -1, -1):
            rest = levels[:, j].astype(np.int64)
            sizes = self.spans[j].digits
            for size in sizes[:0:-1]:
                last -= 1
                rest, digits[:, last] = np.divmod(rest, size)
            last -= 1
            digits[:, last] = rest
        return digits

    def from_digits(self, digits: np.ndarray) -> np.ndarray:
        """Return digits (n, n_digits) as levels (n, n_columns), int64.

        Digits can stand for more than there are levels; what does not exist becomes
        the last level.
        """
        levels = np.zeros((len(digits), self.n_columns), dtype=np.int64)
        sizes = self.digit_sizes
        for d, j in enumerate(self.column_of_digit):
            levels[:, j] = levels[:, j] * sizes[d] + digits[:, d]
        result: np.ndarray = np.minimum(levels, self.n_levels - 1, out=levels)
        return result


@dataclass(frozen=True, eq=False)
class TableFacts:
    """What networks are built for.

    Parameters
    ----------
    n_samples : int
        Number of training rows.
    constant : ndarray of shape (n_features,), bool
        For numbers: the columns that hold one value only.
    layout : Layout or None
        For levels: the columns.
    missing : ndarray of shape (n_features,), float64, or None
        For numbers: the share of missing cells of each column.  Where there are some, a flag
        says which.
    center : ndarray of shape (n_features,), float64, or None
        For numbers: the mean of each column, on the networks' scale.
    """

    n_samples: int
    constant: np.ndarray
    layout: Layout | None = None
    missing: np.ndarray | None = None
    center: np.ndarray | None = None

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return len(self.constant)

    @property
    def n_flags(self) -> int:
        """Number of columns of numbers that have missing cells."""
        return 0 if self.missing is None else int((self.missing > 0).sum())
