"""Tables as estimators take them: of numbers, or of levels; or an error that names why not."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_aae.encoding import (
    NUMBER,
    TableEncoder,
    as_frame,
    check_numeric_columns,
    describe_non_finite,
    read_column,
)
from sklearn_aae.outputs import OUTPUTS, as_output


def is_ready(X: Any, n_columns: int) -> bool:
    """Return whether rows are an array that needs no conversion, and no message either.

    What scikit-learn's checks find in good arrays takes them several times as long as
    it takes a small network to encode a row.
    """
    if type(X) is not np.ndarray or X.dtype not in (np.float64, np.float32) or X.ndim != 2:
        return False
    if len(X) == 0 or X.shape[1] != n_columns:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def needs_levels(X: Any, output: Any, categorical_features: Any) -> bool:
    """Return whether a table is to be read as levels rather than as numbers.

    An output says so; ``"auto"`` wants numbers if every column is a number without
    missing cells.
    """
    chosen = _chooses(categorical_features)
    if not (isinstance(output, str) and output == "auto"):
        levels = as_output(output).reads_levels
        if chosen and not levels:
            raise ValueError(
                f"categorical_features={categorical_features!r} needs an output over "
                f"categories, and output={output!r} is over numbers; use output='auto'."
            )
        return levels
    return chosen or not _all_numbers(X)


def reads_levels(output: Any) -> bool | None:
    """Return whether an output is over levels whatever the table; None if the table decides."""
    if isinstance(output, str):
        if output == "auto":
            return None
        output = OUTPUTS.get(output)
    return bool(getattr(output, "reads_levels", False))


def _chooses(categorical_features: Any) -> bool:
    """Return whether there is a column that is said to be a category."""
    if isinstance(categorical_features, str):
        return False
    chosen = list(categorical_features)
    is_mask = all(isinstance(item, (bool, np.bool_)) for item in chosen)
    return any(chosen) if is_mask else bool(chosen)


def _all_numbers(X: Any) -> bool:
    frame = as_frame(X)
    if frame is not None:
        return all(_is_number(column) for column in frame.iter_columns())
    if hasattr(X, "toarray") or (not hasattr(X, "__array__") and not hasattr(X, "__len__")):
        return True  # whatever it is, the checks of numbers say best what is wrong with it
    array = X if isinstance(X, np.ndarray) else _as_array(X)
    if array.ndim != 2 or not array.size:
        return True
    if array.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            total = array.sum()
        return not np.isnan(total) or not np.isnan(array).any()
    if array.dtype.kind in "iuc":
        return True
    return all(_is_number(array[:, j]) for j in range(array.shape[1]))


def _as_array(X: Any) -> np.ndarray:
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths
        return np.empty((0, 0))
    return array if array.dtype.kind in "biufc" else np.asarray(X, dtype=object)


def _is_number(column: Any) -> bool:
    """Return whether a column holds numbers and no missing cell."""
    if isinstance(column, nw.Series) and column.dtype.is_numeric():
        missing = column.is_null().any()
        return not missing and not (column.dtype.is_float() and column.is_nan().any())
    read = read_column(column, getattr(column, "name", 0))
    return read.kind == NUMBER and not read.missing.any()


def check_numbers(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    """Return a table of numbers as a float32 or float64 array, or raise naming the culprit."""
    named = hasattr(estimator, "feature_names_in_")
    if not reset and not named and is_ready(X, estimator.n_features_in_):
        return X
    check_numeric_columns(X, type(estimator).__name__)
    try:
        return validate_data(
            estimator,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_min_samples=2 if reset else 1,
        )
    except ValueError as error:
        culprit = describe_non_finite(X) if "NaN" in str(error) or "inf" in str(error) else ""
        if not culprit:
            raise
        if "NaN" in str(error):
            culprit += " A model with output='auto' that is fitted to missing cells models them."
        raise ValueError(f"{error}\n{culprit}") from error


def fit_levels(
    estimator: Any, X: Any, categorical_features: Any
) -> tuple[TableEncoder, np.ndarray]:
    """Return the encoder of a table of mixed types, and its levels."""
    encoder = TableEncoder(categorical_features=categorical_features)
    # The names of estimator and parameters in messages are those that the caller knows.
    X = encoder._check_table(X, reset=True)
    validate_data(estimator, X, reset=True, skip_check_array=True)
    if len(X) < 2:
        raise ValueError(
            f"Found array with {len(X)} sample(s) (shape={tuple(X.shape)}) while a minimum of 2 "
            f"is required by {type(estimator).__name__}."
        )
    return encoder.fit(X), encoder._to_levels(X)


def check_levels(
    estimator: Any, encoder: TableEncoder, X: Any, *, allow_missing: bool = False
) -> np.ndarray:
    """Return the levels of further rows, or raise naming the column that does not fit."""
    if as_frame(X) is not None:
        validate_data(estimator, X, reset=False, skip_check_array=True)
    return encoder._to_levels(X, allow_missing=allow_missing)
