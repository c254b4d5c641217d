"""Boosted trees on rows with categories and missing cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: As many categories as scikit-learn's histogram boosting can tell apart.
MAX_LEVELS = 255


def fit_boosted(
    X: np.ndarray,
    y: np.ndarray,
    *,
    n_levels: Sequence[int] | np.ndarray,
    is_class: bool,
    **parameters: Any,
) -> Any:
    """Fit boosted trees; columns with 1 to 255 levels are categories, others numbers."""
    # Imported here: half of the package's import time would go into them.
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    levels = np.asarray(n_levels)
    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    model = kind(categorical_features=(levels > 0) & (levels <= MAX_LEVELS), **parameters)
    # A column without a present cell cannot be cut into bins; a constant one can.
    return model.fit(np.where(np.isnan(X).all(axis=0), 0.0, X), y)


def cross_validated_areas(
    X: np.ndarray, Y: np.ndarray, *, n_levels: Sequence[int] | np.ndarray, cv: int, seed: int
) -> list[float]:
    """Return the area under the ROC curve of telling ``X`` from ``Y``, by fold."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    rows, origin = np.concatenate([X, Y]), np.repeat([0, 1], [len(X), len(Y)])
    areas = []
    for train, test in StratifiedKFold(cv, shuffle=True, random_state=seed).split(rows, origin):
        model = fit_boosted(
            rows[train],
            origin[train],
            n_levels=n_levels,
            is_class=True,
            max_iter=50,
            random_state=seed,
        )
        areas.append(float(roc_auc_score(origin[test], model.decision_function(rows[test]))))
    return areas
