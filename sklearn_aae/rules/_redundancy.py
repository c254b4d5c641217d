"""What is left out of found rules because it follows from others.

1. A sum of two columns with one offset makes dependencies and orders between them superfluous,
   one of three columns those of two of them on the third; so does a product.
2. Of columns that determine each other the first in the table leads: the others determine
   nothing, and are in no list of absent pairs.
3. Of dependencies, orders and missing cells, what follows by a chain of two is dropped.
4. An order follows from a sum whose other parts are not negative, or from a product whose other
   factor is at least 1.
5. A dependency on two columns follows if what it determines determines both, or if one of them
   determines a third column that can take its place, or that is determined by both and determines
   the rest.
6. Absent pairs follow from a dependency between the two columns or on a common one, from an
   order, from an exact sum that both are in, and from absent pairs of what a column determines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn_aae.rules._arithmetic import Product, Sum
from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._columns import Presence
from sklearn_aae.rules._levels import AbsentPairs, Determines
from sklearn_aae.rules._orders import Order
from sklearn_aae.rules._table import RuleTable

#: The order in which rules are shown.
SHOWN = [
    "Determines",
    "Sum",
    "Product",
    "Order",
    "Presence",
    "Unique",
    "RunningNumber",
    "AbsentPairs",
    "Bounds",
]

Edges = set[tuple[Any, Any]]


def without_redundant(rules: list[Rule], table: RuleTable) -> list[Rule]:
    """Return the rules that do not follow from others, ordered by kind and column."""
    place = {name: i for i, name in enumerate(table.names)}
    exact = [r for r in rules if isinstance(r, Sum) and len(r.offsets) == 1]
    exact_sets = [frozenset(r.columns) for r in rules if isinstance(r, Product) or r in exact]
    edges: Edges = {
        (r.columns[0], r.determined)
        for r in rules
        if isinstance(r, Determines) and len(r.columns) == 2
    }
    followers = {b for a, b in edges if (b, a) in edges and place[a] < place[b]}
    leading = {edge for edge in edges if edge[0] not in followers}
    kept = reduced({edge for edge in leading if frozenset(edge) not in exact_sets})
    joint = _joint(rules, edges, followers, exact_sets)
    orders = _orders(rules, table)
    tests: dict[type[Rule], Callable[[Any], bool]] = {
        Determines: lambda r: (
            (r.columns[0], r.determined) in kept
            if len(r.columns) == 2
            else (r.columns[:-1], r.determined) in joint
        ),
        Order: lambda r: (r.low, r.high) in orders,
        AbsentPairs: lambda r: not _follows(r, rules, edges, followers, exact_sets),
    }
    absent = _presence(rules, place)
    found = [
        rule
        for rule in rules
        if tests.get(type(rule), lambda _: True)(rule)
        and (not isinstance(rule, Presence) or rule in absent)
    ]
    return sorted(
        found,
        key=lambda rule: (
            SHOWN.index(type(rule).__name__),
            [place[name] for name in rule.columns],
        ),
    )


def reduced(edges: Edges) -> Edges:
    """Return edges without those that two others make; of a circle, all."""
    after: dict[Any, set[Any]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)
    return {
        (a, b)
        for a, b in edges
        if not any(
            b in after.get(c, ()) and (c, a) not in edges and (b, c) not in edges
            for c in after[a] - {b}
        )
    }


def _joint(
    rules: list[Rule], edges: Edges, followers: set[Any], exact_sets: list[frozenset[Any]]
) -> set[tuple[tuple[Any, ...], Any]]:
    """Return which dependencies on two columns are kept."""
    found = {
        (r.columns[:-1], r.determined)
        for r in rules
        if isinstance(r, Determines) and len(r.columns) == 3
    }
    pairs = {(frozenset(names), target) for names, target in found}

    def follows(names: tuple[Any, ...], target: Any) -> bool:
        if frozenset((*names, target)) in exact_sets or {*names} & followers:
            return True
        if all((target, name) in edges for name in names):
            return True
        for a, b in (names, names[::-1]):
            coarser = {x for y, x in edges if y == b and (x, b) not in edges}
            if any((frozenset((a, x)), target) in pairs for x in coarser):
                return True
        between = {x for both, x in pairs if both == frozenset(names) and x != target}
        return any((x, target) in edges and (target, x) not in edges for x in between)

    return {(names, target) for names, target in found if not follows(names, target)}


def _orders(rules: list[Rule], table: RuleTable) -> Edges:
    """Return which orders are kept."""
    edges: Edges = {(r.low, r.high) for r in rules if isinstance(r, Order)}
    equal = {
        frozenset((r.total, *r.parts)): r
        for r in rules
        if isinstance(r, Sum) and len(r.parts) == 1 and r.total is not None
    }
    followers = {r.total for r in equal.values() if r.offsets == (0,)}
    implied: Edges = set()
    for rule in rules:
        if not isinstance(rule, Sum) or rule.total is None:
            continue
        for part in rule.parts:
            others = [name for name in rule.parts if name != part]
            if min(rule.amounts) >= 0 and all(_is_at_least(table, x, 0) for x in others):
                implied.add((part, rule.total))
    for product in (rule for rule in rules if isinstance(rule, Product)):
        for one, other in (product.factors, product.factors[::-1]):
            if _is_at_least(table, other, 1) and _is_at_least(table, one, 0):
                implied.add((one, product.product))
    kept = {edge for edge in edges if not {*edge} & followers and frozenset(edge) not in equal}
    return reduced(kept | (implied & edges)) - implied


def _is_at_least(table: RuleTable, name: Any, least: int) -> bool:
    cells = table[name]
    return bool((cells.values[~cells.missing] >= least).all())


def _presence(rules: list[Rule], place: dict[Any, Any]) -> list[Presence]:
    """Return which rules on missing cells are kept."""
    found = [rule for rule in rules if isinstance(rule, Presence)]
    together: Edges = {(r.given, r.column) for r in found if r.when_missing}
    leaders = {
        b: min((a for a, c in together if c == b and (b, a) in together), key=place.__getitem__)
        for b in {b for a, b in together if (b, a) in together}
    }
    leader = {name: min(name, leaders.get(name, name), key=place.__getitem__) for name in place}
    between = reduced({(a, b) for a, b in together if leader[a] == a and leader[b] == b})

    def is_kept(rule: Presence) -> bool:
        a, b = rule.given, rule.column
        if rule.when_missing:
            return (a, b) in between or leader[a] == b or leader[b] == a
        result: bool = leader[a] == a and leader[b] == b and place[a] < place[b]
        return result

    return [rule for rule in found if is_kept(rule)]


def _follows(
    rule: AbsentPairs,
    rules: list[Rule],
    edges: Edges,
    followers: set[Any],
    exact_sets: list[frozenset[Any]],
) -> bool:
    """Return whether absent pairs follow from other rules."""
    pair = frozenset(rule.columns)
    first, second = rule.columns
    if pair & followers or (first, second) in edges or (second, first) in edges:
        return True
    if {a for a, b in edges if b == first} & {a for a, b in edges if b == second}:
        return True
    if any(pair <= columns for columns in exact_sets):
        return True
    others = [r for r in rules if isinstance(r, AbsentPairs) and r is not rule]
    if any(isinstance(r, Order) and frozenset(r.columns) == pair for r in rules):
        return True
    maps = {
        (r.columns[0], r.determined): r
        for r in rules
        if isinstance(r, Determines) and len(r.columns) == 2
    }
    return any(_is_finer(rule, other, maps) for other in others)


def _is_finer(
    rule: AbsentPairs, other: AbsentPairs, maps: dict[tuple[Any, ...], Determines]
) -> bool:
    """Return whether a column determines one of other absent pairs that say the same."""
    for side, shared in ((0, 1), (1, 0)):
        own, common = rule.columns[side], rule.columns[shared]
        if common not in other.columns:
            continue
        coarse = other.columns[1 - other.columns.index(common)]
        determines = maps.get((own, coarse))
        if determines is None or determines.mapping is None or (coarse, own) in maps:
            continue
        at = other.columns.index(common)
        banned = {(pair[1 - at], pair[at]) for pair in other.absent or ()}
        if all(
            (determines.mapping.get((pair[side],)), pair[shared]) in banned
            for pair in rule.absent or ()
        ):
            return True
    return False
