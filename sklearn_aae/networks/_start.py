"""Networks that begin as principal components: a linear map to the code, and its inverse."""

from __future__ import annotations

import torch
from torch.nn import functional

from sklearn_aae._utils._random import make_generator
from sklearn_aae.networks._components import Components
from sklearn_aae.networks._mlp import SkipMLP
from sklearn_aae.posteriors import Posterior
from sklearn_aae.priors import Prior

#: Prior draws that its mean and its spread are measured on, and what is cut off of them on
#: either side, so that they are finite.
N_DRAWS, TAIL = 4096, 0.005


@torch.no_grad()
def start_from_components(
    encoder: SkipMLP,
    decoder: SkipMLP,
    components: Components,
    posterior: Posterior,
    prior: Prior,
    n_components: int,
    seed: int,
) -> None:
    """Make encoder and decoder of rows the principal components, on the prior's scale.

    Codes that the rows do not determine begin along random directions, and the decoder does
    not read them; nor does it read labels beside the code, nor the encoder noise beside the rows.
    """
    generator = make_generator(seed)
    mean, vectors, spread = map(torch.from_numpy, components)
    k, (d, found) = n_components, vectors.shape
    if posterior.tail(k) is not None:  # it sets mean and spread itself
        center, scale = torch.zeros(k, dtype=torch.float64), torch.ones(k, dtype=torch.float64)
    else:
        center, scale = prior_moments(prior, k, generator)
    to_code = (vectors / spread).T
    others = functional.normalize(
        torch.randn(k - found, d, generator=generator, dtype=torch.float64)
    )
    if found:
        # The variance of rows along a random direction is that of a column, on average.
        others /= spread.square().sum().div(d).sqrt().clamp(min=1e-6)
    to_code = torch.cat([to_code, others]) * scale[:, None]
    encoder.path[:k, :d] = to_code
    encoder.last.bias[:k] = center - to_code @ mean
    encoder.last.bias[k:] = posterior.initial_rest
    to_rows = vectors * (spread / scale[:found])
    decoder.path[:d, :found] = to_rows / posterior.to_decoder(torch.ones(1, found))
    decoder.last.bias[:d] = mean - to_rows @ center[:found]


def prior_moments(
    prior: Prior, n_components: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation (n_components,) of a prior's components."""
    if prior.suits_channel:
        ones = torch.ones(n_components, dtype=torch.float64)
        return torch.zeros_like(ones), ones
    draws = prior.sample(N_DRAWS, n_components, generator).detach().cpu().double()
    low, high = torch.quantile(draws, torch.tensor([TAIL, 1 - TAIL], dtype=torch.float64), dim=0)
    draws = draws.clamp(low, high)
    return draws.mean(dim=0), draws.std(dim=0).clamp(min=1e-3)
