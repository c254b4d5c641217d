"""Principal components of rows, where networks with linear paths start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from sklearn_aae._utils._spread import spread_over
from sklearn_aae._utils._threads import torch_threads

#: Rows from which a model learns its principal components: at most so many, of wide tables as
#: many as have so many cells, but not fewer than the last.
MAX_ROWS, MAX_CELLS, LEAST_ROWS = 10_000, 2**23, 256
#: Of more columns they are found at random, by products with the rows alone.
MAX_COLUMNS = 1_000
#: Share of the first component's variance that is rounding.
LEAST_VARIANCE = 1e-7


class Components(NamedTuple):
    """Principal components of rows on the networks' scale, by falling variance, in float64.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        The rows' mean.
    vectors : ndarray of shape (n_features, n_found)
        Directions of length 1; the entry of largest size is positive.
    spread : ndarray of shape (n_found,)
        The rows' standard deviation along each.
    """

    mean: np.ndarray
    vectors: np.ndarray
    spread: np.ndarray


def leading_components(covariance: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the variances (k,) along the first k principal components, and these (d, k)."""
    values, vectors = torch.linalg.eigh(covariance.double())
    return values[-k:].flip(0), with_signs(vectors[:, -k:].flip(1))


def with_signs(vectors: torch.Tensor) -> torch.Tensor:
    """Return directions whose sign, which is open, makes the largest entry positive."""
    return vectors * vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()


def some_rows(n_rows: int, n_features: int) -> np.ndarray:
    """Return which rows of a table components are learned from: spread, for it may be sorted."""
    most = int(np.clip(MAX_CELLS // n_features, LEAST_ROWS, MAX_ROWS))
    return spread_over(n_rows, most)


def principal_components(rows: np.ndarray, k: int, seed: int) -> Components:
    """Return the first k principal components of rows (n, n_features), as far as they vary.

    ``seed`` is for rows of many columns.
    """
    x = np.array(rows, dtype=np.float64)
    mean = x.mean(axis=0)
    x -= mean
    k = min(k, *x.shape)
    # In one thread: sums of parts are other sums in the last bit.
    with torch_threads(1), threadpool_limits(1):
        if x.shape[1] > MAX_COLUMNS:
            rng = np.random.RandomState(np.random.MT19937(seed))
            _, values, vectors_t = randomized_svd(x, k, random_state=rng)
            variances = torch.from_numpy(values**2 / len(x))
            vectors = with_signs(torch.from_numpy(vectors_t.T.copy()))
        else:
            centred = torch.from_numpy(x)
            variances, vectors = leading_components(centred.T @ centred / len(x), k)
    found = variances > LEAST_VARIANCE * variances[0]
    return Components(mean, vectors[:, found].numpy(), variances[found].sqrt().numpy())
