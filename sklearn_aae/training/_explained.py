"""How much of the rows each component of the code gives back."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.networks import AAEModule, prior_moments
from sklearn_aae.outputs._flagged_head import FlaggedHead

#: Rows that shares are measured on: a pass of the decoder for each component is enough work.
MAX_ROWS = 256


@torch.no_grad()
def explained_ratio(
    module: AAEModule, x: torch.Tensor, labels: torch.Tensor | None = None
) -> np.ndarray:
    """Return the shares (n_components,) of rows' variance that the first codes give back.

    The other codes are at the prior's mean.  0 where rows do not vary; missing cells count as
    their column's mean, which they are read as.
    """
    chosen = torch.linspace(0, len(x) - 1, min(len(x), MAX_ROWS)).long().to(x.device)
    x, labels = x[chosen], None if labels is None else labels[chosen]
    k, posterior = module.n_components, module.posterior
    n_numbers = module.head.n_features if isinstance(module.head, FlaggedHead) else x.shape[1]
    numbers = x[:, :n_numbers]
    total = (numbers - numbers.mean(dim=0)).square().sum()
    if not total > 0:
        return np.zeros(k)
    code = posterior.to_decoder(module.encode(x))
    mean, _ = prior_moments(module.prior, k, make_generator(0))
    seen = mean.to(code).expand_as(code).clone()
    shares = []
    for i in range(k):
        seen[:, i] = code[:, i]
        back = module.head.mean(module.decoder(module.decoder_inputs(seen, labels)))
        shares.append(float(1 - (numbers - back[:, :n_numbers]).square().sum() / total))
    return np.array(shares)
