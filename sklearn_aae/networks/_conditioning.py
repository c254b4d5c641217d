"""How labels enter the networks: as one-hot columns beside the code, and as modes of the prior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sklearn_aae.priors import Prior


class Conditioning(nn.Module):
    """One-hot labels as further columns of what discriminator and decoder read.

    Makhzani et al. 2015 (arXiv:1511.05644), sections 2.3 and 3.  One column stands for each
    class and the last for rows without a label.  A decoder that reads labels too leaves the
    style for the code.

    With ``n_modes``, rows of a class are compared with draws of its own modes of the prior: the
    modes are shared out in contiguous groups, the first of which have one more where they do
    not divide evenly.
    """

    levels: torch.Tensor
    first_modes: torch.Tensor
    mode_counts: torch.Tensor

    def __init__(self, n_classes: int, *, of_decoder: bool, n_modes: int = 0) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.of_decoder = of_decoder
        self.by_modes = n_modes > 0
        # The label of rows without one is -1, which indexes the last level.
        self.register_buffer("levels", torch.eye(n_classes + 1))
        groups = np.array_split(np.arange(n_modes), n_classes)
        counts = torch.tensor([len(group) for group in groups])
        self.register_buffer("first_modes", counts.cumsum(0) - counts)
        self.register_buffer("mode_counts", counts)

    @property
    def width(self) -> int:
        """How many columns a label takes."""
        return self.n_classes + 1

    def one_hot(self, labels: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
        """Return one-hot rows in the precision of ``like``; of no labels, as many without one."""
        if labels is None:
            return self.levels[-1:].to(like).expand(len(like), -1)
        return self.levels[labels].to(like)

    def mark(self, codes: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """Return codes with their labels beside them, (n_samples, n_components + width)."""
        return torch.cat([codes, self.one_hot(labels, codes)], dim=1)

    def draw(
        self,
        prior: Prior,
        n_samples: int,
        n_components: int,
        labels: torch.Tensor | None,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Return codes (n_samples, n_components): of a label's modes, else of the whole prior.

        Labels are on the generator's device; None if no row has one.
        """
        # A prior is fixed, whatever its draws come from.
        draws = prior.sample(n_samples, n_components, generator).detach()
        if not self.by_modes or labels is None:
            return draws
        labelled = labels >= 0
        own = labels[labelled]
        chance = torch.rand(len(own), generator=generator, device=own.device)
        counts = self.mode_counts[own]
        # Rounding may take a number just below 1 to the number of modes.
        step = torch.minimum((chance * counts).long(), counts - 1)
        modes = self.first_modes[own] + step
        draws[labelled] = prior.sample_modes(modes, n_components, generator).detach()
        return draws


class Classes(NamedTuple):
    """Of what classes draws are, for models that were fitted with labels.

    ``labels`` are the class of each row, -1 where none is asked for; ``counts`` says how many
    training rows there were of each class.
    """

    labels: np.ndarray
    counts: np.ndarray

    def of(self, rows: slice | np.ndarray, n_draws: int = 1) -> Classes:
        """Return the classes of some of the rows, each repeated."""
        return Classes(self.labels[rows].repeat(n_draws), self.counts)

    def chosen(self, every: bool, generator: torch.Generator) -> torch.Tensor:
        """Return labels; drawn by frequency where there is none, if every row needs one.

        Where no training row had a label, all are alike.
        """
        labels = torch.as_tensor(self.labels).to(generator.device)
        if not every:
            return labels
        weights = torch.as_tensor(self.counts, dtype=torch.float64).to(generator.device)
        if not weights.any():
            weights = torch.ones_like(weights)
        drawn = torch.multinomial(weights, len(labels), replacement=True, generator=generator)
        return torch.where(labels < 0, drawn, labels)
