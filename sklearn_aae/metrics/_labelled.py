"""Scores on the rows that have a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.utils import _safe_indexing, check_consistent_length

from sklearn_aae.encoding import read_label_cells
from sklearn_aae.encoding._cells import is_number


def only_labelled(
    X: Any, y: Any, sample_weight: Any = None, classes: np.ndarray | None = None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return the rows that have a label, their labels and their weights.

    A missing cell is no label, nor is the number -1 unless it is among ``classes``.
    """
    check_consistent_length(X, y, sample_weight)
    labels, missing = read_label_cells(y)
    there = ~missing
    if classes is None or not _minus_one(classes).any():
        there[there] = ~_minus_one(labels)
        labels = labels[~_minus_one(labels)]
    if not len(labels):
        raise ValueError(f"y has no label to score on: none of its {len(there)} rows has one.")
    weights = None if sample_weight is None else np.asarray(sample_weight)[there]
    return _safe_indexing(X, there), labels, weights


def _minus_one(labels: np.ndarray) -> np.ndarray:
    """Return which labels are the number -1."""
    return np.array([is_number(label) and label == -1 for label in labels], dtype=bool)


class LabelledScorer:
    """What :func:`labelled_scorer` returns."""

    def __init__(self, scoring: str | Callable[..., float]) -> None:
        self.scoring = scoring
        self._score = get_scorer(scoring) if isinstance(scoring, str) else scoring

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        classes = getattr(estimator, "classes_", None)
        X, labels, weights = only_labelled(X, y, sample_weight, classes)
        further = {} if weights is None else {"sample_weight": weights}
        return float(self._score(estimator, X, labels, **further))

    def __repr__(self) -> str:
        return f"labelled_scorer({self.scoring!r})"


def labelled_scorer(scoring: str | Callable[..., float]) -> LabelledScorer:
    """Return a scorer that leaves out rows without a label; for searches over few labels.

    scikit-learn's scorers count a row of label -1 as wrong whatever is predicted, and fail on
    labels that are missing.  A search needs folds that do not read labels, where some are NaN
    or None: ``KFold``, not scikit-learn's stratified default.

    Parameters
    ----------
    scoring : str or callable
        The name of a scorer of scikit-learn (``"accuracy"``, ``"roc_auc"``, ...), or a scorer
        with signature ``(estimator, X, y)``.

    Returns
    -------
    callable
        A scorer ``(estimator, X, y, sample_weight=None)`` that returns a float: what
        ``scoring`` says of the labelled rows alone.  NaN, None and other missing cells are
        rows without a label, and so is -1, unless the estimator's ``classes_`` hold it.  It
        raises a ValueError if no row has a label.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of that name.

    See Also
    --------
    sklearn_aae.AAEClassifier.score : Accuracy, on labelled rows as well.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from sklearn_aae import AAEClassifier
    >>> from sklearn_aae.metrics import labelled_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> few = np.where(np.arange(150) % 3 == 0, y, np.nan)
    >>> scoring = labelled_scorer("balanced_accuracy")
    >>> folds = KFold(3, shuffle=True, random_state=0)
    >>> classifier = AAEClassifier(max_epochs=30, random_state=0)
    >>> scores = cross_val_score(classifier, X, few, scoring=scoring, cv=folds)
    >>> bool(scores.min() > 0.7)
    True
    """
    return LabelledScorer(scoring)
