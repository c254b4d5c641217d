"""What a drift monitor has seen, row by row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    VERMILION,
    axes_or_new,
    over,
    shorten_all,
)
from sklearn_aae.typing import Label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Monitor(Protocol):
    """What :meth:`~sklearn_aae.AAEOutlierDetector.drift_monitor` returns."""

    alpha: float

    @property
    def history_(self) -> ArrayLike:
        """Evidence after each row."""

    @property
    def column_evidence_(self) -> Mapping[Label, float]:
        """Evidence by column."""


class DriftDisplay:
    """The evidence of drift after each row, and by column.

    The evidence is the capital of somebody who bets against "no drift", here in powers of
    ten: it hardly moves as long as rows are like the calibrating ones, and multiplies once
    they are not.  It is best made with :meth:`from_monitor` or :meth:`from_estimator`.

    Parameters
    ----------
    history : array-like of shape (n_rows,)
        Natural logarithm of the capital after each row.
    alpha : float, default=0.05
        The probability of a false alarm, over all time: drift is detected where the capital
        reaches ``1 / alpha``.
    column_evidence : dict of str or int to float, default=None
        Natural logarithm of the largest capital of each column.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the evidence by row.
    columns_ax_ : matplotlib Axes or None
        Axes with the evidence by column.
    figure_ : matplotlib Figure
        Figure of the axes.
    line_ : Line2D
        The evidence.
    bound_ : Line2D
        The capital at which drift is detected.
    alarm_ : Line2D or None
        The row at which it was, if it was.
    bars_ : BarContainer or None
        The bar of each column; those that have drifted have another colour.

    Raises
    ------
    ValueError
        If ``alpha`` is not in (0, 1) or the history is no list of numbers.

    See Also
    --------
    sklearn_aae.detection.DriftMonitor : Watches rows as they come.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import DriftDisplay
    >>> display = DriftDisplay([0.0, 0.5, 2.0, 4.0], column_evidence={"pay": 5.0}).plot()
    >>> int(display.alarm_.get_xdata()[0])  # rows are counted from 1 on
    4
    """

    def __init__(
        self,
        history: ArrayLike,
        *,
        alpha: float = 0.05,
        column_evidence: Mapping[Label, float] | None = None,
    ) -> None:
        check_scalar(alpha, "alpha", Real, min_val=0, max_val=1, include_boundaries="neither")
        self.history = np.asarray(column_or_1d(history), dtype=np.float64)
        self.alpha = alpha
        self.column_evidence = column_evidence

    @classmethod
    def from_monitor(
        cls, monitor: Monitor, *, ax: Axes | None = None, **kwargs: Any
    ) -> DriftDisplay:
        """Plot what a monitor has seen so far.

        Parameters
        ----------
        monitor : DriftMonitor
            The monitor, which :meth:`AAEOutlierDetector.drift_monitor` makes.
        ax : matplotlib Axes, default=None
            Where to draw the evidence by row; None makes a figure that shows it by column, too.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        DriftDisplay
            The display, drawn.

        Raises
        ------
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> import numpy as np
        >>> from sklearn_aae import AAEOutlierDetector
        >>> from sklearn_aae.inspection import DriftDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(400, 3))
        >>> monitor = AAEOutlierDetector(max_epochs=5, random_state=0).fit(X).drift_monitor()
        >>> _ = monitor.update(rng.normal(size=(100, 3)))
        >>> display = DriftDisplay.from_monitor(monitor)
        >>> display.alarm_ is None
        True
        """
        evidence = monitor.column_evidence_
        return cls(monitor.history_, alpha=monitor.alpha, column_evidence=evidence).plot(
            ax, **kwargs
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        *,
        alpha: float = 0.05,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> DriftDisplay:
        """Watch rows with a new monitor of a detector, and plot.

        Parameters
        ----------
        estimator : AAEOutlierDetector
            A fitted detector.
        X : array-like or frame of shape (n_samples, n_features)
            Rows in the order in which they came.
        alpha : float, default=0.05
            The probability of a false alarm, over all time.
        ax : matplotlib Axes, default=None
            Where to draw the evidence by row; None makes a figure that shows it by column, too.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        DriftDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the detector has no calibrating rows.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> import numpy as np
        >>> from sklearn_aae import AAEOutlierDetector
        >>> from sklearn_aae.inspection import DriftDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(400, 3))
        >>> detector = AAEOutlierDetector(max_epochs=5, random_state=0).fit(X)
        >>> display = DriftDisplay.from_estimator(detector, X[:200] + [0, 4, 0])
        >>> display.columns_ax_.get_yticklabels()[0].get_text()
        '1'
        """
        check_is_fitted(estimator)
        monitor = estimator.drift_monitor(alpha=alpha)
        monitor.update(X)
        return cls.from_monitor(monitor, ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        columns_ax: Axes | None = None,
        n_columns: int = 12,
        **kwargs: Any,
    ) -> DriftDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the evidence by row; None makes a figure.
        columns_ax : matplotlib Axes, default=None
            Where to draw the evidence by column; if it is None, beside the other in the figure
            that is made, or nowhere if ``ax`` is given.
        n_columns : int, default=12
            How many columns get a bar: of more, those of the strongest evidence.
        **kwargs : dict
            Passed on to ``Axes.plot`` for the evidence by row.

        Returns
        -------
        DriftDisplay
            The display.

        Raises
        ------
        ValueError
            If ``n_columns`` is not at least 1.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        if ax is None and columns_ax is None and self.column_evidence:
            _, (ax, columns_ax) = import_extra("matplotlib.pyplot", "plot").subplots(
                1, 2, figsize=(9, 3.8), width_ratios=[1.6, 1], layout="constrained"
            )
        self.ax_ = axes_or_new(ax, (6.4, 4.0))
        self.columns_ax_ = columns_ax if self.column_evidence else None
        self.figure_ = self.ax_.figure
        self._draw_rows(kwargs)
        self.bars_ = None
        if self.columns_ax_ is not None:
            self._draw_columns(self.columns_ax_, n_columns)
        return self

    def _draw_rows(self, kwargs: dict[str, Any]) -> None:
        ax, history = self.ax_, self.history / math.log(10)
        rows = np.arange(1, len(history) + 1)
        look = {"color": BLUE, "linewidth": 1.6, "label": "evidence"}
        (self.line_,) = ax.plot(rows, history, **over(look, kwargs))
        bound = -math.log10(self.alpha)
        look = {"color": INK, "linestyle": ":", "linewidth": 1.2}
        self.bound_ = ax.axhline(bound, **look, label=f"alarm, a capital of {1 / self.alpha:,.4g}")
        reached = np.flatnonzero(history >= bound)
        self.alarm_ = None
        if len(reached):
            row = int(reached[0]) + 1
            look = {"color": VERMILION, "linewidth": 1.2}
            self.alarm_ = ax.axvline(row, **look, label=f"detected at row {row:,}")
        ax.set(xlabel="row", ylabel="evidence (power of ten)")
        ax.legend(frameon=False, fontsize="small")

    def _draw_columns(self, ax: Any, n_columns: int) -> None:
        evidence = dict(self.column_evidence or {})
        names = sorted(evidence, key=lambda name: -evidence[name])
        values = np.array([evidence[name] for name in names]) / math.log(10)
        # Of several columns each has its share of the false alarms.
        bound = math.log10(len(values) / self.alpha)
        values, shown = values[:n_columns], shorten_all(names[:n_columns], 20)
        positions = np.arange(len(values))
        colors = [ORANGE if value >= bound else MUTED for value in values]
        self.bars_ = ax.barh(positions, values, 0.7, color=colors)
        ax.axvline(bound, color=INK, linestyle=":", linewidth=1.2)
        ax.set_yticks(positions, shown)
        ax.invert_yaxis()
        ax.set(xlabel="largest evidence so far (power of ten)")
        more = f", {len(shown)} of {len(names)}" if len(shown) < len(names) else ""
        ax.set_title(f"by column{more}", fontsize="medium")
