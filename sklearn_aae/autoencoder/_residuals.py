"""What a decoder's means leave open of rows: how residuals are spread and related, given a code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

#: What residuals have in common is kept in at most so many directions.
MOST_FACTORS = 64
#: Directions that vary less than this share of the first one do by rounding.
LEAST_SIZE = 1e-9
#: Components at most, and rows at least for each component and number.
MOST_COMPONENTS, ROWS_A_NUMBER = 32, 6
#: A component's covariance counts the one that all have in common as this share of a row for
#: each number; no variance, of numbers that have 1 in all, is below the least.
COMMON_SHARE, LEAST_VARIANCE = 0.5, 3e-3
#: Steps of expectation maximisation, and by how much one has to raise the log-likelihood.
LEAST_STEPS, MOST_STEPS, LEAST_GAIN = 3, 30, 1e-3
#: What a step costs for each row, component and square of a row's width, in multiplications of
#: single precision: densities and scatters, in double precision, through more memory.
STEP_COST = 16


class ResidualMixture:
    """Normal distributions of codes and residuals together, from which residuals are drawn.

    It holds means and covariances of many rows, and no rows.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        What the decoder read.
    residuals : ndarray of shape (n_samples, n_columns)
        What rows have beyond the decoder's means; NaN for a missing number.
    rows : ndarray of shape (n_samples, n_columns)
        The rows themselves, on the scale of the residuals.
    rng : Generator
        Draws what stands for missing numbers.
    work : float, default=inf
        Multiplications that it may cost to learn, more or less.

    Attributes
    ----------
    spread : ndarray of shape (n_columns,)
        The columns' root mean squared residuals.
    code_center, code_spread : ndarray of shape (n_components,)
        Means and standard deviations of the codes.
    directions : ndarray of shape (n_columns, n_factors) or None
        What many columns have in common; None if each is by itself.
    own : ndarray of shape (n_columns,)
        What a column has beyond that, as a share of its spread.
    log_weights : ndarray of shape (n_normal,)
        How often each normal distribution is drawn from, logarithms.
    centers : ndarray of shape (n_normal, n_components + n_factors)
        Their means: of codes, then of residuals.
    whitening : ndarray of shape (n_normal, n_components, n_components)
        What makes their codes independent, of variance 1.
    slopes : ndarray of shape (n_normal, n_factors, n_components)
        How residuals follow codes.
    roots : ndarray of shape (n_normal, n_factors, n_factors)
        Square roots of the covariance of residuals, given the code.
    """

    def __init__(
        self,
        codes: np.ndarray,
        residuals: np.ndarray,
        rows: np.ndarray,
        rng: np.random.Generator,
        work: float = np.inf,
    ) -> None:
        # Networks of one's own may fail on some rows, of which nothing is learned then.
        codes = np.nan_to_num(codes, nan=0.0, posinf=0.0, neginf=0.0)
        unknown = np.isnan(residuals)
        self.spread = _root_mean_square(residuals)
        scaled = residuals / np.where(self.spread > 0, self.spread, 1.0)
        # Missing numbers relate to nothing.
        scaled[unknown] = rng.standard_normal(np.count_nonzero(unknown))
        starts = np.where(unknown, 0.0, rows)
        n_varying = np.count_nonzero(self.spread)
        with threadpool_limits(1):  # sums of parts are other sums in the last bit
            self.directions, drawn, self.own = _common(scaled)
            if self.directions is not None:
                scaled, starts = scaled @ self.directions, starts @ self.directions
                self.directions = self.directions * drawn
                n_varying = min(n_varying, scaled.shape[1])
            self.code_center, self.code_spread = codes.mean(axis=0), codes.std(axis=0)
            codes = self._standardised(codes)
            n_numbers = codes.shape[1] + n_varying
            n_normal = min(MOST_COMPONENTS, len(codes) // (ROWS_A_NUMBER * n_numbers))
            self._learn(np.hstack([codes, scaled]), np.hstack([codes, starts]), n_normal, work)

    def _standardised(self, codes: np.ndarray) -> np.ndarray:
        centred: np.ndarray = codes - self.code_center
        return centred / np.where(self.code_spread > 0, self.code_spread, 1.0)

    def _learn(self, joint: np.ndarray, starts: np.ndarray, n_normal: int, work: float) -> None:
        """Estimate the normal distributions of codes and residuals beside each other."""
        of_one = STEP_COST * joint.size * joint.shape[1]  # of a step, for each distribution
        n_normal = int(min(n_normal, len(np.unique(starts, axis=0)), work / (LEAST_STEPS * of_one)))
        if n_normal < 2:
            weights, self.centers = np.ones(1), joint.mean(axis=0)[np.newaxis]
            covariances = _shrunk_covariance(joint - self.centers)[np.newaxis]
        else:
            weights, self.centers, covariances = _maximise(
                joint, starts, n_normal, int(min(MOST_STEPS, work / (n_normal * of_one)))
            )
        self.log_weights = np.log(weights)
        k = len(self.code_center)
        whitening, slopes, roots = [], [], []
        for covariance in covariances:
            of_codes, across = covariance[:k, :k], covariance[k:, :k]
            slope = np.linalg.solve(of_codes, across.T).T
            whitening.append(_whitening(of_codes))
            slopes.append(slope)
            roots.append(np.linalg.cholesky(covariance[k:, k:] - slope @ across.T))
        self.whitening, self.slopes, self.roots = map(np.stack, (whitening, slopes, roots))

    def draw(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return residuals (n_samples, n_columns) of rows that have codes."""
        codes = self._standardised(codes.astype(np.float64))
        k = codes.shape[1]
        logs = np.column_stack(
            [
                weight + _log_density(codes, center[:k], white)
                for weight, center, white in zip(
                    self.log_weights, self.centers, self.whitening, strict=True
                )
            ]
        )
        ends = np.exp(logs - logsumexp(logs, axis=1, keepdims=True)).cumsum(axis=1)
        chosen = (ends[:, :-1] < rng.random((len(codes), 1))).sum(axis=1)
        residuals = rng.standard_normal((len(codes), self.roots.shape[1]))
        for i in np.unique(chosen).tolist():
            some, center = chosen == i, self.centers[i]
            follows = (codes[some] - center[:k]) @ self.slopes[i].T
            residuals[some] = center[k:] + follows + residuals[some] @ self.roots[i].T
        if self.directions is not None:
            own = rng.standard_normal((len(codes), len(self.own))) * self.own
            residuals = residuals @ self.directions.T + own
        drawn: np.ndarray = residuals * self.spread
        return drawn


def _root_mean_square(residuals: np.ndarray) -> np.ndarray:
    """Return how large residuals of each column are, of those that are not NaN."""
    unknown = np.isnan(residuals)
    counts = np.maximum(1, len(residuals) - unknown.sum(axis=0))
    size: np.ndarray = np.sqrt(np.square(np.where(unknown, 0.0, residuals)).sum(axis=0) / counts)
    return size


def _common(scaled: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Return what many columns of mean square 1 have in common, and what is their own.

    By directions, of length 1, how much of rows along them is drawn, for their correlation is
    shrunk, and what each column has beyond them.
    """
    n, width = scaled.shape
    if width <= MOST_FACTORS:
        return None, np.ones(width), np.zeros(width)
    # The products of rows tell the same as those of columns.
    products = (scaled @ scaled.T if n < width else scaled.T @ scaled) / n
    sizes, directions = (part[..., -MOST_FACTORS:] for part in np.linalg.eigh(products))
    found = sizes > LEAST_SIZE * sizes[-1]
    sizes, directions = sizes[found], directions[:, found]
    if n < width:
        directions = scaled.T @ (directions / np.sqrt(n * sizes))
    shrinkage = _shrinkage(scaled, products)
    shrunk = (1 - shrinkage) * sizes + shrinkage
    own = np.sqrt((1 - np.square(directions) @ shrunk).clip(0))
    return directions, np.sqrt(shrunk / sizes), own


class _Normals(NamedTuple):
    """Weights, means and covariances of normal distributions."""

    weights: np.ndarray
    centers: np.ndarray
    covariances: np.ndarray


def _maximise(joint: np.ndarray, starts: np.ndarray, n_normal: int, n_steps: int) -> _Normals:
    """Return normal distributions of rows, by expectation maximisation from clusters.

    Products of many rows are in single precision, which networks are trained in as well.
    """
    joint = joint.astype(np.float32)
    labels = KMeans(n_normal, n_init=1, max_iter=20, random_state=0).fit_predict(starts)
    normals, most = _estimated(joint, np.eye(n_normal, dtype=np.float32)[labels]), -np.inf
    for _ in range(n_steps):
        logs = np.empty((len(joint), n_normal))
        for i, (weight, center, covariance) in enumerate(zip(*normals, strict=True)):
            white = _whitening(covariance)
            single = (each.astype(np.float32) for each in (center, white))
            logs[:, i] = np.log(weight) + _log_density(joint, *single)
        each = logsumexp(logs, axis=1)
        if each.mean() - most < LEAST_GAIN:
            break
        most = each.mean()
        normals = _estimated(joint, np.exp(logs - each[:, np.newaxis]).astype(np.float32))
    return normals


def _estimated(joint: np.ndarray, shares: np.ndarray) -> _Normals:
    """Return normal distributions that have shares in rows.

    Covariances are drawn to what they have in common, the more the fewer rows they are of.
    """
    n, width = joint.shape
    sizes = shares.sum(axis=0, dtype=np.float64).clip(np.finfo(float).tiny)
    centers = shares.T @ joint / sizes[:, np.newaxis]
    within = np.empty((len(sizes), width, width))
    for i, of_rows in enumerate(np.sqrt(shares).T):
        away = (joint - centers[i].astype(joint.dtype)) * of_rows[:, np.newaxis]
        within[i] = away.T @ away
    common = COMMON_SHARE * width
    covariances = within + common * within.sum(axis=0) / n
    covariances /= (sizes + common)[:, np.newaxis, np.newaxis]
    return _Normals(sizes / n, centers, covariances + LEAST_VARIANCE * np.eye(width))


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """Return what makes numbers of a covariance independent, of variance 1."""
    return np.linalg.inv(np.linalg.cholesky(covariance)).T


def _log_density(rows: np.ndarray, center: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Return log densities of normal rows that ``white`` makes independent, less a constant."""
    away = (rows - center) @ white
    lengths: np.ndarray = np.einsum("ij,ij->i", away, away)
    lengths -= 2 * np.log(np.diag(white)).sum()
    return lengths / -2


def _shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    """Return the covariance of centred rows, their correlations shrunk towards none."""
    spread = np.sqrt(np.square(centred).mean(axis=0))
    correlation = shrunk_correlation(centred / np.where(spread > 0, spread, 1.0))
    covariance: np.ndarray = correlation * np.outer(spread, spread)
    return covariance + LEAST_VARIANCE * np.eye(len(spread))


def shrunk_correlation(scaled: np.ndarray) -> np.ndarray:
    """Return the correlation of columns of mean square 1, shrunk towards none."""
    correlation: np.ndarray = scaled.T @ scaled / len(scaled)
    correlation *= 1 - _shrinkage(scaled, correlation)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _shrinkage(scaled: np.ndarray, products: np.ndarray) -> float:
    """Return by how much Ledoit and Wolf (2004) find it best to shrink correlations of rows.

    ``products`` are those of their columns, or of the rows, by the number of rows.
    """
    n = len(scaled)
    together = np.square(products).sum()
    apart = together - np.square(np.square(scaled).mean(axis=0)).sum()
    lengths = np.square(scaled).sum(axis=1)
    noise = (np.square(lengths).mean() - together) / n
    return float(min(max(noise, 0.0) / apart, 1.0)) if apart > 0 else 1.0
