"""How much memory ``fit`` needs beside its table, and how long the import takes.

Each figure comes from a process of its own.  Memory is the peak of the resident set
while ``fit`` trains one epoch, above the resident set before the call with X loaded, as
a share of X's size.  Everything is imported and a small table fitted before, so that
libraries and thread pools do not count.  Needs Linux.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows
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
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=1_000_000, help="default: 1000000")
    arguments.add_argument("--case", choices=list(TARGETS), help="measure this dtype and print it")
    args = arguments.parse_args()
    prepare(args.threads)
    if args.case:
        print(json.dumps(measure(args.case, args.rows, quick=args.quick)))
        return
    rows = [memory_row(dtype, args.rows, args.threads, args.quick) for dtype in TARGETS]
    imports = [import_seconds() for _ in range(N_IMPORTS + 1)][1:]  # the first fills caches
    rows.append(
        _row(
            "time of import sklearn_aae [s]",
            f"{statistics.median(imports):.2f} ({min(imports):.2f} to {max(imports):.2f})",
            IMPORT_TARGET,
            statistics.median(imports) <= IMPORT_TARGET,
        )
    )
    report(
        args.out,
        "memory",
        {"table": rows, "setup": setup_rows(command_line("memory", arguments, args))},
    )


def memory_row(dtype: str, n_rows: int, threads: int, quick: bool) -> Row:
    """Return the figure of one dtype, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--case", dtype]
    command += ["--rows", str(n_rows), "--threads", str(threads), *(["--quick"] if quick else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured = json.loads(done.stdout)
    share = measured["above"] / measured["table"]
    return _row(
        f"peak of fit over X, {dtype} ({measured['table'] / 2**20:.0f} MiB)",
        f"{share:.2f} ({measured['above'] / 2**20:.0f} MiB)",
        TARGETS[dtype],
        share <= TARGETS[dtype],
    )


def _row(figure: str, measured: str, target: float, met: bool) -> Row:
    return {
        "figure": figure,
        "measured": measured,
        "target": f"at most {target}",
        "met": "yes" if met else "no",
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


def reset_peak() -> None:
    """Set the process's peak to what it holds now; the peak of the imports is higher."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def status(name: str) -> int:
    """Return an entry of the process's memory status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def import_seconds() -> float:
    """Return what ``import sklearn_aae`` adds to its dependencies, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_TIME], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
