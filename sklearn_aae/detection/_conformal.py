"""What calibrating rows say of scores: p-values, selections and drift."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.detection._calibration import Calibration, group_labels


class ConformalMixin(BaseEstimator):
    """Methods of a detector that has rows that it was not trained on to compare scores with."""

    kind: str
    _calibration: Calibration

    def p_values(
        self, X: Any, kind: str | None = None, *, groups: str | int | Callable | None = None
    ) -> np.ndarray:
        check_is_fitted(self)
        kind = self._known_kind(kind)
        self._check_calibrated()
        scores = self.score_samples(X, kind)
        if groups is None:
            return self._calibration.p_values(scores, kind)
        own, among = (self._groups(groups, rows) for rows in (X, self._calibration.rows))
        return self._calibration.p_values_within(scores, kind, own, among)

    def _check_calibrated(self) -> None:
        if not len(self._calibration.index) and self._calibration.source != "cross":
            raise ValueError(
                "p-values need rows held out in fit, which were too few: fit on at least 100, "
                'or with calibration="cross".'
            )

    def _groups(self, groups: str | int | Callable, rows: Any) -> list:
        names = getattr(self, "feature_names_in_", np.arange(self.n_features_in_)).tolist()
        return group_labels(groups, rows, names)

    def select(self, X: Any, fdr: float = 0.1) -> np.ndarray:
        check_is_fitted(self)
        check_scalar(fdr, "fdr", Real, min_val=0, max_val=1, include_boundaries="neither")
        # Slightly more than fdr: its multiples, which p-values often are, are subject to rounding.
        return false_discovery_control(self.p_values(X), method="bh") <= fdr * (1 + 1e-12)
