"""How much faster a grid search is with a worker per core, and how many threads they run.

GridSearchCV over 24 settings of the model with two folds, as a user would write it (the
best setting is fitted again at the end, by one process).  One job is timed twice, with one
thread and with as many as there are cores: what two jobs have to beat is the faster one.
The searches take turns, in an order drawn anew, after short ones that start the workers;
ratios are taken within each repetition.  A callback of every fit and the scorer of every
test fold report the process and its threads.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from threadpoolctl import threadpool_info

from benchmarks._common import (
    Row,
    command_line,
    cores,
    parser,
    prepare,
    quartiles,
    report,
    setup_rows,
    verdict,
)
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
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument("--repetitions", type=int, default=5, help="default: 5")
    # What a user has who sets nothing.
    arguments.set_defaults(threads=cores())
    args = arguments.parse_args()
    repetitions, epochs = (1, 2) if args.quick else (args.repetitions, 15)
    X = load_breast_cancer().data
    cases = list(dict.fromkeys([(1, 1), (1, args.threads), (JOBS, args.threads)]))
    seconds: dict[Case, list[float]] = {case: [] for case in cases}
    results: dict[Case, list[dict]] = {case: [] for case in cases}
    for case in cases:
        search(X, case, 1, WARM_UP)
    order = np.random.default_rng(0)
    for repetition in range(repetitions):
        for i in order.permutation(len(cases)):
            start = time.perf_counter()
            results[cases[i]].append(search(X, cases[i], epochs))
            seconds[cases[i]].append(time.perf_counter() - start)
        print(f"repetition {repetition + 1} of {repetitions}", flush=True)
    prepare(args.threads)
    setup = setup_rows(
        command_line("search", arguments, args),
        table=f"breast cancer, {X.shape[0]} × {X.shape[1]}",
        epochs=epochs,
        repetitions=repetitions,
        seeds="0",
        OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "not set"),
    )
    rows = [times_row(case, seconds[case], results[case]) for case in cases]
    report(args.out, "search", {"table": rows, "ratios": ratios(seconds), "setup": setup})


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


def times_row(case: Case, seconds: list[float], results: list[dict]) -> Row:
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


def ratios(seconds: dict[Case, list[float]]) -> list[Row]:
    """Return how much faster two jobs are than one; the faster single job is to be beaten."""
    *single, double = seconds
    fastest = min(single, key=lambda case: np.median(seconds[case]))
    rows = []
    for case in single:
        values = np.asarray(seconds[case]) / np.asarray(seconds[double])
        bound = TARGET if case == fastest else None
        rows.append(
            {
                "ratio": f"n_jobs=1, threads={case[1]} / n_jobs={JOBS}",
                "median": f"{np.median(values):.2f}",
                "quartiles": quartiles(values, ".2f"),
                **verdict(float(np.median(values)), "at least", bound),
            }
        )
    return rows


if __name__ == "__main__":
    main()
