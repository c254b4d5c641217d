"""From constructor parameters to the module, reproducibly and without global draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from sklearn_aae._random import derive_seed, make_generator
from sklearn_aae.networks._mlp import ACTIVATIONS, DISCRIMINATOR_ACTIVATION, mlp
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
        sizes, activation = self.hidden_layer_sizes, ACTIVATIONS[self.activation]
        roles: dict[str, tuple[int, int, tuple[int, ...], Callable[[], nn.Module]]] = {
            "encoder": (n_features, self.posterior.n_outputs(k), sizes, activation),
            "decoder": (k, self.output.n_params(n_features), sizes[::-1], activation),
            "discriminator": (k, 1, self.discriminator_layer_sizes, DISCRIMINATOR_ACTIVATION),
        }
        networks = {}
        for stream, (role, (n_in, n_out, widths, activate)) in enumerate(roles.items()):
            seed = derive_seed(self.seed, stream)
            default = partial(_default_network, widths, activate, seed)
            networks[role] = build_network(role, getattr(self, role), n_in, n_out, default, seed)
        return AAEModule(
            **networks,
            head=self.output.build(self.constant),
            posterior=self.posterior,
            prior=self.prior,
            n_components=k,
        )


def _default_network(
    widths: tuple[int, ...], activate: Callable[[], nn.Module], seed: int, n_in: int, n_out: int
) -> nn.Module:
    return mlp(n_in, widths, n_out, activate, make_generator(seed))
