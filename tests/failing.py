"""Networks that fail while they are trained."""

from __future__ import annotations

import torch
from torch import nn


class Fails(nn.Linear):
    """A network that gives NaN from so many passes in training on, in eval mode, too."""

    def __init__(self, n_in, n_out, n_passes):
        super().__init__(n_in, n_out)
        self.n_left = n_passes

    def forward(self, x):
        self.n_left -= self.training
        return super().forward(x) * (1 if self.n_left > 0 else torch.nan)


def failing(n_passes):
    """Return what builds such a network."""
    return lambda n_in, n_out: Fails(n_in, n_out, n_passes)
