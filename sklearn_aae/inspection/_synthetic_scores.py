"""The scores of a synthetic report by column, or by pair of columns."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from sklearn.utils import check_scalar

from sklearn_aae.inspection._style import (
    BLUE,
    MUTED,
    ORANGE,
    PALE,
    axes_or_new,
    over,
    shorten_all,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What is shown: the synthetic and the real rows' score in the report, and its name.
MEASURES = {
    "column_shapes": ("column_shapes", "held_out_shapes", "alike by shape (1 is most alike)"),
    "pair_trends": ("pair_trends", "held_out_trends", "alike by trend (1 is most alike)"),
}


class Report(Protocol):
    """What :func:`~sklearn_aae.metrics.synthetic_report` returns."""

    def to_dict(self) -> dict[str, object]:
        """Return the scores with their details."""


class SyntheticScoresDisplay:
    """How well each column, or pair, of synthetic rows does beside held-out real rows.

    The furthest below what real rows reach comes first.  It is best made with
    :meth:`SyntheticReport.plot`.

    Parameters
    ----------
    report : SyntheticReport
        What :func:`~sklearn_aae.metrics.synthetic_report` found.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    labels_ : list
        The columns, or pairs of them, that are shown, worst first.
    synthetic_, real_ : PathCollection
        The marks of synthetic and of held-out real rows.

    See Also
    --------
    SyntheticComparisonDisplay : The cells themselves.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.inspection import SyntheticScoresDisplay
    >>> from sklearn_aae.metrics import synthetic_report
    >>> X = load_iris().data
    >>> report = synthetic_report(X[::3], X[1::3], X[2::3], random_state=0)
    >>> len(SyntheticScoresDisplay(report).plot().labels_)
    4
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def plot(
        self,
        ax: Axes | None = None,
        *,
        measure: str = "column_shapes",
        n_labels: int = 20,
        **kwargs: Any,
    ) -> SyntheticScoresDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        measure : {"column_shapes", "pair_trends"}, default="column_shapes"
            What to show.
        n_labels : int, default=20
            How many columns or pairs are shown: of more, the worst.
        **kwargs : dict
            Passed on to ``Axes.scatter`` for the marks of synthetic rows.

        Returns
        -------
        SyntheticScoresDisplay
            The display.

        Raises
        ------
        ValueError
            If ``measure`` is not known or ``n_labels`` is not at least 1.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        check_scalar(n_labels, "n_labels", Integral, min_val=1)
        if measure not in MEASURES:
            raise ValueError(f"measure={measure!r} is not one of {', '.join(map(repr, MEASURES))}.")
        synthetic, real, text = MEASURES[measure]
        scores = getattr(self.report, synthetic).details
        reached = getattr(self.report, real).details
        labels = [label for label in scores if np.isfinite([scores[label], reached[label]]).all()]
        labels.sort(key=lambda label: scores[label] - reached[label])
        self.labels_ = labels[:n_labels]
        self.ax_ = axes_or_new(ax, (6.0, 1.3 + 0.24 * max(1, len(self.labels_))))
        self.figure_ = self.ax_.figure
        places = np.arange(len(self.labels_))
        own, other = (np.array([found[key] for key in self.labels_]) for found in (scores, reached))
        self.ax_.hlines(places, own, other, color=PALE, linewidth=2, zorder=1)
        look = {"s": 34, "facecolors": "white", "edgecolors": BLUE, "zorder": 2}
        self.real_ = self.ax_.scatter(other, places, **look, label="held-out real rows")
        look = {"s": 34, "color": ORANGE, "zorder": 3, "label": "synthetic rows"}
        self.synthetic_ = self.ax_.scatter(own, places, **over(look, kwargs))
        names = [" × ".join(map(str, k)) if isinstance(k, tuple) else k for k in self.labels_]
        self.ax_.set_yticks(places, shorten_all(names, 36))
        self.ax_.invert_yaxis()
        self.ax_.set_xlabel(text)
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.ax_.grid(axis="y", color=PALE, linewidth=0.4)
        self.ax_.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small"
        )
        if len(self.labels_) < len(labels):
            text = f"the {len(self.labels_)} worst of {len(labels)}"
            self.ax_.set_title(text, loc="right", fontsize="small", color=MUTED)
        return self
