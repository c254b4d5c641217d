"""Scores made of others: whichever of them says that a row is anomalous is heard."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import softmax
from scipy.stats import spearmanr

from sklearn_aae.detection.scores._base import (
    Evidence,
    LinearScale,
    LogScale,
    Score,
    fold,
    shares_of,
)
from sklearn_aae.detection.scores._rules import broken_rules
from sklearn_aae.encoding import MOST_GROSS

#: How close the mixture of parts is to their maximum.
SHARPNESS = 4.0
#: Weights of the parts that see a row as a whole or column by column, and not how it compares
#: with rows like it: distance to trimmed references, columns by themselves.  The others have 1.
TRIMMED_WEIGHT, MARGINAL_WEIGHT = 0.7, 0.5
#: In wider tables losses count less beside distances, by the logarithm of how much wider: in a sum
#: over many columns the few that tell something, or the many that tell a little together, drown.
WIDE = 64
#: Weight of the parts' mean beside it, so that rows where one part drowns the others do not tie.
ALL_HEARD = 1e-3
#: A far cell counts with so many times the logarithm of how far it is, ...
STEEPNESS = 10.0
#: ... less this, so that rows without such a cell are not heard.
AT_LEAST = 4.0
#: Share of the rows whose farthest cell is usual.
USUAL = 0.99
#: How little what columns say by themselves can be heard for telling other than the likelihood.
LEAST_AGREEMENT = 0.01


class Part(ABC):
    """One part of a mixture: a value of about unit variance, and columns' shares in it.

    Parameters
    ----------
    weight : float
        What the value is multiplied by.
    which : str
        What is read of the evidence.
    """

    #: Takes cells to what their columns say, where these are of many levels.
    by_column_: np.ndarray | None = None

    def __init__(self, weight: float, which: str) -> None:
        self.weight, self.which = weight, which

    def fit(self, evidence: Evidence) -> Part:
        """Freeze the part's scale."""
        self.by_column_ = averages(evidence) if len(evidence.blocks) else None
        self.scale_ = self.new_scale().fit(self.values(evidence))
        return self

    def __call__(self, evidence: Evidence) -> np.ndarray:
        """Return the weighted value of rows."""
        return self.weight * self.scale_(self.values(evidence))

    @abstractmethod
    def new_scale(self) -> LogScale | LinearScale | FarScale:
        """Return an unfitted scale."""

    @abstractmethod
    def values(self, evidence: Evidence) -> np.ndarray:
        """Return the part's values (n_members, n_samples)."""

    @abstractmethod
    def shares(self, evidence: Evidence) -> np.ndarray:
        """Return the columns' shares (n_samples, n_features); they add up to 1."""


def averages(evidence: Evidence) -> np.ndarray:
    """Return a matrix that replaces features of columns of many levels by their mean.

    A level that a row has says much for it, and all that it has not, a little against that.
    """
    matrix = np.eye(evidence.n_features)
    for block in evidence.blocks:
        matrix[np.ix_(block, block)] = 1 / len(block)
    return matrix


class DistancePart(Part):
    """Distance to references."""

    def fit(self, evidence: Evidence) -> Part:
        #: What cells of columns of many levels bring on average, (n_features,); None without.
        self.usual_ = None
        if len(evidence.blocks):
            self.usual_ = np.zeros(evidence.n_features)
            among = np.concatenate(evidence.blocks)
            self.usual_[among] = self._brought(evidence).mean(axis=0)[among]
        return super().fit(evidence)

    def _brought(self, evidence: Evidence) -> np.ndarray:
        """Return what cells bring to the squared distance (n_samples, n_features)."""
        neighbours = getattr(evidence, self.which)
        return fold(neighbours.cells * neighbours.distance[:, :, np.newaxis] ** 2, evidence)

    def new_scale(self) -> LogScale:
        return LogScale()

    def values(self, evidence: Evidence) -> np.ndarray:
        distance: np.ndarray = getattr(evidence, self.which).distance
        if evidence.columns.shape[1] < evidence.n_features:
            # Members see parts of a row, and a row that is odd in one of them is odd.
            distance = np.sqrt(np.square(distance).mean(axis=0, keepdims=True))
        return distance

    def shares(self, evidence: Evidence) -> np.ndarray:
        if self.by_column_ is not None:
            return shares_of((self._brought(evidence) - self.usual_) @ self.by_column_)
        return shares_of(fold(getattr(evidence, self.which).cells, evidence))


class LossPart(Part):
    """Minus log density, of cells given the code or of columns by themselves.

    A column of many levels says no more than a number: what it says varies by 1 at most.

    Parameters
    ----------
    weight : float
        What the value is multiplied by.
    which : str
        What is read of the evidence.
    beside_distances : bool, default=False
        Whether it counts less in wide tables, where distances tell more.
    like : str or None, default=None
        Losses that order rows as these ought to: as far as they do not, it counts less.
    """

    #: What losses count, (n_members, 1, n_columns); None if all count alike.
    weights_: np.ndarray | None = None
    #: What the value is less for the width of the table, and for its order of rows.  Files of
    #: format 1 have none.
    less_ = 0.0

    def __init__(
        self, weight: float, which: str, beside_distances: bool = False, like: str | None = None
    ) -> None:
        super().__init__(weight, which)
        self.beside_distances, self.like = beside_distances, like

    def fit(self, evidence: Evidence) -> Part:
        self.less_ = 0.0
        if self.beside_distances:
            n_columns = evidence.n_features - sum(len(block) - 1 for block in evidence.blocks)
            self.less_ = float(np.log(max(n_columns / WIDE, 1.0)))
        losses = getattr(evidence, self.which)
        #: What a cell's loss is on average.
        self.usual_ = losses.mean(axis=1, keepdims=True)
        self.weights_ = None
        if len(evidence.blocks):
            self.weights_ = np.ones_like(self.usual_)
            for block in evidence.blocks:
                own = np.isin(evidence.columns, block)[:, np.newaxis]
                spread = (losses * own).sum(axis=2).std(axis=1)[:, np.newaxis, np.newaxis]
                self.weights_ = np.where(own, 1 / np.maximum(spread, 1.0), self.weights_)
        if self.like is not None:
            other = self._sums(getattr(evidence, self.like)).mean(axis=0)
            agreement = rank_correlation(self.values(evidence).mean(axis=0), other)
            self.less_ -= float(np.log(max(agreement, LEAST_AGREEMENT)))
        return super().fit(evidence)

    def __call__(self, evidence: Evidence) -> np.ndarray:
        return super().__call__(evidence) - self.less_

    def new_scale(self) -> LinearScale:
        return LinearScale()

    def values(self, evidence: Evidence) -> np.ndarray:
        return self._sums(getattr(evidence, self.which))

    def _sums(self, losses: np.ndarray) -> np.ndarray:
        result: np.ndarray = (losses if self.weights_ is None else losses * self.weights_).sum(
            axis=2
        )
        return result

    def shares(self, evidence: Evidence) -> np.ndarray:
        more = getattr(evidence, self.which) - self.usual_
        if self.by_column_ is not None:
            return shares_of(fold(more * self.weights_, evidence) @ self.by_column_)
        return shares_of(fold(more, evidence))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's correlation of values (n,); 1 where either does not tell rows apart."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 1.0
    return float(spearmanr(one, other).statistic)


def usual_farthest(farthest: np.ndarray, clean: bool = False) -> float:
    """Return where the logarithm of how far a row's farthest cell is stops to be usual; at least 0.

    ``farthest`` (n,) are these logarithms of training rows, up to ``MOST_GROSS`` of which may have
    gross values; none if they are ``clean``.  New rows of many columns, or of rare ones, have
    farther cells than the rows that columns were scaled by.  So the upper half of the others is
    continued as an exponential tail, but not beyond all training rows.
    """
    middle, high, most = np.quantile(farthest, [0.5, 1 - MOST_GROSS, 1.0])
    tail = middle + (high - middle) * np.log(0.5 / (1 - USUAL)) / np.log(0.5 / MOST_GROSS)
    seen = np.quantile(farthest, USUAL) if clean else high
    return float(max(min(tail, most), seen, 0.0))


class FarScale:
    """The same for all tables, as the networks' scale tells what is far, but for where it begins.

    That is beyond what is usual: rows of many columns, or of rare ones, have far cells, too.
    """

    # Files of format 1 have none.
    usual_ = 0.0

    def __init__(self, clean: bool) -> None:
        self.clean = clean

    def fit(self, values: np.ndarray) -> FarScale:
        """Freeze what is usual of values (1, n_samples)."""
        self.usual_ = usual_farthest(values[0], self.clean)
        return self

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return values (1, n_samples) on the scale of the parts, of shape (n_samples,)."""
        result: np.ndarray = STEEPNESS * (np.maximum(values[0], 0.0) - self.usual_) - AT_LEAST
        return result


class FarPart(Part):
    """The farthest cell of a row, of those that are beyond what networks learn.

    Counts as it is in a table of any width, from about 12 standard deviations on where rows
    usually have none so far.
    """

    def __init__(self, weight: float, which: str, clean: bool = False) -> None:
        super().__init__(weight, which)
        self.clean = clean

    def new_scale(self) -> FarScale:
        return FarScale(self.clean)

    def values(self, evidence: Evidence) -> np.ndarray:
        result: np.ndarray = fold(getattr(evidence, self.which), evidence).max(axis=1)[np.newaxis]
        return result

    def shares(self, evidence: Evidence) -> np.ndarray:
        beyond = fold(getattr(evidence, self.which), evidence)
        return shares_of(beyond * (beyond == beyond.max(axis=1, keepdims=True)))


class Mixture(Score):
    r"""Soft maximum of several parts, each on a scale of its own frozen in ``fit``.

    With :math:`v_c` the weighted, standardised parts,
    :math:`m = \tfrac14 \log \operatorname{mean}_c e^{4 v_c}` lies between their mean and
    their maximum, and the anomaly score is :math:`\log(1 + e^m)`: positive, so that it can be
    shared out among columns.  (A thousandth of the parts' mean is added to :math:`m`.)  Column
    :math:`j` gets :math:`\sum_c \pi_c s_{cj}` of it, where :math:`\pi_c` is the softmax of
    :math:`4 v_c` and :math:`s_{cj}` the column's share in part :math:`c`.

    Parameters
    ----------
    parts : list of Part
        What is mixed.
    """

    additive = True

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.reads_references = any(isinstance(part, DistancePart) for part in parts)

    def fit(self, evidence: Evidence) -> Mixture:
        for part in self.parts:
            part.fit(evidence)
        return self

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        return self._soft_maximum(np.stack([part(evidence) for part in self.parts]))

    @staticmethod
    def _soft_maximum(values: np.ndarray) -> np.ndarray:
        most = values.max(axis=0)
        near = np.log(np.exp(SHARPNESS * (values - most)).mean(axis=0)) / SHARPNESS
        result: np.ndarray = np.logaddexp(0.0, most + near + ALL_HEARD * values.mean(axis=0))
        return result

    def contributions(self, evidence: Evidence) -> np.ndarray:
        values = np.stack([part(evidence) for part in self.parts])
        weights = softmax(SHARPNESS * values, axis=0)
        shares = np.stack([part.shares(evidence) for part in self.parts])
        mixed = np.einsum("cn,cnj->nj", weights, shares)
        result: np.ndarray = mixed * self._soft_maximum(values)[:, None]
        return result


def _reference_parts() -> list[Part]:
    return [DistancePart(TRIMMED_WEIGHT, "core"), DistancePart(1.0, "nearest")]


def _model_parts(beside_distances: bool = False) -> list[Part]:
    # Beside distances what levels cost is not bounded: there it made the level of p-values of
    # small tables with rare labels worse (60 rows: 5.9 ± .4 % flagged in place of 5.4 ± .4).
    cell, marginal = "cell_losses", "marginal_losses"
    if not beside_distances:
        cell, marginal = f"bounded_{cell}", f"bounded_{marginal}"
    return [
        LossPart(1.0, cell, beside_distances),
        LossPart(MARGINAL_WEIGHT, marginal, beside_distances, like=cell),
        FarPart(1.0, "beyond"),
    ]


class Default(Mixture):
    """The default: likelihood, columns by themselves, the farthest cell, distances to references.

    A soft maximum (see :class:`Mixture`) of the parts of :class:`Model` and of
    :class:`Reference`, and what broken rules say on top.  In tables of more than 64 columns
    likelihoods are heard less: by the logarithm of how much wider these are.  So are columns by
    themselves if they order rows other than the likelihood: by that of the rank correlation.

    Parameters
    ----------
    clean : bool, default=False
        Whether training rows are known to be normal.  Then the nearest of them and the farthest
        cell say it all: the strength of the other parts is anomalies that are near to others
        among the training rows.
    """

    def __init__(self, clean: bool = False) -> None:
        of_clean = [FarPart(1.0, "beyond", clean=True), DistancePart(1.0, "nearest")]
        of_any = [*_model_parts(beside_distances=True), *_reference_parts()]
        super().__init__(of_clean if clean else of_any)

    def anomaly_scores(self, evidence: Evidence) -> np.ndarray:
        result: np.ndarray = super().anomaly_scores(evidence) + broken_rules(evidence).sum(axis=1)
        return result

    def contributions(self, evidence: Evidence) -> np.ndarray:
        result: np.ndarray = super().contributions(evidence) + broken_rules(evidence)
        return result


class Reference(Mixture):
    """Distances to stored rows, on two scales.

    A soft maximum (see :class:`Mixture`) of the distance to a few references that survived
    trimming, which tells groups of anomalies, and of the distance to the nearest of many,
    or rather to their means, which tells exactly where normal rows are.
    """

    def __init__(self) -> None:
        super().__init__(_reference_parts())


class Model(Mixture):
    """What the networks say without stored rows.

    A soft maximum (see :class:`Mixture`) of minus log density of the row given its code,
    of each column by itself, as far as these order rows alike, and of how far out its farthest
    cell is.
    """

    def __init__(self) -> None:
        super().__init__(_model_parts())
