"""Real and synthetic tables side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.inspection._compared import Compared, compare
from sklearn_aae.inspection._comparison import (
    associations_of,
    best_first,
    draw_associations,
    draw_marginals,
    show_dates,
    spread_over,
)
from sklearn_aae.inspection._groups import (
    OF_VALUES,
    Group,
    class_colors,
    groups_of,
    read_labels,
    refuse_colors,
)
from sklearn_aae.inspection._style import (
    BLUE,
    MUTED,
    axes_or_new,
    grid_within,
    heading,
    name_in_legend,
    over,
    shorten_all,
    tidy,
)
from sklearn_aae.typing import Label, TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("marginals", "pairs", "associations")
#: Axes beside each other, and points of each table.
WIDTH, MOST_POINTS = 3, 2000
#: Levels of a category with a name on an axis.
N_NAMED = 12


class SyntheticComparisonDisplay:
    """Synthetic rows beside real ones: columns, pairs of columns, all associations.

    Tables hold numbers, categories, text, booleans, dates and missing cells.  It is best made
    with :meth:`from_estimator`, or :meth:`from_predictions` of two tables.

    Parameters
    ----------
    real, synthetic : frame or array-like of shape (n_rows, n_columns)
        Real rows and synthetic rows of the same columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The place that all axes share.
    axes_ : ndarray of matplotlib Axes
        Axes drawn on: of columns in a grid; of pairs and of associations the real rows' on
        the left and the synthetic rows' on the right.
    figure_ : matplotlib Figure
        Figure of the axes.
    columns_ : list
        The columns that are shown; with ``kind="pairs"`` tuples of two.
    images_ : list of AxesImage
        The associations of real and of synthetic rows; empty unless these are shown.

    Raises
    ------
    TypeError
        If a column is of another kind in the other table.
    ValueError
        If the columns differ.

    See Also
    --------
    sklearn_aae.metrics.synthetic_report : The same in figures.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.inspection import SyntheticComparisonDisplay
    >>> X = load_iris(as_frame=True).data
    >>> display = SyntheticComparisonDisplay(X[::2], X[1::2]).plot(kind="pairs")
    >>> display.columns_
    [('petal length (cm)', 'petal width (cm)')]
    """

    def __init__(self, real: TableLike, synthetic: TableLike) -> None:
        self.real = real
        self.synthetic = synthetic
        self._tables: Compared = compare(real, synthetic)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        *,
        n_samples: int | None = None,
        random_state: Any = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> SyntheticComparisonDisplay:
        """Draw rows from a model and plot them beside real ones.

        Parameters
        ----------
        estimator : AdversarialAutoencoder
            A fitted model.
        X : array-like or frame of shape (n_samples, n_features)
            Real rows, best held out.
        n_samples : int, default=None
            How many rows to draw; None draws as many as there are real ones.
        random_state : int, RandomState or None, default=0
            Seeds the draws.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        SyntheticComparisonDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError, ValueError
            If the columns of the table are not those that the model was fitted to.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> from sklearn_aae.inspection import SyntheticComparisonDisplay
        >>> X = load_iris(as_frame=True).data
        >>> aae = AdversarialAutoencoder(max_epochs=5, random_state=0).fit(X)
        >>> display = SyntheticComparisonDisplay.from_estimator(aae, X)
        >>> len(display.columns_)
        4
        """
        check_is_fitted(estimator)
        n_rows = len(X) if n_samples is None else n_samples
        return cls(X, estimator.sample(n_rows, random_state=random_state)).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls, real: TableLike, synthetic: TableLike, *, ax: Axes | None = None, **kwargs: Any
    ) -> SyntheticComparisonDisplay:
        """Plot two tables side by side.

        Parameters
        ----------
        real, synthetic : frame or array-like of shape (n_rows, n_columns)
            Real rows and synthetic rows, of any model, of the same columns.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        SyntheticComparisonDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If a column is of another kind in the other table.
        ValueError
            If the columns differ.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae.inspection import SyntheticComparisonDisplay
        >>> X = load_iris().data
        >>> display = SyntheticComparisonDisplay.from_predictions(
        ...     X[::2], X[1::2], kind="associations"
        ... )
        >>> display.images_[0].get_array().shape
        (4, 4)
        """
        return cls(real, synthetic).plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: str = "marginals",
        columns: Sequence[Label] | None = None,
        n_columns: int = 9,
        y: Any = None,
        **kwargs: Any,
    ) -> SyntheticComparisonDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, an ax of ``pyplot.subplots``; None makes a figure.
        kind : {"marginals", "pairs", "associations"}, default="marginals"
            Columns by themselves, real ones filled and synthetic ones as a line; scatters of
            pairs of columns; or how much all pairs of columns depend on each other: of
            numbers alone correlations, else their size, correlation ratios and Cramér's V.
        columns : list of label, default=None
            The columns to show (positions, of arrays), and of pairs all pairs among them.  None
            shows ``n_columns`` from the best match to the worst, all associations, and
            the pair of the strongest association.
        n_columns : int, default=9
            How many columns to show by themselves, unless ``columns`` says which.
        y : label, default=None
            A column whose labels or values colour pairs.
        **kwargs : dict
            Passed on to what draws synthetic cells by themselves (``Axes.hist``,
            ``Axes.barh``), to ``Axes.scatter`` of pairs or ``Axes.imshow`` of associations.

        Returns
        -------
        SyntheticComparisonDisplay
            The display.

        Raises
        ------
        TypeError
            If a column is passed as ``hue`` or ``c``, and not as ``y``.
        ValueError
            If ``kind`` or a column is not known, or a single column is to make pairs.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        refuse_colors(kwargs)
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} is not one of {', '.join(map(repr, KINDS))}.")
        chosen = None if columns is None else np.array([self._index(c) for c in columns], dtype=int)
        own = None if y is None else self._index(y)
        self.images_: list[Any] = []
        if kind == "marginals":
            self._draw_columns(ax, chosen, n_columns, kwargs)
        elif kind == "pairs":
            self._draw_pairs(ax, chosen, own, kwargs)
        else:
            self._draw_associations(ax, chosen, kwargs)
        self.figure_ = self.ax_.figure
        return self

    def _index(self, column: Any) -> int:
        names = list(self._tables.names)
        if column not in names:
            raise ValueError(f"There is no column {column!r} among {names}.")
        return names.index(column)

    def _draw_columns(
        self, ax: Any, chosen: np.ndarray | None, n_columns: int, kwargs: dict[str, Any]
    ) -> None:
        order = best_first(self._tables)
        shown = spread_over(order, n_columns) if chosen is None else chosen
        width = min(WIDTH, len(shown))
        height = -(-len(shown) // width)
        self.ax_ = axes_or_new(ax, (3.2 * width, 2.3 * height))
        self.axes_ = grid_within(self.ax_, height, width)
        draw_marginals(self.axes_.ravel().tolist(), self._tables, shown, **kwargs)
        # What is first and last in a panel with cells stands for both tables.
        drawn = next((panel.patches for panel in self.axes_.ravel() if panel.patches), None)
        if drawn:
            look = {"frameon": False, "fontsize": "small", "loc": "upper left"}
            handles = (drawn[0], drawn[-1])
            texts = ("real", "synthetic")
            name_in_legend(self.axes_[0, -1], handles, texts, bbox_to_anchor=(1, 1), **look)
        self.columns_ = [self._tables.names[j] for j in shown]

    def _draw_associations(
        self, ax: Any, chosen: np.ndarray | None, kwargs: dict[str, Any]
    ) -> None:
        tables = self._tables
        tables = tables if chosen is None else tables.part(chosen)
        self.columns_ = list(tables.names)
        self.ax_ = axes_or_new(ax, (8.6, 4.8))
        self.axes_ = grid_within(self.ax_, 1, 2)
        self.images_ = draw_associations(self.axes_[0], tables, **kwargs)

    # -------------------------------------------------------------- pairs

    def _draw_pairs(
        self, ax: Any, chosen: np.ndarray | None, y: int | None, kwargs: dict[str, Any]
    ) -> None:
        tables = self._tables
        pairs = [self._strongest_pair()] if chosen is None else list(combinations(chosen, 2))
        if not pairs:
            raise ValueError("pairs need two columns at least.")
        self.columns_ = [(tables.names[i], tables.names[j]) for i, j in pairs]
        self.ax_ = axes_or_new(ax, (8.6, 3.9 * len(pairs)))
        self.axes_ = grid_within(self.ax_, len(pairs), 2)
        rng = np.random.default_rng(0)
        n_points = min(len(tables.rows), len(tables.synthetic), MOST_POINTS)
        both = [
            rows[np.sort(rng.choice(len(rows), n_points, replace=False))]
            for rows in (tables.rows, tables.synthetic)
        ]
        groups, values = self._groups(both, y)
        label = "" if y is None else str(tables.names[y])
        artists: list[Any] = []
        for at, pair in enumerate(pairs):
            line = self.axes_[at]
            points = np.concatenate([self._points(rows, pair, rng) for rows in both])
            for k, (panel, role) in enumerate(zip(line, ("real", "synthetic"), strict=True)):
                own = np.arange(2 * n_points) // n_points == k
                artists = self._scatter(panel, points, own, (groups, values), kwargs)
                names = shorten_all([tables.names[j] for j in pair], 28)
                panel.set(xlabel=names[0], ylabel=names[1])
                tidy(panel)
                self._name_levels(panel, pair)
                heading(panel, role, f"{n_points:,} of {self._n_rows(k):,} rows", size=10)
            limits = [(panel.get_xlim(), panel.get_ylim()) for panel in line]
            ends = np.array(limits)
            for panel in line:
                panel.set_xlim(ends[:, 0].min(), ends[:, 0].max())
                panel.set_ylim(ends[:, 1].min(), ends[:, 1].max())
            if values is not None:
                self.ax_.figure.colorbar(artists[0], ax=line.tolist(), label=label)
            elif y is not None and not at:
                texts = [group.label for group in groups]
                look = {"frameon": False, "fontsize": "small", "title": label}
                look |= {"loc": "upper left", "bbox_to_anchor": (1, 1), "markerscale": 2}
                name_in_legend(line[1], artists, texts, **look)

    def _n_rows(self, k: int) -> int:
        return len((self._tables.rows, self._tables.synthetic)[k])

    def _strongest_pair(self) -> tuple[int, int]:
        """Return the columns that depend on each other most in the real rows."""
        columns = best_first(self._tables)
        if len(columns) < 2:
            raise ValueError("pairs need two columns at least.")
        real, _ = associations_of(self._tables, columns)
        strength = np.triu(np.abs(real), 1)
        i, j = np.unravel_index(int(strength.argmax()), strength.shape)
        first, second = sorted((int(columns[i]), int(columns[j])))
        return first, second

    def _groups(
        self, both: list[np.ndarray], y: int | None
    ) -> tuple[list[Group], np.ndarray | None]:
        """Return the classes or values of the column that colours real and synthetic rows."""
        cells = np.concatenate(both)
        if y is None:
            return groups_of(None, len(cells), "rows")
        own, levels = cells[:, y], self._tables.labels[y] if self._tables.labels else None
        if levels is None:
            return groups_of(read_labels(own, cells), len(cells), "rows")
        texts = [None if np.isnan(code) else levels[int(code)] for code in own]
        return groups_of(read_labels(np.array(texts, dtype=object), cells), len(cells), "rows")

    def _points(
        self, rows: np.ndarray, pair: tuple[int, int], rng: np.random.Generator
    ) -> np.ndarray:
        """Return two columns; categories are scattered around their place."""
        is_category = self._tables.is_category
        points = rows[:, list(pair)].copy()
        for k, j in enumerate(pair):
            if is_category[j]:
                points[:, k] += rng.uniform(-0.3, 0.3, size=len(points))
        return points

    def _scatter(
        self,
        ax: Any,
        points: np.ndarray,
        own: np.ndarray,
        colored: tuple[list[Group], np.ndarray | None],
        kwargs: dict[str, Any],
    ) -> list[Any]:
        """Draw the rows of one table; return the artists of the groups."""
        groups, values = colored
        plain = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        colors = class_colors(groups, values, kwargs) if len(groups) > 1 else [BLUE]
        artists = []
        for group, color in zip(groups, colors, strict=True):
            look: dict[str, Any] = {"s": 7, "linewidths": 0, "alpha": 0.5, "label": group.label}
            mask, chosen = own & group.rows, plain
            if values is not None and group.labelled:
                look |= {"c": values[mask[group.rows]], "vmin": values.min(), "vmax": values.max()}
                chosen = kwargs
            else:
                look["color"] = color if group.labelled else MUTED
            artists.append(ax.scatter(*points[mask].T, **over(look, chosen)))
        return artists

    def _name_levels(self, ax: Any, pair: tuple[int, int]) -> None:
        """Let ticks name categories and dates."""
        tables = self._tables
        for axis, j in zip((ax.xaxis, ax.yaxis), pair, strict=True):
            if tables.is_category[j]:
                levels = tables.labels[j] or ()
                shown = range(len(levels))[:: max(1, -(-len(levels) // N_NAMED))]
                rotation = {"rotation": 32, "ha": "right"} if axis is ax.xaxis else {}
                axis.set_ticks(list(shown), shorten_all([levels[i] for i in shown], 14), **rotation)
            elif tables.is_date and tables.is_date[j]:
                show_dates(axis, most=8)
