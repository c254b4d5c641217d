"""How many of the rows below a threshold may be normal: bands that hold for all thresholds."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from scipy.stats import beta, hypergeom

#: Draws by which bands are brought to their confidence, and their seed: part of the method.
N_DRAWS, SEED = 2_000, 0
#: Ranks of calibrating scores up to this one are all looked at, of later ones some.
DENSE, N_LATER = 20, 30


def conditional_p_values(p_values: np.ndarray, n: int, confidence: float) -> np.ndarray:
    r"""Return p-values that hold for the ``n`` calibrating rows at hand, with a confidence.

    The share of normal rows below the i-th lowest calibrating score is the i-th of n ordered
    uniform numbers; with this confidence none of these exceeds its bound, a quantile of its Beta
    distribution.  A p-value :math:`i / (n + 1)` becomes the i-th bound [1]_.

    References
    ----------
    .. [1] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for Outliers with
       Conformal p-values", Annals of Statistics 51(1), 2023.
    """
    if n == 0:
        return np.ones_like(p_values)
    ranks = ranks_of(n)
    uniform = np.cumsum(_spacings(ranks, n), axis=1)
    local = _quantile(beta.sf(uniform, ranks, n + 1 - ranks).min(axis=1), 1 - confidence)
    bounds = np.append(beta.isf(local, ranks, n + 1 - ranks), 1.0)
    own = np.rint(p_values * (n + 1)).astype(int)
    # Ranks that were not looked at have the bound of the next that was.
    result: np.ndarray = bounds[np.searchsorted(ranks, own)]
    return result


def most_false(m: int, n: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ranks of n calibrating scores, and how many of m normal rows lie below each, at most.

    With this confidence, for all ranks at once.
    """
    ranks = ranks_of(n)
    rng = np.random.default_rng(SEED)
    gaps = _spacings(ranks, n)
    left, share = np.full(N_DRAWS, m), np.ones(N_DRAWS)
    below = np.zeros((N_DRAWS, len(ranks)), dtype=int)
    for k in range(len(ranks)):
        own = rng.binomial(left, np.clip(gaps[:, k] / np.maximum(share, 1e-300), 0, 1))
        left, share = left - own, share - gaps[:, k]
        below[:, k] = m - left
    least = np.ones(N_DRAWS)
    for counts, rank in zip(below.T, ranks, strict=True):
        different, where = np.unique(counts, return_inverse=True)
        least = np.minimum(least, _tail(different, int(rank), n, m)[where])
    local = _quantile(least, 1 - confidence)
    return ranks, np.array([_bound(local, int(rank), n, m) for rank in ranks])


def ranks_of(n: int) -> np.ndarray:
    """Return the ranks among n that are looked at, ascending; the last is n."""
    later = np.geomspace(DENSE, n, N_LATER) if n > DENSE else np.empty(0)
    return np.unique(np.rint([*range(1, min(n, DENSE) + 1), *later]).astype(int))


def _spacings(ranks: np.ndarray, n: int) -> np.ndarray:
    """Return draws of the distances between ordered uniform numbers of these ranks."""
    rng = np.random.default_rng(SEED)
    steps = np.diff(ranks, prepend=0)
    gaps = rng.standard_gamma(steps.astype(float), size=(N_DRAWS, len(ranks)))
    rest = rng.standard_gamma(float(n + 1 - ranks[-1]), size=(N_DRAWS, 1))
    result: np.ndarray = gaps / (gaps.sum(axis=1, keepdims=True) + rest)
    return result


def _tail(counts: np.ndarray, rank: int, n: int, m: int) -> np.ndarray:
    """Return how likely at least so many of m rows lie below one of n of this rank.

    That is: of the first ``rank + count - 1`` of all fewer than ``rank`` are calibrating.
    """
    tail = hypergeom.cdf(rank - 1, n + m, n, np.maximum(rank + counts - 1, 0))
    return np.where(counts > 0, tail, 1.0)


def _bound(local: float, rank: int, n: int, m: int) -> int:
    """Return the smallest count that is exceeded with at most this probability."""

    def is_enough(count: int) -> bool:
        return bool(_tail(np.array(count + 1), rank, n, m) <= local)

    return bisect_left(range(m), True, key=is_enough)


def _quantile(least: np.ndarray, share: float) -> float:
    """Return a value that at most this share of draws, and one more, lie below or at."""
    rank = int(np.floor(share * (len(least) + 1)))
    return float(np.sort(least)[rank - 1]) * (1 - 1e-9) if rank else 0.0


def most_false_of_first(
    scores: np.ndarray, calibrating: np.ndarray, confidence: float
) -> np.ndarray:
    """Return how many of the k lowest scores may be of normal rows, for k = 1 to all.

    ``calibrating`` are sorted scores of normal rows.
    """
    m, n = len(scores), len(calibrating)
    counts = np.arange(1, m + 1)
    if n == 0:
        return counts
    ranks, bounds = most_false(m, n, confidence)
    # The k-th lowest lies below the calibrating score of this rank.
    next_rank = 1 + np.searchsorted(calibrating, np.sort(scores), side="right")
    found = np.minimum(counts, np.append(bounds, m)[np.searchsorted(ranks, next_rank)])
    # A row more is at most one more.
    return np.minimum.accumulate(found - counts) + counts
