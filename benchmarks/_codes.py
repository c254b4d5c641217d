"""What the codes of a mixed-type table are worth, and what boosting it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from benchmarks._frames import as_floats, is_class, is_number
from benchmarks._timing import timed
from sklearn_aae.metrics import ml_efficacy

#: As many categories as scikit-learn's histogram boosting can tell apart.
MAX_LEVELS = 255


def target_from(
    codes: np.ndarray, test_codes: np.ndarray, y: pd.Series, y_test: pd.Series, seed: int
) -> float:
    """Return how well boosting predicts a target from codes: area, or R2 of a regression.

    As :func:`sklearn_aae.metrics.ml_efficacy` does it: it learns on the training rows' codes
    and is measured on those of held-out rows.
    """
    train = pd.DataFrame(codes).add_prefix("code").assign(target=y.array)
    test = pd.DataFrame(test_codes).add_prefix("code").assign(target=y_test.array)
    return ml_efficacy(train, train, test, "target", random_state=seed).score


def principal_components(
    train: pd.DataFrame, test: pd.DataFrame, n_components: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return PCA's codes of training and held-out rows.

    Of the table as :func:`as_numbers` gives it.
    """
    X, X_test = as_numbers(train, test)
    pca = PCA(min(n_components, *X.shape), random_state=seed).fit(X)
    return pca.transform(X), pca.transform(X_test)


def as_numbers(train: pd.DataFrame, test: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return training and held-out rows as numbers.

    Categories are one-hot, missing ones as a category, and numbers standardised, missing ones
    as the mean.
    """
    blocks = [_numeric(train[name], test[name]) for name in train]
    X, X_test = (np.column_stack(parts) for parts in zip(*blocks, strict=True))
    return X, X_test


def _numeric(column: pd.Series, test: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if is_number(column):
        values = as_floats(column)
        mean, scale = np.nanmean(values), np.nanstd(values) or 1.0
        scaled = [np.nan_to_num((as_floats(part) - mean) / scale) for part in (column, test)]
        return scaled[0], scaled[1]
    levels = pd.Index(column.dropna().unique())
    # Missing cells, and levels that the training rows lack, are -1: the last column.
    eye = np.eye(len(levels) + 1)
    return eye[levels.get_indexer(column)], eye[levels.get_indexer(test)]


def boosting_seconds(train: pd.DataFrame, target: str, seed: int) -> float:
    """Return how long histogram gradient boosting of a target takes, with its 100 trees."""
    known = train[train[target].notna()]
    y = known[target]
    X = pd.DataFrame({name: _for_trees(known[name]) for name in known if name != target})
    kind: Any = HistGradientBoostingClassifier if is_class(y) else HistGradientBoostingRegressor
    labels = y.astype(str) if is_class(y) else as_floats(y)
    # Early stopping would come and go with the number of rows.
    model = kind(categorical_features="from_dtype", early_stopping=False, random_state=seed)
    return timed(model.fit, X, labels)[1]


def _for_trees(column: pd.Series) -> pd.Series:
    if is_number(column):
        return pd.Series(as_floats(column), index=column.index)
    if column.nunique() > MAX_LEVELS:
        codes, _ = pd.factorize(column, sort=True)
        return pd.Series(codes, index=column.index).astype(float).where(column.notna())
    return column.astype("category")
