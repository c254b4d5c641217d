"""Log-likelihood of rows under a Parzen window on samples."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, gen_batches

from sklearn_aae.metrics._two_sample import as_samples, is_constant
from sklearn_aae.typing import TableLike

#: Distances that are worked on at a time; 8 MB of float64.
BLOCK = 2**20
#: The default grid, in units of the rows' spread, and how it is refined around the best.
COARSE = np.geomspace(0.001, 3.0, 26)
N_FINE = 9


class ParzenScore(NamedTuple):
    """A Parzen log-likelihood.

    Parameters
    ----------
    log_likelihood : float
        Mean over rows, in nats.
    standard_error : float
        Of that mean.
    bandwidth : float
        Standard deviation of the window, in the unit of the columns.
    """

    log_likelihood: float
    standard_error: float
    bandwidth: float


def parzen_log_likelihood(
    X: Any, samples: TableLike, X_valid: TableLike | None, *, bandwidths: ArrayLike | None = None
) -> ParzenScore:
    r"""Mean log-likelihood of rows under a Parzen window on samples of a model.

    .. math::

        \frac{1}{n} \sum_i \log \frac{1}{m} \sum_j \mathcal{N}(x_i;\, s_j, \sigma^2 I)

    with :math:`n` rows and :math:`m` samples; the bandwidth :math:`\sigma` is that with the
    best value on validation rows.  It is what the first papers on adversarial models
    report [1]_ [2]_, with 10,000 samples of images with values in [0, 1].  The value grows with the
    number of samples, changes with the unit of the columns, and says little about how a
    sample looks [3]_: compare models on the same rows, with equally many samples, and use
    it beside other measures.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Test rows; neither the model nor the bandwidth may have seen them.
    samples : array-like of shape (n_generated, n_features)
        Rows drawn from the model.
    X_valid : array-like of shape (n_valid, n_features)
        Rows that the bandwidth is chosen on.  Columns of frames are matched by label.
    bandwidths : array-like, default=None
        Bandwidths to choose from.  None is a grid from a thousandth to three times the
        root of the mean variance of the columns of ``X_valid``, refined around its best
        value.

    Returns
    -------
    ParzenScore
        The named tuple (log_likelihood, standard_error, bandwidth).

    Raises
    ------
    ValueError
        If a table is too small or not finite, widths differ, or a bandwidth is not
        positive.

    Warns
    -----
    UserWarning
        If the best bandwidth is the smallest or the largest of several.

    Notes
    -----
    Time is proportional to rows times samples; memory does not grow with either.

    References
    ----------
    .. [1] Goodfellow et al., "Generative Adversarial Nets", NIPS 2014, section 5.
    .. [2] A. Makhzani et al., "Adversarial Autoencoders", arXiv:1511.05644, 2015,
       section 3.
    .. [3] L. Theis, A. van den Oord, M. Bethge, "A note on the evaluation of generative
       models", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import parzen_log_likelihood
    >>> X, samples, X_valid = np.random.default_rng(0).normal(size=(3, 1000, 1))
    >>> score = parzen_log_likelihood(X, samples, X_valid)
    >>> abs(score.log_likelihood - -1.42) < 0.05  # minus the entropy of a standard normal
    True
    """
    X, samples, X_valid = as_samples(
        {"X": X, "samples": samples, "X_valid": X_valid}, {"samples": 1, "X_valid": 1}
    )
    # Products of numbers far from the origin would lose digits.
    center = samples.mean(axis=0)
    centers, valid = samples - center, X_valid - center
    bandwidth = _best_bandwidth(valid, centers, bandwidths)
    values = _log_densities(X - center, centers, np.array([bandwidth]))[0]
    error = values.std(ddof=1) / math.sqrt(len(values))
    return ParzenScore(float(values.mean()), float(error), bandwidth)


def _best_bandwidth(valid: np.ndarray, centers: np.ndarray, bandwidths: Any) -> float:
    if bandwidths is None:
        varies = ~is_constant(valid)
        spread = math.sqrt(np.where(varies, valid.var(axis=0), 0.0).mean())
        if spread == 0:
            raise ValueError(
                "the rows of X_valid do not vary, so no bandwidth can be proposed; pass bandwidths."
            )
        grid = spread * COARSE
    else:
        grid = np.unique(check_array(bandwidths, ensure_2d=False, input_name="bandwidths"))
        if grid.ndim != 1 or (grid <= 0).any():
            raise ValueError(f"bandwidths must be positive numbers, got {bandwidths!r}.")
    best = int(_log_densities(valid, centers, grid).mean(axis=1).argmax())
    if len(grid) > 1 and best in (0, len(grid) - 1):
        end = "smallest" if best == 0 else "largest"
        remedy = "the samples may hold copies of rows" if best == 0 else "try larger ones"
        warnings.warn(
            f"The best bandwidth, {grid[best]:.3g}, is the {end} of those tried; {remedy}.",
            UserWarning,
            stacklevel=3,
        )
    elif bandwidths is None:
        fine = np.geomspace(grid[best - 1], grid[best + 1], N_FINE)
        return float(fine[_log_densities(valid, centers, fine).mean(axis=1).argmax()])
    return float(grid[best])


def _log_densities(X: np.ndarray, centers: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Return the log density of each row for each bandwidth, (n_bandwidths, n_samples)."""
    m, k = centers.shape
    norms = np.einsum("ij,ij->i", centers, centers)[np.newaxis]
    densities = np.empty((len(bandwidths), len(X)))
    for rows in gen_batches(len(X), max(1, BLOCK // m)):
        squared = euclidean_distances(X[rows], centers, squared=True, Y_norm_squared=norms)
        nearest = squared.min(axis=1)
        squared -= nearest[:, np.newaxis]
        for i, bandwidth in enumerate(bandwidths):
            precision = -0.5 / bandwidth**2
            sums = np.log(np.exp(precision * squared).sum(axis=1))
            densities[i, rows] = sums + precision * nearest
    constants = math.log(m) + k * np.log(bandwidths * math.sqrt(2 * math.pi))
    result: np.ndarray = densities - constants[:, np.newaxis]
    return result
