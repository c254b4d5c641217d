"""Shares of drawn levels, brought to those of the training rows after training."""

from __future__ import annotations

import math

import numpy as np
import torch

from sklearn_aae.encoding._layout import Layout

#: A level's probability is changed by at most this factor, in so many rounds.
MOST_FACTOR, ROUNDS = 5.0, 8
#: So many more draws count as if they had the right shares: a few draws tell little.
PRIOR_DRAWS = 16.0


class ShiftRows:
    """Where in one vector the shifts of each digit's logits stand: a row per prefix.

    The prefix is the number that the column's earlier digits make.
    """

    def __init__(self, layout: Layout) -> None:
        self.sizes = layout.digit_sizes.tolist()
        self.n_prefixes = [
            math.prod(span.digits[:p]) for span in layout.spans for p in range(len(span.digits))
        ]
        self.starts, self.n = [], 0
        for n_prefixes, size in zip(self.n_prefixes, self.sizes, strict=True):
            self.starts.append(self.n)
            self.n += n_prefixes * size

    def of(self, shifts: torch.Tensor, digit: int) -> torch.Tensor:
        """Return the part of a vector that belongs to a digit, (n_prefixes, size)."""
        start, n, size = self.starts[digit], self.n_prefixes[digit], self.sizes[digit]
        return shifts[start : start + n * size].view(n, size)

    def counts(self, digits: torch.Tensor) -> torch.Tensor:
        """Return how often rows of digits have each value after each prefix, in such a vector."""
        counts = []
        for d, size in enumerate(self.sizes):
            which = self.prefixes(digits, d) * size + digits[:, d]
            counts.append(torch.bincount(which, minlength=self.n_prefixes[d] * size))
        return torch.cat(counts)

    def shares(self, layout: Layout) -> torch.Tensor:
        """Return the shares of rows that have each value after each prefix, in such a vector."""
        shares = []
        for span in layout.spans:
            of_levels = np.zeros(math.prod(span.digits))
            of_levels[: span.n_levels] = span.shares
            for d in range(1, len(span.digits) + 1):
                after = of_levels.reshape(math.prod(span.digits[:d]), -1).sum(axis=1)
                shares.append(torch.from_numpy(after))
        return torch.cat(shares)

    def prefixes(self, digits: torch.Tensor, digit: int) -> torch.Tensor:
        """Return the prefixes (n_samples,) of a digit in rows of digits."""
        prefix, n, j = digits.new_zeros(len(digits)), 1, digit
        while n < self.n_prefixes[digit]:
            j -= 1
            prefix = prefix + n * digits[:, j].clamp(min=0)
            n *= self.sizes[j]
        return prefix


def matching_shift(
    logits: torch.Tensor, prefix: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return what to add to a digit's logits so that mean probabilities become shares.

    ``logits`` (n, size) are of draws with these prefixes (n,), ``counts`` (n_prefixes, size) of
    training rows; where there are none, nothing is added.
    """
    target = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    # As numbers of its type: whole ones take the default type beside others.
    n_draws = torch.bincount(prefix, minlength=len(counts)).unsqueeze(1).to(target)
    shift, most = torch.zeros_like(target), math.log(MOST_FACTOR)
    for _ in range(ROUNDS):
        sums = torch.zeros_like(target).index_add_(0, prefix, (logits + shift[prefix]).softmax(1))
        mean = (sums + PRIOR_DRAWS * target) / (n_draws + PRIOR_DRAWS)
        step = torch.where(target > 0, (target / mean).log(), 0.0)
        shift = (shift + step).clamp(-most, most)
    return shift
