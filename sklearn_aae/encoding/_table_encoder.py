"""The public transformer between tables of mixed types and numbers for networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aae._utils._bases import BaseEstimator, TransformerMixin
from sklearn_aae._utils._compat import (
    Interval,
    RealNotInt,
    StrOptions,
    _check_feature_names_in,
    _fit_context,
)
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.encoding._category_columns import (
    ERROR,
    IGNORE,
    INFREQUENT,
    UNKNOWN,
    CategoryCodec,
)
from sklearn_aae.encoding._cells import as_objects
from sklearn_aae.encoding._codec import ColumnCodec, Condition, EmptyCodec
from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    EMPTY,
    NUMBER,
    Column,
    read_column,
)
from sklearn_aae.encoding._containers import (
    Container,
    as_array,
    as_frame,
    check_matrix,
    columns_of,
)
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._datasets import is_stream, open_stream
from sklearn_aae.encoding._datetime_columns import TimestampCodec
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.encoding._number_columns import NumberCodec
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows
from sklearn_aae.encoding._text_columns import parse_as, read_parsed
from sklearn_aae.typing import Label, Table


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table of numbers, categories, dates and missing cells, and decode it.

    ``transform`` gives a dense matrix for any estimator of scikit-learn, and
    ``inverse_transform`` the table again: container, labels, types and category sets
    as in ``fit``.  The package's own networks read the same columns as *levels*, which
    ``layout_`` describes.

    Parameters
    ----------
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Categorical types and booleans are always categories, numbers, dates and
        durations are not; what an untyped column is, its cells decide.  Text is a category
        too, unless its cells are all dates of one format, or all numbers, more than 20
        of them and none with a leading zero: then it is read as such, and decoded as text
        of that format.  A list of labels or positions, or a boolean mask, makes these
        columns categories in any case.

    max_levels : int or "auto", default="auto"
        The most levels that numbers, dates and durations are cut into; "auto" is a
        tenth of the rows, but at least 24 and at most 1024.

    max_categories : int, default=64
        Columns of up to so many categories are one-hot in the dense matrix; more are
        written as one-hot digits.

    min_frequency : int or float, default=None
        Categories with fewer rows than this number, or than this share of the rows,
        are *infrequent* and share one level, as in
        :class:`~sklearn.preprocessing.OneHotEncoder`.

    handle_unknown : {"ignore", "infrequent_if_exist", "error"}, default="ignore"
        What becomes of a category that ``fit`` did not see, as in
        :class:`~sklearn.preprocessing.OneHotEncoder`:

        - "ignore": all of the column's dense columns are 0.
        - "infrequent_if_exist": it is taken for an infrequent one, or, if there is none,
          as with "ignore"; and of columns with more than ``max_categories``, only the
          commonest are kept, the others are infrequent.
        - "error": an error that names the column and the category.

    handle_missing : {"unknown", "error"}, default="unknown"
        What becomes of missing cells.  With "unknown" they are encoded where ``fit`` saw
        some in the column; where it saw none, all of the column's dense columns are 0.
        "error" refuses missing cells in ``fit`` and afterwards.

    Attributes
    ----------
    layout_ : Layout
        What each column is: its kind, its levels, and the digits that these are
        written in.

    n_features_in_ : int
        Number of columns of the table.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Labels of the columns, if all are text.

    See Also
    --------
    AdversarialAutoencoder : The model that generates tables.
    sklearn.preprocessing.OneHotEncoder : Categories only.

    Notes
    -----
    *Levels.* Each value of a number, date or duration is a level if there are no more
    than ``max_levels`` of them.  Otherwise they are cut, from the lowest, into levels
    of equal mass, where a value that is heavier than that has one of its own.  Later
    values belong to the level whose training values are nearest, those beyond the
    training range to the first or the last.  Each category is a level, in the order of
    an ordered type and else in lexical order.  Missing cells are the last level of
    their column.  None, NaN, NaT, pandas' NA and polars' null are all missing; infinite
    numbers are an error.

    *Dense matrix.* Numbers are standardised, booleans 0 or 1, dates are written in
    digits of the calendar (year, month, day, and down to the unit that all training
    dates are whole in), durations in days and the like; each digit is scaled to
    [-1, 1].  Dates with a time zone are written in UTC.  A column with missing cells
    has an indicator besides, and zeros where it is missing.  What ``fit`` did not see,
    a category or a missing cell in a column that had none, is zeros throughout, and
    comes back as a cell of ``fit``: the first category, the mean.

    *What comes back.* From the dense matrix: categories (of infrequent ones the
    commonest), booleans and missing cells exactly; dates and durations to the unit
    they are written in; numbers as float32 can tell them apart, and exactly if they
    were in the training data and differ by more than that.  Identifiers beyond 2**24
    are better declared categories.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_aae import TableEncoder
    >>> people = pd.DataFrame(
    ...     {
    ...         "age": [25.0, 31.0, None],
    ...         "sex": ["Female", "Male", "Female"],
    ...         "since": pd.to_datetime(["2019-05-01", "2020-02-29", "2021-08-15"]),
    ...     }
    ... )
    >>> encoder = TableEncoder().fit(people)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'age_missing', 'sex_Female', 'sex_Male', 'since_year', 'since_month', 'since_day']
    >>> encoder.transform(people)[:, :4]
    array([[-1.,  0.,  1.,  0.],
           [ 1.,  0.,  0.,  1.],
           [ 0.,  1.,  1.,  0.]], dtype=float32)
    >>> encoder.inverse_transform(encoder.transform(people)).equals(people)
    True
    >>> [(span.kind, span.n_levels) for span in encoder.layout_.spans]
    [('number', 3), ('category', 2), ('datetime', 3)]
    """

    _parameter_constraints: dict[str, Any] = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "max_levels": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "min_frequency": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
        ],
        "handle_unknown": [StrOptions({IGNORE, INFREQUENT, ERROR})],
        "handle_missing": [StrOptions({UNKNOWN, ERROR})],
    }

    def __init__(
        self,
        *,
        categorical_features: str | Sequence[Label] | np.ndarray = "from_dtype",
        max_levels: int | str = "auto",
        max_categories: int = 64,
        min_frequency: float | None = None,
        handle_unknown: str = "ignore",
        handle_missing: str = "unknown",
    ) -> None:
        self.categorical_features = categorical_features
        self.max_levels = max_levels
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.handle_unknown = handle_unknown
        self.handle_missing = handle_missing

    # -------------------------------------------------------------------- fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TableEncoder:
        """Learn the levels of each column.

        Parameters
        ----------
        X : frame or array-like of shape (n_samples, n_features)
            The table: pandas, polars or another frame that narwhals knows, an array,
            or a list of rows; or rows that need not fit into memory, a pyarrow Dataset or a
            polars LazyFrame (:ref:`scale`).
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            If cells of a column cannot be compared.
        UnsupportedColumnsError
            If a column is of a type that is of no known kind.
        ValueError
            If a number is infinite, a cell is missing and ``handle_missing="error"``,
            there is no row or no column, or ``categorical_features`` names what is not there.
        """
        return self._learn(*self._sampled(X))

    def _learn(self, X: Any, columns: WholeColumns | None) -> TableEncoder:
        """Learn from a table, or from the columns that it is a sample of."""
        table = self._check_table(X, reset=True)
        container = Container.of(table)
        natives = list(columns_of(table))
        labels = list(container.columns) or list(range(len(natives)))
        chosen = self._chosen(labels)
        codecs = [
            self._codec(
                self._accepted(
                    read_parsed(
                        native if columns is None else columns(label, native),
                        label,
                        as_category=choice,
                    ),
                    counted=columns is not None,
                )
            )
            for native, label, choice in zip(natives, labels, chosen, strict=True)
        ]
        # Nothing is assigned before all columns are read: a fit that fails leaves no trace.
        validate_data(self, table, reset=True, skip_check_array=True)
        self._container, self._codecs, self._chosen_columns = container, codecs, chosen
        self.layout_ = Layout(tuple(codec.span for codec in codecs))
        return self

    def _sampled(self, X: Any) -> tuple[Any, WholeColumns | None]:
        """Return a table in memory, and what its columns are in all rows if it is a sample."""
        if not is_stream(X):
            return X, None
        with open_stream(X) as stream:
            sample = sample_rows(stream, SAMPLED_ROWS, seed=0, with_rare=True, counted=True)
        if sample.n_rows <= SAMPLED_ROWS:
            return sample.X, None
        assert sample.columns is not None
        if isinstance(self.min_frequency, Integral) and not sample.columns.are_all:
            raise ValueError(
                f"min_frequency={self.min_frequency} is a number of rows, which those that stand "
                f"for {sample.n_rows} rows do not tell; set it to a share of the rows."
            )
        return sample.X, sample.columns

    def _codec(self, column: Column) -> ColumnCodec:
        if column.kind == EMPTY:
            return EmptyCodec(column, strict=self.handle_unknown == ERROR)
        if column.kind in (BOOLEAN, CATEGORY):
            return CategoryCodec(
                column, self.max_categories, self.min_frequency, self.handle_unknown
            )
        kind = NumberCodec if column.kind == NUMBER else TimestampCodec
        codec = kind(column, self.max_levels)
        codec.ignores_unknown = self.handle_unknown != ERROR
        return codec

    def _accepted(self, column: Column, *, counted: bool = False) -> Column:
        """Return a column whose missing cells, if there are any, are no error.

        ``counted`` is whether its cells are in another order than the rows.
        """
        if self.handle_missing == ERROR and column.holes.any():
            where = "" if counted else f", the first in row {np.argmax(column.holes)}"
            raise ValueError(
                f"Column {column.name!r} has missing cells (NaN or the like){where}. Set "
                "handle_missing='unknown', or fill them first."
            )
        return column

    def _chosen(self, labels: list[Any]) -> list[bool]:
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

    def _check_table(self, X: Any, *, reset: bool, owner: Any = None) -> Any:
        """Return a frame as it is, anything else as an array of two dimensions.

        Messages are in the name of ``owner``, the estimator that encodes its tables here.
        """
        owner = self if owner is None else owner
        frame = as_frame(X)
        if frame is None:
            X = check_matrix(as_array(X), "X", dtype=None, ensure_all_finite=False, estimator=owner)
        else:
            for n, what in zip(frame.shape, ("sample", "feature"), strict=True):
                if not n:
                    raise ValueError(
                        f"Found array with 0 {what}(s) (shape={frame.shape}) while a minimum "
                        f"of 1 is required by {type(owner).__name__}."
                    )
        if not reset:
            validate_data(owner, X, reset=False, skip_check_array=True)
            self._check_labels(Container.of(X).columns)
        return X

    def _check_labels(self, labels: tuple[Any, ...]) -> None:
        """Raise for labels that are not text, which scikit-learn does not compare."""
        known = self._container.columns
        if labels and known and labels != known:
            raise ValueError(
                f"The columns must be those of fit, in that order: {list(known)}; got "
                f"{list(labels)}."
            )

    def _read(self, X: Any, *, to_fill: bool = False) -> Iterator[tuple[ColumnCodec, Column]]:
        for codec, native, choice in zip(
            self._codecs, columns_of(X), self._chosen_columns, strict=True
        ):
            as_category = choice or codec.span.kind == CATEGORY
            column = read_column(native, codec.span.name, as_category=as_category)
            column = parse_as(column, codec.form)
            yield codec, column if to_fill else self._accepted(column)

    # ----------------------------------------------------------------- levels

    def _to_levels(self, X: Any, owner: Any = None) -> np.ndarray:
        """Return the level of each cell, (n_samples, n_features), int32; -1 if it has none."""
        check_is_fitted(self)
        X = self._check_table(X, reset=False, owner=owner)
        levels = np.empty((len(X), len(self._codecs)), dtype=np.int32)
        for j, (codec, column) in enumerate(self._read(X)):
            levels[:, j] = codec.encode(column)
        return levels

    def _to_known_levels(self, X: Any, owner: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the level of each cell, and which cells are missing.

        The level is -1 for a missing cell and for a label that ``fit`` did not see.  Missing
        cells are no error here, whatever ``handle_missing``.
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False, owner=owner)
        levels = np.empty((len(X), len(self._codecs)), dtype=np.int32)
        missing = np.empty(levels.shape, dtype=bool)
        for j, (codec, column) in enumerate(self._read(X, to_fill=True)):
            levels[:, j] = codec.encode_known(column)
            missing[:, j] = column.holes
        return levels, missing

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

    @takes_streams
    def transform(self, X: Any) -> np.ndarray:
        """Return the table as a dense matrix.

        Parameters
        ----------
        X : frame or array-like of shape (n_samples, n_features)
            The table; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features_out), float32
            The matrix; a frame after ``set_output``.

        Raises
        ------
        TypeError
            If a column is of another kind than in ``fit``.
        ValueError
            If columns differ from those of ``fit``, or a category is unknown
            (``handle_unknown``) or a cell missing (``handle_missing``) and that is an error.
        """
        check_is_fitted(self)
        return self._to_dense(self._check_table(X, reset=False))

    def _to_dense(self, X: Any) -> np.ndarray:
        """Return a table that was checked as a dense matrix."""
        widths = self._widths()
        out = np.zeros((len(X), sum(widths)), dtype=np.float32)
        start = 0
        for (codec, column), width in zip(self._read(X), widths, strict=True):
            codec.write(column, out[:, start : start + width])
            start += width
        return out

    def _unseen_labels(self, X: Any) -> dict[int, list[Any]]:
        """Return the labels that ``fit`` did not see, by the number of the column."""
        found = {
            j: codec.unseen_labels(column)
            for j, (codec, column) in enumerate(self._read(X))
            if isinstance(codec, CategoryCodec)
        }
        return {j: labels for j, labels in found.items() if labels}

    def _widths(self) -> list[int]:
        """Return how many dense columns each column of the table has."""
        return [len(codec.feature_names("")) for codec in self._codecs]

    def inverse_transform(self, X: Any) -> Table:
        """Return the table that a dense matrix stands for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            What ``transform`` returned.

        Returns
        -------
        X_original : frame or ndarray of shape (n_samples, n_features)
            Container, labels and types as in ``fit``; the index of ``X``, if that is a
            frame of pandas.

        Raises
        ------
        ValueError
            If ``X`` has other columns than ``transform`` returns, or is not finite.
        """
        check_is_fitted(self)
        matrix = check_matrix(X, "X", dtype=[np.float32, np.float64], estimator=self)
        edges = np.cumsum([0, *self._widths()])
        if matrix.shape[1] != edges[-1]:
            raise ValueError(
                f"X has {matrix.shape[1]} columns, but {type(self).__name__}.transform returns "
                f"{edges[-1]}."
            )
        table: Table = self._from_dense(matrix, edges, range(len(self._codecs)), X)
        return table

    def _from_dense(
        self,
        matrix: np.ndarray,
        edges: np.ndarray,
        which: Sequence[int],
        like: Any = None,
        *,
        within_range: bool = False,
    ) -> Any:
        """Return the table of some columns, by position, that a dense matrix stands for.

        ``edges`` are where each column's dense ones begin, and where the last ones end.
        """
        columns = [
            self._codecs[j].read(matrix[:, edges[j] : edges[j + 1]], within_range=within_range)
            for j in which
        ]
        return self._container.part(which).assemble(columns, like)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
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
        names: list[tuple[str, bool]] = []
        for codec, name in zip(self._codecs, names_in, strict=True):
            names += [(made, made == str(name)) for made in codec.feature_names(str(name))]
        return as_objects(_distinct(names))

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of estimators."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = self.handle_missing != ERROR
        tags.transformer_tags.preserves_dtype = []
        return tags


def _distinct(names: list[tuple[str, bool]]) -> list[str]:
    """Return names, those that occur twice with a number behind.

    A name is given with whether it is the table's own: made-up ones give way to it.
    """
    distinct: dict[int, str] = {}
    taken: set[str] = set()
    for i in sorted(range(len(names)), key=lambda i: not names[i][1]):
        name = new = names[i][0]
        n = 2
        while new in taken:
            new, n = f"{name}_{n}", n + 1
        taken.add(new)
        distinct[i] = new
    return [distinct[i] for i in range(len(names))]
