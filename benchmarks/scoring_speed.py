"""How long the detector's scores take beside another version's, and fits of both calibrations.

Both versions score the same stored rows in processes of their own, in turns, so that whoever else
uses the machine slows both; fits are in turns, too, by processor seconds.  Medians count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks._common import Benchmark, Row, cores
from benchmarks._timing import quartiles, timed
from benchmarks.detector_speed import table
from sklearn_aae import AAEOutlierDetector

HERE = Path(__file__).parent
#: Rows that detectors are fitted to, rows that are scored, columns of both.
N_FIT, N_ROWS, N_COLUMNS = 4000, 200_000, 10
#: Scores and fits of either, and the tables of these: rows and columns.
REPEATS, FITS, SHAPES = 7, 3, [(300, 10), (1000, 30), (4000, 10)]


def main() -> None:
    benchmark = Benchmark("scoring_speed", __doc__)
    benchmark.add("--against", type=Path, metavar="DIR", help="a checkout of another version")
    benchmark.add("--rows", type=int, default=N_ROWS, help=f"that are scored (default: {N_ROWS})")
    benchmark.add("--repeats", type=int, default=REPEATS, help=f"of scores (default: {REPEATS})")
    args = benchmark.parse()
    n_rows, repeats, fits, shapes = args.rows, args.repeats, FITS, SHAPES
    if args.quick:
        n_rows, repeats, fits, shapes = 2000, 2, 1, SHAPES[:1]
    tables: dict[str, list[Row]] = {}
    if args.against:
        threads = sorted({1, cores()})
        tables["scores"] = [beside(args.against.resolve(), n, n_rows, repeats) for n in threads]
    tables["calibrations"] = [calibrations(*shape, fits) for shape in shapes]
    benchmark.report(tables)


def beside(other: Path, threads: int, n_rows: int, repeats: int) -> Row:
    """Return how many times as long another version takes to score, with so many threads."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths = Path(folder) / "training.npy", Path(folder) / "rows.npy"
        rows = table(N_FIT + n_rows, N_COLUMNS)
        np.save(paths[0], rows[:N_FIT])
        np.save(paths[1], rows[N_FIT:])
        workers = [
            stack.enter_context(worker(checkout, threads, *paths))
            for checkout in (HERE.parent, other)
        ]
        for process in workers:  # what happens once
            seconds_of(process)
        found = np.array([[seconds_of(process) for process in workers] for _ in range(repeats)])
    found *= 1e6 / n_rows
    ours, others = np.median(found, axis=0)
    ratios = found[:, 1] / found[:, 0]
    return {
        "threads": threads,
        "this version [s]": f"{ours[0]:.1f}",
        "other version [s]": f"{others[0]:.1f}",
        "times as fast": f"{np.median(ratios[:, 0]):.2f}",
        "quartiles": quartiles(ratios[:, 0], ".2f"),
        "processor [s]": f"{ours[1]:.1f} and {others[1]:.1f}",
        "by processor seconds": f"{np.median(ratios[:, 1]):.2f}",
    }


@contextmanager
def worker(checkout: Path, threads: int, *paths: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that scores with a version of the package."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-P", str(HERE / "_scoring_worker.py"), *map(str, paths)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=checkout
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def seconds_of(process: subprocess.Popen[str]) -> list[float]:
    """Return how long a process takes to score its rows, by the clock and by the processor."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return [float(word) for word in process.stdout.readline().split()]


def calibrations(n_rows: int, n_columns: int, fits: int) -> Row:
    """Return how many times as long fit takes with three folds as with held-out rows."""
    X = table(n_rows, n_columns)

    def seconds_of_fit(how: str, seed: int) -> float:
        detector = AAEOutlierDetector(calibration=how, random_state=seed)
        return timed(detector.fit, X, clock=time.process_time)[1]

    seconds = np.array(
        [[seconds_of_fit(how, seed) for how in ("split", "cross")] for seed in range(fits)]
    )
    split, cross = np.median(seconds, axis=0)
    ratios = seconds[:, 1] / seconds[:, 0]
    return {
        "rows": n_rows,
        "columns": n_columns,
        'calibration="split" [s]': f"{split:.2f}",
        'calibration="cross" [s]': f"{cross:.2f}",
        "ratio": f"{np.median(ratios):.2f}",
        "quartiles": quartiles(ratios, ".2f"),
    }


if __name__ == "__main__":
    main()
