"""Figures of a trained model, on a bounded number of rows: what a report is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import nn

from sklearn_aae._utils._random import ReportStream, derive_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.networks import AAEModule, Components
from sklearn_aae.outputs._flagged_head import FlaggedHead
from sklearn_aae.outputs._level_head import LevelHead

#: Rows that figures are taken from, and as many prior draws.
MAX_ROWS = 256
#: Repetitions behind the 99 % null value of the distance to the prior.
N_NULL = 100
#: A column of codes of less than this share of the prior's spread is dead; two that correlate
#: more than this say the same.
DEAD, SAME = 0.03, 0.995
#: A direction with less of the rows' variance need not have a code of its own.
WORTH_A_CODE = 0.01
#: Rows that principal components are taken from where networks did not start at any.
PCA_ROWS = 128


@dataclass
class Figures:
    """What was measured of a trained model; NaN for what was not.

    Attributes
    ----------
    basis : str
        Which rows it was measured on.
    n_rows, n_components : int
        How many rows these are, and the width of the code.
    constant : bool
        Whether all rows are the same.
    gap : float
        Energy distance of codes to prior draws, over the 99 % null value.
    outside : float
        Share of codes farther from prior draws than 99 % of other draws are.
    accuracy, logit_spread : float
        Share of codes and draws that the discriminator tells apart, and the standard deviation
        of its logits.
    n_dead, n_repeated : int
        Columns of codes that do not vary, or repeat an earlier one.
    n_varying : int
        How many components the rows could fill.
    explained, explained_by_pca : float
        Share of the columns' variance, or of their entropies, that the code explains; and
        what as many principal components of these rows explain.
    losses : sequence of float
        Reconstruction losses by epoch of this call.
    """

    basis: str
    n_rows: int
    n_components: int
    constant: bool = False
    gap: float = np.nan
    outside: float = np.nan
    accuracy: float = np.nan
    logit_spread: float = np.nan
    n_dead: int = 0
    n_repeated: int = 0
    n_varying: int = 0
    explained: float = np.nan
    explained_by_pca: float = np.nan
    losses: Sequence[float] = field(default_factory=tuple)


def chance_gap(
    codes: np.ndarray, draws: np.ndarray, more: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return how far codes (n, k) are from the prior, and the share of them outside of it.

    The first is the energy distance to draws of the prior (m, k) over the 99 % quantile of that
    between random parts, n and m, of these and n more draws; the second the share whose nearest
    draw is farther than that of 99 % of the other draws.
    """
    n, m = len(codes), len(draws)
    both = np.concatenate([draws, more])
    among, across = cdist(both, both), cdist(codes, draws)
    rng = np.random.default_rng(seed)
    weights = np.full((N_NULL, n + m), -1 / m)
    for row in weights:
        row[rng.permutation(n + m)[:n]] = 1 / n
    # With w = 1/n in the part and -1/m outside of it, the distance is -w' D w.
    with torch_threads(1):
        w, D = torch.from_numpy(weights), torch.from_numpy(among)
        null = float(np.quantile(-((w @ D) * w).sum(dim=1).numpy(), 0.99))
    distance = 2 * across.mean() - cdist(codes, codes).mean() - among[:m, :m].mean()
    # Draws on points of their own have no distance to each other: codes may be a little off.
    limit = np.quantile(among[m:, :m].min(axis=1), 0.99) + 0.05 * draws.std()
    return float(distance / max(null, 1e-12)), float((across.min(axis=1) > limit).mean())


def idle_columns(codes: np.ndarray, spread: np.ndarray) -> tuple[int, int]:
    """Return how many columns of codes hardly vary, and how many of the others repeat one."""
    alive = codes[:, codes.std(axis=0) >= DEAD * spread]
    n_dead = codes.shape[1] - alive.shape[1]
    if alive.shape[1] < 2:
        return n_dead, 0
    correlations = np.triu(np.abs(np.corrcoef(alive.T)), 1)
    return n_dead, int((correlations > SAME).any(axis=0).sum())


def spread_of(rows: np.ndarray) -> tuple[int, float, np.ndarray]:
    """Return how many directions rows vary in, their variance, and shares of it by component."""
    centred = rows - rows.mean(axis=0)
    if centred.shape[1] > len(centred):
        centred = centred.T
    with torch_threads(1):
        product = torch.from_numpy(np.ascontiguousarray(centred))
        values = torch.linalg.eigvalsh(product.T @ product).flip(0).clamp(min=0).numpy()
    total = float(values.sum())
    if total <= 0:
        return 0, 0.0, values
    return int((values > 1e-7 * values[0]).sum()), total, values / total


def explained_by_levels(head: LevelHead, losses: torch.Tensor, digits: torch.Tensor) -> float:
    """Return the share of the digits' entropies that the decoder explains."""
    n, entropies = len(digits), np.zeros(losses.shape[1])
    columns = head.column_of_digit.cpu().numpy()
    for j, digit in enumerate(digits.cpu().numpy().T):
        shares = np.bincount(digit)[np.unique(digit)] / n
        entropies[columns[j]] -= (shares * np.log(shares)).sum()
    total = entropies.sum()
    return float(1 - losses.double().mean(dim=0).sum() / total) if total > 0 else np.nan


def measure_model(
    module: AAEModule,
    x: torch.Tensor,
    labels: torch.Tensor | None,
    components: Components | None,
    explained: np.ndarray | None,
    basis: str,
    seed: int,
) -> Figures:
    """Return figures of a model on rows on the networks' scale.

    ``explained`` are the shares that the first codes explain, if they are known.
    """
    found = Figures(basis, len(x), module.n_components)
    found.constant = bool((x == x[0]).all())
    generator = make_generator(seed, x.device)
    # As the adversary sees them.
    n_noise = module.posterior.n_noise(module.n_components)
    modes = module.encode(x)
    drawn = modes
    if n_noise:
        noise = torch.randn((len(x), n_noise), generator=generator, device=x.device)
        drawn = module.encode(x, noise)
    own = module.draw_codes(len(x), make_generator(derive_seed(seed, ReportStream.DRAWS)), labels)
    more = module.draw_codes(len(x), make_generator(derive_seed(seed, ReportStream.MORE)), labels)
    _measure_game(found, module.discriminator, module, drawn, own.to(drawn), labels)
    codes, draws, others = (part.cpu().double().numpy() for part in (drawn, own, more))
    if np.isfinite(codes).all():
        found.gap, found.outside = chance_gap(codes, draws, others, seed)
        code = modes.cpu().double().numpy()
        found.n_dead, found.n_repeated = idle_columns(code, draws.std(axis=0))
    if not found.constant:
        _measure_rows(found, module, x, modes, labels, components, explained)
    return found


def _measure_game(
    found: Figures,
    discriminator: nn.Module,
    module: AAEModule,
    codes: torch.Tensor,
    draws: torch.Tensor,
    labels: torch.Tensor | None,
) -> None:
    both = [discriminator(module.discriminator_inputs(part, labels)) for part in (draws, codes)]
    real, fake = (logits.double().flatten() for logits in both)
    found.accuracy = tells_apart(real, fake)
    found.logit_spread = float(torch.cat([real, fake]).std())


def tells_apart(real: torch.Tensor, fake: torch.Tensor) -> float:
    """Return the share of logits of the right sign; of ties half."""
    right = (real.sign().mean() - fake.sign().mean()) / 4
    return float(0.5 + right)


def _measure_rows(
    found: Figures,
    module: AAEModule,
    x: torch.Tensor,
    modes: torch.Tensor,
    labels: torch.Tensor | None,
    components: Components | None,
    explained: np.ndarray | None,
) -> None:
    """Measure what codes give back of rows, and what principal components would."""
    head = module.head
    if isinstance(head, LevelHead):
        levels = [d[:, None] == d.unique() for d in x[:PCA_ROWS].T]
        indicators = torch.cat(levels, dim=1).cpu().double().numpy()
        found.n_varying = int((spread_of(indicators)[2] > WORTH_A_CODE).sum())
        inputs = module.decoder_inputs(module.posterior.to_decoder(modes), labels)
        losses = head.cell_losses(module.decoder(inputs), x)
        found.explained = explained_by_levels(head, losses, x)
        return
    n_numbers = head.n_features if isinstance(head, FlaggedHead) else x.shape[1]
    rows = x[:, :n_numbers].cpu().double().numpy()
    if explained is not None:
        found.explained = float(explained[-1])
    if components is None:
        _, _, shares = spread_of(rows[:PCA_ROWS])
        found.n_varying = int((shares > WORTH_A_CODE).sum())
        found.explained_by_pca = float(shares[: found.n_components].sum())
        return
    found.n_varying = components.vectors.shape[1]
    centred = rows - components.mean
    total = np.square(rows - rows.mean(axis=0)).sum()
    seen = centred @ components.vectors
    rest = np.square(centred).sum() - np.square(seen).sum()
    found.explained_by_pca = float(1 - rest / total) if total > 0 else np.nan
