"""The middle of what a head over levels predicts: medians and likeliest categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sklearn_aae.encoding._layout import ON_AN_AXIS, Span
from sklearn_aae.outputs._constraints import Constraints

if TYPE_CHECKING:
    from sklearn_aae.outputs._level_head import LevelHead

EVERY = slice(None)


def centers(head: LevelHead, params: torch.Tensor) -> torch.Tensor:
    """Return the digits of each column's center, given the centers of the columns before it.

    That is the median of a number, date or duration and the likeliest category; a cell is
    missing only where that is likelier than not.
    """
    layout = head.layout
    present = {
        j: np.arange(span.n_levels) != span.missing
        for j, span in enumerate(layout.spans)
        if span.missing is not None
    }
    constraints = Constraints(layout, present)
    table = None if head.vectors is None else head.vectors.table()
    seen, first, found = params, 0, []
    for span in layout.spans:
        column = _Column(head, span, first, seen, table, constraints)
        missing = column.share_missing()
        on_axis = span.kind in ON_AN_AXIS
        digits = column.median(1 - missing) if on_axis else column.likeliest()
        gone = torch.as_tensor(column.missing_digits, device=digits.device)
        digits = torch.where(missing[:, None] > 0.5, gone, digits)
        seen = column.after(seen, digits)
        first += len(span.digits)
        found.append(digits)
    return torch.cat(found, dim=1)


class _Column:
    """A column's predicted distribution over levels, digit by digit.

    ``first`` is its first digit, and ``seen`` what the columns before it add up to.
    """

    def __init__(
        self,
        head: LevelHead,
        span: Span,
        first: int,
        seen: torch.Tensor,
        table: torch.Tensor | None,
        constraints: Constraints,
    ) -> None:
        self.head, self.span, self.first, self.seen = head, span, first, seen
        self.table, self.constraints = table, constraints
        missing = span.n_levels - 1 if span.missing is None else span.missing
        self.missing_digits = np.array(np.unravel_index(missing, span.digits))

    def after(self, seen: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        """Return what is seen after the column's first digits (n, at most n_digits), too."""
        for p in range(digits.shape[1]):
            seen = self.head.seen_after(seen, self.table, digits[:, p], self.first + p)
        return seen

    def shares(self, before: torch.Tensor, rows: torch.Tensor | slice = EVERY) -> torch.Tensor:
        """Return the probabilities of the digit after those before; what is missing has 0."""
        digit = self.first + before.shape[1]
        prefix = before.new_zeros(len(before))
        for p in range(before.shape[1]):
            prefix = prefix * self.span.digits[p] + before[:, p]
        logits = self.head.digit_logits(self.after(self.seen[rows], before), digit, prefix)
        real, present = self.constraints.restrict(logits.double(), digit, prefix)
        return (present - real.logsumexp(dim=1, keepdim=True)).exp()

    def _start(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return no digits (n, 0) and the probability of that (n,)."""
        n, device = len(self.seen), self.seen.device
        digits = torch.empty((n, 0), dtype=torch.int64, device=device)
        return digits, torch.ones(n, dtype=torch.float64, device=device)

    def share_missing(self) -> torch.Tensor:
        """Return the probability of a missing cell: what present levels leave."""
        before, mass = self._start()
        missing = torch.zeros_like(mass)
        if self.span.missing is None:
            return missing
        for digit in self.missing_digits.tolist():
            shares = self.shares(before)
            missing += mass * (1 - shares.sum(dim=1))
            mass = mass * shares[:, digit]
            before = torch.cat([before, before.new_full((len(before), 1), digit)], dim=1)
        return missing

    def median(self, present: torch.Tensor) -> torch.Tensor:
        """Return the digits of the median of the present levels, whose probability is given."""
        digits, mass = self._start()
        rest = present / 2
        for _ in self.span.digits:
            shares = mass[:, None] * self.shares(digits)
            below = shares.cumsum(dim=1)
            value = (below < rest[:, None]).sum(dim=1, keepdim=True)
            value = value.clamp(max=shares.shape[1] - 1)
            mass = shares.gather(1, value)[:, 0]
            rest = rest - below.gather(1, value)[:, 0] + mass
            digits = torch.cat([digits, value], dim=1)
        return digits

    def likeliest(self) -> torch.Tensor:
        """Return the digits of the likeliest present level."""
        start, mass = self._start()
        best = torch.full_like(mass, -1)
        found = start.new_zeros(len(start), len(self.span.digits))

        def search(before: torch.Tensor, mass: torch.Tensor, rows: torch.Tensor) -> None:
            # Values from the likeliest on, until none can begin a likelier level than the best.
            tops, values = (mass[:, None] * self.shares(before, rows)).sort(dim=1, descending=True)
            last = before.shape[1] == len(self.span.digits) - 1
            for rank in range(1 if last else tops.shape[1]):
                better = tops[:, rank] > best[rows]
                if not better.any():
                    return
                top, several = tops[better, rank], rows[better]
                digits = torch.cat([before[better], values[better, rank : rank + 1]], dim=1)
                if last:
                    best[several], found[several] = top, digits
                else:
                    search(digits, top, several)

        search(start, mass, torch.arange(len(start), device=start.device))
        return found
