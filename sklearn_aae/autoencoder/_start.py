"""Where the networks of a model start, and the defaults that depend on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._random import ModelStream, derive_seed
from sklearn_aae.autoencoder._parameters import LevelsDefaults, NumbersDefaults, defaults_for
from sklearn_aae.encoding import Reader
from sklearn_aae.networks import Components, principal_components, some_rows
from sklearn_aae.outputs import as_output
from sklearn_aae.priors import find_prior


class StartMixin:
    """What follows from ``init`` and whatever decides whether it applies; not public."""

    n_components: int
    prior: Any
    output: Any
    supervision: str | None
    encoder: Any
    decoder: Any
    init: str

    _reader: Reader
    _seed: int

    def _components(self, rows: np.ndarray) -> Components | None:
        """Return the principal components at which networks start; None for a random start."""
        if not self._starts_at_components:
            return None
        # Without the flags of missing cells.
        scaled = self._reader.scale.transform(rows[some_rows(*rows.shape)])[:, : rows.shape[1]]
        with np.errstate(over="ignore"):
            fits = np.isfinite(scaled.astype(np.float32)).all()
        if not fits:  # networks cannot read it either, which training says
            return None
        seed = derive_seed(self._seed, ModelStream.COMPONENTS)
        return principal_components(scaled, self.n_components, seed)

    @property
    def _starts_at_components(self) -> bool:
        """Whether networks start at principal components; where they cannot, it is at random."""
        return (
            self.init == "pca"
            and self.encoder is None
            and self.decoder is None
            and as_output(self.output, mixed=self._reader.is_mixed).predicts_rows
            and not find_prior(self.prior).has_support_transform
        )

    @property
    def _starts_near_prior(self) -> bool:
        return (
            self._starts_at_components
            and self.supervision is None
            and find_prior(self.prior).suits_channel
        )

    @property
    def _defaults(self) -> NumbersDefaults | LevelsDefaults:
        """What is set where the user leaves it open."""
        return defaults_for(self._reader, self.n_components, self._starts_near_prior)
