"""How long the detector's fit takes, as a multiple of an isolation forest's on the same machine.

Fits alternate, so that whoever else uses the machine slows both; medians count.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks._common import Benchmark, Row
from sklearn_aae import AAEOutlierDetector

#: Rows, columns and repeats.
SHAPES = [(10_000, 30, 11), (4_000, 1_500, 5)]


def main() -> None:
    benchmark = Benchmark("detector_speed", __doc__)
    args = benchmark.parse()
    shapes = [(500, 10, 2)] if args.quick else SHAPES
    AAEOutlierDetector(max_epochs=1, random_state=0).fit(table(200, 5))  # what happens once
    rows = [measure(*shape) for shape in shapes]
    benchmark.report({"table": rows}, seeds="one for each fit, from 0 on")


def table(n_rows: int, n_columns: int) -> np.ndarray:
    """Return rows whose columns depend on five factors."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, 5)) @ rng.normal(size=(5, n_columns))
    return factors + 0.5 * rng.normal(size=(n_rows, n_columns))


def measure(n_rows: int, n_columns: int, repeats: int) -> Row:
    """Return the seconds of both, wall clock and processor, and their ratios."""
    X = table(n_rows, n_columns)
    seconds: list[list[float]] = []
    for seed in range(repeats):
        times = []
        for detector in (
            IsolationForest(n_estimators=100, random_state=seed),
            AAEOutlierDetector(random_state=seed),
        ):
            start, busy = time.perf_counter(), time.process_time()
            detector.fit(X)
            times += [time.perf_counter() - start, time.process_time() - busy]
        seconds.append(times)
    forest, forest_busy, ours, ours_busy = np.median(seconds, axis=0)
    ratios = np.array(seconds)[:, 2] / np.array(seconds)[:, 0]
    return {
        "rows": n_rows,
        "columns": n_columns,
        "IsolationForest [s]": f"{forest:.2f}",
        "AAEOutlierDetector [s]": f"{ours:.2f}",
        "ratio": f"{np.median(ratios):.1f}",
        "processor [s]": f"{forest_busy:.2f} and {ours_busy:.2f}",
        "ratio of processor seconds": f"{ours_busy / forest_busy:.1f}",
    }


if __name__ == "__main__":
    main()
