"""Ten million rows of ten numbers: scored in memory on every core, and in files.

The figures of memory need Linux.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import torch

from benchmarks._common import Benchmark, Row, cores
from benchmarks._memory import reset_peak, status
from benchmarks._timing import timed
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.encoding._datasets import open_stream
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows

#: Rows in all, shared among threads in turns, fitted to, and of a file.
N_ROWS, SHARED, FITTED, FILE_ROWS = 10_000_000, 200_000, 50_000, 500_000
N_COLUMNS, REPETITIONS = 10, 3
MIB = 2**20
Calls = dict[str, Callable[[np.ndarray], np.ndarray]]


def main() -> None:
    """Measure what threads gain on an idle machine, or what ten million rows cost."""
    benchmark = Benchmark("many_rows", __doc__)
    benchmark.add("--gains", action="store_true", help="what threads gain; needs idle cores")
    benchmark.arguments.set_defaults(threads=cores())
    args = benchmark.parse()
    n_rows = 100_000 if args.quick else N_ROWS
    X = np.random.default_rng(0).standard_normal((n_rows, N_COLUMNS), dtype=np.float32)
    model = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(X[:FITTED])
    detector = AAEOutlierDetector(max_epochs=1, random_state=0).fit(X[:FITTED])
    calls: Calls = {
        "transform": model.transform,
        "score_samples": model.score_samples,
        "score_samples of a detector": detector.score_samples,
    }
    if args.gains:
        rows = list(gains(calls, X[:SHARED], args.threads))
        benchmark.report({"gains": rows}, repetitions=REPETITIONS)
        return
    with tempfile.TemporaryDirectory() as name:
        rows = list(costs(calls, X, Path(name)))
    fitted = f"to {FITTED:,} rows, one epoch"
    benchmark.report({"table": rows}, clock="processor seconds of all threads", fitted=fitted)


def gains(calls: Calls, X: np.ndarray, threads: int) -> Iterator[Row]:
    """Yield what several threads gain in each call, with the same bits."""
    for name, call in calls.items():
        seconds = np.empty((REPETITIONS, 2))
        call(X[:1000])
        for taken in seconds:
            found = []
            for k, n in enumerate((1, threads)):
                torch.set_num_threads(n)
                result, taken[k] = timed(call, X)
                found.append(result)
            assert np.array_equal(*found)
        ratios = seconds[:, 0] / seconds[:, 1]
        one, several = np.median(seconds, axis=0)
        yield {
            "call": name,
            "rows": f"{len(X):,}",
            "one thread [s]": f"{one:.2f}",
            f"{threads} threads [s]": f"{several:.2f}",
            "gain": f"{np.median(ratios):.2f}",
            "least and most": f"{ratios.min():.2f} to {ratios.max():.2f}",
        }


def costs(calls: Calls, X: np.ndarray, folder: Path) -> Iterator[Row]:
    """Yield what each call costs for all rows, and the pass that a fit makes over files."""
    for name, call in calls.items():
        call(X[:1000])
        yield _cost(name, X, partial(call, X))
    with open_stream(_written(X, folder)) as stream:
        look = partial(sample_rows, stream, SAMPLED_ROWS, 0, with_rare=True, counted=True)
        yield _cost("the pass of fit over files", X, look)


def _cost(name: str, X: np.ndarray, call: Callable[[], Any]) -> Row:
    reset_peak()
    before = status("VmRSS")
    found, seconds = timed(call, clock=time.process_time)
    above = status("VmHWM") - before - getattr(found, "nbytes", 0)
    print(f"{name}: {seconds:.0f} s", flush=True)
    return {
        "call": name,
        "rows": f"{len(X):,}",
        "processor [s]": f"{seconds:.1f}",
        "µs a row": f"{1e6 * seconds / len(X):.2f}",
        "memory above rows and result [MiB]": f"{max(0, above) / MIB:.0f}",
    }


def _written(X: np.ndarray, folder: Path) -> ds.Dataset:
    names = [f"x{j}" for j in range(X.shape[1])]
    for start in range(0, len(X), FILE_ROWS):
        rows = X[start : start + FILE_ROWS].astype(np.float64)
        table = pa.table(dict(zip(names, rows.T, strict=True)))
        pq.write_table(table, folder / f"{start:09}.parquet", row_group_size=2**17)
    return ds.dataset(folder)


if __name__ == "__main__":
    main()
