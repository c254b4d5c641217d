"""How much memory ``fit`` needs beside its table, and how long the import takes.

Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

import numpy as np

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._memory import in_child, reset_peak, status
from sklearn_aae import AdversarialAutoencoder

N_FEATURES = 30
N_IMPORTS = 5
#: Upper bounds on the share of X that fit may take, and on the seconds of the import.
TARGETS = {"float32": 0.5, "float64": 1.2}
IMPORT_TARGET = 0.2

IMPORT_TIME = """
import time, torch, sklearn, skorch
start = time.perf_counter()
import sklearn_aae
print(time.perf_counter() - start)
"""


def main() -> None:
    """Run the benchmark, or one case of it in a child process."""
    benchmark = Benchmark("memory", __doc__)
    benchmark.add("--rows", type=int, default=1_000_000, help="default: 1000000")
    benchmark.add("--case", choices=list(TARGETS), help="measure this dtype and print it")
    args = benchmark.parse()
    if args.case:
        print(json.dumps(measure(args.case, args.rows, quick=args.quick)))
        return
    rows = [memory_row(dtype, args) for dtype in TARGETS]
    imports = [import_seconds() for _ in range(N_IMPORTS + 1)][1:]  # the first fills caches
    median = statistics.median(imports)
    rows.append(
        {
            "figure": "time of import sklearn_aae [s]",
            "measured": f"{median:.2f} ({min(imports):.2f} to {max(imports):.2f})",
            **verdict(median, "at most", IMPORT_TARGET),
        }
    )
    benchmark.report({"table": rows}, seeds="0")


def memory_row(dtype: str, args: argparse.Namespace) -> Row:
    """Return the figure of one dtype, measured in a process of its own."""
    options = ["--case", dtype, "--rows", args.rows, "--threads", args.threads]
    measured = in_child("benchmarks.memory", [*options, *(["--quick"] if args.quick else [])])
    share = measured["above"] / measured["table"]
    return {
        "figure": f"peak of fit over X, {dtype} ({measured['table'] / 2**20:.0f} MiB)",
        "measured": f"{share:.2f} ({measured['above'] / 2**20:.0f} MiB)",
        **verdict(share, "at most", TARGETS[dtype]),
    }


def measure(dtype: str, n_rows: int, *, quick: bool) -> dict[str, int]:
    """Return the bytes of a table and those that ``fit`` needs at its peak, beside it."""
    rng = np.random.default_rng(0)
    model = AdversarialAutoencoder(8, max_epochs=1, random_state=0)
    model.fit(rng.standard_normal((1000, N_FEATURES), dtype=dtype))
    X = rng.standard_normal((n_rows, N_FEATURES), dtype=dtype)
    if quick:
        # Faster steps; the weights are small beside the table in any case.
        model.set_params(hidden_layer_sizes=(32,), discriminator_layer_sizes=(32,))
    reset_peak()
    before = status("VmRSS")
    model.fit(X)
    return {"table": X.nbytes, "above": status("VmHWM") - before}


def import_seconds() -> float:
    """Return what ``import sklearn_aae`` adds to its dependencies, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_TIME], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
