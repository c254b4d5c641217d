"""Drift: whether rows that come one after another are still like those of fit."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sklearn_aae.encoding._result_frames import labels_of
from sklearn_aae.typing import Label

if TYPE_CHECKING:
    from sklearn_aae.detection._outlier import AAEOutlierDetector

#: Bets on p-values: that they are too small or too large, by a slope, and that very small ones are
#: too many, by a power.
SLOPES, POWERS = (-1.0, 1.0), (0.3,)
#: Share of the stake that moves on from bet to bet with every row.
MOVES = 0.01


class Martingales:
    r"""Conformal test martingales of several streams of scores, row by row.

    The randomised p-value of a row, :math:`p = (|\{i : s_i < s\}| + u\,|\{i : s_i = s\}|) / n`
    with :math:`u` uniform, is taken among calibrating rows, all earlier ones and itself.  As long
    as all are exchangeable, p-values are independent and uniform [1]_, and no bet on them gains:
    the capital, 1 at the start, ever reaches :math:`1 / \alpha` with probability at most
    :math:`\alpha`.  Bets are densities: slopes :math:`1 + \epsilon (p - 1/2)` and powers
    :math:`\kappa p^{\kappa - 1}`.  A part of the capital lies idle and is staked little by little,
    so that drift is found that begins late.

    Parameters
    ----------
    calibrating : ndarray of shape (n_calibrating, n_streams)
        Scores.
    generator : numpy.random.Generator
        Draws what randomises p-values.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2nd
       edition, chapter 8, Springer, 2022.
    """

    def __init__(self, calibrating: np.ndarray, generator: np.random.Generator) -> None:
        self._seen = [np.sort(scores).tolist() for scores in calibrating.T]
        self._generator = generator
        n_bets = len(SLOPES) + len(POWERS)
        self._stakes = np.zeros((n_bets, len(self._seen)))
        self._idle = np.ones(len(self._seen))
        self._log_scale = np.zeros(len(self._seen))
        self.n_rows = 0

    def update(self, scores: np.ndarray) -> np.ndarray:
        """Return the logarithms of the capitals after each row, of the shape of the scores."""
        draws = self._generator.random(scores.shape)
        found = np.empty(scores.shape)
        for i, (row, u) in enumerate(zip(scores.tolist(), draws.tolist(), strict=True)):
            p = np.array([_p_value(*own) for own in zip(self._seen, row, u, strict=True)])
            found[i] = self._bet(p)
        return found

    def _bet(self, p: np.ndarray) -> np.ndarray:
        """Return the logarithms of the capitals after a row's p-values."""
        self.n_rows += 1
        # What lies idle after n rows is 1 / sqrt(n + 1) of the first capital.
        staked = self._idle * (1 - math.sqrt(self.n_rows / (self.n_rows + 1)))
        self._idle -= staked
        n_bets = len(self._stakes)
        moving = MOVES * self._stakes.sum(axis=0) + staked
        self._stakes = (1 - MOVES) * self._stakes + moving / n_bets
        # Of no p-value a power gains more than of the smallest number.
        p = np.maximum(p, np.finfo(np.float64).tiny)
        bets = [1 + slope * (p - 0.5) for slope in SLOPES]
        bets += [power * p ** (power - 1) for power in POWERS]
        self._stakes *= np.stack(bets)
        # Capitals stay near 1, and what they were divided by is kept.
        total = self._stakes.sum(axis=0) + self._idle
        self._stakes /= total
        self._idle = self._idle / total
        self._log_scale = self._log_scale + np.log(total)
        return self._log_scale


def _p_value(seen: list[float], score: float, u: float) -> float:
    """Return a score's randomised p-value among those that were seen, and add it to them."""
    below = bisect_left(seen, score)
    equal = bisect_right(seen, score, lo=below) - below + 1
    insort(seen, score, lo=below)
    return (below + u * equal) / len(seen)


class Drift(NamedTuple):
    """What a :class:`DriftMonitor` has found so far.

    Attributes
    ----------
    detected : bool
        Whether rows have drifted: some capital has reached its bound.
    columns : list
        Columns whose part of the anomaly score has drifted, strongest evidence first.
    n_rows : int
        Rows that were seen.
    first_row : int or None
        Number of the row at which drift was detected, from 0 on.
    log_evidence : float
        Natural logarithm of the largest capital of the scores so far.
    """

    detected: bool
    columns: list[Any]
    n_rows: int
    first_row: int | None
    log_evidence: float


class DriftMonitor:
    r"""Watches whether rows that come one after another are still like a detector's training rows.

    Made by :meth:`AAEOutlierDetector.drift_monitor`.  For the anomaly score and for each column's
    contribution to it a conformal test martingale bets against rows being exchangeable with
    the calibrating rows; see the :ref:`User Guide <drift>`.  Without drift the probability that
    ``detected`` ever becomes True is at most ``alpha``, and so is that any column is ever
    named.

    Parameters
    ----------
    detector : AAEOutlierDetector
        A fitted detector that was not trained on the calibrating rows.
    rows : array-like or frame
        Calibrating rows.
    kind : str
        A kind of score that is a sum over columns.
    alpha : float
        The probability of a false alarm, over all time.
    seed : int
        Seeds what randomises p-values.

    Attributes
    ----------
    history_ : ndarray of shape (n_rows,), float64
        Natural logarithm of the scores' capital after each row; drift is detected
        where it reaches ``log(1 / alpha)``.
    column_evidence_ : dict
        By column the natural logarithm of the largest capital so far; a column is named where it
        reaches ``log(n_columns / alpha)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae import AAEOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> detector = AAEOutlierDetector(max_epochs=5, random_state=0).fit(rng.normal(size=(400, 3)))
    >>> monitor = detector.drift_monitor()
    >>> monitor.update(rng.normal(size=(200, 3))).detected
    False
    >>> drift = monitor.update(rng.normal(size=(200, 3)) + [0, 4, 0])
    >>> drift.detected, drift.columns[0]
    (True, 1)
    """

    def __init__(
        self, detector: AAEOutlierDetector, rows: np.ndarray, *, kind: str, alpha: float, seed: int
    ) -> None:
        self.detector, self.kind, self.alpha = detector, kind, alpha
        self._names = labels_of(detector)
        self._martingales = Martingales(self._scores(rows), np.random.default_rng(seed))
        self._largest = np.zeros(1 + len(self._names))
        self._history: list[float] = []
        self._first: int | None = None

    def __repr__(self) -> str:
        drift = self.drift_
        found = f"detected={drift.detected}, columns={drift.columns}, n_rows={drift.n_rows}"
        return f"DriftMonitor(kind={self.kind!r}, alpha={self.alpha}, {found})"

    def update(self, X: Any) -> Drift:
        """Take in further rows, in the order in which they came.

        In one call or several, with one row or many: the answer is the same.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Drift
            What has been found so far.
        """
        capitals = self._martingales.update(self._scores(X))
        reached = np.flatnonzero(capitals[:, 0] >= math.log(1 / self.alpha))
        if self._first is None and len(reached):
            self._first = len(self._history) + int(reached[0])
        self._history += capitals[:, 0].tolist()
        self._largest = np.maximum(self._largest, capitals.max(axis=0))
        return self.drift_

    @property
    def drift_(self) -> Drift:
        """What has been found so far."""
        evidence = self._largest[1:]
        # Of several columns each has its share of the false alarms.
        bound = math.log(len(evidence) / self.alpha)
        order = np.argsort(-evidence, kind="stable")
        return Drift(
            detected=self._first is not None,
            columns=[self._names[j] for j in order if evidence[j] >= bound],
            n_rows=len(self._history),
            first_row=self._first,
            log_evidence=float(self._largest[0]),
        )

    @property
    def history_(self) -> np.ndarray:
        """Logarithm of the scores' capital after each row."""
        return np.array(self._history)

    @property
    def column_evidence_(self) -> dict[Label, float]:
        """Logarithm of the largest capital so far, by column."""
        return dict(zip(self._names, self._largest[1:].tolist(), strict=True))

    def _scores(self, rows: Any) -> np.ndarray:
        """Return scores, and minus what each column contributes to them, as columns."""
        cells = self.detector.score_contributions(rows, self.kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what was said of the same rows
            scores = self.detector.score_samples(rows, self.kind)
        return np.column_stack([scores, -cells])
