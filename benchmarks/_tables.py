"""The tables of the quality benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

#: Larger tables of a folder are cut to a random choice of this many rows.
MAX_ROWS = 10_000
MAX_CLASSES = 50


@dataclass(frozen=True)
class Table:
    """A table, its classes if it has any, and the width of its code."""

    name: str
    X: np.ndarray
    y: np.ndarray | None
    n_components: int

    def __str__(self) -> str:
        return f"{self.name}: {self.X.shape[0]} rows, {self.X.shape[1]} columns"

    def split(self, seed: int) -> tuple:
        """Return (X_train, X_test, y_train, y_test): 30 % held out, train's scale."""
        train, test = train_test_split(
            np.arange(len(self.X)), test_size=0.3, stratify=self.y, random_state=seed
        )
        scaler = StandardScaler().fit(self.X[train])
        X_train, X_test = scaler.transform(self.X[train]), scaler.transform(self.X[test])
        y_train, y_test = (None, None) if self.y is None else (self.y[train], self.y[test])
        return X_train, X_test, y_train, y_test


def digits() -> Table:
    """Return the digits without the pixels that hardly vary."""
    X, y = datasets.load_digits(return_X_y=True)
    return Table("digits", X[:, X.std(axis=0) > 0.3], y, 8)


def synthetic(n_samples: int, n_features: int = 30, seed: int = 0) -> Table:
    """Return noisy nonlinear functions of six factors, drawn around five centres.

    Without a class column: the centres overlap.
    """
    rng = np.random.default_rng(seed)
    n_factors, n_centres, n_hidden = 6, 5, 40
    centres = rng.normal(scale=1.5, size=(n_centres, n_factors))
    factors = centres[rng.integers(n_centres, size=n_samples)]
    factors = factors + rng.normal(size=factors.shape)
    hidden = np.tanh(factors @ rng.normal(scale=0.6, size=(n_factors, n_hidden)))
    X = hidden @ rng.normal(size=(n_hidden, n_features))
    X += rng.normal(scale=0.2 * X.std(axis=0), size=X.shape)
    # A third of the columns is skewed, as amounts and durations are.
    skewed = slice(0, n_features // 3)
    X[:, skewed] = np.exp(X[:, skewed] / X[:, skewed].std(axis=0))
    return Table("synthetic", X, None, 8)


def bundled(quick: bool) -> list[Table]:
    """Return scikit-learn's tables and the synthetic one."""
    tables = [
        digits(),
        Table("breast cancer", *datasets.load_breast_cancer(return_X_y=True), 4),
        Table("iris", *datasets.load_iris(return_X_y=True), 2),
        synthetic(2_000 if quick else 20_000),
    ]
    if quick:
        return tables
    diabetes = datasets.load_diabetes().data
    return [
        *tables,
        Table("wine", *datasets.load_wine(return_X_y=True), 3),
        Table("diabetes", diabetes, None, 4),
    ]


def some_rows(n_rows: int, most: int) -> np.ndarray:
    """Return all rows, or a random choice of so many, the same for all seeds of a benchmark."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, most, replace=False))


def folder(path: Path) -> Iterator[Table]:
    """Yield a table for every usable ``.npz`` file below a folder."""
    for file in sorted(path.rglob("*.npz")):
        table = _read_npz(file)
        if table is None:
            print(f"skipped {file.name}: no numeric X or X_train, or too few rows")
        else:
            yield table


def _read_npz(file: Path) -> Table | None:
    with np.load(file) as arrays:
        name = next((key for key in ("X", "X_train", "x_train") if key in arrays), None)
        if name is None:
            return None
        X = arrays[name]
        label = name.replace("X", "y").replace("x", "y")
        y = arrays.get(label)
    if X.dtype.kind not in "fiub" or X.ndim < 2 or len(X) < 50:
        return None
    rows = some_rows(len(X), MAX_ROWS)
    X = X[rows].reshape(len(rows), -1).astype(np.float64)
    X = X[:, X.std(axis=0) > 0]
    n_components = 8 if X.shape[1] > 50 else 4
    if not np.isfinite(X).all() or X.shape[1] <= n_components:
        return None
    return Table(file.stem, X, _as_classes(y, rows), n_components)


def _as_classes(y: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Return labels as integers, or None if they are no classes."""
    if y is None:
        return None
    values, codes, counts = np.unique(y.ravel()[rows], return_inverse=True, return_counts=True)
    # Stratified halves need two rows of each class; three leave one for each side.
    return codes if 2 <= len(values) <= MAX_CLASSES and counts.min() >= 3 else None
