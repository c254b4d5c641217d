"""What every measure of a synthetic table returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, repr=False)
class TableScore:
    """One figure, and what it is made of.

    ``float(score)`` is the figure.

    Parameters
    ----------
    score : float
        The figure; NaN where the tables have nothing to measure.
    details : dict
        Its parts: by column, by pair of columns, by table, by fold; each function
        says which.

    Examples
    --------
    >>> from sklearn_aae.metrics import column_shapes
    >>> score = column_shapes([["a", 1], ["b", 2]], [["a", 1], ["a", 2]])
    >>> score
    TableScore(0.75, 2 details)
    >>> score.details
    {0: 0.5, 1: 1.0}
    """

    score: float
    details: dict[Any, Any] = field(default_factory=dict)

    def __float__(self) -> float:
        return self.score

    def __repr__(self) -> str:
        undefined = sum(isinstance(x, float) and math.isnan(x) for x in self.details.values())
        of_which = f", {undefined} of them undefined" if undefined else ""
        return f"{type(self).__name__}({self.score:.4g}, {len(self.details)} details{of_which})"
