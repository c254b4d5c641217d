"""One-hot codes: each row belongs to one category."""

from __future__ import annotations

import math

import torch
from numpy.typing import ArrayLike
from torch.nn import functional

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._checks import as_weights, check_modes
from sklearn_aae.priors._modes import draw_categories


class Categorical(Prior):
    r"""One-hot codes; a category for each component.

    The encoder's output passes through a softmax, so a code is a point of the
    simplex, and the adversary drives it to the corners: the category of a row is the
    component that is near 1 ([1]_, section 4).  Codes come close to the corners and
    never reach them, which a classifier can tell from exact draws;
    :func:`~sklearn_aae.metrics.prior_gap` and
    :func:`~sklearn_aae.metrics.sliced_wasserstein` measure how close.

    Parameters
    ----------
    weights : array-like of shape (n_components,), default=None
        Probabilities of the categories; None makes them equal.

    See Also
    --------
    Product : Categories beside components of another prior.

    References
    ----------
    .. [1] Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Categorical
    >>> Categorical().sample_modes(torch.tensor([2, 0]), 3, torch.Generator())
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """

    def __init__(self, weights: ArrayLike | None = None) -> None:
        self.weights = weights

    def check(self, n_components: int) -> None:
        if n_components < 2:
            raise ValueError(
                "Categorical prior: n_components is the number of categories and must be at "
                f"least 2, got {n_components}."
            )
        as_weights(self, n_components, "n_components")

    def count_modes(self, n_components: int) -> int:
        return n_components

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        weights = torch.from_numpy(as_weights(self, n_components, "n_components"))
        return _one_hot(draw_categories(weights, n_samples, generator), n_components)

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        modes = check_modes(modes, n_components, self)
        return _one_hot(modes.to(generator.device), n_components)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        weights = torch.from_numpy(as_weights(self, z.shape[1], "n_components"))
        one_hot = ((z == 0) | (z == 1)).all(dim=1) & (z.sum(dim=1) == 1)
        log_weights = weights.log().to(z.device, z.dtype)[z.argmax(dim=1)]
        return torch.where(one_hot, log_weights, -math.inf)

    def transform_to_support(self, z: torch.Tensor) -> torch.Tensor:
        return torch.softmax(z, dim=1)


def _one_hot(categories: torch.Tensor, n: int) -> torch.Tensor:
    return functional.one_hot(categories, n).to(torch.float32)
