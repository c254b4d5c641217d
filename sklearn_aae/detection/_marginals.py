"""Densities of columns by themselves: the decoder's, averaged over draws of the prior."""

from __future__ import annotations

import math

import torch

from sklearn_aae.detection.ensemble import FREEDOM, MOST, Ensemble, log_mixture
from sklearn_aae.detection.ensemble._stored import StoredByTorch

#: Prior draws of each member that a density is averaged over.
N_DRAWS = 64
#: Spacing of the grid on which log densities are kept, in standard deviations.
SPACING = 0.1
#: Numbers worked on at once: more would leave the processor's cache.
CHUNK = 2**19


class GridMarginals(StoredByTorch):
    r"""Log densities :math:`\log E_{z \sim p(z)}\, p(x_j \mid z)` on a grid.

    Between the points of the grid the logarithm is a straight line, beyond its ends it falls as
    that of each density does.

    Parameters
    ----------
    ensemble : Ensemble
        The networks.
    generator : torch.Generator
        Draws from the prior.
    """

    def __init__(self, ensemble: Ensemble, generator: torch.Generator) -> None:
        m, d = ensemble.columns.shape
        mask = ensemble.code_mask
        z = torch.randn(
            (m, N_DRAWS, mask.shape[2]), generator=generator, device=mask.device, dtype=mask.dtype
        )
        densities = ensemble.decode(z * mask)
        n_points = round(2 * MOST / SPACING) + 1
        grid = torch.linspace(-MOST, MOST, n_points, dtype=mask.dtype, device=mask.device)
        n_parts = N_DRAWS * ensemble.settings.n_densities
        step = max(1, CHUNK // (n_parts * n_points))

        # (M, n_columns, draws and densities): all of them are one mixture.
        def as_parts(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.reshape(m, n_parts, d).transpose(1, 2).contiguous()

        log_weight = as_parts(densities.log_weight) - math.log(N_DRAWS)
        centre, scale = as_parts(densities.centre), as_parts(densities.scale)
        self.table = torch.empty((m, d, n_points), dtype=torch.float32, device=mask.device)
        for member in range(m):
            for start in range(0, d, step):
                at = member, slice(start, start + step)
                self.table[at] = log_mixture(log_weight[at], centre[at], scale[at], grid)

    def losses(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the log density (M, n, n_columns) of cells: as many, or (1, n, n_columns).

        The latter where members see the same.
        """
        inner = x.clamp(-MOST, MOST)
        beyond = (x.abs() / MOST).clamp_(min=1).log_()
        position = (inner + MOST) / SPACING
        left = position.floor().clamp(0, self.table.shape[2] - 2)
        index = left.long().transpose(1, 2).expand(len(self.table), -1, -1)
        low = self.table.gather(2, index).transpose(1, 2).to(x)
        high = self.table.gather(2, index + 1).transpose(1, 2).to(x)
        return beyond.mul_(FREEDOM + 1) - torch.lerp(low, high, position - left)
