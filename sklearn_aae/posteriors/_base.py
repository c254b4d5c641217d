"""The contract of a posterior: how an encoder's output becomes a code."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import nn

from sklearn_aae._utils._bases import BaseEstimator


class Posterior(ABC, BaseEstimator):
    """How the encoder's output ``h`` becomes a code ``z``; subclass it to bring your own.

    Like a prior, a posterior is a small parameter object whose methods are
    functions of its parameters and arguments alone.

    Parameters
    ----------
    input_noise : float, default=0.3
        Standard deviation of Gaussian noise added to the encoder's input in the
        reconstruction phase, in standard deviations of each column; the row to
        reconstruct stays clean.  It keeps small tables from being memorised, and
        falls with the learning rate over the second half of a fit.  0 switches it
        off.
    """

    #: Whether the encoder may read levels of a mixed-type table, which are whole numbers.
    takes_levels = True

    #: What outputs of the encoder after the first ``n_components`` are at the start, where the
    #: first are principal components.
    initial_rest = 0.0

    def __init__(self, input_noise: float = 0.3) -> None:
        self.input_noise = input_noise

    def check(self) -> None:
        """Raise ValueError if a parameter is out of range."""
        if not (math.isfinite(self.input_noise) and self.input_noise >= 0):
            raise ValueError(
                f"{type(self).__name__} posterior: input_noise must be at least 0, got "
                f"{self.input_noise!r}."
            )

    def n_outputs(self, n_components: int) -> int:
        """Return the width of the encoder's output for a code of ``n_components``.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            ``n_components`` unless a posterior says otherwise.
        """
        return n_components

    @abstractmethod
    def n_noise(self, n_components: int) -> int:
        """Return how many standard normal draws one row needs in training.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            Number of draws; 0 for a deterministic posterior.
        """

    def n_inputs(self, n_features: int, n_components: int) -> int:
        """Return the width of what the encoder reads.

        Parameters
        ----------
        n_features : int
            Width of a row on the network's scale.
        n_components : int
            Width of the code.

        Returns
        -------
        int
            ``n_features`` unless a posterior says otherwise.
        """
        return n_features

    def inputs(self, x: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        """Return what the encoder reads when a code is drawn.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows on the network's scale.
        noise : Tensor of shape (n_samples, n_noise) or None
            Standard normal draws; None where ``n_noise`` is 0.

        Returns
        -------
        Tensor of shape (n_samples, n_inputs)
            The rows themselves unless a posterior says otherwise.
        """
        return x

    def tail(self, n_components: int) -> nn.Module | None:
        """Return a last layer for the encoder, or None for none.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        Module or None
            Maps the encoder's output to one of the same shape.
        """
        return None

    def to_decoder(self, code: torch.Tensor) -> torch.Tensor:
        """Return where the decoder expects the code that ``mode`` gives.

        Parameters
        ----------
        code : Tensor of shape (n_samples, n_components)
            What ``mode`` gives.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            The mean of ``draw``; the code itself unless a posterior says otherwise.
        """
        return code

    @abstractmethod
    def draw(self, h: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        """Return codes drawn from the posterior, differentiable in ``h``.

        Parameters
        ----------
        h : Tensor of shape (n_samples, n_outputs)
            Output of the encoder.
        noise : Tensor of shape (n_samples, n_noise) or None
            Standard normal draws; None where ``n_noise`` is 0.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """

    def mode(self, h: torch.Tensor) -> torch.Tensor:
        """Return the one code that stands for each row (what ``transform`` gives).

        Parameters
        ----------
        h : Tensor of shape (n_samples, n_outputs)
            Output of the encoder.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            The encoder's output unless a posterior says otherwise.
        """
        return h

    def encode(
        self, encoder: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, n_components: int
    ) -> torch.Tensor:
        """Return the one code that stands for each row, given the rows.

        Parameters
        ----------
        encoder : callable
            The encoder, in the precision of ``x``.
        x : Tensor of shape (n_samples, n_features)
            Rows on the network's scale.
        n_components : int
            Width of the code.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            ``mode`` of the encoder's output unless a posterior says otherwise.
        """
        return self.mode(encoder(x))
