"""Draws that keep to conditions: what each column may be, and how likely that was."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from sklearn_aae.encoding._layout import Layout, Span


class Constraints:
    """What columns may take, as shares of levels or as cells that are known.

    Parameters
    ----------
    layout : Layout
        The columns.
    shares : mapping of int to ndarray of shape (n_levels,), default={}
        By column, the share of each level that is allowed, in [0, 1].
    known : Tensor of shape (n_samples, n_digits), int64, or None
        Digits of known cells, -1 for cells to be drawn; None if all are.
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

    def log_real(self, digit: int, prefix: torch.Tensor) -> torch.Tensor | None:
        """Return 0 for a digit's values that begin a level, minus infinity for others.

        Parameters
        ----------
        digit : int
            Which digit.
        prefix : Tensor of shape (n_samples,), int64
            The number that the column's earlier digits make.

        Returns
        -------
        Tensor of shape (n_samples, size) or None
            None if every value begins a level.
        """
        table = self._log_real.get(digit)
        return None if table is None else table.to(prefix.device)[prefix]

    def log_shares(self, digit: int, prefix: torch.Tensor) -> torch.Tensor | None:
        """Return the logarithms of what a digit's values are multiplied by.

        Parameters
        ----------
        digit : int
            Which digit.
        prefix : Tensor of shape (n_samples,), int64
            The number that the column's earlier digits make.

        Returns
        -------
        Tensor of shape (n_samples, size) or None
            None if everything is allowed.
        """
        table = self._log_shares.get(digit)
        return None if table is None else table.to(prefix.device)[prefix]


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
