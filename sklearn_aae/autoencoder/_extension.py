"""What an estimator may add to the model that it is made of."""

from __future__ import annotations

from typing import Protocol

from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.training import Phase, TrainBatches


class Extension(Protocol):
    """Phases, rates, networks and batches beside the model's own.

    Attributes
    ----------
    phases : tuple of Phase
        Phases after the model's own.
    train_batches : type
        Makes the batches of an epoch, as :class:`TrainBatches` does.
    """

    phases: tuple[Phase, ...]
    train_batches: type[TrainBatches]

    def extend(self, builder: ModuleBuilder) -> ModuleBuilder:
        """Return a recipe for the extended networks, given that of the model's."""

    def rates(self, lr: float) -> dict[str, float]:
        """Return the learning rates of the phases' optimizers, given the model's."""
