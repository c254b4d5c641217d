"""Mixtures of Gaussians: petals, grids, or parameters of your own."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from sklearn_aae.priors._checks import as_array, as_weights, check_count, check_number
from sklearn_aae.priors._layouts import grid, petals
from sklearn_aae.priors._modes import GaussianModes, MixtureOfGaussians

LAYOUTS = {"petals": petals, "grid": grid}
DEFAULT_PETALS = 10
#: A grid with a default number of modes grows with the power of n_components.
MOST_DEFAULT_MODES = 1024


class Mixture(MixtureOfGaussians):
    r"""Mixture of Gaussians :math:`\sum_i w_i \, \mathcal{N}(\mu_i, \Sigma_i)`.

    By default, in two components, the ring of ten rotated petals of [1]_; every mode
    is then long in the direction in which it lies and narrow across.  In more
    components the modes are round, six standard deviations apart, and as far from
    each other on a sphere as they can be.  Petals are numbered counter-clockwise.

    Parameters
    ----------
    n_modes : int or None, default=None
        Number of modes.  None stands for 10 petals, for :math:`3^k` points of a grid
        in :math:`k \le 2` components and :math:`2^k` in more, or for the length of
        ``means``.
    layout : {"auto", "petals", "grid"}, default="auto"
        Where the modes stand if there are no ``means``: on a circle or sphere, or on
        a grid with equally many along each axis (``n_modes`` must be a
        :math:`k`-th power).  ``"auto"`` is petals, and a grid in one component.
    radius : float or None, default=None
        Distance of petals from the origin, or half the width of the grid.  None is
        1.4 for petals in two components, and otherwise what gives each component
        unit variance (petals: on average).
    scale : float, tuple of float or None, default=None
        Standard deviation of each mode, or a pair: along its direction and across.
        None is (0.5, 0.05) for petals in two components with radius 1.4, in
        proportion to the radius, and otherwise a sixth of the least distance.
    means : array-like of shape (n_modes, n_components), default=None
        Means of your own, which take the place of a layout.
    covariances : float or array-like, default=None
        Covariances of your own, for ``means``: one variance, or an array of shape
        (n_modes,), (n_modes, n_components), (n_modes, n_components, n_components) or
        (n_components, n_components) of variances or covariances, as
        :class:`sklearn.mixture.GaussianMixture` has them for ``covariance_type``
        "spherical", "diag", "full" and "tied".  With as many modes as components a
        matrix that can be a covariance is one, shared by all modes ("tied"), and any
        other has the variances of a mode in each row.  None is unit variance.
    weights : array-like of shape (n_modes,), default=None
        Probabilities of the modes; None makes them equal.

    See Also
    --------
    LearnedMixture : A mixture whose parameters are learned with the model.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 2.3 and figures 2 to 4.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Mixture
    >>> petals = Mixture()
    >>> draws = petals.sample(1000, 2, torch.Generator().manual_seed(0))
    >>> bool((draws.norm(dim=1) < 4).all())
    True
    >>> fourth = petals.sample_modes(torch.tensor([3, 3, 3]), 2, torch.Generator())
    >>> fourth.shape
    torch.Size([3, 2])
    >>> Mixture(means=[[-1.0], [1.0]], covariances=0.01).count_modes(1)
    2
    """

    def __init__(
        self,
        n_modes: int | None = None,
        *,
        layout: str = "auto",
        radius: float | None = None,
        scale: float | tuple[float, float] | None = None,
        means: ArrayLike | None = None,
        covariances: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> None:
        self.n_modes = n_modes
        self.layout = layout
        self.radius = radius
        self.scale = scale
        self.means = means
        self.covariances = covariances
        self.weights = weights

    def check(self, n_components: int) -> None:
        self._modes(n_components)

    def count_modes(self, n_components: int) -> int:
        return len(self._modes(n_components).weights)

    # -------------------------------------------------------------- parameters

    def _modes(self, k: int) -> GaussianModes:
        means, covariances = self._own(k) if self.means is not None else self._laid_out(k)
        weights = as_weights(self, len(means))
        try:
            factors = np.linalg.cholesky(covariances)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                "Mixture prior: covariances must be positive definite, and at least one is not."
            ) from error
        return GaussianModes(*(torch.from_numpy(part) for part in (weights, means, factors)))

    def _laid_out(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        if self.covariances is not None:
            raise ValueError("Mixture prior: covariances need means; a layout takes scale instead.")
        if self.layout not in ("auto", *LAYOUTS):
            raise ValueError(
                f"Mixture prior: layout must be 'auto', 'petals' or 'grid', got {self.layout!r}."
            )
        layout = self.layout
        if layout == "auto":
            layout = "petals" if k > 1 else "grid"
        n_modes = self._n_laid_out(k, layout)
        if layout == "petals" and k == 1 and n_modes > 2:
            raise ValueError(
                "Mixture prior: n_components=1 has room for two petals; use layout='grid'."
            )
        if self.radius is not None:
            check_number(self, "radius", positive=True)
        modes = LAYOUTS[layout](n_modes, k, self.radius, self._scales())
        return modes.means, modes.covariances()

    def _n_laid_out(self, k: int, layout: str) -> int:
        if self.n_modes is not None:
            check_count(self, "n_modes")
            return self.n_modes
        if layout == "petals":
            return DEFAULT_PETALS if k > 1 else 2
        n_modes: int = (3 if k <= 2 else 2) ** k
        if n_modes > MOST_DEFAULT_MODES:
            raise ValueError(
                f"Mixture prior: a grid in n_components={k} would have {n_modes} modes; pass "
                "n_modes, or use layout='petals'."
            )
        return n_modes

    def _scales(self) -> tuple[float, float] | None:
        if self.scale is None:
            return None
        scales = as_array(self, "scale")
        if scales.shape not in ((), (2,)) or (scales <= 0).any():
            raise ValueError(
                "Mixture prior: scale must be a positive number or a pair of them, got "
                f"{self.scale!r}."
            )
        along, across = np.broadcast_to(scales, 2).tolist()
        return along, across

    def _own(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        given = {"radius": self.radius, "scale": self.scale}
        spare = [name for name, value in given.items() if value is not None]
        if self.layout != "auto" or spare:
            raise ValueError(
                f"Mixture prior: {(spare or ['layout'])[0]} belongs to a layout, and means take "
                "the place of one."
            )
        means = as_array(self, "means")
        if means.ndim != 2 or len(means) == 0:
            raise ValueError(
                f"Mixture prior: means must have shape (n_modes, n_components), got {means.shape}."
            )
        if means.shape[1] != k:
            raise ValueError(
                f"Mixture prior: means have {means.shape[1]} columns, but n_components={k}."
            )
        if self.n_modes not in (None, len(means)):
            raise ValueError(
                f"Mixture prior: n_modes={self.n_modes}, but there are {len(means)} means."
            )
        return means, self._covariances(*means.shape)

    def _covariances(self, m: int, k: int) -> np.ndarray:
        if self.covariances is None:
            return np.broadcast_to(np.eye(k), (m, k, k))
        given = as_array(self, "covariances")
        if given.shape in ((m, k, k), (k, k)) and not (given.shape == (m, k) and not _tied(given)):
            if not np.allclose(given, given.swapaxes(-1, -2)):
                raise ValueError("Mixture prior: covariances must be symmetric.")
            return np.broadcast_to(given, (m, k, k))
        if given.shape not in ((), (m,), (m, k)):
            raise ValueError(
                f"Mixture prior: covariances must be a number or have shape ({m},), ({m}, {k}), "
                f"({m}, {k}, {k}) or ({k}, {k}); got {given.shape}."
            )
        variances = np.broadcast_to(given[:, np.newaxis] if given.ndim == 1 else given, (m, k))
        return variances[:, :, np.newaxis] * np.eye(k)


def _tied(square: np.ndarray) -> bool:
    """Return whether a matrix is one covariance, not a row of variances for each mode."""
    return bool(np.allclose(square, square.T) and np.linalg.eigvalsh(square)[0] > 0)
