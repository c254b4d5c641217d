"""Missing cells, filled given those that are there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches

from sklearn_aae._utils._random import DrawStream, derive_seed, make_generator, parts_of
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._draws import MOST_ROWS, decoder_draws, level_head, sample_posterior
from sklearn_aae.autoencoder._supervision import labels_to_decode
from sklearn_aae.autoencoder._unknown import fill_numbers
from sklearn_aae.encoding import LevelsReader
from sklearn_aae.encoding._layout import ON_AN_AXIS, Layout, Span
from sklearn_aae.networks import AAEModule, Classes
from sklearn_aae.outputs import as_output
from sklearn_aae.outputs._constraints import Constraints, PairMask, RowMask
from sklearn_aae.posteriors import Channel

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE

#: What a filled cell may be.
METHODS = ("mode", "mean", "draw")

#: Share of the codes of single draws that come from the prior.
PRIOR_SHARE = 0.5

#: Powers of the importance weights of best guesses.  At 1 a few of the draws have all of
#: the weight, which makes medians as rough as single draws; at 0 what later columns say of
#: earlier ones is lost but for the code, and categories need it more.
AXIS_TEMPER, CATEGORY_TEMPER = 0.4, 0.75


def fill_missing(
    model: BaseAAE,
    X: Any,
    y: Any = None,
    *,
    method: str,
    n_draws: int,
    seed: int,
    n_pooled: int = 1,
    by_row: bool = False,
    caller: BaseEstimator | None = None,
) -> Any:
    """Return a table with its missing cells filled, in the container of ``fit``.

    With ``by_row`` draws depend on the cells of their row and the seed alone.  A cell is
    the middle of ``n_pooled`` draws; messages name the ``caller``.
    """
    reader, draw = model._reader, method == "draw"
    rows, missing = reader.read_with_gaps(model if caller is None else caller, X)
    as_output(model._built.parameters["output"], mixed=reader.is_mixed).check(rows)
    labels = labels_to_decode(model, y, "impute", len(rows))
    where = np.flatnonzero(missing.any(axis=1))
    part, gaps = rows[where], missing[where]
    own = None if labels is None else labels[where]
    seeds = [seed]
    if by_row:
        # Of the cells themselves: rows of the same levels may be different rows.
        seeds = [_seed_of(row, seed) for row in reader.features(X, rows)[where]]
    generators = [make_generator(each, model.device_) for each in seeds]
    filled = rows.copy()
    rng: Any = None
    if isinstance(reader, LevelsReader):
        if len(where):
            filled[where] = fill_levels(
                model.net_.module_,
                reader.encoder.layout_,
                reader.scale.transform(part),
                n_draws=n_draws,
                method=method,
                generators=generators,
                n_pooled=n_pooled,
                classes=None if own is None else Classes(own, model._class_counts),
                pairs=() if model._keeper is None else model._keeper.pairs,
                row_masks=[mask.of(where) for mask in reader.row_masks(X, missing)],
            )
        # A known cell of a level that fit did not see has none here, and stays as it is.
        np.maximum(filled, 0, out=filled)
        if draw:
            of_cells = [np.random.default_rng(derive_seed(s, DrawStream.CELLS)) for s in seeds]
            rng = RowUniforms(of_cells, where, len(rows)) if by_row else of_cells[0]
    elif len(where):
        many = range(n_pooled if draw else 1)
        theirs = generators if draw else None
        found = [fill_numbers(model, part, gaps, own, theirs) for _ in many]
        filled[where] = np.mean(found, axis=0)
    return reader.merge(X, reader.hand_back(filled, rng=rng), missing)


def _seed_of(row: np.ndarray, seed: int) -> int:
    """Return a seed that depends on what is known of a row, as finite numbers."""
    cells = row + 0.0  # there are two zeros
    key = seed.to_bytes(8, "little")
    return int.from_bytes(blake2b(cells.tobytes(), digest_size=8, key=key).digest()) >> 1


class RowUniforms:
    """Uniform draws for the cells of column after column, by a generator for each row.

    Parameters
    ----------
    generators : list of Generator
        Those of some rows.
    where : ndarray of int
        These rows; what is drawn for others does not matter.
    n_rows : int
        Number of rows.
    """

    def __init__(
        self, generators: list[np.random.Generator], where: np.ndarray, n_rows: int
    ) -> None:
        self.generators, self.where, self.n_rows = generators, where, n_rows

    def random(self, n: int) -> np.ndarray:
        """Return one draw for each row."""
        assert n == self.n_rows
        draws = np.full(n, 0.5)
        draws[self.where] = [generator.random() for generator in self.generators]
        return draws


def fill_levels(
    module: AAEModule,
    layout: Layout,
    digits: np.ndarray,
    *,
    n_draws: int,
    method: str,
    generators: list[torch.Generator],
    n_pooled: int = 1,
    classes: Classes | None = None,
    pairs: Sequence[PairMask] = (),
    row_masks: Sequence[RowMask] = (),
) -> np.ndarray:
    r"""Return levels of rows whose absent cells (digits of -1) are filled.

    Importance sampling: codes are drawn from the posterior of the cells that are there,
    absent cells column by column, and each draw has the weight

    .. math::

        w = \frac{p(z)}{q(z \mid x_{\text{there}})}
            \prod_{j \text{ there}} p(x_j \mid z, x_{<j}).

    Single draws are chosen by this weight, and half of their codes come from the prior, with
    :math:`(p + q) / 2` in place of :math:`q` ("defensive" importance sampling [1]_): codes
    of rows that lack cells lie closer together than the absent cells allow, and few draws of
    :math:`q` are far enough out.  Best guesses take a power of the weight (0.4 for medians,
    0.75 for categories), which keeps more of the draws in play, and how sure an overfitted
    model is of itself in bounds.

    Each row, as digits, has ``n_draws`` draws.  ``method="draw"`` returns one of them, by
    weight, or of ``n_pooled`` the level nearest to their mean and the commonest category;
    else it is the weighted median of numbers and dates ("mode") or the level nearest to their
    weighted mean ("mean"), and the likeliest category.  None is the level of a missing cell,
    but where a column had no other.  A row without a class
    has that of its draws weighed with them.  ``pairs`` and ``row_masks`` say what rules leave of
    absent cells.  There is one of ``generators`` for all rows, or
    one for each.

    References
    ----------
    .. [1] T. Hesterberg, "Weighted Average Importance Sampling and Defensive Mixture
       Distributions", Technometrics 37 (2), 1995.
    """
    head = level_head(module, "impute")
    draw = method == "draw"
    filled = np.empty((len(digits), layout.n_columns), dtype=np.int64)
    n_rows = max(1, MOST_ROWS // n_draws)
    with torch.inference_mode(), torch_threads(1):
        for rows in gen_batches(len(digits), n_rows):
            theirs = generators if len(generators) == 1 else generators[rows]
            known = torch.as_tensor(digits[rows], device=generators[0].device)
            own = None if classes is None else classes.of(rows, n_draws)
            codes, log_ratio = _propose(module, known, n_draws, theirs, PRIOR_SHARE if draw else 0)
            inputs = []
            for some, one in parts_of(theirs, len(codes)):
                of_some = None if own is None else own.of(some)
                z = codes[some]
                inputs.append(decoder_draws(module, len(z), one, of_some, z))
            drawn, log_weights = head.draw_within(
                module.decoder(torch.cat(inputs)),
                theirs,
                _constraints(
                    layout, known, n_draws, pairs, [mask.of(rows, n_draws) for mask in row_masks]
                ),
            )
            log_weights = (log_weights + log_ratio).double().view(len(known), n_draws)
            levels = layout.from_digits(drawn.cpu().numpy()).reshape(*log_weights.shape, -1)
            centre = method
            if draw:
                picked = _pick(log_weights, theirs, n_pooled)
                levels = levels[np.arange(len(levels))[:, None], picked]
                log_weights, centre = torch.zeros(picked.shape).double(), "mean"
            for j, column in enumerate(_centers(layout, levels, log_weights.cpu(), centre)):
                filled[rows, j] = column
    return filled


def _pick(
    log_weights: torch.Tensor, generators: list[torch.Generator], n_pooled: int
) -> np.ndarray:
    """Return which of a row's draws are chosen, by weight, (n_samples, n_pooled)."""
    weights = log_weights.softmax(dim=1)
    picked = [
        torch.multinomial(weights[part], n_pooled, replacement=n_pooled > 1, generator=one)
        for part, one in parts_of(generators, len(weights))
    ]
    return torch.cat(picked).cpu().numpy()


def _propose(
    module: AAEModule,
    known: torch.Tensor,
    n_draws: int,
    generators: list[torch.Generator],
    prior_share: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes (n * n_draws, n_components) and log p(z) - log q(z) up to a constant.

    From the posterior of the known cells and, by ``prior_share``, from the prior.  The ratio
    is 0, and all codes are the posterior's, where one of the densities is not known.
    """
    codes = module.encode(known).repeat_interleave(n_draws, dim=0)
    z = torch.cat(
        [
            sample_posterior(module, codes[part], own)
            for part, own in parts_of(generators, len(codes))
        ]
    )
    posterior, k = module.posterior, module.n_components
    if not isinstance(posterior, Channel):
        return z, z.new_zeros(len(z))
    try:
        log_prior = module.prior.log_prob(z)
    except ValueError:  # a prior that can only be drawn from
        return z, z.new_zeros(len(z))
    if prior_share:
        # Which of a row's draws come from the prior does not matter: the first ones.
        of_prior = torch.arange(len(z), device=z.device) % n_draws < prior_share * n_draws
        for part, own in parts_of(generators, len(z)):
            drawn = module.prior.sample(int(of_prior[part].sum()), k, own).detach()
            z[part][of_prior[part]] = drawn
        log_prior = module.prior.log_prob(z)
    away = (z - posterior.to_decoder(codes)).square().sum(dim=1) / (2 * posterior.noise**2)
    log_posterior = -away - k * math.log(posterior.noise * math.sqrt(2 * math.pi))
    if prior_share:
        log_posterior = torch.logaddexp(
            log_posterior + math.log1p(-prior_share), log_prior + math.log(prior_share)
        )
    return z, log_prior - log_posterior


def _constraints(
    layout: Layout,
    known: torch.Tensor,
    n_draws: int,
    pairs: Sequence[PairMask],
    row_masks: Sequence[RowMask],
) -> Constraints:
    """Return what keeps draws to the known cells, and others from being missing."""
    shares = {
        j: np.arange(span.n_levels) != span.missing
        for j, span in enumerate(layout.spans)
        if span.missing is not None and span.n_present
    }
    return Constraints(layout, shares, known.repeat_interleave(n_draws, dim=0), pairs, row_masks)


def _centers(
    layout: Layout, levels: np.ndarray, log_weights: torch.Tensor, method: str
) -> Iterator[np.ndarray]:
    """Yield, for each column, one level a row: the weighted median or mean, or the likeliest."""
    rows = np.arange(len(levels))[:, None]
    on_axis, of_category = (
        (power * log_weights).softmax(dim=1).numpy() for power in (AXIS_TEMPER, CATEGORY_TEMPER)
    )
    for j, span in enumerate(layout.spans):
        drawn = levels[:, :, j]
        if levels.shape[1] == 1:
            yield drawn[:, 0]
        elif span.kind in ON_AN_AXIS and method == "mean":
            yield _mean_level(span, drawn, on_axis)
        elif span.kind in ON_AN_AXIS:
            order = np.argsort(drawn, axis=1, kind="stable")
            below = np.cumsum(on_axis[rows, order], axis=1)
            yield drawn[rows, order][rows[:, 0], (below >= below[:, -1:] / 2).argmax(axis=1)]
        else:
            values, codes = np.unique(drawn, return_inverse=True)
            votes = np.zeros((len(levels), len(values)))
            np.add.at(votes, (rows, codes.reshape(drawn.shape)), of_category)
            yield values[votes.argmax(axis=1)]


def _mean_level(span: Span, drawn: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the level whose values are nearest to the weighted mean of those of draws."""
    assert span.low is not None
    assert span.high is not None
    values = (span.low[: span.n_present] + span.high[: span.n_present]) / 2
    means = (weights * values[drawn]).sum(axis=1)
    above = np.searchsorted((values[1:] + values[:-1]) / 2, means)
    result: np.ndarray = np.minimum(above, span.n_present - 1)
    return result
