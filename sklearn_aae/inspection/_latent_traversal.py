"""What changes in decoded rows along each component of the code."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._random import draw_seed, make_generator
from sklearn_aae.encoding import as_array, as_frame, columns_of
from sklearn_aae.inspection._compared import read_cells
from sklearn_aae.inspection._contributions import written
from sklearn_aae.inspection._style import (
    INK,
    axes_or_new,
    grid_within,
    heading,
    matrix_of,
    over,
    shorten_all,
)
from sklearn_aae.typing import TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Draws of the prior that say how far to walk, and how many of them are decoded.
N_DRAWS, N_DECODED = 2000, 200
#: Shares of the prior's draws below the ends of a walk.
ENDS = (0.025, 0.975)
#: The most components that are walked along unless they are named.
MOST_COMPONENTS = 6


class LatentTraversalDisplay:
    """Rows decoded from codes that walk along one component at a time.

    Images make a line for each component.  Rows of a table make a grid for each: the columns
    that change most, step by step, with their cells written out; numbers are darker the
    higher they are.  It is best made with :meth:`from_estimator`.

    Parameters
    ----------
    walks : sequence of (array-like or frame of shape (n_steps, n_features))
        The decoded rows, a table for each component.
    positions : array-like of shape (n_walks, n_steps)
        Where the component is at each step.
    components : sequence of int, default=None
        The components; None numbers them.
    shape : tuple (height, width), default=None
        Makes images of the rows; ``height * width`` is ``n_features``.
    reference : array-like or frame of shape (n_rows, n_features), default=None
        Rows that say how much columns vary at all; None takes those of the walks.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The place of all axes; with ``shape`` the one that is drawn on.
    axes_ : ndarray of matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    images_ : list of AxesImage
        The images, put together into one; or the grid of each component.
    columns_ : list of list
        For each component the columns that are shown, most changed first; empty for images.

    Raises
    ------
    ValueError
        If shapes do not fit.

    See Also
    --------
    LatentSpaceDisplay : The codes themselves.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import LatentTraversalDisplay
    >>> walk = [[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]]
    >>> LatentTraversalDisplay([walk], [[-1, 0, 1]]).plot().columns_
    [[0, 1]]
    """

    def __init__(
        self,
        walks: Sequence[TableLike],
        positions: TableLike,
        *,
        components: Sequence[int] | None = None,
        shape: tuple[int, int] | None = None,
        reference: TableLike | None = None,
    ) -> None:
        self.walks = list(walks)
        self.positions = matrix_of(positions, "positions")
        self.components = list(range(len(self.walks)) if components is None else components)
        if not len(self.walks) == len(self.components) == len(self.positions):
            raise ValueError(
                f"There are {len(self.walks)} walks, {len(self.components)} components and "
                f"positions of {len(self.positions)}."
            )
        tables = {f"walk {i}": walk for i, walk in enumerate(self.walks)}
        more = {} if reference is None else {"reference": reference}
        cells, facts = read_cells(tables | more)
        self._cells = [cells[name] for name in tables]
        if any(walk.shape[0] != self.positions.shape[1] for walk in self._cells):
            raise ValueError(f"positions have {self.positions.shape[1]} steps, and walks others.")
        width = self._cells[0].shape[1]
        if shape is not None and (len(shape) != 2 or shape[0] * shape[1] != width):
            raise ValueError(f"shape={shape!r} does not make an image of {width} columns.")
        self.shape = shape
        self._reference = cells.get("reference", np.concatenate(self._cells))
        self._names: list[Any] = facts["names"]
        self._is_category = np.array([labels is not None for labels in facts["labels"]])

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any = None,
        *,
        components: Sequence[int] | None = None,
        n_steps: int = 9,
        y: Any = None,
        shape: tuple[int, int] | None = None,
        random_state: Any = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> LatentTraversalDisplay:
        """Walk along components, decode and plot.

        Parameters
        ----------
        estimator : AdversarialAutoencoder
            A fitted model.
        X : array-like or frame of shape (n_samples, n_features), default=None
            The first row's code is where walks pass, but for the component that walks; None
            takes the middle of the prior's draws.
        components : sequence of int, default=None
            The components to walk along, between the ends of 95 % of the prior's draws; None
            takes all, at most six.
        n_steps : int, default=9
            Number of steps.
        y : scalar, default=None
            With ``supervision="decoder"``, the class to decode as.
        shape : tuple (height, width), default=None
            Makes images of the rows.
        random_state : int, RandomState or None, default=0
            Seeds the draws of the prior.
        ax : matplotlib Axes, default=None
            Where to draw, an ax of ``pyplot.subplots``; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        LatentTraversalDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a component does not exist, ``n_steps`` is not at least 2, or ``shape`` does not fit.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> from sklearn_aae.inspection import LatentTraversalDisplay
        >>> aae = AdversarialAutoencoder(max_epochs=5, random_state=0).fit(load_iris().data)
        >>> display = LatentTraversalDisplay.from_estimator(aae, n_steps=5)
        >>> [len(columns) for columns in display.columns_]
        [4, 4]
        """
        check_is_fitted(estimator)
        check_scalar(n_steps, "n_steps", Integral, min_val=2)
        width = len(estimator.get_feature_names_out())
        chosen = list(range(min(width, MOST_COMPONENTS)) if components is None else components)
        wrong = [component for component in chosen if not -width <= component < width]
        if wrong or not chosen:
            raise ValueError(
                f"components={components!r} must be numbers below {width}, the number of "
                "components."
            )
        generator = make_generator(draw_seed(random_state))
        draws = estimator.prior_.sample(N_DRAWS, width, generator).detach().numpy()
        start = np.median(draws, axis=0) if X is None else np.asarray(estimator.transform(X))[0]
        low, high = np.quantile(draws[:, chosen], ENDS, axis=0)
        positions = np.linspace(low, high, n_steps, axis=1)
        walks = []
        for component, steps in zip(chosen, positions, strict=True):
            codes = np.tile(start.astype(np.float64), (n_steps, 1))
            codes[:, component] = steps
            walks.append(estimator.inverse_transform(codes, y))
        reference = estimator.inverse_transform(draws[:N_DECODED].astype(np.float64), y)
        display = cls(walks, positions, components=chosen, shape=shape, reference=reference)
        return display.plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, n_columns: int = 8, **kwargs: Any
    ) -> LatentTraversalDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, an ax of ``pyplot.subplots``; None makes a figure.
        n_columns : int, default=8
            How many columns are shown for each component of a table.
        **kwargs : dict
            Passed on to ``Axes.imshow``.

        Returns
        -------
        LatentTraversalDisplay
            The display.

        Raises
        ------
        ValueError
            If ``n_columns`` is not at least 1.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        n_walks, n_steps = self.positions.shape
        self.columns_: list[list[Any]] = []
        if self.shape is not None:
            self.ax_ = axes_or_new(ax, (0.9 * n_steps, 0.9 * n_walks + 0.4))
            self.axes_ = np.array([[self.ax_]], dtype=object)
            self.images_ = [self._draw_images(self.shape, kwargs)]
        else:
            shown = min(n_columns, len(self._names))
            self.ax_ = axes_or_new(ax, (2 + 0.8 * n_steps, n_walks * (1.0 + 0.28 * shown)))
            self.axes_ = grid_within(self.ax_, n_walks, 1)
            self.images_ = [self._draw_walk(i, n_columns, kwargs) for i in range(n_walks)]
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, shape: tuple[int, int], kwargs: dict[str, Any]) -> Any:
        height, width = shape
        n_walks, n_steps = self.positions.shape
        canvas = np.full((n_walks * (height + 1) - 1, n_steps * (width + 1) - 1), np.nan)
        for i, walk in enumerate(self._cells):
            for j, row in enumerate(walk):
                top, left = i * (height + 1), j * (width + 1)
                canvas[top : top + height, left : left + width] = row.reshape(shape)
        # A few pixels beyond the others would turn the background grey.
        low, high = np.nanquantile(self._reference, [0.02, 0.98])
        look = {"cmap": "gray_r", "vmin": low, "vmax": high, "interpolation": "nearest"}
        image = self.ax_.imshow(canvas, **over(look, kwargs))
        names = [f"component {component}" for component in self.components]
        middle = (height - 1) / 2
        self.ax_.set_yticks(middle + (height + 1) * np.arange(n_walks), names)
        self.ax_.set_xticks([])
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
        return image

    def _draw_walk(self, i: int, n_columns: int, kwargs: dict[str, Any]) -> Any:
        """Draw the columns that change most along a component, cell by cell."""
        walk, ax = self._cells[i], self.axes_[i, 0]
        shown = np.argsort(-self._changes(walk), kind="stable")[:n_columns]
        self.columns_.append([self._names[j] for j in shown])
        low, high = self._limits()
        shades = (walk - low) / np.where(high > low, high - low, 1)
        # The darkest half of the colours would hide what is written.
        look = {"cmap": "Blues", "vmin": 0, "vmax": 2, "aspect": "auto"}
        image = ax.imshow(shades[:, shown].T, **over(look, kwargs))
        table = self.walks[i]
        cells = list(columns_of(table if as_frame(table) is not None else as_array(table)))
        for place, j in enumerate(shown):
            for step, cell in enumerate(cells[j]):
                look = {"ha": "center", "va": "center", "fontsize": 7.5, "color": INK}
                ax.text(step, place, written(cell), **look)
        ax.set_yticks(range(len(shown)), shorten_all([self._names[j] for j in shown], 24))
        ax.set_xticks(range(len(walk)), [f"{position:.2g}" for position in self.positions[i]])
        ax.tick_params(length=0, labelsize=8, colors=INK)
        ax.spines[:].set_visible(False)
        n_names = len(self._names)
        text = f"the {len(shown)} of {n_names} columns that change most"
        text = text if len(shown) < n_names else "the column that changes most comes first"
        heading(ax, f"component {self.components[i]}", text, size=10)
        return image

    def _limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest cell of each column, 0 where there is none."""
        rows = np.concatenate([self._reference, *self._cells])
        missing = np.isnan(rows)
        low = np.where(missing, np.inf, rows).min(axis=0)
        high = np.where(missing, -np.inf, rows).max(axis=0)
        empty = missing.all(axis=0)
        return np.where(empty, 0, low), np.where(empty, 0, high)

    def _changes(self, walk: np.ndarray) -> np.ndarray:
        """Return how much each column changes, as a share of how much it varies at all."""
        low, high = self._limits()
        known = np.where(np.isnan(walk), low, walk)
        share = np.ptp(known, axis=0) / np.where(high > low, high - low, 1)
        # Of categories there is no more or less.
        result: np.ndarray = np.where(self._is_category, np.ptp(known, axis=0) > 0, share)
        return result
