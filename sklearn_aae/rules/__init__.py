"""Rules of a table: found, shown, checked and kept; no torch here."""

from sklearn_aae.rules._arithmetic import Difference, Product, Sum
from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._columns import Bounds, Presence, RunningNumber, Unique
from sklearn_aae.rules._levels import AbsentPairs, Determines
from sklearn_aae.rules._orders import Order
from sklearn_aae.rules._rules import RuleCheck, Rules
from sklearn_aae.rules._search import find_rules

__all__ = [
    "AbsentPairs",
    "Bounds",
    "Determines",
    "Difference",
    "Order",
    "Presence",
    "Product",
    "Rule",
    "RuleCheck",
    "Rules",
    "RunningNumber",
    "Sum",
    "Unique",
    "find_rules",
]
