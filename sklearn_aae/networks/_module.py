"""Encoder, decoder, discriminator and what joins them, in one torch module."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from sklearn_aae._utils._random import fenced
from sklearn_aae.networks._conditioning import Conditioning
from sklearn_aae.outputs import Head
from sklearn_aae.posteriors import Posterior
from sklearn_aae.priors import Prior

#: What a user gives for one of the networks: a module, or what makes one of two widths.
Network = nn.Module | Callable[[int, int], nn.Module]


def build_network(
    role: str,
    network: Network | None,
    n_in: int,
    n_out: int,
    default: Callable[[int, int], nn.Module],
    seed: int,
) -> nn.Module:
    """Return a network of the given widths: the default, or one from the user.

    ``network`` is the constructor parameter ``role``: None for the default, an unfitted
    module, which is copied, or a module class or function ``(n_in, n_out) -> nn.Module``,
    during which ``seed`` seeds the global generators.
    """
    if network is None:
        return default(n_in, n_out)
    with fenced(seed):
        built = copy.deepcopy(network) if isinstance(network, nn.Module) else network(n_in, n_out)
        if not isinstance(built, nn.Module):
            raise TypeError(
                f"{role} must return a torch.nn.Module for (n_in={n_in}, n_out={n_out}); "
                f"got {type(built).__name__}."
            )
        _check_widths(role, built, n_in, n_out)
    return built


def _check_widths(role: str, network: nn.Module, n_in: int, n_out: int) -> None:
    """Raise ValueError unless the network maps (2, n_in) to (2, n_out)."""
    # Evaluation mode: the trial must not move the statistics of a batch norm.
    network.eval()
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(2, n_in)).shape)
    except RuntimeError as error:
        raise ValueError(
            f"{role} must take a float32 tensor of shape (n, {n_in}); it failed: {error}"
        ) from error
    if shape != (2, n_out):
        raise ValueError(
            f"{role} must map a tensor of shape (n, {n_in}) to (n, {n_out}); for n=2 it "
            f"returned shape {shape}."
        )


class AAEModule(nn.Module):
    """The networks of an adversarial autoencoder.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``(n, n_features) -> (n, posterior.n_outputs(n_components))``; the posterior may
        widen its input.
    decoder : torch.nn.Module
        ``(n, n_components) -> (n, output.n_params(n_features))``; labels may widen its input.
    discriminator : torch.nn.Module
        ``(n, n_components) -> (n, 1)``, logits of "this is a prior draw"; labels may widen
        its input.
    head : Head
        The output head: the decoder's likelihood of rows.
    posterior : Posterior
        How the encoder's output becomes a code.
    prior : Prior
        What the codes should follow.
    n_components : int
        Width of the code.
    conditioning : Conditioning or None, default=None
        How labels enter decoder, discriminator and prior draws; None if they do not.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> aae = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(load_iris().data)
    >>> type(aae.net_.module_).__name__
    'AAEModule'
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        discriminator: nn.Module,
        head: Head,
        posterior: Posterior,
        prior: Prior,
        n_components: int,
        conditioning: Conditioning | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.discriminator = discriminator
        self.head = head
        self.posterior = posterior
        self.prior = prior
        self.n_components = n_components
        self.conditioning = conditioning

    def encode(
        self,
        x: torch.Tensor,
        noise: torch.Tensor | None = None,
        *,
        encoder: nn.Module | None = None,
    ) -> torch.Tensor:
        """Return codes (n_samples, n_components) of rows on the network's scale.

        They are drawn with ``noise``, standard normal of shape (n_samples, n_noise), or the
        posterior's modes without it.  ``encoder`` may be a copy of the encoder in the
        precision of ``x``.
        """
        return self.prior.transform_to_support(self.raw_code(x, noise, encoder=encoder))

    def raw_code(
        self,
        x: torch.Tensor,
        noise: torch.Tensor | None = None,
        *,
        encoder: nn.Module | None = None,
    ) -> torch.Tensor:
        """Return what :meth:`encode` does before the prior takes it to its support."""
        encoder, posterior = self.encoder if encoder is None else encoder, self.posterior
        if noise is None:
            return posterior.encode(encoder, x, self.n_components)
        return posterior.draw(encoder(posterior.inputs(x, noise)), noise)

    def forward(
        self,
        x: torch.Tensor,
        noise: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the decoder's output for the codes of rows, (n_samples, n_params)."""
        code = self.encode(x, noise)
        code = code if noise is not None else self.posterior.to_decoder(code)
        return self.decoder(self.decoder_inputs(code, labels))

    @property
    def decodes_labels(self) -> bool:
        """Whether the decoder reads labels."""
        return self.conditioning is not None and self.conditioning.of_decoder

    def decoder_inputs(self, code: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """Return what the decoder reads: codes in its space, and labels where it reads them.

        Labels are int64, -1 for a row without one; None if no row has one.
        """
        if self.conditioning is None or not self.conditioning.of_decoder:
            return code
        return self.conditioning.mark(code, labels)

    def discriminator_inputs(self, code: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """Return what the discriminator reads: codes or prior draws, and their labels."""
        return code if self.conditioning is None else self.conditioning.mark(code, labels)

    def draw_codes(
        self, n_samples: int, generator: torch.Generator, labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return codes of the prior, or of the part of it that belongs to their labels."""
        k = self.n_components
        if self.conditioning is None:
            return self.prior.sample(n_samples, k, generator).detach()
        return self.conditioning.draw(self.prior, n_samples, k, labels, generator)
