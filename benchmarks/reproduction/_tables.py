"""The tables of the claims benchmark, all on [0, 1]: digits, MNIST and Adult."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from benchmarks._frames import is_number, read


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
    """A table, split, all rows in [0, 1]; the test rows are the same for all seeds."""

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    #: Classes of the training rows, of images.
    labels: np.ndarray | None
    schedule: Schedule
    #: Height and width, and grey levels, of images.
    image: tuple[int, int] | None = None
    n_levels: int = 0
    #: One-hot columns of a category each; other columns are numbers.
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


@dataclass(frozen=True)
class Plan:
    """How many rows of a table there are to train on, to validate on and to test on, and more."""

    n_train: int
    n_valid: int
    n_test: int
    epochs: int
    batch_size: int


PLANS = {
    "digits": Plan(1047, 250, 500, epochs=64, batch_size=32),
    "adult": Plan(5000, 1000, 1000, epochs=20, batch_size=50),
    "mnist": Plan(5000, 1000, 1000, epochs=25, batch_size=50),
}
SHORT = Plan(160, 80, 80, epochs=2, batch_size=50)


def load(name: str, path: Path | None, seed: int, *, short: bool = False) -> Data:
    """Return a table, or few of its rows; the seed decides which of them are trained on."""
    rows, labels, test, shape = LOADERS[name](path)
    plan = SHORT if short else PLANS[name]
    order = np.random.default_rng(seed).permutation(len(rows))
    train, valid = order[: plan.n_train], order[plan.n_train : plan.n_train + plan.n_valid]
    return Data(
        name,
        rows[train],
        rows[valid],
        test[: plan.n_test],
        None if labels is None else labels[train],
        Schedule(plan.epochs, plan.batch_size),
        **shape,
    )


def held_out(name: str, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that no seed tests on, and those that every seed does."""
    order, n_test = np.random.default_rng(2015).permutation(n_rows), PLANS[name].n_test
    return order[n_test:], order[:n_test]


def _digits(path: Path | None) -> tuple:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    rest, test = held_out("digits", len(X))
    return X[rest], y[rest], X[test], {"image": (8, 8), "n_levels": 17}


def _mnist(path: Path | None) -> tuple:
    with np.load(_file("mnist", path)) as arrays:
        X, y, X_test = arrays["X_train"], arrays["y_train"], arrays["X_test"]
    _, test = held_out("mnist", len(X_test))
    rows, rows_test = (
        (part.reshape(len(part), -1) / 255).astype(np.float32) for part in (X, X_test[test])
    )
    return rows, y.astype(int), rows_test, {"image": (28, 28), "n_levels": 256}


def _adult(path: Path | None) -> tuple:
    frame = read(_file("adult", path))
    numbers = [name for name in frame if is_number(frame[name])]
    categories = [name for name in frame if name not in numbers]
    rest, test = held_out("adult", len(frame))
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
