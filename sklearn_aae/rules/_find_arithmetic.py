"""The search for sums and products, in whole units of the last decimal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sklearn_aae.encoding import DATETIME, NUMBER
from sklearn_aae.rules._arithmetic import NUMBERS, TIMES, Product, Sum
from sklearn_aae.rules._base import Rule, from_units
from sklearn_aae.rules._chance import Search, is_no_accident
from sklearn_aae.rules._table import AWARE, ROOM, Cells, RuleTable

#: The most amounts that may come on top of a sum.
MOST_OFFSETS = 24
#: Rows that are looked at first: no more different amounts than offsets may be among them.
GLANCE = 64
#: Rows that an offset must have.
LEAST_ROWS = 5
#: A sum with one offset, and with several, holds by chance in no more than these shares of rows.
MOST_CHANCE = (0.9, 0.5)
#: What a further part of a sum has to save, in bits a row.
BITS_A_PART = 0.25
#: What it takes to say a number of a row that a sum says nothing about, in bits.
BITS_OF_OTHERS = 8.0
#: Combinations that are worked on at once.
BLOCK = 20_000
#: Random rows that long sums are solved for, for each column, and how often.
ROWS_A_COLUMN, N_TRIES = 3, 3


@dataclass
class Candidate:
    """Columns with signs, and the amounts that they add up to in some of the rows."""

    signs: np.ndarray
    offsets: np.ndarray
    breaks: int
    about: int
    n_rows: int
    chance: float
    bits: float

    @property
    def cost(self) -> float:
        """What it takes to say what is left over, and the columns; less is better."""
        covered = self.about / self.n_rows
        said = covered * self.bits + (1 - covered) * BITS_OF_OTHERS
        return said + BITS_A_PART * int((self.signs != 0).sum())


class Units:
    """Columns that can be added, in one unit.

    Parameters
    ----------
    cells : list of Cells
        Numbers and booleans, or dates and durations.
    rng : Generator
        Shuffles.
    """

    def __init__(self, cells: list[Cells], rng: np.random.Generator) -> None:
        decimals = max((column.decimals for column in cells), default=0)
        columns, self.cells = [], []
        for column in cells:
            assert column.whole is not None
            factor = 10 ** (decimals - column.decimals)
            if int(np.abs(column.whole).max(initial=0)) * factor < ROOM:
                columns.append(column.whole * factor)
                self.cells.append(column)
        self.decimals = decimals
        n_rows = len(columns[0]) if columns else 0
        self.values = np.array(columns, dtype=np.int64).reshape(len(columns), n_rows)
        self.known = np.array([~column.missing for column in self.cells]).reshape(self.values.shape)
        self.shuffled = np.zeros_like(self.values)
        for values, known, shuffled in zip(self.values, self.known, self.shuffled, strict=True):
            shuffled[known] = rng.permutation(values[known])
        #: Which columns are dates without and with a time zone (2, n_columns).
        self.zones = np.array([[c.kind == kind for c in self.cells] for kind in (DATETIME, AWARE)])

    @property
    def clocks(self) -> np.ndarray:
        """Which columns are dates."""
        naive, aware = self.zones
        result: np.ndarray = naive | aware
        return result

    def fits(self, signs: np.ndarray) -> np.ndarray:
        """Return which combinations (n, n_columns) can be added: of dates, as many as less."""
        result: np.ndarray = (signs @ self.zones.T == 0).all(axis=1)
        return result

    def may_have(self, signs: np.ndarray, offsets: np.ndarray) -> bool:
        """Return whether offsets say anything: codes of a few levels always have some."""
        chosen = [self.cells[i] for i in np.flatnonzero(signs)]
        if len(offsets) == 1 and (not offsets[0] or all(c.n_levels == 2 for c in chosen)):
            return True
        return max(column.n_levels for column in chosen) > 2 * MOST_OFFSETS

    def residuals(self, signs: np.ndarray, *, shuffled: bool = False) -> np.ndarray:
        """Return what a combination adds up to where all of its cells are there."""
        chosen = np.flatnonzero(signs)
        known = self.known[chosen].all(axis=0)
        values = self.shuffled if shuffled else self.values
        return signs[chosen] @ values[np.ix_(chosen, np.flatnonzero(known))]


def find_sums(search: Search, most_parts: int) -> list[Rule]:
    """Return the sums of up to so many parts, and long ones without offsets."""
    found: list[Rule] = []
    for kinds in (NUMBERS, TIMES):
        among = [c for c in search.cells if c.kind in kinds and c.whole is not None]
        units = Units([c for c in among if not _is_counter(c)], search.rng)
        if len(units.cells) < 2:
            continue
        candidates = [
            candidate
            for n_parts in range(1, most_parts + 1)
            for signs in _glance(search, units, n_parts)
            if (candidate := _verified(search, units, signs)) is not None
        ]
        chosen = _independent(candidates)
        for signs in _long_sums(search, units, chosen):
            candidate = _verified(search, units, signs)
            if candidate is not None and len(candidate.offsets) == 1:
                chosen = _independent([*chosen, candidate])
        found += [_as_sum(units, candidate) for candidate in chosen]
    return found


def _is_counter(cells: Cells) -> bool:
    """Return whether a column rises from row to row, as counts of the rows do."""
    whole = cells.whole
    return whole is not None and len(whole) > 2 and bool((np.diff(whole) > 0).all())


def _combinations(units: Units, n_parts: int) -> Iterator[np.ndarray]:
    """Yield blocks of signs (n, n_columns): one column less others, and columns added."""
    n = len(units.cells)
    chosen = np.array([*combinations(range(n), n_parts + 1)], dtype=np.intp)
    chosen = chosen.reshape(-1, n_parts + 1)
    for block in np.array_split(chosen, max(1, len(chosen) // BLOCK)):
        # Of two columns, one less the other is the same as the other way around: the first leads.
        for total in (None, *range(n_parts + 1)) if n_parts > 1 else (None, 1):
            signs = np.zeros((len(block), n), dtype=np.int64)
            np.put_along_axis(signs, block, 1 if total is None else -1, axis=1)
            if total is not None:
                np.put_along_axis(signs, block[:, [total]], 1, axis=1)
            yield signs


def _glance(search: Search, units: Units, n_parts: int) -> Iterator[np.ndarray]:
    """Yield the combinations that take few amounts in some rows, and fewer than by chance."""
    complete = units.known.sum(axis=0)
    # Rows with the fewest missing cells.
    order = np.lexsort((search.rng.random(len(complete)), -complete))
    rows = order[:GLANCE]
    values, shuffled = units.values[:, rows], units.shuffled[:, rows]
    unknown = (~units.known[:, rows]).astype(np.int64)
    for signs in _combinations(units, n_parts):
        fitting = signs[units.fits(signs)]
        if not len(fitting):
            continue
        gone = np.abs(fitting) @ unknown > 0
        n_amounts = _n_distinct(fitting @ values, gone)
        by_chance = _n_distinct(fitting @ shuffled, gone)
        enough = (~gone).sum(axis=1) >= GLANCE // 4
        # Of few rows, few break a rule.
        yield from fitting[enough & (n_amounts <= MOST_OFFSETS) & (2 * n_amounts <= by_chance)]


def _n_distinct(amounts: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Return how many different amounts each combination takes, those of unknown cells aside."""
    last = np.iinfo(np.int64).max
    ordered = np.sort(np.where(gone, last, amounts), axis=1)
    result: np.ndarray = (np.diff(ordered, axis=1) != 0).sum(axis=1) + 1 - gone.any(axis=1)
    return result


def _verified(search: Search, units: Units, signs: np.ndarray) -> Candidate | None:
    """Return a combination with its offsets, if it is no accident."""
    amounts = units.residuals(signs)
    about = len(amounts)
    values, counts = np.unique(amounts, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    # What few rows have is no offset: these rows break the rule.
    kept = order[:MOST_OFFSETS][counts[order[:MOST_OFFSETS]] >= LEAST_ROWS]
    offsets = np.sort(values[kept])
    breaks = about - int(counts[kept].sum())
    if not search.allows(breaks, about) or not units.may_have(signs, offsets):
        return None
    by_chance = np.isin(units.residuals(signs, shuffled=True), offsets).mean()
    expected = about * (1 - by_chance)
    n_tests = len(units.cells) ** int((signs != 0).sum())
    most = MOST_CHANCE[len(offsets) > 1]
    if by_chance > most or not is_no_accident(breaks, expected, n_tests):
        return None
    shares = counts / about
    bits = float(-(shares * np.log2(shares)).sum())
    return Candidate(signs, offsets, breaks, about, search.table.n_rows, float(by_chance), bits)


def _independent(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates that do not follow from better ones, the best first.

    One with offsets computes no column that a better one computes, and does not share two columns
    with it either: what it leaves open is what the better one says.
    """
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.cost, c.signs.tolist())):
        joined = np.array([c.signs for c in chosen] + [candidate.signs])
        if np.linalg.matrix_rank(joined) < len(joined):
            continue
        shared = [int(((c.signs != 0) & (candidate.signs != 0)).sum()) for c in chosen]
        computed = {_computed(c.signs) for c in chosen}
        several = len(candidate.offsets) > 1
        if several and (max(shared, default=0) > 1 or _computed(candidate.signs) in computed):
            continue
        chosen.append(candidate)
    return chosen


def _long_sums(search: Search, units: Units, chosen: list[Candidate]) -> Iterator[np.ndarray]:
    """Yield combinations of any length that solve the rows, by least squares."""
    computed = {_computed(candidate.signs) for candidate in chosen}
    free = [i for i in range(len(units.cells)) if i not in computed and not units.clocks[i]]
    if len(free) < 5:
        return
    complete = np.flatnonzero(units.known[free].all(axis=0))
    n_rows = ROWS_A_COLUMN * len(free)
    if len(complete) < 2 * n_rows:
        return
    for _ in range(N_TRIES):
        rows = search.rng.choice(complete, n_rows, replace=False)
        values = units.values[np.ix_(np.array(free), rows)].astype(np.float64)
        values -= values.mean(axis=1, keepdims=True)
        for k, column in enumerate(free):
            others = [i for i in range(len(free)) if i != k]
            weights, *_ = np.linalg.lstsq(values[others].T, values[k], rcond=None)
            whole = np.rint(weights)
            if np.abs(weights - whole).max() > 0.01 or np.abs(whole).sum() < 3:
                continue
            signs = np.zeros(len(units.cells), dtype=np.int64)
            signs[column] = 1
            signs[np.array(free)[others]] = -whole.astype(np.int64)
            oriented = _oriented(signs)
            if oriented is not None:
                yield oriented


def _oriented(signs: np.ndarray) -> np.ndarray | None:
    """Return signs with one plus, or with nothing else; None if there are more of both."""
    if np.abs(signs).max() > 1:
        return None
    n_plus, n_minus = int((signs > 0).sum()), int((signs < 0).sum())
    if n_minus == 0 or n_plus == 1:
        return signs
    return -signs if n_plus == 0 or n_minus == 1 else None


def _computed(signs: np.ndarray) -> int:
    """Return the column that a sum computes: the total, or the last of parts without one."""
    plus = np.flatnonzero(signs > 0)
    return int(plus[0]) if len(plus) == 1 else int(np.flatnonzero(signs)[-1])


def _as_sum(units: Units, candidate: Candidate) -> Rule:
    signs = candidate.signs
    offsets = [int(offset) for offset in candidate.offsets]
    if (signs >= 0).all():
        total, parts = None, np.flatnonzero(signs)
    else:
        total, parts = int(np.flatnonzero(signs > 0)[0]), np.flatnonzero(signs < 0)
    return Sum(
        None if total is None else units.cells[total].name,
        [units.cells[i].name for i in parts.tolist()],
        [from_units(offset, units.decimals) for offset in offsets],
        support=candidate.about - candidate.breaks,
        breaks=candidate.breaks,
        chance=candidate.chance,
    )


def find_products(search: Search) -> list[Rule]:
    """Return which column is the product of which."""
    table = search.table
    among = [cells for cells in search.cells if cells.kind == NUMBER and cells.n_levels > 2]
    rows = search.sample(GLANCE)
    values = np.array([_as_floats(cells)[rows] for cells in among]).reshape(len(among), len(rows))
    found: list[Rule] = []
    n_tests = len(among) ** 3
    for a, b in combinations(range(len(among)), 2):
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = np.abs(values - values[a] * values[b])
        for k in np.flatnonzero(_mostly_rounded(gaps, values, among)).tolist():
            if k in (a, b):
                continue
            rule = Product(among[k].name, [among[a].name, among[b].name])._learn(table)
            counted = _tested_product(search, rule, among[k], n_tests)
            found += [] if counted is None else [counted]
    return found


def _as_floats(cells: Cells) -> np.ndarray:
    values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
    return np.where(cells.missing, np.nan, values.astype(np.float64))


def _mostly_rounded(gaps: np.ndarray, values: np.ndarray, among: list[Cells]) -> np.ndarray:
    """Return which columns most rows have within a rounding of the product."""
    halves = [0.0 if cells.whole is None else 0.5 * 10.0**-cells.decimals for cells in among]
    near = gaps <= np.array(halves)[:, None] + 1e-9 * np.abs(values)
    known = ~np.isnan(gaps)
    result: np.ndarray = (near.sum(axis=1) >= 0.95 * known.sum(axis=1)) & (
        known.sum(axis=1) >= GLANCE // 4
    )
    return result


def _tested_product(search: Search, rule: Product, product: Cells, n_tests: int) -> Product | None:
    counted = rule._counted(search.table)
    support, breaks = counted.support or 0, counted.breaks or 0
    if not search.allows(breaks, support + breaks):
        return None
    rows = search.rng.permutation(search.table.n_rows)
    factors = [search.table[name] for name in rule.factors]
    shuffled = RuleTable.of([product.take(rows), *factors])
    kept = rule._counted(shuffled).support or 0
    expected = support + breaks - kept
    if not is_no_accident(breaks, expected, n_tests):
        return None
    return replace(counted, chance=kept / (support + breaks))
