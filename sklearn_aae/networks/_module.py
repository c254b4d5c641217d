"""Encoder, decoder, discriminator and what joins them, in one torch module."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from typing import Any

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
    copies: dict[int, Any] | None = None,
) -> nn.Module:
    """Return a network of the given widths: the default, or one from the user.

    ``network`` is the constructor parameter ``role``: None for the default, an unfitted
    module, which is copied, or a module class or function ``(n_in, n_out) -> nn.Module``,
    during which ``seed`` seeds the global generators.  ``copies`` is the memo of
    :func:`copy.deepcopy`: what networks share, their copies share too.
    """
    if network is None:
        return default(n_in, n_out)
    with fenced(seed):
        built = _built(role, network, n_in, n_out, {} if copies is None else copies)
        _refuse_compiled(role, built)
        if _check_widths(role, built, n_in, n_out) != torch.float32:
            built.register_forward_hook(in_precision_of_rows)
        if _changes_inputs(built, n_in):
            built.register_forward_pre_hook(with_rows_of_its_own)
    return built


def with_rows_of_its_own(network: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return copies of inputs, for a network that would change them in place: a forward hook."""
    return tuple(x.clone() if isinstance(x, torch.Tensor) else x for x in inputs)


def in_precision_of_rows(
    network: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor
) -> torch.Tensor:
    """Return the output of a network that computes in a precision of its own: a forward hook."""
    return output.to(inputs[0].dtype)


def _built(role: str, network: Network, n_in: int, n_out: int, copies: dict[int, Any]) -> nn.Module:
    if isinstance(network, nn.Module):
        try:
            return copy.deepcopy(network, copies)
        except Exception as error:
            raise ValueError(
                f"{role} is a module that cannot be copied ({describe(error)}); pass a class or a "
                "function (n_in, n_out) -> torch.nn.Module that makes it."
            ) from error
    try:
        built = network(n_in, n_out)
    except Exception as error:
        raise ValueError(
            f"{role} must be a module, or a class or function that makes one of two widths; "
            f"calling it with (n_in={n_in}, n_out={n_out}) failed: {describe(error)}"
        ) from error
    if not isinstance(built, nn.Module):
        raise TypeError(
            f"{role} must return a torch.nn.Module for (n_in={n_in}, n_out={n_out}); "
            f"got {type(built).__name__}."
        )
    return built


def _refuse_compiled(role: str, network: nn.Module) -> None:
    """Raise if a part of a network was compiled: copies of it and of its optimizer part ways."""
    for name, part in network.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            which = f"its part {name!r}" if name else "it"
            raise TypeError(
                f"{role} cannot be trained further or copied: {which} was compiled by torch.jit. "
                "Pass the module that it was compiled of."
            )


def describe(error: BaseException) -> str:
    """Return an error in a line, for the message of another."""
    return f"{type(error).__name__}: {error}"


def _trial_rows(network: nn.Module, n_in: int) -> torch.Tensor:
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    return torch.zeros(2, n_in, dtype=torch.float32, device=device)


def _check_widths(role: str, network: nn.Module, n_in: int, n_out: int) -> torch.dtype:
    """Return the type of outputs; raise unless the network maps (2, n_in) to (2, n_out).

    A network that was made in another precision becomes one of float32.
    """
    # Evaluation mode: the trial must not move the statistics of a batch norm.
    network.eval()
    try:
        out = _try_out(network, n_in)
    except Exception as error:
        raise ValueError(
            f"{role} must take a float32 tensor of shape (n, {n_in}) and return one of shape "
            f"(n, {n_out}); for n=2 it failed: {describe(error)}"
        ) from error
    if not isinstance(out, torch.Tensor):
        raise TypeError(
            f"{role} must map a tensor of shape (n, {n_in}) to one of shape (n, {n_out}); it "
            f"returned {type(out).__name__}, and what is not needed has to be left out."
        )
    if tuple(out.shape) != (2, n_out):
        raise ValueError(
            f"{role} must map a tensor of shape (n, {n_in}) to (n, {n_out}); for n=2 it "
            f"returned shape {tuple(out.shape)}."
        )
    if not out.is_floating_point():
        raise TypeError(f"{role} must return floating-point numbers; it returned {out.dtype}.")
    return out.dtype


def _try_out(network: nn.Module, n_in: int) -> Any:
    with torch.no_grad():
        try:
            return network(_trial_rows(network, n_in))
        # Whatever it raises: if precision was not why, it is raised again below.
        except Exception:
            if all(p.dtype == torch.float32 for p in network.parameters()):
                raise
            network.float()
            return network(_trial_rows(network, n_in))


def _changes_inputs(network: nn.Module, n_in: int) -> bool:
    """Return whether a network writes to the rows that it is given, as in-place layers do."""
    try:
        training = copy.deepcopy(network).train()  # a pass in training moves statistics
    # A network that cannot be copied is not tried out, and gets rows of its own.
    except Exception:
        return True
    for each in (network, training):
        rows = _trial_rows(network, n_in)
        version = rows._version
        with contextlib.suppress(Exception), torch.no_grad():
            each(rows)
        if rows._version != version:
            return True
    return False


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

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Set weights as torch does; if they are of other networks, set none: ValueError."""
        before = {name: value.clone() for name, value in self.state_dict().items()}
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except RuntimeError as error:
            super().load_state_dict(before)  # torch has set those that fit
            raise ValueError(
                "These weights are of networks that were built otherwise. Give the model the "
                "parameters of the one that they are of, and init first: what starts at principal "
                'components (init="pca") has a linear path that a start at random (init="random", '
                f"or networks of one's own) has not.\n{error}"
            ) from error

    def encode(
        self,
        x: torch.Tensor,
        noise: torch.Tensor | None = None,
        *,
        encoder: Callable[[torch.Tensor], torch.Tensor] | None = None,
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
        encoder: Callable[[torch.Tensor], torch.Tensor] | None = None,
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
        result: torch.Tensor = self.decoder(self.decoder_inputs(code, labels))
        return result

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
