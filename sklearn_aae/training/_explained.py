"""How much of the rows the components of the code give back."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.networks import AAEModule, prior_moments
from sklearn_aae.outputs._flagged_head import FlaggedHead

#: Rows that shares are measured on: at most so many, and not fewer than the last.
MAX_ROWS, LEAST_ROWS = 256, 64
#: The decoder reads each of them once for every component, and so many rows at most in one pass:
#: little beside a batch of training, for a call of ``partial_fit`` may be one batch.
MAX_PASS = 1024


class Explained:
    """What parts of the code give back of rows; the decoder reads at most ``most`` rows at once.

    Shares are of the rows' variance; 0 where they do not vary.  Missing cells count as their
    column's mean, which they are read as.
    """

    def __init__(
        self, module: AAEModule, x: torch.Tensor, labels: torch.Tensor | None, most: int
    ) -> None:
        self.module, self.most = module, min(most, MAX_PASS)
        n_rows = min(len(x), MAX_ROWS, max(self.most // module.n_components, LEAST_ROWS))
        # Spread over the table, which may be sorted.
        rows = torch.linspace(0, len(x) - 1, n_rows).long().to(x.device)
        self.x, self.labels = x[rows], None if labels is None else labels[rows]

    def by_first_codes(self) -> np.ndarray:
        """Return the shares (n_components,) that the first 1, 2, ... codes give back."""
        k = self.module.n_components
        return self._shares(torch.ones(k, k, dtype=torch.bool, device=self.x.device).tril())

    def by_each_code(self) -> np.ndarray:
        """Return the shares (n_components,) that each code alone gives back."""
        k = self.module.n_components
        return self._shares(torch.eye(k, dtype=torch.bool, device=self.x.device))

    @torch.no_grad()
    def _shares(self, kept: torch.Tensor) -> np.ndarray:
        """Return the share of every row of ``kept``, whose other codes are at the prior's mean."""
        module, head, x, k = self.module, self.module.head, self.x, self.module.n_components
        numbers = x[:, : head.n_features] if isinstance(head, FlaggedHead) else x
        total = (numbers - numbers.mean(dim=0)).square().sum()
        if not total > 0:
            return np.zeros(len(kept))
        mean, _ = prior_moments(module.prior, k, make_generator(0))
        errors = []
        with torch_threads(1):  # the order of codes does not depend on how many there are
            code = module.posterior.to_decoder(module.encode(x))
            for some in torch.split(kept, max(self.most // len(x), 1)):
                seen = torch.where(some[:, None], code, mean.to(code)).flatten(0, 1)
                labels = None if self.labels is None else self.labels.repeat(len(some))
                back = head.mean(module.decoder(module.decoder_inputs(seen, labels)))
                back = torch.unflatten(back[:, : numbers.shape[1]], 0, (len(some), len(x)))
                errors.append((numbers - back).square().sum(dim=(1, 2)))
        return (1 - torch.cat(errors) / total).double().cpu().numpy()
