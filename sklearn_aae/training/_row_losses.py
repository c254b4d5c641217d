"""Losses of rows under a fitted model, in float64, given labels where the decoder reads them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from sklearn_aae.networks import AAEModule
from sklearn_aae.training._inference import InPrecision, as_tensor, in_precision, map_chunks

DOUBLE = np.dtype(np.float64)


class RowLosses:
    """What each cell of some rows costs under the decoder's distribution.

    In float64: float32 sums differ between one row and a batch by more than scikit-learn's
    checks (and a threshold) bear.  ``read`` gives the rows of a slice on the network's scale,
    in float64; ``codes`` are taken instead of the rows' own.
    """

    def __init__(
        self,
        module: AAEModule,
        read: Callable[[slice], np.ndarray],
        n_samples: int,
        device: torch.device,
        codes: np.ndarray | None = None,
    ) -> None:
        self.module, self.read, self.n_samples, self.device = module, read, n_samples, device
        self.encoder = InPrecision(module.encoder, DOUBLE)
        self.decoder = InPrecision(module.decoder, DOUBLE)
        self.head = in_precision(module.head, DOUBLE)
        self.codes = None if codes is None else torch.as_tensor(codes, dtype=torch.float64)

    def of_cells(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the loss of every cell, (n_samples, n_features)."""
        return self._map(self._losses, labels)

    def of_rows(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the sums over the cells of each row, (n_samples,)."""
        return self._map(lambda x, code, own: self._losses(x, code, own).sum(dim=1), labels)

    def by_class(self, n_classes: int) -> np.ndarray:
        """Return the loss of each row for each class it could be of, (n_samples, n_classes)."""

        def losses_of(
            x: torch.Tensor, code: torch.Tensor, own: torch.Tensor | None
        ) -> torch.Tensor:
            each = torch.arange(n_classes, device=code.device)
            losses = [self._losses(x, code, label.expand(len(code))) for label in each]
            return torch.stack([cells.sum(dim=1) for cells in losses], dim=1)

        return self._map(losses_of, None)

    def _losses(
        self, x: torch.Tensor, code: torch.Tensor, labels: torch.Tensor | None
    ) -> torch.Tensor:
        inputs = self.module.decoder_inputs(self.module.posterior.to_decoder(code), labels)
        return self.head.cell_losses(self.decoder(inputs), x)

    def _map(
        self,
        losses_of: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor],
        labels: np.ndarray | None,
    ) -> np.ndarray:
        """Return ``losses_of(x, code, labels)`` of all rows, in chunks."""
        own = None if labels is None else torch.as_tensor(labels)
        # Chunks are of indices: what is given for a row has to go with it.
        indices = np.arange(self.n_samples)

        def of_chunk(index: torch.Tensor) -> torch.Tensor:
            rows = slice(int(index[0]), int(index[-1]) + 1)
            x = as_tensor(self.read(rows)).to(self.device)
            if self.codes is None:
                code = self.module.encode(x, encoder=self.encoder)
            else:
                code = self.codes[rows].to(self.device)
            return losses_of(x, code, None if own is None else own[rows].to(self.device))

        networks = [self.encoder, self.decoder]
        return map_chunks(of_chunk, indices.__getitem__, self.n_samples, networks, self.device)
