"""What the engine reads of the net that it trains."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from skorch.callbacks import Callback
from skorch.history import History

from sklearn_aae.networks import AAEModule
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._batches import TableDataset
from sklearn_aae.training._phases import Phase


class Net(Protocol):
    """An initialised :class:`AAENet`, whose base class in skorch has no types."""

    module_: AAEModule
    criterion_: AdversarialLoss
    callbacks_: list[tuple[str, Callback]]
    history: History
    phases: tuple[Phase, ...]
    seed: int
    batch_size: int
    max_epochs: int
    device: str
    noise_share_: float
    interrupted_: bool
    stop_wanted_: bool
    full_rates_: dict[str, list[float]]
    epochs_begun_: int
    epochs_done_: int
    epochs_wanted_: int

    @property
    def optimizer_names(self) -> list[str]:
        """Names of the optimizers that the phases use, in order."""

    @property
    def optimizers_(self) -> dict[str, torch.optim.Optimizer]:
        """These optimizers, by name."""

    def encode_rows(self, dataset: TableDataset) -> np.ndarray:
        """Return the codes of a data set."""
