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
    .. [1] Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014.
    .. [2] Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015.
    """

    def discriminator(self, logits: torch.Tensor, n_real: int) -> torch.Tensor:
        """Return the loss in nats for logits of ``n_real`` prior draws, then of codes."""
        return 0.5 * (softplus(-logits[:n_real]).mean() + softplus(logits[n_real:]).mean())

    def generator(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the loss in nats for logits of codes."""
        return softplus(-logits).mean()
