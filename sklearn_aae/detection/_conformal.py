"""What calibrating rows say of scores: p-values, selections and drift."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import BaseEstimator
from sklearn_aae._utils._random import DetectorStream, derive_seed, resolve_seed
from sklearn_aae.detection._calibration import (
    CROSS,
    MOST_HELD_OUT,
    Calibration,
    conformal_threshold,
    p_values,
)
from sklearn_aae.detection._drift import DriftMonitor
from sklearn_aae.detection._selection import conditional_p_values, most_false_of_first
from sklearn_aae.detection.scores import additive_kinds
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.encoding._containers import refuse_streams
from sklearn_aae.encoding._result_frames import labels_of

Groups = str | int | Callable[..., Any]
#: Rows of which a third can be kept apart, and the others be trained on.
LEAST_OF_DRIFT = 3
#: Groups that a warning names.
MOST_SHOWN = 5


class ConformalMixin(BaseEstimator):
    """Methods of a detector that compares scores with those of rows it was not trained on."""

    kind: str
    alpha: float
    random_state: Any
    score_samples: Callable[..., np.ndarray]
    _calibration: Calibration
    _known_kind: Callable[..., str]

    @takes_streams
    def p_values(
        self, X: Any, kind: str | None = None, *, groups: Groups | None = None
    ) -> np.ndarray:
        r"""Return conformal p-values: how rare so low a score is among normal rows.

        :math:`p = (1 + |\{i : s_i \le s\}|) / (1 + n)` over the scores of the ``n``
        calibrating rows, by detectors that were neither trained on them nor store them.  With
        ``calibration="split"``, if a row and the held-out rows come from one distribution,
        :math:`p \le \alpha` has probability at most :math:`\alpha`; with
        ``calibration="cross"`` simulations carry that.  Anomalies among the calibrating rows make
        p-values larger, not smaller.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).
        kind : str or None, default=None
            The kind of score; None for that of the constructor.
        groups : str, int, callable or None, default=None
            Compare each row with the calibrating rows of its own group only (Mondrian
            p-values), so that what holds of p-values holds within each group: the name of a
            column, or its number if columns have no names, whose values are the groups, missing
            cells among them; or a function of rows that returns the label of each.  It is
            also called with the calibrating rows, as a frame if ``fit`` had one, else as an array.
            Rows of a group without calibrating rows have a p-value of 1; a warning names
            groups with too few for ``alpha``.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            The p-values, at least ``1 / (n + 1)``.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If no rows were held out by ``calibration="split"``, because ``fit`` saw fewer than
            100, or ``groups`` is no column or returns labels of another number.
        TypeError
            If ``groups`` returns no labels.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_aae import AAEOutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(600, 3))
        >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(X)
        >>> detector.p_values(X[:5], groups=lambda rows: rows[:, 0] > 0).shape
        (5,)
        """
        check_is_fitted(self)
        kind = self._known_kind(kind)
        self._check_calibrated()
        scores = self.score_samples(X, kind)
        if groups is None:
            return self._calibration.p_values(scores, kind)
        found = np.empty(len(scores))
        few = {}
        for label, rows, among in self._calibration.within(groups, X, labels_of(self), kind):
            found[rows] = p_values(scores[rows], among)
            if conformal_threshold(self.alpha, among) is None:
                few[label] = len(among)
        if few:
            self._warn_of_groups(few)
        return found

    def _warn_of_groups(self, few: dict[Any, int]) -> None:
        """Warn of groups with too few calibrating rows for the level."""
        shown = ", ".join(f"{label!r} ({n})" for label, n in islice(few.items(), MOST_SHOWN))
        more = f" and {len(few) - MOST_SHOWN} more" if len(few) > MOST_SHOWN else ""
        warnings.warn(
            f"No p-value of a group is below 1 / (n + 1) with n calibrating rows, so that none of "
            f"its rows can be flagged at alpha={self.alpha:g}: {shown}{more}. Raise alpha, or join "
            "groups.",
            stacklevel=3,
        )

    def select(
        self,
        X: Any,
        fdr: float = 0.1,
        *,
        groups: Groups | None = None,
        method: str = "bh",
        confidence: float = 0.9,
    ) -> np.ndarray:
        """Return which rows are anomalies, at a false discovery rate.

        Benjamini and Hochberg's procedure on :meth:`p_values`: if the calibrating rows are
        normal, at most a share ``fdr`` of the selected rows is so too, on average.  Its
        answer depends on the other rows of ``X``.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        fdr : float, default=0.1
            False discovery rate, in (0, 1).
        groups : str, int, callable or None, default=None
            As in :meth:`p_values`.
        method : {"bh", "conditional"}, default="bh"
            Over what the average is taken: ``"bh"`` over tables to calibrate with, too, so that
            with the calibrating rows at hand the rate may be larger time after time;
            ``"conditional"`` over new rows only: with a probability of ``confidence`` the
            calibrating rows are such that the rate is kept for every further table.  It
            selects fewer rows.
        confidence : float, default=0.9
            That probability, in (0, 1); not used by ``"bh"``.

        Returns
        -------
        ndarray of shape (n_samples,), bool
            True for rows to take for anomalies.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If a parameter is out of range, or no rows were held out in ``fit``.
        TypeError
            If the rows are a stream, a LazyFrame say.
        """
        check_is_fitted(self)
        check_scalar(fdr, "fdr", Real, min_val=0, max_val=1, include_boundaries="neither")
        _check_confidence(confidence)
        if method not in ("bh", "conditional"):
            raise ValueError(f'method must be "bh" or "conditional"; got {method!r}.')
        refuse_streams(X)
        p = self.p_values(X, groups=groups)
        if method == "conditional":
            p = self._hold_conditionally(p, X, groups, confidence)
        # Slightly more than fdr: its multiples, which p-values often are, are subject to rounding.
        result: np.ndarray = false_discovery_control(p, method="bh") <= fdr * (1 + 1e-12)
        return result

    def _hold_conditionally(
        self, p: np.ndarray, X: Any, groups: Groups | None, confidence: float
    ) -> np.ndarray:
        """Return p-values that hold for the calibrating rows at hand, in all groups at once."""
        if groups is None:
            return conditional_p_values(p, len(self._calibration.index), confidence)
        found = p.copy()
        parts = list(self._calibration.within(groups, X, labels_of(self), self.kind))
        for _, rows, among in parts:
            own = 1 - (1 - confidence) / len(parts)
            found[rows] = conditional_p_values(p[rows], len(among), own)
        return found

    def false_discovery_bound(
        self, X: Any, k: int | None = None, *, confidence: float = 0.9
    ) -> np.ndarray | float:
        """Return how large a share of the k most anomalous rows may be normal.

        With a probability of ``confidence`` over calibrating and new rows the share is no
        larger, for all ``k`` at once: so ``k`` may be chosen after a look at the bounds,
        and by whatever one likes.  Needs what :meth:`p_values` need, and calibrating rows that
        are normal; anomalies among them make the bound larger, not smaller.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        k : int or None, default=None
            How many of the rows with the lowest scores; None for all numbers of rows.
        confidence : float, default=0.9
            The probability, in (0, 1).

        Returns
        -------
        float or ndarray of shape (n_samples,), float64
            The bound for ``k``, or those for 1, 2, ... rows.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If ``k`` is not a number of rows from 1 to all, ``confidence`` is out of range, or no
            rows were held out in ``fit``.
        TypeError
            If the rows are a stream, a LazyFrame say.
        """
        check_is_fitted(self)
        self._check_calibrated()
        _check_confidence(confidence)
        refuse_streams(X)
        scores = self.score_samples(X)
        if k is not None:
            check_scalar(k, "k", Integral, min_val=1, max_val=len(scores))
        calibrating = np.sort(self._calibration.scores[self.kind])
        counts = most_false_of_first(scores, calibrating, confidence)
        shares = counts / np.arange(1, len(scores) + 1)
        return shares if k is None else float(shares[k - 1])

    def drift_monitor(
        self, kind: str | None = None, *, alpha: float = 0.05, random_state: Any = None
    ) -> DriftMonitor:
        """Return an object that watches rows to come for drift.

        Rows that are held out calibrate it.  Where there are none (``calibration="cross"``, tables
        of fewer than 4,595 rows), a detector is trained for it on two thirds of the rows, and the
        other third calibrates: out-of-fold scores differ by so little from those
        of the detector itself that a p-value does not tell, but a long stream of rows would.

        Parameters
        ----------
        kind : str or None, default=None
            A kind of score that is a sum over columns; None for that of the constructor, or
            ``"default"`` if it is none.
        alpha : float, default=0.05
            The probability of a false alarm, over all time, in (0, 1).
        random_state : int, RandomState or None, default=None
            Seeds what randomises p-values, and the detector if one is trained; None takes the
            constructor's.

        Returns
        -------
        DriftMonitor
            Its ``update(X)`` takes rows in the order in which they come.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If the kind is not a sum over columns, ``alpha`` is out of range, no rows were held
            out in ``fit``, or ``fit`` had fewer than three.
        """
        check_is_fitted(self)
        self._check_calibrated()
        if kind is None and self.kind not in additive_kinds():
            kind = "default"
        kind = self._known_kind(kind, additive_kinds())
        check_scalar(alpha, "alpha", Real, min_val=0, max_val=1, include_boundaries="neither")
        seed = derive_seed(resolve_seed(random_state, self.random_state), DetectorStream.DRIFT)
        detector, rows = self._with_rows_apart(seed)
        return DriftMonitor(detector, rows, kind=kind, alpha=float(alpha), seed=seed)

    def _with_rows_apart(self, seed: int) -> tuple[Any, Any]:
        """Return a detector and rows that it was not trained on."""
        known = self._calibration
        rows = known.table()
        if known.source != CROSS:
            return self, rows
        if len(known.index) < LEAST_OF_DRIFT:
            raise ValueError(
                "drift needs rows to compare with that another detector is not trained on; fit on "
                f"at least {LEAST_OF_DRIFT}."
            )
        if known.n_beyond >= MOST_HELD_OUT:
            return self, _safe_indexing(rows, np.arange(len(known.index))[-known.n_beyond :])
        order = np.random.default_rng(seed).permutation(len(known.index))
        apart, others = np.sort(order[: len(order) // 3]), np.sort(order[len(order) // 3 :])
        # Rows that fit was given are no error, whatever is new in them.
        detector = clone(self).set_params(
            calibration="split",
            handle_unknown="surprise",
            handle_missing="surprise",
            random_state=seed % 2**32,
        )
        detector.fit(_safe_indexing(rows, others))
        return detector, _safe_indexing(rows, apart)

    def _check_calibrated(self) -> None:
        if not self._calibration.tells:
            raise ValueError(
                "p-values need rows held out in fit, which were too few: fit on at least 100, "
                'or with calibration="cross".'
            )


def _check_confidence(confidence: float) -> None:
    check_scalar(confidence, "confidence", Real, min_val=0, max_val=1, include_boundaries="neither")
