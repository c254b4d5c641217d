"""Codes to decode, and rows that meet conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array

from sklearn_aae._utils._random import fenced
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.networks import AAEModule, Classes
from sklearn_aae.outputs._constraints import Constraints
from sklearn_aae.outputs._level_head import LevelHead

#: So many rows are proposed for each that is asked for, and no more.
MOST_PROPOSALS = 100
#: How many of the proposals should have met the conditions if they had been drawn freely,
#: and how many must have: proposals of which hardly one had miss most of what does.
ENOUGH_MET, LEAST_MET = 10.0, 1.0
#: Rows that are drawn at once.
LEAST_ROWS, MOST_ROWS = 1024, 16384


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


def sample_posterior(
    module: AAEModule, codes: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return codes with what the posterior does to them before the decoder sees them."""
    posterior, k = module.posterior, module.n_components
    # Not where the spread of each row's code is not in the code, nor where noise is added
    # to what becomes a code only afterwards.
    if posterior.n_outputs(k) != k or module.prior.has_support_transform:
        return posterior.to_decoder(codes)
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


def check_level_head(module: AAEModule, what: str) -> None:
    """Raise ValueError unless the head is one over levels."""
    if not isinstance(module.head, LevelHead):
        raise ValueError(
            f"{what} needs an output over categories, and this model was fitted as one of "
            "numbers: fit it with output='autoregressive' (or 'independent')."
        )
