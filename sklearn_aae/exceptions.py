"""Errors and warnings of the package; each subclasses what scikit-learn would raise."""

from __future__ import annotations

from sklearn.exceptions import ConvergenceWarning, NotFittedError

__all__ = [
    "ConvergenceWarning",
    "MissingExtraError",
    "NonFiniteLossError",
    "NotFittedError",
    "UnsupportedColumnsError",
]


class UnsupportedColumnsError(ValueError):
    """A table holds columns of a kind that the estimator cannot read.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    columns : list
        Names of the columns.

    Attributes
    ----------
    columns : list
        Names of the columns.

    Examples
    --------
    >>> from sklearn_aae.exceptions import UnsupportedColumnsError
    >>> UnsupportedColumnsError("no text, please", ["name"]).columns
    ['name']
    """

    def __init__(self, message: str, columns: list) -> None:
        super().__init__(message)
        self.columns = columns

    def __reduce__(self) -> tuple:
        # Without this, an error raised in a worker process of joblib cannot travel back.
        return type(self), (self.args[0], self.columns)


class NonFiniteLossError(ValueError):
    """A loss became NaN or infinite before one epoch had finished."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message holds the line that cures it."""
