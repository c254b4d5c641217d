"""Codes to decode, and rows that meet conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_array, gen_batches

from sklearn_aae._utils._random import fenced, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.networks import AAEModule, Classes
from sklearn_aae.outputs._constraints import Constraints, PairMask
from sklearn_aae.outputs._level_head import LevelHead

#: Rows that are proposed are at most so many, or so many for each row that is asked for if
#: that is more: one row needs as many proposals as several to find what is rare.
MOST_IN_ALL, MOST_PROPOSALS = 100_000, 100
#: How many of the proposals should have met the conditions if they had been drawn freely,
#: and how many must have: proposals of which hardly one had miss most of what does.
ENOUGH_MET, LEAST_MET = 10.0, 1.0
#: Rows that are drawn at once.
LEAST_ROWS, MOST_ROWS = 1024, 16384


def codes_of_density(density: Any, n_samples: int, n_components: int, seed: int) -> np.ndarray:
    """Return codes drawn from a density that was fitted to codes, by its ``sample(n)``.

    As in scikit-learn, that returns codes, or codes and labels; ``seed`` seeds the global
    generators meanwhile.
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
    """Return what the decoder reads: codes, of the prior if none are given, and labels."""
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
    pairs: Sequence[PairMask] = (),
    asked: Iterable[Any] | None = None,
) -> torch.Tensor:
    """Return digits of rows of the model's conditional distribution, class by class.

    ``shares`` has, by column, the share of each level that meets its condition; ``pairs`` say
    which levels may come together.  If the conditions, on columns that were ``asked`` for, are
    met too rarely, ValueError says so.
    """
    names = [layout.spans[j].name for j in shares] if asked is None else list(asked)
    if classes is None:
        return _draw_within(module, layout, shares, n_samples, generator, None, pairs, names)
    digits = torch.empty((n_samples, layout.n_digits), dtype=torch.int64, device=generator.device)
    for label in np.unique(classes.labels):
        rows = np.flatnonzero(classes.labels == label)
        own = classes.of(rows[:1])
        digits[rows] = _draw_within(module, layout, shares, len(rows), generator, own, pairs, names)
    return digits


def _draw_within(
    module: AAEModule,
    layout: Layout,
    shares: Mapping[int, np.ndarray],
    n_samples: int,
    generator: torch.Generator,
    one: Classes | None,
    pairs: Sequence[PairMask],
    names: list[Any],
) -> torch.Tensor:
    """Return digits of rows of the model's conditional distribution, of ``one`` class.

    A proposal's columns are drawn one by one, those with a condition among what it allows;
    its weight is the probability that free draws would have met the conditions.  There are
    more proposals the smaller that is, up to a limit.
    """
    head = level_head(module, "sample with conditions")
    constraints = Constraints(layout, shares, pairs=pairs)
    sampler = _RejectionSampler()
    most = max(MOST_IN_ALL, MOST_PROPOSALS * n_samples)
    first = min(MOST_PROPOSALS * n_samples, max(LEAST_ROWS, min(MOST_ROWS, 2 * n_samples)))
    with torch.inference_mode(), torch_threads(1):
        while sampler.n_kept < n_samples or sampler.n_met < ENOUGH_MET:
            # Twice as many in all each time, so that what is rare takes few turns.
            n = min(most - sampler.n_proposed, max(first, min(MOST_ROWS, sampler.n_proposed)))
            if n <= 0:
                if sampler.n_kept >= n_samples and sampler.n_met >= LEAST_MET:
                    break
                raise ValueError(
                    f"The conditions on {', '.join(map(repr, names))} are met too rarely: by about "
                    f"{sampler.n_met / sampler.n_proposed:.2g} of the model's rows, so that "
                    f"{sampler.n_proposed} proposals are too few for {n_samples} rows. Widen a "
                    "condition or leave one out."
                )
            own = None if one is None else one.of(slice(None), n)
            inputs = decoder_draws(module, n, generator, own)
            digits, log_weights = head.draw_within(module.decoder(inputs), generator, constraints)
            chances = torch.rand(n, generator=generator, device=digits.device)
            sampler.add(_Proposals(digits, log_weights.exp(), chances))
    assert sampler.kept is not None
    return sampler.kept.digits[:n_samples]


def draw_masked(
    reader: Any,
    module: AAEModule,
    pairs: Sequence[PairMask],
    n_samples: int,
    generator: torch.Generator,
    rng: np.random.Generator | None,
    classes: Classes | None = None,
) -> tuple[Any, np.ndarray]:
    """Return rows, handed back by a reader, of levels that may come together, and their weights.

    A weight is the probability that a free draw would have been such a row.
    """
    head, layout = level_head(module, "sample"), reader.encoder.layout_
    constraints = Constraints(layout, pairs=pairs)
    levels, log_weights = [], []
    with torch.inference_mode(), torch_threads(1):
        for rows in gen_batches(n_samples, MOST_ROWS):
            own = None if classes is None else classes.of(rows)
            inputs = decoder_draws(module, rows.stop - rows.start, generator, own)
            drawn, log_weight = head.draw_within(module.decoder(inputs), generator, constraints)
            levels.append(layout.from_digits(drawn.cpu().numpy()))
            log_weights.append(log_weight.double().exp().cpu().numpy())
    return reader.hand_back(np.concatenate(levels), rng=rng), np.concatenate(log_weights)


def share_within(
    module: AAEModule,
    layout: Layout,
    shares: Mapping[int, np.ndarray],
) -> float:
    """Return about which share of the model's rows meets conditions."""
    head = level_head(module, "sample with conditions")
    generator = make_generator(0, next(module.parameters()).device)
    with torch.inference_mode(), torch_threads(1):
        inputs = decoder_draws(module, LEAST_ROWS, generator)
        params = module.decoder(inputs)
        _, log_weights = head.draw_within(params, generator, Constraints(layout, shares))
    return float(log_weights.double().exp().mean())


class _Proposals(NamedTuple):
    """Rows to choose from, each with its weight and a uniform draw that decides."""

    digits: torch.Tensor
    weights: torch.Tensor
    chances: torch.Tensor


@dataclass
class _RejectionSampler:
    """Keeps proposals with probabilities proportional to their weights.

    The largest weight that was seen is kept for sure, so that kept rows may be dropped as
    proposals come in.
    """

    kept: _Proposals | None = None
    n_proposed: int = 0
    #: How many free draws would have met the conditions: the sum of weights.
    n_met: float = 0.0
    largest: float = 0.0

    @property
    def n_kept(self) -> int:
        return 0 if self.kept is None else len(self.kept.digits)

    def add(self, more: _Proposals) -> None:
        """Choose among the rows kept so far and more proposals."""
        self.n_proposed += len(more.digits)
        self.n_met += float(more.weights.sum())
        self.largest = max(self.largest, float(more.weights.max()))
        if self.kept is not None:
            more = _Proposals(*(torch.cat(parts) for parts in zip(self.kept, more, strict=True)))
        chosen = more.chances * self.largest < more.weights
        self.kept = _Proposals(*(part[chosen] for part in more))


def level_head(module: AAEModule, what: str) -> LevelHead:
    """Return the output head of a model over levels; raise ValueError if it is of numbers."""
    if not isinstance(module.head, LevelHead):
        raise ValueError(
            f"{what} needs an output over categories, and this model was fitted as one of "
            "numbers: fit it with output='autoregressive' (or 'independent')."
        )
    return module.head
