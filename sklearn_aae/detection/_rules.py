"""Rules of the training rows as evidence: what a broken one says of a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_aae.detection._corrections import RuleCorrections, RuleSteps
from sklearn_aae.detection._explain import Reason
from sklearn_aae.detection.scores import RULES
from sklearn_aae.encoding import Container, NumbersReader
from sklearn_aae.encoding._forms import Form
from sklearn_aae.rules import Rules
from sklearn_aae.rules._options import rules_for, without_columns
from sklearn_aae.rules._table import RuleTable


def evidence_of(rules: Rules) -> np.ndarray:
    r"""Return what a row that breaks a rule shows, in nats.

    :math:`-\log\frac{k + 1}{n + 2}`, if ``k`` of ``n`` training rows break it.
    """
    broken = np.array([rule.breaks or 0 for rule in rules], dtype=np.float64)
    kept = np.array([rule.support or 0 for rule in rules], dtype=np.float64)
    return -np.log((broken + 1) / (broken + kept + 2))


class RuledReader:
    """A detector's reader whose numbers say, at their end, which rules a row breaks.

    Parameters
    ----------
    reader : NumbersReader
        What reads the table.
    rules : Rules
        Those that say something about a row by itself; at least one.
    names : list
        What the columns are called.
    forms : dict of label to Form
        How text is read that is no text.
    steps : RuleSteps
        What rules compute of cells.
    """

    #: What a score may need.
    provides = frozenset({RULES})
    # Files of format 1 have none.
    forms: Mapping[Any, Form] = MappingProxyType({})
    steps: RuleSteps | None = None

    def __init__(
        self,
        reader: NumbersReader,
        rules: Rules,
        names: list[Any],
        forms: dict[Any, Form],
        steps: RuleSteps,
    ) -> None:
        self.reader, self.rules, self.names, self.forms = reader, rules, names, forms
        self.steps = steps
        place = {name: j for j, name in enumerate(self.names)}
        #: Which columns each rule is about (n_rules, n_columns).
        self.about = np.zeros((len(rules), len(self.names)))
        for i, rule in enumerate(rules):
            self.about[i, [place[name] for name in rule.columns]] = 1
        self.evidence = evidence_of(rules)

    def __getattr__(self, name: str) -> Any:
        if name == "reader":  # not yet there while a copy is made
            raise AttributeError(name)
        return getattr(self.reader, name)

    def numbers(self, table: Any, *, strict: bool = True) -> np.ndarray:
        """Return a table that was read as numbers (n_samples, n_features + n_rules)."""
        numbers = self.reader.numbers(table, strict=strict)
        return np.hstack([numbers, self.broken(table)])

    def transform(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers on the networks' scale, without what comes of rules."""
        return self.reader.transform(numbers[:, : -len(self.rules)])

    def broken(self, table: Any) -> np.ndarray:
        """Return which rules each row of a table that was read breaks (n_samples, n_rules)."""
        return self._broken(*self._read_cells(table))

    def corrections(self, table: Any) -> RuleCorrections | None:
        """Return what to expect of the cells of a table by the rules that rows break."""
        if self.steps is None:
            return None
        cells, strays = self._read_cells(table)
        says = self._broken(cells, strays) * self.evidence
        return RuleCorrections(self.rules, self.steps, cells, says)

    def _read_cells(self, table: Any) -> tuple[RuleTable, dict[int, np.ndarray]]:
        """Return a table as rules compare it, and where it has cells of another type."""
        strays: dict[int, np.ndarray] = {}
        if hasattr(self.reader, "strays"):
            table, strays = self.reader.strays.set_aside(table)
        return RuleTable(table, self.names, forms=self.forms), strays

    def _broken(self, table: RuleTable, strays: dict[int, np.ndarray]) -> np.ndarray:
        broken = self.rules.broken(table)
        for j, odd in strays.items():
            broken[np.ix_(odd, self.about[:, j] > 0)] = False
        return broken

    def rule_cells(self, numbers: np.ndarray) -> np.ndarray:
        """Return what broken rules say of the first feature of each column.

        Of the rules that a row breaks, those that have a column in common may be broken by one
        cell.  They count as the strongest of them does; each shares that out among its columns.
        """
        cells = np.zeros((len(numbers), len(self.reader.column_of_feature)))
        broken = numbers[:, -len(self.rules) :] > 0
        seen, first = np.unique(self.reader.column_of_feature, return_index=True)
        for row in np.flatnonzero(broken.any(axis=1)).tolist():
            cells[row, first] = self._shares(np.flatnonzero(broken[row]))[seen]
        return cells

    def _shares(self, broken: np.ndarray) -> np.ndarray:
        """Return what a row's broken rules say of its columns (n_columns,)."""
        shares = np.zeros(len(self.names))
        while len(broken):
            # The cell that would explain most of what is broken.
            cell = int(np.argmax(self.evidence[broken] @ self.about[broken]))
            of_cell = self.about[broken, cell] > 0
            together = self.about[broken[of_cell]].sum(axis=0)
            shares += self.evidence[broken[of_cell]].max() * together / together.sum()
            broken = broken[~of_cell]
        return shares

    def name_rules(
        self, reasons: list[list[Reason]], table: Any, labels: list[Any]
    ) -> list[list[Reason]]:
        """Return the reasons of rows, by labels of columns, with the strongest broken rule."""
        broken = self.broken(table)
        named: list[list[Reason]] = []
        for row, found in enumerate(reasons):
            named.append([])
            for reason in found:
                j = labels.index(reason.column)
                said = broken[row] * self.about[:, j] * self.evidence
                if said.any():
                    reason = reason._replace(rule=_sentence(self.rules[int(np.argmax(said))]))
                named[-1].append(reason)
        return named


def _sentence(rule: Any) -> str:
    total = rule.support + rule.breaks
    return f"{rule} holds in {rule.support:,} of {total:,} rows"


def with_rules(
    reader: NumbersReader,
    container: Container,
    parameter: Any,
    table: Any,
    training: np.ndarray,
    seed: int,
    share: float | None,
    *,
    spared: Collection[Any] = (),
) -> tuple[Any, Rules]:
    """Return a reader that minds the rules of some rows of a table, and the rules.

    There are none about ``spared`` columns.  The table, read, came in ``container``; the rows are
    given by position.
    """
    table = _safe_indexing(table, training)
    if hasattr(reader, "strays"):
        table, _ = reader.strays.set_aside(table)
    rows = RuleTable(table, list(container.columns), training)
    is_frame = container.backend is not None
    rules = rules_for(parameter, rows, is_frame=is_frame, random_state=seed % 2**32, share=share)
    rules = without_columns(rules, spared)
    by_row = Rules([rule for rule in rules if rule.by_row])
    if not len(by_row):
        return reader, rules
    steps = RuleSteps(by_row, table, rows)
    return RuledReader(reader, by_row, rows.names, rows.text_forms(), steps), rules
