"""Independent priors beside each other, each for some of the components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

import torch

from sklearn_aae.priors._base import Prior
from sklearn_aae.priors._wrapped import PriorLike


class Product(Prior):
    r"""Independent parts: :math:`p(z) = \prod_i p_i(z_{(i)})`.

    A category and a style, for example: ``Product([("categorical", 10), ("gaussian", 5)])``
    is what [1]_ calls :math:`y` and :math:`z`, in one code of 15 components.

    Parameters
    ----------
    parts : sequence of tuple
        Pairs of a prior (all that the estimator's ``prior`` accepts) and the number
        of components that it has.  One number may be None: that part has the rest.

    References
    ----------
    .. [1] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 4.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Product, Uniform
    >>> prior = Product([("categorical", 3), (Uniform(0, 1), None)])
    >>> prior.sample(100, 5, torch.Generator().manual_seed(0)).shape
    torch.Size([100, 5])
    >>> prior.transform_to_support(torch.zeros(1, 5))
    tensor([[0.3333, 0.3333, 0.3333, 0.0000, 0.0000]])
    """

    def __init__(self, parts: Sequence[tuple[PriorLike, int | None]]) -> None:
        self.parts = parts

    def check(self, n_components: int) -> None:
        for part, width in self._resolved(n_components):
            part.check(width)
            if part.learns:
                raise ValueError(
                    f"Product prior: {part!r} is learned with the model, which only a prior of the "
                    "whole code can be."
                )

    def count_modes(self, n_components: int) -> int:
        counts = [part.count_modes(width) for part, width in self._resolved(n_components)]
        return next((count for count in counts if count), 0)

    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        parts = self._resolved(n_components)
        return torch.cat([part.sample(n_samples, k, generator) for part, k in parts], dim=1)

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        # Modes of the first part that has some; the others are drawn whole.
        parts = self._resolved(n_components)
        counts = [part.count_modes(k) for part, k in parts]
        if not any(counts):
            return super().sample_modes(modes, n_components, generator)
        chosen = next(i for i, count in enumerate(counts) if count)
        draws = [
            part.sample_modes(modes, k, generator)
            if i == chosen
            else part.sample(len(modes), k, generator)
            for i, (part, k) in enumerate(parts)
        ]
        return torch.cat(draws, dim=1)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        terms = self._each(z, lambda part, piece: part.log_prob(piece))
        return torch.stack(terms).sum(dim=0)

    @property
    def has_support_transform(self) -> bool:
        """Whether a part has a support transform."""
        return any(part.has_support_transform for part, _ in self._as_priors())

    def transform_to_support(self, z: torch.Tensor) -> torch.Tensor:
        if not self.has_support_transform:
            return z
        return torch.cat(self._each(z, lambda part, piece: part.transform_to_support(piece)), dim=1)

    # ------------------------------------------------------------------- parts

    def _each(
        self, z: torch.Tensor, function: Callable[[Prior, torch.Tensor], torch.Tensor]
    ) -> list[torch.Tensor]:
        parts = self._resolved(z.shape[1])
        pieces = torch.split(z, [width for _, width in parts], dim=1)
        return [function(part, piece) for (part, _), piece in zip(parts, pieces, strict=True)]

    def _as_priors(self) -> list[tuple[Prior, int | None]]:
        """Return the parts as objects."""
        # Here, because the registry of names has this class among its own.
        from sklearn_aae.priors import find_prior

        parts: object = self.parts
        if not isinstance(parts, Sequence) or isinstance(parts, str) or len(parts) == 0:
            raise TypeError(
                f"Product prior: parts must be pairs of a prior and a number, got {parts!r}."
            )
        found: list[tuple[Prior, int | None]] = []
        for pair in parts:
            if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
                raise TypeError(f"Product prior: {pair!r} is no pair of a prior and a number.")
            prior, width = pair
            if width is not None and (not isinstance(width, Integral) or width < 1):
                raise ValueError(
                    f"Product prior: the number of components of {prior!r} must be positive or "
                    f"None, got {width!r}."
                )
            # What find_prior would copy is only read here.
            part = prior if isinstance(prior, Prior) else find_prior(prior)
            found.append((part, None if width is None else int(width)))
        return found

    def _resolved(self, n_components: int) -> list[tuple[Prior, int]]:
        """Return the parts as objects, each with the number of its components."""
        parts = self._as_priors()
        given = [width for _, width in parts if width is not None]
        rest = n_components - sum(given)
        n_open = len(parts) - len(given)
        if n_open > 1 or (rest < 1 if n_open else rest != 0):
            raise ValueError(
                f"Product prior: parts have {[width for _, width in parts]} components, which "
                f"do not add up to n_components={n_components}."
                + (" Only one of them may be None." if n_open > 1 else "")
            )
        return [(part, rest if width is None else width) for part, width in parts]
