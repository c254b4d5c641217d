"""A table in other words: what follows from rules left out of it, and put back.

Each step replaces one column by what the others leave open of it: a looked-up column by whether it
is as expected, a total by what is over, the higher of two columns by how much higher it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_aae.encoding import BOOLEAN, CATEGORY, DATETIME, DURATION, NUMBER
from sklearn_aae.rules._arithmetic import Linear, Product, over_of_floats, without_rounding
from sklearn_aae.rules._base import Rule, as_units
from sklearn_aae.rules._frames import with_columns
from sklearn_aae.rules._keys import DECIMALS_OF_UNIT
from sklearn_aae.rules._levels import Determines
from sklearn_aae.rules._orders import ORDERED, Order
from sklearn_aae.rules._stored import as_decimals, within, within_years
from sklearn_aae.rules._table import (
    AWARE,
    EXACT,
    SECONDS_A_DAY,
    Cells,
    RuleTable,
    in_one_unit,
)

#: What stands for a cell that is as its rule says.
EXPECTED = ""


class Step(ABC):
    """One column in other words, by a ``rule``.

    Parameters
    ----------
    target : label
        The column.
    sources : tuple of label
        The columns that it is said by.
    cells : Cells
        Its training cells.
    """

    rule: Any
    #: What the numbers were stored as, and the decimals of Decimals: files of old may lack them.
    storage: np.dtype = np.dtype(np.int64)
    digits: int | None = None

    def __init__(self, target: Any, sources: Iterable[Any], cells: Cells) -> None:
        column = cells.column
        self.target, self.sources = target, tuple(sources)
        self.form, self.kind, self.unit = column.form, column.kind, column.unit
        self.is_whole = column.values.dtype.kind in "iu"
        self.storage = column.storage
        self.digits = None if column.exact is None else cells.decimals

    @abstractmethod
    def express(self, table: RuleTable) -> np.ndarray:
        """Return what stands for the cells of a table: numbers with NaN, or text with None."""

    @abstractmethod
    def restore(self, said: Cells, table: RuleTable) -> Any:
        """Return the column for what was said of it and the other columns."""

    def _build(self, whole: np.ndarray, decimals: int, missing: np.ndarray) -> Any:
        """Return a column for numbers in units of some decimal, as far as its type holds them."""
        if self.kind == NUMBER:
            return self.form.build(self._as_numbers(whole, decimals, missing), missing)
        if self.kind == BOOLEAN:
            return self.form.build((whole // 10**decimals).astype(bool), missing)
        unit = str(self.unit)
        finer = DECIMALS_OF_UNIT[unit] - decimals
        units = whole * 10**finer if finer >= 0 else whole // 10**-finer
        units = units // SECONDS_A_DAY if unit == "D" else units
        if self.kind == DURATION:
            return self.form.build(within(units, np.dtype(np.int64)).view(f"m8[{unit}]"), missing)
        return self.form.build(within_years(units, unit, self.form).view(f"M8[{unit}]"), missing)

    def _as_numbers(self, units: np.ndarray, decimals: int, missing: np.ndarray) -> np.ndarray:
        units = np.where(missing, 0, units)
        if self.digits is not None:
            return as_decimals(units, decimals, self.digits, self.form)
        if self.is_whole:
            return within(units // 10**decimals, self.storage)
        return units / 10.0**decimals


class Lookup(Step):
    """A column that another one determines: whether it is as expected, or what it is."""

    def __init__(self, rule: Determines, table: RuleTable) -> None:
        cells = table[rule.determined]
        super().__init__(rule.determined, rule.columns[:-1], cells)
        self.rule = rule
        said = self._said(table)
        #: What other cells were, by their text.
        self.others = {
            repr(cells.levels[code]): cells.levels[code]
            for code in np.unique(cells.codes[said == 1]).tolist()
        }
        present = cells.codes[~cells.missing]
        #: What a row has whose determinant says nothing.
        self.usual = cells.levels[int(np.bincount(present).argmax())]
        first = np.flatnonzero(~cells.missing)
        self.natives = {
            cells.levels[code]: (
                cells.column.labels[cells.values[row]]
                if cells.kind == CATEGORY
                else (cells.values if cells.whole is None else cells.whole)[row].item()
            )
            for code, row in zip(cells.codes[first].tolist(), first.tolist(), strict=True)
        }
        self.decimals = cells.decimals

    def _said(self, table: RuleTable) -> np.ndarray:
        """Return 0 for a cell as expected, 1 for another one, -1 for a missing one."""
        codes = table[self.target].codes
        return np.where(codes < 0, -1, self.rule._expected_codes(table) != codes)

    def express(self, table: RuleTable) -> np.ndarray:
        """Return what stands for the cells of a table."""
        cells, said = table[self.target], self._said(table)
        text = np.full(table.n_rows, EXPECTED, dtype=object)
        text[said < 0] = None
        for row in np.flatnonzero(said == 1).tolist():
            level = cells.levels[cells.codes[row]]
            # A level of fit in a place where fit never had it is as expected, but for the rule; one
            # that fit did not see stays unknown.
            stays = repr(level) in self.others or level not in self.natives
            text[row] = repr(level) if stays else EXPECTED
        return text

    def restore(self, said: Cells, table: RuleTable) -> Any:
        """Return the column for what was said of it and the determinant."""
        (determinant,) = (table[name] for name in self.sources)
        expected = [self.rule.mapping.get((level,), self.usual) for level in determinant.levels]
        levels = [
            None
            if code < 0
            else self.others.get(said.levels[code])
            or (self.usual if other < 0 else expected[other])
            for code, other in zip(said.codes.tolist(), determinant.codes.tolist(), strict=True)
        ]
        missing = said.missing
        natives = [self.natives.get(level) for level in levels]
        if self.kind == CATEGORY:
            column = np.empty(len(natives), dtype=object)
            column[:] = natives
            return self.form.build(column, missing)
        whole = np.array([0 if native is None else native for native in natives])
        return self._build(whole, self.decimals, missing)


class Computed(Step):
    """A column that others are added, subtracted or multiplied to: what is over."""

    def __init__(self, rule: Linear | Product, target: Any, table: RuleTable) -> None:
        super().__init__(target, (name for name in rule.columns if name != target), table[target])
        self.rule = rule
        self.decimals = table[target].decimals

    def _parts(self, table: RuleTable) -> tuple[np.ndarray, int, int]:
        """Return what the rule computes, in units of the last decimal, and their number.

        Also the sign of the column itself.  Where a number has no last decimal, floats.
        """
        columns = [table[name] for name in self.sources]
        sign = 1
        if isinstance(self.rule, Linear):
            sign = next(sign for sign, name in self.rule.terms if name == self.target)
        if any(cells.whole is None for cells in columns):
            values = {cells.name: cells.numbers for cells in columns}
            nothing = np.zeros(table.n_rows)
            left = over_of_floats(self.rule, {**values, self.target: nothing}, self.decimals)
            return -left, self.decimals, sign
        if isinstance(self.rule, Product):
            return self._multiplied(*columns), self.decimals, sign
        signs = {name: sign for sign, name in self.rule.terms}
        whole, decimals = in_one_unit(columns, self.decimals) or ([], 0)
        total: Any = np.zeros(table.n_rows, dtype=np.int64)
        for name, column in zip(self.sources, whole, strict=True):
            total = total - signs[name] * column
        if len(self.rule.amounts) == 1:
            total = total + as_units(self.rule.amounts[0], decimals)
        return total, decimals, sign

    def _multiplied(self, a: Cells, b: Cells) -> np.ndarray:
        """Return a product in units of the column's last decimal, rounded half up."""
        finer = a.decimals + b.decimals - self.decimals
        exact = np.asarray(a.whole, dtype=object) * np.asarray(b.whole, dtype=object)
        result: np.ndarray = (
            exact * 10**-finer if finer <= 0 else (2 * exact + 10**finer) // (2 * 10**finer)
        )
        return result

    def express(self, table: RuleTable) -> np.ndarray:
        """Return what stands for the cells of a table."""
        cells = table[self.target]
        names = (self.target, *self.sources)
        unknown = np.any([table[name].missing for name in names], axis=0)
        if cells.whole is None or any(table[name].whole is None for name in names):
            values = {name: table[name].numbers for name in names}
            return np.where(unknown, np.nan, over_of_floats(self.rule, values, self.decimals))
        parts, decimals, sign = self._parts(table)
        over = sign * cells.whole * 10 ** (decimals - cells.decimals) - parts
        # In units of the column itself, so that all rows have the same.
        scale = 10.0 ** (decimals - self.decimals)
        return np.where(unknown, np.nan, np.asarray(over, dtype=np.float64) / scale)

    def restore(self, said: Cells, table: RuleTable) -> Any:
        """Return the column for what was said of it and the other columns."""
        parts, decimals, sign = self._parts(table)
        scale = 10 ** (decimals - self.decimals)
        values = np.where(said.missing, 0, said.values.astype(np.float64))
        over = np.rint(values * scale).astype(np.int64)
        missing = said.missing | np.any([table[name].missing for name in self.sources], axis=0)
        return self._build(sign * (parts + over), decimals, missing)


class Gap(Step):
    """The higher of two columns: how much higher it is."""

    def __init__(self, rule: Order, table: RuleTable) -> None:
        super().__init__(rule.high, (rule.low,), table[rule.high])
        self.rule = rule
        self.decimals = max(table[name].decimals for name in rule.columns)
        self.is_fine = table[rule.high].whole is None

    def _in_units(self, *cells: Cells) -> tuple[list[np.ndarray], int]:
        """Return columns in units of a decimal, and how many decimals.

        Floats where there is no last decimal: in units of the decimals of training, or of 1 if
        the column had no last decimal there either.
        """
        found = None if self.is_fine else in_one_unit(cells, self.decimals)
        if found is not None:
            return found
        scale = 1.0 if self.is_fine else 10.0**self.decimals
        columns = [column.numbers.astype(np.float64) * scale for column in cells]
        return columns, self.decimals

    def express(self, table: RuleTable) -> np.ndarray:
        """Return what stands for the cells of a table."""
        low, high = table[self.sources[0]], table[self.target]
        (first, second), decimals = self._in_units(low, high)
        largest = np.maximum(np.abs(first), np.abs(second))
        gaps = np.asarray(second - first, dtype=np.float64)
        if first.dtype.kind == "f" and not self.is_fine:
            gaps = without_rounding(gaps, largest)
        gaps = gaps / 10.0 ** (decimals - self.decimals)
        return np.where(low.missing | high.missing, np.nan, gaps)

    def restore(self, said: Cells, table: RuleTable) -> Any:
        """Return the column for what was said of it and the lower one."""
        low = table[self.sources[0]]
        gaps = np.where(said.missing, 0, said.values.astype(np.float64))
        missing = said.missing | low.missing
        (first,), decimals = self._in_units(low)
        if first.dtype.kind != "f":
            units = np.rint(gaps * 10.0 ** (decimals - self.decimals)).astype(np.int64)
            return self._build(first + units, decimals, missing)
        high = first + gaps
        if self.is_fine:
            return self.form.build(high, missing)
        # Away from the lower one, which may have no last decimal.
        high = without_rounding(high, np.abs(first))
        return self._build(np.where(gaps < 0, np.floor(high), np.ceil(high)), decimals, missing)


class Reexpression:
    """A table in other words, and back.

    Parameters
    ----------
    rules : iterable of Rule
        Rules of the table, with what they leave open filled in.
    table : RuleTable
        Training rows, of a frame.

    Attributes
    ----------
    steps : list of Step
        One for each column that is said otherwise; what it is said by comes before it.
    """

    def __init__(self, rules: Iterable[Rule], table: RuleTable) -> None:
        self.names, self.forms = table.names, table.text_forms()
        chosen: dict[Any, Step] = {}
        for rule in sorted(rules, key=_priority):
            target = _target(rule, table, chosen)
            if target is not None:
                step = _step(rule, target, table)
                if not _depends(step.sources, target, chosen):
                    chosen[target] = step
        self.steps = _in_order(chosen)

    def table(self, X: Any) -> RuleTable:
        """Return further rows, with text read as it was in training."""
        return RuleTable(X, self.names, forms=self.forms)

    def express(self, X: Any) -> Any:
        """Return a frame in other words."""
        if not self.steps:
            return X
        table = self.table(X)
        return with_columns(X, {s.target: s.express(table) for s in self.steps}, self.names)

    def restore(self, X: Any) -> Any:
        """Return a frame that :meth:`express` would give for what is sought."""
        for place, step in enumerate(self.steps):
            said = {later.target for later in self.steps[place:]}
            forms = {name: form for name, form in self.forms.items() if name not in said}
            table = RuleTable(X, forms=forms)
            restored = step.restore(table[step.target], table)
            X = with_columns(X, {step.target: restored}, self.names)
        return X


def _priority(rule: Rule) -> int:
    kinds: tuple[Any, ...] = (Determines, Linear, Product, Order)
    return next((i for i, kind in enumerate(kinds) if isinstance(rule, kind)), len(kinds))


def _target(rule: Rule, table: RuleTable, chosen: dict[Any, Step]) -> Any | None:
    """Return the column that a rule says otherwise, None if it cannot."""
    if isinstance(rule, Determines):
        target, fits = rule.determined, len(rule.columns) == 2
    elif isinstance(rule, Linear):
        target = _computed_by(rule, table)
        fits = all(table[name].whole is not None for name in rule.columns)
    elif isinstance(rule, Product):
        target = rule.product
        fits = all(table[name].whole is not None for name in rule.columns)
    elif isinstance(rule, Order):
        target, fits = rule.high, table[rule.high].kind in ORDERED
    else:
        return None
    cells = table[target]
    if not fits or target in chosen or cells.column.clocks is not None or not _is_small(cells):
        return None
    sources = [name for name in rule.columns if name != target]
    if len(sources) < len(rule.columns) - 1:  # by itself
        return None
    # What is there can be said by what is there only.
    gone = np.any([table[name].missing for name in sources], axis=0) & ~cells.missing
    return None if gone.any() and not isinstance(rule, Determines) else target


def _computed_by(rule: Linear, table: RuleTable) -> Any:
    """Return the total of a sum, or its last column if there is none.

    Of columns that differ in decimals one that has the most: others could not hold what is added.
    """
    plus = [name for sign, name in rule.terms if sign > 0]
    names = [name for _, name in rule.terms]
    first = plus[0] if len(plus) == 1 else names[-1]
    most = max(table[name].decimals for name in names)
    return next(n for n in (first, *names[::-1]) if table[n].decimals == most)


def _is_small(cells: Cells) -> bool:
    """Return whether floats hold the cells of a column, in units of the last decimal."""
    if cells.kind in (DATETIME, AWARE, DURATION) or cells.whole is None:
        return cells.column.exact is None
    return bool(np.abs(cells.whole).max(initial=0) < EXACT / 4)


def _step(rule: Any, target: Any, table: RuleTable) -> Step:
    if isinstance(rule, Determines):
        return Lookup(rule, table)
    if isinstance(rule, Order):
        return Gap(rule, table)
    return Computed(rule, target, table)


def _depends(sources: Iterable[Any], target: Any, chosen: dict[Any, Step]) -> bool:
    """Return whether a column is said, in the end, by itself."""
    todo, seen = list(sources), set()
    while todo:
        name = todo.pop()
        if name == target:
            return True
        if name in chosen and name not in seen:
            seen.add(name)
            todo += chosen[name].sources
    return False


def _in_order(chosen: dict[Any, Step]) -> list[Step]:
    """Return steps so that each comes after those of its sources."""
    ordered: list[Step] = []

    def add(target: Any) -> None:
        step = chosen[target]
        if step in ordered:
            return
        for name in step.sources:
            if name in chosen:
                add(name)
        ordered.append(step)

    for target in chosen:
        add(target)
    return ordered


def left_over(cells: Cells, values: Any = 0.0) -> Cells:
    """Return what is said of a column: by default that nothing is left over."""
    n = len(cells.missing)
    said = np.broadcast_to(np.asarray(values, dtype=np.float64), n)
    gone = np.zeros(n, dtype=bool)
    return replace(cells, kind=NUMBER, values=said, whole=None, missing=gone)
