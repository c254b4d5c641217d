"""The decoder's distribution over tables of levels: one softmax a digit."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sklearn_aae.encoding._layout import Layout
from sklearn_aae.outputs._base import Head
from sklearn_aae.outputs._constraints import Constraints
from sklearn_aae.outputs._digits import DigitVectors, rank_basis

#: The least entropy that a column counts with where all columns should count the same.
MIN_ENTROPY = 0.05


class LevelHead(Head):
    r"""A distribution over digits given the code, and given earlier digits if it has parents.

    For digit :math:`j` with the context :math:`c(z)` of the code and the learned vectors
    :math:`v` of the digits before it (its parents),

    .. math::

        h_j = f(c(z) + b_j + \textstyle\sum_{i<j} v_{i, x_i}), \quad
        p(x_j \mid z, x_{<j}) = \operatorname{softmax}(W_j f(U_j h_j)),

    so that all digits are trained in one pass and drawn one after the other.  ``x`` is
    the matrix of digits, and a loss is a negative log-likelihood in nats.

    Parameters
    ----------
    layout : Layout
        The columns.
    hidden_size : int
        Width of both hidden layers.
    has_parents : bool
        Whether digits depend on those before them; else on the code alone.
    masking : float
        Mean share of cells that the encoder does not see, in half of the rows.
    code_only : float
        Share of rows whose digits see no parents in training.
    parent_dropout : float
        Share of parents that a digit does not see in training.
    dropout : float
        Share of hidden units left out in training.
    generator : torch.Generator
        Source of the initial values.
    """

    column_of_digit: torch.Tensor
    padding: torch.Tensor
    basis: torch.Tensor
    before: torch.Tensor
    weights: torch.Tensor

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
        self.register_buffer("before", torch.ones(n_digits, n_digits).tril(-1))
        self.register_buffer("column_of_digit", torch.as_tensor(layout.column_of_digit))
        weights = torch.as_tensor(_equal_weights(layout), dtype=torch.float32)
        self.register_buffer("weights", weights)

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

    def hints(self, n_samples: int, generator: torch.Generator) -> torch.Tensor | None:
        # Which rows see no parents, and which parents and hidden units are left out.
        width, device = self.hidden_size, generator.device

        def kept(n_columns: int, dropped: float) -> torch.Tensor:
            shape = (n_samples, n_columns)
            draws = torch.rand(shape, generator=generator, device=device)
            return (draws >= dropped).float()

        parts = []
        if self.has_parents:
            sees = kept(1, self.code_only)
            parents = kept(self.layout.n_columns, self.parent_dropout)[:, self.column_of_digit]
            parts = [sees, parents * sees] if self.parent_dropout else [sees]
        if self.dropout:
            parts.append(kept(2 * width, self.dropout) / (1 - self.dropout))
        return torch.cat(parts, dim=1) if parts else None

    def training_losses(
        self, params: torch.Tensor, x: torch.Tensor, hints: torch.Tensor | None
    ) -> torch.Tensor:
        # Rows without parents are the code's to explain; there columns count by what is
        # known of them relative to their entropy, as a column of a hundred levels would
        # otherwise leave no room in the code for one of two.
        if hints is None:
            return self.cell_losses(params, x)
        units, start = None, 0
        parents, sees = None, None
        if self.has_parents:
            sees, start = hints[:, :1], 1
            parents = sees
            if self.parent_dropout:
                start += self.layout.n_digits
                parents = hints[:, 1:start]
        if self.dropout:
            units = hints[:, start:].split(self.hidden_size, dim=1)
        losses = self._digit_losses(params, x, parents, units)
        if sees is not None and self.code_only:
            losses = torch.where(sees > 0, losses, losses * self.weights)
        return self._by_column(losses)

    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self._by_column(self._digit_losses(params, x))

    def _by_column(self, losses: torch.Tensor) -> torch.Tensor:
        if self.layout.n_digits == self.layout.n_columns:
            return losses
        cells = losses.new_zeros(len(losses), self.layout.n_columns)
        return cells.index_add(1, self.column_of_digit, losses)

    def _digit_losses(
        self,
        context: torch.Tensor,
        x: torch.Tensor,
        parents: torch.Tensor | None = None,
        units: tuple[torch.Tensor, ...] | None = None,
    ) -> torch.Tensor:
        """Return the losses of digits, (n_samples, n_digits)."""
        n, n_digits = x.shape
        first = context + self.bias_1
        if self.vectors is not None:
            seen = self.vectors.table()[self.vectors.indices(x).t()]
            if parents is not None:
                seen = seen * parents.t().unsqueeze(-1)
            seen = self.before @ seen.reshape(n_digits, -1)
            first = first + seen.view(n_digits, n, -1)
        logits = self._logits(first, slice(None), units)
        losses = functional.cross_entropy(
            logits.reshape(n_digits * n, -1), x.t().reshape(-1), reduction="none"
        )
        return losses.view(n_digits, n).t()

    def _logits(
        self, first: torch.Tensor, digits: slice, units: tuple[torch.Tensor, ...] | None = None
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
        # The likeliest digit after the likeliest digits before it.
        return self._walk(params, None, Constraints(self.layout))[0]

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self._walk(params, generator, Constraints(self.layout))[0]

    def draw_within(
        self, params: torch.Tensor, generator: torch.Generator, constraints: Constraints
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw digits that keep to constraints, and say how likely that was.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        generator : torch.Generator
            Source of the draws.
        constraints : Constraints
            What is allowed.

        Returns
        -------
        digits : Tensor of shape (n_samples, n_digits), int64
            The draws.
        log_weights : Tensor of shape (n_samples,)
            Logarithm of the probability that a free draw would have kept to the constraints
            at every digit, given the draws before it: what makes these draws ones of
            the conditional distribution when they are weighted by it.
        """
        return self._walk(params, generator, constraints)

    def _walk(
        self, context: torch.Tensor, generator: torch.Generator | None, constraints: Constraints
    ) -> tuple[torch.Tensor, torch.Tensor]:
        n, device = len(context), context.device
        table = None if self.vectors is None else self.vectors.table()
        seen = context
        digits = torch.empty((n, self.layout.n_digits), dtype=torch.int64, device=device)
        log_weights = context.new_zeros(n)
        prefix = torch.zeros(n, dtype=torch.int64, device=device)
        column = -1
        for j, size in enumerate(self.layout.digit_sizes.tolist()):
            if self.layout.column_of_digit[j] != column:
                column = self.layout.column_of_digit[j]
                prefix = torch.zeros_like(prefix)
            first = (seen + self.bias_1[j]).unsqueeze(0)
            logits = self._logits(first, slice(j, j + 1))[0, :, :size]
            value, log_weight = _choose(logits, constraints, j, prefix, generator)
            digits[:, j] = value
            log_weights += log_weight
            prefix = prefix * size + value
            if table is not None and self.vectors is not None:
                seen = seen + table[value + self.vectors.offsets[j]]
        return digits, log_weights


def _choose(
    logits: torch.Tensor,
    constraints: Constraints,
    digit: int,
    prefix: torch.Tensor,
    generator: torch.Generator | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a value for each row, drawn or the likeliest, and its log weight."""
    log_weight = logits.new_zeros(len(logits))
    log_real = constraints.log_real(digit, prefix)
    if log_real is not None:
        logits = logits + log_real.to(logits.dtype)
    log_shares = constraints.log_shares(digit, prefix)
    free = logits
    if log_shares is not None:
        free = logits + log_shares.to(logits.dtype)
        log_weight = free.logsumexp(dim=1) - logits.logsumexp(dim=1)
    if generator is None:
        value = free.argmax(dim=1)
    else:
        noise = torch.empty_like(free).exponential_(generator=generator)
        value = (free - noise.log()).argmax(dim=1)
    if constraints.known is not None:
        known = constraints.known[:, digit]
        given = known >= 0
        value = torch.where(given, known, value)
        known_weight = logits.log_softmax(dim=1).gather(1, value[:, None])[:, 0]
        log_weight = torch.where(given, known_weight, log_weight)
    return value, log_weight


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
    return weights[layout.column_of_digit]
