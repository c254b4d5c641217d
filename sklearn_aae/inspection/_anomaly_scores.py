"""How anomalous rows are, and where the threshold lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._groups import (
    OF_VALUES,
    class_colors,
    groups_of,
    read_labels,
    refuse_colors,
)
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    VERMILION,
    axes_or_new,
    name_in_legend,
    over,
    vector_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: P-values that the upper scale shows where they are found among the rows.
LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
#: Shares of the axis that two of them keep apart.
APART = 0.06


class AnomalyScoreDisplay:
    """Histogram of anomaly scores, with the threshold and a scale of p-values.

    The anomaly score is minus the score, so that the oddest rows are on the right.  It is
    best made with :meth:`from_estimator`.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Scores as ``score_samples`` returns them: higher is more normal.
    threshold : float, default=None
        The score below which rows are flagged, ``offset_`` of a detector; None for no
        threshold.
    p_values : array-like of shape (n_samples,), default=None
        The rows' p-values; they make the scale above the axes.
    y : array-like of shape (n_samples,), default=None
        Labels, each with bars of its own.  None has rows that are flagged and others.  Real
        numbers have no classes and change nothing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : list of BarContainer
        The bars of each class; without ``y`` of ordinary rows, and of those that are flagged.
    threshold_ : Line2D or None
        The threshold.
    p_value_ax_ : matplotlib Axes or None
        The scale of p-values.

    Raises
    ------
    ValueError
        If a score is missing or lengths differ.

    See Also
    --------
    PValueDisplay : P-values against those of normal rows.
    ContributionDisplay : What makes rows anomalous.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import AnomalyScoreDisplay
    >>> display = AnomalyScoreDisplay([-1.0, -1.5, -2.0, -9.0], threshold=-5).plot()
    >>> [int(sum(bar.get_height() for bar in bars)) for bars in display.bars_]
    [3, 1]
    """

    def __init__(
        self,
        scores: ArrayLike,
        *,
        threshold: float | None = None,
        p_values: ArrayLike | None = None,
        y: Any = None,
    ) -> None:
        self.scores = vector_of(scores, "scores")
        self.threshold = threshold
        self.p_values = None if p_values is None else column_or_1d(p_values).astype(np.float64)
        check_consistent_length(self.scores, self.p_values)
        self.y = y
        self._labels = read_labels(y, self.scores)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any = None,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> AnomalyScoreDisplay:
        """Score rows and plot.

        Parameters
        ----------
        estimator : AAEOutlierDetector or AdversarialAutoencoder
            A fitted detector, or a model, which has neither threshold nor p-values.
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Labels, each with bars of its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        AnomalyScoreDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If ``y`` is of another length.
        TypeError
            If labels are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> import numpy as np
        >>> from sklearn_aae import AAEOutlierDetector
        >>> from sklearn_aae.inspection import AnomalyScoreDisplay
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(X[:200])
        >>> display = AnomalyScoreDisplay.from_estimator(detector, X[200:])
        >>> display.p_value_ax_.get_xlabel()
        'p-value'
        """
        check_is_fitted(estimator)
        refuse_colors(kwargs)
        # A detector that held no rows out has no p-values.
        known = getattr(estimator, "training_p_values_", np.empty(0))
        p_values = estimator.p_values(X) if np.isfinite(known).any() else None
        threshold = getattr(estimator, "offset_", None)
        scores = estimator.score_samples(X)
        return cls(scores, threshold=threshold, p_values=p_values, y=y).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        y: Any = None,
        *,
        threshold: float | None = None,
        p_values: ArrayLike | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> AnomalyScoreDisplay:
        """Plot scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Scores: higher is more normal.
        y : array-like of shape (n_samples,), default=None
            Labels, each with bars of its own.
        threshold : float, default=None
            The score below which rows are flagged.
        p_values : array-like of shape (n_samples,), default=None
            The rows' p-values.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        AnomalyScoreDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a score is missing or lengths differ.
        TypeError
            If labels are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn_aae.inspection import AnomalyScoreDisplay
        >>> display = AnomalyScoreDisplay.from_predictions([-1.0, -2.0, -9.0], y=["a", "a", "b"])
        >>> len(display.bars_)
        2
        """
        return cls(scores, threshold=threshold, p_values=p_values, y=y).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> AnomalyScoreDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to ``Axes.hist``; ``cmap`` is for classes of ``y``.

        Returns
        -------
        AnomalyScoreDisplay
            The display.

        Raises
        ------
        TypeError
            If labels are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        refuse_colors(kwargs)
        self.ax_ = axes_or_new(ax, (6.0, 4.0))
        self.figure_ = self.ax_.figure
        anomaly = -self.scores
        texts, masks, colors = self._parts(kwargs)
        kwargs = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        is_logarithmic = logarithmic(anomaly)
        look = {"bins": bins_of(anomaly, is_logarithmic), "edgecolor": "white", "linewidth": 0.4}
        look |= {"stacked": True, "color": colors}
        if "color" in kwargs and import_extra("matplotlib.colors", "plot").is_color_like(
            kwargs["color"]
        ):
            kwargs["color"] = [kwargs["color"]] * len(masks)
        parts = self.ax_.hist([anomaly[mask] for mask in masks], **over(look, kwargs))[2]
        # Bars of a single group come without a list around them.
        self.bars_ = list(parts) if len(masks) > 1 else [parts]
        if is_logarithmic:
            scale_logarithmically(self.ax_, anomaly)
        self.threshold_ = self.p_value_ax_ = None
        handles = [bars[0] for bars in self.bars_]
        if self.threshold is not None:
            look = {"color": INK, "linestyle": "--", "linewidth": 1.2}
            self.threshold_ = self.ax_.axvline(-self.threshold, **look, label="threshold")
            handles, texts = [*handles, self.threshold_], [*texts, "threshold"]
        self.ax_.set(xlabel="anomaly score (minus the score)", ylabel="rows")
        if len(handles) > 1:
            name_in_legend(self.ax_, handles, texts, frameon=False, fontsize="small")
        self._show_p_values(anomaly)
        return self

    def _parts(self, kwargs: dict[str, Any]) -> tuple[list[str], list[np.ndarray], list[Any]]:
        """Return the labels, rows and colours of the bars."""
        if self._labels is None and self.threshold is not None:
            flagged = self.scores < self.threshold
            n = int(flagged.sum())
            texts = [f"not flagged ({len(flagged) - n:,})", f"flagged ({n:,})"]
            return texts, [~flagged, flagged], [BLUE, VERMILION]
        groups, _ = groups_of(self._labels, len(self.scores), "rows")
        colors = class_colors(groups, None, kwargs)
        colors = [c if group.labelled else MUTED for c, group in zip(colors, groups, strict=True)]
        return [group.label for group in groups], [group.rows for group in groups], colors

    def _show_p_values(self, anomaly: np.ndarray) -> None:
        """Draw a scale of p-values above the axes, as far as the rows reach."""
        if self.p_values is None:
            return
        places: list[float] = []
        texts: list[str] = []
        for level in LEVELS:
            is_rarer = self.p_values <= level
            # Between the rows on either side lies the score of the level.
            if is_rarer.any() and not is_rarer.all():
                edge = (anomaly[is_rarer].min() + anomaly[~is_rarer].max()) / 2
                place = self._share_of_axis(edge)
                if all(abs(place - self._share_of_axis(other)) >= APART for other in places):
                    places.append(edge)
                    texts.append(f"{level:g}")
        scale = self.p_value_ax_ = self.ax_.secondary_xaxis("top")
        scale.set_xticks(places, texts)
        scale.set_xticks([], minor=True)
        scale.set_xlabel("p-value")

    def _share_of_axis(self, score: float) -> float:
        result: float = self.ax_.transAxes.inverted().transform(
            self.ax_.transData.transform((score, 0))
        )[0]
        return result


def logarithmic(anomaly: np.ndarray) -> bool:
    """Return whether a few scores are so far out that others need a logarithmic scale."""
    return bool(anomaly.min() > 0 and anomaly.max() > 4 * np.median(anomaly))


def bins_of(values: np.ndarray, is_logarithmic: bool) -> np.ndarray:
    """Return the edges of bins for anomaly scores."""
    count = int(np.clip(2 * len(values) ** 0.5, 8, 60))
    low, high = values.min(), values.max()
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    if is_logarithmic:
        return np.geomspace(low * 0.999, high * 1.001, count + 1)
    return np.linspace(low, high, count + 1)


def scale_logarithmically(ax: Any, values: np.ndarray) -> None:
    """Give anomaly scores a logarithmic axis with plain numbers."""
    ticker = import_extra("matplotlib.ticker", "plot")
    ax.set_xscale("log")
    steps = (1, 2, 5) if values.max() / values.min() < 500 else (1,)
    ax.xaxis.set_major_locator(ticker.LogLocator(subs=steps))
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
