"""Finished rows put right: what follows from rules is computed, and orders are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.encoding import BOOLEAN, NUMBER
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._columns import Bounds, Presence
from sklearn_aae.rules._frames import with_rows
from sklearn_aae.rules._levels import Determines
from sklearn_aae.rules._orders import Order
from sklearn_aae.rules._reexpression import Gap, Reexpression, Step, left_over
from sklearn_aae.rules._rules import Rules
from sklearn_aae.rules._table import RuleTable

#: What was left over in training rows is kept as so many quantiles.
N_QUANTILES = 257


class Enforcement:
    """Makes drawn rows keep rules, where networks saw the columns as they are.

    Looked-up columns are looked up, and sums and products computed; amounts that may come on top,
    and how much higher the higher of two columns is, are drawn from those of training rows where a
    row breaks the rule.  Other orders are met by moving one cell to the other.

    Parameters
    ----------
    rules : Rules
        Rules of the training rows.
    words : Reexpression
        How columns follow from others.
    table : RuleTable
        Training rows.
    """

    def __init__(self, rules: Rules, words: Reexpression, table: RuleTable) -> None:
        self.words = words
        #: What was left over of the columns that are computed.
        self.left = {
            step.target: _quantiles(step.express(table))
            for step in words.steps
            if _is_open(step.rule)
        }
        used = {step.rule for step in words.steps}
        kinds = (Determines, Order, Presence)
        self.others = [rule for rule in rules if isinstance(rule, kinds) and rule not in used]
        compared = [rule for rule in rules if rule.by_row and not isinstance(rule, Bounds)]
        named = {name for rule in compared for name in rule.columns}
        #: How many decimals numbers have that rules compare.
        self.decimals = {
            name: table[name].decimals
            for name in table.names
            if name in named
            and table[name].kind in (NUMBER, BOOLEAN)
            and table[name].whole is not None
        }

    def apply(self, X: Any, rng: np.random.Generator) -> Any:
        """Return a table that keeps the rules."""
        X = self._rounded(X)
        for step in self.words.steps:
            table = self.words.table(X)
            rows = step.rule.broken(table) | self._differs(step, table)
            if rows.any():
                said = left_over(table[step.target], self._drawn(step, table.n_rows, rng))
                column = step.restore(said, table)
                X = with_rows(X, self.words.names.index(step.target), column, rows)
        for rule in self.others:
            X = self._kept(rule, X)
        return X

    def _differs(self, step: Step, table: RuleTable) -> np.ndarray:
        """Return where something else is over than in all training rows: columns may be equal."""
        left = self.left.get(step.target, np.arange(2.0))
        if left[0] != left[-1]:
            return np.zeros(table.n_rows, dtype=bool)
        over = step.express(table)
        result: np.ndarray = ~np.isnan(over) & (over != left[0])
        return result

    def _rounded(self, X: Any) -> Any:
        """Return a table with numbers of as many decimals as they had in training."""
        table = self.words.table(X)
        for name, decimals in self.decimals.items():
            cells = table[name]
            if cells.kind == NUMBER and cells.values.dtype.kind == "f":
                rounded = np.round(cells.values, decimals)
                column = cells.column.form.build(rounded, cells.missing)
                rows = ~cells.missing & (rounded != cells.values)
                X = with_rows(X, self.words.names.index(name), column, rows)
        return X

    def _drawn(self, step: Step, n_rows: int, rng: np.random.Generator) -> Any:
        """Return what is left over in each of some rows."""
        left = self.left.get(step.target)
        return 0.0 if left is None else left[rng.integers(0, len(left), n_rows)]

    def _kept(self, rule: Rule, X: Any) -> Any:
        """Return a table that keeps a rule by which no column is computed, if one may be moved."""
        table = self.words.table(X)
        rows = rule.broken(table)
        column = self._movable(rule) if rows.any() else None
        if column is None:
            return X
        cells, gone = table[column], table[column].missing
        if isinstance(rule, Presence):
            built = cells.column.form.build(cells.column.values, gone | rows)
        elif isinstance(rule, Order):
            gap = Gap(rule if rule.high == column else Order(rule.high, rule.low), table)
            least = 10.0**-gap.decimals if rule.strict else 0.0
            said = left_over(cells, least if rule.high == column else -least)
            built = gap.restore(said, table)
        else:
            built = _looked_up(rule, table)
        return with_rows(X, self.words.names.index(column), built, rows)

    def _movable(self, rule: Any) -> Any:
        """Return a column of a rule that no other column is computed by, None if there is none."""
        fixed = {name for step in self.words.steps for name in (step.target, *step.sources)}
        if isinstance(rule, Presence):
            return rule.column
        if isinstance(rule, Determines) and rule.determined not in self.decimals:
            return None
        wanted = (rule.determined,) if isinstance(rule, Determines) else (rule.high, rule.low)
        return next((name for name in wanted if name not in fixed), None)


def _looked_up(rule: Any, table: RuleTable) -> Any:
    """Return the column that others determine where these are known together."""
    cells = table[rule.determined]
    keys = [
        [column.levels[code] if code >= 0 else None for code in column.codes]
        for column in (table[name] for name in rule.determinants)
    ]
    rows = zip(zip(*keys, strict=True), cells.values.tolist(), strict=True)
    values = np.array([rule.mapping.get(key, own) for key, own in rows])
    return cells.column.form.build(values, cells.missing)


def _is_open(rule: Any) -> bool:
    """Return whether a rule leaves open what is over."""
    return isinstance(rule, Order) or (isinstance(rule, Linear) and len(rule.amounts) > 1)


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Return numbers that are there by their quantiles, all of them if there are few."""
    present = np.sort(values[~np.isnan(values)])
    if len(present) <= N_QUANTILES:
        return present
    shares = np.linspace(0, 1, N_QUANTILES)
    result: np.ndarray = np.quantile(present, shares, method="closest_observation")
    return result
