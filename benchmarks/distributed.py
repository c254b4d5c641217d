"""Training over several processes beside training in one: speed-up and overhead.

Every process has one thread, so the speed-up of two processes needs two free cores; how much less
work each of them has is measured by its own processor's time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from skorch.callbacks import Callback

from benchmarks._common import Benchmark, Row
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.training import distributed

ROOT = Path(__file__).parents[1]
EPOCHS, N_STEPS, COLUMNS = 2, 8, 64


def main() -> None:
    """Run the benchmark, or one of the processes of a case."""
    benchmark = Benchmark("distributed", __doc__, seeds=3)
    benchmark.add("--processes", type=int, nargs="+", default=[1, 2], help="default: 1 2")
    benchmark.add("--case", type=int, nargs=3, metavar=("BATCH", "WIDTH", "SEEDS"))
    args = benchmark.parse()
    if args.case:
        train(*args.case)
        return
    batches, widths = ((256,), (64,)) if args.quick else ((256, 1024), (64, 256))
    rows = list(compare(args.processes, batches, widths, len(benchmark.seeds)))
    benchmark.report({"table": rows}, epochs=EPOCHS, columns=COLUMNS)


def compare(
    processes: list[int], batches: tuple[int, ...], widths: tuple[int, ...], n_seeds: int
) -> Iterator[Row]:
    """Yield the time of a step, and its ratios to that of one process without others."""
    for batch, width in product(batches, widths):
        alone = measure(None, batch, width, n_seeds)
        for n in processes:
            # Of one process: what the way costs on which processes meet.
            wall, work = alone / measure(n, batch, width, n_seeds)
            yield {
                "batch": batch,
                "width": width,
                "ms a step, alone": f"{1000 * alone[1]:.2f}",
                "processes": n,
                "less work": f"{work:.2f}",
                "speed-up": f"{wall:.2f}",
            }


def measure(processes: int | None, batch: int, width: int, n_seeds: int) -> np.ndarray:
    """Return wall and processor seconds of a step, medians over seeds; None: no torchrun."""
    case = ["-m", "benchmarks.distributed", "--case", str(batch), str(width), str(n_seeds)]
    if processes is not None:
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        case = [*launcher, "--no-python", sys.executable, *case]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *case], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return np.median(json.loads(done.stdout.splitlines()[-1]), axis=0)


class Clock(Callback):
    """Reads two clocks at the end of each epoch."""

    def on_train_begin(self, net: object, **kwargs: object) -> None:
        self.times = [(time.perf_counter(), time.process_time())]

    def on_epoch_end(self, net: object, **kwargs: object) -> None:
        self.times.append((time.perf_counter(), time.process_time()))


def train(batch: int, width: int, n_seeds: int) -> None:
    """Print seconds a step for each seed, of the first process."""
    if "RANK" not in os.environ:
        print(json.dumps(seconds(batch, width, n_seeds)))
        return
    with distributed() as ranks:
        found = seconds(batch, width, n_seeds)
    if ranks.rank == 0:
        print(json.dumps(found))


def seconds(batch: int, width: int, n_seeds: int) -> list[list[float]]:
    """Return the wall and the processor's time of a step for each seed."""
    X = np.random.default_rng(0).normal(size=(N_STEPS * batch, COLUMNS))
    found = []
    for seed in range(n_seeds):
        clock = Clock()
        model = AdversarialAutoencoder(
            hidden_layer_sizes=(width, width), batch_size=batch, random_state=seed
        )
        model.set_params(max_epochs=1 + EPOCHS, callbacks=[clock]).fit(X)
        # The first epoch chooses kernels, and waits for processes that start later.
        found.append((np.diff(clock.times, axis=0)[1:].min(axis=0) / N_STEPS).tolist())
    return found


if __name__ == "__main__":
    main()
