"""Columns that determine others, and combinations that do not occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from sklearn_aae.rules._base import Rule, as_label, as_labels
from sklearn_aae.rules._groups import commonest, group_codes
from sklearn_aae.rules._keys import as_key
from sklearn_aae.rules._table import RuleTable
from sklearn_aae.typing import Label

#: Combinations that were to be expected less often than this may be missing by accident.
LEAST_EXPECTED = 10


@dataclass(frozen=True, repr=False)
class Determines(Rule):
    """Rows that agree in one column, or in two, agree in another one.

    Parameters
    ----------
    determinants : label or list of label
        One column, or a list of several.
    determined : label
        The column that follows from them.
    mapping : mapping of tuple to cell, default=None
        What follows from what, by the cells of the determinants.  None takes, for each
        combination, what is commonest in the table; :func:`find_rules` has filled it in.
        The rule says nothing about combinations that it does not know.  Dates are kept as text
        such as "2024-01-31T00:00:00", in UTC if they have a time zone, and durations in seconds.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import Determines
    >>> Determines("zone", "borough")
    zone determines borough
    >>> Determines(["year", "week"], "month")
    year, week determine month
    >>> Determines(0, 1).broken([["Astoria", "Queens"]] * 2 + [["Astoria", "Bronx"]])
    array([False, False,  True])
    """

    determinants: Label | Sequence[Label]
    determined: Label
    mapping: Mapping[Label, object] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        self._set(determinants=as_labels(self.determinants), determined=as_label(self.determined))
        if not self.determinants:
            raise ValueError("determinants must hold at least one column.")
        if self.mapping is not None:
            items = self.mapping.items() if isinstance(self.mapping, Mapping) else self.mapping
            self._set(mapping={self._key(key): as_key(value) for key, value in items})

    def __getstate__(self) -> dict[str, Any]:
        # Pairs, since stores in JSON take no tuple as a key.
        pairs = None if self.mapping is None else list(self.mapping.items())
        return {**self.__dict__, "mapping": pairs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        pairs = state["mapping"]
        self.__dict__.update(state, mapping=None if pairs is None else dict(pairs))

    def _key(self, key: Any) -> tuple[Any, ...]:
        return tuple(map(as_key, key)) if isinstance(key, (tuple, list)) else (as_key(key),)

    @property
    def columns(self) -> tuple[Label, ...]:
        """The determinants, and what they determine."""
        return *as_labels(self.determinants), self.determined

    def __str__(self) -> str:
        names = self.columns[:-1]
        verb = "determine" if len(names) > 1 else "determines"
        return f"{', '.join(map(str, names))} {verb} {self.determined}"

    def _learn(self, table: RuleTable) -> Self:
        """Return the rule with what is commonest in a table."""
        if self.mapping is not None:
            return self
        determinants = [table[name] for name in self.columns[:-1]]
        determined = table[self.determined]
        groups, n_groups = group_codes(determinants)
        best = commonest(groups, determined.codes, n_groups, determined.n_levels)
        first = np.full(n_groups, -1)
        known = np.flatnonzero(groups >= 0)
        first[groups[known]] = known  # any row of each group has its cells
        mapping: dict[Label, object] = {
            tuple(column.levels[column.codes[row]] for column in determinants): (
                determined.levels[level]
            )
            for row, level in zip(first.tolist(), best.tolist(), strict=True)
            if level >= 0
        }
        return replace(self, mapping=mapping)

    def _broken(self, table: RuleTable) -> np.ndarray:
        expected = self._expected_codes(table)
        result: np.ndarray = (expected != -1) & (expected != table[self.determined].codes)
        return result

    def _expected_codes(self, table: RuleTable) -> np.ndarray:
        """Return the level that follows for each row: -1 not known, -2 none of the table's."""
        determinants = [table[name] for name in self.columns[:-1]]
        mapping = self.mapping or {}
        levels = {level: i for i, level in enumerate(table[self.determined].levels)}
        groups, n_groups = group_codes(determinants)
        expected = np.full(n_groups + 1, -1)  # the last one is for rows without a group
        _, first = np.unique(groups, return_index=True)
        for row in first[groups[first] >= 0].tolist():
            key = tuple(column.levels[column.codes[row]] for column in determinants)
            if key in mapping:
                expected[groups[row]] = levels.get(mapping[key], -2)
        result: np.ndarray = expected[groups]
        return result


@dataclass(frozen=True, repr=False)
class AbsentPairs(Rule):
    """Combinations of two columns that do not occur, although both parts of them do.

    Parameters
    ----------
    first, second : label
        Two columns of few levels.
    absent : sequence of pair, default=None
        The combinations that do not occur.  None takes those that the table has not, and would
        have at least ten times if its columns were independent.
    n_pairs : int, default=None
        How many combinations there are.
    support, breaks, chance : int, int and float, default=None
        What :func:`find_rules` counted; see :class:`Rule`.

    Examples
    --------
    >>> from sklearn_aae.rules import AbsentPairs
    >>> rule = AbsentPairs("species", "island", [("Gentoo", "Dream")], n_pairs=9)
    >>> rule
    species and island: 8 of 9 pairs occur
    >>> AbsentPairs(0, 1, [("Gentoo", "Dream")]).broken([["Gentoo", "Dream"], ["Adelie", "Dream"]])
    array([ True, False])
    """

    first: Label
    second: Label
    absent: Sequence[Sequence[object]] | None = None
    n_pairs: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.absent is not None:
            pairs = [tuple(map(as_key, pair)) for pair in self.absent]
            if any(len(pair) != 2 for pair in pairs):
                raise ValueError(f"absent must be pairs of cells; got {self.absent!r}.")
            self._set(absent=tuple(pairs))

    @property
    def columns(self) -> tuple[Label, ...]:
        """The two columns."""
        return self.first, self.second

    def __str__(self) -> str:
        if self.absent is None:
            return f"{self.first} and {self.second}: not all pairs occur"
        if self.n_pairs is None:
            return f"{self.first} and {self.second}: {len(self.absent)} pairs do not occur"
        occurring = self.n_pairs - len(self.absent)
        return f"{self.first} and {self.second}: {occurring} of {self.n_pairs} pairs occur"

    def _learn(self, table: RuleTable) -> Self:
        """Return the rule with the pairs that a table has not."""
        if self.absent is not None:
            return self
        first, second = (table[name] for name in self.columns)
        counts = pair_counts(first.codes, second.codes, first.n_levels, second.n_levels)
        absent = (counts == 0) & (expected_counts(counts) >= LEAST_EXPECTED)
        pairs = [(first.levels[i], second.levels[j]) for i, j in np.argwhere(absent).tolist()]
        return replace(self, absent=tuple(pairs), n_pairs=counts.size)

    def _broken(self, table: RuleTable) -> np.ndarray:
        first, second = (table[name] for name in self.columns)
        index = [{level: i for i, level in enumerate(column.levels)} for column in (first, second)]
        banned = np.zeros((first.n_levels + 1, second.n_levels + 1), dtype=bool)
        for one, other in self.absent or ():
            if one in index[0] and other in index[1]:
                banned[index[0][one], index[1][other]] = True
        result: np.ndarray = banned[first.codes, second.codes]
        return result


def pair_counts(first: np.ndarray, second: np.ndarray, n_first: int, n_second: int) -> np.ndarray:
    """Return how many rows have each pair of levels (n_first, n_second)."""
    known = (first >= 0) & (second >= 0)
    pairs = first[known] * n_second + second[known]
    return np.bincount(pairs, minlength=n_first * n_second).reshape(n_first, n_second)


def expected_counts(counts: np.ndarray) -> np.ndarray:
    """Return how many rows would have each pair if the columns were independent."""
    total = max(int(counts.sum()), 1)
    return np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
