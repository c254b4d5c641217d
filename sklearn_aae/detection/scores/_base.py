"""The contract of a score: what makes a row anomalous, given what a fitted model says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

#: A share of the median, so that a value of zero has a logarithm.
LOG_OFFSET = 0.1
#: Values that hardly differ on the calibration rows must not be blown up.
LEAST_SPREAD = 0.01

#: What a score may need that not every fit has.
AUTOREGRESSION, DENSITY, RULES = "autoregression", "prior density", "rules"


class Neighbours(Protocol):
    """Distances of rows to stored references; columns' shares are computed when asked for."""

    @property
    def distance(self) -> np.ndarray:
        """Mean distance to the nearest references, (n_members, n_samples)."""

    @property
    def cells(self) -> np.ndarray:
        """The share of each column in it, (n_members, n_samples, n_columns).

        A row's shares add up to 1, or are all 0.
        """


class Evidence(Protocol):
    """What a fitted model says about rows; computed when asked for, float64.

    A model is an ensemble of members, one or several, and a member may see a part of the
    columns: ``columns`` (n_members, n_columns) says which.
    """

    n_features: int
    columns: np.ndarray
    #: What broken rules say of cells (n_samples, n_features), in nats; None without rules.
    rule_cells: np.ndarray | None
    #: The features of each column of many levels.
    blocks: Sequence[np.ndarray]

    @property
    def x(self) -> np.ndarray:
        """Rows on the networks' scale, (n_members, n_samples, n_columns)."""

    @property
    def beyond(self) -> np.ndarray:
        """Logarithms of how many times as far cells are as what networks learn."""

    @property
    def expected(self) -> np.ndarray:
        """Rows as the decoder reconstructs them, of the same shape."""

    @property
    def codes(self) -> np.ndarray:
        """Codes, (n_members, n_samples, n_components); unused components are 0."""

    @property
    def widths(self) -> np.ndarray:
        """Number of components that each member uses."""

    @property
    def cell_losses(self) -> np.ndarray:
        """Minus log density of each cell given the code, (n_members, n_samples, n_columns)."""

    @property
    def marginal_losses(self) -> np.ndarray:
        """The same with the code drawn from the prior."""

    @property
    def autoregressive_losses(self) -> np.ndarray:
        """Minus log density of each cell given the code and earlier columns.

        Of networks of their own, where they were trained.
        """

    @property
    def bounded_cell_losses(self) -> np.ndarray:
        """``cell_losses`` where levels cost at most what is known of them."""

    @property
    def bounded_marginal_losses(self) -> np.ndarray:
        """``marginal_losses`` where levels cost at most what is known of them."""

    @property
    def bounded_autoregressive_losses(self) -> np.ndarray:
        """``autoregressive_losses`` where levels cost at most what is known of them."""

    @property
    def core(self) -> Neighbours:
        """Distances to a few references that survived trimming."""

    @property
    def nearest(self) -> Neighbours:
        """Distances to the nearest of many references."""

    @property
    def prior_losses(self) -> np.ndarray:
        """Minus log prior density of the code, (n_members, n_samples)."""

    @property
    def mode_distances(self) -> np.ndarray:
        """Distance of the code to the nearest mode of the prior, (n_members, n_samples)."""

    @property
    def logits(self) -> np.ndarray:
        """The discriminator's logit of "this is a prior draw", (n_members, n_samples)."""

    @property
    def log_volumes(self) -> np.ndarray:
        """Sum of log singular values of the encoder's Jacobian, (n_members, n_samples)."""


class Score:
    """A kind of score.  Once ``fit`` has frozen scales, a row's score depends on no other row.

    A subclass says what columns contribute, or, if the score is no sum over them, the score.

    Attributes
    ----------
    additive : bool
        Whether the score is a sum over columns.
    needs : {"autoregression", "prior density", "rules"} or None
        What it needs that not every fit has: networks that are trained for it alone, a prior
        whose density can be evaluated, or rules of the training rows.
    reads_references : bool
        Whether it compares rows with stored ones, which a file may leave out.
    """

    additive: bool = False
    needs: str | None = None
    reads_references: bool = False
    #: What columns bring on average, (n_features,), where that is not to be explained.
    usual_: np.ndarray | float = 0.0

    def fit(self, evidence: Evidence) -> Score:
        """Freeze scales on rows taken to be normal."""
        return self

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        """Return how anomalous rows are (n_samples,): minus what ``score_samples`` gives."""
        result: np.ndarray = self.contributions(evidence).sum(axis=1)
        return result

    def contributions(self, evidence: Evidence) -> np.ndarray:
        """Return what each column adds to :meth:`anomaly_scores`, (n_samples, n_features)."""
        raise NotImplementedError(f"{type(self).__name__} is not a sum over columns.")


def fold(cells: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Return cells (n_members, n_samples, n_columns) averaged over who sees the column.

    Where no member sees it, 0.
    """
    _, n_samples, n_columns = cells.shape
    if n_columns == evidence.n_features:
        result: np.ndarray = cells.mean(axis=0)
        return result
    total = np.zeros((n_samples, evidence.n_features))
    seen = np.zeros(evidence.n_features)
    for member, columns in enumerate(evidence.columns):
        total[:, columns] += cells[member]
        seen[columns] += 1
    return total / np.maximum(seen, 1)


def shares_of(cells: np.ndarray) -> np.ndarray:
    """Return the positive part of cells as shares of its sum over the last axis.

    Where nothing is positive, all columns have the same share.
    """
    positive = np.maximum(cells, 0.0)
    total = positive.sum(axis=-1, keepdims=True)
    even = np.full_like(positive, 1 / positive.shape[-1])
    result: np.ndarray = np.divide(positive, total, out=even, where=total > 0)
    return result


class LogScale:
    r"""Puts positive values of every member on one scale: standardised logarithms.

    :math:`u = (\log(s + 0.1\,\mathrm{median}) - \text{mean}) / \text{sd}`, with median,
    mean and standard deviation of each member on the rows of :meth:`fit`.  Zeros, if not all
    values are zero, are left out of these: how many rows repeat depends on how many rows there are,
    and scores of detectors of more and of fewer rows are compared.
    """

    def fit(self, values: np.ndarray) -> LogScale:
        """Freeze the scale of values (n_members, n_samples)."""
        told = np.where((values > 0).any(axis=1, keepdims=True) & (values == 0), np.nan, values)
        median = np.nanmedian(told, axis=1, keepdims=True)
        self.offset_ = np.maximum(LOG_OFFSET * median, 1e-7)
        logs = np.log(told + self.offset_)
        self.mean_ = np.nanmean(logs, axis=1, keepdims=True)
        self.scale_ = np.maximum(np.nanstd(logs, axis=1, keepdims=True), LEAST_SPREAD)
        return self

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over members on the common scale, of shape (n_samples,)."""
        result: np.ndarray = ((np.log(values + self.offset_) - self.mean_) / self.scale_).mean(
            axis=0
        )
        return result


class LinearScale:
    """Standardises values of every member, and bends large ones to logarithms by arsinh."""

    def fit(self, values: np.ndarray) -> LinearScale:
        """Freeze the scale of values (n_members, n_samples)."""
        self.mean_ = values.mean(axis=1, keepdims=True)
        self.scale_ = np.maximum(values.std(axis=1, keepdims=True), LEAST_SPREAD)
        return self

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return arsinh of the mean over members, of shape (n_samples,)."""
        result: np.ndarray = np.arcsinh(((values - self.mean_) / self.scale_).mean(axis=0))
        return result
