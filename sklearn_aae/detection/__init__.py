"""What the detector is made of: fitting an ensemble, evidence, references, calibration."""

from sklearn_aae.detection._calibration import (
    benjamini_hochberg,
    conformal_threshold,
    n_held_out,
    p_values,
)
from sklearn_aae.detection._explain import Reason, give_reasons
from sklearn_aae.detection._fitting import (
    FittedModel,
    adopt_model,
    fit_autoregressive,
    fit_ensemble,
)
from sklearn_aae.detection._progress import Progress, n_tasks
from sklearn_aae.detection._rows import (
    RowReader,
    TableReader,
    fold_features,
    is_mixed,
)
from sklearn_aae.detection._single import check_estimator, read_as_estimator

__all__ = [
    "FittedModel",
    "Progress",
    "Reason",
    "RowReader",
    "TableReader",
    "adopt_model",
    "benjamini_hochberg",
    "check_estimator",
    "conformal_threshold",
    "fit_autoregressive",
    "fit_ensemble",
    "fold_features",
    "give_reasons",
    "is_mixed",
    "n_held_out",
    "n_tasks",
    "p_values",
    "read_as_estimator",
]
