"""The most unusual rows of the report: their labels and what makes them unusual."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection._report_data import ReportData
from sklearn_aae.inspection._style import INK, MUTED, VERMILION, color_bar, heading, shorten_all

#: Size of the heat map.
N_ROWS, N_COLUMNS = 10, 12
#: Smaller shares have no colour, so that nothing need be known of their cells.
LEAST_SHARE = 0.005


def most_unusual(scores: np.ndarray, n_rows: int) -> np.ndarray:
    """Return the indices of the rows of lowest score, lowest first."""
    return np.argsort(scores, kind="stable")[:n_rows]


def place_labels(ax: Any, points: np.ndarray, labels: list[str]) -> None:
    """Write labels beside points so that they cover neither each other nor the points.

    The limits of the axes are settled, and the most important label comes first.
    """
    effects = import_extra("matplotlib.patheffects", "plot")
    points_per_pixel = 72 / ax.get_figure(root=True).dpi
    window = tuple((ax.bbox.get_points() * points_per_pixel).ravel())
    centres = ax.transData.transform(points) * points_per_pixel
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in centres]
    middle = np.median(centres, axis=0)
    for centre, point, label in zip(centres, points, labels, strict=True):
        boxes = _boxes(centre, np.arctan2(*(centre - middle)[::-1]), len(label))
        free = [box for box in boxes if _inside(box, window) and not _overlaps(box, taken)]
        box = (free or boxes)[0]
        taken.append(box)
        ax.annotate(
            label,
            point,
            (box[0] - centre[0], box[1] - centre[1] + 2),
            textcoords="offset points",
            fontsize=9,
            weight="bold",
            color=INK,
            arrowprops={
                "arrowstyle": "-",
                "color": VERMILION,
                "linewidth": 0.7,
                "shrinkA": 0,
                "shrinkB": 4,
            },
            path_effects=[effects.withStroke(linewidth=2.5, foreground="white")],
            zorder=5,
        )


def _boxes(centre: np.ndarray, away: float, n_letters: int) -> list[tuple[Any, ...]]:
    """Return boxes for a label around a point, best first: near, and away from the others."""
    width, height = 6.2 * n_letters + 2, 11.0
    boxes = []
    for radius in (14, 26, 38, 50):
        for turn in np.pi * np.array([0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1]):
            # To the left of the point the label ends there, to the right it begins there.
            side = np.cos(away + turn)
            left = centre[0] + radius * side - width * (1 - side) / 2
            bottom = centre[1] + radius * np.sin(away + turn) - height / 2
            boxes.append((left, bottom, left + width, bottom + height))
    return boxes


def _inside(box: tuple[Any, ...], window: tuple[Any, ...]) -> bool:
    result: bool = (
        window[0] < box[0] and box[2] < window[2] and window[1] < box[1] and box[3] < window[3]
    )
    return result


def _overlaps(box: tuple[Any, ...], others: list[tuple[Any, ...]]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in others
    )


def draw_heat_map(figure: Any, data: ReportData) -> None:
    """Draw which columns make the most unusual rows unusual, and in which direction.

    Categories and missing cells have no direction and a colour of their own.
    """
    named = most_unusual(data.scores, N_ROWS)
    parts = data.contributions[named]
    totals = parts.sum(axis=1, keepdims=True)
    shares = np.divide(parts, totals, out=np.zeros_like(parts), where=totals > 0)
    columns = np.argsort(-shares.sum(axis=0), kind="stable")[:N_COLUMNS]
    # A column without any share would be an empty line; the first one stays for the frame.
    columns = columns[: max(1, np.count_nonzero(shares[:, columns].sum(axis=0)))]
    others = 1 - shares[:, columns].sum(axis=1)
    more = data.rows.shape[1] - len(columns)
    sign = _directions(data, named)[:, columns]
    shares = shares[:, columns]
    ax = figure.subplots()
    limit = max(0.02, float(shares.max()))
    signed = np.ma.masked_array(np.nan_to_num(sign) * shares, np.isnan(sign))
    image = ax.imshow(signed, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    undirected = np.isnan(sign) & (shares >= LEAST_SHARE)
    same = undirected & _as_expected(data, named)[:, columns]
    keys = []
    for where, colors, text in (
        (undirected & ~same, "Purples", "another category, or missing"),
        (same, "Greys", "as expected"),
    ):
        if where.any():
            image_of = ax.imshow(
                np.ma.masked_array(shares, ~where), cmap=colors, vmin=0, vmax=limit, aspect="auto"
            )
            keys.append((image_of.cmap(0.6), text))
    centred = {"ha": "center", "va": "center", "fontsize": 8}
    for (i, j), value in np.ndenumerate(shares):
        if value >= max(0.01, 0.08 * limit):
            color = "white" if value > 0.62 * limit else INK
            ax.text(j, i, f"{100 * value:.0f}", color=color, **centred)
    labels = shorten_all([data.names[j] for j in columns], 20)
    if more:
        for i, value in enumerate(others):
            ax.text(len(columns), i, f"{100 * max(0, value):.0f}", color=MUTED, **centred)
        labels.append(f"{more} other column{'s' if more > 1 else ''}")
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.set_xticks(range(len(labels)), labels, rotation=32, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(named)), shorten_all([data.row_ids[i] for i in named], 14))
    ax.set_ylabel("row", color=MUTED, fontsize=9)
    ax.tick_params(length=0, labelsize=8.5, colors=INK)
    ax.spines[:].set_visible(False)
    for k in range(1, len(named)):
        ax.axhline(k - 0.5, color="white", linewidth=1.5)
    if not np.isnan(sign).all():
        _legend(ax, image, limit)
    if keys:
        _key(ax, keys)
    text = "% of the row's anomaly score that each column brings"
    heading(ax, "Why the most unusual rows are unusual", text)


def _directions(data: ReportData, rows: np.ndarray) -> np.ndarray:
    """Return 1 where a cell is higher than expected, -1 where lower, NaN where neither."""
    sign: np.ndarray = np.sign(data.rows[rows] - data.expected[rows])
    if data.is_mixed:
        sign[:, data.is_category] = np.nan
        sign[sign == 0] = np.nan
    return sign


def _as_expected(data: ReportData, rows: np.ndarray) -> np.ndarray:
    """Return where a cell is what was expected; even the likeliest one has its price."""
    cells, expected = data.rows[rows], data.expected[rows]
    result: np.ndarray = (cells == expected) | (np.isnan(cells) & np.isnan(expected))
    return result


def _key(ax: Any, keys: list[tuple[Any, str]]) -> None:
    """Say above the heat map, to the right, what colours without a direction mean."""
    patches = import_extra("matplotlib.patches", "plot")
    key = ax.legend(
        handles=[patches.Patch(color=color, label=text) for color, text in keys],
        loc="lower right",
        bbox_to_anchor=(1.01, 0.985),
        ncols=len(keys),
        fontsize=8,
        frameon=False,
        labelcolor=MUTED,
        handlelength=1,
        handleheight=1,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    key.set_in_layout(False)


def _legend(ax: Any, image: Any, limit: float) -> None:
    bar = color_bar(image, ax, [-limit, 0, limit], shrink=0.8, aspect=24, pad=0.01)
    bar.ax.set_yticklabels(
        ["lower than\nexpected", "as\nexpected", "higher than\nexpected"], fontsize=7.5, color=MUTED
    )
