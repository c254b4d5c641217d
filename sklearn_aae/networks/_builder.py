"""From constructor parameters to the module, reproducibly and without global draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sklearn_aae._random import derive_seed, make_generator
from sklearn_aae.networks._mlp import mlp
from sklearn_aae.networks._module import AAEModule, build_network
from sklearn_aae.outputs import Output
from sklearn_aae.posteriors import Posterior
from sklearn_aae.priors import Prior


@dataclass(frozen=True)
class ModuleBuilder:
    """A recipe that makes the same module whenever it is called.

    skorch builds its module from this when a net is initialised; a recipe instead
    of a module keeps a second copy of the weights out of the net and its pickle.
    """

    constant: np.ndarray
    n_components: int
    prior: Prior
    posterior: Posterior
    output: Output
    hidden_layer_sizes: tuple[int, ...]
    discriminator_layer_sizes: tuple[int, ...]
    activation: str
    seed: int
    encoder: Any = None
    decoder: Any = None
    discriminator: Any = None

    def __call__(self) -> AAEModule:
        """Return a freshly initialised module."""
        n_features, k = len(self.constant), self.n_components
        encoder_sizes = tuple(self.hidden_layer_sizes)
        roles = {
            "encoder": (n_features, self.posterior.n_outputs(k), encoder_sizes),
            "decoder": (k, self.output.n_params(n_features), encoder_sizes[::-1]),
            "discriminator": (k, 1, tuple(self.discriminator_layer_sizes)),
        }
        networks = {}
        for stream, (role, (n_in, n_out, sizes)) in enumerate(roles.items()):
            seed = derive_seed(self.seed, stream)
            default = partial(_default_network, sizes, self.activation, seed)
            networks[role] = build_network(role, getattr(self, role), n_in, n_out, default, seed)
        return AAEModule(
            **networks,
            head=self.output.build(self.constant),
            posterior=self.posterior,
            prior=self.prior,
            n_components=k,
        )


def _default_network(
    sizes: tuple[int, ...], activation: str, seed: int, n_in: int, n_out: int
) -> Any:
    return mlp(n_in, sizes, n_out, activation, make_generator(seed))
