"""The contract of a prior: what the adversary pushes the codes towards."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from sklearn_aae._utils._bases import BaseEstimator


class Prior(ABC, BaseEstimator):
    """A distribution over codes; subclass it to bring your own.

    A prior is a small parameter object (``get_params``, ``clone`` and
    ``GridSearchCV`` work on it) whose methods are functions of its parameters
    alone.  Only one that learns has a state, which :meth:`build` makes.

    Notes
    -----
    The adversary of an adversarial autoencoder needs draws and nothing else
    [1]_, so :meth:`sample` is the only method that must be written.  What else a
    prior may have:

    - :meth:`log_prob`, a density;
    - :meth:`transform_to_support`, where an encoder's unbounded output cannot become
      a code as it is (probabilities of categories);
    - :meth:`count_modes` and :meth:`sample_modes`, parts that rows can be
      assigned to;
    - :meth:`build` and :meth:`update`, parameters that are learned with the model.

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
        """Raise if a parameter is unusable or the prior has no version of this width.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Raises
        ------
        ValueError
            If a parameter or the width is out of range; the message names it.
        TypeError
            If a parameter has the wrong type.
        """

    def build(self, n_components: int) -> Prior:
        """Return the object that a network is trained with.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        Prior
            The prior itself, or a copy with a fresh state if it learns.
        """
        return self

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
            Log densities, in the precision and on the device of ``z``.

        Raises
        ------
        ValueError
            If the prior has no density that could be evaluated.
        """
        raise ValueError(f"{type(self).__name__} has no density to evaluate, only draws.")

    # ------------------------------------------------------------- code space

    @property
    def has_support_transform(self) -> bool:
        """Whether :meth:`transform_to_support` does anything."""
        return type(self).transform_to_support is not Prior.transform_to_support

    def transform_to_support(self, z: torch.Tensor) -> torch.Tensor:
        """Take what the posterior gives to where codes can be; differentiable.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Unbounded numbers.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes; ``z`` itself unless a subclass says otherwise.
        """
        return z

    @property
    def suits_channel(self) -> bool:
        """Whether codes of mean 0 and variance 1 with normal noise can follow it."""
        return False

    # ------------------------------------------------------------------- modes

    def count_modes(self, n_components: int) -> int:
        """Return how many parts the prior has that rows can be assigned to.

        Parameters
        ----------
        n_components : int
            Width of the code.

        Returns
        -------
        int
            Number of modes; 0 if there are none to tell apart.
        """
        return 0

    def sample_modes(
        self, modes: torch.Tensor, n_components: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw one code from each of the given modes.

        Parameters
        ----------
        modes : Tensor of shape (n_samples,), int64
            The mode of each draw, from 0 to ``count_modes(n_components) - 1``.
        n_components : int
            Width of the code.
        generator : torch.Generator
            Source of all randomness; its device is the device of the draws.

        Returns
        -------
        Tensor of shape (n_samples, n_components), float32
            The draws.

        Raises
        ------
        ValueError
            If the prior has no modes, or not as many.
        """
        raise ValueError(
            f"{type(self).__name__} has no modes to draw from; priors.Mixture, SwissRoll and "
            "Categorical have."
        )

    # ---------------------------------------------------------------- learning

    @property
    def learns(self) -> bool:
        """Whether :meth:`update` does anything."""
        return type(self).update is not Prior.update

    def update(
        self, codes: torch.Tensor, generator: torch.Generator, *, last: bool = False
    ) -> None:
        """Learn from codes; called before every epoch but the first, and after the last.

        Parameters
        ----------
        codes : Tensor of shape (n_samples, n_components), float64, on the CPU
            Codes of training rows as the adversary sees them.
        generator : torch.Generator
            Source of all randomness.
        last : bool, default=False
            Whether training is over: what is set now is what ``sample`` draws from.
        """
