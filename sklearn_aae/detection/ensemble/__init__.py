"""The detector's ensemble: many small adversarial autoencoders, trained as one."""

from sklearn_aae.detection.ensemble._autoregressive import AutoregressiveEnsemble
from sklearn_aae.detection.ensemble._densities import Densities, log_mixture
from sklearn_aae.detection.ensemble._ensemble import Ensemble
from sklearn_aae.detection.ensemble._members import (
    EnsembleSettings,
    block_size,
    choose_columns,
    member_rows,
)
from sklearn_aae.detection.ensemble._trainer import EnsemblePlan, EnsembleTrainer

__all__ = [
    "AutoregressiveEnsemble",
    "Densities",
    "Ensemble",
    "EnsemblePlan",
    "EnsembleSettings",
    "EnsembleTrainer",
    "block_size",
    "choose_columns",
    "log_mixture",
    "member_rows",
]
