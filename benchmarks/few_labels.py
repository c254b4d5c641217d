"""How well classes are told with few labels, and found with none, beside the peers.

The peers read scaled numbers (digits: pixels from 0 to 1), and of tables of mixed types the
columns of ``TableEncoder``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from benchmarks._common import Benchmark, Row
from benchmarks._frames import folder
from benchmarks._runs import Runs, summarise
from sklearn_aae import AAEClassifier, AAEClusterer
from sklearn_aae.encoding import TableEncoder

KEYS = ("table", "labels", "model", "seed")
ACCURACY, INDEX = "accuracy", "adjusted Rand index"
FIGURES = {ACCURACY: "{:.3f}", INDEX: "{:.3f}"}
NO_LABELS = "none"
MAX_ROWS, MAX_CLASSES = 3_000, 10
#: What gives a figure, once it is asked for.
Measurement = Callable[[], float]


@dataclass(frozen=True)
class Labelled:
    """A table with classes, and how many labels are given."""

    name: str
    X: Any
    y: np.ndarray
    n_labels: tuple[int, ...]
    scaled: bool = True

    @cached_property
    def columns(self) -> np.ndarray:
        """What the peers read."""
        if not isinstance(self.X, np.ndarray):
            return np.asarray(TableEncoder().fit_transform(self.X))
        return StandardScaler().fit_transform(self.X) if self.scaled else self.X


def tables(data: Path | None) -> Iterator[Labelled]:
    """Yield scikit-learn's tables, one that has no lumps, and those of a folder."""
    X, y = datasets.load_digits(return_X_y=True)
    yield Labelled("digits", X / 16, y, (50, 100, 200), scaled=False)
    for name in ("iris", "wine", "breast_cancer"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield Labelled(name.replace("_", " "), X, y, (20,))
    X, y = datasets.make_classification(
        1000, 20, n_informative=6, n_classes=3, weights=[0.7, 0.2, 0.1], random_state=0
    )
    yield Labelled("make_classification", X, y, (30,))
    if data is None:
        return
    for mixed in folder(data):
        frame = mixed.frame
        if len(frame) > MAX_ROWS:
            frame = frame.sample(MAX_ROWS, random_state=0)
        y = frame[mixed.target].to_numpy(dtype=str)
        if len(np.unique(y)) <= MAX_CLASSES:
            n_labels = max(20, min(200, len(frame) // 20))
            yield Labelled(mixed.name, frame.drop(columns=mixed.target), y, (n_labels,))


def classifiers(seed: int) -> dict[str, Any]:
    """Return those that read tables as they are."""
    new = partial(AAEClassifier, random_state=seed)
    return {
        "AAE": new(),
        "AAE, neighbors": new(consistency="neighbors"),
        "AAE, adversarial": new(consistency="adversarial"),
        "AAE, weak consistency": new(consistency_weight=0.3),
        "AAE, no consistency": new(consistency_weight=0),
        "AAE, label spreading": new(init="label_spreading"),
    }


def peers() -> dict[str, Any]:
    """Return those that read numbers."""
    regression = LogisticRegression(max_iter=3000)
    return {
        "LabelSpreading": LabelSpreading(kernel="knn", n_neighbors=7),
        "SelfTraining": SelfTrainingClassifier(regression),
        "LogisticRegression": regression,
    }


def clusterers(n: int, seed: int) -> dict[str, Any]:
    """Return clusterers of tables as they are."""
    new = partial(AAEClusterer, n, random_state=seed)
    return {
        "AAE": new(),
        "AAE, neighbors": new(consistency="neighbors"),
        "AAE, adversarial": new(consistency="adversarial"),
        "AAE, spectral": new(init="spectral"),
    }


def draw_labels(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return which rows have labels: drawn anew until there is one of each class."""
    rng = np.random.default_rng([seed, n_labels])
    while True:
        chosen = rng.permutation(len(y))[:n_labels]
        if len(np.unique(y[chosen])) == len(np.unique(y)):
            return chosen


def classify(table: Labelled, n_labels: int, seed: int) -> Iterator[tuple[str, Measurement]]:
    """Yield what measures the accuracy of each classifier on the rows without labels."""
    y = np.unique(table.y, return_inverse=True)[1]
    chosen = draw_labels(y, n_labels, seed)
    few = np.full(len(y), -1)
    few[chosen] = y[chosen]
    rest = few < 0

    def accuracy(model: Any, X: Any) -> float:
        if isinstance(model, LogisticRegression):  # the only one that does not read all rows
            model.fit(X[chosen], y[chosen])
        else:
            model.fit(X, few)
        return float(np.mean(model.predict(X)[rest] == y[rest]))

    return measurements(table, classifiers(seed), peers(), accuracy)


def cluster(table: Labelled, seed: int) -> Iterator[tuple[str, Measurement]]:
    """Yield what measures the adjusted Rand index of each clusterer."""
    n = len(np.unique(table.y))
    others = {
        "KMeans": KMeans(n, n_init=10, random_state=seed),
        "GaussianMixture": GaussianMixture(n, random_state=seed, reg_covar=1e-3),
    }

    def index(model: Any, X: Any) -> float:
        return adjusted_rand_score(table.y, model.fit_predict(X))

    return measurements(table, clusterers(n, seed), others, index)


def measurements(
    table: Labelled, ours: dict[str, Any], others: dict[str, Any], figure: Callable
) -> Iterator[tuple[str, Measurement]]:
    """Yield what measures each model: ours read the table as it is, the others numbers."""
    for name, model in ours.items():
        yield name, partial(figure, model, table.X)
    for name, model in others.items():
        yield name, partial(figure, model, table.columns)


def main() -> None:
    benchmark = Benchmark("few_labels", __doc__, seeds=5, keeps_runs=True)
    benchmark.add_data("also the tables of a folder")
    args = benchmark.parse()
    # LabelSpreading divides by zero where no label reaches a row.
    warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    for table in tables(None if args.quick else args.data):
        if args.quick and table.name != "iris":
            continue
        for seed in benchmark.seeds:
            for n_labels in (None, *table.n_labels):
                measure(runs, table, n_labels, seed)
        print(f"{table.name}: {len(table.y)} rows", flush=True)
    summary = list(summarise(runs.rows(), KEYS[:-1], FIGURES))
    parts = {"labels": ACCURACY, "clusters": INDEX}
    benchmark.report({title: list(beside(summary, figure)) for title, figure in parts.items()})


def measure(runs: Runs, table: Labelled, n_labels: int | None, seed: int) -> None:
    """Add the figures of one draw of labels, or of no labels, unless they are there."""
    if n_labels is None:
        label, figure, found = NO_LABELS, INDEX, cluster(table, seed)
    else:
        label, figure, found = str(n_labels), ACCURACY, classify(table, n_labels, seed)
    for model, value in found:
        runs.measure((table.name, label, model, seed), lambda value=value: {figure: value()})


def beside(summary: list[Row], figure: str) -> Iterator[Row]:
    """Yield a row for each table, with the models beside each other."""
    rows: dict[tuple, Row] = {}
    for row in summary:
        if row[figure]:
            key = (row["table"], row["labels"])
            names: Row = {"table": row["table"]}
            names |= {"labels": row["labels"]} if figure == ACCURACY else {}
            rows.setdefault(key, names)[str(row["model"])] = row[figure]
    yield from rows.values()


if __name__ == "__main__":
    main()
