"""What a detector's parameters say of its networks and of their training."""

from __future__ import annotations

import math
from typing import Any

from sklearn_aae.autoencoder._parameters import as_sizes
from sklearn_aae.detection._fitting import ROW_SHARE
from sklearn_aae.detection.ensemble import EnsemblePlan, EnsembleSettings

#: Steps of ``max_epochs="auto"``.
AUTO_STEPS = 300
#: A batch is no larger than the rows that a member has, or than this: its rows are drawn with
#: replacement, and batches of a handful say little about the scale of codes.
LEAST_BATCH = 64


def settings_of(detector: Any) -> EnsembleSettings:
    """Return what a detector's ensemble is made like."""
    return EnsembleSettings(
        n_members=int(detector.n_estimators),
        n_components=int(detector.n_components),
        hidden_layer_sizes=as_sizes(detector.hidden_layer_sizes, "hidden_layer_sizes"),
    )


def plan_of(detector: Any, n_rows: int) -> EnsemblePlan:
    """Return how a detector's ensemble is trained on so many rows."""
    own = math.ceil(ROW_SHARE * n_rows)
    batch_size = min(int(detector.batch_size), max(own, LEAST_BATCH))
    steps = AUTO_STEPS
    if detector.max_epochs != "auto":
        steps = int(detector.max_epochs) * math.ceil(own / batch_size)
    return EnsemblePlan(
        n_steps=steps,
        batch_size=batch_size,
        lr=float(detector.lr),
        adversarial_weight=float(detector.adversarial_weight),
    )
