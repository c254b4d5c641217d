"""The swiss roll: a band along a spiral in the plane."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from sklearn.utils import gen_batches

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import check_count, check_modes, check_number

#: The integral over the spiral is taken on panels of so many standard deviations.
PANEL, NODES = 3.0, 16
#: Pairs of a code and a node that are worked on at a time.
BLOCK = 2**17


class SwissRoll(Prior):
    r"""A spiral in two components, with Gaussian noise around it.

    .. math::

        z = r \sqrt{u} \, (\cos\varphi, \sin\varphi) + s \varepsilon, \quad
        \varphi = 2 \pi t \sqrt{u}, \quad u \sim \mathcal{U}(0, 1), \quad
        \varepsilon \sim \mathcal{N}(0, I)

    It shows that an adversary can give codes a shape for which no formula for a
    Kullback-Leibler divergence is at hand ([1]_, figures 2 and 4).

    Parameters
    ----------
    radius : float, default=3.0
        Where the spiral ends, :math:`r`.
    turns : float, default=2.0
        Number of turns, :math:`t`; they are :math:`r / t` apart.
    noise : float, default=0.1
        Standard deviation :math:`s` of the noise; with 0 codes should lie on a line,
        which a classifier can always tell from codes that nearly do.
    n_modes : int, default=10
        Number of pieces of equal probability that rows can be assigned to, counted
        from the centre.

    Notes
    -----
    :meth:`log_prob` integrates over the spiral by Gauss-Legendre quadrature, to about
    1e-9 where codes are drawn; dozens of ``noise`` away, where the density is next to
    nothing, to a few digits.

    References
    ----------
    .. [1] Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import SwissRoll
    >>> SwissRoll().sample(100, 2, torch.Generator().manual_seed(0)).shape
    torch.Size([100, 2])
    >>> on_and_off = torch.tensor([[3.0, 0.0], [2.25, 0.0]])
    >>> bool(torch.diff(SwissRoll().log_prob(on_and_off)) < -10)
    True
    """

    def __init__(
        self, radius: float = 3.0, turns: float = 2.0, noise: float = 0.1, *, n_modes: int = 10
    ) -> None:
        self.radius = radius
        self.turns = turns
        self.noise = noise
        self.n_modes = n_modes

    def check(self, n_components: int) -> None:
        if n_components != 2:
            raise ValueError(
                f"SwissRoll prior: it lies in a plane, so n_components must be 2, got "
                f"{n_components}; priors.Product adds other components to it."
            )
        check_number(self, "radius", positive=True)
        check_number(self, "turns", positive=True)
        check_number(self, "noise", least=0)
        check_count(self, "n_modes")

    def count_modes(self, n_components: int) -> int:
        return self.n_modes

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        return self._around(
            torch.rand(n_samples, generator=generator, device=generator.device), generator
        )

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        # Pieces of the spiral, numbered from the centre.
        modes = check_modes(modes, self.n_modes, self).to(generator.device)
        u = torch.rand(len(modes), generator=generator, device=generator.device)
        return self._around((modes + u) / self.n_modes, generator)

    def _around(self, u: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return draws around the points of the spiral at ``u`` in [0, 1)."""
        root = u.sqrt()
        angle = 2 * math.pi * self.turns * root
        points = torch.stack([angle.cos(), angle.sin()], dim=1) * (self.radius * root)[:, None]
        noise = torch.randn(points.shape, generator=generator, device=generator.device)
        return points.add_(noise, alpha=self.noise)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        if self.noise == 0:
            raise ValueError("SwissRoll has no density to evaluate with noise=0, only draws.")
        if not len(z):
            return z.new_zeros(0)
        points, weights = (
            torch.from_numpy(part).to(z.device)
            for part in _spiral(float(self.radius), float(self.turns), float(self.noise))
        )
        precision = self.noise**-2
        # log w - (|z|² - 2 z p + |p|²) / 2 s², the sum of which over points p is asked for.
        offsets = weights.log() - 0.5 * precision * points.square().sum(dim=1)
        slopes = precision * points.t()
        parts = []
        for rows in gen_batches(len(z), max(1, BLOCK // len(points))):
            codes = z[rows].double()
            sums = torch.logsumexp(torch.addmm(offsets, codes, slopes), dim=1)
            parts.append(sums - 0.5 * precision * codes.square().sum(dim=1))
        return (torch.cat(parts) - math.log(2 * math.pi * self.noise**2)).to(z.dtype)


@functools.lru_cache(maxsize=8)
def _spiral(radius: float, turns: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the spiral and the probability that each of them stands for."""
    # With t the root of u the spiral is r t (cos a t, sin a t), and the density of t is 2 t.
    a = 2 * math.pi * turns
    t = np.linspace(0, 1, 10_001)
    length = radius / 2 * (t * np.hypot(1, a * t) + np.arcsinh(a * t) / a)
    n_panels = math.ceil(length[-1] / (PANEL * noise))
    edges = np.interp(np.linspace(0, length[-1], n_panels + 1), length, t)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    widths = np.diff(edges)[:, np.newaxis]
    t = (edges[:-1, np.newaxis] + widths * (nodes + 1) / 2).ravel()
    weights = (widths * weights / 2).ravel() * 2 * t
    points = (radius * t)[:, np.newaxis] * np.stack([np.cos(a * t), np.sin(a * t)], axis=1)
    return points, weights
