"""Scorers for searches: how well codes match the prior, and how good samples are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_aae._utils._random import MetricStream, derive_seed, draw_seed
from sklearn_aae.encoding import as_frame, is_mixed
from sklearn_aae.metrics._kernel import mmd
from sklearn_aae.metrics._manifold import precision_recall
from sklearn_aae.metrics._models import open_model
from sklearn_aae.metrics._parzen import parzen_log_likelihood
from sklearn_aae.metrics._prior_match import CODES, codes_and_draws
from sklearn_aae.metrics._sliced import sliced_wasserstein
from sklearn_aae.metrics._table_models import area_of
from sklearn_aae.metrics._tables import in_one_container, read_tables
from sklearn_aae.metrics._two_sample import as_samples, c2st, energy_distance, is_constant

Measure = Callable[[np.ndarray, np.ndarray, int], float]

#: name -> score of two samples, given a seed; higher is better.
DISTANCES: dict[str, Measure] = {
    "c2st": lambda X, Y, seed: 1 - 2 * c2st(X, Y, random_state=seed % 2**32),
    "energy_distance": lambda X, Y, seed: -energy_distance(X, Y),
    "mmd": lambda X, Y, seed: -mmd(X, Y),
    "sliced_wasserstein": lambda X, Y, seed: -sliced_wasserstein(X, Y, random_state=seed % 2**32),
}


def _parzen(X: np.ndarray, samples: np.ndarray, seed: int) -> float:
    test, valid = np.array_split(np.random.default_rng(seed).permutation(X), 2)
    return parzen_log_likelihood(test, samples, valid).log_likelihood


#: The same for rows and samples, whose order matters.
QUALITIES: dict[str, Measure] = {
    **DISTANCES,
    "parzen": _parzen,
    "precision": lambda X, samples, seed: precision_recall(X, samples).precision,
    "recall": lambda X, samples, seed: precision_recall(X, samples).recall,
}


def _find(measure: str, measures: dict[str, Measure]) -> Measure:
    if measure not in measures:
        raise ValueError(f"measure must be one of {sorted(measures)}, got {measure!r}.")
    return measures[measure]


def prior_match_score(
    estimator: BaseEstimator, X: Any, y: Any = None, *, measure: str = "c2st", random_state: Any = 0
) -> float:
    r"""Score how well the codes of rows follow the prior; for ``GridSearchCV``.

    Parameters
    ----------
    estimator : AdversarialAutoencoder
        A fitted model, or a Pipeline that ends in one: then its last step is measured, on
        the rows that it sees.
    X : array-like or frame of shape (n_samples, n_features)
        Held-out rows; at least 6.
    y : object, default=None
        Not used; scorers are called with it.
    measure : {"c2st", "energy_distance", "mmd", "sliced_wasserstein"}, default="c2st"
        What compares the codes with as many prior draws.  :func:`c2st`, as
        :math:`1 - 2A`, sees most and does not depend on the prior's scale, so it can
        choose between priors; it always tells codes near the corners of a categorical
        prior from exact draws, where a distance is of more use.
    random_state : int, RandomState or None, default=0
        Seeds prior draws, folds and directions; None takes fresh entropy.

    Returns
    -------
    float
        The score, 0 at best (``"mmd"``: about 0).

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it does not end in such a model.
    ValueError
        If there is no such measure or there are too few rows.

    See Also
    --------
    balanced_score : Weighs prior match against reconstruction.
    prior_gap : The mismatch over what chance would make it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.metrics import prior_match_score
    >>> aae = AdversarialAutoencoder(max_epochs=5, random_state=0)
    >>> scores = cross_val_score(aae, load_iris().data, scoring=prior_match_score, cv=2)
    >>> bool((scores < 0).all())
    True
    """
    compare = _find(measure, DISTANCES)
    estimator, X = open_model(estimator, X, "prior_match_score", CODES)
    seed = draw_seed(random_state)
    codes, draws = codes_and_draws(estimator, X, seed)
    return float(compare(codes, draws, derive_seed(seed, MetricStream.COMPARISON)))


def sample_quality_score(
    estimator: BaseEstimator, X: Any, y: Any = None, *, measure: str = "c2st", random_state: Any = 0
) -> float:
    r"""Score how much rows drawn from a model are like real ones; for ``GridSearchCV``.

    As many rows are drawn as there are real ones, and both are brought to the scale of
    the real rows (each column to variance 1), so that distances and densities weigh
    columns alike.  Columns that are constant in the real rows, but for rounding noise, are
    left out.

    Parameters
    ----------
    estimator : AdversarialAutoencoder
        A fitted model, or any estimator with ``sample(n, random_state=...)``; of a Pipeline
        that ends in one the last step is measured, on the rows that it sees.
    X : array-like or frame of shape (n_samples, n_features)
        Held-out rows; at least 6.  Tables of mixed types have ``"c2st"`` alone, as by
        :func:`table_c2st`.
    y : object, default=None
        Not used; scorers are called with it.
    measure : str, default="c2st"
        What compares samples with rows: ``"c2st"`` (:func:`c2st` as :math:`1 - 2A`); minus
        a distance (``"energy_distance"``, ``"mmd"``, ``"sliced_wasserstein"``);
        ``"parzen"`` (:func:`parzen_log_likelihood` with the bandwidth chosen on half of
        the rows); or a part of :func:`precision_recall` (``"precision"``, ``"recall"``).
    random_state : int, RandomState or None, default=0
        Seeds samples, folds and directions; None takes fresh entropy.

    Returns
    -------
    float
        The score; higher is better.  At best 0 for distances, 1 for precision and
        recall.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it does not end in such a model.
    ValueError
        If there is no such measure or not for such tables, there are too few rows, or no
        column varies.

    See Also
    --------
    table_c2st : The same of two tables.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.metrics import sample_quality_score
    >>> search = GridSearchCV(
    ...     AdversarialAutoencoder(max_epochs=5, random_state=0),
    ...     {"prior": ["gaussian", "learned"]},
    ...     scoring=partial(sample_quality_score, measure="energy_distance"),
    ...     cv=2,
    ... )
    >>> bool(search.fit(load_iris().data).best_score_ < 0)
    True
    """
    compare = _find(measure, QUALITIES)
    estimator, X = open_model(estimator, X, "sample_quality_score", ("sample",))
    seed = draw_seed(random_state)
    order = derive_seed(seed, MetricStream.COMPARISON)
    n_rows = len(X) if hasattr(X, "__len__") else X.shape[0]
    if n_rows < 6:
        raise ValueError(f"X has {n_rows} rows; at least 6 are needed.")
    of_numbers = not is_mixed(X)
    if measure != "c2st" and not of_numbers:
        raise ValueError(
            f"measure={measure!r} takes rows of numbers without missing cells; "
            "measure='c2st' takes tables of mixed types."
        )
    drawn = estimator.sample(n_rows, random_state=derive_seed(seed, MetricStream.DRAWS) % 2**32)
    if not of_numbers:
        real, synthetic = in_one_container(X, drawn)
        if as_frame(real) is not None and set(real.columns) == set(synthetic.columns):
            # In the model's order of columns, whatever that of X: trees break ties by it.
            real = real[list(synthetic.columns)]
        tables = read_tables(6, real=real, synthetic=synthetic)
        return 1 - 2 * area_of(tables, "real", 3, order % 2**32).score
    rows, samples = as_samples({"X": X, "samples": drawn}, {"samples": 1})
    varies = ~is_constant(rows)
    if not varies.any():
        raise ValueError("no column of X varies, so that there is no scale to compare samples on.")
    rows, samples = rows[:, varies], samples[:, varies]
    # The squares of large numbers need not be finite.
    largest = np.abs(rows).max(axis=0)
    scale = (rows / largest).std(axis=0) * largest
    return float(compare(rows / scale, samples / scale, order))
