"""Real and synthetic rows of the report, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.inspection._style import BLUE, INK, MUTED, ORANGE, heading, shorten_all, tidy

#: Number of columns whose marginals are shown.
N_MARGINALS = 6
#: Up to so many columns the correlation matrices name them.
N_TICKS = 8


def draw_correlations(figure: Any, data: Any) -> None:
    """Draw the correlation matrices of real and synthetic rows.

    Parameters
    ----------
    figure : matplotlib SubFigure
        Where to draw.
    data : ReportData
        What to show.
    """
    axes = figure.subplots(1, 2)
    varying = np.flatnonzero((np.ptp(data.rows, axis=0) > 0) & (len(data.synthetic) > 1))
    if len(varying) < 2:
        for ax in axes:
            ax.set_axis_off()
        heading(axes[0], "Correlations", "fewer than two columns vary")
        return
    real, synthetic = (_correlation(rows[:, varying]) for rows in (data.rows, data.synthetic))
    order = _similar_first(real)
    image = None
    for ax, matrix in zip(axes, (real, synthetic), strict=True):
        image = ax.imshow(matrix[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelsize=8, colors=INK)
        ax.set_xticks([])
        ax.set_yticks([])
    if len(varying) <= N_TICKS:
        names = shorten_all([data.names[varying[i]] for i in order], 18)
        axes[0].set_yticks(range(len(order)), names)
    bar = figure.colorbar(
        image, ax=axes, location="bottom", shrink=0.5, aspect=30, pad=0.03, ticks=[-1, 0, 1]
    )
    bar.ax.tick_params(length=0, labelsize=8, colors=MUTED)
    bar.outline.set_visible(False)
    pairs = ~np.eye(len(varying), dtype=bool)
    gap = np.abs(real - synthetic)[pairs].mean()
    heading(axes[0], "Correlations: real", f"{len(varying)} columns, similar ones side by side")
    heading(axes[1], "Correlations: synthetic", f"mean absolute difference {gap:.2f}")


def _correlation(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(rows, rowvar=False))


def _similar_first(correlation: np.ndarray) -> np.ndarray:
    """Return an order of the columns in which correlated ones are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - np.abs(correlation), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    return leaves_list(tree)


def draw_marginals(figure: Any, data: Any) -> None:
    """Draw histograms of columns in real and synthetic rows, best match to worst.

    Parameters
    ----------
    figure : matplotlib SubFigure
        Where to draw.
    data : ReportData
        What to show.
    """
    gaps = np.array(
        [_gap(real, drawn) for real, drawn in zip(data.rows.T, data.synthetic.T, strict=True)]
    )
    order = np.argsort(gaps, kind="stable")
    count = min(N_MARGINALS, len(order))
    shown = order[np.linspace(0, len(order) - 1, count).round().astype(int)]
    axes = figure.subplots(1, max(count, 3), squeeze=False)[0]
    names = shorten_all([data.names[column] for column in shown], 22)
    for ax, column, name in zip(axes, shown, names, strict=False):
        _draw_marginal(ax, data.rows[:, column], data.synthetic[:, column])
        heading(
            ax,
            name,
            f"KS distance {gaps[column]:.2f}",
            weight="normal",
            size=10,
        )
    for ax in axes[count:]:
        ax.set_axis_off()
    chosen = f"{count} of {len(order)} columns, " if count < len(order) else ""
    figure.suptitle(
        f"Columns, real (filled) and synthetic (line): {chosen}best match to worst",
        x=0.008,
        ha="left",
        fontsize=11,
        weight="bold",
        color=INK,
    )


def _gap(real: np.ndarray, drawn: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance."""
    values = np.concatenate([real, drawn])
    steps = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample)
        for sample in (real, drawn)
    ]
    return float(np.abs(steps[0] - steps[1]).max())


def _draw_marginal(ax: Any, real: np.ndarray, drawn: np.ndarray) -> None:
    bins = _bins(real, drawn)
    for values, look in (
        (real, {"color": BLUE, "alpha": 0.35}),
        (drawn, {"color": ORANGE, "histtype": "step", "linewidth": 1.6}),
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
