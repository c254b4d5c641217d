"""Several rules of one table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any, NamedTuple, overload

import numpy as np

from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules._base import Rule, name_rows
from sklearn_aae.rules._columns import Bounds
from sklearn_aae.rules._orders import Order
from sklearn_aae.rules._table import RuleTable
from sklearn_aae.typing import Table


class RuleCheck(NamedTuple):
    """Which rows of a table break which rules.

    Parameters
    ----------
    broken : frame or ndarray of shape (n_rows, n_rules), bool
        A column for each rule, named by it, in a frame of the table's library; an array for
        arrays.
    share : dict of str to float
        The share of the rows that break each rule.
    """

    broken: Table
    share: dict[str, float]


class Rules(MutableSequence[Rule]):
    """Rules of a table: a list that checks tables and can be written as JSON.

    Rules are added, removed and replaced as in any list.

    Parameters
    ----------
    rules : iterable of Rule, default=()
        The rules.
    not_searched : iterable of str, default=()
        What :func:`find_rules` left out for want of budget.

    Attributes
    ----------
    not_searched : tuple of str
        What was left out of the search.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_aae.rules import Order, Rules, Sum
    >>> rules = Rules([Order("start", "end")])
    >>> rules.append(Sum("total", ["fare", "tip"]))
    >>> trips = pd.DataFrame(
    ...     {"start": [1, 5], "end": [2, 4], "fare": [7.5, 3.1], "tip": [0.1, 0.2]}
    ... ).assign(total=[7.6, 3.3])
    >>> rules.check(trips).share
    {'start <= end': 0.5, 'total = fare + tip': 0.0}
    >>> Rules.from_json(rules.to_json()) == rules
    True
    """

    def __init__(self, rules: Iterable[Rule] = (), *, not_searched: Iterable[str] = ()) -> None:
        self._rules = [_as_rule(rule) for rule in rules]
        self.not_searched = tuple(not_searched)

    # -------------------------------------------------------------- the list

    @overload
    def __getitem__(self, index: int) -> Rule: ...

    @overload
    def __getitem__(self, index: slice) -> Rules: ...

    def __getitem__(self, index: int | slice) -> Rule | Rules:
        found = self._rules[index]
        if isinstance(found, Rule):
            return found
        return Rules(found, not_searched=self.not_searched)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._rules[index] = [_as_rule(rule) for rule in value]
        else:
            self._rules[index] = _as_rule(value)

    def __delitem__(self, index: int | slice) -> None:
        del self._rules[index]

    def __len__(self) -> int:
        return len(self._rules)

    def insert(self, index: int, value: Rule) -> None:
        """Put a rule before another one.

        Parameters
        ----------
        index : int
            Where.
        value : Rule
            The rule.
        """
        self._rules.insert(index, _as_rule(value))

    def __add__(self, other: Iterable[Rule]) -> Rules:
        return Rules([*self, *other], not_searched=self.not_searched)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rules) and self._rules == other._rules

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if not self._rules:
            return "no rules"
        width = max(len(str(rule)) for rule in self._rules)
        lines = []
        for rule in self._rules:
            line = f"{rule!s:<{width}}"
            if rule.support is not None and rule.breaks is not None:
                line += f"  {rule.support:,} of {rule.support + rule.breaks:,} rows"
            if rule.chance is not None:
                line += f", by chance {rule.chance:.1%}"
            lines.append(line.rstrip())
        return "\n".join(lines)

    # ------------------------------------------------------------------- use

    def broken(self, X: Any) -> np.ndarray:
        """Return which rows break which rules.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            A table.

        Returns
        -------
        ndarray of shape (n_rows, n_rules), bool
            True where a rule is broken.

        Raises
        ------
        RuleError
            If a column of a rule is missing, or of another kind.
        """
        table = X if isinstance(X, RuleTable) else RuleTable(X)
        broken = np.zeros((table.n_rows, len(self)), dtype=bool)
        for i, rule in enumerate(self):
            broken[:, i] = rule.broken(table)
        return broken

    def check(self, X: Any) -> RuleCheck:
        """Return which rows of a table break which rules, and how many do.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            A table.

        Returns
        -------
        RuleCheck
            A named tuple ``(broken, share)``: a frame of rows and rules, and the share of rows
            that break each rule.

        Raises
        ------
        RuleError
            If a column of a rule is missing, or of another kind.
        """
        table = RuleTable(X)
        broken = self.broken(table)
        names = self.texts()
        shares = (broken.sum(axis=0) / max(len(broken), 1)).tolist()
        container = table.container.renamed(names)
        return RuleCheck(container.wrap(broken, like=X), dict(zip(names, shares, strict=True)))

    def texts(self) -> list[str]:
        """Return a text for each rule, all of them different.

        Returns
        -------
        list of str
            The rules as text; those of the same text are numbered.
        """
        names: list[str] = []
        for rule in self:
            name, n = str(rule), 1
            while name in names:
                n += 1
                name = f"{rule} ({n})"
            names.append(name)
        return names

    def learn(self, X: Any, *, share: float | None = None) -> Rules:
        """Return the rules with what they leave open, and their counts, taken from a table.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            A table that keeps the rules.
        share : float or None, default=None
            The least share of the rows that has to keep each rule; None accepts any.

        Returns
        -------
        Rules
            New rules.

        Raises
        ------
        RuleError
            If a rule does not fit the columns, two rules contradict each other, or more rows
            break one than allowed.
        """
        self.check_consistency()
        table = X if isinstance(X, RuleTable) else RuleTable(X)
        learned = []
        for rule in self:
            rule._check_columns(table)
            counted = rule._learn(table)._counted(table, rule.chance)
            about = (counted.support or 0) + (counted.breaks or 0)
            if share is not None and (counted.breaks or 0) > (1 - share) * about:
                rows = table.positions[counted.broken(table)].tolist()
                raise RuleError(
                    f"The rule '{rule}' is broken by {counted.breaks} of {about} rows, more than "
                    f"{1 - share:.1%}: rows {name_rows(rows)}. Correct the rows, leave them "
                    "out, or remove the rule.",
                    rule,
                    rows,
                )
            learned.append(counted)
        return Rules(learned, not_searched=self.not_searched)

    def check_consistency(self) -> None:
        """Raise if no row can keep two of the rules.

        Raises
        ------
        RuleError
            If orders go around in a circle that no row can keep, or bounds of one column have
            nothing in common.
        """
        orders = [rule for rule in self if isinstance(rule, Order)]
        for order in orders:
            if order.strict and order.low in _reachable(order.high, orders):
                raise RuleError(
                    f"The rule '{order}' contradicts other orders: {order.high!r} is never above "
                    f"{order.low!r} either. Remove one of them.",
                    order,
                )
        ends: dict[Any, list[Bounds]] = {}
        for rule in self:
            if isinstance(rule, Bounds):
                for other in ends.setdefault(rule.column, []):
                    own, others = rule.ends, other.ends
                    for low, high in ((own[0], others[1]), (others[0], own[1])):
                        if low is not None and high is not None and low > high:
                            raise RuleError(
                                f"The rules '{rule}' and '{other}' contradict each other. "
                                "Remove one of them.",
                                rule,
                            )
                ends[rule.column].append(rule)

    # --------------------------------------------------------------- as JSON

    def to_dict(self) -> dict[str, object]:
        """Return the rules as a dictionary of what JSON knows.

        Returns
        -------
        dict
            ``"rules"`` is a list of dictionaries.
        """
        plain: dict[str, Any] = {"rules": [rule.to_dict() for rule in self]}
        return plain | ({"not_searched": list(self.not_searched)} if self.not_searched else {})

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Rules:
        """Return rules from what :meth:`to_dict` gave.

        Parameters
        ----------
        plain : mapping
            What :meth:`to_dict` gave.

        Returns
        -------
        Rules
            The rules.

        Raises
        ------
        ValueError
            If there is a rule of no known name or with other parameters.
        """
        stored: Mapping[str, Any] = plain
        if not isinstance(plain, Mapping) or not isinstance(stored.get("rules"), (list, tuple)):
            raise ValueError('Rules are a dictionary with a list "rules".')
        left_out = stored.get("not_searched", ())
        if not isinstance(left_out, (list, tuple)):
            raise ValueError(f"not_searched of rules must be a list of text; got {left_out!r}.")
        return cls((Rule.from_dict(rule) for rule in stored["rules"]), not_searched=left_out)

    def to_json(self) -> str:
        """Return the rules as JSON.

        Returns
        -------
        str
            The text.

        Raises
        ------
        TypeError
            If a column is called by something else than text, numbers and booleans.
        """
        try:
            return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        except TypeError as error:
            raise TypeError(
                f"JSON has no such labels of columns: {error}; call columns by text or numbers."
            ) from error

    @classmethod
    def from_json(cls, text: str) -> Rules:
        """Return rules from what :meth:`to_json` gave.

        Parameters
        ----------
        text : str
            What :meth:`to_json` gave.

        Returns
        -------
        Rules
            The rules.

        Raises
        ------
        ValueError
            If the text is no JSON, or says something else.
        """
        return cls.from_dict(json.loads(text))


def _as_rule(rule: Any) -> Rule:
    if not isinstance(rule, Rule):
        raise TypeError(f"Rules are objects such as Order('start', 'end'); got {rule!r}.")
    return rule


def _reachable(start: Any, orders: list[Order]) -> set[Any]:
    """Return what is never below a column, by a chain of orders."""
    found, todo = {start}, [start]
    while todo:
        low = todo.pop()
        for rule in orders:
            if rule.low == low and rule.high not in found:
                found.add(rule.high)
                todo.append(rule.high)
    return found
