"""What an ensemble and a single fitted model have in common; M is the number of members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch


class MemberDensities(Protocol):
    """What decoders say of the cells of rows."""

    def mean(self) -> torch.Tensor:
        """Return the mean of each cell, (M, n, n_columns)."""

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log density of cells (M, n, n_columns)."""

    def interval(self, index: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        """Return mode, 5 % and 95 % quantile (3, n) of one cell of each row.

        Its column's index (M, n) among a member's, where the member sees it (M, n).
        """


class MemberNetworks(Protocol):
    """Networks whose tensors have an axis of members first."""

    columns: torch.Tensor  #: The columns that each member sees, (M, n_columns).
    in_blocks: bool  #: Whether full blocks of rows give the same in any number.
    farthest: float  #: Cells beyond are read as if nothing were known of them.
    code_mask: torch.Tensor  #: 1 for components that a member uses, (M, 1, n_components).

    @property
    def n_members(self) -> int: ...

    @property
    def has_prior_density(self) -> bool: ...

    @property
    def discriminator(self) -> Callable[[torch.Tensor], torch.Tensor]: ...

    def to_score(self) -> MemberNetworks: ...

    def encode(self, x: torch.Tensor) -> torch.Tensor: ...

    def decode(self, z: torch.Tensor) -> MemberDensities: ...

    def prior_losses(self, z: torch.Tensor) -> torch.Tensor: ...

    def mode_distances(self, z: torch.Tensor) -> torch.Tensor: ...


class Marginals(Protocol):
    """Densities of columns by themselves."""

    def losses(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the log density of cells (M, n, n_columns)."""
