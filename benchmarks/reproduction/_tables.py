"""The tables of the claims benchmark, all on [0, 1]: digits, MNIST and Adult."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from benchmarks._frames import is_number, read

#: Principal components of the training rows that classifiers look at.
N_PRINCIPAL = 20


@dataclass(frozen=True)
class Schedule:
    """What all models have in common: layers, width of the code, batches and epochs."""

    epochs: int
    batch_size: int
    hidden: tuple[int, ...] = (256, 256)
    discriminator: tuple[int, ...] = (256, 256)
    n_components: int = 8


@dataclass(frozen=True)
class Data:
    """A table, split; the test rows are the same for all seeds.

    Attributes
    ----------
    name : str
        The table's.
    train, valid, test : ndarray, float32
        Rows in [0, 1].
    labels : ndarray of int or None
        Classes of the training rows, of images.
    schedule : Schedule
        For all models.
    image : tuple of int or None
        Height and width.
    n_levels : int
        Grey levels of images.
    blocks : tuple of slice
        One-hot columns of a category each; other columns are numbers.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    labels: np.ndarray | None
    schedule: Schedule
    image: tuple[int, int] | None = None
    n_levels: int = 0
    blocks: tuple[slice, ...] = ()

    def snap(self, rows: np.ndarray) -> np.ndarray:
        """Return rows with values that the table can have.

        Whole grey levels, the likeliest category, and for numbers the nearest value of a
        training row: otherwise a classifier tells made rows from real ones by their decimals.
        """
        if self.image:
            return np.round(rows * (self.n_levels - 1)) / (self.n_levels - 1)
        snapped = np.zeros_like(rows)
        for block in self.blocks:
            likeliest = rows[:, block].argmax(axis=1)
            snapped[np.arange(len(rows)), block.start + likeliest] = 1
        first_category = self.blocks[0].start if self.blocks else rows.shape[1]
        for column in range(first_category):
            snapped[:, column] = nearest_of(np.unique(self.train[:, column]), rows[:, column])
        return snapped

    def principal(self) -> PCA:
        """Return the principal components of the training rows."""
        n_components = min(N_PRINCIPAL, *self.train.shape)
        return PCA(n_components, random_state=0).fit(self.train)


def nearest_of(levels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each value the nearest of sorted levels."""
    above = np.searchsorted(levels, values).clip(1, max(1, len(levels) - 1))
    if len(levels) == 1:
        return np.full_like(values, levels[0])
    below = above - 1
    return np.where(
        values - levels[below] <= levels[above] - values, levels[below], levels[above]
    ).astype(values.dtype)


def names(path: Path | None) -> list[str]:
    """Return the tables that there are: digits, and what a folder holds of the others."""
    found = ["digits"]
    if path is not None:
        found += [name for name, file in files(path).items() if file is not None]
    return found


def files(path: Path) -> dict[str, Path | None]:
    """Return where the tables of a folder are."""
    return {
        "adult": next((file for file in sorted(path.rglob("adult.csv*"))), None),
        "mnist": next((file for file in sorted(path.rglob("mnist.npz"))), None),
    }


def load(name: str, path: Path | None, seed: int, *, short: bool = False) -> Data:
    """Return a table; the seed decides which of the other rows are trained on.

    With ``short``, few rows and two epochs.
    """
    rows, labels, test, shape = LOADERS[name](path)
    sizes = SIZES[name]
    epochs, batch_size = (2, 50) if short else SCHEDULES[name]
    n_train, n_valid = (160, 80) if short else sizes
    order = np.random.default_rng(seed).permutation(len(rows))
    train, valid = order[:n_train], order[n_train : n_train + n_valid]
    return Data(
        name,
        rows[train],
        rows[valid],
        test[:80] if short else test,
        None if labels is None else labels[train],
        Schedule(epochs, batch_size),
        **shape,
    )


#: Rows to train on and to validate on, and epochs and rows of a mini-batch.
SIZES = {"digits": (1047, 250), "adult": (5000, 1000), "mnist": (5000, 1000)}
SCHEDULES = {"digits": (64, 32), "adult": (20, 50), "mnist": (25, 50)}
N_TEST = {"digits": 500, "adult": 1000, "mnist": 1000}


def held_out(n_rows: int, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that no seed tests on, and those that every seed does."""
    order = np.random.default_rng(2015).permutation(n_rows)
    return order[n_test:], order[:n_test]


def _digits(path: Path | None) -> tuple:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    rest, test = held_out(len(X), N_TEST["digits"])
    return X[rest], y[rest], X[test], {"image": (8, 8), "n_levels": 17}


def _mnist(path: Path | None) -> tuple:
    with np.load(_file("mnist", path)) as arrays:
        X, y, X_test = arrays["X_train"], arrays["y_train"], arrays["X_test"]
    _, test = held_out(len(X_test), min(N_TEST["mnist"], len(X_test)))
    rows, rows_test = (
        (part.reshape(len(part), -1) / 255).astype(np.float32) for part in (X, X_test[test])
    )
    return rows, y.astype(int), rows_test, {"image": (28, 28), "n_levels": 256}


def _adult(path: Path | None) -> tuple:
    frame = read(_file("adult", path))
    numbers = [name for name in frame if is_number(frame[name])]
    categories = [name for name in frame if name not in numbers]
    rest, test = held_out(len(frame), N_TEST["adult"])
    scale = QuantileTransformer(output_distribution="uniform", random_state=0)
    one_hot = OneHotEncoder(sparse_output=False, dtype=np.float32)
    scale.fit(frame[numbers].iloc[rest])
    texts = frame[categories].astype(object).where(frame[categories].notna(), "missing")
    one_hot.fit(texts)
    X = np.hstack([scale.transform(frame[numbers]).astype(np.float32), one_hot.transform(texts)])
    blocks = spans(len(numbers), [len(levels) for levels in one_hot.categories_])
    return X[rest], None, X[test], {"blocks": blocks}


def spans(start: int, widths: Sequence[int]) -> tuple[slice, ...]:
    """Return adjoining slices of these widths."""
    edges = np.cumsum([start, *widths]).tolist()
    return tuple(slice(low, high) for low, high in pairwise(edges))


def _file(name: str, path: Path | None) -> Path:
    file = None if path is None else files(path)[name]
    if file is None:
        raise FileNotFoundError(f"there is no table {name} in {path}; give its folder as --data.")
    return file


LOADERS = {"digits": _digits, "adult": _adult, "mnist": _mnist}
