"""Errors and warnings of the package; each subclasses what scikit-learn would raise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sklearn.exceptions import ConvergenceWarning, NotFittedError

__all__ = [
    "AdversaryTooStrongWarning",
    "BatchNormWarning",
    "CollapsedCodesWarning",
    "ConstantScoresWarning",
    "ConstantTableWarning",
    "ConvergenceWarning",
    "DamagedFileError",
    "DiscriminatorStalledWarning",
    "DivergenceWarning",
    "ForeignFileError",
    "IdentifierWarning",
    "LostProcessError",
    "MissingExtraError",
    "ModelFileError",
    "NewerFileError",
    "NonFiniteLossError",
    "NonFiniteLossWarning",
    "NotFittedError",
    "NotSavableError",
    "OversizedFileError",
    "PriorMismatchWarning",
    "ReconstructionWarning",
    "RuleError",
    "TooFewEpochsWarning",
    "TrainingWarning",
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

    def __init__(self, message: str, columns: list[Any]) -> None:
        super().__init__(message)
        self.columns = columns

    def __reduce__(self) -> tuple[Any, ...]:
        # Without this, an error raised in a worker process of joblib cannot travel back.
        return type(self), (self.args[0], self.columns)


class NonFiniteLossError(ValueError):
    """A loss became NaN or infinite before one epoch had finished."""


class LostProcessError(RuntimeError):
    """Another process of a training over several has ended, or does not answer."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message holds the line that cures it."""


class RuleError(ValueError):
    """A rule does not fit a table: its columns, their kinds, or too many of its rows.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    rule : object
        The rule.
    rows : list of int, default=()
        The rows that break it.

    Attributes
    ----------
    rule : object
        The rule.
    rows : list of int
        The rows that break it.

    Examples
    --------
    >>> from sklearn_aae.exceptions import RuleError
    >>> from sklearn_aae.rules import Order
    >>> RuleError("too late", Order("start", "end"), [3]).rule
    start <= end
    """

    def __init__(self, message: str, rule: object, rows: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.rule = rule
        self.rows = list(rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.rule, self.rows)


class IdentifierWarning(UserWarning):
    """Columns tell rows apart, and are left out of what is modelled."""


class ModelFileError(ValueError):
    """A file of a fitted model cannot be read; subclasses say why."""


class ForeignFileError(ModelFileError):
    """A file was not written by :func:`sklearn_aae.save`, or holds something else."""


class NewerFileError(ModelFileError):
    """A file is of a format that a later version of the package writes."""


class DamagedFileError(ModelFileError):
    """A file is cut short, was changed after it was written, or says what cannot be."""


class OversizedFileError(ModelFileError):
    """A file would unpack to far more than it is: what a zip bomb does."""


class NotSavableError(TypeError):
    """An estimator holds something that is code, or that no file has a form for."""


class TrainingWarning(ConvergenceWarning):
    """A training failed; subclasses say how, and ``training_report_`` has the figures."""


class NonFiniteLossWarning(TrainingWarning):
    """A loss became NaN or infinite after the first epoch; earlier weights were put back."""


class DivergenceWarning(TrainingWarning):
    """Rows are given back far worse than by their column means: rates were too high."""


class TooFewEpochsWarning(TrainingWarning):
    """Losses still fell much at the end of a training whose length was left to the estimator."""


class ReconstructionWarning(TrainingWarning):
    """Codes say nothing of rows that principal components explain."""


class CollapsedCodesWarning(TrainingWarning):
    """Columns of codes do not vary or repeat others, though rows would fill them."""


class PriorMismatchWarning(TrainingWarning):
    """Codes do not follow the prior."""


class AdversaryTooStrongWarning(TrainingWarning):
    """The adversary pushes codes about so that they say little of rows, or miss the prior."""


class DiscriminatorStalledWarning(TrainingWarning):
    """The discriminator has stopped learning: its logits hardly differ, or codes fool it."""


class BatchNormWarning(TrainingWarning):
    """The discriminator has a batch norm, and too few rows in a step for its statistics."""


class ConstantTableWarning(TrainingWarning):
    """All training rows are the same."""


class ConstantScoresWarning(TrainingWarning):
    """A detector gives all rows the same score."""
