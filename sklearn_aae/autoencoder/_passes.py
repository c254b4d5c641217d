"""Forward passes of a fitted model: codes of rows, rows of codes, losses of cells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from sklearn_aae._utils._bases import BaseEstimator
from sklearn_aae._utils._random import as_numpy
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._unknown import settle
from sklearn_aae.encoding import NumbersReader, Reader
from sklearn_aae.training import (
    AAENet,
    InPrecision,
    RowLosses,
    encode,
    in_precision,
    is_known,
    map_chunks,
)

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE


class PassesMixin(BaseEstimator):
    """What a model does with rows and codes once they are checked."""

    _reader: Reader
    classes_: np.ndarray
    net_: AAENet

    @property
    def device_(self) -> torch.device:
        """Where the networks are: the CPU, after loading on a machine without CUDA."""
        return torch.device(self.net_.device)

    def _scaled(self, X: np.ndarray, dtype: np.dtype) -> Callable[[slice], np.ndarray]:
        return lambda rows: self._reader.scale.transform(X[rows], dtype)

    def _encode(self, X: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
        """Return the codes of checked rows: in their precision, of levels in float32."""
        X = settle(cast("BaseAAE", self), X)
        dtype = self._reader.code_dtype(X) if dtype is None else dtype
        with self._repeatable():
            return encode(self.net_.module_, self._scaled(X, dtype), len(X), self.device_, dtype)

    def _decode(
        self,
        Z: np.ndarray,
        dtype: np.dtype,
        generator: torch.Generator | None = None,
        *,
        in_decoder_space: bool = False,
        labels: np.ndarray | None = None,
        fill: bool = False,
        as_columns: bool = False,
    ) -> np.ndarray:
        """Return rows for codes: the mean, or drawn if a generator is given.

        Codes ``in_decoder_space`` lie where the decoder expects them, as draws of the prior
        do; others are what ``transform`` gives.  ``labels`` are for decoders that read them.
        With ``fill`` no number is missing.  With ``as_columns`` what is drawn is distributed
        as the training rows' columns are, where the model has learned that.
        """
        module = self.net_.module_
        decoder = InPrecision(module.decoder, Z.dtype)
        head = in_precision(module.head, Z.dtype)
        k = Z.shape[1]
        marginals = self.net_.marginals_ if as_columns else None
        n_codes = module.n_components
        own = None
        if generator is not None and marginals is not None and marginals.residuals is not None:
            own = as_numpy(generator)
        if labels is not None:
            levels = np.eye(module.conditioning.width, dtype=Z.dtype)
            Z = np.hstack([Z, levels[labels]])

        def rows_of(z: torch.Tensor) -> torch.Tensor:
            if not in_decoder_space:
                code = module.posterior.to_decoder(z[:, :k])
                z = code if labels is None else torch.cat([code, z[:, k:]], dim=1)
            params = decoder(z)
            if generator is None:
                result: torch.Tensor = head.mean(params)
                return result
            if own is not None:
                # The codes go along: what the means leave open depends on them.
                return torch.cat([head.draw_flags(params, generator), z[:, :n_codes]], dim=1)
            result = head.draw(params, generator)
            return result

        def finish(rows: np.ndarray) -> np.ndarray:
            reader = self._reader
            if marginals is None:
                return reader.scale.inverse_transform(rows, dtype, fill=fill)
            assert isinstance(reader, NumbersReader)
            numbers = rows[:, : reader.n_columns]
            if own is not None:
                rows, codes = rows[:, :-n_codes], rows[:, -n_codes:]
                means = reader.scale.inverse_transform(rows, np.float64, fill=True)
                numbers = marginals.draw(means, codes, own)
            return reader.scale.with_gaps(marginals.apply(numbers), rows).astype(dtype, copy=False)

        with self._repeatable(drawn=generator is not None):
            return map_chunks(
                rows_of,
                lambda part: Z[part],
                len(Z),
                [decoder],
                self.device_,
                finish,
                alike=generator is None,
            )

    def _repeatable(self, *, drawn: bool = False) -> AbstractContextManager[None]:
        """Cap threads where heads over levels would give other last bits with more.

        Chunks of rows that are not drawn have one thread each, but for a user's own networks.
        """
        apart = not drawn and is_known(self.net_.module_)
        return torch_threads(1 if self._reader.is_mixed and not apart else None)

    def _cell_losses(
        self,
        X: np.ndarray,
        *,
        sums: bool = False,
        codes: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the loss of every cell of checked rows, or their sums, in float64.

        Unknown cells cost nothing.  Given the rows' own codes, or ``codes`` in their place.
        A decoder that reads labels gets ``labels``, and where there is none the row's likeliest.
        """
        labels = self._likeliest(X, labels, codes)
        losses = self._row_losses(X, codes)
        with self._repeatable():
            return losses.of_rows(labels) if sums else losses.of_cells(labels)

    def _likeliest(
        self, X: np.ndarray, labels: np.ndarray | None = None, codes: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Return labels where those without one have the class that explains the row best.

        None if the decoder reads no labels.
        """
        if not self.net_.module_.decodes_labels:
            return None
        if labels is not None and (labels >= 0).all():
            return labels
        with self._repeatable():
            best = self._row_losses(X, codes).by_class(len(self.classes_)).argmin(axis=1)
        return best if labels is None else np.where(labels < 0, best, labels)

    def _row_losses(self, X: np.ndarray, codes: np.ndarray | None) -> RowLosses:
        read = self._scaled(settle(cast("BaseAAE", self), X), np.dtype(np.float64))
        unknown = self._reader.unknown(X)
        return RowLosses(self.net_.module_, read, len(X), self.device_, codes, unknown)
