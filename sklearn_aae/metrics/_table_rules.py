"""Rules of the real rows, and how many other rows break them."""

from __future__ import annotations

from typing import Any

from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.rules import Rules
from sklearn_aae.rules._options import FIND, rules_for
from sklearn_aae.rules._table import RuleTable

#: A rule that at most this share of the held-out rows break is not to be broken by more drawn ones.
MOST_BROKEN = 0.005


def rules_of(real: Any, seed: int) -> Rules:
    """Return the rules of a table that say something about single rows."""
    found = rules_for(FIND, RuleTable(real), is_frame=True, random_state=seed)
    return Rules((rule for rule in found if rule.by_row), not_searched=found.not_searched)


def breaks_of(rules: Rules, table: Any) -> TableScore:
    """Return the share of rows that break any rule, and of those that break each."""
    broken = rules.broken(table)
    shares = broken.mean(axis=0).tolist()
    details = dict(zip(rules.texts(), shares, strict=True))
    return TableScore(float(broken.any(axis=1).mean()), details)


def newly_broken(synthetic: TableScore, held_out: TableScore) -> list[str]:
    """Return the rules that other real rows keep and synthetic ones do not, the worst first."""
    failed = [
        rule
        for rule, share in held_out.details.items()
        if share <= MOST_BROKEN < synthetic.details[rule]
    ]
    return sorted(failed, key=lambda rule: -synthetic.details[rule])


def as_plain(rules: Rules) -> dict[str, dict[str, Any]]:
    """Return rules as text, with their counts."""
    return {
        text: {"support": rule.support, "breaks": rule.breaks, "chance": rule.chance}
        for text, rule in zip(rules.texts(), rules, strict=True)
    }
