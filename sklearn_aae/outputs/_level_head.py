"""The decoder's distribution over tables of levels: one softmax a digit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sklearn_aae._utils._random import parts_of
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.outputs._base import Head
from sklearn_aae.outputs._constraints import Constraints
from sklearn_aae.outputs._digits import DigitVectors, rank_basis
from sklearn_aae.outputs._level_centers import centers
from sklearn_aae.outputs._level_shares import ShiftRows, matching_shift

#: The least entropy that a column counts with where all columns should count the same.
MIN_ENTROPY = 0.05

#: Sums over digits are products with a triangle, in blocks of so many: the whole triangle would
#: take time that grows with the square of their number.
BLOCK = 32


class DropoutMasks(NamedTuple):
    """What a training step sees of each row: 0 for what it does not."""

    sees_parents: torch.Tensor  # (n_samples, 1)
    parents: torch.Tensor  # (n_samples, n_digits) or (n_samples, 1)
    units: tuple[torch.Tensor, torch.Tensor] | None  # of both hidden layers


class LevelHead(Head):
    r"""A distribution over digits given the code, and given earlier digits if it has parents.

    For digit :math:`j` with the context :math:`c(z)` of the code and the learned vectors
    :math:`v` of the digits before it (its parents),

    .. math::

        h_j = f(c(z) + b_j + \textstyle\sum_{i<j} v_{i, x_i}), \quad
        p(x_j \mid z, x_{<j}) = \operatorname{softmax}(W_j f(U_j h_j)),

    so that all digits are trained in one pass and drawn one after the other.  ``x`` is
    the matrix of digits, and a loss is a negative log-likelihood in nats.

    Shares are those of :class:`~sklearn_aae.outputs.Autoregressive`; without
    ``has_parents`` digits depend on the code alone.
    """

    column_of_digit: torch.Tensor
    padding: torch.Tensor
    basis: torch.Tensor
    weights: torch.Tensor
    shifts: torch.Tensor

    def __init__(
        self,
        layout: Layout,
        hidden_size: int,
        *,
        has_parents: bool,
        masking: float,
        code_only: float,
        parent_dropout: float,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.hidden_size = width = hidden_size
        self.has_parents = has_parents
        self.masking = masking
        self.code_only = code_only if has_parents else 0.0
        self.parent_dropout = parent_dropout if has_parents else 0.0
        self.dropout = dropout
        self.vectors = DigitVectors(layout, width, generator) if has_parents else None
        n_digits, most = layout.n_digits, int(layout.digit_sizes.max())

        def uniform(*shape: int) -> nn.Parameter:
            bound = 1 / math.sqrt(shape[-2])
            return nn.Parameter((2 * torch.rand(shape, generator=generator) - 1) * bound)

        self.bias_1 = nn.Parameter(torch.zeros(n_digits, 1, width))
        self.weight_2 = uniform(n_digits, width, width)
        self.bias_2 = nn.Parameter(torch.zeros(n_digits, 1, width))
        self.weight_3 = uniform(n_digits, width, most)
        self.bias_3 = nn.Parameter(torch.zeros(n_digits, 1, most))
        bases = rank_basis(layout)
        self.rank_3 = uniform(n_digits, width, bases[0].shape[1])
        basis = np.zeros((n_digits, bases[0].shape[1], most))
        padding = np.full((n_digits, 1, most), -1e9)
        for d, pieces in enumerate(bases):
            basis[d, :, : len(pieces)] = pieces.T
            padding[d, :, : len(pieces)] = 0
        self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
        self.register_buffer("padding", torch.as_tensor(padding, dtype=torch.float32))
        self.register_buffer("column_of_digit", torch.as_tensor(layout.column_of_digit))
        weights = torch.as_tensor(_equal_weights(layout), dtype=torch.float32)
        self.register_buffer("weights", weights)
        self.shift_rows = ShiftRows(layout)
        #: What is added to logits after training; 0 in training.
        self.register_buffer("shifts", torch.zeros(self.shift_rows.n))

    # ---------------------------------------------------------------- training

    def corrupt(
        self, x: torch.Tensor, level: float, spread: np.ndarray, generator: torch.Generator
    ) -> torch.Tensor:
        # From none to twice ``masking`` of a row's cells are hidden, as digits of -1.
        if not self.masking:
            return x
        n, device = len(x), x.device
        rate = torch.rand((n, 1), generator=generator, device=device) * 2 * self.masking
        rate *= torch.rand((n, 1), generator=generator, device=device) < 0.5
        shape = (n, self.layout.n_columns)
        hidden = torch.rand(shape, generator=generator, device=device) < rate
        return torch.where(hidden[:, self.column_of_digit], -1, x)

    def draw_dropout_masks(self, n_samples: int, generator: torch.Generator) -> torch.Tensor | None:
        width, device = self.hidden_size, generator.device

        def kept(n_columns: int, dropped: float) -> torch.Tensor:
            shape = (n_samples, n_columns)
            draws = torch.rand(shape, generator=generator, device=device)
            return (draws >= dropped).float()

        masks = []
        if self.has_parents:
            sees = kept(1, self.code_only)
            parents = kept(self.layout.n_columns, self.parent_dropout)[:, self.column_of_digit]
            masks = [sees, parents * sees] if self.parent_dropout else [sees]
        if self.dropout:
            masks.append(kept(2 * width, self.dropout) / (1 - self.dropout))
        return torch.cat(masks, dim=1) if masks else None

    def _unpack(self, masks: torch.Tensor) -> DropoutMasks:
        """Return by name the masks that :meth:`draw_dropout_masks` put beside each other."""
        n_parents = self.layout.n_digits if self.parent_dropout else 0
        n_units = self.hidden_size if self.dropout else 0
        sees, parents, first, second = torch.split(
            masks, [int(self.has_parents), n_parents, n_units, n_units], dim=1
        )
        return DropoutMasks(
            sees, parents if n_parents else sees, (first, second) if n_units else None
        )

    def training_losses(
        self, params: torch.Tensor, x: torch.Tensor, dropout_masks: torch.Tensor | None
    ) -> torch.Tensor:
        # Rows without parents are the code's to explain; there columns count by what is
        # known of them relative to their entropy, as a column of a hundred levels would
        # otherwise leave no room in the code for one of two.
        if dropout_masks is None:
            return self.cell_losses(params, x)
        masks = self._unpack(dropout_masks)
        losses = self._digit_losses(params, x, masks)
        if self.code_only:
            losses = torch.where(masks.sees_parents > 0, losses, losses * self.weights)
        return self._by_column(losses)

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self._by_column(self._digit_losses(params, x))

    def _by_column(self, losses: torch.Tensor) -> torch.Tensor:
        if self.layout.n_digits == self.layout.n_columns:
            return losses
        cells = losses.new_zeros(len(losses), self.layout.n_columns)
        return cells.index_add(1, self.column_of_digit, losses)

    def _digit_losses(
        self, context: torch.Tensor, x: torch.Tensor, masks: DropoutMasks | None = None
    ) -> torch.Tensor:
        """Return the losses of digits, (n_samples, n_digits); 0 for those of unknown cells."""
        n, n_digits = x.shape
        first = context + self.bias_1
        if self.vectors is not None:
            seen = self.vectors.table()[self.vectors.indices(x).t()]
            if masks is not None:
                seen = seen * masks.parents.t().unsqueeze(-1)
            first = first + _sums_before(seen)
        logits = self._logits(first, slice(None), None if masks is None else masks.units)
        if not self.training:
            logits = self._shifted(logits, x)
        losses = functional.cross_entropy(
            logits.reshape(n_digits * n, -1),
            x.t().reshape(-1),
            ignore_index=-1,  # an unknown cell
            reduction="none",
        )
        return losses.view(n_digits, n).t()

    def _shifted(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return logits of digits (n_digits, n, most) of rows with what shifts them."""
        if not self.shifts.any():
            return logits
        logits = logits.clone()
        for d, size in enumerate(self.shift_rows.sizes):
            shift = self.shift_rows.of(self.shifts, d)
            logits[d, :, :size] += shift[self.shift_rows.prefixes(x, d)]
        return logits

    def _logits(
        self,
        first: torch.Tensor,
        digits: slice,
        units: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return the logits of digits (n_digits, n, most) given their first layers."""
        h = torch.relu(first)
        if units is not None:
            h = h * units[0]
        h = torch.relu(torch.baddbmm(self.bias_2[digits], h, self.weight_2[digits]))
        if units is not None:
            h = h * units[1]
        weight = torch.baddbmm(self.weight_3[digits], self.rank_3[digits], self.basis[digits])
        return torch.baddbmm(self.bias_3[digits] + self.padding[digits], h, weight)

    # ------------------------------------------------------------------- draws

    def mean(self, params: torch.Tensor) -> torch.Tensor:
        return centers(self, params)

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self.draw_within(params, generator, Constraints(self.layout))[0]

    def draw_within(
        self,
        params: torch.Tensor,
        generator: torch.Generator | Sequence[torch.Generator],
        constraints: Constraints,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return digits that are drawn within constraints, and the log weight of each row.

        That is the logarithm of the probability that free draws would have kept to the
        constraints at every digit, given the draws before it: weighted by it, the rows
        are draws of the conditional distribution.  Of several generators, each draws for
        as many rows.
        """
        n, layout = len(params), self.layout
        table = None if self.vectors is None else self.vectors.table()
        seen = params
        digits = torch.empty((n, layout.n_digits), dtype=torch.int64, device=params.device)
        log_weights = params.new_zeros(n)
        prefix = digits.new_zeros(n)
        column = -1
        for j, size in enumerate(layout.digit_sizes.tolist()):
            if layout.column_of_digit[j] != column:
                column = layout.column_of_digit[j]
                prefix = torch.zeros_like(prefix)
            logits = self.digit_logits(seen, j, prefix)
            real, allowed = constraints.restrict(logits, j, prefix, digits)
            value = constraints.keep_known(_drawn(allowed, generator), j)
            digits[:, j] = value
            log_weights += constraints.log_weights(value, real, allowed, j)
            prefix = prefix * size + value
            seen = self.seen_after(seen, table, value, j)
        return digits, log_weights

    def match_shares(
        self, params: torch.Tensor, counts: torch.Tensor, generator: torch.Generator
    ) -> None:
        """Shift logits so that levels are drawn as often as training rows have them.

        ``params`` (n_draws, n_params) are the decoder's output for draws of the prior, and
        ``counts`` those of training rows.  Digit after digit, each given draws of those before.
        """
        self.shifts.zero_()
        table = None if self.vectors is None else self.vectors.table()
        constraints, seen, n_digits = Constraints(self.layout), params, self.layout.n_digits
        shape, device = (len(params), n_digits), params.device
        digits = torch.empty(shape, dtype=torch.int64, device=device)
        for j in range(n_digits):
            shift, prefix = self.shift_rows.of(self.shifts, j), self.shift_rows.prefixes(digits, j)
            logits, _ = constraints.restrict(self.digit_logits(seen, j, prefix), j, prefix)
            # On the CPU: sums by prefix are in no fixed order elsewhere.
            wanted = self.shift_rows.of(counts, j).double().cpu()
            shift.copy_(matching_shift(logits.double().cpu(), prefix.cpu(), wanted))
            digits[:, j] = _drawn(logits + shift[prefix], generator)
            seen = self.seen_after(seen, table, digits[:, j], j)

    def digit_logits(self, seen: torch.Tensor, digit: int, prefix: torch.Tensor) -> torch.Tensor:
        """Return the logits of one digit (n, its size) given its prefix and what is seen."""
        first = (seen + self.bias_1[digit]).unsqueeze(0)
        size = self.shift_rows.sizes[digit]
        logits = self._logits(first, slice(digit, digit + 1))[0, :, :size]
        return logits + self.shift_rows.of(self.shifts, digit)[prefix]

    def seen_after(
        self, seen: torch.Tensor, table: torch.Tensor | None, values: torch.Tensor, digit: int
    ) -> torch.Tensor:
        """Return what is seen after a digit, too; ``table`` is that of the digits' vectors."""
        if table is None or self.vectors is None:
            return seen
        return seen + table[values + self.vectors.offsets[digit]]


def _sums_before(seen: torch.Tensor) -> torch.Tensor:
    """Return, for each entry of the first axis, the sum of those before it."""
    n, rows = len(seen), seen.reshape(len(seen), -1)
    before = seen.new_ones(min(n, BLOCK), min(n, BLOCK)).tril(-1)
    if n <= BLOCK:
        return (before @ rows).view(seen.shape)
    rows = functional.pad(rows, (0, 0, 0, -n % BLOCK))
    blocks = rows.view(-1, BLOCK, rows.shape[1])
    sums = torch.matmul(before, blocks) + _sums_before(blocks.sum(dim=1)).unsqueeze(1)
    return sums.view(rows.shape)[:n].view(seen.shape)


def _drawn(
    logits: torch.Tensor, generator: torch.Generator | Sequence[torch.Generator]
) -> torch.Tensor:
    # The first of exponential waiting times with these rates is a draw.
    noise = torch.empty_like(logits)
    for rows, own in parts_of(generator, len(logits)):
        noise[rows].exponential_(generator=own)
    return (logits - noise.log()).argmax(dim=1)


def _equal_weights(layout: Layout) -> np.ndarray:
    """Return weights of digits by which columns count the same, and as much as without."""
    entropies = np.array(
        [
            -sum(share * math.log(share) for share in span.shares if share > 0)
            for span in layout.spans
        ]
    )
    entropies = np.maximum(entropies, MIN_ENTROPY)
    weights = 1 / entropies
    weights *= entropies.sum() / len(weights)
    result: np.ndarray = weights[layout.column_of_digit]
    return result
