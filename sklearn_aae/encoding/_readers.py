"""Readers of tables: rows as networks take them, on what scale, and back in their container.

A table is read as numbers (:class:`NumbersReader`) or, of columns of any kind, as the levels of
its columns (:class:`LevelsReader`).  A detector wants numbers of any table: see
:mod:`sklearn_aae.encoding._detector_readers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, TypeGuard

import narwhals as nw
import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_aae.encoding._category_columns import ERROR, IGNORE, UNKNOWN, CategoryCodec
from sklearn_aae.encoding._columns import NUMBER, read_column
from sklearn_aae.encoding._containers import (
    Container,
    as_array,
    as_frame,
    as_plain,
    check_numeric_columns,
    columns_of,
    describe_non_finite,
    what_to_pass,
)
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._layout import TableFacts
from sklearn_aae.encoding._levels import LevelScale
from sklearn_aae.encoding._merging import merge_tables
from sklearn_aae.encoding._number_types import (
    NumberType,
    in_types_of_fit,
    types_of,
    with_nan,
    without_wide,
)
from sklearn_aae.encoding._scaling import Scaler
from sklearn_aae.encoding._table_encoder import TableEncoder
from sklearn_aae.encoding._wide_numbers import Drawn, wide_numbers

#: Where a detector cuts numbers off at the latest: sums of squares in float32 are finite.
FARTHEST = 2.0**50


class Reader(Protocol):
    """What a model knows of the table that it was fitted to.

    Attributes
    ----------
    is_mixed : bool
        Whether rows are levels of columns of any kind, not numbers.
    container : Container
        What came in, and goes out.
    dtype : dtype
        Of the training rows.
    """

    is_mixed: bool
    container: Container
    dtype: np.dtype

    @property
    def scale(self) -> Scaler | LevelScale:
        """Between rows and what networks read."""

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        """Return further rows, or raise in the estimator's name what does not fit."""

    def unknown(self, rows: np.ndarray) -> np.ndarray | None:
        """Return which cells networks cannot read, since ``fit`` saw none such; None if none."""

    def fit_scale(
        self, rows: np.ndarray, kind: str | None, seed: int, beside: np.ndarray | None = None
    ) -> TableFacts:
        """Learn the scale from training rows; return what networks are built for.

        Rows ``beside`` them only tell of ends and of missing cells.
        """

    def code_dtype(self, rows: np.ndarray) -> np.dtype:
        """Return the precision in which rows are encoded."""

    def features(self, X: Any, rows: np.ndarray) -> np.ndarray:
        """Return a table, and its rows, as numbers whose distances mean something."""

    def hand_back(
        self, rows: np.ndarray, *, like: Any = None, rng: np.random.Generator | None = None
    ) -> Any:
        """Return rows in the container; with ``rng`` cells are drawn within their levels."""

    def read_with_gaps(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a table to fill, and which of their cells are missing."""

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        """Return ``filled`` with the cells of ``X`` but for those where ``where`` is true."""


# ---------------------------------------------------------------- numbers or levels?


def is_mixed(X: Any, *, may_miss: bool = False) -> bool:
    """Return whether a table is more than numbers: another kind of column, or a missing cell.

    With ``may_miss``, a column of numbers is one with missing cells, too.
    """
    if as_frame(X) is not None:
        labels = Container.of(X).columns
        return not all(map(partial(_is_number, may_miss=may_miss), columns_of(X), labels))
    X = as_plain(X)
    if hasattr(X, "toarray") or (not hasattr(X, "__array__") and not hasattr(X, "__len__")):
        return False  # whatever it is, the checks of numbers say best what is wrong with it
    try:
        array = X if isinstance(X, np.ndarray) else np.asarray(as_array(X))
    except ValueError:  # rows of different lengths
        return False
    if array.ndim != 2 or not array.size:
        return False
    if array.dtype.kind == "f":
        if not may_have_nan(array):
            return False
        gone = np.isnan(array)
        return bool(gone.all(axis=0).any() if may_miss else gone.any())
    if array.dtype.kind in "iuc":
        return False
    of_numbers = partial(_is_number, may_miss=may_miss)
    return not all(map(of_numbers, array.T, range(array.shape[1])))


def _is_number(column: Any, label: Any, *, may_miss: bool) -> bool:
    """Return whether a column holds numbers, and no missing cell unless it may."""
    if isinstance(column, nw.Series) and column.dtype.is_numeric():
        missing = column.is_null()
        if column.dtype.is_float():
            missing = missing | column.is_nan()
        return not (missing.all() if may_miss else missing.any())
    read = read_column(column, label)
    return read.kind == NUMBER and (may_miss or not read.missing.any())


# ------------------------------------------------------------------------ numbers


class NumbersReader:
    """Rows of numbers, as they are.

    Parameters
    ----------
    container : Container
        What came in.
    rows : ndarray of shape (n_samples, n_columns)
        Training rows.
    refuse_missing : bool, default=True
        Whether a missing cell, which is NaN among the rows, is an error.
    advice : str, default=""
        What to do about missing cells, as a sentence for messages.
    types : list or None, default=None
        The type of each column of a frame.

    Attributes
    ----------
    scale : Scaler
        The networks' scale, once it is learned.
    n_columns : int
        Columns of the table.
    column_of_feature : ndarray of shape (n_features,), int
        The table's column that each number belongs to.
    number_of_column : ndarray of shape (n_columns,), int
        The number that a column of numbers is read as; -1 for columns of other kinds.
    wide : dict of int to ndarray
        Numbers of columns that floats cannot tell apart, by position.
    """

    is_mixed = False
    scale: Scaler
    # Earlier files have none.
    wide: Mapping[int, np.ndarray] = MappingProxyType({})

    def __init__(
        self,
        container: Container,
        rows: np.ndarray,
        *,
        refuse_missing: bool = True,
        advice: str = "",
        types: list[NumberType | None] | None = None,
    ) -> None:
        self.container, self.dtype, self.advice = container, rows.dtype, advice
        self.types = types
        self.refuse_missing = refuse_missing
        self.n_columns = rows.shape[1]
        self.column_of_feature = self.number_of_column = np.arange(self.n_columns)

    @classmethod
    def open(
        cls, estimator: Any, X: Any, *, refuse_missing: bool = True, advice: str = ""
    ) -> tuple[NumbersReader, np.ndarray]:
        """Return a reader of tables like this one, and its rows."""
        rows = check_numbers(estimator, X, reset=True, refuse_missing=refuse_missing, advice=advice)
        table = X if as_frame(X) is not None else as_array(X)
        container = Container.of(table)
        empty = np.isnan(rows).all(axis=0)
        if empty.any():
            j = int(np.argmax(empty))
            raise ValueError(
                f"Column {container.columns[j] if container.columns else j!r} holds no number, "
                "only missing cells (NaN); drop it, or use output='auto'."
            )
        types = types_of(container, X)
        reader = cls(container, rows, refuse_missing=refuse_missing, advice=advice, types=types)
        reader.wide = wide_numbers(table)
        return reader, rows

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        return check_numbers(
            estimator, X, reset=False, refuse_missing=self.refuse_missing, advice=self.advice
        )

    def unknown(self, rows: np.ndarray) -> np.ndarray | None:
        if not may_have_nan(rows):
            return None
        unknown = np.isnan(rows) & ~self.scale.holed_
        return unknown if unknown.any() else None

    def fit_scale(
        self, rows: np.ndarray, kind: str | None, seed: int, beside: np.ndarray | None = None
    ) -> TableFacts:
        self.scale = Scaler(kind).fit(rows, seed, beside)
        return TableFacts(
            len(rows), self.scale.constant_, missing=self.scale.missing_, center=self.scale.center_
        )

    def code_dtype(self, rows: np.ndarray) -> np.dtype:
        return rows.dtype

    def features(self, X: Any, rows: np.ndarray) -> np.ndarray:
        unknown = self.unknown(rows)
        return self.scale.transform(
            rows if unknown is None else np.where(unknown, self.scale.mean_, rows)
        )

    def hand_back(
        self, rows: np.ndarray, *, like: Any = None, rng: np.random.Generator | None = None
    ) -> Any:
        # Means of arrays stay floats; what is drawn is of the type of fit.
        if self.types is None and (rng is None or self.container.backend is not None):
            return self.container.wrap(rows, like=like)
        return in_types_of_fit(self.container, self.types, rows, like, Drawn(self.wide, rng))

    @property
    def storages(self) -> list[np.dtype]:
        """The floats that the numbers of each column came as, or are exact in."""
        own: list[Any] = [self.container.dtype] * self.n_columns
        if self.types is not None:
            own = [None if known is None else known.storage for known in self.types]
        exact = np.dtype(np.float64)
        return [one if getattr(one, "kind", "") == "f" else exact for one in own]

    def read_with_gaps(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        rows = check_numbers(estimator, X, reset=False, refuse_missing=False)
        return rows, np.isnan(rows)

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        if self.container.backend is None:
            filled = in_types_of_fit(self.container, None, filled)
        return merge_tables(self.container, X, filled, where)

    # ------------------------------------------------------------ for detectors

    def fit(self, table: Any, training: np.ndarray, seed: int) -> None:
        """Learn from the training rows of a table."""
        self.fit_scale(table[training], "standard", seed)

    def numbers(self, table: np.ndarray, *, strict: bool = True) -> np.ndarray:
        """Return a table that was read as numbers (n_samples, n_features)."""
        return table

    def transform(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers on the networks' scale, float32."""
        with np.errstate(over="ignore"):
            return self.scale.transform(numbers).clip(-FARTHEST, FARTHEST)

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list[Any]:
        """Return the cell of one column for each row on the networks' scale."""
        rows = self.scale.inverse_transform(scaled, np.float64)
        result: list[Any] = rows[np.arange(len(rows)), columns].tolist()
        return result

    def probabilities(self, scaled: np.ndarray, columns: np.ndarray) -> list[float | None]:
        """Return how probable the cells are that :meth:`cells` gives, None for numbers."""
        return [None] * len(columns)

    def columns(self, table: Any, which: Sequence[int]) -> dict[int, list[Any]]:
        """Return the cells of columns of a table that was read, by position."""
        return {j: table[:, j].tolist() for j in which}

    def fold(self, cells: np.ndarray) -> np.ndarray:
        """Return cells (n_samples, n_features) summed by the column that they belong to."""
        if cells.shape[1] == self.n_columns:
            return cells
        folded = np.zeros((len(cells), self.n_columns))
        np.add.at(folded.T, self.column_of_feature, cells.T)
        return folded


def is_ready(X: Any, n_columns: int) -> TypeGuard[np.ndarray]:
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


def may_have_nan(rows: np.ndarray) -> bool:
    """Return False if no number is NaN; a sum takes a fraction of the time of looking at each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isnan(rows.sum()))


def check_numbers(
    estimator: Any, X: Any, *, reset: bool, refuse_missing: bool = True, advice: str = ""
) -> np.ndarray:
    """Return a table of numbers as a float32 or float64 array, or raise naming the culprit.

    Unless they are refused, missing cells are NaN; ``advice`` says what to do about them.
    """
    named = hasattr(estimator, "feature_names_in_")
    if not reset and not named and is_ready(X, estimator.n_features_in_):
        return X
    check_numeric_columns(X, type(estimator).__name__)
    X = without_wide(as_plain(X))
    try:
        numbers: np.ndarray = validate_data(
            estimator,
            X if refuse_missing else with_nan(X),
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite=True if refuse_missing else "allow-nan",
            ensure_min_samples=2 if reset else 1,
        )
        return numbers
    except TypeError as error:
        raise TypeError(f"X is no table of numbers: {error}{what_to_pass(X)}") from error
    except ValueError as error:
        about_cells = "NaN" in str(error) or "inf" in str(error)
        culprit = describe_non_finite(X, may_miss=not refuse_missing) if about_cells else ""
        if not culprit:
            if "could not convert" in str(error) or "Complex data" in str(error):
                raise ValueError(f"X is no table of numbers: {error}{what_to_pass(X)}") from error
            raise
        if "NaN" in str(error):
            culprit += advice
        raise ValueError(f"{error}\n{culprit}") from error


# ------------------------------------------------------------------------- levels


class LevelsReader:
    """Rows of levels of columns of any kind.

    Parameters
    ----------
    encoder : TableEncoder
        Knows the levels of the columns.

    Attributes
    ----------
    scale : LevelScale
        Between levels and the digits that they are written in.
    """

    is_mixed = True
    dtype: np.dtype = np.dtype(np.int32)

    def __init__(self, encoder: TableEncoder) -> None:
        self.encoder, self.container = encoder, encoder._container
        self.scale = LevelScale(encoder.layout_)

    @classmethod
    def open(
        cls,
        estimator: Any,
        X: Any,
        categorical_features: Any,
        *,
        strict: bool = False,
        refuse_missing: bool = False,
        columns: WholeColumns | None = None,
    ) -> tuple[LevelsReader, np.ndarray]:
        """Return a reader of tables like this one, and its rows.

        ``strict`` is whether a label that ``fit`` did not see is an error; ``columns`` are those
        of all rows, if these are a sample.
        """
        encoder = TableEncoder(
            categorical_features=categorical_features,
            handle_unknown=ERROR if strict else IGNORE,
            handle_missing=ERROR if refuse_missing else UNKNOWN,
        )
        table = check_table(estimator, encoder, X)
        encoder._learn(table, columns)
        for codec in encoder._codecs:
            if isinstance(codec, CategoryCodec):
                codec.remedy = "set handle_unknown='unknown' so that it is read as an unknown cell"
        return cls(encoder), encoder._to_levels(table)

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        return self.encoder._to_levels(X, estimator)

    def unknown(self, rows: np.ndarray) -> np.ndarray | None:
        return None  # networks over levels read what is known of a row

    def read_with_gaps(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        # -1 among levels: a missing cell, and what a known one says whose label fit did not see.
        return self.encoder._to_known_levels(X, estimator)

    def fit_scale(
        self, rows: np.ndarray, kind: str | None, seed: int, beside: np.ndarray | None = None
    ) -> TableFacts:
        # Levels have one scale, which is known with their encoder.
        layout = self.encoder.layout_
        return TableFacts(len(rows), layout.n_levels == 1, layout)

    def code_dtype(self, rows: np.ndarray) -> np.dtype:
        return np.dtype(np.float32)

    def features(self, X: Any, rows: np.ndarray) -> np.ndarray:
        return self.encoder._to_dense(self.encoder._check_table(X, reset=True))

    def hand_back(
        self, rows: np.ndarray, *, like: Any = None, rng: np.random.Generator | None = None
    ) -> Any:
        return self.encoder._from_levels(rows, rng, like=like)

    def in_own_words(self, X: Any) -> Any:
        """Return a table that the encoder decoded as it came in."""
        return X

    def row_masks(self, X: Any, missing: np.ndarray) -> list[Any]:
        """Return what known cells leave of the missing ones, by row, for draws."""
        return []

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        return merge_tables(self.container, X, filled, where)


def check_table(estimator: Any, encoder: TableEncoder, X: Any) -> Any:
    """Return a training table of any kind as a frame or an array, or raise what is wrong."""
    X = encoder._check_table(X, reset=True, owner=estimator)
    validate_data(estimator, X, reset=True, skip_check_array=True)
    if len(X) < 2:
        raise ValueError(
            f"Found array with {len(X)} sample(s) (shape={tuple(X.shape)}) while a minimum of 2 "
            f"is required by {type(estimator).__name__}."
        )
    return X
