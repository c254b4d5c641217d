"""What a second thread gains in training, by the size of networks and batches.

The rule of ``sklearn_aae.training`` for how many threads a training uses is set by it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from unittest.mock import patch

import numpy as np

from benchmarks._common import Benchmark, Row, cores
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae._utils._threads import Pace
from sklearn_aae.training import AAENet

#: Batch size, columns and hidden layers.
SHAPES = [
    (32, 4, (32,)),
    (64, 8, (64, 32)),
    (128, 10, (64, 64)),
    (128, 30, (128, 64)),
    (256, 30, (128, 64)),
    (256, 30, (256, 128)),
    (256, 100, (256, 128)),
    (256, 200, (256, 128)),
    (256, 200, (512, 256)),
    (128, 784, (512,)),
    (100, 784, (1000, 1000)),
]
BATCHES = 40


def main() -> None:
    benchmark = Benchmark("threads", __doc__)
    benchmark.add("--repetitions", type=int, default=3, help="after one that warms up; default: 3")
    benchmark.arguments.set_defaults(threads=cores())
    args = benchmark.parse()
    shapes, repetitions = (SHAPES[:2], 1) if args.quick else (SHAPES, args.repetitions)
    rows = [measure(*shape, args.threads, repetitions) for shape in shapes]
    benchmark.report({"table": rows}, repetitions=repetitions)


def measure(
    batch_size: int, n_columns: int, hidden: tuple[int, ...], threads: int, repetitions: int
) -> Row:
    """Return the milliseconds of the steps of three epochs, on one thread and on several."""
    X = np.random.default_rng(0).normal(size=(batch_size * BATCHES, n_columns))
    model = AdversarialAutoencoder(
        4, hidden_layer_sizes=hidden, batch_size=batch_size, max_epochs=3, random_state=0
    )
    trained = [partial(steps, model, X, n) for n in (1, threads)]
    for train in trained:  # warms up
        train()
    times = np.array([[train() for train in trained] for _ in range(repetitions)])
    # The rule looks at the largest layer of all networks.
    work = batch_size * max(weights.numel() for weights in model.net_.module_.parameters())
    one, several = np.median(times, axis=0)
    return {
        "batch": batch_size,
        "columns": n_columns,
        "hidden layers": ", ".join(map(str, hidden)),
        "multiplications [millions]": f"{work / 1e6:.2f}",
        "one thread [ms]": f"{1e3 * one:.0f}",
        "several [ms]": f"{1e3 * several:.0f}",
        "gain": f"{np.median(times[:, 0] / times[:, 1]):.2f}",
    }


def steps(model: AdversarialAutoencoder, X: np.ndarray, threads: int) -> float:
    """Return the seconds of a fit's steps on so many threads."""
    steady = patch.object(Pace, "step", lambda pace: nullcontext())
    as_many = patch.object(AAENet, "n_threads", lambda net, n_rows: threads)
    with timed_steps() as seconds, as_many, steady:
        model.fit(X)
    return sum(seconds)


@contextmanager
def timed_steps() -> Iterator[list[float]]:
    """Note the seconds of each training loop."""
    seconds: list[float] = []
    fit_loop = AAENet.fit_loop

    def timed(net: AAENet, *args: object, **kwargs: object) -> AAENet:
        start = time.perf_counter()
        result = fit_loop(net, *args, **kwargs)
        seconds.append(time.perf_counter() - start)
        return result

    with patch.object(AAENet, "fit_loop", timed):
        yield seconds


if __name__ == "__main__":
    main()
