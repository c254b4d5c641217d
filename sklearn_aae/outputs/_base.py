"""The contract of an output: what the decoder predicts about each column."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import nn

from sklearn_aae._utils._bases import BaseEstimator
from sklearn_aae.encoding import TableFacts


class Head(nn.Module, ABC):
    """An output head: the decoder's likelihood of rows, with what it learns of its own.

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
            Losses, in a unit that the subclass names.
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

    def draw_flags(self, params: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the expected row, in which it is drawn whether a number is missing.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        generator : torch.Generator
            Source of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Rows on the network's scale; those of ``mean`` unless a subclass has flags.
        """
        return self.mean(params)

    def corrupt(
        self, x: torch.Tensor, level: float, spread: np.ndarray, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows as the encoder sees them in the reconstruction phase.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows.
        level : float
            The posterior's input noise, in standard deviations.
        spread : ndarray of shape (n_features,)
            Standard deviations of the columns.
        generator : torch.Generator
            Source of the noise.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The rows with Gaussian noise; the very same if ``level`` is 0.
        """
        if not level:
            return x
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        scale = torch.as_tensor(level * spread, dtype=x.dtype, device=x.device)
        return torch.addcmul(x, noise, scale)

    def draw_dropout_masks(self, n_samples: int, generator: torch.Generator) -> torch.Tensor | None:
        """Return what training leaves out of each row at random.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        generator : torch.Generator
            Source of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_masks) or None
            Masks for ``training_losses``, beside each other; None for none.
        """
        return None

    def training_losses(
        self, params: torch.Tensor, x: torch.Tensor, dropout_masks: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the losses that the reconstruction phase minimises.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        x : Tensor of shape (n_samples, n_features)
            Rows.
        dropout_masks : Tensor of shape (n_samples, n_masks) or None
            What ``draw_dropout_masks`` gave for these rows.

        Returns
        -------
        Tensor of shape (n_samples, n_columns)
            Losses; those of ``cell_losses`` unless a subclass says otherwise.
        """
        return self.cell_losses(params, x)

    def calibrate(self, params: torch.Tensor, x: torch.Tensor) -> None:
        """Set, after training, what is estimated rather than learned.

        Parameters
        ----------
        params : Tensor of shape (n_samples, n_params)
            Output of the decoder for training rows.
        x : Tensor of shape (n_samples, n_features)
            These rows; NaN for a missing number.
        """


class Output(ABC, BaseEstimator):
    """A family of likelihoods; ``build`` makes the output head of one network."""

    #: Whether rows are levels of a :class:`~sklearn_aae.TableEncoder`, not numbers.
    reads_levels: bool = False

    #: Whether the estimator's ``scaling`` applies to the rows.
    scales: bool = True

    #: Whether the decoder's first outputs are the row itself, so that it can begin as
    #: principal components.
    predicts_rows: bool = False

    @abstractmethod
    def n_params(self, table: TableFacts) -> int:
        """Return the width of the decoder's output.

        Parameters
        ----------
        table : TableFacts
            The table.

        Returns
        -------
        int
            Width of the decoder's output.
        """

    @abstractmethod
    def build(self, table: TableFacts, generator: torch.Generator) -> Head:
        """Return the output head for a table.

        Parameters
        ----------
        table : TableFacts
            The table.
        generator : torch.Generator
            Source of the initial values of what it learns.

        Returns
        -------
        Head
            An unfitted output head.
        """

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError if the table holds values that the family cannot give.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows as the user passed them; NaN for a missing number.
        """
