"""A fitted AdversarialAutoencoder as an ensemble of one member."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_aae._base import BaseAAE
from sklearn_aae._random import make_generator
from sklearn_aae.detection._rows import FrozenReader
from sklearn_aae.exceptions import NotFittedError
from sklearn_aae.training import in_precision

#: Prior draws that a column's density is averaged over, and rows at a time.
N_DRAWS, ROWS_AT_ONCE = 64, 64
#: Prior draws that the centre of a mode is the mean of.
DRAWS_OF_MODE = 4096


def check_estimator(estimator: Any) -> None:
    """Raise unless a detector's ``estimator`` is None or a model, fitted if it is frozen.

    Raises
    ------
    TypeError
        If it is of another kind.
    NotFittedError
        If it is frozen and not fitted.
    """
    inner = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if inner is not None and not isinstance(inner, BaseAAE):
        raise TypeError(
            "estimator must be an AdversarialAutoencoder or FrozenEstimator of a fitted "
            f"one; got {estimator!r}."
        )
    if inner is not estimator and not hasattr(inner, "net_"):
        raise NotFittedError(
            f"estimator=FrozenEstimator({inner}) is not fitted; fit the model first, or "
            "pass it without FrozenEstimator to have it fitted here."
        )


def read_as_estimator(
    estimator: Any, rows: np.ndarray, training: np.ndarray
) -> tuple[FrozenReader, Any]:
    """Return the reader of a detector's estimator, and the estimator itself, fitted.

    Raises
    ------
    ValueError
        If it was fitted on another number of columns.
    """
    frozen = isinstance(estimator, FrozenEstimator)
    fitted = estimator.estimator if frozen else clone(estimator).fit(rows[training])
    if fitted.n_features_in_ != rows.shape[1]:
        raise ValueError(
            f"X has {rows.shape[1]} columns, but estimator was fitted on {fitted.n_features_in_}."
        )
    return FrozenReader(fitted), fitted


class HeadDensities:
    """What the decoder's head says about cells; its losses stand for minus log densities."""

    def __init__(self, head: Any, params: torch.Tensor) -> None:
        self.head, self.params = head, params

    def mean(self) -> torch.Tensor:
        """Return the expected rows (1, n, n_features)."""
        return self.head.mean(self.params).unsqueeze(0)

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the losses of cells (1, n, n_features)."""
        return -self.head.cell_losses(self.params, x[0]).unsqueeze(0)


class SingleMember:
    """The networks of one model, with the members' axis that scores expect.

    Parameters
    ----------
    module : AAEModule
        The networks.
    dtype : dtype, default=numpy.float32
        Precision of the forward passes.
    """

    n_members = 1

    def __init__(self, module: Any, dtype: Any = np.float32) -> None:
        self.module = module
        parts = (module.encoder, module.decoder, module.discriminator, module.head)
        dtype = np.dtype(dtype)
        encoder, decoder, critic, self.head = (in_precision(part, dtype) for part in parts)
        self._encoder, self._decoder, self._critic = encoder, decoder, critic
        device = next(module.decoder.parameters()).device
        n_features = int(self.head.mean(decoder(self._zeros(module, device, dtype))).shape[1])
        self.columns = torch.arange(n_features, device=device).unsqueeze(0)
        self.code_mask = self._zeros(module, device, dtype).add(1).unsqueeze(0)

    @staticmethod
    def _zeros(module: Any, device: torch.device, dtype: np.dtype) -> torch.Tensor:
        kind = torch.float64 if dtype == np.float64 else torch.float32
        return torch.zeros(1, module.n_components, device=device, dtype=kind)

    def in_float64(self) -> SingleMember:
        """Return the same in float64."""
        return SingleMember(self.module, np.float64)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return codes (1, n, n_components) of rows (1, n, n_features)."""
        return self.module.posterior.mode(self._encoder(x[0])).unsqueeze(0)

    def decode(self, z: torch.Tensor) -> HeadDensities:
        """Return what the head says for codes (1, n, n_components)."""
        return HeadDensities(self.head, self._decoder(z[0]))

    def discriminator(self, z: torch.Tensor) -> torch.Tensor:
        """Return logits (1, n, 1) of codes."""
        return self._critic(z[0]).unsqueeze(0)

    def prior_losses(self, z: torch.Tensor) -> torch.Tensor:
        """Return minus log prior density (1, n) of codes.

        Raises
        ------
        ValueError
            If the prior can be drawn from only.
        """
        prior = self.module.prior
        try:
            return -prior.log_prob(z[0]).unsqueeze(0)
        except ValueError as error:
            raise ValueError(
                f'kind="latent" needs a prior with a density; {type(prior).__name__} can be '
                "drawn from only. Choose another kind."
            ) from error

    def mode_distances(self, z: torch.Tensor) -> torch.Tensor:
        """Return the distance (1, n) of codes to the prior's nearest mode.

        A prior without modes to tell apart has one, at the origin.
        """
        prior, k = self.module.prior, self.module.n_components
        n_modes = prior.count_modes(k)
        if n_modes == 0:
            return torch.linalg.vector_norm(z, dim=2)
        modes = torch.arange(n_modes).repeat_interleave(DRAWS_OF_MODE)
        draws = prior.sample_modes(modes, k, make_generator(0))
        centres = draws.view(n_modes, DRAWS_OF_MODE, k).mean(dim=1).to(z)
        return torch.cdist(z[0], centres).min(dim=1).values.unsqueeze(0)


class DrawnMarginals:
    """Densities of columns by themselves, averaged over prior draws where they are asked for.

    Parameters
    ----------
    member : SingleMember
        The networks.
    generator : torch.Generator
        Draws from the prior.
    """

    def __init__(self, member: SingleMember, generator: torch.Generator) -> None:
        k = member.module.n_components
        self.member = member
        self.draws = member.module.prior.sample(N_DRAWS, k, generator).to(member.code_mask)

    def losses(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the log density of cells (1, n, n_features)."""
        member = self.member.in_float64() if x.dtype == torch.float64 else self.member
        params = member.decode(self.draws.to(x).unsqueeze(0)).params
        parts = [self._block(member.head, params, block) for block in x[0].split(ROWS_AT_ONCE)]
        return torch.cat(parts).unsqueeze(0)

    @staticmethod
    def _block(head: Any, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        n = len(x)
        rows = x.repeat_interleave(N_DRAWS, dim=0)
        losses = head.cell_losses(params.repeat(n, 1), rows).view(n, N_DRAWS, -1)
        return math.log(N_DRAWS) - (-losses).logsumexp(dim=1)
