"""The losses of training, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.inspection._style import BLUE, MUTED, ORANGE, VERMILION, axes_or_new, over

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Key of the history, label, and the drawing of its line.
LEFT = (
    ("reconstruction_loss", "reconstruction", {"color": BLUE, "linewidth": 2}),
    ("valid_loss", "reconstruction, held out", {"color": BLUE, "linestyle": "--"}),
)
RIGHT = (
    ("discriminator_loss", "discriminator", {"color": ORANGE, "linewidth": 1.2}),
    ("generator_loss", "generator", {"color": VERMILION, "linewidth": 1.2}),
)


class LossCurveDisplay:
    """The losses of the three training phases by epoch.

    The reconstruction loss has the left axis.  Discriminator and generator have
    the right one, with a dotted line at log 2 nats: both losses are there when the
    discriminator can no longer tell codes from draws of the prior.  It is best
    made with :meth:`from_estimator`.

    Parameters
    ----------
    history : dict of array-like of shape (n_epochs,)
        ``"reconstruction_loss"`` (loss per column) and, where they were trained,
        ``"discriminator_loss"`` and ``"generator_loss"`` (nats); ``"valid_loss"``
        adds the loss of held-out rows.  NaN marks an epoch without a value.  Other
        entries are not used.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the reconstruction loss.
    adversarial_ax_ : matplotlib Axes or None
        Axes with the other two losses, on the right.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of Line2D
        The lines by their key in ``history``, and ``"equilibrium"``.

    Raises
    ------
    ValueError
        If there is no reconstruction loss or the lengths differ.

    See Also
    --------
    LatentSpaceDisplay : Where the codes came to lie.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn_aae.inspection import LossCurveDisplay
    >>> history = {
    ...     "reconstruction_loss": [1.0, 0.6, 0.5],
    ...     "discriminator_loss": [0.69, 0.66, 0.68],
    ...     "generator_loss": [0.69, 0.75, 0.71],
    ... }
    >>> sorted(LossCurveDisplay(history).plot().lines_)
    ['discriminator_loss', 'equilibrium', 'generator_loss', 'reconstruction_loss']
    """

    def __init__(self, history: Mapping[str, ArrayLike]) -> None:
        known = [key for key, _, _ in (*LEFT, *RIGHT)]
        self.history = {
            key: np.asarray(history[key], dtype=np.float64) for key in known if key in history
        }
        if "reconstruction_loss" not in self.history:
            raise ValueError("history holds no 'reconstruction_loss'.")
        shapes = {key: losses.shape for key, losses in self.history.items()}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"The losses in history must be equally long lists, got {shapes}.")

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Axes | None = None, **kwargs: Any
    ) -> LossCurveDisplay:
        """Plot the losses of a fitted model.

        Parameters
        ----------
        estimator : AdversarialAutoencoder
            A fitted model.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        LossCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        MissingExtraError
            If matplotlib is needed and not installed.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("Agg")
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> from sklearn_aae.inspection import LossCurveDisplay
        >>> aae = AdversarialAutoencoder(max_epochs=5, random_state=0).fit(load_iris().data)
        >>> LossCurveDisplay.from_estimator(aae).ax_.get_xlabel()
        'epoch'
        """
        check_is_fitted(estimator)
        return cls(estimator.history_).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the reconstruction loss; None makes a figure.
        **kwargs : dict
            Passed on to ``Axes.plot`` for every loss.

        Returns
        -------
        LossCurveDisplay
            The display.

        Raises
        ------
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        self.ax_ = axes_or_new(ax, (6.4, 4.0))
        self.figure_ = self.ax_.figure
        self.adversarial_ax_ = None
        self.lines_: dict[str, Any] = {}
        self._draw(self.ax_, LEFT, kwargs)
        self.ax_.set(xlabel="epoch", ylabel="reconstruction loss per column")
        self.ax_.set_ylim(bottom=0)
        self.ax_.locator_params(axis="x", integer=True)
        # Without an adversary (adversarial_weight=0) its losses are absent or NaN.
        trained = [row for row in RIGHT if np.isfinite(self.history.get(row[0], np.nan)).any()]
        if trained:
            twin = self.adversarial_ax_ = self.ax_.twinx()
            self._draw(twin, trained, kwargs)
            look = {"color": MUTED, "linestyle": ":", "linewidth": 1}
            self.lines_["equilibrium"] = twin.axhline(math.log(2), **look, label="log 2")
            twin.set_ylabel("adversarial losses (nats)")
            # Room above and below log 2, so that small wiggles do not look like drama.
            low, high = twin.get_ylim()
            twin.set_ylim(min(low, 0.4), max(high, 1.0))
        handles = list(self.lines_.values())
        # Above the axes, where no line can cross it.
        self.ax_.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=len(handles),
            frameon=False,
            fontsize="small",
        )
        return self

    def _draw(self, ax: Any, rows: Any, kwargs: dict[str, Any]) -> None:
        for key, label, look in rows:
            if key not in self.history:
                continue
            losses = self.history[key]
            # One epoch makes no line.
            marker = {"marker": "o"} if len(losses) == 1 else {}
            epochs = np.arange(1, len(losses) + 1)
            look = over({"label": label} | look | marker, kwargs)
            self.lines_[key] = ax.plot(epochs, losses, **look)[0]
