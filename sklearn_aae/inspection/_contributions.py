"""What columns add to the anomaly scores of rows: of one row, or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.encoding import CATEGORY, as_array, as_frame, columns_of, is_missing, read_matrices
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
    color_bar,
    matrix_of,
    name_in_legend,
    names_of,
    over,
    shorten,
)
from sklearn_aae.typing import Label, TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Bins along the axis within which the points of many rows are put beside each other.
N_BINS = 80
#: Half the height that the points of a column take.
REACH = 0.38


class ContributionDisplay:
    """What each column contributes to the anomaly scores of rows.

    One row has a waterfall: bars that add up to its anomaly score, with the cell and what
    was expected of it.  Many rows have a swarm of points for each column, one a row, from the
    column that matters most on.  It is best made with :meth:`from_estimator`.

    Parameters
    ----------
    contributions : array-like of shape (n_samples, n_features)
        Terms that add up to the rows' anomaly scores.
    values : array-like or frame of shape (n_samples, n_features), default=None
        The rows.  Their cells are named in a waterfall; in a swarm numbers and dates are
        coloured by their rank in the column, and categories and missing cells are grey.
    expected : dict, default=None
        What was expected of cells of the one row, by column; columns that are not named held it.
        None says nothing of it.
    feature_names : array-like of shape (n_features,), default=None
        Names of the columns; None numbers them.
    y : array-like of shape (n_samples,), default=None
        Colours a swarm by label or value in place of the cells' rank.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    columns_ : list
        Names of the columns that are shown, largest mean size of the contributions first.
    bars_ : BarContainer or None
        The waterfall, in the order of ``columns_``, and last what is left of others.
    points_ : list of PathCollection
        The swarm: a scatter for each class of ``y``, or one of all cells that have a
        colour and one of those that have none.

    Raises
    ------
    ValueError
        If shapes do not fit.

    See Also
    --------
    AnomalyScoreDisplay : The scores themselves.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import ContributionDisplay
    >>> names = ["age", "pay"]
    >>> display = ContributionDisplay([[0.5, 3.0]], values=[[40, 9]], feature_names=names).plot()
    >>> display.columns_
    ['pay', 'age']
    """

    def __init__(
        self,
        contributions: TableLike,
        *,
        values: TableLike | None = None,
        expected: Mapping[Label, object] | None = None,
        feature_names: Sequence[Label] | np.ndarray | None = None,
        y: Any = None,
    ) -> None:
        self.contributions = matrix_of(contributions, "contributions")
        n_rows, width = self.contributions.shape
        self.values = values
        self.feature_names = names_of(feature_names, width)
        values = as_array(values) if values is not None and as_frame(values) is None else values
        cells = [] if values is None else list(columns_of(values))
        if values is not None and (len(cells) != width or any(len(c) != n_rows for c in cells)):
            raise ValueError(f"values must be a table of {n_rows} rows and {width} columns.")
        self._cells = cells
        self.expected = expected
        self.y = y
        self._labels = read_labels(y, self.contributions)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any = None,
        *,
        kind: str | None = None,
        n_columns: int = 10,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> ContributionDisplay:
        """Explain the scores of rows and plot.

        Parameters
        ----------
        estimator : AAEOutlierDetector or AdversarialAutoencoder
            A fitted detector, or a model, which does not say what it expected.
        X : array-like or frame of shape (n_samples, n_features)
            Rows; a single one makes a waterfall.
        y : array-like of shape (n_samples,), default=None
            Colours many rows by label or value in place of the cells' rank.
        kind : str, default=None
            A kind of a detector's score that is a sum over columns; None for the detector's own.
        n_columns : int, default=10
            How many columns are shown, those that matter most.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        ContributionDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the kind is not a sum over columns, or ``n_columns`` is not at least 1.
        TypeError
            If colours by row are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> import numpy as np
        >>> from sklearn_aae import AAEOutlierDetector
        >>> from sklearn_aae.inspection import ContributionDisplay
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(X)
        >>> display = ContributionDisplay.from_estimator(detector, [[0.0, 9.0, 0.0]])
        >>> display.columns_[0]
        1
        """
        check_is_fitted(estimator)
        refuse_colors(kwargs)
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        chosen = {} if kind is None else {"kind": kind}
        contributions = estimator.score_contributions(X, **chosen)
        width = contributions.shape[1]
        expected = None
        if len(contributions) == 1 and hasattr(estimator, "explain"):
            reasons = estimator.explain(X, top=min(n_columns, width), **chosen)[0]
            expected = {reason.column: reason.expected for reason in reasons}
        names = getattr(estimator, "feature_names_in_", np.arange(width)).tolist()
        display = cls(contributions, values=X, expected=expected, feature_names=names, y=y)
        return display.plot(ax, n_columns=n_columns, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, n_columns: int = 10, **kwargs: Any
    ) -> ContributionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_columns : int, default=10
            How many columns are shown, those that matter most.
        **kwargs : dict
            Passed on to ``Axes.barh`` of one row, and to ``Axes.scatter`` of many; ``cmap``
            is for cells, and for values and classes of ``y``.

        Returns
        -------
        ContributionDisplay
            The display.

        Raises
        ------
        ValueError
            If ``n_columns`` is not at least 1.
        TypeError
            If colours by row are passed as ``hue`` or ``c``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        refuse_colors(kwargs)
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        order = np.argsort(-np.abs(self.contributions).mean(axis=0), kind="stable")
        shown = order[:n_columns]
        # What would be the only other column has room of its own.
        shown = order if len(order) == n_columns + 1 else shown
        self.columns_ = [self.feature_names[j] for j in shown]
        self.ax_ = axes_or_new(ax, (6.6, 1.3 + 0.36 * len(shown)))
        self.figure_ = self.ax_.figure
        self.bars_ = None
        self.points_: list[Any] = []
        if len(self.contributions) == 1:
            self._draw_waterfall(shown, kwargs)
        else:
            self._draw_swarm(shown, kwargs)
        self.ax_.spines[["top", "right"]].set_visible(False)
        return self

    # ------------------------------------------------------------ one row

    def _draw_waterfall(self, shown: np.ndarray, kwargs: dict[str, Any]) -> None:
        ax, parts = self.ax_, self.contributions[0]
        kwargs = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        values, labels = parts[shown], [self._label(j) for j in shown]
        n_more = len(parts) - len(shown)
        if n_more:
            values = np.append(values, parts.sum() - values.sum())
            labels.append(f"{n_more} other columns")
        # From what is left of others, at the bottom, up to the largest.
        ends = np.cumsum(values[::-1])[::-1]
        positions = np.arange(len(values))
        look = {"color": [VERMILION if value > 0 else BLUE for value in values], "height": 0.7}
        self.bars_ = ax.barh(positions, values, left=ends - values, **over(look, kwargs))
        for i, value in enumerate(values):
            end = max(ends[i], ends[i] - value)
            ax.annotate(
                f"{value:+.2f}",
                (end, i),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=MUTED,
            )
        for i, end in enumerate(ends[1:]):
            ax.plot([end, end], [i - 0.35, i + 1.35], color=MUTED, linewidth=0.6)
        ax.set_yticks(positions, labels)
        ax.margins(x=0.12)
        ax.invert_yaxis()
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set_xlabel(f"anomaly score, {parts.sum():.3g} in all")

    def _label(self, j: int) -> str:
        """Return a column's name with the row's cell and what was expected."""
        name = self.feature_names[j]
        text = shorten(name, 28)
        if self._cells:
            text += f" = {written(self._cells[j][0])}"
        if self.expected is not None and name in self.expected:
            text += f"\nexpected {written(self.expected[name])}"
        elif self.expected is not None:
            text += "\nas expected"
        return text

    # ---------------------------------------------------------- many rows

    def _draw_swarm(self, shown: np.ndarray, kwargs: dict[str, Any]) -> None:
        ax, parts = self.ax_, self.contributions[:, shown]
        low, high = parts.min(), parts.max()
        places = [_swarm(column, low, high) for column in parts.T]
        heights = np.stack(places, axis=1) + np.arange(len(shown))
        size = float(np.clip(4000 / len(parts), 4, 20))
        look = {"s": size, "linewidths": 0, "alpha": 0.8}
        if self._labels is None:
            self._draw_cells(shown, parts, heights, look, kwargs)
        else:
            self._draw_labelled(parts, heights, look, kwargs)
        names = [shorten(self.feature_names[j], 28) for j in shown]
        ax.set_yticks(range(len(shown)), names)
        ax.set_ylim(len(shown) - 0.5, -0.5)
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        ax.set_xlabel("contribution to the anomaly score")
        if len(shown) < len(self.feature_names):
            text = f"the first {len(shown)} of {len(self.feature_names)} columns"
            ax.set_title(text, fontsize="medium", color=INK)

    def _draw_cells(
        self,
        shown: np.ndarray,
        parts: np.ndarray,
        heights: np.ndarray,
        look: dict[Any, Any],
        kwargs: dict[str, Any],
    ) -> None:
        """Draw points coloured by the rank of the cell in its column, if it has one."""
        ranks = self._ranks()[:, shown]
        ranked = ~np.isnan(ranks)
        plain = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        if not ranked.all():
            grey = over(look | {"color": MUTED if ranked.any() else BLUE}, plain)
            self.points_.append(self.ax_.scatter(parts[~ranked], heights[~ranked], **grey))
        if ranked.any():
            look = look | {"c": ranks[ranked], "cmap": "viridis", "vmin": 0, "vmax": 1}
            points = self.ax_.scatter(parts[ranked], heights[ranked], **over(look, kwargs))
            self.points_.insert(0, points)
            if points.get_array() is not None:
                bar = color_bar(points, self.ax_, [0, 1], shrink=0.8, aspect=24, pad=0.02)
                bar.ax.set_yticklabels(["lowest\ncell", "highest\ncell"], fontsize=8)

    def _draw_labelled(
        self, parts: np.ndarray, heights: np.ndarray, look: dict[Any, Any], kwargs: dict[str, Any]
    ) -> None:
        groups, values = groups_of(self._labels, len(parts), "rows")
        colors = class_colors(groups, values, kwargs)
        plain = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        for group, color in zip(groups, colors, strict=True):
            own = {"color": color if group.labelled else MUTED, "label": group.label}
            chosen = plain
            if values is not None and group.labelled:
                own = {"c": np.repeat(values, parts.shape[1]), "label": group.label}
                chosen = kwargs
            cells = parts[group.rows].ravel(), heights[group.rows].ravel()
            self.points_.append(self.ax_.scatter(*cells, **over(look | own, chosen)))
        if values is not None and self.points_[0].get_array() is not None:
            self.figure_.colorbar(self.points_[0], ax=self.ax_, label="y")
        if len(groups) > 1:
            texts = [group.label for group in groups]
            name_in_legend(self.ax_, self.points_, texts, frameon=False, fontsize="small")

    def _ranks(self) -> np.ndarray:
        """Return the rank of each cell in its column, from 0 to 1; NaN where there is none."""
        ranks = np.full(self.contributions.shape, np.nan)
        if self.values is None:
            return ranks
        tables = read_matrices({"values": self.values})
        for j, (kind, cells) in enumerate(zip(tables.kinds, tables["values"].T, strict=True)):
            known = np.flatnonzero(~np.isnan(cells))
            if kind == CATEGORY or not len(known):
                continue
            _, index = np.unique(cells[known], return_inverse=True)
            ranks[known, j] = index / max(1, index.max())
        return ranks


def _swarm(column: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return how far from the middle points are put, so that they lie beside each other."""
    bins = np.floor((column - low) / max(high - low, 1e-300) * (N_BINS - 1)).astype(int)
    offsets = np.empty(len(column))
    counts = np.bincount(bins, minlength=N_BINS)
    for place in np.flatnonzero(counts):
        own = np.flatnonzero(bins == place)
        offsets[own] = (np.arange(len(own)) + 1) // 2 * np.where(np.arange(len(own)) % 2, 1, -1)
    result: np.ndarray = offsets * min(REACH / max(1, counts.max() / 2), 0.12)
    return result


def written(cell: Any) -> str:
    """Return a cell as short text."""
    if is_missing(cell):
        return "missing"
    if isinstance(cell, Real) and not isinstance(cell, Integral | bool | np.bool_):
        return f"{float(cell):.4g}"
    text = str(cell)
    # Dates have no time of day unless they need it.
    text = text.removesuffix(" 00:00:00").removesuffix("T00:00:00.000000000")
    return shorten(text, 20)
