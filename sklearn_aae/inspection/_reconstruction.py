"""Rows beside their reconstructions: images, or what is explained of each column."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding import BOOLEAN, NUMBER, Container, as_frame, columns_of, read_parsed
from sklearn_aae.encoding._containers import as_array
from sklearn_aae.exceptions import UnsupportedColumnsError
from sklearn_aae.inspection._compared import read_cells
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    axes_or_new,
    matrix_of,
    names_of,
    over,
    shorten,
)
from sklearn_aae.typing import Label, TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ReconstructionDisplay:
    """How well rows come back through the code.

    With ``shape`` rows are images: a line of them above a line of their
    reconstructions, on one grey scale.  Without, bars show the share of each
    column's variance that the reconstructions explain, best column first; of tables
    with categories, dates or missing cells, the share of cells that come back wrong.
    It is best made with :meth:`from_estimator`.

    Parameters
    ----------
    rows : array-like or frame of shape (n_samples, n_features)
        Rows.
    reconstructions : array-like or frame of shape (n_samples, n_features)
        The same rows, reconstructed.
    shape : tuple (height, width), default=None
        Makes images of the rows; ``height * width`` is ``n_features``.
    feature_names : array-like of shape (n_features,), default=None
        Names of the columns; None numbers them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    explained_ : ndarray of shape (n_features,), float64, or None
        Explained share of each column's variance: 1 is perfect, 0 is no better
        than the column's mean, and below 0 worse; NaN for constant columns.  None for tables
        of mixed types.
    wrong_ : ndarray of shape (n_features,), float64, or None
        Of tables of mixed types the share of each column's cells that come back as another
        category, or are missing in one of the tables alone; of the other numbers and dates the
        share of their variance that is not explained, at most 1, counts as wrong.
    bars_ : BarContainer or None
        The bars.
    image_ : AxesImage or None
        The images, put together into one.

    Raises
    ------
    ValueError
        If the shapes do not fit, or what is to make images are not numbers.

    See Also
    --------
    LatentSpaceDisplay : The codes between a row and its reconstruction.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import ReconstructionDisplay
    >>> rows = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]]
    >>> means = [[0.0, 2.0], [1.0, 2.0], [2.0, 2.0]]
    >>> display = ReconstructionDisplay(rows, means, feature_names=["a", "b"]).plot()
    >>> display.explained_
    array([1., 0.])
    """

    def __init__(
        self,
        rows: TableLike,
        reconstructions: TableLike,
        *,
        shape: tuple[int, int] | None = None,
        feature_names: Sequence[Label] | np.ndarray | None = None,
    ) -> None:
        matrices: list[Any] = [
            numbers_of(table, name, feature_names, strict=shape is not None)
            for table, name in ((rows, "rows"), (reconstructions, "reconstructions"))
        ]
        self._mixed: Mixed | None = None
        self.rows, self.reconstructions = matrices
        if any(matrix is None for matrix in matrices):
            self._mixed = compare_cells(rows, reconstructions)
            self.rows, self.reconstructions = rows, reconstructions
        elif self.rows.shape != self.reconstructions.shape:
            raise ValueError(
                f"rows are {self.rows.shape}, but reconstructions {self.reconstructions.shape}."
            )
        width = self.rows.shape[1] if self._mixed is None else len(self._mixed.wrong)
        if self._mixed is not None and feature_names is None:
            feature_names = self._mixed.names
        if shape is not None and (len(shape) != 2 or shape[0] * shape[1] != width):
            raise ValueError(f"shape={shape!r} does not make an image of {width} columns.")
        self.shape = shape
        self.feature_names = [str(name) for name in names_of(feature_names, width)]

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        *,
        shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> ReconstructionDisplay:
        """Reconstruct rows and plot.

        Parameters
        ----------
        estimator : AdversarialAutoencoder
            A fitted model.
        X : array-like or frame of shape (n_samples, n_features)
            Rows, best held out.
        shape : tuple (height, width), default=None
            Makes images of the rows.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the shapes do not fit, or what is to make images are not numbers.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_digits
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> from sklearn_aae.inspection import ReconstructionDisplay
        >>> X = load_digits().data
        >>> aae = AdversarialAutoencoder(8, max_epochs=2, random_state=0).fit(X)
        >>> display = ReconstructionDisplay.from_estimator(aae, X, shape=(8, 8), n_images=6)
        >>> display.image_.get_array().shape  # two lines of six images, one pixel between
        (17, 53)
        """
        check_is_fitted(estimator)
        names = getattr(estimator, "feature_names_in_", None)
        rows = numbers_of(X, "X", names, strict=shape is not None)
        rows = X if rows is None else rows
        return cls(rows, estimator.reconstruct(X), shape=shape, feature_names=names).plot(
            ax, **kwargs
        )

    def plot(
        self, ax: Axes | None = None, *, n_images: int = 10, n_columns: int = 40, **kwargs: Any
    ) -> ReconstructionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_images : int, default=10
            How many of the rows to show as images, evenly spaced.
        n_columns : int, default=40
            How many columns get a bar: of more, the worst are shown.
        **kwargs : dict
            Passed on to ``Axes.imshow`` or ``Axes.barh``.

        Returns
        -------
        ReconstructionDisplay
            The display.

        Raises
        ------
        ValueError
            If ``n_images`` or ``n_columns`` is not at least 1.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        check_scalar(n_images, "n_images", Integral, min_val=1)
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
        self.explained_ = self.wrong_ = None
        if self._mixed is None:
            self.explained_ = explained_variance(self.rows, self.reconstructions)
            shown = np.argsort(-self.explained_, kind="stable")
            shown = shown[np.isfinite(self.explained_[shown])][-n_columns:]
        else:
            self.wrong_ = self._mixed.wrong
            shown = np.argsort(self.wrong_, kind="stable")[-n_columns:]
        height = (1.2 if self._mixed is None else 2.0) + 0.2 * len(shown)
        size = (10.0, 2.4) if self.shape else (5.5, height)
        self.ax_ = axes_or_new(ax, size)
        self.figure_ = self.ax_.figure
        self.bars_ = self.image_ = None
        if self.shape:
            self._draw_images(n_images, kwargs)
        elif self._mixed is None:
            self._draw_bars(self.explained_, shown, kwargs)
            self.ax_.set_xlim(right=1)
            self.ax_.set_xlabel("explained share of the column's variance")
        else:
            self._draw_mixed(self._mixed, shown, kwargs)
        return self

    def _draw_images(self, n_images: int, kwargs: dict[str, Any]) -> None:
        height, width = self.shape  # type: ignore[misc]
        count = min(n_images, len(self.rows))
        chosen = np.linspace(0, len(self.rows) - 1, count).round().astype(int)
        canvas = np.full((2 * height + 1, count * (width + 1) - 1), np.nan)
        for line, source in enumerate((self.rows, self.reconstructions)):
            top = line * (height + 1)
            for i, row in enumerate(chosen):
                left = i * (width + 1)
                canvas[top : top + height, left : left + width] = source[row].reshape(self.shape)
        # The scale is that of the rows: a reconstruction that leaves it saturates.
        low, high = self.rows[chosen].min(), self.rows[chosen].max()
        look = {"cmap": "gray_r", "vmin": low, "vmax": high, "interpolation": "nearest"}
        self.image_ = self.ax_.imshow(canvas, **over(look, kwargs))
        middle = (height - 1) / 2
        self.ax_.set_yticks([middle, middle + height + 1], ["rows", "reconstructed"])
        self.ax_.set_xticks([])
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)

    def _draw_bars(self, lengths: Any, shown: np.ndarray, kwargs: dict[str, Any]) -> None:
        ax = self.ax_
        positions = np.arange(len(shown))
        look = {"color": BLUE, "height": 0.7}
        self.bars_ = ax.barh(positions, lengths[shown], **over(look, kwargs))
        ax.set_yticks(positions, [shorten(self.feature_names[i], 28) for i in shown])
        ax.invert_yaxis()
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
        if len(shown) < np.isfinite(lengths).sum():
            ax.set_title(f"the {len(shown)} worst of {len(lengths)} columns")

    def _draw_mixed(self, mixed: Mixed, shown: np.ndarray, kwargs: dict[str, Any]) -> None:
        """Draw the share of wrong cells, beside that of the commonest category."""
        colors = [ORANGE if is_category else BLUE for is_category in mixed.is_category[shown]]
        self._draw_bars(mixed.wrong, shown, over({"color": colors}, kwargs))
        ax, marked = self.ax_, mixed.is_category[shown]
        places = np.flatnonzero(marked)
        ax.plot(mixed.commonest[shown[marked]], places, "|", color=INK, markersize=11, mew=1.6)
        patches, lines = (import_extra(f"matplotlib.{m}", "plot") for m in ("patches", "lines"))
        handles = [
            patches.Patch(color=ORANGE, label="categories: cells that come back as another"),
            lines.Line2D(
                [], [], color=INK, marker="|", linestyle="", label="always the commonest category"
            ),
            patches.Patch(color=BLUE, label="numbers, dates: variance not explained"),
        ]
        handles = [*handles[: 2 * marked.any()], *handles[2 : 3 - marked.all()]]
        ax.set_xlim(0, max(1e-9, 1.05 * max(mixed.wrong[shown].max(), mixed.commonest.max())))
        ax.set_xlabel("share of wrong cells")
        look = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False}
        ax.legend(handles=handles, fontsize="small", **look)
        if ax.get_title():
            ax.set_title(ax.get_title(), pad=16 * len(handles) + 6)


class Mixed(NamedTuple):
    """How the cells of a table of mixed types come back.

    By column: its name, the share of wrong cells, whether it holds categories, and the share of
    wrong cells if its commonest category always came back.
    """

    names: list[Any]
    wrong: np.ndarray
    is_category: np.ndarray
    commonest: np.ndarray


def compare_cells(rows: Any, reconstructions: Any) -> Mixed:
    """Return how the cells of rows come back in their reconstructions."""
    cells, facts = read_cells({"rows": rows, "reconstructions": reconstructions})
    table, back = cells["rows"], cells["reconstructions"]
    if len(table) != len(back):
        raise ValueError(f"rows are {len(table)}, but reconstructions {len(back)}.")
    is_category = np.array([labels is not None for labels in facts["labels"]])
    wrong, commonest = np.zeros((2, len(is_category)))
    for j, (own, other) in enumerate(zip(table.T, back.T, strict=True)):
        known = ~(np.isnan(own) | np.isnan(other))
        lacking = np.isnan(own) != np.isnan(other)
        if is_category[j]:
            wrong[j] = (lacking | (known & (own != other))).mean()
            _, counts = np.unique(own, return_counts=True)
            commonest[j] = 1 - counts.max() / len(own)
        elif known.any():
            residual = ((own - other)[known] ** 2).mean()
            variance = own[known].var()
            left = min(1.0, residual / variance) if variance > 0 else float(residual > 0)
            wrong[j] = (lacking.sum() + left * known.sum()) / len(own)
        else:
            wrong[j] = lacking.mean()
    return Mixed(facts["names"], wrong, is_category, commonest)


def explained_variance(rows: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Return the explained share of each column's variance; NaN for constant columns."""
    residual = ((rows - reconstructions) ** 2).mean(axis=0)
    varies = np.ptp(rows, axis=0) > 0
    variance = np.where(varies, rows.var(axis=0), np.nan)
    result: np.ndarray = 1 - residual / variance
    return result


def numbers_of(
    table: Any, name: str, labels: Any = None, *, strict: bool = True
) -> np.ndarray | None:
    """Return a table as a matrix of finite numbers, or None if it is one of mixed types.

    If it has to be numbers (``strict``), raise ValueError naming the columns that are not.
    """
    if as_frame(table) is None:
        try:
            return matrix_of(table, name)
        except (TypeError, ValueError):
            if issparse(table) or np.ndim(table := np.asarray(as_array(table))) != 2:
                raise
    columns = [_numbers(column) for column in columns_of(table)]
    named = Container.of(table).columns or labels
    names = list(range(len(columns)) if named is None or len(named) != len(columns) else named)
    wrong = [names[j] for j, column in enumerate(columns) if column is None]
    found = [column for column in columns if column is not None]
    if not strict and (wrong or any(np.isnan(column).any() for column in found)):
        return None
    if wrong:
        raise ValueError(
            f"Images are made of numbers, not of what is in {_listed(wrong)} of {name}. "
            "Leave shape out, and bars show how many cells of each column come back wrong."
        )
    gaps = [names[j] for j, column in enumerate(found) if np.isnan(column).any()]
    if gaps:
        raise ValueError(
            f"Images are made of numbers, and {name} has NaN or other missing cells in "
            f"{_listed(gaps)}. Fill them, for example by impute of the model."
        )
    return matrix_of(np.column_stack(found) if found else table, name)


def _numbers(column: Any) -> np.ndarray | None:
    """Return a column as numbers, NaN where there is none; None if it is of another kind."""
    try:
        read = read_parsed(column, None)
    except UnsupportedColumnsError:
        return None
    except ValueError:  # infinite numbers, which are told of later
        return np.asarray(column, dtype=np.float64)
    if read.missing.all():
        return np.full(len(read.missing), np.nan)
    if read.kind not in (NUMBER, BOOLEAN):
        return None
    return np.where(read.missing, np.nan, read.values.astype(np.float64))


def _listed(names: list[Any]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"the column{'s' if len(names) > 1 else ''} {shown}{rest}"
