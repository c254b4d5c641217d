"""The Gaussian posterior with the reparametrisation trick."""

from __future__ import annotations

import torch

from sklearn_aae.posteriors._base import Posterior


class Gaussian(Posterior):
    r"""Diagonal Gaussian whose mean and log variance the encoder predicts.

    A code is drawn as :math:`z = \mu(x) + \sigma(x) \varepsilon` with
    :math:`\varepsilon \sim \mathcal{N}(0, I)`.  Unlike in a variational
    autoencoder no Kullback-Leibler term acts on the single posterior: the
    adversary alone shapes their aggregate.

    Parameters
    ----------
    input_noise : float, default=0.3
        Standard deviation of Gaussian noise added to the encoder's input in the
        reconstruction phase, in standard deviations of each column [3]_.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 2.
    .. [2] D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes",
       arXiv:1312.6114, 2013.
    .. [3] P. Vincent et al., "Extracting and Composing Robust Features with
       Denoising Autoencoders", ICML 2008.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.posteriors import Gaussian
    >>> h = torch.tensor([[1.0, 2.0, 0.0, 0.0]])
    >>> Gaussian().mode(h)
    tensor([[1., 2.]])
    """

    # The log variance: a standard deviation of 0.14.
    initial_rest = -4.0

    def n_outputs(self, n_components: int) -> int:
        return 2 * n_components

    def n_noise(self, n_components: int) -> int:
        return n_components

    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        if noise is None:
            raise ValueError("the Gaussian posterior cannot be drawn from without noise.")
        mean, log_variance = h.chunk(2, dim=1)
        # The bounds keep exp() finite in float32 when a step overshoots.
        return torch.addcmul(mean, log_variance.clamp(-20.0, 10.0).mul(0.5).exp(), noise)

    def mode(self, h: torch.Tensor) -> torch.Tensor:
        return h.chunk(2, dim=1)[0]
