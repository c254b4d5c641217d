"""How a detector's ensemble comes about: training, trimming, references, scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.stats import median_abs_deviation

from sklearn_aae._utils._blocks import BLOCK, block_size
from sklearn_aae._utils._random import EnsembleStream, derive_seed, make_generator
from sklearn_aae.detection._calibration import LEAST_ROWS
from sklearn_aae.detection._evidence import EnsembleEvidence, gather_columns, log_beyond
from sklearn_aae.detection._levels import LevelCosts
from sklearn_aae.detection._marginals import GridMarginals
from sklearn_aae.detection._protocols import Marginals, MemberNetworks
from sklearn_aae.detection._references import References, subsample_knn_distance
from sklearn_aae.detection._single import DrawnMarginals, SingleMember
from sklearn_aae.detection.ensemble import (
    AutoregressiveEnsemble,
    Ensemble,
    EnsemblePlan,
    EnsembleSettings,
    EnsembleTrainer,
    Excerpt,
    choose_columns,
    gather_rows,
    member_rows,
)
from sklearn_aae.detection.scores import AUTOREGRESSION, DENSITY, usual_farthest
from sklearn_aae.encoding import FAR
from sklearn_aae.networks import AAEModule
from sklearn_aae.training import Part

#: Each member trains on a random choice of this share of the rows.
ROW_SHARE = 0.5
#: After this share of the steps, outlying rows are left out of training.
TRIM_AFTER = 0.3
#: Rows farther than this many robust standard deviations above the median are outlying.
TRIM_BEYOND = 1.5
#: Rows that tell whether a row is outlying.
SUBSAMPLE = 32
#: References that are stored for each member: of the inliers, of all rows, and of all rows where
#: these are clean.
CORE, NEAREST, CLEAN_NEAREST = 64, 1024, 2048
#: How many of the nearest of these a distance is averaged over.
N_NEIGHBOURS = 5
#: Training rows that tell how far cells are from what is expected there.
SAMPLE = 1000
#: What one chunk of evidence may take.
CHUNK_CELLS = 2**19
#: What rows that are scored at once may take: more would leave the processor's cache.
SCORED_CELLS = 2**18
#: Rows that are scored at once, at most, where it must be one number: a single row takes as long.
MOST_BLOCK_ROWS = 192


@dataclass
class FittedModel:
    """Trained networks with what scores need besides: marginals and references.

    Attributes
    ----------
    networks : Ensemble or SingleMember
        The networks, float32.
    marginals : GridMarginals or DrawnMarginals
        Densities of columns by themselves.
    references : dict of str to References
        Stored rows.
    sample : ndarray of shape (n_sample, n_features)
        Some of the training rows, for intervals of what is expected.
    inliers : ndarray of bool
        The training rows that are not outlying.
    losses : dict of str to ndarray of shape (n_steps,)
        Losses of the phases; empty if they were not trained here.
    autoregressive : AutoregressiveEnsemble or None
        Networks of the autoregressive likelihood, if it was asked for.
    """

    networks: MemberNetworks
    marginals: Marginals
    references: dict[str, References]
    sample: np.ndarray
    inliers: np.ndarray
    #: How much wider intervals of columns are than those of the densities, once it is known.
    margins: dict[int, tuple[float, float]] = field(default_factory=dict)
    losses: dict[str, np.ndarray] = field(default_factory=dict)
    autoregressive: AutoregressiveEnsemble | None = None
    #: The features of columns of many levels.
    blocks: Sequence[np.ndarray] = ()
    #: Bounds of what levels cost, once they are known.
    level_costs: LevelCosts | None = None

    def evidence(self, rows: np.ndarray) -> EnsembleEvidence:
        """Return what the model says about rows on the networks' scale."""
        networks = self.networks.to_score()
        x = torch.from_numpy(rows).to(networks.code_mask)
        other = None if self.autoregressive is None else self.autoregressive.in_float64()
        found = EnsembleEvidence(networks, x, self.marginals, self.references, other)
        found.blocks, found.level_costs = self.blocks, self.level_costs
        return found

    @property
    def n_features(self) -> int:
        """Number of features of a row."""
        result: int = self.sample.shape[1]
        return result

    @property
    def provides(self) -> set[str]:
        """What there is of all that a score may need."""
        found = {DENSITY} if self.networks.has_prior_density else set()
        return found if self.autoregressive is None else {*found, AUTOREGRESSION}

    def chunk_rows(self) -> int:
        """Return how many rows make a good chunk."""
        m, d = self.networks.columns.shape
        return max(32, CHUNK_CELLS // (m * (d + 128)))

    def block_rows(self) -> tuple[int, int]:
        """Return how many rows are scored at once: a multiple of the first, at most the second."""
        if self.networks.in_blocks and self.autoregressive is None:
            m, d = self.networks.columns.shape
            return BLOCK, block_size(SCORED_CELLS // (m * (d + 16)))
        size = block_size(min(MOST_BLOCK_ROWS, self.chunk_rows()))
        return size, size


@torch.no_grad()
def fit_ensemble(
    rows: np.ndarray,
    seed: int,
    settings: EnsembleSettings,
    plan: EnsemblePlan,
    *,
    device: str | torch.device = "cpu",
    trimming: bool = True,
    watch: Callable[[EnsembleTrainer], bool] | None = None,
    saved: Part | None = None,
) -> FittedModel:
    """Train an ensemble on rows on the networks' scale, some of which may be anomalies.

    With ``trimming``, outlying rows are left out after a part of the training and of what is
    stored.  ``watch`` is called with the trainer every few steps; training stops if it returns
    True.  ``saved`` is where the training's state is kept, and what it goes on from.
    """
    X = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    m, d = settings.n_members, rows.shape[1]
    columns = choose_columns(m, d, settings.max_columns, derive_seed(seed, EnsembleStream.COLUMNS))
    ensemble = Ensemble(settings, columns, derive_seed(seed, EnsembleStream.WEIGHTS)).to(device)
    own = member_rows(m, len(X), ROW_SHARE, derive_seed(seed, EnsembleStream.ROWS))
    trainer = EnsembleTrainer(
        ensemble, X, own, plan, derive_seed(seed, EnsembleStream.TRAINING), watch, saved
    )
    trimmer = None
    if trimming:
        trimmer = Trimmer(X, derive_seed(seed, EnsembleStream.TRIMMING), plan.excerpt)
        _trim(ensemble, trainer, trimmer)
    trainer.run(plan.n_steps)
    trainer.finish()
    generator = make_generator(derive_seed(seed, EnsembleStream.PRIOR), device)
    model = surround(ensemble, X, GridMarginals(ensemble, generator), trimmer, seed)
    losses = torch.stack(trainer.losses, dim=1).cpu().numpy()
    model.losses = {f"{n}_loss": own for n, own in zip(trainer.optimizers, losses, strict=True)}
    return model


def _trim(ensemble: Ensemble, trainer: EnsembleTrainer, trimmer: Trimmer) -> None:
    """Train until outlying rows are left out, or longer if an earlier call has."""
    trim_at = max(1, round(TRIM_AFTER * trainer.plan.n_steps))
    if trainer.step == 0:
        # At first members are principal components: what is outlying there tells how much.
        trainer.freeze_codes()
        trainer.leave_out(trimmer.inliers(ensemble))
    if trainer.step <= trim_at:
        trimmer.n_calls = 1
        trainer.run(trim_at)
        trainer.freeze_codes()
        trainer.keep(trimmer.inliers(ensemble))
    trimmer.n_calls = 2


@torch.no_grad()
def fit_autoregressive(
    model: FittedModel,
    rows: np.ndarray,
    seed: int,
    settings: EnsembleSettings,
    plan: EnsemblePlan,
    *,
    watch: Callable[[EnsembleTrainer], bool] | None = None,
    saved: Part | None = None,
) -> AutoregressiveEnsemble:
    """Train networks for the autoregressive likelihood beside an ensemble, on its inliers.

    Members see the columns that the ensemble's see.  Of every batch as large a share is left
    out as there are outlying rows.
    """
    seed = derive_seed(seed, EnsembleStream.AUTOREGRESSIVE)
    columns = model.networks.columns
    inliers = model.inliers if model.inliers.sum() >= 2 else np.ones_like(model.inliers)
    X = torch.from_numpy(rows[inliers]).to(columns.device)
    networks = AutoregressiveEnsemble(
        settings, columns.cpu().numpy(), derive_seed(seed, EnsembleStream.WEIGHTS)
    )
    networks = networks.to(columns.device)
    own = member_rows(networks.n_members, len(X), ROW_SHARE, derive_seed(seed, EnsembleStream.ROWS))
    trainer = EnsembleTrainer(
        networks, X, own, plan, derive_seed(seed, EnsembleStream.TRAINING), watch, saved
    )
    trainer.leave_out(inliers)
    trainer.run(plan.n_steps)
    trainer.finish()
    return networks


@torch.no_grad()
def from_fitted(
    rows: np.ndarray,
    seed: int,
    module: AAEModule,
    *,
    trimming: bool = True,
    excerpt: Excerpt | None = None,
) -> FittedModel:
    """Surround a model that is fitted already with marginals and references."""
    member = SingleMember(module)
    device = member.columns.device
    X = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    _check_finite(member, X[:SAMPLE])
    marginals = DrawnMarginals(
        member, make_generator(derive_seed(seed, EnsembleStream.PRIOR), device)
    )
    trimmer = None
    if trimming:
        trimmer = Trimmer(X, derive_seed(seed, EnsembleStream.TRIMMING), excerpt)
    model = surround(member, X, marginals, trimmer, seed)
    member.residuals = model.references["core"].residuals().double()
    return model


def _check_finite(member: SingleMember, X: torch.Tensor) -> None:
    """Raise if a model that was given makes NaN of rows that it was fitted to."""
    expected = member.decode(member.encode(gather_columns(X, member.columns))).mean()
    if not torch.isfinite(expected).all():
        raise ValueError(
            "estimator makes NaN or infinite cells of the rows that it was fitted to, so that it "
            "has no scores for them: look at the networks that you gave it, or lower its lr."
        )


def surround(
    networks: MemberNetworks,
    X: torch.Tensor,
    marginals: Marginals,
    trimmer: Trimmer | None,
    seed: int,
) -> FittedModel:
    """Return networks with what scores need besides; without a trimmer rows are clean."""
    inliers = np.ones(len(X), dtype=bool) if trimmer is None else trimmer.inliers(networks)
    stored = _store(
        networks, X, inliers, derive_seed(seed, EnsembleStream.STORED), clean=trimmer is None
    )
    rng = np.random.default_rng(derive_seed(seed, EnsembleStream.SAMPLE))
    sample = X[rng.permutation(len(X))[:SAMPLE]].cpu().numpy()
    return FittedModel(networks, marginals, stored, sample, inliers)


def usual_rows(
    inliers: np.ndarray, rows: np.ndarray, n_rows: int, *, has_levels: bool
) -> np.ndarray:
    """Return the positions of rows, of a table of ``n_rows``, that scores take their scales from.

    These are inliers.  Where so few rows share a label, chance decides which labels are outlying,
    and a detector of all rows and those of its folds would have other scales for that: there the
    outlying rows take part, too, but for those with a far cell.
    """
    if has_levels and n_rows < LEAST_ROWS:
        inliers = inliers | (np.abs(rows) <= FAR).all(axis=1)
    return np.flatnonzero(inliers)


class Trimmer:
    """Tells outlying rows by their mean k-NN distance to a subsample of the other rows.

    It is so small that hardly any of a group of anomalies is in it: among many references a row
    of such a group has near neighbours, among few it has none.

    Which rows these are decides whether some group of rows is left out.  So of an excerpt of a
    table they are those of the whole table, as far as it has them: detectors of most of the rows
    judge like that of all.
    """

    def __init__(self, X: torch.Tensor, seed: int, excerpt: Excerpt | None = None) -> None:
        self.X, self.seed = X, seed
        self.excerpt = excerpt or Excerpt(np.arange(len(X)), len(X))
        self.n_calls = 0

    def inliers(self, networks: MemberNetworks) -> np.ndarray:
        """Return the inlier mask (n_rows, bool)."""
        rng = np.random.default_rng(derive_seed(self.seed, self.n_calls))
        self.n_calls += 1
        chosen = np.stack([self._subsample(rng) for _ in range(networks.n_members)])
        x = gather_columns(self.X, networks.columns)
        expected = networks.decode(networks.encode(x)).mean()
        index = torch.from_numpy(chosen).to(self.X.device)
        return not_far_above(subsample_knn_distance(x, expected, index, N_NEIGHBOURS))

    def _subsample(self, rng: np.random.Generator) -> np.ndarray:
        """Return positions of rows that others are compared with."""
        positions, n_rows = self.excerpt
        n = len(positions)
        size = _subsample_size(n)
        drawn = rng.choice(n_rows, _subsample_size(n_rows), replace=False)
        here = np.searchsorted(positions, drawn[np.isin(drawn, positions)])[:size]
        others = np.setdiff1d(np.arange(n), here)
        return np.concatenate([here, rng.choice(others, size - len(here), replace=False)])


def _subsample_size(n_rows: int) -> int:
    return min(SUBSAMPLE, max(2, n_rows // 2))


def not_far_above(distance: np.ndarray) -> np.ndarray:
    """Return which values do not lie far above the median, robustly measured."""
    deviation = median_abs_deviation(distance, scale="normal")
    if deviation == 0:  # most rows are one and the same
        deviation = distance.std()
    result: np.ndarray = distance <= np.median(distance) + TRIM_BEYOND * deviation
    return result


def _store(
    networks: MemberNetworks, X: torch.Tensor, inliers: np.ndarray, seed: int, *, clean: bool
) -> dict[str, References]:
    """Return each member's references: a few of the inliers, and many of all rows."""
    rng = np.random.default_rng(seed)
    all_rows, inner_rows = np.arange(len(X)), np.flatnonzero(inliers)
    if len(inner_rows) < 2:
        inner_rows = all_rows
    choices = {
        "core": (inner_rows, min(CORE, max(2, len(inner_rows) // 2))),
        "nearest": (all_rows, min(CLEAN_NEAREST if clean else NEAREST, len(X))),
    }
    # New rows with a gross value must not be near to stored ones that have one, too.
    limit = (
        math.inf if clean else usual_limit(networks, X[torch.from_numpy(inner_rows).to(X.device)])
    )
    stored = {}
    for name, (rows, size) in choices.items():
        index = np.stack([rng.choice(rows, size, replace=False) for _ in range(networks.n_members)])
        x = gather_rows(X, index, networks.columns)
        expected = networks.decode(networks.encode(x)).mean()
        x = torch.where(x.abs() > limit, expected.to(x), x)
        stored[name] = References(x, expected, N_NEIGHBOURS, of_means=name == "nearest")
    return stored


def usual_limit(networks: MemberNetworks, X: torch.Tensor) -> float:
    """Return how far cells of normal rows are away at most, but for gross values."""
    farthest = X.abs().amax(dim=1).cpu().numpy().astype(np.float64)
    return networks.farthest * math.exp(usual_farthest(log_beyond(farthest, networks.farthest)))
