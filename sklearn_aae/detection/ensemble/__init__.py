"""The detector's ensemble: many small adversarial autoencoders, trained as one."""

from sklearn_aae.detection.ensemble._autoregressive import AutoregressiveEnsemble
from sklearn_aae.detection.ensemble._densities import FREEDOM, MOST, TAIL, Densities, log_mixture
from sklearn_aae.detection.ensemble._ensemble import Ensemble
from sklearn_aae.detection.ensemble._members import (
    NEAR,
    EnsembleSettings,
    affine,
    choose_columns,
    gather_rows,
    member_rows,
)
from sklearn_aae.detection.ensemble._trainer import EnsemblePlan, EnsembleTrainer, Excerpt

__all__ = [
    "FREEDOM",
    "MOST",
    "NEAR",
    "TAIL",
    "AutoregressiveEnsemble",
    "Densities",
    "Ensemble",
    "EnsemblePlan",
    "EnsembleSettings",
    "EnsembleTrainer",
    "Excerpt",
    "affine",
    "choose_columns",
    "gather_rows",
    "log_mixture",
    "member_rows",
]
