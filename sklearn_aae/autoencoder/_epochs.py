"""What a model tells of its epochs: read from the history of its net, which grows in place."""

from __future__ import annotations

import math
from collections.abc import Callable

from sklearn_aae.training import AAENet, TrainingReport

EARLY_STOPPING_FIGURES = ("valid_loss", "prior_gap", "validation_figure")


class EpochsMixin:
    """Losses by epoch, made when they are read; not public."""

    net_: AAENet

    @property
    def history_(self) -> dict[str, list[float]]:
        """Loss of each phase by epoch, and with early stopping its figures."""
        names = [f"train_{phase.name}_loss" for phase in self.net_.phases]
        epochs = self.net_.history
        recorded = set().union(*epochs)
        names += [name for name in EARLY_STOPPING_FIGURES if name in recorded]
        # Epochs of a call that did not stop early have no such figures.
        return {
            name.removeprefix("train_"): [epoch.get(name, math.nan) for epoch in epochs]
            for name in names
        }

    @property
    def loss_curve_(self) -> list[float]:
        """Reconstruction loss per column of each epoch."""
        return [epoch["train_loss"] for epoch in self.net_.history]

    @property
    def training_report_(self) -> TrainingReport:
        """What the last training says of itself: figures, each with a verdict and a remedy."""
        if self.net_.training_report_ is None:  # an older file has none
            raise AttributeError("there is no training_report_ before a fit has ended.")
        return self.net_.training_report_

    def _undoing(self) -> Callable[[], None] | None:
        """Return what takes from a history the epochs that a call to come adds to it."""
        if not hasattr(self, "net_"):
            return None
        history, n_epochs = self.net_.history, len(self.net_.history)
        return lambda: history.__delitem__(slice(n_epochs, None))
