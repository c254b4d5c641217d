"""Codes to decode, rows that meet conditions, and cells that are missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array, gen_batches

from sklearn_aae._utils._random import fenced
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.networks import AAEModule, Classes
from sklearn_aae.outputs import Constraints, LevelHead
from sklearn_aae.posteriors import Channel

#: So many rows are proposed for each that is asked for, and no more.
MOST_PROPOSALS = 100
#: How many of the proposals should have met the conditions if they had been drawn freely,
#: and how many must have: proposals of which hardly one had miss most of what does.
ENOUGH_MET, LEAST_MET = 10.0, 1.0
#: Rows that are drawn at once.
LEAST_ROWS, MOST_ROWS = 1024, 16384

#: Kinds of columns whose middle is a better guess than their commonest level.
ON_AN_AXIS = ("number", "datetime", "duration")

#: Share of the codes of single draws that come from the prior.
PRIOR_SHARE = 0.5

#: Powers of the importance weights of best guesses.  At 1 a few of the draws have all of
#: the weight, which makes medians as rough as single draws; at 0 what later columns say of
#: earlier ones is lost but for the code, and categories need it more.
AXIS_TEMPER, CATEGORY_TEMPER = 0.4, 0.75


def codes_of_density(density: Any, n_samples: int, n_components: int, seed: int) -> np.ndarray:
    """Return codes drawn from a density that was fitted to codes.

    Parameters
    ----------
    density : object
        With scikit-learn's ``sample(n)``: returns codes, or codes and labels.
    n_samples : int
        Number of codes.
    n_components : int
        Their width.
    seed : int
        Seeds the global generators while the density draws.

    Raises
    ------
    TypeError
        If there is no ``sample``.
    ValueError
        If what it returns is not of this shape.
    """
    if not callable(getattr(density, "sample", None)):
        raise TypeError(
            "density must have a method sample(n), as GaussianMixture and KernelDensity of "
            f"scikit-learn do; got {density!r}."
        )
    with fenced(seed):
        drawn = density.sample(n_samples)
    codes = check_array(
        drawn[0] if isinstance(drawn, tuple) else drawn, input_name="density.sample"
    )
    if codes.shape != (n_samples, n_components):
        raise ValueError(
            f"density.sample({n_samples}) returned shape {codes.shape}; codes have "
            f"{n_components} components. Fit it to what transform returns."
        )
    # Mixtures return their draws component by component.
    return np.random.default_rng(seed).permutation(codes).astype(np.float32)


def blur(module: AAEModule, codes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return codes with what the posterior does to them before the decoder sees them."""
    posterior, k = module.posterior, module.n_components
    # Not where the spread of each row's code is not in the code, nor where noise is added
    # to what becomes a code only afterwards.
    if posterior.n_outputs(k) != k or module.prior.squashes:
        return posterior.place(codes)
    n_noise = posterior.n_noise(k)
    noise = None
    if n_noise:
        shape = (len(codes), n_noise)
        noise = torch.randn(shape, generator=generator, device=codes.device)
    return posterior.draw(codes, noise)


def decoder_draws(
    module: AAEModule,
    n_samples: int,
    generator: torch.Generator,
    classes: Classes | None = None,
    codes: torch.Tensor | None = None,
) -> torch.Tensor:
    """Draw what the decoder reads: codes of the prior, and labels if it reads them.

    Parameters
    ----------
    module : AAEModule
        The networks.
    n_samples : int
        Number of draws.
    generator : torch.Generator
        Source of the draws.
    classes : Classes or None, default=None
        Their classes, if the model knows classes.
    codes : Tensor of shape (n_samples, n_components) or None, default=None
        Codes to take in place of draws of the prior.

    Returns
    -------
    Tensor of shape (n_samples, n_inputs)
        Inputs of the decoder.
    """
    labels = None if classes is None else classes.chosen(module.decodes_labels, generator)
    if codes is None:
        codes = module.draw_codes(n_samples, generator, labels)
    return module.decoder_inputs(codes, labels)


# ------------------------------------------------------------------ conditions


def draw_within(
    module: AAEModule,
    layout: Layout,
    shares: Mapping[int, np.ndarray],
    n_samples: int,
    generator: torch.Generator,
    classes: Classes | None = None,
) -> torch.Tensor:
    """Return digits of rows of the model's conditional distribution, class by class.

    Parameters
    ----------
    module : AAEModule
        With a head over levels, in evaluation mode.
    layout : Layout
        The columns.
    shares : mapping of int to ndarray of shape (n_levels,)
        By column, the share of each level that meets its condition.
    n_samples : int
        Number of rows.
    generator : torch.Generator
        Source of the draws.
    classes : Classes or None, default=None
        Classes of the rows, if the model knows classes.

    Returns
    -------
    Tensor of shape (n_samples, n_digits), int64
        The rows.

    Raises
    ------
    ValueError
        If the conditions are met too rarely.
    """
    if classes is None:
        return _draw_within(module, layout, shares, n_samples, generator, None)
    digits = torch.empty((n_samples, layout.n_digits), dtype=torch.int64, device=generator.device)
    for label in np.unique(classes.labels):
        rows = np.flatnonzero(classes.labels == label)
        own = classes.of(rows[:1])
        digits[rows] = _draw_within(module, layout, shares, len(rows), generator, own)
    return digits


def _draw_within(
    module: AAEModule,
    layout: Layout,
    shares: Mapping[int, np.ndarray],
    n_samples: int,
    generator: torch.Generator,
    one: Classes | None,
) -> torch.Tensor:
    """Return digits of rows of the model's conditional distribution, of ``one`` class.

    Rejection sampling: a proposal's columns are drawn one by one, those with a condition
    among what it allows; it is kept with the probability, up to a constant, that free
    draws would have met the conditions.  The constant is the largest probability that
    was seen, so that rows are kept, and kept rows dropped, as proposals come in.
    """
    head: Any = module.head
    constraints = Constraints(layout, shares)
    kept: list[torch.Tensor] = []
    n_kept = n_proposed = 0
    likeliest = total = 0.0
    with torch.inference_mode(), torch_threads(1):
        while n_kept < n_samples or total < ENOUGH_MET:
            n = min(
                MOST_PROPOSALS * n_samples - n_proposed,
                max(LEAST_ROWS, min(MOST_ROWS, 2 * n_samples)),
            )
            if n <= 0 and n_kept >= n_samples and total >= LEAST_MET:
                break
            if n <= 0:
                names = ", ".join(repr(layout.spans[j].name) for j in shares)
                raise ValueError(
                    f"The conditions on {names} are met too rarely: by about "
                    f"{total / n_proposed:.2g} of the model's rows, so that {n_proposed} proposals "
                    f"are too few for {n_samples} rows. Widen a condition, leave one out, or draw "
                    "more rows at once."
                )
            own = None if one is None else one.of(slice(None), n)
            inputs = decoder_draws(module, n, generator, own)
            digits, log_weights = head.draw_within(module.decoder(inputs), generator, constraints)
            weights = log_weights.exp()
            likeliest = max(likeliest, float(weights.max()))
            total += float(weights.sum())
            chance = torch.rand(n, generator=generator, device=weights.device)
            proposed = [digits, weights, chance]
            if n_proposed:
                proposed = [torch.cat(parts) for parts in zip(kept, proposed, strict=True)]
            met = proposed[2] * likeliest < proposed[1]
            kept = [part[met] for part in proposed]
            n_kept = len(kept[0])
            n_proposed += n
    return kept[0][:n_samples]


# --------------------------------------------------------------- missing cells


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

    Parameters
    ----------
    module : AAEModule
        With a head over levels, in evaluation mode.
    layout : Layout
        The columns.
    digits : ndarray of shape (n_samples, n_digits), int64
        The rows.
    n_draws : int
        Draws for each row.
    draw : bool
        Whether to return one of the draws, by weight; else the weighted median of
        numbers and dates, and the likeliest category.
    generator : torch.Generator
        Source of the draws.
    classes : Classes or None, default=None
        Classes of the rows, if the model knows classes; a row without one has that of its
        draws weighed with them.

    Returns
    -------
    ndarray of shape (n_samples, n_columns), int64
        Levels; none is the level of a missing cell, but where a column had no other.

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
    z = blur(module, codes, generator)
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
        z[of_prior] = module.prior.sample(int(of_prior.sum()), k, generator)
        log_prior = module.prior.log_prob(z)
    away = (z - posterior.place(codes)).square().sum(dim=1) / (2 * posterior.noise**2)
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
    head: Any = module.head
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


def check_level_head(module: AAEModule, what: str) -> None:
    """Raise ValueError unless the head is one over levels."""
    if not isinstance(module.head, LevelHead):
        raise ValueError(
            f"{what} needs an output over categories, and this model was fitted as one of "
            "numbers: fit it with output='autoregressive' (or 'independent')."
        )
