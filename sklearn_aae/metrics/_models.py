"""The model that a scorer measures, inside of what a search hands over."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def open_model(
    estimator: BaseEstimator, X: Any, measure: str, needs: tuple[str, ...]
) -> tuple[Any, Any]:
    """Return the fitted model at the end of pipelines and searches, and the rows that it sees.

    Parameters
    ----------
    estimator : estimator
        The model, a Pipeline that ends in it, or a search over either.
    X : object
        Rows as the estimator takes them.
    measure : str
        Who asks, for messages.
    needs : tuple of str
        Attributes that the measure reads.

    Returns
    -------
    tuple
        The model, and ``X`` as the steps before it hand it over.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it does not end in such a model.
    """
    check_is_fitted(estimator)
    model = estimator
    while True:
        if isinstance(model, Pipeline):
            X = model[:-1].transform(X) if len(model) > 1 else X
            model = model[-1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            break
    lacking = [name for name in needs if not hasattr(model, name)]
    if lacking:
        within = "" if model is estimator else f" at the end of {type(estimator).__name__}"
        raise TypeError(
            f"{measure} takes a fitted AdversarialAutoencoder, a Pipeline that ends in one or a "
            f"search over these; {type(model).__name__}{within} has no {', '.join(lacking)}."
        )
    return model, X
