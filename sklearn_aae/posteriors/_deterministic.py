"""The posterior without noise: the encoder's output is the code."""

from __future__ import annotations

import torch

from sklearn_aae.posteriors._base import Posterior


class Deterministic(Posterior):
    """The encoder's output is the code; all randomness comes from the data.

    Parameters
    ----------
    input_noise : float, default=0.3
        Standard deviation of Gaussian noise added to the encoder's input in the
        reconstruction phase, in standard deviations of each column [2]_.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 2.
    .. [2] P. Vincent et al., "Extracting and Composing Robust Features with
       Denoising Autoencoders", ICML 2008.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.posteriors import Deterministic
    >>> Deterministic().draw(torch.ones(2, 3), None).shape
    torch.Size([2, 3])
    """

    def n_noise(self, n_components: int) -> int:
        return 0

    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        return h
