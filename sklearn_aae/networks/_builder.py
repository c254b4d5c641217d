"""From constructor parameters to the module, reproducibly and without global draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from sklearn_aae._utils._random import NetworkStream, derive_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.networks._components import Components
from sklearn_aae.networks._conditioning import Conditioning
from sklearn_aae.networks._levels import LevelReader, OneHot
from sklearn_aae.networks._mlp import ACTIVATIONS, DISCRIMINATOR_ACTIVATION, SkipMLP, mlp
from sklearn_aae.networks._module import AAEModule, Network, build_network
from sklearn_aae.networks._start import start_from_components
from sklearn_aae.outputs import Head, Output, TableFacts
from sklearn_aae.outputs._flagged_head import FlaggedHead
from sklearn_aae.posteriors import Posterior
from sklearn_aae.priors import Prior

Activation = Callable[[], nn.Module]


@dataclass(frozen=True)
class ModuleBuilder:
    """A recipe that makes the same module whenever it is called.

    skorch builds its module from this when a net is initialised; a recipe instead
    of a module keeps a second copy of the weights out of the net and its pickle.
    """

    table: TableFacts
    n_components: int
    prior: Prior
    posterior: Posterior
    output: Output
    hidden_layer_sizes: tuple[int, ...]
    discriminator_layer_sizes: tuple[int, ...]
    activation: str
    seed: int
    encoder: Network | None = None
    decoder: Network | None = None
    discriminator: Network | None = None
    supervision: str | None = None
    n_classes: int = 0
    #: Where encoder and decoder start; None for a random start.
    components: Components | None = None

    def __call__(self) -> AAEModule:
        """Return a freshly initialised module."""
        # In one thread: it is small work.
        with torch_threads(1):
            return self._module()

    def _module(self) -> AAEModule:
        k, layout = self.n_components, self.table.layout
        n_flags = self.table.n_flags
        n_features = self.table.n_features + n_flags
        if layout is not None:
            n_features = int(layout.digit_sizes.sum())
        conditioning = self._conditioning()
        n_label = 0 if conditioning is None else conditioning.width
        n_decoder = k + n_label if self.supervision == "decoder" else k
        n_in, n_out = self.posterior.n_inputs(n_features, k), self.posterior.n_outputs(k)
        copies: dict[int, Any] = {}
        encoder = self._network("encoder", n_in, n_out, copies)
        n_params = self.output.n_params(self.table) + n_flags
        decoder = self._network("decoder", n_decoder, n_params, copies)
        if self.components is not None:
            seed = derive_seed(self.seed, NetworkStream.START)
            assert isinstance(encoder, SkipMLP)
            assert isinstance(decoder, SkipMLP)
            start_from_components(
                encoder, decoder, self.components, self.posterior, self.prior, k, seed
            )
        if layout is not None and self.encoder is not None:
            encoder = nn.Sequential(OneHot(layout), encoder)
        tail = self.posterior.tail(k)
        if tail is not None:
            encoder = nn.Sequential(*_layers(encoder), tail)
        return AAEModule(
            encoder,
            decoder,
            self._network("discriminator", k + n_label, 1, copies),
            head=self._head(),
            posterior=self.posterior,
            prior=self.prior.build(k),
            n_components=k,
            conditioning=conditioning,
        )

    def _head(self) -> Head:
        seed = derive_seed(self.seed, NetworkStream.HEAD)
        head = self.output.build(self.table, make_generator(seed))
        missing, center = self.table.missing, self.table.center
        if missing is None or center is None or not missing.any():
            return head
        return FlaggedHead(head, missing, center)

    def _network(
        self, role: str, n_in: int, n_out: int, copies: dict[int, Any] | None = None
    ) -> nn.Module:
        """Return the user's network of a role, or the package's own."""
        seed = derive_seed(self.seed, NetworkStream[role.upper()])
        layout, widths = self.table.layout, self.hidden_layer_sizes
        activate: Activation = ACTIVATIONS[self.activation]
        if role == "decoder":
            widths = widths[::-1]
        elif role == "discriminator":
            widths, activate = self.discriminator_layer_sizes, DISCRIMINATOR_ACTIVATION
        skip = role != "discriminator" and self.components is not None
        default = partial(_default_network, widths, activate, seed, SkipMLP if skip else mlp)
        if role == "encoder" and layout is not None:
            default = partial(_level_encoder, layout, widths, activate, seed)
        return build_network(role, getattr(self, role), n_in, n_out, default, seed, copies)

    def _conditioning(self) -> Conditioning | None:
        if self.supervision is None:
            return None
        by_modes = self.supervision == "prior"
        return Conditioning(
            self.n_classes,
            of_decoder=not by_modes,
            n_modes=self.prior.count_modes(self.n_components) if by_modes else 0,
        )


def _default_network(
    widths: tuple[int, ...],
    activate: Activation,
    seed: int,
    kind: Callable[..., nn.Module],
    n_in: int,
    n_out: int,
) -> nn.Module:
    return kind(n_in, widths, n_out, activate, make_generator(seed))


def _level_encoder(
    layout: Layout,
    widths: tuple[int, ...],
    activate: Activation,
    seed: int,
    n_in: int,
    n_out: int,
) -> nn.Module:
    generator = make_generator(seed)
    first, *rest = (*widths, n_out)
    layers: list[nn.Module] = [LevelReader(layout, first, generator)]
    if rest:
        layers += [activate(), *mlp(first, rest[:-1], n_out, activate, generator)]
    return nn.Sequential(*layers)


def _layers(network: nn.Module) -> list[nn.Module]:
    """Return the layers of a plain chain, or the network as the only one."""
    return list(network) if type(network) is nn.Sequential else [network]
