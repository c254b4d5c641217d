"""The contract of a prior: what the adversary pushes the codes towards."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator


class Prior(ABC, BaseEstimator):
    """A distribution over codes; subclass it to bring your own.

    A prior is a small parameter object (``get_params``, ``clone`` and
    ``GridSearchCV`` work on it) whose methods are functions of its parameters
    alone.

    Notes
    -----
    The adversary of an adversarial autoencoder needs draws and nothing else
    [1]_, so :meth:`sample` is the only method that must be written.

    References
    ----------
    .. [1] A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey,
       "Adversarial Autoencoders", arXiv:1511.05644, 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Prior
    >>> class Cube(Prior):
    ...     def sample(self, n_samples, n_components, generator):
    ...         return torch.rand((n_samples, n_components), generator=generator)
    >>> Cube().sample(3, 2, torch.Generator()).shape
    torch.Size([3, 2])
    """

    def check(self, n_components: int) -> None:
        """Raise ValueError if the prior has no version of this width.

        Parameters
        ----------
        n_components : int
            Width of the code.
        """

    @abstractmethod
    def sample(self, n_samples: int, n_components: int, generator: torch.Generator) -> torch.Tensor:
        """Draw codes.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        n_components : int
            Width of the code.
        generator : torch.Generator
            Source of all randomness; its device is the device of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_components), float32
            The draws.
        """

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log density of each row, in nats.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples,)
            Log densities.

        Raises
        ------
        ValueError
            If the prior has no density that could be evaluated.
        """
        raise ValueError(f"{type(self).__name__} has no density to evaluate, only draws.")
