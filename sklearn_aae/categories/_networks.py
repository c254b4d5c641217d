"""Codes of two heads: probabilities of categories, and a style beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from sklearn_aae._utils._random import NetworkStream, derive_seed, make_generator
from sklearn_aae.networks._builder import ModuleBuilder
from sklearn_aae.networks._levels import LevelReader, OneHot
from sklearn_aae.networks._mlp import ACTIVATIONS, DISCRIMINATOR_ACTIVATION, mlp
from sklearn_aae.networks._module import AAEModule, build_network

#: Steps in which embeddings of categories are moved apart before training begins.
MOST_MOVES = 300


class SplitDiscriminator(nn.Module):
    """A discriminator for each head, side by side.

    Parameters
    ----------
    categories, style : torch.nn.Module
        ``(n, n_categories) -> (n, 1)`` and ``(n, n_style) -> (n, 1)``.
    n_categories : int
        Width of the first head.
    """

    def __init__(self, categories: nn.Module, style: nn.Module, n_categories: int) -> None:
        super().__init__()
        self.categories = categories
        self.style = style
        self.n_categories = n_categories

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Return the logits of both, (n, 2)."""
        k = self.n_categories
        return torch.cat([self.categories(code[:, :k]), self.style(code[:, k:])], dim=1)


class ClusterHeads(nn.Module):
    r"""The representation :math:`W y + z` of a code of two heads.

    Makhzani et al. 2015 (arXiv:1511.05644), section 6: a row of :math:`W` is the
    embedding of a category, and the style says where around it a row lies.

    Parameters
    ----------
    n_categories, n_style : int
        Widths of the heads; the style's is that of the representation.
    distance : float
        How far apart embeddings should be; they begin so.
    generator : torch.Generator
        Source of the initial embeddings.
    """

    def __init__(
        self, n_categories: int, n_style: int, distance: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        embedding = 0.5 * distance * torch.randn(n_categories, n_style, generator=generator)
        self.embedding = nn.Parameter(embedding)
        self._move_apart(distance)

    def _move_apart(self, distance: float) -> None:
        with torch.enable_grad():
            for _ in range(MOST_MOVES):
                loss = self.repulsion(distance)
                if loss == 0:
                    return
                (gradient,) = torch.autograd.grad(loss, self.embedding)
                with torch.no_grad():
                    self.embedding.sub_(0.02 * distance * gradient)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Return representations, (n, n_style)."""
        k = len(self.embedding)
        return code[:, :k] @ self.embedding + code[:, k:]

    def repulsion(self, threshold: float) -> torch.Tensor:
        """Return the sum over pairs of heads of what their distance lacks to a threshold."""
        # Not torch.pdist: its gradient is not repeatable on a GPU.
        i, j = torch.triu_indices(len(self.embedding), len(self.embedding), offset=1)
        squares = (self.embedding[i] - self.embedding[j]).square().sum(dim=1)
        return (threshold - (squares + 1e-12).sqrt()).clamp(min=0).sum()


class Reading(nn.Module):
    """An encoder whose first layer has read the rows already.

    Parameters
    ----------
    rest : torch.nn.Module
        The other layers.
    embedding : Tensor of shape (n, n_embedding)
        What the first layer gave, or what is put in its place.
    """

    def __init__(self, rest: nn.Module, embedding: torch.Tensor) -> None:
        super().__init__()
        self.rest = rest
        self.embedding = embedding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the other layers."""
        result: torch.Tensor = self.rest(self.embedding)
        return result


class TwoHeadedModule(AAEModule):
    """An adversarial autoencoder whose code is probabilities of categories, then a style.

    Parameters
    ----------
    *args, **kwargs : object
        As :class:`AAEModule` takes them.
    sizes : tuple of float
        Shares of rows that categories should have, one for each.

    Attributes
    ----------
    n_categories : int
        Width of the first head.
    """

    sizes: torch.Tensor

    def __init__(self, *args: Any, sizes: tuple[float, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.n_categories = len(sizes)
        # On the device before a step reads it, since a recorded step cannot copy from the host.
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)

    def logits(
        self,
        x: torch.Tensor,
        noise: torch.Tensor | None = None,
        *,
        encoder: nn.Module | None = None,
    ) -> torch.Tensor:
        """Return the categories' logits of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows on the network's scale.
        noise : Tensor of shape (n_samples, n_noise) or None
            Standard normal draws for the posterior; None for its mode.
        encoder : Module or None, default=None
            A copy of the encoder in the precision of ``x``; None for the encoder itself.

        Returns
        -------
        Tensor of shape (n_samples, n_categories)
            Logits; their softmax is the code's first part.
        """
        return self.raw_code(x, noise, encoder=encoder)[:, : self.n_categories]

    @property
    def reader(self) -> LevelReader | OneHot | None:
        """The layer that turns levels into numbers; None if rows are numbers."""
        first = self.encoder[0] if isinstance(self.encoder, nn.Sequential) else None
        return first if isinstance(first, (LevelReader, OneHot)) else None

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Return where rows lie among those that small steps lead to.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows on the network's scale.

        Returns
        -------
        Tensor of shape (n_samples, n_embedding)
            Numbers as they are; levels as the first layer gives them.
        """
        return x if self.reader is None else self.reader(x)

    def logits_at(self, embedding: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the categories' logits at embeddings.

        Parameters
        ----------
        embedding : Tensor of shape (n_samples, n_embedding)
            Near those of the rows.
        x : Tensor of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Tensor of shape (n_samples, n_categories)
            Logits.
        """
        if self.reader is None:
            return self.logits(embedding)
        assert isinstance(self.encoder, nn.Sequential)
        rest = self.encoder[1:]
        return self.logits(x, encoder=Reading(rest, embedding))

    @property
    def heads(self) -> ClusterHeads:
        """The embeddings of the categories; for decoders of :math:`W y + z` only."""
        assert isinstance(self.decoder, nn.Sequential)
        heads = self.decoder[0]
        assert isinstance(heads, ClusterHeads)
        return heads


@dataclass(frozen=True)
class TwoHeadedBuilder(ModuleBuilder):
    """A recipe for a :class:`TwoHeadedModule`.

    ``n_components`` is the width of both heads together.  With ``head_distance``, the
    decoder reads :math:`W y + z`, of the style's width, in place of the code.
    """

    sizes: tuple[float, ...] = (0.5, 0.5)
    head_distance: float | None = None

    def __call__(self) -> TwoHeadedModule:
        """Return a freshly initialised module."""
        recipe = {field.name: getattr(self, field.name) for field in fields(ModuleBuilder)}
        recipe["discriminator"] = None  # one of the whole code, which is not used
        if self.head_distance is not None:
            recipe["decoder"] = self._build_decoder
        plain = ModuleBuilder(**recipe)()
        for layer in plain.encoder.modules():
            if isinstance(layer, LevelReader):
                layer.vectors.start_by_rank()
        return TwoHeadedModule(
            plain.encoder,
            plain.decoder,
            self._build_discriminators(),
            head=plain.head,
            posterior=plain.posterior,
            prior=plain.prior,
            n_components=self.n_components,
            sizes=self.sizes,
        )

    @property
    def n_categories(self) -> int:
        """Width of the first head."""
        return len(self.sizes)

    def _build_discriminators(self) -> nn.Module:
        k = self.n_categories
        return SplitDiscriminator(
            self._build("discriminator", k, 1, NetworkStream.CATEGORY_DISCRIMINATOR),
            self._build(
                "discriminator", self.n_components - k, 1, NetworkStream.STYLE_DISCRIMINATOR
            ),
            k,
        )

    def _build_decoder(self, n_in: int, n_out: int) -> nn.Module:
        n_style = n_in - self.n_categories
        generator = make_generator(derive_seed(self.seed, NetworkStream.EMBEDDING))
        return nn.Sequential(
            ClusterHeads(self.n_categories, n_style, self.head_distance or 0.0, generator),
            self._build("decoder", n_style, n_out, NetworkStream.STYLE_DECODER),
        )

    def _build(self, role: str, n_in: int, n_out: int, stream: NetworkStream) -> nn.Module:
        seed = derive_seed(self.seed, stream)
        activate: Callable[[], nn.Module]
        if role == "decoder":
            widths, activate = self.hidden_layer_sizes[::-1], ACTIVATIONS[self.activation]
        else:
            widths, activate = self.discriminator_layer_sizes, DISCRIMINATOR_ACTIVATION

        def default(n_in: int, n_out: int) -> nn.Module:
            return mlp(n_in, widths, n_out, activate, make_generator(seed))

        return build_network(role, getattr(self, role), n_in, n_out, default, seed)
