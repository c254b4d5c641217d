"""How much faster a grid search is with a worker per core, and how many threads they run."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from threadpoolctl import threadpool_info

from benchmarks._common import Benchmark, Row, cores, prepare
from benchmarks._timing import in_turns, quartiles, ratio_columns
from sklearn_aae import AdversarialAutoencoder

GRID: dict[str, list] = {
    "n_components": [2, 4, 8],
    "lr": [5e-4, 1e-3],
    "hidden_layer_sizes": [(64,), (128,), (128, 64), (256, 256)],
}
#: Enough fits to start the workers and load everything there.
WARM_UP: dict[str, list] = {"n_components": [2, 4, 8], "lr": [5e-4, 1e-3]}
N_FOLDS, JOBS = 2, 2
#: Lower bound on how much faster two jobs are than one.
TARGET = 1.7

#: Number of jobs, and threads of the process that starts the search.
Case = tuple[int, int]


class CountThreads(Callback):
    """Keep the number of threads that torch may use in a fit."""

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Read torch's setting, inside whatever cap the fit puts on it."""
        self.torch_threads_ = torch.get_num_threads()


def score_and_threads(model: AdversarialAutoencoder, X: np.ndarray, y: Any = None) -> dict:
    """Return the score, and what the process that computed it runs with."""
    counter = next(c for _, c in model.net_.callbacks_ if isinstance(c, CountThreads))
    return {
        "score": model.score(X),
        "process": os.getpid(),
        "in fit": counter.torch_threads_,
        "torch": torch.get_num_threads(),
        "BLAS": max((pool["num_threads"] for pool in threadpool_info()), default=1),
    }


def main() -> None:
    benchmark = Benchmark("search", __doc__)
    benchmark.add("--repetitions", type=int, default=5, help="default: 5")
    # What a user has who sets nothing.
    benchmark.arguments.set_defaults(threads=cores())
    args = benchmark.parse()
    repetitions, epochs = (1, 2) if args.quick else (args.repetitions, 15)
    X = load_breast_cancer().data
    cases = list(dict.fromkeys([(1, 1), (1, args.threads), (JOBS, args.threads)]))
    results: dict[Case, list[dict]] = {case: [] for case in cases}
    for case in cases:
        search(X, case, 1, WARM_UP)
    searches = [lambda case=case: results[case].append(search(X, case, epochs)) for case in cases]
    order = np.random.default_rng(0)
    seconds = []
    for repetition in range(repetitions):
        seconds += [*in_turns(searches, 1, order)]
        print(f"repetition {repetition + 1} of {repetitions}", flush=True)
    by_case = dict(zip(cases, np.transpose(seconds), strict=True))
    prepare(args.threads)
    rows = [times_row(case, by_case[case], results[case]) for case in cases]
    benchmark.report(
        {"table": rows, "ratios": ratios(by_case)},
        table=f"breast cancer, {X.shape[0]} × {X.shape[1]}",
        epochs=epochs,
        repetitions=repetitions,
        seeds="0",
        OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "not set"),
    )


def search(X: np.ndarray, case: Case, epochs: int, grid: dict[str, list] = GRID) -> dict:
    """Return the results of one search."""
    jobs, threads = case
    prepare(threads)
    model = AdversarialAutoencoder(
        max_epochs=epochs, callbacks=[CountThreads()], device="cpu", random_state=0
    )
    folded = GridSearchCV(
        model, grid, scoring=score_and_threads, refit="score", cv=N_FOLDS, n_jobs=jobs
    )
    return folded.fit(X).cv_results_


def times_row(case: Case, seconds: np.ndarray, results: list[dict]) -> Row:
    """Return how long the searches took, and what their processes ran with."""
    last = results[-1]
    return {
        "n_jobs": case[0],
        "threads of the caller": case[1],
        "fits": len(last["params"]) * N_FOLDS + 1,
        "search [s]": f"{np.median(seconds):.1f}",
        "quartiles": quartiles(seconds, ".1f"),
        # A search must not depend on who computes it.
        "best score": f"{last['mean_test_score'].max():.6f}",
        "processes": len(seen([last], "process")),
        "torch threads in a fit": _listed(seen(results, "in fit")),
        "torch threads of the process": _listed(seen(results, "torch")),
        "BLAS threads": _listed(seen(results, "BLAS")),
    }


def seen(results: list[dict], name: str) -> set[int]:
    """Return the values that the test folds of searches reported."""
    columns = [f"split{fold}_test_{name}" for fold in range(N_FOLDS)]
    return {int(value) for result in results for column in columns for value in result[column]}


def _listed(values: set[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def ratios(seconds: dict[Case, np.ndarray]) -> list[Row]:
    """Return how much faster two jobs are than one; the faster single job is to be beaten."""
    *single, double = seconds
    fastest = min(single, key=lambda case: np.median(seconds[case]))
    return [
        {
            "ratio": f"n_jobs=1, threads={case[1]} / n_jobs={JOBS}",
            **ratio_columns(
                seconds[case] / seconds[double], "at least", TARGET if case == fastest else None
            ),
        }
        for case in single
    ]


if __name__ == "__main__":
    main()
