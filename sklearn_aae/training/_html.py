"""What scikit-learn's diagram of a fitted estimator says of its networks and their training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from torch import nn

from sklearn_aae.inspection._style import BLUE, ORANGE, VERMILION

#: Losses, their colours, and the curves that share a scale.
CURVES = (
    (("reconstruction_loss", BLUE),),
    (("discriminator_loss", ORANGE), ("generator_loss", VERMILION)),
)
#: Size of the picture in pixels, and points of a curve.
WIDTH, HEIGHT, MOST_POINTS = 240, 64, 60
#: Layers of a network that are listed.
MOST_LAYERS = 12


class TrainingHTMLMixin:
    """Adds networks, losses and the report on training to scikit-learn's HTML; not public.

    scikit-learn asks an estimator, alone or in a pipeline or a search, for the HTML of its fitted
    attributes: what is added comes after it.
    """

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """Return the fitted attributes as scikit-learn shows them, and what is added to them."""
        attributes = super()._get_fitted_attr_html(doc_link)  # type: ignore[misc]
        own, more = attributes._html_repr, describe_training(self)
        attributes._html_repr = lambda: own() + more
        return attributes


def describe_training(estimator: Any) -> str:
    """Return networks, losses and report of an estimator as HTML; nothing of one without."""
    model = getattr(estimator, "estimator_", None) or estimator
    module = getattr(estimator, "ensemble_", None)
    if module is None:
        module = getattr(getattr(model, "net_", None), "module_", None)
    if module is None:
        return ""
    history = getattr(estimator, "history_", None) or model.history_
    report = getattr(estimator, "training_report_", None)
    parts = [_networks_table(module), _losses_picture(history)]
    parts += [] if report is None else [report._repr_html_()]
    return (
        '<div class="estimator-table"><details open><summary>Training</summary>'
        + "".join(parts)
        + "</details></div>"
    )


def _networks_table(module: nn.Module) -> str:
    """Return a row for each network: its name, the widths of its layers, its weights."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(layers)}</td><td>{count:,}</td></tr>"
        for name, layers, count in _networks(module)
    )
    titles = "<tr><th>network</th><th>widths of layers</th><th>weights</th></tr>"
    return f"<table><caption>Networks</caption>{titles}{rows}</table>"


def _networks(module: nn.Module) -> Iterator[tuple[str, str, int]]:
    for name, network in module.named_children():
        weights = dict(network.named_parameters())
        # Two networks in one, of categories and of style, have a row each.
        roots = {key.partition(".")[0] for key in weights}
        split = len(roots) > 1 and not any(root.isdigit() for root in roots)
        split = split and all("." in key for key in weights)
        for part in sorted(roots) if split else [""]:
            own = {key: w for key, w in weights.items() if key.startswith(part)}
            if own:
                widths = [w.shape[-1] for key, w in own.items() if key.endswith("bias")]
                layers = ", ".join(map(str, widths[:MOST_LAYERS]))
                layers += ", …" if len(widths) > MOST_LAYERS else ""
                count = sum(w.numel() for w in own.values())
                yield (f"{name}: {part}" if part else name), layers, count


def _losses_picture(history: Mapping[str, Sequence[float]]) -> str:
    """Return the losses as a small picture, each scale from its least to its largest."""
    lines, names = [], []
    for group in CURVES:
        found = {key: thinned(history[key]) for key, _ in group if key in history}
        known = [x for losses in found.values() for x in losses if math.isfinite(x)]
        if not known:
            continue
        low, high = min(known), max(known)
        for key, color in group:
            if key in found and any(map(math.isfinite, found[key])):
                points = _points(found[key], low, (high - low) or 1.0)
                lines.append(
                    f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>'
                )
                ends = [x for x in map(float, history[key]) if math.isfinite(x)]
                text = f"{key.removesuffix('_loss')} {ends[0]:.3g} → {ends[-1]:.3g}"
                names.append(f'<span style="color:{color}">■</span> {escape(text)}')
    if not lines:
        return ""
    return (
        f'<div><svg role="img" aria-label="Losses of training" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(lines)}</svg><br>{" ".join(names)}</div>'
    )


def thinned(losses: Sequence[float]) -> list[float]:
    """Return so many losses that a small picture shows them: means of neighbours."""
    values = np.asarray(losses, dtype=np.float64)
    parts = np.array_split(values, min(len(values), MOST_POINTS)) if len(values) else []
    known = [part[np.isfinite(part)] for part in parts]
    return [float(part.mean()) if len(part) else math.nan for part in known]


def _points(losses: list[float], low: float, spread: float) -> str:
    """Return the places of losses in the picture; a single one is a line."""
    losses = losses if len(losses) > 1 else losses * 2
    places = np.linspace(2, WIDTH - 2, len(losses))
    return " ".join(
        f"{x:.0f},{HEIGHT - 4 - (HEIGHT - 8) * (loss - low) / spread:.0f}"
        for x, loss in zip(places, losses, strict=True)
        if math.isfinite(loss)
    )
