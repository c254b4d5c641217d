"""The threshold of a detector: at a level of calibrating rows, or at a share of training rows."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import BaseEstimator
from sklearn_aae.detection._calibration import TRAINING, Calibration


class ThresholdMixin(BaseEstimator):
    """What sets ``offset_`` and says where it is from."""

    kind: str
    alpha: float
    offset_: float
    threshold_source_: str
    _calibration: Calibration
    _training_scores: np.ndarray
    _known_kind: Any

    def _set_offset(self, contamination: float | str, alpha: float) -> None:
        threshold, share, self.threshold_source_ = None, contamination, TRAINING
        if contamination in ("auto", 0):
            threshold, share = self._calibration.threshold(alpha, self.kind), alpha
            if threshold is None and self._calibration.tells:
                threshold = self._beyond_level(alpha)
            if threshold is not None:
                self.threshold_source_ = self._calibration.source
        if threshold is None:
            threshold = float(np.quantile(self._training_scores, float(share)))
        self.offset_ = threshold

    def _beyond_level(self, alpha: float) -> float:
        """Warn that no p-value is as small as the level; return the threshold that flags none."""
        n, least = len(self._calibration.index), math.ceil(1 / alpha - 1 - 1e-9)
        warnings.warn(
            f"The level alpha={alpha:g} cannot be kept with {n} rows that calibrate: no p-value is "
            f"below 1/{n + 1}, so no row is flagged. It takes {least} of them "
            '(calibration="cross" takes all rows); or raise alpha, or flag a share of the rows by '
            "contamination.",
            stacklevel=2,
        )
        return -math.inf

    def set_threshold(
        self, *, contamination: float | None = None, alpha: float | None = None
    ) -> Self:
        """Move the threshold; nothing but ``offset_`` and ``threshold_source_`` changes.

        Parameters
        ----------
        contamination : float or None, default=None
            Flag this share of the training rows, in (0, 0.5].  The quantile is taken over
            at most 500 training rows, unless ``fit`` was given a share, too.
        alpha : float or None, default=None
            Flag this share of normal rows, in (0, 1), by the calibrating rows.

        Returns
        -------
        self : AAEOutlierDetector
            The detector.

        Raises
        ------
        ValueError
            If not exactly one of the two is given, or it is out of range.
        TypeError
            If it is no number.
        NotFittedError
            If the detector is not fitted.
        """
        check_is_fitted(self)
        self._known_kind(None)
        if (contamination is None) == (alpha is None):
            raise ValueError(
                "set_threshold needs exactly one of contamination and alpha; got "
                f"contamination={contamination!r}, alpha={alpha!r}."
            )
        if contamination is not None:
            check_scalar(
                contamination,
                "contamination",
                Real,
                min_val=0,
                max_val=0.5,
                include_boundaries="right",
            )
            self._set_offset(contamination, self.alpha)
        if alpha is not None:
            check_scalar(alpha, "alpha", Real, min_val=0, max_val=1, include_boundaries="neither")
            self._set_offset("auto", alpha)
        return self
