"""What parts of a model know of each other."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.training import AAENet, Phase, TrainBatches


class LabelledModel(Protocol):
    """What labels are read for.

    Attributes
    ----------
    supervision : str or None
        The estimator's parameter.
    classes_ : ndarray of shape (n_classes,)
        The classes, once there were labels.
    net_ : AAENet
        The fitted net.
    """

    supervision: str | None
    classes_: np.ndarray
    _class_counts: np.ndarray
    net_: AAENet

    @property
    def _fitted_supervision(self) -> str | None:
        """What ``supervision`` was when the networks were built."""


class Extension(Protocol):
    """Phases, rates, networks and batches beside the model's own."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Phases after the model's own."""

    @property
    def train_batches(self) -> type[TrainBatches]:
        """What makes the batches of an epoch, as :class:`TrainBatches` does."""

    def extend(self, builder: ModuleBuilder) -> ModuleBuilder:
        """Return a recipe for the extended networks, given that of the model's."""

    def rates(self, lr: float) -> dict[str, float]:
        """Return the learning rates of the phases' optimizers, given the model's."""
