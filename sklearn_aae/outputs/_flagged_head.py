"""The output head of numbers some of which are missing: a number, and a flag, for a column."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from sklearn_aae.outputs._base import Head

#: The most of a row's cells that are hidden in training, on average.
MOST_HIDDEN = 0.25
#: The farthest that logits are shifted, and how often that is halved.
SHIFT, N_HALVINGS = 20.0, 40


class FlaggedHead(Head):
    r"""Numbers as another head has them, and whether they are missing.

    With the probability :math:`q` that the decoder gives to its being missing, a cell of a
    column that has a flag costs :math:`-\log q` if it is missing, in nats, and else
    :math:`-\log (1 - q)` and what the head of the numbers says.

    Parameters
    ----------
    numbers : Head
        The head of the numbers.
    missing : ndarray of shape (n_features,)
        The share of missing cells in each column; columns that have some have a flag.
    center : ndarray of shape (n_features,)
        The columns' means on the network's scale.
    """

    center: torch.Tensor
    columns: torch.Tensor
    shares: torch.Tensor
    odds: torch.Tensor
    shift: torch.Tensor

    def __init__(self, numbers: Head, missing: np.ndarray, center: np.ndarray) -> None:
        super().__init__()
        self.numbers = numbers
        columns = np.flatnonzero(missing)
        self.masking = min(MOST_HIDDEN, float(missing.mean()))
        self.n_features, self.n_flags = len(missing), len(columns)
        self.register_buffer("center", torch.as_tensor(center, dtype=torch.float32))
        self.register_buffer("columns", torch.as_tensor(columns))
        self.register_buffer("shares", torch.as_tensor(missing[columns], dtype=torch.float32))
        #: Log odds of the shares, which the decoder's output is added to.
        odds = torch.logit(torch.as_tensor(missing[columns]))
        self.register_buffer("odds", odds.float())
        #: What draws add to the flags' logits, so that the shares of missing cells are right.
        self.register_buffer("shift", torch.zeros(self.n_flags))

    def _logits(self, params: torch.Tensor) -> torch.Tensor:
        return params[:, -self.n_flags :] + self.odds

    def _add_flags(
        self, losses: torch.Tensor, params: torch.Tensor, x: torch.Tensor
    ) -> torch.Tensor:
        """Return the losses of cells, given those of their numbers."""
        missing = x[:, self.n_features :]
        of_flags = functional.binary_cross_entropy_with_logits(
            self._logits(params), missing, reduction="none"
        )
        own = torch.where(missing > 0, 0, losses[:, self.columns]) + of_flags
        return losses.index_copy(1, self.columns, own)

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        losses = self.numbers.cell_losses(params[:, : -self.n_flags], x[:, : self.n_features])
        return self._add_flags(losses, params, x)

    def mean(self, params: torch.Tensor) -> torch.Tensor:
        numbers = self.numbers.mean(params[:, : -self.n_flags])
        return torch.cat([numbers, torch.sigmoid(self._logits(params))], dim=1)

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self._flag(
            self.numbers.draw(params[:, : -self.n_flags], generator), params, generator
        )

    def draw_flags(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self._flag(self.numbers.mean(params[:, : -self.n_flags]), params, generator)

    def _flag(
        self, numbers: torch.Tensor, params: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return drawn numbers, and drawn flags of missing ones."""
        missing = torch.sigmoid(self._logits(params) + self.shift)
        return torch.cat([numbers, torch.bernoulli(missing, generator=generator)], dim=1)

    def corrupt(
        self, x: torch.Tensor, level: float, spread: np.ndarray, generator: torch.Generator
    ) -> torch.Tensor:
        # As many cells as are missing are hidden besides, up to a quarter: read as unknown ones
        # are, as the column's mean, and not as missing.  A single hole changes next to nothing.
        x = super().corrupt(x, level, spread, generator)
        n, device = len(x), x.device
        rate = torch.rand((n, 1), generator=generator, device=device) * 2 * self.masking
        shape = (n, self.n_features)
        hidden = torch.rand(shape, generator=generator, device=device) < rate
        numbers = torch.where(hidden, self.center, x[:, : self.n_features])
        flags = x[:, self.n_features :] * ~hidden[:, self.columns]
        return torch.cat([numbers, flags], dim=1)

    def draw_dropout_masks(self, n_samples: int, generator: torch.Generator) -> torch.Tensor | None:
        return self.numbers.draw_dropout_masks(n_samples, generator)

    def training_losses(
        self, params: torch.Tensor, x: torch.Tensor, dropout_masks: torch.Tensor | None
    ) -> torch.Tensor:
        losses = self.numbers.training_losses(
            params[:, : -self.n_flags], x[:, : self.n_features], dropout_masks
        )
        return self._add_flags(losses, params, x)

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        numbers = x[:, : self.n_features].clone()
        missing = x[:, self.n_features :] > 0
        numbers[:, self.columns] = torch.where(missing, torch.nan, numbers[:, self.columns])
        self.numbers.calibrate(params[:, : -self.n_flags], numbers)

    def match_shares(self, params: torch.Tensor) -> None:
        """Let flags be drawn as often as cells are missing in training.

        ``params`` are the decoder's output for draws of the prior, which codes of rows miss by
        a little, and rare flags by much.
        """
        logits = self._logits(params)
        low, high = (torch.full_like(self.shift, end) for end in (-SHIFT, SHIFT))
        for _ in range(N_HALVINGS):
            middle = (low + high) / 2
            too_few = torch.sigmoid(logits + middle).mean(dim=0) < self.shares
            low, high = torch.where(too_few, middle, low), torch.where(too_few, high, middle)
        self.shift.copy_((low + high) / 2)
