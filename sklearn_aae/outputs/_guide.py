"""Draws that keep to conditions: what each column may be, and how likely that was."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from sklearn_aae._layout import Layout


class Guide:
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
        self._log_shares: dict[int, torch.Tensor] = {}
        digit = 0
        for column, span in enumerate(layout.spans):
            share = (shares or {}).get(column)
            n_written = math.prod(span.digits)
            # Digits can say more than there are levels.
            if share is not None or n_written > span.n_levels:
                padded = np.zeros(n_written)
                padded[: span.n_levels] = 1.0 if share is None else share
                self._restrict(digit, span.digits, padded)
            digit += len(span.digits)

    def _restrict(self, first: int, sizes: tuple[int, ...], share: np.ndarray) -> None:
        for p in range(len(sizes)):
            prefixes = math.prod(sizes[: p + 1])
            table = share.reshape(prefixes, -1)
            # All but the last digit are only kept from dead ends.
            allowed = table[:, 0] if p == len(sizes) - 1 else (table > 0).any(axis=1)
            with np.errstate(divide="ignore"):
                logs = np.log(allowed.astype(np.float64)).reshape(-1, sizes[p])
            self._log_shares[first + p] = torch.as_tensor(logs)

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

    def take(self, rows: slice | torch.Tensor) -> Guide:
        """Return the guide of some of the rows.

        Parameters
        ----------
        rows : slice or Tensor
            Which.

        Returns
        -------
        Guide
            With their known cells; shares are the same for all rows.
        """
        part = object.__new__(Guide)
        part._log_shares = self._log_shares
        part.known = None if self.known is None else self.known[rows]
        return part
