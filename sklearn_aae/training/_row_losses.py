"""Losses of rows under a fitted model, in float64, given labels where the decoder reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from sklearn_aae.networks import AAEModule
from sklearn_aae.training._inference import InPrecision, as_tensor, in_precision, map_chunks

DOUBLE = np.dtype(np.float64)


class Part(NamedTuple):
    """A chunk of rows with what is given for them."""

    x: torch.Tensor
    code: torch.Tensor
    labels: torch.Tensor | None
    unknown: torch.Tensor | None


class RowLosses:
    """What each cell of some rows costs under the decoder's distribution.

    In float64: float32 sums differ between one row and a batch by more than scikit-learn's
    checks (and a threshold) bear.  ``read`` gives the rows of a slice on the network's scale,
    in float64; ``codes`` are taken instead of the rows' own.  ``unknown`` cells cost nothing.
    """

    def __init__(
        self,
        module: AAEModule,
        read: Callable[[slice], np.ndarray],
        n_samples: int,
        device: torch.device,
        codes: np.ndarray | None = None,
        unknown: np.ndarray | None = None,
    ) -> None:
        self.module, self.read, self.n_samples, self.device = module, read, n_samples, device
        self.encoder = InPrecision(module.encoder, DOUBLE)
        self.decoder = InPrecision(module.decoder, DOUBLE)
        self.head = in_precision(module.head, DOUBLE)
        self.unknown = None if unknown is None else torch.as_tensor(unknown)
        self.codes = None if codes is None else torch.as_tensor(codes, dtype=torch.float64)

    def of_cells(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the loss of every cell, (n_samples, n_features)."""
        return self._map(self._losses, labels)

    def of_rows(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the sums over the cells of each row, (n_samples,)."""
        return self._map(lambda part: _sums(self._losses(part)), labels)

    def by_class(self, n_classes: int) -> np.ndarray:
        """Return the loss of each row for each class it could be of, (n_samples, n_classes)."""

        def losses_of(part: Part) -> torch.Tensor:
            each = torch.arange(n_classes, device=part.code.device)
            labels = [label.expand(len(part.code)) for label in each]
            losses = [_sums(self._losses(part._replace(labels=own))) for own in labels]
            return torch.stack(losses, dim=1)

        return self._map(losses_of, None)

    def _losses(self, part: Part) -> torch.Tensor:
        code = self.module.posterior.to_decoder(part.code)
        params = self.decoder(self.module.decoder_inputs(code, part.labels))
        losses = self.head.cell_losses(params, part.x)
        return losses if part.unknown is None else losses.masked_fill(part.unknown, 0)

    def _map(
        self, losses_of: Callable[[Part], torch.Tensor], labels: np.ndarray | None
    ) -> np.ndarray:
        """Return ``losses_of`` all rows, in chunks."""
        own = None if labels is None else torch.as_tensor(labels)
        # Chunks are of indices: what is given for a row has to go with it.
        indices = np.arange(self.n_samples)

        def of_chunk(index: torch.Tensor) -> torch.Tensor:
            index = index.cpu()
            first = int(index[0])
            rows = as_tensor(self.read(slice(first, int(index[-1]) + 1)))
            x = rows[index - first].to(self.device)
            if self.codes is None:
                code = self.module.encode(x, encoder=self.encoder)
            else:
                code = self.codes[index].to(self.device)
            more = (None if m is None else m[index].to(self.device) for m in (own, self.unknown))
            return losses_of(Part(x, code, *more))

        networks = [self.encoder, self.decoder]
        return map_chunks(of_chunk, indices.__getitem__, self.n_samples, networks, self.device)


def _sums(losses: torch.Tensor) -> torch.Tensor:
    """Return the sum of each row, each taken in one order."""
    return losses.contiguous().sum(dim=1)
