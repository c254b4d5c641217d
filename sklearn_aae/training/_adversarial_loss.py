"""The adversarial game on codes, as losses of logits."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import softplus


class AdversarialLoss(nn.Module):
    r"""Cross-entropy for the discriminator, non-saturating loss for the generator.

    With :math:`D` the discriminator's logit, :math:`z_p` prior draws and
    :math:`z_q` codes, the discriminator minimises
    :math:`\frac12 E[\zeta(-D(z_p))] + \frac12 E[\zeta(D(z_q))]` and the generator
    (the encoder) :math:`E[\zeta(-D(z_q))]`, where
    :math:`\zeta(t) = \log(1 + e^t)`.  Both are :math:`\log 2` when the
    discriminator cannot tell codes from draws.

    References
    ----------
    .. [1] I. Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014.
    .. [2] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.
    """

    def discriminator(self, logits: torch.Tensor, n_real: int) -> torch.Tensor:
        """Return the discriminator's loss.

        Parameters
        ----------
        logits : Tensor of shape (n_real + n_codes, 1)
            Prior draws first, then codes.
        n_real : int
            Number of prior draws.

        Returns
        -------
        Tensor of shape ()
            The loss in nats.
        """
        return 0.5 * (softplus(-logits[:n_real]).mean() + softplus(logits[n_real:]).mean())

    def generator(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the generator's loss.

        Parameters
        ----------
        logits : Tensor of shape (n_codes, 1)
            The discriminator's verdict on codes.

        Returns
        -------
        Tensor of shape ()
            The loss in nats.
        """
        return softplus(-logits).mean()
