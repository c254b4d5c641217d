"""Draws that keep to conditions: what each column may be, and how likely that was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sklearn_aae.encoding._layout import Layout, Span

#: What is taken off the log weight of a row where masks leave nothing: it is drawn if all do so.
NOTHING_LEFT = 1e3


@dataclass(frozen=True, eq=False)
class PairMask:
    """Which levels of two columns may come together.

    Attributes
    ----------
    columns : tuple of int
        The positions of the two.
    allowed : ndarray of shape (n_levels of one, n_levels of the other), bool
        Whether a row may have both.
    """

    columns: tuple[int, int]
    allowed: np.ndarray


@dataclass(frozen=True, eq=False)
class RowMask:
    """Which levels a column may have in each row.

    Attributes
    ----------
    column : int
        The position of the column.
    allowed : ndarray of shape (n_kinds, n_levels), bool
        What rows of each kind may have.
    kinds : ndarray of shape (n_samples,), int
        The kind of each row; ``n_kinds`` for one that may have anything.
    """

    column: int
    allowed: np.ndarray
    kinds: np.ndarray

    def of(self, rows: slice | np.ndarray, repeats: int = 1) -> RowMask:
        """Return the mask of some rows, each of them several times."""
        return replace(self, kinds=self.kinds[rows].repeat(repeats))


class Constraints:
    """What columns may take: shares of levels, or cells that are known.

    ``shares`` has, by column, the share of each level that is allowed, in [0, 1]; ``known``
    has digits (n_samples, n_digits) of known cells, and -1 for cells to be drawn.  ``pairs``
    say which levels may come together: the later column of two keeps to what the earlier one
    is, and this to a later one that is known; ``row_masks`` which levels each row may have.
    Where they leave nothing of a column, it is drawn as without, and the row has hardly any weight.
    """

    def __init__(
        self,
        layout: Layout,
        shares: Mapping[int, np.ndarray] | None = None,
        known: torch.Tensor | None = None,
        pairs: Sequence[PairMask] = (),
        row_masks: Sequence[RowMask] = (),
    ) -> None:
        self.known, self.layout = known, layout
        self._by_other: dict[int, list[tuple[int | torch.Tensor, torch.Tensor]]] = {}
        self._log_real: dict[int, torch.Tensor] = {}
        self._log_shares: dict[int, torch.Tensor] = {}
        shares = {} if shares is None else shares
        digit = 0
        for column, span in enumerate(layout.spans):
            # Digits can say more than there are levels.
            if math.prod(span.digits) > span.n_levels:
                self._log_real |= _logs_by_digit(digit, span, np.ones(span.n_levels))
            if column in shares:
                self._log_shares |= _logs_by_digit(digit, span, shares[column])
            digit += len(span.digits)
        for mask in row_masks:
            self._add(torch.as_tensor(mask.kinds), mask.column, mask.allowed)
        for pair in pairs:
            for (other, column), of in (
                (pair.columns, pair.allowed),
                (pair.columns[::-1], pair.allowed.T),
            ):
                # What comes later says something only where it is known.
                if other < column or known is not None:
                    self._add(other, column, of)

    def _add(self, other: int | torch.Tensor, column: int, allowed: np.ndarray) -> None:
        """Keep a column to what another one, or its row's kind, allows."""
        span, first = self.layout.spans[column], self._first_digit(column)
        tables = [_logs_by_digit(first, span, row) for row in allowed]
        for digit in range(first, first + len(span.digits)):
            rows = torch.stack([table[digit] for table in tables])
            # The last row is for cells that are not known.
            rows = torch.cat([rows, torch.zeros_like(rows[:1])])
            self._by_other.setdefault(digit, []).append((other, rows))

    def _first_digit(self, column: int) -> int:
        return int(np.searchsorted(self.layout.column_of_digit, column))

    def restrict(
        self,
        logits: torch.Tensor,
        digit: int,
        prefix: torch.Tensor,
        digits: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a digit's logits without values that begin no level, and these by shares.

        ``prefix`` is the number that the column's earlier digits make, ``digits`` are those of
        all earlier columns.  Where everything is allowed, both are the same object.
        """
        real = _plus(logits, self._log_real.get(digit), prefix)
        allowed = _plus(real, self._log_shares.get(digit), prefix)
        if digits is None or digit not in self._by_other:
            return real, allowed
        for other, table in self._by_other[digit]:
            levels = self._levels(other, digit, digits) if isinstance(other, int) else other
            kept = allowed + table[levels.cpu(), prefix.cpu()].to(allowed)
            some = (kept > -torch.inf).any(dim=1, keepdim=True)
            allowed = torch.where(some, kept, allowed - NOTHING_LEFT)
        return real, allowed

    def _levels(self, column: int, digit: int, digits: torch.Tensor) -> torch.Tensor:
        """Return the levels of a column that is drawn before a digit, or where it is known."""
        first, span = self._first_digit(column), self.layout.spans[column]
        after = first + len(span.digits)
        if first > digit:
            assert self.known is not None
            digits = self.known
        level = torch.zeros_like(digits[:, 0])
        for d, size in zip(range(first, after), span.digits, strict=True):
            level = level * size + digits[:, d]
        unknown = (digits[:, first:after] < 0).any(dim=1)
        return torch.where(unknown, span.n_levels, level.clamp(max=span.n_levels - 1))

    def keep_known(self, value: torch.Tensor, digit: int) -> torch.Tensor:
        """Return values of a digit with those that are known in their rows."""
        if self.known is None:
            return value
        known = self.known[:, digit]
        return torch.where(known >= 0, known, value)

    def log_weights(
        self, value: torch.Tensor, real: torch.Tensor, allowed: torch.Tensor, digit: int
    ) -> torch.Tensor:
        """Return the log probability that a free value would have been an allowed one."""
        log_weight = real.new_zeros(len(real))
        if allowed is not real:
            log_weight = allowed.logsumexp(dim=1) - real.logsumexp(dim=1)
        if self.known is None:
            return log_weight
        of_value = real.log_softmax(dim=1).gather(1, value[:, None])[:, 0]
        return torch.where(self.known[:, digit] >= 0, of_value, log_weight)


def _plus(logits: torch.Tensor, table: torch.Tensor | None, prefix: torch.Tensor) -> torch.Tensor:
    if table is None:
        return logits
    return logits + table.to(prefix.device)[prefix].to(logits.dtype)


def _logs_by_digit(first: int, span: Span, share: np.ndarray) -> dict[int, torch.Tensor]:
    """Return, for the digits of a column, logarithms of what their values are multiplied by."""
    sizes = span.digits
    padded = np.zeros(math.prod(sizes))
    padded[: span.n_levels] = share
    logs = {}
    for p, size in enumerate(sizes):
        table = padded.reshape(math.prod(sizes[: p + 1]), -1)
        # All but the last digit are only kept from dead ends.
        allowed = table[:, 0] if p == len(sizes) - 1 else (table > 0).any(axis=1)
        with np.errstate(divide="ignore"):
            by_prefix = np.log(allowed.astype(np.float64)).reshape(-1, size)
        logs[first + p] = torch.as_tensor(by_prefix)
    return logs
