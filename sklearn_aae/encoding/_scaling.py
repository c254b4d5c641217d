"""The scale on which the network reads a table, undone on the way out.

The scalers are scikit-learn's, fitted in chunks so that no second copy of the
table is made, and applied to blocks of rows as training asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.utils import gen_batches

# Rows enough to place a thousand quantiles; QuantileTransformer's own default.
QUANTILE_ROWS = 10_000
CHUNK_BYTES = 2**21
#: From here on what a detector reads grows by the logarithm, in standard deviations.
FAR = 8.0


def bend(away: np.ndarray | float) -> np.ndarray:
    """Return distances from the centre, at least ``FAR``, as a detector reads them.

    Slope and value go on where they were, and of two values one is always farther.
    """
    return FAR * (1 + np.log(np.asarray(away) / FAR))


def unbend(scaled: np.ndarray) -> np.ndarray:
    """Return numbers on a scale without bent ends."""
    away = np.abs(scaled)
    with np.errstate(over="ignore"):
        far = np.sign(scaled) * FAR * np.exp(np.maximum(away / FAR, 1.0) - 1)
    return np.where(away > FAR, far, scaled)


def _chunks(X: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, CHUNK_BYTES // (X.shape[1] * 8))
    for chunk in gen_batches(len(X), rows):
        # C order: the order of summation, and so the last bit of a mean, must not
        # depend on whether rows came as an array or as a frame.
        yield np.ascontiguousarray(X[chunk])


class Scaler:
    """A column-wise scale, by kind, and a flag for each column that has missing cells.

    Rows on the network's scale have the flags, 1 where the cell is missing (NaN), after all
    numbers; a missing number has the column's mean.

    Parameters
    ----------
    kind : {"standard", "minmax", "quantile"} or None
        Zero mean and unit variance; [-1, 1]; normal scores; or as it is.

    Attributes
    ----------
    constant_ : ndarray of shape (n_features,), bool
        The columns that hold one value only.
    missing_ : ndarray of shape (n_features,)
        The share of missing cells in each column.
    holed_ : ndarray of shape (n_features,), bool
        The columns that have missing cells.
    mean_, center_ : ndarray of shape (n_features,)
        Means of the columns, as they are and on the network's scale.
    spread_ : ndarray of shape (n_features + n_flags,)
        Standard deviations of the columns on the network's scale; 0 for flags.
    """

    def __init__(self, kind: str | None) -> None:
        self.kind = kind

    def fit(self, X: np.ndarray, seed: int, beside: np.ndarray | None = None) -> Scaler:
        """Learn the scale; ``seed`` picks the rows that the quantiles are read from.

        Of rows ``beside`` these only ends and missing cells count.
        """
        every = [X] if beside is None or not len(beside) else [X, beside]
        # Of these two, NaN is only the end of what is all NaN.
        low, high = (
            end.reduce([end.reduce(c, axis=0) for part in every for c in _chunks(part)], axis=0)
            for end in (np.fmin, np.fmax)
        )
        missing = sum(np.isnan(chunk).sum(axis=0) for part in every for chunk in _chunks(part))
        self.missing_ = missing / sum(map(len, every))
        self.holed_ = self.missing_ > 0
        self.constant_ = low == high
        n_features = X.shape[1]
        self.shift_ = np.zeros(n_features)
        self.scale_ = np.ones(n_features)
        self.transformer_ = None
        standard = StandardScaler()
        for chunk in _chunks(X):
            standard.partial_fit(chunk)
        if np.isnan(standard.mean_).any():  # only rare rows have a number
            standard.partial_fit(every[-1])
        self.mean_ = standard.mean_
        spread = np.sqrt(standard.var_) if self.kind != "quantile" else np.ones(n_features)
        if self.kind == "standard":
            self.shift_, self.scale_ = standard.mean_, standard.scale_
        elif self.kind == "minmax":
            minmax = MinMaxScaler()
            for part in every:
                for chunk in _chunks(part):
                    minmax.partial_fit(chunk)
            half = minmax.data_range_ / 2
            self.shift_ = minmax.data_min_ + half
            self.scale_ = np.where(half > 0, half, 1.0)
        elif self.kind == "quantile":
            rows = min(len(X), QUANTILE_ROWS)
            chosen = np.random.default_rng(seed).choice(len(X), rows, replace=False)
            self.transformer_ = (
                QuantileTransformer(
                    n_quantiles=min(1000, rows), output_distribution="normal", subsample=None
                )
                # Whatever set_config says: these arrays never leave the package.
                .set_output(transform="default")
                .fit(np.asarray(X[np.sort(chosen)], dtype=np.float64))
            )
        spread = np.where(self.constant_, 0.0, spread / self.scale_)
        self.spread_ = np.append(spread, np.zeros(self.holed_.sum()))
        if self.kind is not None:
            # A constant column comes back exactly, so it must go in as zero.
            self.shift_ = np.where(self.constant_, low, self.shift_).astype(np.float64)
        self.center_ = self._numbers(self.mean_[np.newaxis], np.float64)[0]
        return self

    def transform(self, rows: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
        """Return rows on the network's scale, with their flags, in C order."""
        if not self.holed_.any():
            return self._numbers(rows, dtype)
        missing = np.isnan(rows)
        scaled = np.empty((len(rows), len(self.spread_)), dtype=dtype)
        scaled[:, : rows.shape[1]] = self._numbers(np.where(missing, self.mean_, rows), dtype)
        scaled[:, rows.shape[1] :] = missing[:, self.holed_]
        return scaled

    def _numbers(self, rows: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        if self.kind is None:
            return np.ascontiguousarray(rows, dtype=dtype)
        if 8 * rows.size <= CHUNK_BYTES:
            return self._transform(rows, dtype)
        # What is needed in between stays in the processor's cache.
        scaled = np.empty(rows.shape, dtype=dtype)
        for chunk in gen_batches(len(rows), max(1, CHUNK_BYTES // (8 * rows.shape[1]))):
            scaled[chunk] = self._transform(rows[chunk], dtype)
        return scaled

    def _transform(self, rows: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        if self.transformer_ is not None:
            scaled = self.transformer_.transform(np.asarray(rows, dtype=np.float64))
            scaled[:, self.constant_] = rows[:, self.constant_] - self.shift_[self.constant_]
        else:
            # In float64: a column of dates has a large mean and a small spread.
            scaled = rows - self.shift_
            scaled /= self.scale_
        return np.ascontiguousarray(scaled, dtype=dtype)

    def bent(self, rows: np.ndarray) -> np.ndarray:
        """Return rows on the network's scale with ends that grow by the logarithm, float32."""
        with np.errstate(over="ignore"):
            scaled = self.transform(rows, np.float64)
            far = np.abs(scaled) > FAR
            if far.any():
                # Halves, for the distance of two finite numbers may be infinite.
                halves = rows.astype(np.float64) / 2 - np.asarray(self.shift_) / 2
                logs = np.log(np.abs(halves[far])) - np.log(
                    np.broadcast_to(self.scale_, far.shape)[far] / 2
                )
                scaled[far] = np.sign(halves[far]) * FAR * (1 + logs - np.log(FAR))
        return scaled.astype(np.float32)

    def inverse_transform(
        self, rows: np.ndarray, dtype: DTypeLike, *, fill: bool = False
    ) -> np.ndarray:
        """Return rows on the table's own scale; with ``fill`` flags leave no cell missing."""
        numbers = self._unscaled(rows[:, : len(self.holed_)], dtype)
        return numbers if fill else self.with_gaps(numbers, rows)

    def with_gaps(self, numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return numbers with NaN where the flags of rows on the network's scale say so."""
        if not self.holed_.any():
            return numbers
        gone = np.zeros(numbers.shape, dtype=bool)
        gone[:, self.holed_] = rows[:, len(self.holed_) :] >= 0.5
        return np.where(gone, np.nan, numbers).astype(numbers.dtype, copy=False)

    def _unscaled(self, rows: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        if self.kind is None:
            return rows.astype(dtype, copy=False)
        if self.transformer_ is not None:
            unscaled = self.transformer_.inverse_transform(np.asarray(rows, dtype=np.float64))
            unscaled[:, self.constant_] = rows[:, self.constant_] + self.shift_[self.constant_]
        else:
            unscaled = rows * self.scale_ + self.shift_
        result: np.ndarray = unscaled.astype(dtype, copy=False)
        return result
