"""What files of fitted estimators weigh, and how long saving and loading take.

Loading is timed in a process of its own, right after the package was imported, as somebody who
opens a file has it.  Times are those of the CPU.
"""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._memory import in_child
from benchmarks._timing import quartiles, timed
from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    load,
    save,
)

#: Upper bounds on the bytes beyond weights and labels, and on the milliseconds of loading.
SIZE_TARGET, LOAD_TARGET = 1.1, 100.0


def mixed(n_rows: int) -> pd.DataFrame:
    """Return a table of every kind of column."""
    rng = np.random.default_rng(0)
    town = rng.integers(0, 40, n_rows)
    return pd.DataFrame(
        {
            "town": [f"town {i}" for i in town],
            "rent": np.round(rng.gamma(4, 200, n_rows) + 10 * town, 2),
            "rooms": rng.integers(1, 6, n_rows),
            "let": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, n_rows), "D"),
            "garden": rng.random(n_rows) > 0.7,
            "heating": rng.choice(["gas", "oil", None], n_rows),
        }
    )


def cases(n_rows: int, epochs: int) -> dict[str, Callable[[], Any]]:
    """Return what fits each estimator; what a file weighs does not depend on the epochs."""
    X, y = load_breast_cancer(return_X_y=True)
    table, own = mixed(n_rows), {"max_epochs": epochs, "random_state": 0}
    return {
        "model, 30 numbers": lambda: AdversarialAutoencoder(4, **own).fit(X),
        "model, mixed table": lambda: AdversarialAutoencoder(4, **own).fit(table),
        "detector, 30 numbers": lambda: AAEOutlierDetector(**own).fit(X),
        "detector, mixed table": lambda: AAEOutlierDetector(**own).fit(table),
        "classifier, 30 numbers": lambda: AAEClassifier(**own).fit(X, y),
        "clusterer, 30 numbers": lambda: AAEClusterer(3, **own).fit(X),
        "table encoder": lambda: TableEncoder().fit(table),
    }


def weights_of(estimator: Any) -> int:
    """Return the bytes of an estimator's networks, and of a detector's densities of columns."""
    if isinstance(estimator, AAEOutlierDetector):
        own = [*estimator.ensemble_.parameters(), estimator._model.marginals.table]
    elif isinstance(estimator, TableEncoder):
        return 0
    else:
        own = list(estimator.net_.module_.parameters())
    return sum(each.numel() * each.element_size() for each in own)


def labels_of(estimator: Any) -> int:
    """Return the bytes of what reads the table, and of the scores that p-values come from."""
    reader = getattr(getattr(estimator, "estimator_", None) or estimator, "_reader", None)
    reader = getattr(reader, "reader", reader)
    encoder = getattr(reader, "encoder", None)
    total = 0 if encoder is None else size_of(encoder)
    if isinstance(estimator, AAEOutlierDetector):
        total += sum(scores.nbytes for scores in estimator._calibration.scores.values())
    return total


def size_of(estimator: Any, **options: Any) -> int:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    save(estimator, buffer, **options)
    return buffer.tell()


def sizes(name: str, estimator: Any) -> Row:
    """Return what the file of an estimator weighs, beside its weights and a pickle."""
    weights, labels = weights_of(estimator), labels_of(estimator)
    small = size_of(estimator, training=False)
    if isinstance(estimator, AAEOutlierDetector):
        small = size_of(estimator, training=False, references=False)
    ratio = small / (weights + labels) if weights else None
    return {
        "estimator": name,
        "file, kB": f"{size_of(estimator) / 1e3:,.0f}",
        "pickle, kB": f"{len(pickle.dumps(estimator)) / 1e3:,.0f}",
        "what one ships, kB": f"{small / 1e3:,.0f}",
        "weights, kB": f"{weights / 1e3:,.0f}",
        "labels, kB": f"{labels / 1e3:,.0f}",
        "ratio": "" if ratio is None else f"{ratio:.2f}",
        **verdict(1.0 if ratio is None else ratio, "at most", SIZE_TARGET if ratio else None),
    }


def measure(path: Path) -> dict[str, float]:
    """Return the seconds of CPU of the first call of load in this process."""
    return {"load": timed(lambda: load(path), clock=time.process_time)[1]}


def times(name: str, estimator: Any, folder: Path, repetitions: int) -> Row:
    """Return how long saving takes here, and importing and loading in processes of their own."""
    path = folder / "model.aae"
    clock = time.process_time
    saving = [timed(lambda: save(estimator, path), clock=clock)[1] for _ in range(repetitions)]
    found = [in_child("benchmarks.persistence", ["--load", path]) for _ in range(repetitions)]
    loading = [1e3 * each["load"] for each in found]
    return {
        "estimator": name,
        "save, ms": quartiles([1e3 * each for each in saving], ".0f"),
        "load, ms": quartiles(loading, ".0f"),
        "import, s": quartiles([each["import"] for each in found], ".1f"),
        **verdict(float(np.median(loading)), "at most", LOAD_TARGET),
    }


def main() -> None:
    """Run the benchmark, or one measurement in a child process."""
    benchmark = Benchmark("persistence", __doc__)
    benchmark.add("--repetitions", type=int, default=5, help="default: 5")
    benchmark.add("--load", type=Path, help="load this and print the seconds")
    args = benchmark.parse()
    if args.load:
        print(json.dumps({"import": IMPORT, **measure(args.load)}))
        return
    repetitions = 1 if args.quick else args.repetitions
    size_rows: list[Row] = []
    time_rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, fit in cases(300 if args.quick else 5000, 1 if args.quick else 3).items():
            estimator = fit()
            size_rows.append(sizes(name, estimator))
            time_rows.append(times(name, estimator, Path(folder), repetitions))
            print(f"{name}: done", flush=True)
    benchmark.report({"sizes": size_rows, "times": time_rows}, repetitions=repetitions)


#: Seconds since this process began, of which nearly all are imports.
IMPORT = time.process_time()

if __name__ == "__main__":
    main()
