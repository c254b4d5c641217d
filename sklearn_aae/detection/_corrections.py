"""What rules that a row breaks say that a cell should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sklearn_aae.detection._explain import Expected, is_same
from sklearn_aae.encoding import columns_of, is_missing
from sklearn_aae.rules import Presence, Rule, Rules
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._reexpression import Gap, Reexpression, Step, left_over
from sklearn_aae.rules._table import RuleTable


class RuleSteps:
    """How each rule computes one of its columns from the others, if it does.

    Parameters
    ----------
    rules : Rules
        The rules.
    table : frame or ndarray
        Training rows.
    rows : RuleTable
        The same, read.
    """

    def __init__(self, rules: Rules, table: Any, rows: RuleTable) -> None:
        found = [Reexpression([rule], rows).steps for rule in rules]
        self.steps: list[Step | None] = [steps[0] if steps else None for steps in found]
        targets = {step.target for step in self.steps if step is not None}
        #: The least and the largest training cell of columns that are computed.
        self.ends: dict[Any, tuple[Any, Any]] = {}
        for name, native in zip(rows.names, columns_of(table), strict=True):
            if name in targets:
                cells = [cell for cell in _listed(native) if not is_missing(cell)]
                self.ends[name] = min(cells), max(cells)


class RuleCorrections:
    """What to expect of cells by the rules that their rows break.

    Parameters
    ----------
    rules : Rules
        The rules.
    steps : RuleSteps
        What they compute.
    table : RuleTable
        Rows to explain.
    broken : ndarray of shape (n_rows, n_rules)
        The rules that they break, as numbers: how much each says.
    """

    def __init__(
        self, rules: Rules, steps: RuleSteps, table: RuleTable, broken: np.ndarray
    ) -> None:
        self.rules, self.steps, self.table, self.broken = rules, steps, table, broken
        self._computed: dict[int, list[Any]] = {}

    def correct(self, row: int, column: int, value: Any, expected: Expected) -> Expected:
        """Return what to expect of a cell: what a broken rule says if that is one cell.

        Else what is expected already, unless that is what is there.
        """
        name = self.table.names[column]
        for k in self._broken_by(row, name):
            said = self._said(self.rules[k], k, row, name)
            if said is not None and not is_same(value, said.likely):
                if not is_same(value, expected.likely) and isinstance(self.steps.steps[k], Gap):
                    continue  # anything on the right side would do
                if expected.low is not None and not is_missing(said.likely):
                    low, high = min(expected.low, said.likely), max(expected.high, said.likely)
                    said = said._replace(low=low, high=high)
                if expected.probability is not None:
                    said = said._replace(probability=_kept_share(self.rules[k]))
                return said
        return expected

    def _broken_by(self, row: int, name: Any) -> Iterable[int]:
        """Return the rules about a column that a row breaks, what says most first."""
        order = np.argsort(-self.broken[row], kind="stable")
        own = order[self.broken[row][order] > 0].tolist()
        return (k for k in own if name in self.rules[k].columns)

    def _said(self, rule: Rule, k: int, row: int, name: Any) -> Expected | None:
        if isinstance(rule, Presence):
            return Expected(None) if name == rule.column else None
        step = self.steps.steps[k]
        if step is None or step.target != name:
            return None
        if isinstance(rule, Linear) and len(rule.amounts) > 1:
            return None
        if k not in self._computed:
            restored = step.restore(left_over(self.table[name]), self.table)
            self._computed[k] = _listed(restored)
        cell = self._computed[k][row]
        low, high = self.steps.ends[name]
        # What a wrong cell leads to may be no cell of the column.
        return Expected(cell) if not is_missing(cell) and low <= cell <= high else None


def _kept_share(rule: Rule) -> float:
    """Return how probable it is that a row keeps a rule."""
    support, breaks = rule.support or 0, rule.breaks or 0
    return (support + 1) / (support + breaks + 2)


def _listed(column: Any) -> list[Any]:
    result: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
    return result
