"""Real and synthetic rows of the report, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._associations import associations
from sklearn_aae.inspection._report_data import ReportData
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    color_bar,
    heading,
    shorten,
    shorten_all,
    tidy,
)

#: Number of columns whose marginals are shown.
N_MARGINALS = 6
#: The most columns whose pairs are looked at; of more, so many from first to last.
MOST_COLUMNS = 64
#: Up to so many columns the correlation matrices name them.
N_TICKS = 8
#: With so many columns the names of a mixed table still have room, in small letters.
N_SMALL_TICKS = 16
#: So many levels of a category have a bar of their own.
N_LEVELS = 5


def draw_correlations(figure: Any, data: ReportData) -> None:
    """Draw the correlations or associations of the columns of real and synthetic rows."""
    axes = figure.subplots(1, 2)
    what = "Associations" if data.is_mixed else "Correlations"
    varying = np.flatnonzero([_varies(column) for column in data.rows.T])
    varying = varying[: len(varying) * (len(data.synthetic) > 1)]
    if len(varying) < 2:
        for ax in axes:
            ax.set_axis_off()
        heading(axes[0], what, "fewer than two columns vary")
        return
    n_varying = len(varying)
    if n_varying > MOST_COLUMNS:
        varying = varying[np.linspace(0, n_varying - 1, MOST_COLUMNS).round().astype(int)]
    tables = [rows[:, varying] for rows in (data.rows, data.synthetic)]
    if data.is_mixed:
        real, synthetic = (associations(rows, data.is_category[varying]) for rows in tables)
    else:
        real, synthetic = map(_correlation, tables)
    low, colors = (0, "Blues") if data.is_mixed else (-1, "RdBu_r")
    order = _similar_first(real)
    image = None
    for ax, matrix in zip(axes, (real, synthetic), strict=True):
        image = ax.imshow(matrix[np.ix_(order, order)], cmap=colors, vmin=low, vmax=1)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelsize=8, colors=INK)
        ax.set_xticks([])
        ax.set_yticks([])
    if len(varying) <= (N_SMALL_TICKS if data.is_mixed else N_TICKS):
        names = shorten_all([data.names[varying[i]] for i in order], 18)
        size = 8 if len(varying) <= N_TICKS else 7
        axes[0].set_yticks(range(len(order)), names, fontsize=size)
    ticks = sorted({low, 0, 1})
    color_bar(image, axes, ticks, location="bottom", shrink=0.5, aspect=30, pad=0.03)
    pairs = ~np.eye(len(varying), dtype=bool)
    gap = np.abs(real - synthetic)[pairs].mean()
    of_all = f"{len(varying)} of {n_varying:,}" if len(varying) < n_varying else f"{n_varying}"
    heading(axes[0], f"{what}: real", f"{of_all} columns, similar ones side by side")
    heading(axes[1], f"{what}: synthetic", f"mean absolute difference {gap:.2f}")


def _varies(column: np.ndarray) -> bool:
    present = column[~np.isnan(column)]
    return len(present) > 0 and bool(np.ptp(present) > 0)


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


def draw_marginals(figure: Any, data: ReportData) -> None:
    """Draw columns in real and synthetic rows, best match to worst."""
    pairs = [
        tuple(cells[~np.isnan(cells)] for cells in both)
        for both in zip(data.rows.T, data.synthetic.T, strict=True)
    ]
    is_category = data.is_category
    gaps = np.array([_gap(*pair, codes=c) for pair, c in zip(pairs, is_category, strict=True)])
    order = np.argsort(gaps, kind="stable")
    if any(data.is_identifier) and not all(data.is_identifier):
        # Bars of a row each, and a distance that says how many rows were drawn.
        order = order[~np.array(data.is_identifier)[order]]
    count = min(N_MARGINALS, len(order))
    shown = order[np.linspace(0, len(order) - 1, count).round().astype(int)]
    axes = figure.subplots(1, max(count, 3), squeeze=False)[0]
    names = shorten_all([data.names[column] for column in shown], 22)
    for ax, column, name in zip(axes, shown, names, strict=False):
        if not all(map(len, pairs[column])):
            tidy(ax)
            ax.set(xticks=[], yticks=[])
        elif is_category[column]:
            _draw_levels(ax, pairs[column], data.labels[column])
        else:
            _draw_marginal(ax, *pairs[column])
        if data.is_date and data.is_date[column]:
            _show_dates(ax)
        text = _distance("TV" if is_category[column] else "KS", gaps[column], data, column)
        heading(ax, name, text, weight="normal", size=10)
    for ax in axes[count:]:
        ax.set_axis_off()
    chosen = f"{count} of {len(gaps)} columns, " if count < len(gaps) else ""
    figure.suptitle(
        f"Columns, real (filled) and synthetic (line): {chosen}best match to worst",
        x=0.008,
        ha="left",
        fontsize=11,
        weight="bold",
        color=INK,
    )


def _distance(what: str, gap: float, data: ReportData, column: int) -> str:
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


def _draw_levels(ax: Any, codes: tuple[np.ndarray, ...], labels: Any) -> None:
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
    ax.barh(positions, bars[1], 0.8, facecolor="none", edgecolor=ORANGE, linewidth=1.6)
    tidy(ax)
    ax.set_yticks(positions, names)
    ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
    ax.spines["left"].set_visible(False)
    # A single level keeps the height that a bar has among others.
    ax.set_ylim(max(len(names), 3) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=3)
    ax.xaxis.set_major_formatter(import_extra("matplotlib.ticker", "plot").PercentFormatter(1, 0))


def _show_dates(ax: Any) -> None:
    """Let the ticks of an axis in days be dates."""
    dates = import_extra("matplotlib.dates", "plot")
    locator = dates.AutoDateLocator(minticks=2, maxticks=4)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


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
