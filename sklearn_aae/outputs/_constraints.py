"""Draws that keep to conditions: what each column may be, and how likely that was."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from sklearn_aae.encoding._layout import Layout, Span


class Constraints:
    """What columns may take: shares of levels, or cells that are known.

    ``shares`` has, by column, the share of each level that is allowed, in [0, 1]; ``known``
    has digits (n_samples, n_digits) of known cells, and -1 for cells to be drawn.
    """

    def __init__(
        self,
        layout: Layout,
        shares: Mapping[int, np.ndarray] | None = None,
        known: torch.Tensor | None = None,
    ) -> None:
        self.known = known
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

    def restrict(
        self, logits: torch.Tensor, digit: int, prefix: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a digit's logits without values that begin no level, and these by shares.

        ``prefix`` is the number that the column's earlier digits make.  Where everything
        is allowed, both are the same object.
        """
        real = _plus(logits, self._log_real.get(digit), prefix)
        return real, _plus(real, self._log_shares.get(digit), prefix)

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
