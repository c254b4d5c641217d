"""Columns and pairs of columns of the page, real beside synthetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.encoding import CATEGORY
from sklearn_aae.inspection._associations import associations
from sklearn_aae.inspection._comparison import _gap, _similar_first, _varies
from sklearn_aae.inspection._page_data import PageData, cell_text, clip, plural

#: Size of a histogram, its bars, and the levels that have a bar of their own.
WIDTH, HEIGHT, N_BINS, N_LEVELS = 160, 36, 16, 8
#: Columns whose pairs are shown, and rows that their associations are taken of.
N_PAIRED, N_PAIR_ROWS = 20, 5000


def describe_columns(data: PageData) -> list[dict[str, Any]]:
    """Return what each column is, and how synthetic cells differ from real ones."""
    return [_describe(data, j) for j in data.described]


def _describe(data: PageData, j: int) -> dict[str, Any]:
    kind, levels, real = data.kinds[j], data.levels[j], data.rows[:, j]
    present = real[~np.isnan(real)]
    found = {
        "name": clip(data.names[j]),
        "kind": kind,
        "missing": f"{100 * (1 - len(present) / len(real)):.3g} %",
        "distinct": f"{len(np.unique(present)):,}",
        "summary": _summary(present, kind, levels) if data.cells and len(present) else "",
        "gap": "",
        "gap_value": -1.0,
    }
    drawn = np.empty(0) if data.synthetic is None else data.synthetic[:, j]
    if len(drawn):
        gap = _gap(present, drawn[~np.isnan(drawn)], codes=kind == CATEGORY)
        found |= {"gap": f"{gap:.2f}", "gap_value": round(gap, 4)}
        found["missing_synthetic"] = f"{100 * np.isnan(drawn).mean():.3g} %"
    return found | _shapes(present, drawn[~np.isnan(drawn)], kind)


def _summary(present: np.ndarray, kind: str, levels: list[Any]) -> str:
    """Return the range of a column, or its most frequent levels."""
    if kind == CATEGORY:
        codes, counts = np.unique(present, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        parts = [
            f"{clip(cell_text(codes[i], kind, levels), 24)} {100 * counts[i] / len(present):.0f} %"
            for i in order[:3]
        ]
        rest = len(codes) - len(parts)
        return ", ".join(parts) + (f", {plural(rest, 'other')}" if rest else "")
    low, middle, high = (
        cell_text(float(x), kind, levels)
        for x in np.quantile(present, [0, 0.5, 1], method="nearest")
    )
    return f"{low} to {high}, median {middle}"


def _shapes(real: np.ndarray, drawn: np.ndarray, kind: str) -> dict[str, str]:
    """Return the paths of a filled histogram and of the outline of another one."""
    both = [sample for sample in (real, drawn) if len(sample)]
    if not both:
        return {"real": "", "drawn": ""}
    if kind == CATEGORY:
        codes, counts = np.unique(both[0], return_counts=True)
        shown = codes[np.argsort(-counts, kind="stable")][:N_LEVELS]
        shares = [np.array([(sample == code).mean() for code in shown]) for sample in both]
    else:
        low, high = np.quantile(np.concatenate(both), [0.002, 0.998])
        edges = np.linspace(low, high, N_BINS + 1) if high > low else [low - 0.5, low + 0.5]
        shares = [np.histogram(sample, bins=edges)[0] / len(sample) for sample in both]
    top = max(share.max() for share in shares) or 1.0
    paths = [_steps(share / top) for share in shares]
    names = [name for name, sample in (("real", real), ("drawn", drawn)) if len(sample)]
    return {"real": "", "drawn": ""} | dict(zip(names, paths, strict=True))


def _steps(heights: np.ndarray) -> str:
    width = WIDTH / len(heights)
    parts = [f"M0 {HEIGHT}"]
    for i, height in enumerate(heights):
        parts.append(f"V{(1 - 0.94 * height) * HEIGHT:.1f}H{(i + 1) * width:.1f}")
    return "".join(parts) + f"V{HEIGHT}"


def pair_maps(data: PageData) -> dict[str, Any] | None:
    """Return the associations of columns in real and in synthetic rows; None with no pair."""
    rows, drawn = data.rows, data.synthetic
    varying = np.flatnonzero([_varies(column) for column in rows[:, data.described].T])
    if drawn is None or len(drawn) < 2 or len(varying) < 2:
        return None
    rng = np.random.default_rng(data.seed)
    if len(rows) > N_PAIR_ROWS:
        rows = rows[np.sort(rng.choice(len(rows), N_PAIR_ROWS, replace=False))]
    if len(varying) > N_PAIRED:
        varying = varying[np.linspace(0, len(varying) - 1, N_PAIRED).round().astype(int)]
    is_category = np.array(data.kinds)[varying] == CATEGORY
    real, synthetic = (
        associations(table[:, varying], is_category) for table in (rows, drawn[:N_PAIR_ROWS])
    )
    order = _similar_first(real)
    names = [clip(data.names[varying[i]], 24) for i in order]
    pairs = ~np.eye(len(varying), dtype=bool)
    return {
        "names": names,
        "maps": [
            (what, matrix[np.ix_(order, order)].round(2).tolist())
            for what, matrix in (("real", real), ("synthetic", synthetic))
        ],
        "difference": f"{np.abs(real - synthetic)[pairs].mean():.2f}",
    }
