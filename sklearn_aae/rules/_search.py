"""The search for the rules of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from sklearn_aae.rules._base import Rule
from sklearn_aae.rules._chance import Search
from sklearn_aae.rules._find_arithmetic import GLANCE, find_products, find_sums
from sklearn_aae.rules._find_columns import find_bounds, find_keys, find_presence
from sklearn_aae.rules._find_levels import (
    SAMPLED,
    find_absent_pairs,
    find_dependencies,
    find_joint_dependencies,
)
from sklearn_aae.rules._find_orders import find_orders
from sklearn_aae.rules._levels import Determines
from sklearn_aae.rules._redundancy import without_redundant
from sklearn_aae.rules._rules import Rules
from sklearn_aae.rules._table import RuleTable
from sklearn_aae.typing import TableLike

#: What a search may look at, in comparisons of cells: some ten seconds on one core.
BUDGET = 10**9
#: Rows in which rules are sought; what is found there is counted in all.
MOST_ROWS = 20_000
#: Parts of sums that are tried.
N_PARTS = (1, 2, 3)
#: Fewer rows than this say nothing.
LEAST_ROWS = 20


def find_rules(
    table: TableLike,
    *,
    share: float = 0.995,
    budget: int | None = None,
    random_state: Any = 0,
) -> Rules:
    """Find what the rows of a table have in common.

    Orders between comparable columns; columns that one or two others determine; sums of up to
    three parts, with up to 24 amounts that may come on top, longer sums, and products; cells
    that are missing together; combinations of levels that do not occur; keys and running
    numbers; where numbers end, and their grid.

    Parameters
    ----------
    table : frame or array-like of shape (n_rows, n_columns)
        The table: pandas, polars or another frame that narwhals knows, or an array.
    share : float, default=0.995
        The least share of the rows that keeps a rule, in (0.9, 1].  In rows held back, which
        do not say what the rule is, as large a share keeps it.
    budget : int or None, default=None
        How many cells may be compared; None: 10 ** 9, some seconds on one core.  Families of
        rules are sought from the cheapest to the most expensive one while the budget lasts;
        ``not_searched`` of the result names what was left out.
    random_state : int, RandomState or None, default=0
        Draws the rows that are looked at, and shuffles columns.

    Returns
    -------
    Rules
        The rules, with counts over all rows.

    Raises
    ------
    ValueError
        If the table has fewer than 20 rows, a number is infinite, or a parameter is out of range.
    UnsupportedColumnsError
        If a column is of a type that is of no known kind.

    Notes
    -----
    *No accidents.* A rule is reported if shuffled columns would break it far more often: ten
    times as often, and so often that as few breaks have a probability of less than 0.01, divided
    by the number of rules of its family that were tried.

    *Nothing twice.* Dropped is: what follows from other dependencies, orders or sums (see
    the :ref:`User Guide <rules>`); of columns that say the same, the first in the table leads.

    *Rows.* In tables of more than 20,000 rows rules are sought among as many at random; what
    is found is counted in all rows.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_aae.rules import find_rules
    >>> rng = np.random.default_rng(0)
    >>> fare, tip = rng.integers(300, 9000, (2, 500)) / 100
    >>> zone = rng.integers(0, 20, 500)
    >>> trips = pd.DataFrame(
    ...     {"zone": zone, "borough": np.array([*"ABCD"])[zone % 4], "fare": fare, "tip": tip}
    ... ).assign(total=fare + tip)
    >>> [str(rule) for rule in find_rules(trips)][:2]
    ['zone determines borough', 'total = fare + tip']
    """
    check_scalar(share, "share", Real, min_val=0.9, max_val=1, include_boundaries="right")
    if budget is not None:
        check_scalar(budget, "budget", Integral, min_val=1)
    read = table if isinstance(table, RuleTable) else RuleTable(table)
    if read.n_rows < LEAST_ROWS:
        raise ValueError(
            f"The table has {read.n_rows} rows; rules are sought in at least {LEAST_ROWS}."
        )
    seed = check_random_state(random_state).randint(2**31)
    rng = np.random.default_rng(seed)
    rows = read
    if read.n_rows > MOST_ROWS:
        rows = read.take(np.sort(rng.choice(read.n_rows, MOST_ROWS, replace=False)))
    search, whole = Search(rows, share, rng), Search(read, share, rng)
    left, found, left_out = BUDGET if budget is None else int(budget), list[Rule](), list[str]()
    for name, cost, find in _families(search, whole):
        if cost > left:
            left_out.append(name)
            continue
        left -= cost
        found += find(found)
    n_parts = max((k for k in N_PARTS if _cost_of_sums(search, k) <= left), default=0)
    if n_parts < N_PARTS[-1]:
        left_out.append(f"sums of more than {n_parts} parts" if n_parts else "sums")
    found += find_sums(search, n_parts)
    found = [rule._learn(rows) for rule in found]
    if rows is not read:
        found = [rule for rule in found if _is_kept(rule, read, share)]
    found = without_redundant(found, rows)
    if rows is not read:
        found = [_recounted(rule, read) for rule in found]
    return Rules(found, not_searched=left_out)


def _is_kept(rule: Rule, table: RuleTable, share: float) -> bool:
    """Return whether enough rows of the whole table keep a rule."""
    counted = rule._counted(table)
    support, breaks = counted.support or 0, counted.breaks or 0
    return breaks <= (1 - share) * (support + breaks)


def _recounted(rule: Rule, table: RuleTable) -> Rule:
    """Return a rule with what all rows say."""
    if isinstance(rule, Determines):
        rule = replace(rule, mapping=None)._learn(table)
    return rule._counted(table, rule.chance)


Find = Callable[[list[Rule]], list[Rule]]


def _families(search: Search, whole: Search) -> list[tuple[str, int, Find]]:
    """Return each family of rules with the comparisons that it takes, the cheapest first."""
    n, p = search.table.n_rows, len(search.cells)
    families: list[tuple[str, int, Find]] = [
        ("keys", n * p, lambda _: find_keys(whole)),
        ("bounds", n * p, lambda _: find_bounds(search)),
        ("missing cells", n * p * p, lambda _: find_presence(search)),
        ("orders", 4 * n * p * p, lambda _: find_orders(search)),
        ("dependencies", 4 * n * p * p, lambda _: find_dependencies(search)),
        ("absent pairs", 4 * n * p * p, lambda _: find_absent_pairs(search)),
        ("products", GLANCE * p**3, lambda _: find_products(search)),
        (
            "dependencies on two columns",
            2 * min(n, SAMPLED) * p**3,
            lambda found: find_joint_dependencies(search, found),
        ),
    ]
    return sorted(families, key=lambda family: family[1])


def _cost_of_sums(search: Search, n_parts: int) -> int:
    p = len(search.cells)
    return 10 * GLANCE * sum((k + 2) * comb(p, k + 1) for k in range(1, n_parts + 1))
