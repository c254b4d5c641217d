"""How a detector's ensemble comes about: training, trimming, references, scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from sklearn_aae._random import derive_seed, make_generator
from sklearn_aae._threads import torch_threads
from sklearn_aae.detection._evidence import EnsembleEvidence, gather_columns
from sklearn_aae.detection._marginals import Marginals
from sklearn_aae.detection._references import References, crowding
from sklearn_aae.training import (
    Ensemble,
    EnsemblePlan,
    EnsembleSettings,
    EnsembleTrainer,
    choose_columns,
    in_precision,
    member_rows,
)

#: Streams under the seed.
COLUMNS, ROWS, WEIGHTS, TRAINING, TRIMMING, STORED, PRIOR, SCALES = range(8)

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
#: Rows on which the parts of a score are put on one scale.
SCALE_ROWS = 400
#: More training rows than this would not change what is learned in a few hundred steps.
MOST_ROWS = 16_384
#: What one chunk of evidence may take.
CHUNK_CELLS = 2**19


@dataclass
class EnsembleModel:
    """A trained ensemble with what scores need besides: marginals and references.

    Attributes
    ----------
    ensemble : Ensemble
        The networks, float32.
    marginals : Marginals
        Densities of columns by themselves.
    references : dict of str to References
        Stored rows.
    kept : ndarray of bool
        The training rows that survived trimming.
    losses : ndarray of shape (n_steps, n_phases)
        Losses of the phases.
    """

    ensemble: Ensemble
    marginals: Marginals
    references: dict[str, References]
    kept: np.ndarray
    losses: np.ndarray

    def evidence(self, rows: np.ndarray) -> EnsembleEvidence:
        """Return what the model says about rows on the networks' scale, float32."""
        networks = in_precision(self.ensemble, np.dtype(np.float64))
        x = torch.from_numpy(np.asarray(rows, dtype=np.float64)).to(networks.columns.device)
        return EnsembleEvidence(networks, x, self.marginals, self.references)

    def chunk_rows(self) -> int:
        """Return how many rows make a good chunk."""
        m, d = self.ensemble.columns.shape
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
) -> EnsembleModel:
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

    Returns
    -------
    EnsembleModel
        The trained model.
    """
    pool = np.arange(len(rows))
    if len(rows) > MOST_ROWS:
        rng = np.random.default_rng(derive_seed(seed, ROWS, 1))
        pool = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
    X = torch.from_numpy(np.ascontiguousarray(rows[pool])).to(device)
    m, d = settings.n_members, rows.shape[1]
    columns = choose_columns(m, d, settings.max_columns, derive_seed(seed, COLUMNS))
    ensemble = Ensemble(settings, columns, derive_seed(seed, WEIGHTS)).to(device)
    own = member_rows(m, len(X), ROW_SHARE, derive_seed(seed, ROWS))
    if not trimming:
        plan = replace(plan, trim=0.0)
    with torch_threads(1):
        trainer = EnsembleTrainer(ensemble, X, own, plan, derive_seed(seed, TRAINING))
        with torch.enable_grad():
            trainer.run(round(TRIM_AFTER * plan.n_steps))
        trimmer = Trimmer(X, derive_seed(seed, TRIMMING))
        if trimming:
            trainer.keep(trimmer.kept(trainer.frozen()))
        with torch.enable_grad():
            trainer.run(plan.n_steps)
        trainer.finish()
        kept = trimmer.kept(ensemble) if trimming else np.ones(len(X), dtype=bool)
        stored = _store(ensemble, X, kept, derive_seed(seed, STORED))
        draws = make_generator(derive_seed(seed, PRIOR), X.device)
        marginals = Marginals(ensemble, draws)
    everywhere = np.zeros(len(rows), dtype=bool)
    everywhere[pool[kept]] = True
    losses = torch.stack(trainer.losses).cpu().numpy()
    return EnsembleModel(ensemble, marginals, stored, everywhere, losses)


class Trimmer:
    """Says which rows lie apart from a random few of their fellows.

    The few are so few that a group of anomalies is hardly among them: a row of such a
    group finds its like in many references, and among few it is alone.
    """

    def __init__(self, X: torch.Tensor, seed: int) -> None:
        self.X, self.seed = X, seed
        self.n_calls = 0

    def kept(self, ensemble: Ensemble) -> np.ndarray:
        """Return whether each row stays (n_rows, bool)."""
        rng = np.random.default_rng(derive_seed(self.seed, self.n_calls))
        self.n_calls += 1
        n = len(self.X)
        size = min(CROWD, max(2, n // 2))
        chosen = np.stack(
            [rng.choice(n, size, replace=False) for _ in range(ensemble.n_members)]
        )
        x = gather_columns(self.X, ensemble.columns)
        expected = ensemble.decode(ensemble.encode(x)).mean()
        index = torch.from_numpy(chosen).to(self.X.device)
        return near_the_rest(crowding(x, expected, index, CROWD_NEIGHBOURS))


def near_the_rest(distance: np.ndarray) -> np.ndarray:
    """Return which values do not lie far above the median, robustly measured."""
    median = np.median(distance)
    deviation = MAD_TO_SD * np.median(np.abs(distance - median))
    return distance <= median + TRIM_BEYOND * deviation


def _store(
    ensemble: Ensemble, X: torch.Tensor, kept: np.ndarray, seed: int
) -> dict[str, References]:
    """Return each member's references: a few of the kept rows, and many of all."""
    rng = np.random.default_rng(seed)
    all_rows, kept_rows = np.arange(len(X)), np.flatnonzero(kept)
    choices = {
        "core": (kept_rows, min(CORE, max(2, len(kept_rows) // 2)), CORE_NEIGHBOURS),
        "nearest": (all_rows, min(NEAREST, len(X)), NEAREST_NEIGHBOURS),
    }
    stored = {}
    for name, (rows, size, n_neighbours) in choices.items():
        index = np.stack(
            [rng.choice(rows, size, replace=False) for _ in range(ensemble.n_members)]
        )
        at = torch.from_numpy(index).to(X.device)
        x = X[at]
        if ensemble.columns.shape[1] < X.shape[1]:
            x = x.gather(2, ensemble.columns.unsqueeze(1).expand(-1, size, -1))
        expected = ensemble.decode(ensemble.encode(x)).mean()
        stored[name] = References(x, expected, n_neighbours)
    return stored
