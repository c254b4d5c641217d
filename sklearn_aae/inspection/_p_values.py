"""P-values against those that normal rows have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.inspection._groups import (
    OF_VALUES,
    class_colors,
    groups_of,
    read_labels,
    refuse_colors,
)
from sklearn_aae.inspection._style import (
    MUTED,
    axes_or_new,
    name_in_legend,
    over,
    vector_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PValueDisplay:
    """The share of rows whose p-value is at most a level, over all levels.

    P-values of rows like those that a detector was fitted to are uniform: their curve
    follows the diagonal.  One that rises above it at small levels is of rows that come
    from elsewhere.  It is best made with :meth:`from_estimator`.

    Parameters
    ----------
    p_values : array-like of shape (n_samples,)
        P-values, from 0 to 1.
    y : array-like of shape (n_samples,), default=None
        Labels: each has a curve of its own.  Real numbers have no classes and change
        nothing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of Line2D
        The curve of each class of ``y``, last that of unlabelled rows if there are some.
    uniform_ : Line2D
        The diagonal.

    Raises
    ------
    ValueError
        If a p-value is missing or not between 0 and 1, or ``y`` is of another length.

    See Also
    --------
    AnomalyScoreDisplay : The scores behind p-values.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import PValueDisplay
    >>> display = PValueDisplay([0.1, 0.4, 0.9, 0.01], y=["old", "old", "old", "new"]).plot()
    >>> [line.get_label() for line in display.lines_]
    ['new', 'old']
    """

    def __init__(self, p_values: ArrayLike, *, y: Any = None) -> None:
        self.p_values = vector_of(p_values, "p_values")
        if self.p_values.min() < 0 or self.p_values.max() > 1:
            raise ValueError("p_values must be between 0 and 1; scores are not p-values.")
        self.y = y
        self._labels = read_labels(y, self.p_values)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any = None,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> PValueDisplay:
        """Plot the p-values that a detector gives to rows.

        Parameters
        ----------
        estimator : AAEOutlierDetector
            A fitted detector.
        X : array-like or frame of shape (n_samples, n_features)
            Rows that it was not fitted to.
        y : array-like of shape (n_samples,), default=None
            Labels: each has a curve of its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        PValueDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the detector has no calibrating rows, or ``y`` is of another length.
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
        >>> from sklearn_aae.inspection import PValueDisplay
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(X[:200])
        >>> display = PValueDisplay.from_estimator(detector, X[200:])
        >>> display.ax_.get_xlabel()
        'level'
        """
        check_is_fitted(estimator)
        refuse_colors(kwargs)
        return cls(estimator.p_values(X), y=y).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls, p_values: ArrayLike, y: Any = None, *, ax: Axes | None = None, **kwargs: Any
    ) -> PValueDisplay:
        """Plot p-values.

        Parameters
        ----------
        p_values : array-like of shape (n_samples,)
            P-values, from 0 to 1.
        y : array-like of shape (n_samples,), default=None
            Labels: each has a curve of its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        PValueDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a p-value is missing or not between 0 and 1, or ``y`` is of another length.
        TypeError
            If labels are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn_aae.inspection import PValueDisplay
        >>> len(PValueDisplay.from_predictions([0.1, 0.4, 0.9]).lines_)
        1
        """
        return cls(p_values, y=y).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> PValueDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to ``Axes.step`` for the curves; ``cmap`` is for classes of ``y``.

        Returns
        -------
        PValueDisplay
            The display.

        Raises
        ------
        TypeError
            If labels are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        refuse_colors(kwargs)
        self.ax_ = axes_or_new(ax, (5.0, 4.6))
        self.figure_ = self.ax_.figure
        look = {"color": MUTED, "linestyle": ":", "linewidth": 1.2}
        (self.uniform_,) = self.ax_.plot([0, 1], [0, 1], **look, label="uniform")
        groups, _ = groups_of(self._labels, len(self.p_values), "rows")
        colors = class_colors(groups, None, kwargs)
        kwargs = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        self.lines_ = []
        for group, color in zip(groups, colors, strict=True):
            values = np.sort(self.p_values[group.rows])
            shares = np.arange(1, len(values) + 1) / max(1, len(values))
            look = {
                "label": group.label,
                "color": color if group.labelled else MUTED,
                "linewidth": 1.6,
            }
            steps = [0, *values, 1], [0, *shares, 1]
            self.lines_ += self.ax_.step(*steps, where="post", **over(look, kwargs))
        self.ax_.set(
            xlabel="level", ylabel="share of rows with a p-value of at most this", aspect="equal"
        )
        handles = [*self.lines_, self.uniform_]
        texts = [str(kwargs.get("label", group.label)) for group in groups] + ["uniform"]
        name_in_legend(self.ax_, handles, texts, frameon=False, fontsize="small")
        return self
