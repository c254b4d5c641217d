"""The map of codes on the page: points, and by what they can be coloured."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.encoding import CATEGORY
from sklearn_aae.inspection._page_data import PageData, cell_text, clip

#: A letter for each colour of a point, and one for missing cells.
LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
MISSING = "."
#: Levels of a category that have a colour of their own; the next one is that of all others.
N_COLORS = 7
#: Components that can be looked at, and steps of their axes.
N_COMPONENTS, N_STEPS = 8, 4095
#: Letters in all columns: so the page of a wide table stays small.
MAX_CELLS = 500_000


def map_of(data: PageData) -> dict[str, Any] | None:
    """Return the map as JSON has it; None without codes."""
    if data.codes is None:
        return None
    chosen = choose_points(data)
    codes = data.codes[chosen, :N_COMPONENTS]
    low, high = codes.min(axis=0), codes.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    steps = ((codes - low) / spread * N_STEPS).round().astype(int)
    scores = None if data.scores is None else data.scores[chosen]
    p_values = None if data.p_values is None else data.p_values[chosen]
    return {
        "names": [data.name_of(row) for row in chosen],
        "places": steps.T.tolist(),
        "low": [float(f"{x:.4g}") for x in low],
        "high": [float(f"{x:.4g}") for x in high],
        "n_rows": len(data.rows),
        "scores": None if scores is None else [float(f"{-x:.4g}") for x in scores],
        "p": None if p_values is None else [float(f"{x:.4g}") for x in p_values],
        "colors": _colors(data, chosen),
    }


def choose_points(data: PageData) -> np.ndarray:
    """Return the rows of the map: the oddest ones, and as many others as there is room for."""
    n_rows = len(data.rows)
    most = min(data.most_points, max(MAX_CELLS // max(len(data.described), 1), len(data.oddest)))
    if n_rows <= most:
        return np.arange(n_rows)
    others = np.setdiff1d(np.arange(n_rows), data.oddest)
    rng = np.random.default_rng(data.seed)
    some = rng.choice(others, most - len(data.oddest), replace=False)
    return np.sort(np.concatenate([data.oddest, some]))


def _colors(data: PageData, chosen: np.ndarray) -> list[dict[str, Any]]:
    """Return what points can be coloured by: a letter each, and what letters stand for."""
    colors = []
    if data.scores is not None:
        ranks = _ordered(-data.scores[chosen], lambda x: f"{x:.4g}")
        colors.append({"name": "anomaly score", **ranks})
    if data.classes is not None:
        named, places = np.unique(np.array(data.classes, dtype=str)[chosen], return_inverse=True)
        texts = [clip(name) if data.cells else f"class {i}" for i, name in enumerate(named)]
        colors.append({"name": "class", **_unordered(places.astype(float), texts)})
    if not data.cells:
        return colors
    for j in data.described:
        cells, kind, levels = data.rows[chosen, j], data.kinds[j], data.levels[j]
        if kind == CATEGORY:
            found = _unordered(cells, [clip(level, 24) or "(blank)" for level in levels])
        else:
            found = _ordered(cells, lambda x, kind=kind: cell_text(x, kind, []))
        colors.append({"name": clip(data.names[j]), **found})
    return colors


def _ordered(values: np.ndarray, text: Any) -> dict[str, Any]:
    """Return ranks as letters, and the middle value of each of them."""
    present = ~np.isnan(values)
    letters = np.full(len(values), MISSING)
    if not present.any():
        return {"ordered": True, "letters": "".join(letters), "texts": []}
    n = len(LETTERS)
    shares = (np.arange(n) + 0.5) / n
    edges = np.quantile(values[present], np.arange(1, n) / n, method="nearest")
    middles = np.quantile(values[present], shares, method="nearest")
    letters[present] = LETTERS[np.searchsorted(edges, values[present])]
    return {
        "ordered": True,
        "letters": "".join(letters),
        "texts": [text(float(x)) for x in middles],
    }


def _unordered(codes: np.ndarray, texts: list[str]) -> dict[str, Any]:
    """Return the most frequent levels as letters, the others as one more."""
    present = ~np.isnan(codes)
    letters = np.full(len(codes), MISSING)
    used, places, counts = np.unique(codes[present], return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    letters[present] = LETTERS[np.minimum(place, N_COLORS)[places]]
    names = [texts[int(used[i])] for i in order[:N_COLORS]]
    names += [f"{len(used) - N_COLORS:,} others"] if len(used) > N_COLORS else []
    return {"ordered": False, "letters": "".join(letters), "texts": names}
