"""What is no accident: rules that shuffled columns would break, and these rows do not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.stats import poisson

from sklearn_aae.rules._table import Cells, RuleTable

#: How often a search may report an accident, for each family of rules.
ALPHA = 0.01
#: A rule is broken by at most this part of the rows that would break it by chance.
MOST_OF_CHANCE = 0.1
#: Rows that are held back come in so many turns.
N_FOLDS = 5


@dataclass
class Search:
    """What all families of rules are sought in.

    Attributes
    ----------
    table : RuleTable
        The rows.
    share : float
        The least share of rows that keep a rule.
    rng : Generator
        Draws samples and shuffles.
    cells : list of Cells
        The columns that have at least two levels.
    """

    table: RuleTable
    share: float
    rng: np.random.Generator
    cells: list[Cells] = field(init=False)

    def __post_init__(self) -> None:
        columns = [self.table[name] for name in self.table.names]
        self.cells = [column for column in columns if column.n_levels > 1]
        self.folds = self.rng.permutation(self.table.n_rows) % N_FOLDS

    def allows(self, breaks: float, about: float) -> bool:
        """Return whether so few rows break a rule, of those that it is about."""
        return about > 0 and breaks <= (1 - self.share) * about

    def sample(self, n_rows: int) -> np.ndarray:
        """Return the indices of some rows at random."""
        n = self.table.n_rows
        return np.sort(self.rng.choice(n, n_rows, replace=False)) if n > n_rows else np.arange(n)


def is_no_accident(breaks: float, expected: float, n_tests: int) -> bool:
    """Return whether far fewer rows break a rule than would by chance.

    ``expected`` rows would if the columns were shuffled; ``n_tests`` rules of the family were
    tried.
    """
    if breaks > MOST_OF_CHANCE * expected:
        return False
    return bool(poisson.cdf(breaks, expected) <= ALPHA / max(n_tests, 1))
