"""What the detector is made of: fitting an ensemble, evidence, references, calibration."""

from sklearn_aae.detection._calibration import (
    benjamini_hochberg,
    conformal_threshold,
    n_held_out,
    p_values,
)
from sklearn_aae.detection._explain import Reason, expected_cells
from sklearn_aae.detection._fitting import FittedModel, adopt_model, fit_ensemble
from sklearn_aae.detection._rows import FrozenReader, RowReader, fold_features

__all__ = [
    "FittedModel",
    "FrozenReader",
    "Reason",
    "RowReader",
    "adopt_model",
    "benjamini_hochberg",
    "conformal_threshold",
    "expected_cells",
    "fit_ensemble",
    "fold_features",
    "n_held_out",
    "p_values",
]
