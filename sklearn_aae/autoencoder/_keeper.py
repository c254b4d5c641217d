"""What drawn rows have to keep: the rules of the training rows, and conditions on columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_aae.autoencoder._forbidden import SeenTogether, refuse_forbidden
from sklearn_aae.autoencoder._met import ConditionCodecs
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.outputs._constraints import PairMask
from sklearn_aae.rules import Bounds, Rules
from sklearn_aae.rules._enforcement import Enforcement
from sklearn_aae.rules._reexpression import Lookup, Reexpression
from sklearn_aae.rules._table import RuleTable


class RuleKeeper:
    """Says which drawn rows are wrong.

    Parameters
    ----------
    rules : Rules
        What was found or given, counted over the training rows.
    table : RuleTable
        Training rows.
    codecs : sequence of ColumnCodec
        The columns, where conditions on them can be met.
    is_said : bool, default=True
        Whether networks see the table in other words.

    Attributes
    ----------
    words : Reexpression
        The table in other words.
    kept : Rules
        What all training rows keep, and all drawn rows have to.  Where columns end is not among
        it: drawn cells are within the training range by themselves.
    codecs : ConditionCodecs
        What says whether a cell meets a condition.
    pairs : list of PairMask
        Which levels may come together.
    together : SeenTogether or None
        Which levels training rows have together.
    ends : dict of label to (float, float)
        The least and the largest training cell of the columns that are computed.
    """

    def __init__(
        self,
        rules: Rules,
        table: RuleTable,
        codecs: Sequence[ColumnCodec] = (),
        *,
        is_said: bool = True,
    ) -> None:
        self.rules, self.words = rules, Reexpression(rules, table)
        #: What puts finished rows right, where networks see the table as it is.
        self.enforcement = None if is_said else Enforcement(rules, self.words, table)
        exact = (rule for rule in rules if rule.by_row and not rule.breaks)
        self.kept = Rules(rule for rule in exact if not isinstance(rule, Bounds))
        targets = [step.target for step in self.words.steps if not isinstance(step, Lookup)]
        self.ends = {name: _ends(table, name) for name in targets}
        self.codecs = ConditionCodecs(table.names, codecs)
        self.pairs: list[PairMask] = []
        self.together: SeenTogether | None = None

    @property
    def asks(self) -> bool:
        """Whether there is anything that drawn rows have to keep."""
        return bool(self.kept or self.words.steps)

    def direct(self, conditions: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the conditions that the networks can be asked to meet.

        One on a column that another one determines becomes one on that.  ValueError names an
        exact rule that forbids them.
        """
        refuse_forbidden(self.kept, self.codecs, conditions)
        steps = {step.target: step for step in self.words.steps} if self.enforcement is None else {}
        direct = {name: wanted for name, wanted in conditions.items() if name not in steps}
        for name, wanted in conditions.items():
            step = steps.get(name)
            if isinstance(step, Lookup) and not step.others:
                (source,) = step.sources
                if source not in steps and source not in conditions:
                    condition = Condition.of(wanted, name)
                    met = self.codecs.meets(name, condition)
                    keys = [key for (key,), level in step.rule.mapping.items() if met(level)]
                    if keys and not condition.missing:
                        direct[source] = self.codecs.cells(source, keys)
        return direct

    def mend(self, X: Any, rng: np.random.Generator) -> Any:
        """Return drawn rows that keep what can be computed."""
        return X if self.enforcement is None else self.enforcement.apply(X, rng)

    def is_wrong(self, X: Any, conditions: Mapping[Any, Any]) -> np.ndarray:
        """Return which drawn rows break a rule that all training rows keep, or miss a condition.

        Computed cells beyond those of the training rows are wrong, too.
        """
        table = self.words.table(X)
        wrong = np.asarray(self.kept.broken(table).any(axis=1))
        for name, (low, high) in self.ends.items():
            cells = table[name]
            values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
            wrong |= ~cells.missing & ((values < low) | (values > high))
        for name, wanted in conditions.items():
            wrong |= ~self.codecs.meeting(table, name, wanted)
        return wrong


def _ends(table: RuleTable, name: Any) -> tuple[float, float]:
    """Return the least and the largest cell of a column."""
    cells = table[name]
    values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
    present = values[~cells.missing]
    return float(present.min()), float(present.max())
