"""The swiss roll: a band along a spiral in the plane."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from sklearn.utils import gen_batches

from sklearn_aae.priors._base import Prior, check_modes
from sklearn_aae.priors._checks import check_count, check_number

#: The integral over the spiral is taken on panels of about two standard deviations.
PANEL, NODES = 2.0, 8
#: Pairs of a code and a node that are worked on at a time.
BLOCK = 2**20


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
    :meth:`log_prob` integrates over the spiral by Gauss-Legendre quadrature on panels
    of the width of the noise, exact to rounding.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.

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
        """Raise unless the code has two components and the parameters are in range.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Raises
        ------
        ValueError
            If the width is not 2 or a parameter is out of range.
        TypeError
            If a parameter is no number.
        """
        if n_components != 2:
            raise ValueError(
                f"SwissRoll prior: it lies in a plane, so n_components must be 2, got "
                f"{n_components}; priors.Product adds other components to it."
            )
        check_number(self, "radius", above=0)
        check_number(self, "turns", above=0)
        check_number(self, "noise", least=0)
        check_count(self, "n_modes")

    def count_modes(self, n_components: int) -> int:
        """Return the number of pieces of the spiral.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            ``n_modes``.
        """
        return self.n_modes

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        """Draw codes.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        n_components : int
            Width of the code: 2.
        generator : torch.Generator
            Source of all randomness; its device is the device of the draws.

        Returns
        -------
        Tensor of shape (n_samples, 2), float32
            The draws.
        """
        return self._around(
            torch.rand(n_samples, generator=generator, device=generator.device), generator
        )

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw one code from each of the given pieces of the spiral.

        Parameters
        ----------
        modes : Tensor of shape (n_samples,), int64
            Numbers of the pieces, counted from the centre.
        n_components : int
            Width of the code: 2.
        generator : torch.Generator
            Source of all randomness; its device is the device of the draws.

        Returns
        -------
        Tensor of shape (n_samples, 2), float32
            The draws.

        Raises
        ------
        ValueError
            If a mode does not exist.
        """
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
        """Return the log density of each row, in nats.

        Parameters
        ----------
        z : Tensor of shape (n_samples, 2)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples,)
            Log densities.

        Raises
        ------
        ValueError
            If ``noise`` is 0: a line has no density in the plane.
        """
        if self.noise == 0:
            raise ValueError("SwissRoll has no density to evaluate with noise=0, only draws.")
        points, weights = (
            torch.from_numpy(part).to(z.device)
            for part in _spiral(float(self.radius), float(self.turns), float(self.noise))
        )
        constant = math.log(2 * math.pi * self.noise**2)
        parts = []
        for rows in gen_batches(len(z), max(1, BLOCK // len(points))):
            # Differences, not products: far from the origin these would cancel.
            offsets = z[rows].double()[:, None, :] - points
            exponents = -0.5 * (offsets / self.noise).square().sum(dim=2) + weights.log()
            parts.append(torch.logsumexp(exponents, dim=1) - constant)
        return torch.cat(parts).to(z.dtype) if parts else z.new_empty(0)


@functools.lru_cache(maxsize=8)
def _spiral(radius: float, turns: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the spiral and the probability that each of them stands for."""
    # With t the root of u the spiral is c(t) = r t (cos 2 pi T t, sin 2 pi T t), no faster
    # than at its end, and the density of t is 2 t.
    speed = radius * math.hypot(1, 2 * math.pi * turns)
    n_panels = math.ceil(speed / (PANEL * noise))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    starts = np.arange(n_panels)[:, np.newaxis]
    t = ((starts + (nodes + 1) / 2) / n_panels).ravel()
    weights = np.tile(weights / 2 / n_panels, n_panels) * 2 * t
    angle = 2 * math.pi * turns * t
    points = (radius * t)[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points, weights
