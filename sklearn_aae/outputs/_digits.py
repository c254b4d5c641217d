"""Vectors for the digits of levels: what networks look up in place of one-hot products."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from sklearn_aae.encoding._layout import Layout

#: Pieces of the piecewise-linear functions of a level's rank.
N_PIECES = 8


def rank_basis(layout: Layout) -> list[np.ndarray]:
    """Return piecewise-linear functions of the rank of each value of each digit.

    Neighbouring levels of a number, a date or an ordered category then begin with nearly
    equal vectors, and learn from each other.  Digits of unordered columns get zeros.  There
    is an array of shape (size, 8) for each digit.
    """
    bases = []
    for span in layout.spans:
        levels = np.arange(span.n_levels)
        for p, size in enumerate(span.digits):
            below = math.prod(span.digits[p + 1 :])
            if p == 0:
                first = levels // below
                mass = np.bincount(first, minlength=size)
                ranks = np.bincount(first, span.ranks, minlength=size) / np.maximum(mass, 1)
            else:
                ranks = np.linspace(0, 1, size)
            edges = np.arange(N_PIECES) / N_PIECES
            pieces = np.clip((ranks[:, None] - edges) * N_PIECES, 0, 1)
            bases.append(pieces if span.ordered else np.zeros_like(pieces))
    return bases


class DigitVectors(nn.Module):
    """A learned vector for every value of every digit.

    A free vector plus, for ordered columns, a learned map of the value's rank.
    """

    basis: torch.Tensor
    offsets: torch.Tensor
    real: torch.Tensor

    def __init__(self, layout: Layout, width: int, generator: torch.Generator) -> None:
        super().__init__()
        sizes, most = layout.digit_sizes, int(layout.digit_sizes.max())
        offsets = torch.as_tensor(np.cumsum(sizes) - sizes)
        self.register_buffer("offsets", offsets)
        # Padded to the largest digit, so that one product serves all digits.
        basis = np.zeros((len(sizes), most, N_PIECES))
        for padded, pieces in zip(basis, rank_basis(layout), strict=True):
            padded[: len(pieces)] = pieces
        self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
        real = np.arange(most) < sizes[:, None]
        self.register_buffer("real", torch.as_tensor(np.flatnonzero(real)))
        # A row's vector is the sum over its digits.
        scale = 1 / math.sqrt(len(sizes))

        def normal(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(shape, generator=generator) * scale)

        self.free = normal(int(sizes.sum()), width)
        self.ranked = normal(len(sizes), N_PIECES, width)

    def start_by_rank(self) -> None:
        """Let values of ordered columns differ by their ranks alone, until they learn more.

        With few labels, what is learned of a value has to hold for its neighbours.
        """
        ordered = (self.basis != 0).any(dim=2).any(dim=1)
        of_ordered = ordered[:, None].expand(self.basis.shape[:2]).flatten()[self.real]
        with torch.no_grad():
            self.free[of_ordered] = 0

    def table(self) -> torch.Tensor:
        """Return the vectors of all values, digit after digit, and zeros for what is absent."""
        ranked = torch.bmm(self.basis, self.ranked).flatten(0, 1)
        values = self.free + ranked[self.real]
        return torch.cat([values, values.new_zeros(1, values.shape[1])])

    def indices(self, digits: torch.Tensor) -> torch.Tensor:
        """Return the rows of :meth:`table` that digits stand for, -1 for an absent cell."""
        return torch.where(digits < 0, len(self.free), digits + self.offsets)
