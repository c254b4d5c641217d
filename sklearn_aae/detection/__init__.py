"""What the detector is made of: fitting an ensemble, evidence, references, calibration."""

from sklearn_aae.detection._calibration import (
    benjamini_hochberg,
    conformal_threshold,
    n_held_out,
    p_values,
)
from sklearn_aae.detection._explain import Reason, expected_numbers, expected_rows
from sklearn_aae.detection._fitting import FittedModel, adopt_model, fit_ensemble
from sklearn_aae.detection._rows import (
    FrozenReader,
    RowReader,
    TableReader,
    fold_features,
    is_mixed,
)

__all__ = [
    "FittedModel",
    "FrozenReader",
    "Reason",
    "RowReader",
    "TableReader",
    "adopt_model",
    "benjamini_hochberg",
    "conformal_threshold",
    "expected_numbers",
    "expected_rows",
    "fit_ensemble",
    "fold_features",
    "is_mixed",
    "n_held_out",
    "p_values",
]
