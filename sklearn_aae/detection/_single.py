"""A fitted AdversarialAutoencoder as an ensemble of one member."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_aae._utils._random import make_generator
from sklearn_aae.autoencoder._base import BaseAAE
from sklearn_aae.detection.ensemble import MOST
from sklearn_aae.detection.ensemble._stored import StoredByTorch
from sklearn_aae.detection.scores import AUTOREGRESSION, SCORES
from sklearn_aae.encoding import NumbersReader
from sklearn_aae.exceptions import NotFittedError, UnsupportedColumnsError
from sklearn_aae.networks import AAEModule
from sklearn_aae.outputs import Head
from sklearn_aae.training import InPrecision, in_precision

#: Prior draws that a column's density is averaged over, and rows at a time.
N_DRAWS, ROWS_AT_ONCE = 64, 64
#: The 95 % quantile of the standard normal distribution.
NORMAL_TAIL = 1.645
#: What stands for minus the logarithm of a density of 0, in nats: scores are finite.
IMPOSSIBLE = 1e9
#: What to do about a table that a model of numbers cannot read.
ADVICE = " Leave out estimator in fit: the detector's own networks read tables of any kind."
#: Draws that modes' centres are found by, all in all, and their seed.
MODE_DRAWS, MODE_SEED = 2**16, 0


def check_estimator(estimator: object, kind: str) -> None:
    """Raise unless a detector's ``estimator`` is None or a model that it can use for ``kind``."""
    inner = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if inner is not None and not isinstance(inner, BaseAAE):
        raise TypeError(
            "estimator must be an AdversarialAutoencoder or FrozenEstimator of a fitted "
            f"one; got {estimator!r}."
        )
    supervision = getattr(inner, "supervision", None)
    if supervision is not None:
        raise ValueError(
            f"estimator has supervision={supervision!r}, so its networks read labels, and a "
            "detector has none: pass a model with supervision=None."
        )
    if inner is not estimator and not hasattr(inner, "net_"):
        raise NotFittedError(
            f"estimator=FrozenEstimator({inner}) is not fitted; fit the model first, or "
            "pass it without FrozenEstimator to have it fitted here."
        )
    if estimator is not None and SCORES[kind]().needs == AUTOREGRESSION:
        raise ValueError(
            f"kind={kind!r} needs networks of its own, which estimator takes the place of. "
            "Leave estimator out, or choose another kind."
        )


@contextmanager
def advice_on_columns(detector: Any) -> Iterator[None]:
    """Let an error about columns that a detector's ``estimator`` cannot read say what to do."""
    try:
        yield
    except UnsupportedColumnsError as error:
        if detector.estimator is None:
            raise
        raise UnsupportedColumnsError(
            f"estimator={detector.estimator} reads numbers, and these columns are of another kind: "
            f"{', '.join(map(repr, error.columns))}.{ADVICE}",
            error.columns,
        ) from None


def read_as_estimator(
    detector: Any, rows: np.ndarray, training: np.ndarray, seed: int, context: Any
) -> tuple[NumbersReader, Any]:
    """Return the reader of a detector's estimator, and the estimator itself, fitted.

    Callbacks of ``context``, that of the detector's fit, watch over the estimator's.  With
    checkpoints it has some, too, and a seed that another call finds again.

    Raises
    ------
    ValueError
        If it was fitted on another number of columns, or reads levels instead of numbers.
    """
    estimator = detector.estimator
    frozen = isinstance(estimator, FrozenEstimator)
    fitted = estimator.estimator if frozen else clone(estimator)
    given = {name: getattr(fitted, name) for name in ("checkpoint", "random_state")}
    if not frozen and detector.checkpoint is not None:
        resumable = {"checkpoint": detector.checkpoint, "random_state": seed % 2**31}
        fitted.set_params(**{k: v for k, v in resumable.items() if given[k] is None})
    if not frozen:
        task = context.subcontext(task_name="estimator")
        # The caller wants no gradients, but training may.
        with torch.enable_grad(), task.propagate_callback_context(fitted):
            task.call_on_fit_task_begin(estimator=fitted, X=rows[training])
            fitted.fit(rows[training])
            task.call_on_fit_task_end(estimator=fitted, X=rows[training])
        fitted.set_params(**given)
    if fitted.n_features_in_ != rows.shape[1]:
        raise ValueError(
            f"X has {rows.shape[1]} columns, but estimator was fitted on {fitted.n_features_in_}."
        )
    if fitted._reader.is_mixed:
        raise ValueError(
            f"estimator={fitted} reads a table as levels, and scores need numbers. Use a model "
            'with output="gaussian" or "bernoulli", or leave estimator out.'
        )
    reader = copy.copy(fitted._reader)
    reader.refuse_missing, reader.advice = True, ADVICE
    if reader.scale.holed_.any():
        raise ValueError(
            f"estimator={fitted} was fitted to a table with missing cells, and scores need numbers "
            f"throughout.{ADVICE}"
        )
    return reader, fitted


class HeadDensities:
    """What an output head says about cells; its losses stand for minus log densities."""

    def __init__(
        self, head: Head, params: torch.Tensor, residuals: torch.Tensor | None = None
    ) -> None:
        self.head, self.params, self.residuals = head, params, residuals

    def mean(self) -> torch.Tensor:
        """Return the expected rows (1, n, n_features)."""
        return self.head.mean(self.params).unsqueeze(0)

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the losses of cells (1, n, n_features)."""
        return -self.head.cell_losses(self.params, x[0]).unsqueeze(0)

    def interval(self, index: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        """Return the mean (3, n) of the column ``index`` (1, n), and what residuals add to it."""
        assert self.residuals is not None
        mean = self.mean()[0].gather(1, index.T).squeeze(1).clamp(-MOST, MOST)
        half = NORMAL_TAIL * self.residuals[index[0]]
        return torch.stack([mean, mean - half, mean + half])


class SingleMember(StoredByTorch):
    """The networks of one model, with the members' axis that scores expect.

    Parameters
    ----------
    module : AAEModule
        The networks.
    dtype : dtype, default=numpy.float32
        Precision of the forward passes.
    original : SingleMember or None, default=None
        The same in float32, which keeps what is the same in either precision.
    """

    n_members = 1
    in_blocks = False
    farthest = math.inf

    def __init__(
        self,
        module: AAEModule,
        dtype: type[np.floating] = np.float32,
        original: SingleMember | None = None,
    ) -> None:
        self.module, self.original = module, original
        #: Root mean squared residuals of columns, once there are stored rows to take them from.
        self.residuals: torch.Tensor | None = None if original is None else original.residuals
        precision = np.dtype(dtype)
        self._encoder = InPrecision(module.encoder, precision)
        self._decoder = InPrecision(module.decoder, precision)
        self._discriminator = InPrecision(module.discriminator, precision)
        self.head = in_precision(module.head, precision)
        device = next(module.decoder.parameters()).device
        kind = torch.float64 if dtype == np.float64 else torch.float32
        code = torch.zeros(1, module.n_components, device=device, dtype=kind)
        n_features = int(self.head.mean(self._decoder(code)).shape[1])
        self.columns = torch.arange(n_features, device=device).unsqueeze(0)
        self.code_mask = torch.ones_like(code).unsqueeze(0)

    def to_score(self) -> SingleMember:
        """Return the same in float64."""
        return SingleMember(self.module, np.float64, self)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return codes (1, n, n_components) of rows (1, n, n_features)."""
        return self.module.encode(x[0], encoder=self._encoder).unsqueeze(0)

    def decode(self, z: torch.Tensor) -> HeadDensities:
        """Return what the head says for rows' codes (1, n, n_components)."""
        return self.decode_drawn(self.module.posterior.to_decoder(z))

    def decode_drawn(self, z: torch.Tensor) -> HeadDensities:
        """Return what the head says for codes as the prior draws them."""
        return HeadDensities(self.head, self._decoder(z[0]), self.residuals)

    def discriminator(self, z: torch.Tensor) -> torch.Tensor:
        """Return logits (1, n, 1) of codes."""
        return self._discriminator(z[0]).unsqueeze(0)

    def prior_losses(self, z: torch.Tensor) -> torch.Tensor:
        """Return minus log prior density (1, n) of codes."""
        return -self.module.prior.log_prob(z[0]).clamp(min=-IMPOSSIBLE).unsqueeze(0)

    @property
    def has_prior_density(self) -> bool:
        """Whether the prior has a density where codes are."""
        prior = self.module.prior
        try:
            prior.log_prob(self.code_mask[0])
        except ValueError:  # it can be drawn from only
            return False
        # Codes come close to corners, which have all the probability, and never reach them.
        return not prior.has_support_transform

    def mode_distances(self, z: torch.Tensor) -> torch.Tensor:
        """Return the distance (1, n) of codes to the centre of the prior's nearest mode."""
        centres = self.mode_centres.to(z)
        return torch.cdist(z[0], centres).min(dim=1).values.unsqueeze(0)

    @cached_property
    def mode_centres(self) -> torch.Tensor:
        """Medians of each mode's draws, or of all if modes cannot be told apart.

        Shape (n_modes, n_components).  Draws are all that every prior has; a median,
        because the mean of draws with heavy tails is anywhere.
        """
        if self.original is not None:
            return self.original.mode_centres
        prior, k = self.module.prior, self.module.n_components
        generator = make_generator(MODE_SEED)
        n_modes = prior.count_modes(k)
        if not n_modes:
            return prior.sample(MODE_DRAWS, k, generator).median(dim=0, keepdim=True).values
        each = max(N_DRAWS, MODE_DRAWS // n_modes)
        modes = torch.arange(n_modes).repeat_interleave(each)
        draws = prior.sample_modes(modes, k, generator).view(n_modes, each, k)
        return draws.median(dim=1).values


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
        draws = member.module.prior.sample(N_DRAWS, k, generator).to(member.code_mask)
        self.draws = draws.cpu().numpy()

    def losses(self, x: torch.Tensor) -> torch.Tensor:
        """Return minus the log density of cells (1, n, n_features)."""
        member = self.member.to_score() if x.dtype == torch.float64 else self.member
        params = member.decode_drawn(torch.from_numpy(self.draws).to(x).unsqueeze(0)).params
        blocks = torch.split(x[0], ROWS_AT_ONCE)
        parts = [self._block(member.head, params, block) for block in blocks]
        return torch.cat(parts).unsqueeze(0)

    @staticmethod
    def _block(head: Head, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        n = len(x)
        rows = x.repeat_interleave(N_DRAWS, dim=0)
        losses = head.cell_losses(params.repeat(n, 1), rows).view(n, N_DRAWS, -1)
        return math.log(N_DRAWS) - (-losses).logsumexp(dim=1)
