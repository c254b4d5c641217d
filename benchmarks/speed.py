"""Microseconds per training step, beside loops written by hand and other packages.

All contenders train the same layers on the same rows with the same batch size and number
of epochs, in one process and in turns: each repetition times every contender once, so
that a machine that slows down slows all of them.  A time is that of the whole call, from
raw rows to trained weights, over the number of steps.  Shown are the median and the
quartiles over the repetitions after a first one, which only warms up.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows, version
from benchmarks._loops import WORKLOADS, Workload, hand_tuned, hand_written
from benchmarks._peers import pyod_autoencoder, pythae_aae, skorch_autoencoder
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.posteriors import Deterministic

Contender = Callable[[Workload, np.ndarray], int]


def ours(work: Workload, X: np.ndarray) -> int:
    """Fit the estimator, all that it does included; return the number of steps.

    Activation and input noise are set to what the loops have.
    """
    model = AdversarialAutoencoder(
        work.n_components,
        activation="relu",
        posterior=Deterministic(input_noise=0),
        hidden_layer_sizes=work.hidden,
        discriminator_layer_sizes=work.discriminator,
        batch_size=work.batch_size,
        max_epochs=work.epochs,
        device="cpu",
        random_state=0,
    ).fit(X)
    return sum(model.net_.history[:, "train_batch_count"])


HAND = "hand-written loop"
#: Phases of a step and the function, by name.
CONTENDERS: dict[str, tuple[int, Contender]] = {
    HAND: (3, hand_written),
    "hand-tuned loop": (3, hand_tuned),
    "AdversarialAutoencoder.fit": (3, ours),
    "skorch, plain autoencoder": (1, skorch_autoencoder),
    "PyOD AutoEncoder.fit": (1, pyod_autoencoder),
    "pythae Adversarial_AE": (2, pythae_aae),
}


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument(
        "--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME",
        help=f"of {', '.join(WORKLOADS)} (default: all)",
    )  # fmt: skip
    arguments.add_argument("--repetitions", type=int, default=7, help="default: 7")
    args = arguments.parse_args()
    prepare(args.threads)
    repetitions = 2 if args.quick else args.repetitions
    rows: list[Row] = []
    for name in args.workload:
        work = WORKLOADS[name]
        if args.quick:
            work = dataclasses.replace(work, n_samples=10 * work.batch_size, epochs=1)
        rows += summarise(name, measure(work, repetitions))
        print(f"{name}: {repetitions} repetitions of {work.epochs} epochs", flush=True)
    setup = setup_rows(
        command_line("speed", arguments, args),
        repetitions=repetitions,
        peers=f"pyod {version('pyod')}, pythae {version('pythae')}",
    )
    report(args.out, "speed", {"table": rows, "setup": setup})


def measure(work: Workload, repetitions: int) -> dict[str, list[float]]:
    """Return microseconds per step of every contender, empty where it is not installed."""
    X = work.table()
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    present = []
    for name, (_, contender) in CONTENDERS.items():
        try:
            contender(work, X)
        except ImportError:
            continue
        present.append(name)
    for _ in range(repetitions):
        for name in present:
            start = time.perf_counter()
            steps = CONTENDERS[name][1](work, X)
            times[name].append(1e6 * (time.perf_counter() - start) / steps)
    return times


def summarise(workload: str, times: dict[str, list[float]]) -> Iterator[Row]:
    """Yield a row for every contender."""
    reference = np.median(times[HAND])
    for name, values in times.items():
        row: Row = {"workload": workload, "contender": name, "phases": CONTENDERS[name][0]}
        if values:
            low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
            row["µs per step"] = f"{median:.0f}"
            row["quartiles"] = f"{low:.0f} to {high:.0f}"
            row["hand-written over this"] = f"{reference / median:.2f}"
        else:
            row |= {"µs per step": "not installed", "quartiles": "", "hand-written over this": ""}
        yield row


if __name__ == "__main__":
    main()
