"""Columns and pairs of real and synthetic rows, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._associations import associations
from sklearn_aae.inspection._compared import Compared
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    color_bar,
    heading,
    over,
    shorten,
    shorten_all,
    tidy,
)

#: The most columns whose pairs are looked at; of more, so many from first to last.
MOST_COLUMNS = 64
#: Up to so many columns the correlation matrices name them.
N_TICKS = 8
#: With so many columns the names of a mixed table still have room, in small letters.
N_SMALL_TICKS = 16
#: So many levels of a category have a bar of their own.
N_LEVELS = 5


def draw_associations(axes: Sequence[Any], data: Compared, **kwargs: Any) -> list[Any]:
    """Draw the correlations or associations of the columns of real and synthetic rows.

    Return the images on the two axes; none if fewer than two columns vary.
    """
    what = "Associations" if data.is_mixed else "Correlations"
    varying = np.flatnonzero([_varies(column) for column in data.rows.T])
    varying = varying[: len(varying) * (len(data.synthetic) > 1)]
    if len(varying) < 2:
        for ax in axes:
            ax.set_axis_off()
        heading(axes[0], what, "fewer than two columns vary")
        return []
    n_varying = len(varying)
    if n_varying > MOST_COLUMNS:
        varying = varying[np.linspace(0, n_varying - 1, MOST_COLUMNS).round().astype(int)]
    real, synthetic = associations_of(data, varying)
    low, colors = (0, "Blues") if data.is_mixed else (-1, "RdBu_r")
    order = _similar_first(real)
    look = over({"cmap": colors, "vmin": low, "vmax": 1}, kwargs)
    images = []
    for ax, matrix in zip(axes, (real, synthetic), strict=True):
        images.append(ax.imshow(matrix[np.ix_(order, order)], **look))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelsize=8, colors=INK)
        ax.set_xticks([])
        ax.set_yticks([])
    if len(varying) <= (N_SMALL_TICKS if data.is_mixed else N_TICKS):
        names = shorten_all([data.names[varying[i]] for i in order], 18)
        size = 8 if len(varying) <= N_TICKS else 7
        axes[0].set_yticks(range(len(order)), names, fontsize=size)
    ticks = sorted({low, 0, 1})
    color_bar(images[-1], axes, ticks, location="bottom", shrink=0.5, aspect=30, pad=0.03)
    pairs = ~np.eye(len(varying), dtype=bool)
    gap = np.abs(real - synthetic)[pairs].mean()
    of_all = f"{len(varying)} of {n_varying:,}" if len(varying) < n_varying else f"{n_varying}"
    heading(axes[0], f"{what}: real", f"{of_all} columns, similar ones side by side")
    heading(axes[1], f"{what}: synthetic", f"mean absolute difference {gap:.2f}")
    return images


def associations_of(data: Compared, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much columns depend on each other, in real and in synthetic rows."""
    real, synthetic = (rows[:, columns] for rows in (data.rows, data.synthetic))
    if data.is_mixed:
        is_category = data.is_category[columns]
        return associations(real, is_category), associations(synthetic, is_category)
    return _correlation(real), _correlation(synthetic)


def _varies(column: np.ndarray) -> bool:
    present = column[~np.isnan(column)]
    return len(present) > 0 and bool(np.ptp(present) > 0)


def _correlation(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        result: np.ndarray = np.nan_to_num(np.corrcoef(rows, rowvar=False))
        return result


def _similar_first(correlation: np.ndarray) -> np.ndarray:
    """Return an order of the columns in which correlated ones are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - np.abs(correlation), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    result: np.ndarray = leaves_list(tree)
    return result


def best_first(data: Compared) -> np.ndarray:
    """Return the columns in the order of how alike real and synthetic cells are."""
    order = np.argsort(_gaps(data), kind="stable")
    if any(data.is_identifier) and not all(data.is_identifier):
        # Bars of a row each, and a distance that says how many rows were drawn.
        order = order[~np.array(data.is_identifier)[order]]
    return order


def spread_over(order: np.ndarray, count: int) -> np.ndarray:
    """Return so many of a list from its first to its last, evenly spaced."""
    result: np.ndarray = order[
        np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    ]
    return result


def draw_marginals(axes: Sequence[Any], data: Compared, shown: np.ndarray, **kwargs: Any) -> None:
    """Draw columns in real and synthetic rows, each on axes of its own."""
    gaps = _gaps(data)
    names = shorten_all([data.names[column] for column in shown], 22)
    for ax, column, name in zip(axes, shown, names, strict=False):
        cells = _known(data, column)
        if not all(map(len, cells)):
            tidy(ax)
            ax.set(xticks=[], yticks=[])
        elif data.is_category[column]:
            _draw_levels(ax, cells, data.labels[column], kwargs)
        else:
            _draw_marginal(ax, *cells, kwargs)
        if data.is_date and data.is_date[column]:
            show_dates(ax.xaxis)
        text = _distance("TV" if data.is_category[column] else "KS", gaps[column], data, column)
        heading(ax, name, text, weight="normal", size=10)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()


def _known(data: Compared, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of a column that are there, in real and in synthetic rows."""
    real, drawn = data.rows[:, column], data.synthetic[:, column]
    return real[~np.isnan(real)], drawn[~np.isnan(drawn)]


def _gaps(data: Compared) -> np.ndarray:
    """Return how far real and synthetic cells are apart, by column."""
    is_category = data.is_category
    return np.array([_gap(*_known(data, j), codes=is_category[j]) for j in range(len(data.names))])


def _distance(what: str, gap: float, data: Compared, column: int) -> str:
    """Say how far real and synthetic cells are apart, and how many are missing if any are."""
    shares = [100 * np.isnan(rows[:, column]).mean() for rows in (data.rows, data.synthetic)]
    if not any(shares):
        return f"{what} distance {gap:.2f}"
    return f"{what} {gap:.2f}, missing {shares[0]:.0f} | {shares[1]:.0f} %"


def _gap(real: np.ndarray, drawn: np.ndarray, *, codes: bool) -> float:
    """Return the Kolmogorov-Smirnov distance, or total variation of codes; 1 to nothing."""
    if not len(real) or not len(drawn):
        return float(len(real) != len(drawn))
    if codes:
        shares = _shares(real, drawn)
        return float(np.abs(shares[0] - shares[1]).sum() / 2)
    values = np.concatenate([real, drawn])
    steps = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample)
        for sample in (real, drawn)
    ]
    return float(np.abs(steps[0] - steps[1]).max())


def _shares(real: np.ndarray, drawn: np.ndarray) -> list[np.ndarray]:
    """Return the share of each code in both samples."""
    n_levels = 1 + int(max(real.max(), drawn.max()))
    return [
        np.bincount(codes.astype(int), minlength=n_levels) / len(codes) for codes in (real, drawn)
    ]


def _draw_levels(
    ax: Any, codes: tuple[np.ndarray, ...], labels: Any, kwargs: dict[str, Any]
) -> None:
    """Draw a bar for each of the most frequent levels, and one for the others."""
    shares = np.array(_shares(*codes))
    used = np.flatnonzero(shares.sum(axis=0))
    order = used[np.argsort(-shares[0, used], kind="stable")]
    # "1 other" would take the room of the level itself.
    n_own = N_LEVELS if len(order) > N_LEVELS + 1 else len(order)
    bars, names = shares[:, order[:n_own]], shorten_all([labels[i] for i in order[:n_own]], 11)
    names = [name if name.strip() else '""' for name in names]
    if n_own < len(order):
        bars = np.column_stack([bars, shares[:, order[n_own:]].sum(axis=1)])
        names.append(shorten(f"{len(order) - n_own:,} others", 11))
    positions = np.arange(len(names))
    ax.barh(positions, bars[0], 0.8, color=BLUE, alpha=0.35)
    look = {"facecolor": "none", "edgecolor": ORANGE, "linewidth": 1.6}
    ax.barh(positions, bars[1], 0.8, **over(look, kwargs))
    tidy(ax)
    ax.set_yticks(positions, names)
    ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
    ax.spines["left"].set_visible(False)
    # A single level keeps the height that a bar has among others.
    ax.set_ylim(max(len(names), 3) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=3)
    ax.xaxis.set_major_formatter(import_extra("matplotlib.ticker", "plot").PercentFormatter(1, 0))


def show_dates(axis: Any, most: int = 4) -> None:
    """Let the ticks of an axis in days be dates."""
    dates = import_extra("matplotlib.dates", "plot")
    locator = dates.AutoDateLocator(minticks=2, maxticks=most)
    axis.set_major_locator(locator)
    axis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _draw_marginal(ax: Any, real: np.ndarray, drawn: np.ndarray, kwargs: dict[str, Any]) -> None:
    bins = _bins(real, drawn)
    for values, look in (
        (real, {"color": BLUE, "alpha": 0.35}),
        (drawn, over({"color": ORANGE, "histtype": "step", "linewidth": 1.6}, kwargs)),
    ):
        # Shares of all rows: bars stay comparable although far tails are not shown.
        ax.hist(values, bins=bins, weights=np.full(len(values), 1 / len(values)), **look)
    tidy(ax)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.locator_params(axis="x", nbins=4)
    ax.xaxis.get_offset_text().set(fontsize=8, color=MUTED)


def _bins(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    low, high = np.quantile(np.concatenate([real, drawn]), [0.002, 0.998])
    if (real == np.round(real)).all() and high - low <= 30:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    return np.linspace(low, high, int(np.clip(len(real) ** 0.5, 8, 40)) + 1)
