"""The detector's explanations: what columns contribute, and what was expected there."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.detection._explain import Reason, give_reasons
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.detection._overflow import finite
from sklearn_aae.detection._reason_frames import frame_of_reasons
from sklearn_aae.detection._rules import RuledReader
from sklearn_aae.detection.scores import Score, additive_kinds
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.encoding._result_frames import frame_of_cells, labels_of
from sklearn_aae.typing import Table


class ExplainingMixin:
    """Contributions of columns, and reasons; mixed into the detector."""

    _reader: Any
    _model: FittedModel
    _scores: dict[str, Score]

    _check_rows: Callable[[Any], np.ndarray]
    _read: Callable[[Any], Any]
    _of_blocks: Callable[[np.ndarray, Callable[[Any, int], Any]], list[Any]]
    _known_kind: Callable[..., str]

    @overload
    def score_contributions(
        self, X: Any, kind: str | None = ..., *, as_frame: Literal[False] = ...
    ) -> np.ndarray: ...

    @overload
    def score_contributions(
        self, X: Any, kind: str | None = ..., *, as_frame: Literal[True]
    ) -> Table: ...

    @overload
    def score_contributions(
        self, X: Any, kind: str | None = ..., *, as_frame: bool
    ) -> np.ndarray | Table: ...

    @takes_streams
    def score_contributions(
        self, X: Any, kind: str | None = None, *, as_frame: bool = False
    ) -> np.ndarray | Table:
        """Return what each column contributes to a row's anomaly score.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).
        kind : str or None, default=None
            A kind that is a sum over columns; None for that of the constructor.
        as_frame : bool, default=False
            Whether to return a frame: of the library of ``X``, with its index; of pandas if
            ``X`` is an array.

        Returns
        -------
        ndarray or frame of shape (n_samples, `n_features_in_`), float64
            Terms; rows add up to ``-score_samples(X, kind)``.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If the kind is not known, or not a sum over columns.
        """
        check_is_fitted(self)
        kind = self._known_kind(kind, additive_kinds())
        cells = self._contributions(self._check_rows(X), kind)
        return frame_of_cells(cells, labels_of(self), X) if as_frame else cells

    def _contributions(self, rows: np.ndarray, kind: str) -> np.ndarray:
        score = self._scores[kind]
        cells = self._of_blocks(rows, lambda found, n: score.contributions(found)[:n])
        result: np.ndarray = self._reader.fold(finite(np.concatenate(cells)))
        return result

    @overload
    def explain(
        self, X: Any, top: int = ..., kind: str | None = ..., *, as_frame: Literal[False] = ...
    ) -> list[list[Reason]]: ...

    @overload
    def explain(
        self, X: Any, top: int = ..., kind: str | None = ..., *, as_frame: Literal[True]
    ) -> Table: ...

    @overload
    def explain(
        self, X: Any, top: int = ..., kind: str | None = ..., *, as_frame: bool
    ) -> list[list[Reason]] | Table: ...

    def explain(
        self, X: Any, top: int = 3, kind: str | None = None, *, as_frame: bool = False
    ) -> list[list[Reason]] | Table:
        """Return, for each row, the columns that make it anomalous and what was expected.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        top : int, default=3
            Number of columns to name.
        kind : str or None, default=None
            A kind that is a sum over columns; None for that of the constructor.
        as_frame : bool, default=False
            Whether to return a frame: of the library of ``X``, of pandas if ``X`` is an array.

        Returns
        -------
        list of list of Reason, or frame
            For each row its reasons, largest share first: named tuples ``(column, value,
            expected, low, high, share, probability, rule)``.  ``expected`` is the mode of the
            column's density given the rest of the row; between ``low`` and ``high`` are nine
            tenths of the cells of normal rows, and a category has its ``probability``.  A column
            in which a row has what was expected is no reason, so a row may have fewer; ``rule``
            names the rule that the row breaks there, None if it breaks none.  A frame has a line
            for each reason, with these columns, the ``row`` (its label, or its number) and the
            ``contribution`` of the column to the row's score; in libraries whose columns are of
            one type, cells of several are text.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If the kind is not a sum over columns, or ``top`` is not positive.
        """
        check_is_fitted(self)
        check_scalar(top, "top", Integral, min_val=1)
        kind = self._known_kind(kind, additive_kinds())
        table = self._read(X)
        rows = self._reader.numbers(table)
        contributions = self._contributions(rows, kind)
        usual = np.broadcast_to(self._scores[kind].usual_, self._model.n_features)
        cells = contributions - self._reader.fold(usual[np.newaxis])
        labels = labels_of(self)
        arguments = (self._model, self._reader, table, rows, cells, labels, int(top))
        if isinstance(self._reader, RuledReader) and kind in ("default", "rules"):
            reasons = give_reasons(*arguments, self._reader.corrections(table))
            reasons = self._reader.name_rules(reasons, table, labels)
        else:
            reasons = give_reasons(*arguments)
        return frame_of_reasons(reasons, contributions, labels, X) if as_frame else reasons
