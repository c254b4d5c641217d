"""Readers of a detector: tables of any kind as numbers, with cells that are like none of fit's.

Such cells (missing where none was, text among numbers, a level that no row had) are NaN among the
numbers, which are finite otherwise, and as far out as a rare cell can be on the networks' scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import validate_data

from sklearn_aae.encoding._bulk import bulk_scale
from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec
from sklearn_aae.encoding._columns import BOOLEAN, EMPTY, NUMBER, Column, read_column
from sklearn_aae.encoding._containers import Container, as_plain, columns_of
from sklearn_aae.encoding._datetime_columns import TimestampCodec
from sklearn_aae.encoding._detector_features import (
    is_near_unique,
    least_count,
    levels_of,
    sign_of,
    weights_of,
    write,
)
from sklearn_aae.encoding._number_columns import NumberCodec, Rounding, find_decimals
from sklearn_aae.encoding._readers import NumbersReader, check_table, is_mixed
from sklearn_aae.encoding._scaling import FAR, bend, unbend
from sklearn_aae.encoding._strays import Strays
from sklearn_aae.encoding._table_encoder import TableEncoder
from sklearn_aae.exceptions import UnsupportedColumnsError

#: By what share of themselves tempered numbers grow, at first, for a share that they would.
GROWTH = 0.05
#: So many rows are looked at first for decimals.
N_FEW = 30


def surprise(n_rows: int) -> float:
    """Return how far out a cell is that none of so many rows had, on the networks' scale.

    As far as the indicator of something that one row of ``n_rows + 1`` has.
    """
    return float(bend(max(math.sqrt(n_rows), FAR)))


def tempered(scaled: np.ndarray, most: float) -> np.ndarray:
    """Return numbers on the networks' scale that hardly grow any more from ``most`` on."""
    away = np.maximum(np.abs(scaled) / most, 1.0)
    return np.where(away > 1, np.sign(scaled) * most * (1 + GROWTH * np.log(away)), scaled)


class PlainReader(NumbersReader):
    """Rows of numbers without missing cells, for a detector; later rows may have some.

    Parameters
    ----------
    container : Container
        What came in.
    rows : ndarray of shape (n_samples, n_columns)
        Training rows.
    refuse_missing : bool
        Whether a missing cell is an error.
    """

    def __init__(self, container: Container, rows: np.ndarray, refuse_missing: bool) -> None:
        super().__init__(container, rows, refuse_missing=refuse_missing)

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        if not is_mixed(X):
            return super().read(estimator, X)
        X = as_plain(X)
        X = TableEncoder()._check_table(X, reset=True, owner=estimator)
        validate_data(estimator, X, reset=False, skip_check_array=True)
        labels = self.container.columns or range(self.n_columns)
        columns, storages = [], set()
        for native, label in zip(columns_of(X), labels, strict=True):
            column = read_column(
                native if self.refuse_missing else Strays.as_numbers(native), label
            )
            if column.kind not in (NUMBER, BOOLEAN, EMPTY):
                raise UnsupportedColumnsError(
                    f"Column {label!r} is of kind {column.source or column.kind!r} (type "
                    f"{column.form.dtype}) and was 'number' in fit; cast it.",
                    [label],
                )
            if self.refuse_missing and column.missing.any():
                raise refusal(column)
            columns.append(np.where(column.missing, np.nan, column.values.astype(np.float64)))
            storages.add(column.storage)
        rows = np.stack(columns, axis=1)
        # As without missing cells: decimals of float32 are seen in float32.
        return rows.astype(np.float32) if storages == {np.dtype(np.float32)} else rows

    def fit(self, table: Any, training: np.ndarray, seed: int) -> None:
        rows = table[training]
        with np.errstate(over="ignore", invalid="ignore"):
            self.fit_scale(rows, "standard", seed)
        self.scale.shift_ = np.array(self.scale.shift_, dtype=np.float64)
        self.scale.scale_ = np.array(self.scale.scale_, dtype=np.float64)
        for j, values in enumerate(rows.T):
            found = bulk_scale(values.astype(np.float64))
            if found is not None:
                self.scale.shift_[j], self.scale.scale_[j] = found
        self.surprise = np.full(self.n_columns, surprise(len(training)))
        #: Constant columns, where it is nothing new that such columns have another value.
        self.tempered = np.flatnonzero(self.scale.constant_ & (n_novel_rows(rows) > 1))
        self.ends = rows.min(axis=0), rows.max(axis=0)
        #: Decimals and grids of numbers; a few rows rule out most measurements.
        self.roundings = [
            None
            if find_decimals(few, few.dtype) is None
            else Rounding.of(np.unique(values), values.dtype)
            for few, values in zip(rows[:N_FEW].T, rows.T, strict=True)
        ]

    def transform(self, numbers: np.ndarray) -> np.ndarray:
        scaled = self.scale.bent(numbers)
        if len(self.tempered):
            most = self.surprise[0]
            scaled[:, self.tempered] = tempered(scaled[:, self.tempered], most)
        return with_surprises(scaled, self.surprise)

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list[Any]:
        rows = self.scale.inverse_transform(unbend(scaled), np.float64).clip(*self.ends)
        cells = rows[np.arange(len(rows)), columns]
        for j in np.unique(columns):
            rounding = self.roundings[j]
            if rounding is not None:
                cells[columns == j] = rounding.round(cells[columns == j])
        result: list[Any] = cells.tolist()
        return result


def n_novel_rows(rows: np.ndarray) -> int:
    """Return how many rows alone have a value in a column that is constant otherwise.

    By Good and Turing about as many of as many new rows do so in columns that are constant.
    """
    middle = len(rows) // 2
    other = rows != np.partition(rows, middle, axis=0)[middle]
    alone = other[:, other.sum(axis=0) == 1]
    return int(alone.any(axis=1).sum())


class IndicatorsReader(NumbersReader):
    """Rows of columns of any kind as the numbers and indicators of a :class:`TableEncoder`.

    Labels of one row share a level, which is also that of labels that fit did not see.  Where
    there is none, such a label is like none of fit's: it has none of its column's indicators,
    and lacks the two commonest as strongly as if all rows but it had them.

    Parameters
    ----------
    strict : bool
        Whether a label that fit did not see is an error.
    refuse_missing : bool
        Whether a missing cell in a column that had none is an error.
    """

    # Files of format 1 have none.
    blocks: Sequence[np.ndarray] = ()

    def __init__(self, strict: bool, refuse_missing: bool) -> None:
        self.strict, self.refuse_missing = strict, refuse_missing
        self.encoder = TableEncoder(handle_unknown="infrequent_if_exist", min_frequency=2)

    def read(self, estimator: Any, X: Any) -> Any:
        return self.encoder._check_table(as_plain(X), reset=False, owner=estimator)

    def fit(self, table: Any, training: np.ndarray, seed: int) -> None:
        self.strays = Strays(of_numbers=not self.strict)
        part = self.strays.fit(_safe_indexing(table, training))
        self.encoder.fit(part)
        #: Columns, by position, whose labels say nothing.
        self.silent = self._merge_near_unique(part)
        codecs = self.encoder._codecs
        scaled = self._scale_numbers(part)
        #: Labels, and missing cells, that only held-out rows have: no news to the user.
        settled, _ = self.strays.set_aside(table)
        columns = list(self.encoder._read(settled))
        self.known = self._unseen_labels(columns)
        self.has_missing = [bool(column.holes.any()) for _, column in columns]
        widths = self.encoder._widths()
        self.n_columns = len(widths)
        self.column_of_feature = np.repeat(np.arange(self.n_columns), widths)
        self.edges = np.cumsum([0, *widths])
        kinds = [codec.span.kind for codec in codecs]
        self.number_of_column = np.where(np.array(kinds) == NUMBER, self.edges[:-1], -1)
        numbers = np.nan_to_num(self._dense(_safe_indexing(table, training)))
        self.fit_scale(numbers, "standard", seed)
        #: What no number is beyond; other features are as they come.
        self.ends = np.full((2, self.edges[-1]), [[-np.inf], [np.inf]], dtype=np.float32)
        own = self.number_of_column[self.number_of_column >= 0]
        self.ends[:, own] = numbers[:, own].min(axis=0), numbers[:, own].max(axis=0)
        for j, codec in enumerate(codecs):
            if isinstance(codec, TimestampCodec):
                self._scale_digits(codec, numbers[:, self.edges[j] : self.edges[j + 1]], j)
        # Gross values would widen what is measured by the bulk.
        self.scale.shift_[self.edges[scaled]], self.scale.scale_[self.edges[scaled]] = 0.0, 1.0
        away = np.concatenate(
            [np.full(width, sign_of(codec)) for codec, width in zip(codecs, widths, strict=True)]
        )
        self.is_level = np.concatenate(
            [levels_of(codec, width) for codec, width in zip(codecs, widths, strict=True)]
        )
        #: The column whose level a feature says, or that it is missing as in many rows; or -1.
        self.column_of_level = np.where(
            self.is_level | self._often_missing(), self.column_of_feature, -1
        )
        self.surprise = away * surprise(len(training))
        self.weights = np.concatenate(
            [weights_of(codec, width) for codec, width in zip(codecs, widths, strict=True)]
        )
        weighed = np.unique(self.column_of_feature[self.weights < 1])
        #: The features of columns of many levels.
        self.blocks = [np.flatnonzero(self.column_of_feature == j) for j in weighed]

    def _merge_near_unique(self, part: Any) -> set[int]:
        """Let all labels share a level where nearly every row has its own; return where.

        And labels of as many rows, if not all of them can have a level.
        """
        encoder, merged = self.encoder, {}
        for j, (codec, column) in enumerate(encoder._read(part)):
            least = least_count(codec)
            if least is not None:
                merged[j] = CategoryCodec(
                    column, encoder.max_categories, least, encoder.handle_unknown
                )
        if len(merged) == len(encoder._codecs):
            return set()  # there is nothing else to go by
        for j, codec in merged.items():
            encoder._codecs[j] = codec
        return {j for j, codec in merged.items() if is_near_unique(codec)}

    def _scale_numbers(self, part: Any) -> list[int]:
        """Scale numbers by the bulk of their columns; return for which that makes a difference."""
        scaled = []
        for j, (codec, column) in enumerate(self.encoder._read(part)):
            if isinstance(codec, NumberCodec):
                found = bulk_scale(column.present.astype(np.float64))
                if found is not None:
                    codec.centre, codec.scale = found
                    scaled.append(j)
        return scaled

    def _often_missing(self) -> np.ndarray:
        """Return which features say of a cell that it is missing, where that is not gross."""
        found = np.zeros(self.edges[-1], dtype=bool)
        for j, codec in enumerate(self.encoder._codecs):
            found[self.edges[j + 1] - 1] = codec.span.missing is not None
        result: np.ndarray = found & ((1 - self.scale.shift_) <= FAR * self.scale.scale_)
        return result

    def _scale_digits(self, codec: TimestampCodec, block: np.ndarray, j: int) -> None:
        """Scale years of dates, or days of durations, by their bulk; all digits of one value."""
        present = block if codec.span.missing is None else block[block[:, -1] < 0.5, :-1]
        is_constant = len(codec.axis.values) == 1
        for i, values in enumerate(present.T if is_constant else present.T[:1]):
            step = 0.0 if is_constant else 1 / codec.scales[i][1]
            found = bulk_scale(values.astype(np.float64), step)
            if found is not None:
                at = self.edges[j] + i
                self.scale.shift_[at], self.scale.scale_[at] = found

    def numbers(self, table: Any, *, strict: bool = True) -> np.ndarray:
        """Return a table that was read as numbers (n_samples, n_features).

        NaN stands for what a column had not in fit.

        Raises
        ------
        ValueError
            If a category was not seen, or no cell of a column was missing, and that is an error.
        """
        return self._dense(table, strict=strict)

    def transform(self, numbers: np.ndarray) -> np.ndarray:
        scaled = self.scale.bent(numbers)
        # A level that few rows have is rare, and no gross value.
        levels = scaled[:, self.is_level]
        scaled[:, self.is_level] = levels.clip(-FAR, FAR)
        if self.blocks:
            scaled *= self.weights
        return with_surprises(scaled, self.surprise)

    def _unseen_labels(self, columns: list[tuple[ColumnCodec, Column]]) -> dict[int, list[Any]]:
        return {
            j: codec.unseen_labels(column)
            for j, (codec, column) in enumerate(columns)
            if isinstance(codec, CategoryCodec)
        }

    def _check(self, columns: list[tuple[ColumnCodec, Column]]) -> None:
        """Raise for what fit did not see and the parameters refuse."""
        if self.strict:
            for codec, column in columns:
                if column.odd is not None:
                    raise codec.unreadable(column)
            for j, labels in self._unseen_labels(columns).items():
                new = [label for label in labels if label not in self.known.get(j, [])]
                if new:
                    raise ValueError(
                        f"Column {columns[j][1].name!r} has the level {new[0]!r}, "
                        'which fit did not see. Set handle_unknown="surprise" to score it.'
                    )
        if self.refuse_missing:
            for (_, column), known in zip(columns, self.has_missing, strict=True):
                if column.holes.any() and not known:
                    raise refusal(column)

    def _dense(self, table: Any, *, strict: bool = False) -> np.ndarray:
        table, strays = self.strays.set_aside(table)
        columns = list(self.encoder._read(self.encoder._check_table(table, reset=True)))
        if strict:
            self._check(columns)
        out = np.zeros((len(table), self.edges[-1]), dtype=np.float32)
        for j, (codec, column) in enumerate(columns):
            block = out[:, self.edges[j] : self.edges[j + 1]]
            write(codec, column, block)
            if j in strays:
                block[strays[j], : block.shape[1] - (codec.span.missing is not None)] = np.nan
        return out

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        return self.scale.inverse_transform(unbend(scaled / self.weights), np.float64)

    def cells(self, scaled: np.ndarray, columns: np.ndarray) -> list[Any]:
        rows = self._unscaled(scaled).clip(*self.ends)
        which, where = np.unique(columns, return_inverse=True)
        # One frame for all: to make one for each column takes longer than what is in it.
        table = self.encoder._from_dense(rows, self.edges, which.tolist(), within_range=True)
        cells = [_listed(column) for column in columns_of(table)]
        return [cells[j][i] for i, j in enumerate(where.tolist())]

    def probabilities(self, scaled: np.ndarray, columns: np.ndarray) -> list[float | None]:
        rows = self._unscaled(scaled)
        found: list[float | None] = [None] * len(columns)
        for j in np.unique(columns[self.number_of_column[columns] < 0]).tolist():
            codec, own = self.encoder._codecs[j], np.flatnonzero(columns == j)
            if isinstance(codec, CategoryCodec):
                shares = codec.read_shares(rows[own, self.edges[j] : self.edges[j + 1]])
                for i, share in zip(own.tolist(), shares.tolist(), strict=True):
                    found[i] = share
        return found

    def columns(self, table: Any, which: Sequence[int]) -> dict[int, list[Any]]:
        return dict(zip(which, map(_listed, columns_of(table, which)), strict=True))


def _listed(column: Any) -> list[Any]:
    """Return the cells of a column of a frame or an array."""
    result: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
    return result


def with_surprises(scaled: np.ndarray, surprises: np.ndarray) -> np.ndarray:
    """Return rows on the networks' scale with NaN replaced by how far out its feature is."""
    odd = np.isnan(scaled)
    return np.where(odd, surprises, scaled).astype(scaled.dtype) if odd.any() else scaled


def refusal(column: Column) -> ValueError:
    """Return the error for a missing cell in a column that had none."""
    row = int(np.argmax(column.holes))
    return ValueError(
        f"Column {column.name!r} has missing cells, the first in row {row}, and had none in fit. "
        'Set handle_missing="surprise" to score them, or fill them first.'
    )


def open_features(
    estimator: Any, X: Any, *, strict: bool, refuse_missing: bool
) -> tuple[NumbersReader, Any]:
    """Return a detector's reader of tables like this one, still to be fitted, and the table."""
    if not is_mixed(X):
        reader, rows = NumbersReader.open(estimator, X)
        return PlainReader(reader.container, rows, refuse_missing), rows
    mixed = IndicatorsReader(strict, refuse_missing)
    return mixed, check_table(estimator, mixed.encoder, X)
