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

    def n_outputs(self, n_components: int) -> int:
        """Return the width of the encoder's output: that of the code.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            ``n_components``.
        """
        return n_components

    def n_noise(self, n_components: int) -> int:
        """Return 0: no noise is needed.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            0.
        """
        return 0

    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        """Return the encoder's output itself.

        Parameters
        ----------
        h : Tensor of shape (n_samples, n_components)
            Output of the encoder.
        noise : None
            Not used.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """
        return h

    def mode(self, h: torch.Tensor) -> torch.Tensor:
        """Return the encoder's output itself.

        Parameters
        ----------
        h : Tensor of shape (n_samples, n_components)
            Output of the encoder.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """
        return h
