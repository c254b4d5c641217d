"""Rows to train on, to choose on and to test on, and the book of who opened the last."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from benchmarks._common import Row

#: Training rows on which settings are chosen, and how many of them are never trained on:
#: bandwidths and names of clusters come from those.
N_HELD_BACK, N_ASIDE = 10_000, 1_000

Rows = tuple[np.ndarray, np.ndarray]


class Split(NamedTuple):
    """Rows and their labels: to train on, to name clusters and choose bandwidths, to score."""

    X: np.ndarray
    y: np.ndarray
    X_aside: np.ndarray
    y_aside: np.ndarray
    X_score: np.ndarray
    y_score: np.ndarray


class Images:
    """Images with values in [0, 1]; the test rows are read when they are asked for."""

    def __init__(
        self,
        train: Rows,
        open_test: Callable[[], Rows],
        n_held_back: int = N_HELD_BACK,
        n_aside: int = N_ASIDE,
    ) -> None:
        self.train, self.open_test = train, open_test
        order = np.random.default_rng(0).permutation(len(train[0]))
        self.aside = order[:n_aside]
        self.chosen_on, self.rest = order[n_aside:n_held_back], order[n_held_back:]

    def to_tune(self, n_rows: int | None = None) -> Split:
        """Return rows to train on and held-back rows to score."""
        return self._split(self.rest[:n_rows], self._rows(self.chosen_on))

    def to_train(self) -> Split:
        """Return all rows to train on but those aside, and nothing to score yet."""
        nothing = self._rows(self.aside[:0])
        return self._split(np.concatenate([self.chosen_on, self.rest]), nothing)

    def _rows(self, index: np.ndarray) -> Rows:
        X, y = self.train
        return X[index], y[index]

    def _split(self, index: np.ndarray, score: Rows) -> Split:
        return Split(*self._rows(index), *self._rows(self.aside), *score)


def read_mnist(folder: Path) -> Images:
    """Return MNIST from ``mnist.npz`` (X_train, y_train, X_test, y_test of bytes)."""
    path = folder / "mnist.npz"
    if not path.exists():
        raise SystemExit(
            f"--data {folder} has no mnist.npz; docs/benchmarks/paper.rst says how to make it."
        )

    def read(part: str) -> Rows:
        with np.load(path) as file:
            return (file[f"X_{part}"] / np.float32(255)), file[f"y_{part}"].astype(np.int64)

    return Images(read("train"), lambda: read("test"))


def small(images: Images | None, n_rows: int = 1500) -> Images:
    """Return few rows for a short run: of the training rows alone, or of bundled digits."""
    if images is None:
        X, y = load_digits(return_X_y=True)
        X, y = (X / 16).astype(np.float32), y.astype(np.int64)
    else:
        X, y = (part[images.rest[: n_rows * 6 // 5]] for part in images.train)
    cut = len(X) * 5 // 6
    return Images((X[:cut], y[:cut]), lambda: (X[cut:], y[cut:]), cut // 5, cut // 20)


def few_labels(y: np.ndarray, n_labels: int | None, seed: int) -> np.ndarray:
    """Return labels of which only so many are left, as many of each class; -1 elsewhere."""
    if n_labels is None:
        return y
    rng, classes = np.random.default_rng([seed, 1]), np.unique(y)
    if n_labels % len(classes):
        raise ValueError(f"{n_labels} labels do not divide among {len(classes)} classes.")
    few, n_each = np.full_like(y, -1), n_labels // len(classes)
    for one in classes:
        rows = rng.permutation(np.flatnonzero(y == one))[:n_each]
        if len(rows) < n_each:
            raise ValueError(f"Class {one} has {len(rows)} rows, but {n_each} labels are wanted.")
        few[rows] = one
    return few


class Openings:
    """The book in which every opening of the test rows is written, before it happens.

    A CSV to which lines are only ever added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[Row]:
        """Return all openings."""
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return [dict(row) for row in csv.DictReader(file)]

    def count(self, **keys: object) -> int:
        """Return how often the rows were opened with these keys."""
        return sum(all(row[k] == str(v) for k, v in keys.items()) for row in self.rows())

    def add(self, **keys: object) -> None:
        """Write an opening down."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        row = keys | {"opening": self.count(**keys) + 1, "time": when}
        new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
