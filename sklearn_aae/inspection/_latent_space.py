"""Codes over draws of the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._random import draw_seed, make_generator
from sklearn_aae.inspection._groups import (
    OF_VALUES,
    Group,
    class_colors,
    groups_of,
    read_labels,
    refuse_colors,
)
from sklearn_aae.inspection._style import (
    MUTED,
    PALE,
    PALETTE,
    axes_or_new,
    matrix_of,
    name_in_legend,
    over,
)
from sklearn_aae.typing import TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Classes have other markers where the palette begins again.
MARKERS = ("o", "^", "s", "P", "v", "X", "D")
#: Entries of a column of the legend.
COLUMN = 24


class LatentSpaceDisplay:
    """Codes of rows, over draws of the prior that they should follow.

    Two components make a scatter plot; one makes a histogram.  It is best made
    with :meth:`from_estimator`.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        Codes of the rows.
    prior : array-like of shape (n_draws, n_components), default=None
        Draws of the prior; None leaves them out.
    y : array-like of shape (n_samples,), default=None
        Colours the codes: labels by class (with a legend), real numbers, or more
        numbered classes than the palette has colours, by value (with a colour bar; in a
        histogram they change nothing).  Missing cells (None, NaN, pandas.NA) are shown
        as unlabelled rows.
    components : tuple of int, default=(0, 1)
        The two components to show, or one.  Codes of width 1 show that one.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    code_artists_ : list
        The scatter (``PathCollection``) or histogram (``BarContainer``) of each
        class of ``y``, and last that of unlabelled rows if there are some; one without
        classes.
    prior_artist_ : PathCollection, Polygon or None
        The draws of the prior.

    Raises
    ------
    ValueError
        If shapes do not fit or a component does not exist.

    See Also
    --------
    LossCurveDisplay : The losses of training.
    ReconstructionDisplay : Rows beside their reconstructions.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from sklearn_aae.inspection import LatentSpaceDisplay
    >>> rng = np.random.default_rng(0)
    >>> codes, draws = rng.normal(size=(50, 3)), rng.normal(size=(200, 3))
    >>> display = LatentSpaceDisplay(codes, draws, components=(0, 2)).plot()
    >>> display.ax_.get_ylabel()
    'component 2'
    """

    def __init__(
        self,
        codes: TableLike,
        prior: TableLike | None = None,
        *,
        y: Any = None,
        components: tuple[int, ...] = (0, 1),
    ) -> None:
        self.codes = matrix_of(codes, "codes")
        width = self.codes.shape[1]
        self.prior = None if prior is None else matrix_of(prior, "prior")
        if self.prior is not None and self.prior.shape[1] != width:
            raise ValueError(
                f"codes have {width} components, but prior has {self.prior.shape[1]} columns."
            )
        self.y = y
        self._labels = read_labels(y, self.codes)
        components = tuple(components)
        self.components = (0,) if width == 1 and components == (0, 1) else components
        if len(self.components) not in (1, 2) or not all(
            -width <= component < width for component in self.components
        ):
            raise ValueError(
                f"components={components!r} must be one or two numbers below {width}, the "
                "number of components."
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any = None,
        *,
        components: tuple[int, ...] = (0, 1),
        n_prior: int = 1000,
        random_state: Any = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> LatentSpaceDisplay:
        """Encode rows, draw from the prior, and plot both.

        Parameters
        ----------
        estimator : AdversarialAutoencoder
            A fitted model.
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Colours the codes.
        components : tuple of int, default=(0, 1)
            The two components to show, or one.
        n_prior : int, default=1000
            Number of draws of the prior; 0 leaves them out.
        random_state : int, RandomState or None, default=0
            Seeds the draws; None takes fresh entropy.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        LatentSpaceDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If shapes do not fit or a component does not exist.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> from sklearn_aae.inspection import LatentSpaceDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> aae = AdversarialAutoencoder(max_epochs=5, random_state=0).fit(X)
        >>> display = LatentSpaceDisplay.from_estimator(aae, X, y)
        >>> len(display.code_artists_)
        3
        """
        check_is_fitted(estimator)
        codes = np.asarray(estimator.transform(X))
        prior = None
        if n_prior:
            generator = make_generator(draw_seed(random_state))
            prior = estimator.prior_.sample(n_prior, codes.shape[1], generator).detach().numpy()
        return cls(codes, prior, y=y, components=components).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> LatentSpaceDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to ``Axes.scatter`` or ``Axes.hist`` for the codes.  ``cmap`` is for
            values of ``y`` and for its classes.

        Returns
        -------
        LatentSpaceDisplay
            The display.

        Raises
        ------
        TypeError
            If colours by row are passed as ``c``, or as ``hue``, and not as ``y``.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        refuse_colors(kwargs)
        self.ax_ = axes_or_new(ax, (5.5, 4.8))
        self.figure_ = self.ax_.figure
        # What others drew on the axes stays in the legend.
        handles, texts = self.ax_.get_legend_handles_labels()
        groups, values = groups_of(self._labels, len(self.codes), "codes")
        draw = self._scatter if len(self.components) == 2 else self._histogram
        draw(groups, values, kwargs)
        if self.prior is not None:
            handles, texts = [*handles, self.prior_artist_], [*texts, "prior"]
        # Outlines of histograms come as a list.
        handles += [a[0] if isinstance(a, list) else a for a in self.code_artists_]
        texts += [str(kwargs.get("label", group.label)) for group in groups]
        if len(groups) > 1 or self.prior is not None:
            look = {"frameon": False, "fontsize": "small", "ncols": -(-len(texts) // COLUMN)}
            name_in_legend(self.ax_, handles, texts, **look)
        return self

    def _scatter(
        self, groups: list[Group], values: np.ndarray | None, kwargs: dict[str, Any]
    ) -> None:
        first, second = self.components
        ax, self.prior_artist_ = self.ax_, None
        if self.prior is not None:
            self.prior_artist_ = ax.scatter(
                *self.prior[:, [first, second]].T, s=8, c=PALE, linewidths=0, label="prior"
            )
        colors, artists = class_colors(groups, values, kwargs), {}
        # Rows without a class lie below the others.
        for i in sorted(range(len(groups)), key=lambda i: groups[i].labelled):
            label, mask, labelled = groups[i]
            marker = MARKERS[i // len(PALETTE) % len(MARKERS)]
            look = {"s": 16, "alpha": 0.85, "linewidths": 0, "label": label, "marker": marker}
            chosen = kwargs
            if not labelled or values is None:
                chosen = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
            if not labelled:
                look |= {"color": MUTED, "s": 8, "alpha": 0.6, "marker": "o"}
            else:
                look |= {"color": colors[i]} if values is None else {"c": values}
            points = self.codes[mask][:, [first, second]].T
            artists[i] = ax.scatter(*points, **over(look, chosen))
        self.code_artists_ = [artists[i] for i in range(len(groups))]
        if values is not None and self.code_artists_[0].get_array() is not None:
            self.figure_.colorbar(self.code_artists_[0], ax=ax, label="y")
        ax.set(xlabel=f"component {first}", ylabel=f"component {second}")

    def _histogram(
        self, groups: list[Group], values: np.ndarray | None, kwargs: dict[str, Any]
    ) -> None:
        (component,) = self.components
        ax, self.prior_artist_ = self.ax_, None
        codes = self.codes[:, component]
        draws = codes[:0] if self.prior is None else self.prior[:, component]
        bins = np.histogram_bin_edges(np.concatenate([codes, draws]), bins=30)
        self.code_artists_ = []
        colors = class_colors(groups, None, kwargs)
        kwargs = {name: kwargs[name] for name in kwargs if name not in OF_VALUES}
        for (label, mask, labelled), color in zip(groups, colors, strict=True):
            # Classes are shares of all rows, so that together they match the prior.
            share = np.full(mask.sum(), 1 / (len(codes) * (bins[1] - bins[0])))
            look = {"bins": bins, "weights": share, "alpha": 0.6, "label": label}
            look["color"] = color if labelled else MUTED
            self.code_artists_.append(ax.hist(codes[mask], **over(look, kwargs))[2])
        if self.prior is not None:
            outline = {"histtype": "step", "color": MUTED, "linewidth": 1.5, "label": "prior"}
            self.prior_artist_ = ax.hist(draws, bins=bins, density=True, **outline)[2][0]
        ax.set(xlabel=f"component {component}", ylabel="density")
