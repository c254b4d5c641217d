"""What estimators do with a parameter ``rules``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._find_columns import find_key
from sklearn_aae.rules._rules import Rules
from sklearn_aae.rules._search import LEAST_ROWS, find_rules
from sklearn_aae.rules._table import RuleTable

#: What a search inside a fit may look at: some tenths of a second.
BUDGET = 10**8
#: The share of the training rows that keeps a rule.
SHARE = 0.995
AUTO, FIND = "auto", "find"


def rules_for(
    rules: Any,
    table: RuleTable,
    *,
    is_frame: bool,
    random_state: int,
    share: float | None = SHARE,
    budget: int = BUDGET,
) -> Rules:
    """Return the rules that a parameter asks for, with counts over a table.

    Parameters
    ----------
    rules : {"auto", "find"}, None, or list of Rule
        Look for rules in frames; look for them in arrays, too; no rules; these rules.
    table : RuleTable
        Training rows.
    is_frame : bool
        Whether they came in a frame.
    random_state : int
        Draws what the search draws.
    share : float or None, default=0.995
        The least share of the rows that has to keep a given rule; None accepts any.
    budget : int, default=10**8
        How many cells a search may compare.

    Returns
    -------
    Rules
        The rules.

    Raises
    ------
    RuleError
        If a rule does not fit the table, or too many rows break it.
    ValueError
        If the parameter is something else.
    """
    if isinstance(rules, str) and rules in (AUTO, FIND):
        if rules == AUTO and not is_frame:
            return Rules()
        if table.n_rows < LEAST_ROWS:
            return Rules(not_searched=[f"fewer than {LEAST_ROWS} rows"])
        return find_rules(table, share=SHARE, budget=budget, random_state=random_state)
    check_rules(rules)
    return Rules([] if rules is None else rules).learn(table, share=share)


def without_columns(rules: Rules, names: Collection[Any]) -> Rules:
    """Return the rules about other columns."""
    others = [rule for rule in rules if not set(rule.columns) & set(names)]
    return Rules(others, not_searched=rules.not_searched)


def with_keys(rules: Rules, names: Collection[Any], table: RuleTable) -> Rules:
    """Return rules and, after them, what makes some columns keys of a table."""
    keys = [rule for name in names if (rule := find_key(table[name])) is not None]
    return Rules([*rules, *keys], not_searched=rules.not_searched)


def columns_in(rules: Any) -> set[Any]:
    """Return the columns that a parameter names."""
    if rules is None or isinstance(rules, str):
        return set()
    return {name for rule in rules for name in rule.columns}


def check_rules(rules: Any) -> None:
    """Raise unless a parameter is one that :func:`rules_for` knows."""
    if rules is None or (isinstance(rules, str) and rules in (AUTO, FIND)):
        return
    if isinstance(rules, (list, tuple, Rules)) and all(isinstance(rule, Rule) for rule in rules):
        return
    raise ValueError(
        "rules must be 'auto', 'find', None, or a list of rules such as Order('start', 'end'); "
        f"got {rules!r}."
    )
