"""The contract of a posterior: how an encoder's output becomes a code."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator


class Posterior(ABC, BaseEstimator):
    """How the encoder's output ``h`` becomes a code ``z``; subclass it to bring your own.

    Like a prior, a posterior is a small parameter object whose methods are
    functions of its parameters and arguments alone.
    """

    @abstractmethod
    def n_outputs(self, n_components: int) -> int:
        """Return the width of the encoder's output for a code of ``n_components``.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            Width of the encoder's output.
        """

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

    @abstractmethod
    def mode(self, h: torch.Tensor) -> torch.Tensor:
        """Return the one code that stands for each row (what ``transform`` gives).

        Parameters
        ----------
        h : Tensor of shape (n_samples, n_outputs)
            Output of the encoder.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """
