"""Each kind of rule as nodes of a graph of ONNX: which rows break it.

A graph compares each row by itself: numbers that differ by rounding are equal, whatever the last
decimal of the other rows is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from sklearn_aae.encoding import CATEGORY, EMPTY, NUMBER
from sklearn_aae.encoding._cells import is_bool, is_number
from sklearn_aae.encoding._comparable import ULPS
from sklearn_aae.rules import (
    AbsentPairs,
    Bounds,
    Determines,
    Difference,
    Order,
    Presence,
    Product,
    Rule,
    Sum,
)
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._base import as_units, decimals_of
from sklearn_aae.rules._keys import DECIMALS_OF_UNIT, as_moment
from sklearn_aae.rules._table import SECONDS_A_DAY
from sklearn_aae.serving._onnx_graph import FLOAT, TEXT, TRUTH, WHOLE, Value

#: Numbers that differ by less than this share of them differ by rounding; so do those of float32.
ROUNDING, COARSE = ULPS * 2.0**-52, 2.0**-22
#: Differences of whole numbers of 64 bits that are below this are what they seem.
HALF = 2.0**62


class Operand(NamedTuple):
    """A column as rules compare it: its input (n, 1), and where cells are missing.

    Dates and durations have a unit; numbers that came as float32 are coarse.
    """

    raw: Value
    missing: Value
    unit: str | None = None
    coarse: bool = False
    kind: str = NUMBER


Table = Mapping[Any, Operand]


class NoCounterpartError(ValueError):
    """A rule cannot be written as nodes."""


def broken_by(rule: Rule, table: Table) -> Value:
    """Return which rows break a rule, (n, 1)."""
    cells = [table[name] for name in rule.columns]
    if isinstance(rule, Presence):
        column, given = (one.missing for one in cells)
        return ~column & (given if rule.when_missing else ~given)
    missing = cells[0].missing
    for other in cells[1:]:
        missing = missing | other.missing
    if type(rule) not in KINDS:
        raise NoCounterpartError
    if any(one.kind == EMPTY for one in cells):  # no row has all the cells that it is about
        return missing & ~missing
    return KINDS[type(rule)](rule, cells) & ~missing


# ------------------------------------------------------------------- numbers


def _outside(rule: Bounds, cells: list[Operand]) -> Value:
    if cells[0].unit is not None:
        return _outside_times(rule, cells[0])
    values = cells[0].raw
    slack = values.abs() * rounding(cells)
    broken = _nowhere(values)
    low, high = rule.ends
    if low is not None:
        broken = broken | (values + slack < float(low))
    if high is not None:
        broken = broken | (values - slack > float(high))
    for step, origin in _grids(rule):
        steps = (values - float(origin)) / float(step)
        apart = (steps - steps.round()).abs()
        broken = broken | (apart > (slack / float(step)).at_least(rounding(cells)))
    return broken


def _outside_times(rule: Bounds, cell: Operand) -> Value:
    """Return the same of durations, in their own unit."""
    values, unit = cell.raw, _seconds(cell.unit)
    broken = _nowhere(values)
    low, high = rule.ends
    if low is not None:
        broken = broken | (values < math.ceil(Fraction(low) / unit))
    if high is not None:
        broken = broken | (values > math.floor(Fraction(high) / unit))
    for step, origin in _grids(rule):
        own, first = Fraction(step) / unit, Fraction(origin) / unit
        finer = math.lcm(own.denominator, first.denominator)
        over = (values * finer - int(first * finer)) % int(own * finer)
        broken = broken | ~over.equals(0)
    return broken


def _grids(rule: Bounds) -> list[tuple[Decimal, Decimal]]:
    grids = [(Decimal(1), Decimal(0))] if rule.whole else []
    step, origin = rule.grid
    return grids if step is None else [*grids, (step, origin)]


def _nowhere(values: Value) -> Value:
    return values.graph.constant(np.zeros((1, 1)), TRUTH) & values.equals(0)


def _unordered(rule: Order, cells: list[Operand]) -> Value:
    low, high = (cell.raw for cell in cells)
    if cells[0].unit is not None:
        over, roughly, _ = added([(1, cells[0]), (-1, cells[1])], 0)
        near = roughly.abs() < HALF
        exact = ~(over < 0) if rule.strict else over > 0
        return (near & exact) | (~near & (roughly > 0.0))
    slack = low.abs().at_least(high.abs()) * rounding(cells)
    high = high - slack if rule.strict else high + slack
    return ~(low < high) if rule.strict else low > high


def _not_summed(rule: Linear, cells: list[Operand]) -> Value:
    terms = [(sign, cell) for (sign, _), cell in zip(rule.terms, cells, strict=True)]
    if cells[0].unit is None:
        total, largest = sum_of_numbers(terms)
        apart = (total - np.array([[float(amount) for amount in rule.amounts]])).abs()
        slack = largest * (rounding(cells) * len(terms))
        kept = apart <= slack
    else:
        total, roughly, decimals = added(terms, decimals_of(rule.amounts))
        amounts = np.array([[as_units(amount, decimals) for amount in rule.amounts]])
        kept = total.equals(amounts) & (roughly.abs() < HALF)
    return kept.to(FLOAT).reduce("Max", 1, keep=True).equals(0.0)


def sum_of_numbers(terms: Sequence[tuple[int, Operand]]) -> tuple[Value, Value]:
    """Return what numbers add up to, and the largest of them."""
    graph = terms[0][1].raw.graph
    columns = graph.concat([cell.raw for _, cell in terms])
    signs = np.array([[float(sign)] for sign, _ in terms])
    return columns @ signs, columns.abs().reduce("Max", 1, keep=True)


def added(terms: Sequence[tuple[int, Operand]], decimals: int) -> tuple[Value, Value, int]:
    """Return what times add up to in units of so many decimals of a second, or of more.

    In 64 bits, where what is too large comes round again, roughly, and how many decimals.
    """
    decimals = max(decimals, *(_decimals(cell) for _, cell in terms))
    exact = roughly = None
    for sign, cell in terms:
        factor = sign * int(_seconds(cell.unit) * 10**decimals)
        own, about = cell.raw * factor, cell.raw.to(FLOAT) * float(factor)
        exact = own if exact is None else exact + own
        roughly = about if roughly is None else roughly + about
    assert exact is not None
    assert roughly is not None
    return exact, roughly, decimals


def _not_multiplied(rule: Product, cells: list[Operand]) -> Value:
    product, first, second = (cell.raw for cell in cells)
    exact = first * second
    apart, slack = (product - exact).abs(), product.abs().at_least(exact.abs())
    slack = slack * rounding(cells)
    if rule.decimals is None:
        return apart > slack
    # Only what has no more decimals than that was rounded.
    units = product * 10.0**rule.decimals
    on_grid = (units - units.round()).abs() <= slack * 10.0**rule.decimals
    rounded = on_grid & (apart <= slack + 0.5 * 10.0**-rule.decimals)
    return ~(rounded | (apart <= slack))


def rounding(cells: Sequence[Operand]) -> float:
    return COARSE if any(cell.coarse for cell in cells) else ROUNDING


def _seconds(unit: str | None) -> Fraction:
    """Return how many seconds a unit of time is."""
    if unit == "D":
        return Fraction(SECONDS_A_DAY)
    return Fraction(1, 10 ** DECIMALS_OF_UNIT[str(unit)])


def _decimals(cell: Operand) -> int:
    return DECIMALS_OF_UNIT[str(cell.unit)]


# -------------------------------------------------------------------- levels


def _not_determined(rule: Determines, cells: list[Operand]) -> Value:
    known, same = determined(rule, cells)
    return known & ~same


def determined(rule: Determines, cells: list[Operand]) -> tuple[Value, Value]:
    """Return where it is known what follows, and where it is what there is."""
    *determinants, target = cells
    mapping: Mapping[Any, Any] = rule.mapping or {}
    if not mapping:
        nowhere = _nowhere(target.missing.to(WHOLE))
        return nowhere, nowhere
    graph = target.raw.graph
    combined: Value | None = None
    codes: Any = np.zeros(len(mapping), dtype=np.int64)
    known = None
    for place, cell in enumerate(determinants):
        keys = numbered(key[place] for key in mapping)
        index = places(cell, keys)
        codes = codes * len(keys) + [keys[key[place]] for key in mapping]
        combined = index if combined is None else combined * len(keys) + index
        known = ~(index < 0) if known is None else known & ~(index < 0)
    assert combined is not None
    assert known is not None
    values = numbered(mapping.values())
    expected = np.array([values[value] for value in mapping.values()])
    order = np.argsort(codes)
    row = (graph.n_not_above(combined, [codes[order]]) - 1).at_least(0)
    known = known & graph.gather(codes[order], row).equals(combined)
    return known, graph.gather(expected[order], row).equals(places(target, values))


def _absent(rule: AbsentPairs, cells: list[Operand]) -> Value:
    if not rule.absent:
        return _nowhere(cells[0].missing.to(WHOLE))
    first, second = map(numbered, zip(*rule.absent, strict=True))
    banned = np.zeros((len(first) + 1, len(second) + 1), dtype=bool)
    for one, other in rule.absent:
        banned[first[one] + 1, second[other] + 1] = True
    rows = (places(cells[0], first) + 1) * (len(second) + 1) + (places(cells[1], second) + 1)
    return rows.graph.gather(banned.ravel(), rows)


def numbered(keys: Iterable[Any]) -> dict[Any, int]:
    """Return different keys with numbers, in their order."""
    return {key: place for place, key in enumerate(dict.fromkeys(keys))}


def places(cell: Operand, keys: Mapping[Any, int]) -> Value:
    """Return the index of each cell among what rules call levels, -1 for others."""
    raw = cell.raw
    if cell.kind == CATEGORY and cell.unit is not None:
        raise NoCounterpartError  # rules take them for other things
    if raw.dtype == TEXT:
        texts = {key: place for key, place in keys.items() if isinstance(key, str)}
        return raw.graph.lookup(raw, texts or {"": -1}, -1)
    known = [_as_input(cell, key) for key in keys]
    places = [place for place, value in enumerate(known) if value is not None]
    values = np.array([known[place] for place in places], dtype=raw.dtype)
    if not places:
        return raw.equals(0).to(WHOLE) * 0 - 1
    order = np.argsort(values)
    values, index = values[order], np.array(places)[order]
    if raw.dtype == FLOAT:
        slack = raw.abs() * rounding([cell])
        row = (raw.graph.n_not_above(raw + slack, [values]) - 1).at_least(0)
        same = (raw.graph.gather(values, row) - raw).abs() <= slack
    else:
        row = (raw.graph.n_not_above(raw, [values]) - 1).at_least(0)
        same = raw.graph.gather(values, row).equals(raw)
    return raw.graph.where(same, raw.graph.gather(index, row), -1)


def _as_input(cell: Operand, key: Any) -> float | int | None:
    """Return a level as a column's input has it; None if it never does."""
    if cell.unit is None:
        if not is_number(key) and not is_bool(key):
            raise NoCounterpartError  # text that goes in as numbers
        return float(key)
    if isinstance(key, str):
        try:
            units = int(np.array(key, dtype=f"M8[{cell.unit}]").astype(np.int64))
        except ValueError:  # no date
            return None
        whole = units * int(_seconds(cell.unit) * 10 ** _decimals(cell))
        return units if as_moment(whole, _decimals(cell)) == key else None
    count = Fraction(str(key)) / _seconds(cell.unit)
    return int(count) if count.denominator == 1 else None


#: What is broken of each kind, by rows all of whose cells are there.
KINDS: dict[type[Rule], Callable[[Any, list[Operand]], Value]] = {
    AbsentPairs: _absent,
    Bounds: _outside,
    Determines: _not_determined,
    Difference: _not_summed,
    Order: _unordered,
    Product: _not_multiplied,
    Sum: _not_summed,
}
