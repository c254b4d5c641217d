"""Microseconds per training step, beside loops written by hand and other packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest

import numpy as np
import torch

from benchmarks._common import Benchmark, Row, version
from benchmarks._floor import products_alone
from benchmarks._loops import WORKLOADS, Workload, hand_tuned, hand_written
from benchmarks._peers import pyod_autoencoder, pythae_aae, skorch_autoencoder
from benchmarks._timing import in_turns, quartiles, ratio_columns
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
        discriminator_layer_sizes=work.discriminator_hidden,
        batch_size=work.batch_size,
        max_epochs=work.epochs,
        device=work.device,
        # The layers of the loops.
        init="pca" if work.linear_path else "random",
        random_state=0,
    ).fit(X)
    return sum(model.net_.history[:, "train_batch_count"])


def beside(contender: Contender) -> Contender:
    """Return a contender whose networks have a linear path beside their layers."""
    return lambda work, X: contender(dataclasses.replace(work, linear_path=True), X)


HAND, TUNED, OURS = "hand-written loop", "hand-tuned loop", "AdversarialAutoencoder.fit"
FLOOR = "matrix products alone"
TORCH_FLOOR = f"{FLOOR}, by torch.mm"
HAND_BESIDE, OURS_BESIDE = f"{HAND}, with a linear path", f"{OURS}, init='pca'"
#: Phases of a step and the function, by name.
CONTENDERS: dict[str, tuple[int, Contender]] = {
    HAND: (3, hand_written),
    TUNED: (3, hand_tuned),
    OURS: (3, ours),
    FLOOR: (3, products_alone),
    TORCH_FLOOR: (3, partial(products_alone, by_torch=True)),
    HAND_BESIDE: (3, beside(hand_written)),
    OURS_BESIDE: (3, beside(ours)),
    "skorch, plain autoencoder": (1, skorch_autoencoder),
    "PyOD AutoEncoder.fit": (1, pyod_autoencoder),
    "pythae Adversarial_AE": (2, pythae_aae),
}
#: Contenders that can train on a GPU in the way that they train on a CPU.
ON_DEVICES = (HAND, TUNED, OURS, FLOOR, TORCH_FLOOR, HAND_BESIDE, OURS_BESIDE)
#: Ratios that are reported, with the sign of their bound, and the bounds by device and workload.
RATIOS = (
    (HAND, OURS, "at least"),
    (TUNED, OURS, "at least"),
    (OURS, FLOOR, "at most"),
    (HAND_BESIDE, OURS_BESIDE, "at least"),
)
Bounds = tuple[float | None, ...]
TARGETS: dict[str, dict[str, Bounds]] = {
    "cpu": {"table": (2.5, 1.0, 1.5), "wide": (1.6, 1.0, 1.5), "mnist": (1.35, 1.0, 1.5)},
    "cuda": {"table": (8.0, None, None), "mnist": (3.0, None, None)},
}


def main() -> None:
    benchmark = Benchmark("speed", __doc__)
    benchmark.add(
        "--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME",
        help=f"of {', '.join(WORKLOADS)} (default: all)",
    )  # fmt: skip
    benchmark.add("--repetitions", type=int, default=5, help="default: 5")
    benchmark.add(
        "--device", default="cpu",
        help="of the loops and the estimator, cuda for instance; other packages are left out "
        "there (default: cpu)",
    )  # fmt: skip
    args = benchmark.parse()
    device = torch.device(args.device)
    if device.type != "cpu":
        benchmark.prefix += f"_{device.type}"
    repetitions = 2 if args.quick else args.repetitions
    rows: list[Row] = []
    ratios: list[Row] = []
    for name in args.workload:
        work = dataclasses.replace(WORKLOADS[name], device=args.device)
        if args.quick:
            work = dataclasses.replace(work, n_samples=10 * work.batch_size, epochs=1)
        times = measure(work, repetitions)
        rows += summarise(name, times)
        ratios += compare(name, times, device.type)
        print(f"{name}: {repetitions} repetitions of {work.epochs} epochs", flush=True)
    benchmark.report(
        {"table": rows, "ratios": ratios}, repetitions=repetitions, seeds="0", **facts(device)
    )


def facts(device: torch.device) -> dict[str, str]:
    """Return what the setup has to say of peers or of the device."""
    if device.type == "cpu":
        return {"peers": f"pyod {version('pyod')}, pythae {version('pythae')}"}
    if device.type == "cuda":
        return {"device": f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"}
    return {"device": str(device)}


def measure(work: Workload, repetitions: int) -> dict[str, np.ndarray]:
    """Return microseconds per step of every contender, empty where it is not installed."""
    X = work.table()
    steps: dict[str, int] = {}
    names = [name for name in CONTENDERS if work.device == "cpu" or name in ON_DEVICES]
    for name in names:
        try:  # the first call warms up
            steps[name] = CONTENDERS[name][1](work, X)
        except ImportError:
            continue
    synchronise(work.device)
    trained = [partial(train, CONTENDERS[name][1], work, X) for name in steps]
    seconds = in_turns(trained, repetitions, np.random.default_rng(0))
    times = dict(zip(steps, 1e6 * seconds.T / np.array([*steps.values()])[:, None], strict=True))
    return {name: times.get(name, np.array([])) for name in names}


def train(contender: Contender, work: Workload, X: np.ndarray) -> None:
    """Run a contender, work that it has queued on the device included."""
    contender(work, X)
    synchronise(work.device)


def synchronise(device: str) -> None:
    """Wait for a GPU to finish; a CPU has."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def summarise(workload: str, times: dict[str, np.ndarray]) -> Iterator[Row]:
    """Yield a row for every contender."""
    for name, values in times.items():
        phases = CONTENDERS[name][0]
        row: Row = {"workload": workload, "contender": name, "phases": phases}
        row |= {"µs per step": "not installed", "quartiles": ""}
        row |= {"hand-written over this": "", "over the products alone": ""}
        if len(values):
            row["µs per step"] = f"{np.median(values):.0f}"
            row["quartiles"] = quartiles(values, ".0f")
            row["hand-written over this"] = f"{np.median(times[HAND] / values):.2f}"
            # The products are those of three phases, without a linear path.
            if phases == CONTENDERS[FLOOR][0] and name not in (HAND_BESIDE, OURS_BESIDE):
                row["over the products alone"] = f"{np.median(values / times[FLOOR]):.2f}"
        yield row


def compare(workload: str, times: dict[str, np.ndarray], device: str) -> Iterator[Row]:
    """Yield the ratios that have bounds, taken within each repetition."""
    bounds = TARGETS.get(device, {}).get(workload, ())
    for (slower, faster, side), bound in zip_longest(RATIOS, bounds[: len(RATIOS)]):
        row: Row = {"workload": workload, "ratio": f"{slower} / {faster}"}
        yield row | ratio_columns(times[slower] / times[faster], side, bound)


if __name__ == "__main__":
    main()
