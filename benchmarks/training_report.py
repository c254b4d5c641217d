"""What reports on trainings cost, and whether they raise false alarms.

Time on tables that come with scikit-learn: fits with and without a report take turns.  Alarms on
these tables and, with ``--data DIR``, on every table of that folder (NPZ files with ``X``), for
the model and the detector with their defaults.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._timing import in_turns, quartiles
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.autoencoder import _base
from sklearn_aae.detection import _outlier
from sklearn_aae.exceptions import TrainingWarning

#: The share of a fit that its report may take.
TARGET = 0.03
BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
    "linnerud": load_linnerud,
}
#: Those that fits are timed on: a report weighs least beside the longer fits of larger tables.
TIMED = ("iris", "wine", "breast cancer", "diabetes", "linnerud")
#: The model, and a detector whose level the fewest calibrating rows can meet.
ESTIMATORS: dict[str, tuple[Callable[..., Any], Any]] = {
    "AdversarialAutoencoder": (AdversarialAutoencoder, _base),
    "AAEOutlierDetector": (lambda **how: AAEOutlierDetector(alpha=0.1, **how), _outlier),
}


def main() -> None:
    """Run the benchmark."""
    benchmark = Benchmark("training_report", __doc__, seeds=1)
    benchmark.add_data("look for false alarms on its tables, too")
    benchmark.add("--repetitions", type=int, default=7, help="pairs of fits (default: 7)")
    benchmark.add(
        "--rows", type=int, metavar="N", help="rows of a table with which alarms are looked for"
    )
    benchmark.add("--alarms-only", action="store_true", help="leave out the times")
    args = benchmark.parse()
    names = ["iris", "wine"] if args.quick else list(BUNDLED)
    tables: dict[str, list[Row]] = {}
    if not args.alarms_only:
        repetitions = 2 if args.quick else args.repetitions
        tables["times"] = [
            time_row(name, estimator, repetitions)
            for name in names
            if name in TIMED
            for estimator in ESTIMATORS
        ]
    found = [(name, BUNDLED[name]().data) for name in names]
    found += [(path.stem, np.load(path)["X"]) for path in files_of(args.data, args.quick)]
    tables["alarms"] = [
        row
        for name, X in found
        for row in alarm_rows(name, some_of(X, args.rows), list(benchmark.seeds))
    ]
    benchmark.report(tables)


def files_of(folder: Path | None, quick: bool) -> list[Path]:
    """Return the tables of a folder, of a short run one."""
    files = [] if folder is None else sorted(folder.rglob("*.npz"))
    return files[:1] if quick else files


def some_of(X: np.ndarray, n_rows: int | None) -> np.ndarray:
    """Return a table's rows, or so many of them at random."""
    if n_rows is None or n_rows >= len(X):
        return X
    return X[np.sort(np.random.default_rng(0).choice(len(X), n_rows, replace=False))]


def time_row(name: str, estimator: str, repetitions: int) -> Row:
    """Return what a report costs, of fits that take turns with others without one."""
    make, module = ESTIMATORS[estimator]
    X = BUNDLED[name]().data
    report_on = module.report_on
    seconds: list[float] = []

    def watched(*arguments: Any) -> Any:
        start = time.perf_counter()
        report = report_on(*arguments)
        seconds.append(time.perf_counter() - start)
        return report

    def fit_with(report: Callable) -> Callable[[], object]:
        def fit() -> object:
            with mock.patch.object(module, "report_on", report):
                return make(random_state=0).fit(X)

        return fit

    contenders = [fit_with(watched), fit_with(lambda *arguments: None)]
    contenders[0]()  # fills caches
    seconds.clear()
    fits = in_turns(contenders, repetitions, np.random.default_rng(0))
    shares = np.array(seconds) / (fits[:, 0] - seconds)
    median = float(np.median(shares))
    return {
        "table": name,
        "estimator": estimator,
        "fit [s]": f"{np.median(fits[:, 1]):.2f}",
        "report [ms]": f"{1e3 * np.median(seconds):.1f}",
        "share of the fit": f"{median:.2%}",
        "quartiles": quartiles(shares, ".2%"),
        "with over without": f"{np.median(fits[:, 0] / fits[:, 1]):.3f}",
        **verdict(median, "at most", TARGET),
    }


def alarm_rows(name: str, X: np.ndarray, seeds: list[int]) -> Iterator[Row]:
    """Yield how many fits by default, one for each seed, warn of a failure."""
    for estimator, (make, _) in ESTIMATORS.items():
        raised: list[str] = []
        for seed in seeds:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", TrainingWarning)
                make(random_state=seed).fit(X)
            raised += [
                warning.category.__name__
                for warning in caught
                if issubclass(warning.category, TrainingWarning)
            ]
        yield {
            "table": name,
            "rows": len(X),
            "columns": X.shape[1],
            "estimator": estimator,
            "fits": len(seeds),
            "alarms": len(raised),
            "warnings": ", ".join(sorted(set(raised))),
        }
        print(name, estimator, raised, flush=True)


if __name__ == "__main__":
    main()
