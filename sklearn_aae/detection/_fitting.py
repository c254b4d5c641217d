"""How a detector's ensemble comes about: training, trimming, references, scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sklearn_aae._utils._random import EnsembleStream, derive_seed, make_generator
from sklearn_aae.detection._evidence import EnsembleEvidence, gather_columns
from sklearn_aae.detection._marginals import Marginals
from sklearn_aae.detection._references import References, crowding
from sklearn_aae.detection._single import DrawnMarginals, SingleMember
from sklearn_aae.detection.ensemble import (
    AutoregressiveEnsemble,
    Ensemble,
    EnsemblePlan,
    EnsembleSettings,
    EnsembleTrainer,
    choose_columns,
    member_rows,
)
from sklearn_aae.detection.scores import AUTOREGRESSION, DENSITY

#: Each member trains on a random choice of this share of the rows.
ROW_SHARE = 0.5
#: After this share of the steps, rows that lie apart are left out of training.
TRIM_AFTER = 0.3
#: Rows farther than this many robust standard deviations above the median lie apart.
TRIM_BEYOND = 1.5
#: A median absolute deviation of 1 belongs to a normal standard deviation of this.
MAD_TO_SD = 1.4826
#: Rows, and their neighbours, that say whether a row lies apart.
CROWD, CROWD_NEIGHBOURS = 32, 5
#: References that are stored for each member, and neighbours among them.
CORE, CORE_NEIGHBOURS = 64, 5
NEAREST, NEAREST_NEIGHBOURS = 1024, 1
#: What one chunk of evidence may take.
CHUNK_CELLS = 2**19


@dataclass
class FittedModel:
    """Trained networks with what scores need besides: marginals and references.

    Attributes
    ----------
    networks : Ensemble or SingleMember
        The networks, float32.
    marginals : Marginals or DrawnMarginals
        Densities of columns by themselves.
    references : dict of str to References
        Stored rows.
    kept : ndarray of bool
        The training rows that survived trimming.
    residuals : ndarray of shape (n_features,)
        Root mean squared residuals of the kept rows.
    losses : ndarray of shape (n_steps, n_phases) or None
        Losses of the phases, if they were trained here.
    autoregressive : AutoregressiveEnsemble or None
        Networks of the autoregressive likelihood, if it was asked for.
    """

    networks: Any
    marginals: Any
    references: dict[str, References]
    kept: np.ndarray
    residuals: np.ndarray
    losses: np.ndarray | None = None
    autoregressive: AutoregressiveEnsemble | None = None

    def evidence(self, rows: np.ndarray) -> EnsembleEvidence:
        """Return what the model says about rows on the networks' scale, float32."""
        networks = self.networks.in_float64()
        x = torch.from_numpy(np.asarray(rows, dtype=np.float64)).to(networks.columns.device)
        other = None if self.autoregressive is None else self.autoregressive.in_float64()
        return EnsembleEvidence(networks, x, self.marginals, self.references, other)

    @property
    def provides(self) -> set[str]:
        """What there is of all that a score may need."""
        found = {DENSITY} if self.networks.has_prior_density else set()
        return found if self.autoregressive is None else {*found, AUTOREGRESSION}

    def chunk_rows(self) -> int:
        """Return how many rows make a good chunk."""
        m, d = self.networks.columns.shape
        return max(32, CHUNK_CELLS // (m * (d + 128)))


@torch.no_grad()
def fit_ensemble(
    rows: np.ndarray,
    seed: int,
    settings: EnsembleSettings,
    plan: EnsemblePlan,
    *,
    device: Any = "cpu",
    trimming: bool = True,
    watch: Callable[[EnsembleTrainer], bool] | None = None,
) -> FittedModel:
    """Train an ensemble on rows, some of which may be anomalies.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), float32
        Training rows on the networks' scale.
    seed : int
        Seeds everything.
    settings : EnsembleSettings
        What members have in common.
    plan : EnsemblePlan
        How they are trained.
    device : str or torch.device, default="cpu"
        Where to train.
    trimming : bool, default=True
        Whether rows that lie apart are left out, half-way and of what is stored.
    watch : callable or None, default=None
        Called with the trainer every few steps; training stops if it returns True.

    Returns
    -------
    FittedModel
        The trained model.
    """
    X = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    m, d = settings.n_members, rows.shape[1]
    columns = choose_columns(m, d, settings.max_columns, derive_seed(seed, EnsembleStream.COLUMNS))
    ensemble = Ensemble(settings, columns, derive_seed(seed, EnsembleStream.WEIGHTS)).to(device)
    own = member_rows(m, len(X), ROW_SHARE, derive_seed(seed, EnsembleStream.ROWS))
    trainer = EnsembleTrainer(
        ensemble, X, own, plan, derive_seed(seed, EnsembleStream.TRAINING), watch
    )
    trimmer = Trimmer(X, derive_seed(seed, EnsembleStream.TRIMMING))
    if trimming:
        # At first members are principal components: what lies apart there tells how much.
        trainer.leave_out(trimmer.kept(trainer.frozen()))
        trainer.run(max(1, round(TRIM_AFTER * plan.n_steps)))
        trainer.keep(trimmer.kept(trainer.frozen()))
    trainer.run(plan.n_steps)
    trainer.finish()
    marginals = Marginals(ensemble, make_generator(derive_seed(seed, EnsembleStream.PRIOR), device))
    losses = torch.stack(trainer.losses).cpu().numpy()
    return surround(ensemble, X, marginals, trimmer if trimming else None, seed, losses)


@torch.no_grad()
def fit_autoregressive(
    model: FittedModel,
    rows: np.ndarray,
    seed: int,
    settings: EnsembleSettings,
    plan: EnsemblePlan,
    *,
    watch: Callable[[EnsembleTrainer], bool] | None = None,
) -> AutoregressiveEnsemble:
    """Train networks for the autoregressive likelihood beside an ensemble.

    Parameters
    ----------
    model : FittedModel
        The ensemble; its rows that survived trimming are trained on, and of every batch as
        large a share is left out as did not.
    rows : ndarray of shape (n_rows, n_features), float32
        Its training rows on the networks' scale.
    seed : int
        Seeds everything.
    settings : EnsembleSettings
        What members have in common.
    plan : EnsemblePlan
        How they are trained.
    watch : callable or None, default=None
        Called with the trainer every few steps; training stops if it returns True.

    Returns
    -------
    AutoregressiveEnsemble
        The networks; members see the columns that the ensemble's see.
    """
    seed = derive_seed(seed, EnsembleStream.AUTOREGRESSIVE)
    columns = model.networks.columns
    kept = model.kept if model.kept.sum() >= 2 else np.ones_like(model.kept)
    X = torch.from_numpy(rows[kept]).to(columns.device)
    networks = AutoregressiveEnsemble(
        settings, columns.cpu().numpy(), derive_seed(seed, EnsembleStream.WEIGHTS)
    )
    networks = networks.to(columns.device)
    own = member_rows(networks.n_members, len(X), ROW_SHARE, derive_seed(seed, EnsembleStream.ROWS))
    trainer = EnsembleTrainer(
        networks, X, own, plan, derive_seed(seed, EnsembleStream.TRAINING), watch
    )
    trainer.leave_out(kept)
    trainer.run(plan.n_steps)
    trainer.finish()
    return networks


@torch.no_grad()
def adopt_model(rows: np.ndarray, seed: int, module: Any, *, trimming: bool = True) -> FittedModel:
    """Surround a model that is fitted already with marginals and references.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), float32
        Training rows on the networks' scale.
    seed : int
        Seeds the choice of references and the prior draws.
    module : AAEModule
        The fitted networks.
    trimming : bool, default=True
        Whether rows that lie apart are left out of what is stored.

    Returns
    -------
    FittedModel
        The model.
    """
    member = SingleMember(module)
    device = member.columns.device
    X = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    marginals = DrawnMarginals(
        member, make_generator(derive_seed(seed, EnsembleStream.PRIOR), device)
    )
    trimmer = Trimmer(X, derive_seed(seed, EnsembleStream.TRIMMING)) if trimming else None
    return surround(member, X, marginals, trimmer, seed)


def surround(
    networks: Any,
    X: torch.Tensor,
    marginals: Any,
    trimmer: Trimmer | None,
    seed: int,
    losses: np.ndarray | None = None,
) -> FittedModel:
    kept = np.ones(len(X), dtype=bool) if trimmer is None else trimmer.kept(networks)
    stored, residuals = _store(networks, X, kept, derive_seed(seed, EnsembleStream.STORED))
    return FittedModel(networks, marginals, stored, kept, residuals, losses)


class Trimmer:
    """Says which rows lie apart from a random few of their fellows.

    The few are so few that a group of anomalies is hardly among them: a row of such a
    group finds its like in many references, and among few it is alone.
    """

    def __init__(self, X: torch.Tensor, seed: int) -> None:
        self.X, self.seed = X, seed
        self.n_calls = 0

    def kept(self, networks: Any) -> np.ndarray:
        """Return whether each row stays (n_rows, bool)."""
        rng = np.random.default_rng(derive_seed(self.seed, self.n_calls))
        self.n_calls += 1
        n = len(self.X)
        size = min(CROWD, max(2, n // 2))
        chosen = np.stack([rng.choice(n, size, replace=False) for _ in range(networks.n_members)])
        x = gather_columns(self.X, networks.columns)
        expected = networks.decode(networks.encode(x)).mean()
        index = torch.from_numpy(chosen).to(self.X.device)
        return near_the_rest(crowding(x, expected, index, CROWD_NEIGHBOURS))


def near_the_rest(distance: np.ndarray) -> np.ndarray:
    """Return which values do not lie far above the median, robustly measured."""
    median = np.median(distance)
    deviation = MAD_TO_SD * np.median(np.abs(distance - median))
    if deviation == 0:  # most rows are one and the same
        deviation = distance.std()
    return distance <= median + TRIM_BEYOND * deviation


def _store(
    networks: Any, X: torch.Tensor, kept: np.ndarray, seed: int
) -> tuple[dict[str, References], np.ndarray]:
    """Return each member's references, a few of the kept rows and many of all; residuals."""
    rng = np.random.default_rng(seed)
    all_rows, kept_rows = np.arange(len(X)), np.flatnonzero(kept)
    if len(kept_rows) < 2:
        kept_rows = all_rows
    choices = {
        "core": (kept_rows, min(CORE, max(2, len(kept_rows) // 2)), CORE_NEIGHBOURS),
        "nearest": (all_rows, min(NEAREST, len(X)), NEAREST_NEIGHBOURS),
    }
    stored, residuals = {}, np.zeros(X.shape[1])
    for name, (rows, size, n_neighbours) in choices.items():
        index = np.stack([rng.choice(rows, size, replace=False) for _ in range(networks.n_members)])
        at = torch.from_numpy(index).to(X.device)
        x = X[at]
        if networks.columns.shape[1] < X.shape[1]:
            x = x.gather(2, networks.columns.unsqueeze(1).expand(-1, size, -1))
        expected = networks.decode(networks.encode(x)).mean()
        stored[name] = References(x, expected, n_neighbours)
        if name == "core":
            square = (x - expected).square().mean(dim=(0, 1)).sqrt()
            residuals[: len(square)] = square.cpu().numpy()
    return stored, residuals
