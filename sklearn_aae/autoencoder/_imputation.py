"""Missing cells, filled given those that are there."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.utils import gen_batches

from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._draws import MOST_ROWS, decoder_draws, level_head, sample_posterior
from sklearn_aae.encoding._layout import ON_AN_AXIS, Layout
from sklearn_aae.networks import AAEModule, Classes
from sklearn_aae.outputs._constraints import Constraints
from sklearn_aae.posteriors import Channel

#: Share of the codes of single draws that come from the prior.
PRIOR_SHARE = 0.5

#: Powers of the importance weights of best guesses.  At 1 a few of the draws have all of
#: the weight, which makes medians as rough as single draws; at 0 what later columns say of
#: earlier ones is lost but for the code, and categories need it more.
AXIS_TEMPER, CATEGORY_TEMPER = 0.4, 0.75


def fill_levels(
    module: AAEModule,
    layout: Layout,
    digits: np.ndarray,
    *,
    n_draws: int,
    draw: bool,
    generator: torch.Generator,
    classes: Classes | None = None,
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

    Each row, as digits, has ``n_draws`` draws.  With ``draw`` one of them is returned, by
    weight; else the weighted median of numbers and dates, and the likeliest category.  None
    is the level of a missing cell, but where a column had no other.  A row without a class
    has that of its draws weighed with them.

    References
    ----------
    .. [1] T. Hesterberg, "Weighted Average Importance Sampling and Defensive Mixture
       Distributions", Technometrics 37 (2), 1995.
    """
    filled = np.empty((len(digits), layout.n_columns), dtype=np.int64)
    n_rows = max(1, MOST_ROWS // n_draws)
    with torch.inference_mode(), torch_threads(1):
        for rows in gen_batches(len(digits), n_rows):
            known = torch.as_tensor(digits[rows], device=generator.device)
            own = None if classes is None else classes.of(rows, n_draws)
            codes, log_ratio = _propose(
                module, known, n_draws, generator, PRIOR_SHARE if draw else 0
            )
            drawn, log_weights = _draw_missing(module, layout, known, codes, generator, own)
            log_weights = (log_weights + log_ratio).double().view(len(known), n_draws)
            n = len(known)
            levels = layout.from_digits(drawn.cpu().numpy()).reshape(n, n_draws, -1)
            if draw:
                weights = log_weights.softmax(dim=1)
                chosen = torch.multinomial(weights, 1, generator=generator)[:, 0].cpu().numpy()
                filled[rows] = levels[np.arange(n), chosen]
            else:
                for j, column in enumerate(_centers(layout, levels, log_weights.cpu())):
                    filled[rows, j] = column
    return filled


def _propose(
    module: AAEModule,
    known: torch.Tensor,
    n_draws: int,
    generator: torch.Generator,
    prior_share: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes (n * n_draws, n_components) and log p(z) - log q(z) up to a constant.

    From the posterior of the known cells and, by ``prior_share``, from the prior.  The ratio
    is 0, and all codes are the posterior's, where one of the densities is not known.
    """
    codes = module.encode(known).repeat_interleave(n_draws, dim=0)
    z = sample_posterior(module, codes, generator)
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
        z[of_prior] = module.prior.sample(int(of_prior.sum()), k, generator).detach()
        log_prior = module.prior.log_prob(z)
    away = (z - posterior.to_decoder(codes)).square().sum(dim=1) / (2 * posterior.noise**2)
    log_posterior = -away - k * math.log(posterior.noise * math.sqrt(2 * math.pi))
    if prior_share:
        log_posterior = torch.logaddexp(
            log_posterior + math.log1p(-prior_share), log_prior + math.log(prior_share)
        )
    return z, log_prior - log_posterior


def _draw_missing(
    module: AAEModule,
    layout: Layout,
    known: torch.Tensor,
    codes: torch.Tensor,
    generator: torch.Generator,
    classes: Classes | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a row for each code, and log probabilities of its known cells."""
    head = level_head(module, "impute")
    shares = {
        j: np.arange(span.n_levels) != span.missing
        for j, span in enumerate(layout.spans)
        if span.missing is not None and span.n_present
    }
    constraints = Constraints(
        layout, shares, known.repeat_interleave(len(codes) // len(known), dim=0)
    )
    inputs = decoder_draws(module, len(codes), generator, classes, codes)
    return head.draw_within(module.decoder(inputs), generator, constraints)


def _centers(layout: Layout, levels: np.ndarray, log_weights: torch.Tensor) -> Iterator[np.ndarray]:
    """Yield, for each column, one level a row: the weighted median or the likeliest."""
    rows = np.arange(len(levels))[:, None]
    on_axis, of_category = (
        (power * log_weights).softmax(dim=1).numpy() for power in (AXIS_TEMPER, CATEGORY_TEMPER)
    )
    for j, span in enumerate(layout.spans):
        drawn = levels[:, :, j]
        if span.kind in ON_AN_AXIS:
            order = np.argsort(drawn, axis=1, kind="stable")
            below = np.cumsum(on_axis[rows, order], axis=1)
            yield drawn[rows, order][rows[:, 0], (below >= below[:, -1:] / 2).argmax(axis=1)]
        else:
            values, codes = np.unique(drawn, return_inverse=True)
            votes = np.zeros((len(levels), len(values)))
            np.add.at(votes, (rows, codes.reshape(drawn.shape)), of_category)
            yield values[votes.argmax(axis=1)]
