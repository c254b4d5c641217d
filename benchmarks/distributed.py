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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
from skorch.callbacks import Callback

from benchmarks._common import Benchmark, Row
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae._utils._ranks import Ranks
from sklearn_aae.training import distributed
from sklearn_aae.training._stepping import FlatStepper

ROOT = Path(__file__).parents[1]
EPOCHS, N_STEPS, COLUMNS = 2, 8, 64
#: What a step is made of, beside draws and what is done once a step.
PARTS = {
    "passes": (FlatStepper, "gradients"),
    "updates": (FlatStepper, "update"),
    "messages": (Ranks, "add"),
}


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
    """Yield the time of a step, its ratios to that of one process alone, and its parts."""
    for batch, width in product(batches, widths):
        alone = measure(None, batch, width, n_seeds)
        for n in processes:
            # Of one process: what the way costs on which processes meet.
            shared = measure(n, batch, width, n_seeds)
            wall, work, *_ = alone / shared
            parts = dict(zip(PARTS, 1000 * shared[2:], strict=True))
            parts["the rest"] = 1000 * shared[1] - sum(parts.values())
            yield {
                "batch": batch,
                "width": width,
                "ms a step, alone": f"{1000 * alone[1]:.2f}",
                "processes": n,
                "less work": f"{work:.2f}",
                "speed-up": f"{wall:.2f}",
                **{f"ms {name}": f"{spent:.2f}" for name, spent in parts.items()},
            }


def measure(processes: int | None, batch: int, width: int, n_seeds: int) -> np.ndarray:
    """Return seconds of a step, by the wall clock, the processor's, and the latter's by part.

    They are medians over seeds.  ``processes=None`` starts one without torchrun.
    """
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
    """Reads its clocks at the end of each epoch: two, and one for each part of a step."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)
        self.times: list[list[float]] = []

    def on_train_begin(self, net: object, **kwargs: object) -> None:
        self.read()

    def on_epoch_end(self, net: object, **kwargs: object) -> None:
        self.read()

    def read(self) -> None:
        self.times.append([time.perf_counter(), time.process_time(), *self.spent.values()])

    def timed(self, name: str, method: Callable) -> Callable:
        """Return a method whose time is added up."""

        def added_up(*arguments: object, **options: object) -> object:
            start = time.process_time()
            answer = method(*arguments, **options)
            self.spent[name] += time.process_time() - start
            return answer

        return added_up


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
    """Return the times of a step for each seed, in the order of :func:`measure`."""
    X = np.random.default_rng(0).normal(size=(N_STEPS * batch, COLUMNS))
    found = []
    for seed in range(n_seeds):
        clock = Clock()
        model = AdversarialAutoencoder(
            hidden_layer_sizes=(width, width), batch_size=batch, random_state=seed
        )
        model.set_params(max_epochs=1 + EPOCHS, callbacks=[clock])
        with ExitStack() as stack:
            for name, (owner, method) in PARTS.items():
                timed = clock.timed(name, getattr(owner, method))
                # A function, so that it is bound like the method that it stands for.
                stack.enter_context(patch.object(owner, method, timed))
            model.fit(X)
        # The first epoch chooses kernels, and waits for processes that start later.
        found.append((np.diff(clock.times, axis=0)[1:].min(axis=0) / N_STEPS).tolist())
    return found


if __name__ == "__main__":
    main()
