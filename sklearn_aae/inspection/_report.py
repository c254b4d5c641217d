"""One page that audits a table: arrays in, figure out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._anomaly_scores import bins_of, logarithmic, scale_logarithmically
from sklearn_aae.inspection._comparison import (
    best_first,
    draw_associations,
    draw_marginals,
    spread_over,
)
from sklearn_aae.inspection._loss_curve import LossCurveDisplay
from sklearn_aae.inspection._report_data import ReportData
from sklearn_aae.inspection._style import (
    BLUE,
    INK,
    MUTED,
    PALE,
    VERMILION,
    color_bar,
    heading,
    shorten,
    shorten_all,
    tidy,
)
from sklearn_aae.inspection._unusual import draw_heat_map, most_unusual, place_labels

#: How many of the most unusual rows are named in the picture of the codes.
N_NAMED = 5
#: Number of columns whose marginals are shown.
N_MARGINALS = 6
#: Shares of the prior's draws that its contours hold, outermost first.
CONTOURS = (0.99, 0.9, 0.5)
#: From so many rows on, points hide the contours and a tail is invisible beside the rest.
CROWD = 3000
CONTOUR_COLORS = ("#f1f1f1", "#e4e4e4", "#d4d4d4")


def draw_report(data: ReportData) -> Any:
    """Return the page as a figure with a canvas of its own, unknown to pyplot."""
    figure = import_extra("matplotlib.figure", "plot").Figure(
        figsize=(14, 11.2), facecolor="white", layout="constrained"
    )
    figure.get_layout_engine().set(
        w_pad=0.08, h_pad=0.06, wspace=0.05, hspace=0.02, rect=(0.012, 0.012, 0.976, 0.976)
    )
    header, top, middle, bottom = figure.subfigures(4, 1, height_ratios=[0.9, 4.4, 4.0, 2.3])
    header.text(0.008, 0.6, shorten(data.title, 60), fontsize=22, weight="bold", va="bottom")
    header.text(0.008, 0.22, data.subtitle, fontsize=11, color=MUTED, va="bottom")
    header.text(0.992, 0.6, data.footer, fontsize=9, color=MUTED, va="bottom", ha="right")
    codes, losses, scores = top.subplots(1, 3, width_ratios=[1.15, 1, 1])
    draw_codes(codes, data)
    draw_losses(losses, data)
    draw_scores(scores, data)
    left, right = middle.subfigures(1, 2, width_ratios=[1.45, 1])
    draw_heat_map(left, data)
    draw_associations(right.subplots(1, 2), data)
    draw_columns(bottom, data)
    # Labels keep clear of each other only once everything has its place.
    figure.draw_without_rendering()
    name_rows(codes, data)
    return figure


def draw_columns(figure: Any, data: ReportData) -> None:
    """Draw columns in real and synthetic rows, best match to worst."""
    shown = spread_over(best_first(data), N_MARGINALS)
    draw_marginals(figure.subplots(1, max(len(shown), 3)), data, shown)
    n_columns = len(data.names)
    chosen = f"{len(shown)} of {n_columns} columns, " if len(shown) < n_columns else ""
    figure.suptitle(
        f"Columns, real (filled) and synthetic (line): {chosen}best match to worst",
        x=0.008,
        ha="left",
        fontsize=11,
        weight="bold",
        color=INK,
    )


# ------------------------------------------------------------------- codes


def draw_codes(ax: Any, data: ReportData) -> None:
    """Draw codes on the prior's contours and circle the most unusual rows."""
    tidy(ax)
    if data.codes.shape[1] == 1:
        _draw_codes_in_a_line(ax, data)
        return
    codes, (low, high), n_beyond = code_window(data)
    width = data.codes.shape[1]
    text = "grey: 50, 90, 99 % of the prior"
    text = f"2 of {width} components; {text}" if width > 2 else text
    text += f"; {n_beyond:,} beyond the edge" if n_beyond else ""
    heading(ax, "Codes of the rows", text)
    _draw_contours(ax, data.prior[:, :2], on_top=len(codes) > CROWD)
    # In the order of the table or of the scores, late rows would hide the others.
    order = np.random.default_rng(0).permutation(len(codes))
    ranks = np.argsort(np.argsort(-data.scores, kind="stable"))
    points = ax.scatter(
        *codes[order].T,
        c=ranks[order] / max(1, len(order) - 1),
        vmin=0,
        vmax=1,
        s=float(np.clip(9000 / len(order), 3, 26)),
        cmap="viridis_r",
        linewidths=0,
        alpha=0.85,
        zorder=2,
    )
    bar = color_bar(points, ax, [0, 0.5, 1], shrink=0.55, aspect=22, pad=0.02)
    bar.ax.set_yticklabels(["most usual", "median", "least usual"], fontsize=7.5, color=MUTED)
    circle = {"s": 70, "facecolors": "none", "edgecolors": VERMILION, "linewidths": 1.6}
    ax.scatter(*codes[most_unusual(data.scores, N_NAMED)].T, zorder=3, **circle)
    ax.set(xlabel="component 0", ylabel="component 1")
    # One scale for both components.
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set_box_aspect(1)


def code_window(data: ReportData) -> tuple[np.ndarray, np.ndarray, int]:
    """Return two components moved into a square window, its corners, and how many moved.

    The window holds the prior and is at most twice as wide, so that one far row
    does not press all others into a dot.
    """
    prior, codes = data.prior[:, :2], data.codes[:, :2]
    low, high = np.quantile(prior, [0.001, 0.999], axis=0)
    reach = (high - low) / 2
    low = np.clip(codes.min(axis=0), low - reach, low)
    high = np.clip(codes.max(axis=0), high, high + reach)
    middle, half = (low + high) / 2, max(0.54 * (high - low).max(), 1e-9)
    inner = np.clip(codes, middle - 0.97 * half, middle + 0.97 * half)
    corners = np.array([middle - half, middle + half])
    return inner, corners, int((inner != codes).any(axis=1).sum())


def name_rows(ax: Any, data: ReportData) -> None:
    """Write the names of the most unusual rows beside their codes."""
    if data.codes.shape[1] > 1:
        named = most_unusual(data.scores, N_NAMED)
        labels = shorten_all([data.row_ids[i] for i in named], 12)
        place_labels(ax, code_window(data)[0][named], labels)


def _draw_contours(ax: Any, draws: np.ndarray, *, on_top: bool) -> None:
    from scipy.ndimage import gaussian_filter

    low, high = draws.min(axis=0), draws.max(axis=0)
    margin = 0.08 * (high - low) + 1e-9
    edges = [np.linspace(a, b, 101) for a, b in zip(low - margin, high + margin, strict=True)]
    density = gaussian_filter(np.histogramdd(draws, bins=edges)[0], 2.5)
    cells = [
        np.clip(np.searchsorted(edge, column) - 1, 0, 99)
        for edge, column in zip(edges, draws.T, strict=True)
    ]
    levels = np.quantile(density[tuple(cells)], [1 - share for share in CONTOURS])
    if (np.diff(levels) <= 0).any() or levels[0] <= 0:
        return  # a prior of a few points has no contours
    centres = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    ax.contourf(*centres, density.T, [*levels, np.inf], colors=CONTOUR_COLORS, zorder=0)
    if on_top:
        ax.contour(*centres, density.T, levels, colors="black", linewidths=0.7, zorder=2.5)


def _draw_codes_in_a_line(ax: Any, data: ReportData) -> None:
    heading(ax, "Codes of the rows", "grey: the prior; marks: the most unusual rows")
    both = np.concatenate([data.codes, data.prior])
    bins = np.linspace(both.min(), both.max(), 41)
    ax.hist(data.prior[:, 0], bins=bins, density=True, color=CONTOUR_COLORS[2])
    ax.hist(data.codes[:, 0], bins=bins, density=True, histtype="step", color=BLUE, linewidth=1.6)
    named = most_unusual(data.scores, N_NAMED)
    ax.plot(data.codes[named, 0], np.zeros(len(named)), "^", color=VERMILION, clip_on=False)
    ax.set(xlabel="component 0", ylabel="density")


# ---------------------------------------------------------- losses and scores


def draw_losses(ax: Any, data: ReportData) -> None:
    """Draw the losses of training."""
    display = LossCurveDisplay(data.history).plot(ax)
    tidy(ax)
    heading(ax, "Training", "log 2: codes and prior cannot be told apart")
    twin = display.adversarial_ax_
    if twin is not None:
        tidy(twin)
        twin.spines["right"].set(visible=True, color=PALE)
    # Below the axes, the only place that no line ever crosses.
    ax.get_legend().remove()
    ax.legend(
        handles=list(display.lines_.values()),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.13),
        ncols=5,
        columnspacing=1.2,
        handlelength=1.4,
        fontsize=8,
        frameon=False,
        labelcolor=INK,
    )


def draw_scores(ax: Any, data: ReportData) -> None:
    """Draw the histogram of the scores with the flagged rows marked."""
    tidy(ax)
    anomaly, tail = -data.scores, data.flagged
    is_logarithmic = logarithmic(anomaly)
    ax.hist(
        [anomaly[~tail], anomaly[tail]],
        bins=bins_of(anomaly, is_logarithmic),
        stacked=True,
        color=[BLUE, VERMILION],
        edgecolor="white",
        linewidth=0.4,
    )
    if is_logarithmic:
        scale_logarithmically(ax, anomaly)
    else:
        ax.locator_params(axis="x", nbins=6)
    if len(anomaly) > CROWD:
        ax.set_yscale("log")
    named = anomaly[most_unusual(data.scores, N_NAMED)]
    marks = ax.get_xaxis_transform()
    ax.plot(
        named,
        np.full(len(named), 0.14),
        "v",
        color=VERMILION,
        markersize=6,
        markeredgecolor="white",
        transform=marks,
        zorder=4,
    )
    rows = "row" if tail.sum() == 1 else "rows"
    text = f"orange: flagged ({tail.sum():,} {rows}); marks: the top {len(named)}"
    heading(ax, "How unusual the rows are", text)
    ax.set(xlabel="anomaly score (minus the score)", ylabel="rows")
