"""The first layer of encoders that read tables of levels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from sklearn_aae.encoding._layout import Layout
from sklearn_aae.outputs._digits import DigitVectors


class LevelReader(nn.Module):
    """A linear layer on the one-hot digits of a row, as a sum of learned vectors."""

    def __init__(self, layout: Layout, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = width
        self.vectors = DigitVectors(layout, width, generator)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        """Return the sums of the vectors of the digits, (n_samples, width)."""
        indices = self.vectors.indices(digits)
        return functional.embedding_bag(indices, self.vectors.table(), mode="sum") + self.bias


class OneHot(nn.Module):
    """The one-hot digits of a row, for networks that are not ours."""

    offsets: torch.Tensor
    one: torch.Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        sizes = torch.as_tensor(layout.digit_sizes)
        self.width = int(sizes.sum())
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)
        # Casting the network casts this, and so the rows that it reads.
        self.register_buffer("one", torch.ones(()))

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        """Return zeros and ones, (n_samples, width); an absent cell is all zeros."""
        present = digits >= 0
        indices = torch.where(present, digits + self.offsets, 0)
        rows = self.one.new_zeros(len(digits), self.width)
        return rows.scatter_add_(1, indices, present.to(rows.dtype))
