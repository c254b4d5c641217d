"""What a fitted model consists of, and what its codes explain."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_aae.priors import Prior
from sklearn_aae.training import AAENet


class PartsMixin:
    """The parts of the fitted net under names of their own; not public."""

    net_: AAENet

    @property
    def explained_ratio_(self) -> np.ndarray:
        """Share of the rows' variance that the first codes explain, by their number."""
        check_is_fitted(self)
        ratio = self.net_.explained_ratio_
        if ratio is None:
            raise AttributeError(
                "explained_ratio_ is there once training on numbers is over; outputs over "
                "categories have no variance."
            )
        return ratio

    @property
    def prior_(self) -> Prior:
        """The prior as an object, as it was fitted."""
        result: Prior = self.net_.module_.prior
        return result

    @property
    def encoder_(self) -> nn.Module:
        """The fitted encoder."""
        result: nn.Module = self.net_.module_.encoder
        return result

    @property
    def decoder_(self) -> nn.Module:
        """The fitted decoder."""
        result: nn.Module = self.net_.module_.decoder
        return result

    @property
    def discriminator_(self) -> nn.Module:
        """The fitted discriminator."""
        result: nn.Module = self.net_.module_.discriminator
        return result
