"""Simple generators of tables, beside which the model is measured.

Each has ``fit(frame)`` and ``sample(n_samples, random_state)``, which returns a frame of the
same columns and types.  All of them put together cells that occur in the training rows, so
missing cells, whole numbers and categories look after themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import log_softmax, logsumexp, ndtr, ndtri

from benchmarks._frames import as_floats, is_number


class Copy:
    """Draw training rows with replacement: what a model that learns by heart would do."""

    def fit(self, frame: pd.DataFrame) -> Copy:
        self.frame = frame
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        rows = np.random.default_rng(random_state).integers(len(self.frame), size=n_samples)
        return take(self.frame, dict.fromkeys(self.frame, rows))


class IndependentColumns(Copy):
    """Draw the cells of each column by themselves: perfect columns, no dependence."""

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        rng = np.random.default_rng(random_state)
        rows = {name: rng.integers(len(self.frame), size=n_samples) for name in self.frame}
        return take(self.frame, rows)


class GaussianCopula:
    """Columns as they are, tied together by the correlation of their normal scores.

    The score of a cell is the normal quantile of its rank in the column.  Equal cells,
    those of a category above all, share their ranks at random: a category is a mass on the
    axis, in sorted order, and missing cells are the last one.
    """

    def __init__(self, random_state: int) -> None:
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame) -> GaussianCopula:
        """Sort the columns and take the correlation of their scores."""
        rng = np.random.default_rng(self.random_state)
        self.frame, self.order = frame, {}
        scores = np.empty(frame.shape)
        for i, (name, column) in enumerate(frame.items()):
            codes = pd.factorize(column, sort=True, use_na_sentinel=False)[0]
            self.order[name] = order = np.lexsort((rng.random(len(codes)), codes))
            scores[order, i] = ndtri((np.arange(len(codes)) + 0.5) / len(codes))
        self.correlation = np.corrcoef(scores, rowvar=False)
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        """Draw scores and look up the cells at their ranks."""
        rng = np.random.default_rng(random_state)
        zeros = np.zeros(len(self.correlation))
        scores = rng.multivariate_normal(zeros, self.correlation, n_samples, method="eigh")
        ranks = (ndtr(scores) * len(self.frame)).astype(np.intp).clip(0, len(self.frame) - 1)
        rows = {
            name: order[rank]
            for (name, order), rank in zip(self.order.items(), ranks.T, strict=True)
        }
        return take(self.frame, rows)


class Levels:
    """A column as integer levels, each of which stands for some of its cells.

    Categories, and numbers of few values, have a level per value; other numbers are cut at
    quantiles.  Missing cells have a level of their own.
    """

    def __init__(self, column: pd.Series, max_levels: int) -> None:
        values = as_floats(column) if is_number(column) else None
        if values is not None and column.nunique() > max_levels:
            present = values[~np.isnan(values)]
            edges = np.unique(np.quantile(present, np.linspace(0, 1, max_levels + 1)))
            cells = np.searchsorted(edges[1:-1], values, side="right")
            cells[np.isnan(values)] = len(edges)
        else:
            cells = pd.factorize(column, use_na_sentinel=False)[0]
        self.codes = np.unique(cells, return_inverse=True)[1]
        self.counts = np.bincount(self.codes)
        # Rows sorted by level, and where the rows of each level begin.
        self._rows = np.argsort(self.codes, kind="stable")
        self._starts = np.cumsum(self.counts) - self.counts

    def draw(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return training rows at random whose cell has the level."""
        within = (rng.random(len(codes)) * self.counts[codes]).astype(np.intp)
        return self._rows[self._starts[codes] + within]


class ShallowMixture:
    """A mixture of products of categoricals, fitted by expectation maximisation.

    Within a component columns are independent.  The probabilities are smoothed by one row
    that follows the columns' own distributions, which keeps them positive.  There is at most one
    component for every 20 rows, and numbers of more than ``max_levels`` values are cut at as many
    quantiles, at most one for every 10 rows.  Iterations end if one gains under ``tol`` nats.
    """

    def __init__(
        self,
        n_components: int = 200,
        max_levels: int = 128,
        max_iter: int = 200,
        tol: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.n_components, self.max_levels = n_components, max_levels
        self.max_iter, self.tol, self.random_state = max_iter, tol, random_state

    def fit(self, frame: pd.DataFrame) -> ShallowMixture:
        rng = np.random.default_rng(self.random_state)
        n_rows = len(frame)
        self.frame = frame
        most = min(self.max_levels, max(8, n_rows // 10))
        self.levels = {name: Levels(column, most) for name, column in frame.items()}
        one_hot = sparse.hstack([_one_hot(column.codes) for column in self.levels.values()], "csr")
        n_components = min(self.n_components, max(1, n_rows // 20))
        marginal = np.asarray(one_hot.mean(axis=0)).reshape(-1, 1)
        starts = _far_apart(self.levels.values(), n_components, rng)
        self.probabilities = (marginal + one_hot[starts].T.toarray()) / 2
        self.log_weights = np.full(n_components, -np.log(n_components))
        score = -np.inf
        for _ in range(self.max_iter):
            joint = one_hot @ np.log(self.probabilities) + self.log_weights
            before, score = score, float(logsumexp(joint, axis=1).mean())
            shares = np.exp(log_softmax(joint, axis=1))
            sizes = shares.sum(axis=0)
            self.probabilities = (one_hot.T @ shares + marginal) / (sizes + 1)
            self.log_weights = np.log((sizes + 1 / n_components) / (n_rows + 1))
            if score - before < self.tol:
                break
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        """Draw components, levels, and training cells of these levels."""
        rng = np.random.default_rng(random_state)
        components = rng.choice(len(self.log_weights), n_samples, p=np.exp(self.log_weights))
        rows, start = {}, 0
        for name, levels in self.levels.items():
            block = self.probabilities[start : start + len(levels.counts)]
            start += len(levels.counts)
            steps = block.cumsum(axis=0).T[components]
            codes = (rng.random((n_samples, 1)) * steps[:, -1:] >= steps).sum(axis=1)
            rows[name] = levels.draw(codes, rng)
        return take(self.frame, rows)


def _far_apart(columns: Iterable[Levels], n_rows: int, rng: np.random.Generator) -> list[int]:
    """Choose rows as k-means++ does, by the number of columns in which rows differ."""
    codes = np.column_stack([column.codes for column in columns])
    chosen = [int(rng.integers(len(codes)))]
    nearest = (codes != codes[chosen[0]]).sum(axis=1)
    for _ in range(1, n_rows):
        # Never all zero: there may be fewer different rows than components.
        weights = (nearest + 1e-9) ** 2
        chosen.append(int(rng.choice(len(codes), p=weights / weights.sum())))
        nearest = np.minimum(nearest, (codes != codes[chosen[-1]]).sum(axis=1))
    return chosen


def _one_hot(codes: np.ndarray) -> sparse.csr_array:
    rows = np.arange(len(codes))
    return sparse.csr_array((np.ones(len(codes)), (rows, codes)))


def take(frame: pd.DataFrame, rows: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the cells of each column at rows of its own."""
    return pd.DataFrame({name: column.array.take(rows[name]) for name, column in frame.items()})
