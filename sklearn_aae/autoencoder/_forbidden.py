"""Conditions that rules forbid, or that no training row meets together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np

from sklearn_aae.autoencoder._met import ConditionCodecs
from sklearn_aae.encoding import BOOLEAN, CATEGORY
from sklearn_aae.encoding._codec import Condition
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.rules import AbsentPairs, Determines, Order, Presence, Product, Rule, Rules
from sklearn_aae.rules._arithmetic import Linear

#: Which levels of categories occur together is kept of pairs of columns with, in all, so many
#: combinations, and of pairs with no more than so many.
MOST_IN_ALL, MOST_OF_PAIR = 10**6, 2**14

Asked = Mapping[Any, Condition]


def refuse_forbidden(rules: Rules, codecs: ConditionCodecs, conditions: Mapping[Any, Any]) -> None:
    """Raise ValueError that names the rule if an exact one keeps conditions from being met."""
    asked = {name: Condition.of(wanted, name) for name, wanted in conditions.items()}
    if not all(name in codecs for name in asked):
        return  # whoever draws says so
    for rule in rules:
        own = {name: asked[name] for name in rule.columns if name in asked}
        if len(own) > 1 and _forbids(rule, codecs, own):
            raise ValueError(
                f"The conditions {' and '.join(each.text for each in own.values())} contradict "
                f"the rule '{rule}', which all training rows keep; change one of them, or fit "
                "with rules=None."
            )


def _forbids(rule: Rule, codecs: ConditionCodecs, asked: Asked) -> bool:
    if isinstance(rule, Presence):
        given, column = asked[rule.given], asked[rule.column]
        goes = not given.allowed and given.bounds is None if rule.when_missing else True
        stays = given.missing if not rule.when_missing else False
        return goes and not stays and not column.missing
    if any(each.missing for each in asked.values()):
        return False  # rules say nothing about rows with missing cells
    if any(codecs.may_miss(name) for name in rule.columns if name not in asked):
        return False
    for kinds, forbids in FORBIDS.items():
        if isinstance(rule, kinds):
            return forbids(rule, codecs, asked)
    return False


def _by_mapping(rule: Any, codecs: ConditionCodecs, asked: Asked) -> bool:
    met = {name: codecs.meets(name, condition) for name, condition in asked.items()}

    def is_met(name: Any, level: Any) -> bool:
        return name not in met or met[name](level)

    return rule.determined in asked and not any(
        all(is_met(*pair) for pair in zip(rule.determinants, levels, strict=True))
        and is_met(rule.determined, level)
        for levels, level in rule.mapping.items()
    )


def _by_pairs(rule: Any, codecs: ConditionCodecs, asked: Asked) -> bool:
    chosen = [codecs.levels(name, asked[name]) for name in rule.columns]
    return all(chosen) and {*product(*chosen)} <= {*map(tuple, rule.absent)}


def _by_order(rule: Any, codecs: ConditionCodecs, asked: Asked) -> bool:
    (least, _), (_, most) = (codecs.span(name, asked[name]) for name in rule.columns)
    return least >= most if rule.strict else least > most


def _by_sum(rule: Any, codecs: ConditionCodecs, asked: Asked) -> bool:
    low = high = slack = 0.0
    for sign, name in rule.terms:
        ends = sorted(sign * end for end in codecs.span(name, asked.get(name)))
        low, high = low + ends[0], high + ends[1]
        slack += 1e-12 * max(map(abs, ends))
    return not any(low - slack <= amount <= high + slack for amount in map(float, rule.amounts))


def _by_product(rule: Any, codecs: ConditionCodecs, asked: Asked) -> bool:
    (low, high), *factors = (codecs.span(name, asked.get(name)) for name in rule.columns)
    corners = [one * other for one, other in product(*factors)]
    half = 0.0 if rule.decimals is None else 0.5 * 10.0**-rule.decimals
    return max(corners) + half < low or min(corners) - half > high


#: What says of each kind of rule whether conditions contradict it.
FORBIDS: dict[Any, Callable[[Any, ConditionCodecs, Asked], bool]] = {
    Determines: _by_mapping,
    AbsentPairs: _by_pairs,
    Order: _by_order,
    Linear: _by_sum,
    Product: _by_product,
}


class SeenTogether:
    """Which levels of two columns training rows have together, of categories.

    Parameters
    ----------
    layout : Layout
        The columns.
    levels : ndarray of shape (n_rows, n_columns)
        Training rows; -1 for an unknown cell.
    """

    def __init__(self, layout: Layout, levels: np.ndarray) -> None:
        spans = layout.spans
        chosen = [j for j, span in enumerate(spans) if span.kind in (BOOLEAN, CATEGORY)]
        sizes = {
            (i, j): (spans[i].n_levels + 1) * (spans[j].n_levels + 1)
            for i, j in combinations(chosen, 2)
        }
        left = MOST_IN_ALL
        self.seen: list[tuple[int, int, np.ndarray]] = []
        for (i, j), size in sorted(sizes.items(), key=lambda item: item[1]):
            if size > min(left, MOST_OF_PAIR):
                break
            left -= size
            width = spans[j].n_levels + 1  # the last one is for unknown cells
            pairs = (levels[:, i].astype(np.int64) % (spans[i].n_levels + 1)) * width
            pairs += levels[:, j].astype(np.int64) % width
            found = np.bincount(pairs, minlength=size) > 0
            self.seen.append((i, j, found.reshape(-1, width)[:-1, :-1]))

    def never(self, shares: Mapping[int, np.ndarray]) -> bool:
        """Return whether no row met two of the conditions, given by shares of levels."""
        for i, j, seen in self.seen:
            if i in shares and j in shares:
                both = seen[np.ix_(shares[i] > 0, shares[j] > 0)]
                if not both.any():
                    return True
        return False
