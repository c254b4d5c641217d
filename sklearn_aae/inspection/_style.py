"""What the pictures share: colours, axes, labels."""

from __future__ import annotations

import colorsys
import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.typing import Label

#: The palette of Okabe and Ito, which colour-blind readers can tell apart, and two colours of
#: Tol's, so that ten digits have one each.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#000000",
    "#882255",
    "#999933",
)
BLUE, ORANGE, GREEN, VERMILION = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[5]
INK, MUTED, PALE = "#222222", "#6b6b6b", "#c8c8c8"


def matrix_of(values: Any, name: str) -> np.ndarray:
    """Return values as a finite float64 matrix, or raise ValueError naming them."""
    result: np.ndarray = check_array(values, dtype=np.float64, input_name=name)
    return result


def vector_of(values: Any, name: str) -> np.ndarray:
    """Return one number a row, or raise, naming the argument."""
    column: np.ndarray = matrix_of(column_or_1d(values)[:, np.newaxis], name)[:, 0]
    return column


def names_of(feature_names: Sequence[Label] | np.ndarray | None, width: int) -> list[Label]:
    """Return the names of columns, or their numbers; raise unless there is one for each."""
    names = range(width) if feature_names is None else feature_names
    if len(names) != width:
        raise ValueError(f"There are {width} columns, but {len(names)} feature_names.")
    return list(names)


#: Keywords of matplotlib that set the same thing, so that the user's takes the default's place.
ALIASES = (
    {"c", "color"},
    {"lw", "linewidth", "linewidths"},
    {"ls", "linestyle", "linestyles", "dashes"},
    {"ms", "markersize"},
    {"ec", "edgecolor", "edgecolors"},
    {"fc", "facecolor", "facecolors"},
    {"aa", "antialiased", "antialiaseds"},
)
#: What the colour of a face or a marker, a norm or a colorizer also take the place of.
OVERRIDES = {
    "fc": {"c", "color"},
    "facecolor": {"c", "color"},
    "facecolors": {"c", "color"},
    "norm": {"vmin", "vmax"},
    "colorizer": {"cmap", "vmin", "vmax"},
}


def over(defaults: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """Return keywords for matplotlib: those that the user chose, and defaults for the rest."""
    replaced = set(chosen)
    for name in chosen:
        replaced |= OVERRIDES.get(name, set())
        for aliases in ALIASES:
            if name in aliases:
                replaced |= aliases
    return {name: value for name, value in defaults.items() if name not in replaced} | chosen


def colors_of(n: int) -> list[Any]:
    """Return ``n`` colours, all distinct: those of the palette, and further ones if need be."""
    more = []
    for i in range(n - len(PALETTE)):
        # Steps of the golden ratio never meet; neighbours differ in lightness, too.
        hue = (0.08 + i * 0.6180339887) % 1
        more.append(colorsys.hls_to_rgb(hue, (0.35, 0.6, 0.5)[i % 3], (0.9, 0.7, 0.45)[i % 3]))
    return [*PALETTE[:n], *more]


def name_in_legend(ax: Any, handles: Sequence[Any], texts: Sequence[str], **look: Any) -> Any:
    """Return a legend with the texts as they are.

    matplotlib would leave out those that begin with an underscore, and read formulas between
    dollar signs.
    """
    legend = ax.legend(handles=list(handles), labels=["entry"] * len(texts), **look)
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set_text(text)
        entry.set_parse_math(False)
    return legend


def axes_or_new(ax: Any, figsize: tuple[float, float]) -> Any:
    """Return ``ax``, or the axes of a new pyplot figure if it is None."""
    if ax is not None:
        return ax
    pyplot = import_extra("matplotlib.pyplot", "plot")
    return pyplot.subplots(figsize=figsize, layout="constrained")[1]


def shorten(label: Any, width: int = 20) -> str:
    """Return a label of at most ``width`` characters that matplotlib shows as it is.

    The middle goes, because long column names tend to differ at both ends.
    """
    text = " ".join(str(label).split())
    if len(text) > width:
        head = width // 2
        tail = width - 1 - head
        text = f"{text[:head].rstrip()}…{text[len(text) - tail :].lstrip()}"
    # A pair of dollar signs would be read as a formula.
    return text.replace("$", r"\$")


def shorten_all(labels: Sequence[Any], width: int = 20) -> list[str]:
    """Shorten labels so that they stay as distinct as possible.

    Where cutting out the middle makes labels equal, what all of them share at
    either end goes first; failing that, their ends or their beginnings do.
    """
    texts = [str(label) for label in labels]
    short = [shorten(text, width) for text in texts]
    if len(set(short)) == len(set(texts)):
        return short
    head, tail = _n_shared(texts), _n_shared([text[::-1] for text in texts])
    # Texts of which nothing would be left keep their end.
    tail = tail if min(map(len, texts)) > head + tail else 0
    cores = [text[head : len(text) - tail].strip() + "…" * (tail > 0) for text in texts]
    both = list(zip(texts, cores, strict=True))
    ways = [
        short,
        [shorten(_cut(text[:head], width - len(core)) + core, width) for text, core in both],
        [shorten(_cut(text, width), width) for text in texts],
        [shorten(_cut(text[::-1], width)[::-1], width) for text in texts],
    ]
    return max(ways, key=lambda way: len(set(way)))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _n_shared(texts: Sequence[str]) -> int:
    """Return how many characters all texts begin with, up to the end of a word."""
    # What the first and the last in the alphabet share is shared by all between them.
    pairs = zip(min(texts), max(texts), strict=False)
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    # Of "row-001" and "row-002" the numbers should stay whole.
    return len(re.sub(r"[^\W_]*$", "", shared))


def tidy(ax: Any) -> None:
    """Take away what carries no information and bring small, grey tick labels."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(PALE)
    ax.tick_params(colors=MUTED, labelsize=8, length=3, width=0.8)
    ax.xaxis.label.set(color=MUTED, fontsize=9)
    ax.yaxis.label.set(color=MUTED, fontsize=9)


def color_bar(image: Any, axes: Any, ticks: Any, **look: Any) -> Any:
    """Return a colour bar beside axes, without a frame."""
    bar = image.figure.colorbar(image, ax=axes, ticks=ticks, **look)
    bar.ax.tick_params(length=0, labelsize=8, colors=MUTED)
    bar.outline.set_visible(False)
    return bar


def heading(ax: Any, text: str, subtext: str, *, weight: str = "bold", size: float = 11) -> None:
    """Write a line above the axes, and a grey one below it."""
    ax.set_title(text, loc="left", fontsize=size, weight=weight, color=INK, pad=20)
    line = ax.annotate(
        subtext,
        (0, 1),
        (0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=MUTED,
    )
    # The title has reserved the height; the width may run into what lies to the right.
    line.set_in_layout(False)


def grid_within(ax: Any, n_rows: int, n_columns: int) -> np.ndarray:
    """Return a grid of new axes (n_rows, n_columns) in the place of an ax, which is emptied."""
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError("ax has no place in a grid; make it with pyplot.subplots.")
    ax.set_axis_off()
    cells = place.subgridspec(n_rows, n_columns)
    grid = [[ax.figure.add_subplot(cells[i, j]) for j in range(n_columns)] for i in range(n_rows)]
    return np.array(grid, dtype=object)
