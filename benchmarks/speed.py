"""Microseconds per training step, beside loops written by hand and other packages.

All contenders train the same layers on the same rows with the same batch size and number
of epochs, in one process and in turns: each repetition times every contender once, in an
order drawn anew, so that a machine that slows down slows all of them.  A time is that of
the whole call, from raw rows to trained weights, over the number of steps.  Shown are the
median and the quartiles over the repetitions after a first one, which only warms up; ratios
are taken within each repetition.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks._common import (
    Row,
    command_line,
    parser,
    prepare,
    quartiles,
    report,
    setup_rows,
    verdict,
    version,
)
from benchmarks._floor import products_alone
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
        device=work.device,
        random_state=0,
    ).fit(X)
    return sum(model.net_.history[:, "train_batch_count"])


HAND, TUNED, OURS = "hand-written loop", "hand-tuned loop", "AdversarialAutoencoder.fit"
FLOOR = "matrix products alone"
#: Phases of a step and the function, by name.
CONTENDERS: dict[str, tuple[int, Contender]] = {
    HAND: (3, hand_written),
    TUNED: (3, hand_tuned),
    OURS: (3, ours),
    FLOOR: (3, products_alone),
    "skorch, plain autoencoder": (1, skorch_autoencoder),
    "PyOD AutoEncoder.fit": (1, pyod_autoencoder),
    "pythae Adversarial_AE": (2, pythae_aae),
}
#: Contenders that can train on a GPU in the way that they train on a CPU.
ON_DEVICES = (HAND, TUNED, OURS, FLOOR)
#: Ratios that are reported, with the sign of their bound, and the bounds by device and workload.
RATIOS = ((HAND, OURS, "at least"), (TUNED, OURS, "at least"), (OURS, FLOOR, "at most"))
Bounds = tuple[float | None, float | None, float | None]
TARGETS: dict[str, dict[str, Bounds]] = {
    "cpu": {"table": (2.0, 1.0, 1.5), "wide": (1.6, 1.0, 1.5), "mnist": (1.3, 1.0, 1.5)},
    "cuda": {"table": (8.0, None, None), "mnist": (3.0, None, None)},
}


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument(
        "--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME",
        help=f"of {', '.join(WORKLOADS)} (default: all)",
    )  # fmt: skip
    arguments.add_argument("--repetitions", type=int, default=5, help="default: 5")
    arguments.add_argument(
        "--device", default="cpu",
        help="of the loops and the estimator, cuda for instance; other packages are left out "
        "there (default: cpu)",
    )  # fmt: skip
    args = arguments.parse_args()
    prepare(args.threads)
    repetitions = 2 if args.quick else args.repetitions
    rows: list[Row] = []
    ratios: list[Row] = []
    for name in args.workload:
        work = dataclasses.replace(WORKLOADS[name], device=args.device)
        if args.quick:
            work = dataclasses.replace(work, n_samples=10 * work.batch_size, epochs=1)
        times = measure(work, repetitions)
        rows += summarise(name, times)
        ratios += compare(name, times, args.device)
        print(f"{name}: {repetitions} repetitions of {work.epochs} epochs", flush=True)
    setup = setup_rows(command_line("speed", arguments, args), **facts(args, repetitions))
    on = "" if args.device == "cpu" else f"_{torch.device(args.device).type}"
    report(args.out, f"speed{on}", {"table": rows, "ratios": ratios, "setup": setup})


def facts(args: argparse.Namespace, repetitions: int) -> dict[str, object]:
    """Return what the setup has to say beside the machine and the package's versions."""
    more: dict[str, object] = {"repetitions": repetitions, "seeds": "0"}
    if args.device == "cpu":
        more["peers"] = f"pyod {version('pyod')}, pythae {version('pythae')}"
    elif torch.device(args.device).type == "cuda":
        more["device"] = f"{torch.cuda.get_device_name(args.device)}, CUDA {torch.version.cuda}"
    else:
        more["device"] = args.device
    return more


def measure(work: Workload, repetitions: int) -> dict[str, list[float]]:
    """Return microseconds per step of every contender, empty where it is not installed."""
    X = work.table()
    contenders = [name for name in CONTENDERS if work.device == "cpu" or name in ON_DEVICES]
    times: dict[str, list[float]] = {name: [] for name in contenders}
    present = []
    for name in contenders:
        try:
            CONTENDERS[name][1](work, X)
        except ImportError:
            continue
        present.append(name)
    order = np.random.default_rng(0)
    for _ in range(repetitions):
        # Not always the same neighbours: a contender can leave caches warm or the chip hot.
        for i in order.permutation(len(present)):
            seconds, steps = timed(CONTENDERS[present[i]][1], work, X)
            times[present[i]].append(1e6 * seconds / steps)
    return times


def timed(contender: Contender, work: Workload, X: np.ndarray) -> tuple[float, int]:
    """Return the seconds that a contender takes, work queued on the device included, and steps."""
    synchronise(work.device)
    start = time.perf_counter()
    steps = contender(work, X)
    synchronise(work.device)
    return time.perf_counter() - start, steps


def synchronise(device: str) -> None:
    """Wait for a GPU to finish; a CPU has."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def summarise(workload: str, times: dict[str, list[float]]) -> Iterator[Row]:
    """Yield a row for every contender."""
    for name, values in times.items():
        phases = CONTENDERS[name][0]
        row: Row = {"workload": workload, "contender": name, "phases": phases}
        if values:
            row["µs per step"] = f"{np.median(values):.0f}"
            row["quartiles"] = quartiles(values, ".0f")
            # The products are those of three phases.
            same = phases == CONTENDERS[FLOOR][0]
            row["hand-written over this"] = f"{np.median(per_repetition(times, HAND, name)):.2f}"
            over = np.median(per_repetition(times, name, FLOOR))
            row["over the products alone"] = f"{over:.2f}" if same else ""
        else:
            row |= {"µs per step": "not installed", "quartiles": ""}
            row |= {"hand-written over this": "", "over the products alone": ""}
        yield row


def per_repetition(times: dict[str, list[float]], slower: str, faster: str) -> np.ndarray:
    """Return the ratio of two contenders' times in each repetition."""
    return np.asarray(times[slower]) / np.asarray(times[faster])


def compare(workload: str, times: dict[str, list[float]], device: str) -> Iterator[Row]:
    """Yield the ratios that have bounds, with the quartiles over repetitions."""
    bounds = TARGETS.get(torch.device(device).type, {}).get(workload, (None, None, None))
    for (slower, faster, side), bound in zip(RATIOS, bounds, strict=True):
        values = per_repetition(times, slower, faster)
        yield {
            "workload": workload,
            "ratio": f"{slower} / {faster}",
            "median": f"{np.median(values):.2f}",
            "quartiles": quartiles(values, ".2f"),
            **verdict(float(np.median(values)), side, bound),
        }


if __name__ == "__main__":
    main()
