"""How well codes follow the prior, and a scorer that weighs it against reconstruction."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator

from sklearn_aae._utils._random import MetricStream, derive_seed, draw_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.encoding import CATEGORY
from sklearn_aae.metrics._models import open_model
from sklearn_aae.metrics._tables import in_one_container, read_tables
from sklearn_aae.metrics._two_sample import c2st, energy_distance, mean_distance
from sklearn_aae.priors import Prior

#: What is read of a model whose codes are compared with its prior.
CODES = ("transform", "prior_")
#: Rows above which the energy distance is taken on a subsample: it costs n squared.
MAX_ROWS = 1000
#: Repetitions behind the 99 % null value.
N_NULL = 200


def prior_draws(prior: Prior, n_samples: int, n_components: int, seed: int) -> np.ndarray:
    """Draw codes from a prior as a numpy array.

    Parameters
    ----------
    prior : Prior
        The prior.
    n_samples, n_components : int
        Size of the sample.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray of shape (n_samples, n_components), float64
        The draws.
    """
    generator = make_generator(seed)
    result: np.ndarray = (
        prior.sample(n_samples, n_components, generator).detach().numpy().astype(np.float64)
    )
    return result


def codes_and_draws(estimator: BaseEstimator, X: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of rows, and as many draws of the prior."""
    codes = np.asarray(estimator.transform(X), dtype=np.float64)
    seed = derive_seed(seed, MetricStream.DRAWS)
    return codes, prior_draws(estimator.prior_, len(codes), codes.shape[1], seed)


class PriorGap:
    """The energy distance of codes to prior draws, over its 99 % null value.

    The draws and the null value are made once, so that values of successive
    epochs differ by the codes alone; under a prior that learns, :meth:`redraw` makes them
    anew.

    Parameters
    ----------
    prior : Prior
        What the codes should follow.
    n_samples, n_components : int
        Size of the code samples that will be measured.
    seed : int
        Seed of the draws.
    """

    def __init__(self, prior: Prior, n_samples: int, n_components: int, seed: int) -> None:
        self.n_samples = min(n_samples, MAX_ROWS)
        self.n_components, self.seed = n_components, seed
        self.draws = self._drawn(prior, MAX_ROWS, MetricStream.DRAWS)
        among_draws = mean_distance(self.draws, self.draws)
        null = self._drawn(prior, N_NULL * self.n_samples, MetricStream.COMPARISON)
        distances = [
            2 * mean_distance(sample, self.draws) - mean_distance(sample, sample) - among_draws
            for sample in np.split(null, N_NULL)
        ]
        self.null = float(np.quantile(distances, 0.99))

    def redraw(self, prior: Prior) -> None:
        """Measure against a prior that has learned since, draws and null value alike.

        This is done once an epoch, and other samples for every repetition would take
        longer than the epoch: they are random parts of one sample instead.

        Parameters
        ----------
        prior : Prior
            What the codes should follow now.
        """
        self.draws = self._drawn(prior, MAX_ROWS, MetricStream.DRAWS)
        n, m = self.n_samples, MAX_ROWS
        both = np.concatenate([self.draws, self._drawn(prior, n, MetricStream.COMPARISON)])
        rng = np.random.default_rng(derive_seed(self.seed, MetricStream.ROWS))
        order = rng.permuted(np.tile(np.arange(n + m), (N_NULL, 1)), axis=1)
        part = np.full((N_NULL, n + m), -1 / m)
        np.put_along_axis(part, order[:, :n], 1 / n, axis=1)
        # With w = 1/n in the part and -1/m outside of it, the distance is -w' D w.  In
        # one thread, or the last digits would depend on how many there are.
        with torch_threads(1):
            w, D = torch.from_numpy(part), torch.from_numpy(cdist(both, both))
            distances = -((w @ D) * w).sum(dim=1).numpy()
        self.null = float(np.quantile(distances, 0.99))

    def _drawn(self, prior: Any, n_samples: int, stream: MetricStream) -> np.ndarray:
        return prior_draws(prior, n_samples, self.n_components, derive_seed(self.seed, stream))

    def __call__(self, codes: np.ndarray) -> float:
        """Return the ratio for codes of the announced size."""
        return energy_distance(codes[: self.n_samples], self.draws) / self.null


def prior_gap(estimator: BaseEstimator, X: Any, *, random_state: Any = None) -> float:
    r"""How far the codes of rows are from the prior, against chance.

    The energy distance between the codes of ``X`` and prior draws, divided by the
    99 % quantile of the same distance between two samples of the prior of these
    sizes: at most 1 where the mismatch could be chance, larger where it could not.

    Parameters
    ----------
    estimator : AdversarialAutoencoder
        A fitted model, or a Pipeline that ends in one: then its last step is measured, on
        the rows that it sees.
    X : array-like of shape (n_samples, n_features)
        Rows, best held out; of more than 1000, as many at random are used.
    random_state : int, RandomState or None, default=None
        Seeds the prior draws and the choice of rows; None takes fresh entropy.

    Returns
    -------
    float
        The ratio.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it does not end in such a model.

    References
    ----------
    .. [1] G. J. Szekely, M. L. Rizzo, "Energy statistics: a class of statistics
       based on distances", Journal of Statistical Planning and Inference 143,
       2013.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.metrics import prior_gap
    >>> X = load_iris().data
    >>> aae = AdversarialAutoencoder(max_epochs=2, random_state=0).fit(X)
    >>> prior_gap(aae, X, random_state=0) > 1  # two epochs do not make a Gaussian
    True
    """
    estimator, X = open_model(estimator, X, "prior_gap", CODES)
    codes = np.asarray(estimator.transform(X), dtype=np.float64)
    seed = draw_seed(random_state)
    gap = PriorGap(estimator.prior_, len(codes), codes.shape[1], seed)
    # At random: a table may be sorted.
    rows = np.random.default_rng(derive_seed(seed, MetricStream.ROWS)).permutation(len(codes))
    return gap(codes[rows])


def balanced_score(
    estimator: BaseEstimator, X: Any, y: Any = None, *, weight: float = 0.5, random_state: Any = 0
) -> float:
    r"""Score a model by reconstruction and prior match together; for ``GridSearchCV``.

    .. math:: -\big(w\,U + (1 - w)\,(2A - 1)\big)

    where :math:`U` is the share of the columns' variance that ``reconstruct``
    leaves unexplained (averaged over columns that vary by more than rounding noise; may
    exceed 1) and
    :math:`A` is :func:`c2st` between the codes of ``X`` and as many prior draws.
    The best possible value is 0.  Reconstruction alone would always prefer more
    components and no adversary.

    The variance of a category is that of its indicators together, with missing as one more
    level: :math:`1 - \sum_k p_k^2`, of which a share :math:`m` of wrong cells leaves
    :math:`2m` unexplained.  Among numbers and dates, a missing cell counts as the
    column's mean.  Of numbers in models over categories ``reconstruct`` gives medians, which
    leave a little more of the variance than means.

    Parameters
    ----------
    estimator : AdversarialAutoencoder
        A fitted model, or a Pipeline that ends in one: then its last step is measured, on
        the rows that it sees.
    X : array-like or frame of shape (n_samples, n_features)
        Held-out rows, of any types that the model was fitted on; at least 6.
    y : object, default=None
        Not used; scorers are called with it.
    weight : float, default=0.5
        The weight :math:`w` of reconstruction, in [0, 1].
    random_state : int, RandomState or None, default=0
        Seeds prior draws and folds; None takes fresh entropy.

    Returns
    -------
    float
        The score; higher is better.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it does not end in such a model.
    ValueError
        If ``weight`` leaves [0, 1] or there are fewer than 6 rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.metrics import balanced_score
    >>> search = GridSearchCV(
    ...     AdversarialAutoencoder(max_epochs=5, random_state=0),
    ...     {"n_components": [1, 2]},
    ...     scoring=balanced_score,
    ...     cv=2,
    ... )
    >>> bool(search.fit(load_iris().data).best_score_ < 0)
    True
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], got {weight!r}.")
    estimator, X = open_model(estimator, X, "balanced_score", ("reconstruct", *CODES))
    seed = draw_seed(random_state)
    unexplained = _unexplained(X, estimator.reconstruct(X))
    folds = derive_seed(seed, MetricStream.COMPARISON) % 2**32
    area = c2st(*codes_and_draws(estimator, X, seed), random_state=folds)
    return -(weight * unexplained + (1 - weight) * (2 * area - 1))


def _unexplained(X: Any, reconstruction: Any) -> float:
    """Return the share of the columns' variance that a reconstruction leaves."""
    X, reconstruction = in_one_container(X, reconstruction)
    tables = read_tables(6, X=X, reconstruction=reconstruction)
    shares = []
    for x, back, kind in zip(tables["X"].T, tables["reconstruction"].T, tables.kinds, strict=True):
        if np.isnan(x).all():
            continue
        if kind == CATEGORY:
            x, back = (np.nan_to_num(cells, nan=-1) for cells in (x, back))
            frequencies = np.unique(x, return_counts=True)[1] / len(x)
            variance, residual = 1 - (frequencies**2).sum(), 2 * (x != back).mean()
        else:
            # By the range: the variance of equal numbers need not be 0, that of huge ones finite.
            low, high = np.nanmin(x) / 2, np.nanmax(x) / 2
            if low == high:
                continue
            x, back = ((cells / 2 - low) / (high - low) for cells in (x, back))
            x, back = (np.where(np.isnan(cells), np.nanmean(x), cells) for cells in (x, back))
            variance, residual = x.var(), ((x - back) ** 2).mean()
        if variance > 0:
            shares.append(residual / variance)
    return float(np.mean(shares)) if shares else 0.0
