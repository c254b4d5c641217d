"""The contract of an output: what the decoder predicts about each column."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn


class Head(nn.Module, ABC):
    """The decoder's distribution over rows, with what it learns of its own.

    ``params`` below is the decoder's raw output, of shape
    ``(n_samples, n_params)``; ``x`` are rows on the scale that the network reads.
    """

    @abstractmethod
    def cell_losses(self, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the loss of every cell.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        x : Tensor of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Losses; the unit is the head's to say.
        """

    @abstractmethod
    def mean(self, params: torch.Tensor) -> torch.Tensor:
        """Return the expected row.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Rows on the network's scale.
        """

    @abstractmethod
    def draw(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one row drawn from each distribution.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        generator : torch.Generator
            Source of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Rows on the network's scale.
        """

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        """Set, after training, what is estimated rather than learned.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder for training rows.
        x : Tensor of shape (n_samples, n_features)
            These rows.
        """


class Output(ABC, BaseEstimator):
    """A family of decoder distributions; ``build`` makes the head of one network."""

    #: Whether the estimator's ``scaling`` applies to the rows.
    scales: bool = True

    @abstractmethod
    def n_params(self, n_features: int) -> int:
        """Return the width of the decoder's output.

        Parameters
        ----------
        n_features : int
            Number of columns.

        Returns
        -------
        int
            Width of the decoder's output.
        """

    @abstractmethod
    def build(self, constant: np.ndarray) -> Head:
        """Return the head for a table.

        Parameters
        ----------
        constant : ndarray of shape (n_features,), bool
            The columns that hold one value only.

        Returns
        -------
        Head
            An unfitted head.
        """

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError if the table holds values that the family cannot give.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows as the user passed them.
        """
