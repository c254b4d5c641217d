"""The Bernoulli output for columns in [0, 1]."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._base import Head, Output


class Bernoulli(Output):
    r"""Every column is Bernoulli with the sigmoid of the decoder's output as mean.

    The loss of a cell is the binary cross-entropy
    :math:`-x\log\hat x - (1-x)\log(1-\hat x)` in nats.  Values between 0 and 1
    (grey levels) are read as probabilities.  The estimator's ``scaling`` does not
    apply.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> X = np.random.default_rng(0).integers(0, 2, size=(40, 5))
    >>> aae = AdversarialAutoencoder(output="bernoulli", max_epochs=2, random_state=0).fit(X)
    >>> sorted(np.unique(aae.sample(20)).tolist())
    [0, 1]
    """

    scales = False

    def n_params(self, table: TableFacts) -> int:
        return table.n_features

    def build(self, table: TableFacts, generator: torch.Generator) -> Head:
        return BernoulliHead()

    def check(self, X: np.ndarray) -> None:
        outside = (X < 0) | (X > 1)
        bad = np.flatnonzero(outside.any(axis=0))
        if len(bad):
            column = X[:, bad[0]]
            raise ValueError(
                f'output="bernoulli" needs values in [0, 1]; column {bad[0]} spans '
                f"[{np.nanmin(column):g}, {np.nanmax(column):g}], first in row "
                f"{int(outside[:, bad[0]].argmax())} ({len(bad)} such columns). Scale the "
                'table first (MinMaxScaler) or use output="gaussian".'
            )


class BernoulliHead(Head):
    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(params, x, reduction="none")

    def mean(self, params: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(params)

    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return torch.bernoulli(torch.sigmoid(params), generator=generator)
