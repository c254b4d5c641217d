"""The public transformer between tables of mixed types and numbers for networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_aae._cells import as_objects
from sklearn_aae._compat import Interval, StrOptions, _check_feature_names_in, _fit_context
from sklearn_aae._layout import Layout
from sklearn_aae.encoding._category_columns import AUTO, ERROR, INFREQUENT, CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec, Condition, EmptyCodec
from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    EMPTY,
    NUMBER,
    Column,
    read_column,
)
from sklearn_aae.encoding._containers import Container, as_frame, columns_of
from sklearn_aae.encoding._datetime_columns import MomentCodec
from sklearn_aae.encoding._number_columns import NumberCodec


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turn a table of mixed types into float32 numbers and back.

    Parameters
    ----------
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Which columns are categories beside those that cannot be anything else (text,
        categorical types, booleans): none, or these labels, positions or this mask.

    max_levels : int or "auto", default="auto"
        The most levels that numbers and dates are cut into; "auto" is a tenth of the
        rows, but at least 24 and at most 1024.

    max_categories : int, default=64
        Categories up to so many are one-hot, more are written in digits.

    min_frequency : int or float, default=None
        Categories with fewer rows, or a smaller share of the rows, share a level.

    handle_unknown : {"auto", "error", "infrequent_if_exist"}, default="auto"
        What becomes of a category that ``fit`` did not see.

    Attributes
    ----------
    layout_ : Layout
        What the columns are.

    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Labels of the columns, where all are text.
    """

    _parameter_constraints: dict = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "max_levels": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "min_frequency": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "handle_unknown": [StrOptions({AUTO, ERROR, INFREQUENT})],
    }

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        max_levels: Any = "auto",
        max_categories: int = 64,
        min_frequency: Any = None,
        handle_unknown: str = "auto",
    ) -> None:
        self.categorical_features = categorical_features
        self.max_levels = max_levels
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.handle_unknown = handle_unknown

    # -------------------------------------------------------------------- fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TableEncoder:
        """Learn the levels of each column.

        Parameters
        ----------
        X : frame or array-like of shape (n_samples, n_features)
            The table.
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder
            The fitted encoder.
        """
        table = self._check_table(X, reset=True)
        container = Container.of(table)
        natives = list(columns_of(table))
        labels = list(container.columns) or list(range(len(natives)))
        chosen = self._chosen(labels)
        codecs = [
            self._codec(read_column(native, label, as_category=choice))
            for native, label, choice in zip(natives, labels, chosen, strict=True)
        ]
        # Nothing is assigned before all columns are read: a fit that fails leaves no trace.
        validate_data(self, table, reset=True, skip_check_array=True)
        self._container, self._codecs, self._chosen_columns = container, codecs, chosen
        self.layout_ = Layout(tuple(codec.span for codec in codecs))
        return self

    def _codec(self, column: Column) -> ColumnCodec:
        if column.kind == EMPTY:
            return EmptyCodec(column)
        if column.kind in (BOOLEAN, CATEGORY):
            return CategoryCodec(
                column, self.max_categories, self.min_frequency, self.handle_unknown
            )
        if column.kind == NUMBER:
            return NumberCodec(column, self.max_levels)
        return MomentCodec(column, self.max_levels)

    def _chosen(self, labels: list) -> list[bool]:
        """Return which columns categorical_features asks for."""
        chosen = [False] * len(labels)
        wanted = self.categorical_features
        if isinstance(wanted, str):
            return chosen
        wanted = list(wanted)
        if all(isinstance(item, (bool, np.bool_)) for item in wanted):
            if wanted and len(wanted) != len(labels):
                raise ValueError(
                    f"categorical_features is a mask of {len(wanted)} entries for "
                    f"{len(labels)} columns."
                )
            return [bool(item) for item in wanted] or chosen
        for item in wanted:
            if item in labels:
                chosen[labels.index(item)] = True
            elif isinstance(item, Integral) and -len(labels) <= int(item) < len(labels):
                chosen[int(item)] = True
            else:
                raise ValueError(
                    f"categorical_features: {item!r} is neither a label nor a position among "
                    f"the columns {labels}."
                )
        return chosen

    # ------------------------------------------------------------------ input

    def _check_table(self, X: Any, *, reset: bool) -> Any:
        """Return a frame as it is, anything else as an array of two dimensions."""
        frame = as_frame(X)
        if frame is None:
            if not hasattr(X, "__array__") and not issparse(X):
                X = _array_of(X)
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self)
        else:
            for n, what in zip(frame.shape, ("sample", "feature"), strict=True):
                if not n:
                    raise ValueError(
                        f"Found array with 0 {what}(s) (shape={frame.shape}) while a minimum "
                        f"of 1 is required by {type(self).__name__}."
                    )
        if not reset:
            validate_data(self, X, reset=False, skip_check_array=True)
            self._check_labels(Container.of(X).columns)
        return X

    def _check_labels(self, labels: tuple) -> None:
        """Raise for labels that are not text, which scikit-learn does not compare."""
        known = self._container.columns
        if labels and known and labels != known:
            raise ValueError(
                f"The columns must be those of fit, in that order: {list(known)}; got "
                f"{list(labels)}."
            )

    def _read(self, X: Any) -> Iterator[tuple[ColumnCodec, Column]]:
        for codec, native, choice in zip(
            self._codecs, columns_of(X), self._chosen_columns, strict=True
        ):
            as_category = choice or codec.span.kind == CATEGORY
            yield codec, read_column(native, codec.span.name, as_category=as_category)

    # ----------------------------------------------------------------- levels

    def _to_levels(self, X: Any, *, allow_missing: bool = False) -> np.ndarray:
        """Return the level of each cell, (n_samples, n_features), int32.

        ``allow_missing`` gives -1 for a missing cell in a column that had none in
        ``fit``, instead of an error.
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False)
        levels = np.empty((len(X), len(self._codecs)), dtype=np.int32)
        for j, (codec, column) in enumerate(self._read(X)):
            levels[:, j] = codec.encode(column, allow_missing=allow_missing)
        return levels

    def _from_levels(
        self,
        levels: np.ndarray,
        rng: np.random.Generator | None,
        *,
        within: Mapping[int, Any] | None = None,
        like: Any = None,
    ) -> Any:
        """Return a table as it came in ``fit``, with a cell for each level.

        Parameters
        ----------
        levels : ndarray of shape (n_samples, n_features), int
            Levels, none of them negative.
        rng : Generator or None
            Draws the cells within their levels; None gives the median of the level's
            training cells, or the commonest category of a group.
        within : dict of int to condition, or None
            Restricts the cells of a column, by position, to those that meet a
            condition (as in ``_level_shares``).
        like : frame or None
            Whose index a pandas frame gets.
        """
        check_is_fitted(self)
        for span, column in zip(self.layout_.spans, levels.T, strict=True):
            if len(column) and not 0 <= column.min() <= column.max() < span.n_levels:
                raise ValueError(
                    f"Column {span.name!r} has levels 0 to {span.n_levels - 1}; got "
                    f"{column.min()} to {column.max()}."
                )
        within = within or {}
        columns = []
        for j, codec in enumerate(self._codecs):
            condition = Condition.of(within[j], codec.span.name) if j in within else None
            columns.append(codec.decode(levels[:, j], rng, condition))
        return self._container.assemble(columns, like)

    def _level_shares(self, column: Any, condition: Any) -> np.ndarray:
        """Return the share of each level's training rows that meets a condition.

        Parameters
        ----------
        column : object
            Label of a column; its position for arrays.
        condition : scalar, list or tuple
            A value, a list of values, or a tuple of lowest and highest value, either
            of which may be None; None or NaN for a missing cell.
        """
        check_is_fitted(self)
        labels = [span.name for span in self.layout_.spans]
        if column not in labels:
            raise ValueError(f"There is no column {column!r}; columns are {labels}.")
        return self._codecs[labels.index(column)].shares(Condition.of(condition, column))

    # ------------------------------------------------------------------ dense

    def transform(self, X: Any) -> np.ndarray:
        """Return the table as a dense matrix.

        Parameters
        ----------
        X : frame or array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features_out), float32
            The matrix; a frame after ``set_output``.
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False)
        widths = self._widths()
        out = np.zeros((len(X), sum(widths)), dtype=np.float32)
        start = 0
        for (codec, column), width in zip(self._read(X), widths, strict=True):
            codec.write(column, out[:, start : start + width])
            start += width
        return out

    def _widths(self) -> list[int]:
        return [len(codec.feature_names("")) for codec in self._codecs]

    def inverse_transform(self, X: Any) -> Any:
        """Return the table that a dense matrix stands for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            What ``transform`` returned.

        Returns
        -------
        X_original : frame or ndarray of shape (n_samples, n_features)
            Container, labels and types as in ``fit``.
        """
        check_is_fitted(self)
        matrix = check_array(X, dtype=[np.float32, np.float64], estimator=self)
        widths = self._widths()
        if matrix.shape[1] != sum(widths):
            raise ValueError(
                f"X has {matrix.shape[1]} columns, but {type(self).__name__}.transform returns "
                f"{sum(widths)}."
            )
        columns, start = [], 0
        for codec, width in zip(self._codecs, widths, strict=True):
            columns.append(codec.read(matrix[:, start : start + width]))
            start += width
        return self._container.assemble(columns, X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of the dense matrix.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Must be the names seen in ``fit``, if given.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The names.
        """
        check_is_fitted(self)
        names_in = _check_feature_names_in(self, input_features)
        names: list[str] = []
        for codec, name in zip(self._codecs, names_in, strict=True):
            names += codec.feature_names(str(name))
        return as_objects(_distinct(names))

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of estimators."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _array_of(rows: Any) -> np.ndarray:
    """Return a list of rows as an array that keeps numbers beside text numbers."""
    array = np.asarray(rows)
    return array if array.dtype.kind in "biufcmM" else np.array(rows, dtype=object)


def _distinct(names: list[str]) -> list[str]:
    """Return names, those that occur twice with a number behind."""
    taken: set[str] = set()
    distinct = []
    for name in names:
        new, n = name, 2
        while new in taken:
            new, n = f"{name}_{n}", n + 1
        taken.add(new)
        distinct.append(new)
    return distinct
