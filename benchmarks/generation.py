"""How good the rows are that the model draws for mixed-type tables, and what they cost.

Each run has a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._codes import boosting_seconds, principal_components, target_from
from benchmarks._common import Row, verdict, version
from benchmarks._contenders import AAE, CONTENDERS, EVERY, PEERS
from benchmarks._frames import Mixed
from benchmarks._made_tables import MADE, made
from benchmarks._memory import in_child, reset_peak, status
from benchmarks._runs import mean_of, summarise
from benchmarks._table_benchmark import TableBenchmark
from benchmarks._timing import timed
from sklearn_aae import metrics
from sklearn_aae.metrics import SyntheticReport, synthetic_report

FIDELITY = {
    "shapes": "{:.3f}",
    "trends": "{:.3f}",
    "C2ST": "{:.3f}",
    "ML": "{:.3f}",
    "DCR": "{:.3f}",
    "exact copies": "{:.2%}",
    "near copies": "{:.2%}",
}
CODES = {"nats in the code": "{:.2f}", "target from codes": "{:.3f}", "target from PCA": "{:.3f}"}
COST = {
    "fit [s]": "{:.2f}",
    "sample [s]": "{:.2f}",
    "fit and sample [s]": "{:.1f}",
    "of the CPU [s]": "{:.1f}",
    "over boosting": "{:.1f}",
    "peak of fit [MiB]": "{:.0f}",
}
#: What held-out rows reach in place of drawn ones; of the same seed the same for all contenders.
REAL = {f"{name}, real": FIDELITY[name] for name in FIDELITY if name not in ("C2ST", "DCR")}
FIGURES = FIDELITY | CODES | COST | REAL
REAL_LABEL = "(held-out rows)"
#: Rows of the fit that loads libraries and starts threads before the one that is measured.
WARM_UP_ROWS = 100
CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Target:
    """A bound on a figure of the model with its defaults.

    The bound is ``offset``, or ``offset`` more than the figure ``of`` of ``contender``.
    """

    figure: str
    side: str
    offset: float
    contender: str = ""
    of: str = ""


SMALL = (
    Target("trends", "at least", -0.03, "copy", "trends"),
    Target("C2ST", "at most", 0.08, "copy", "C2ST"),
    Target("DCR", "at most", 0.62),
    Target("exact copies", "at most", 0.03, AAE, "exact copies, real"),
)
TARGETS: dict[str, tuple[Target, ...]] = {
    "adult": (
        Target("trends", "at least", 0.98),
        Target("C2ST", "at most", 0.55),
        Target("ML", "at least", 0.91),
        Target("DCR", "at least", 0.45),
        Target("DCR", "at most", 0.55),
        Target("fit and sample [s]", "at most", 40),
        Target("nats in the code", "at least", 4),
        Target("target from codes", "at least", 0, AAE, "target from PCA"),
    ),
    "titanic": SMALL,
    "penguins": SMALL,
    "stones": (Target("trends", "at least", -0.03, "copy", "trends"),),
}


def main() -> None:
    """Run the benchmark, or one run of it in a child process."""
    benchmark = TableBenchmark("generation", __doc__, CONTENDERS)
    benchmark.add(
        "--peers", nargs="+", choices=list(PEERS), default=[], metavar="NAME",
        help=f"also these, if their packages are installed: {', '.join(PEERS)}",
    )  # fmt: skip
    benchmark.add(
        "--made", nargs="+", choices=list(MADE), default=[], metavar="NAME",
        help=f"also these tables, which are made: {', '.join(MADE)}",
    )  # fmt: skip
    benchmark.add("--run", nargs=3, help=argparse.SUPPRESS)
    args = benchmark.parse()
    if args.run:
        name, contender, seed = args.run
        table = made(name) if name in MADE else benchmark.tables(only=name)[0]
        print(json.dumps(measure(table, contender, int(seed))))
        return
    tables = [*benchmark.tables(), *(made(name, short=args.quick) for name in args.made)]
    chosen = [*args.contenders, *(key for peer in args.peers for key in available(peer))]
    # A process for each run would take longer than a short run.
    figures = partial(measure, short=True) if args.quick else partial(in_own_process, args)
    runs = benchmark.measure(tables, {key: EVERY[key] for key in chosen}, figures)
    rows = runs.rows([table.name for table in tables], list(EVERY))
    results = {part: list(summary(rows, part)) for part in PARTS}
    benchmark.report(
        results | {"targets": list(targets(rows))},
        **{f"table {table.name}": str(table).partition(": ")[2] for table in tables},
        ctgan=version("ctgan"),
        argn=version("mostlyai-engine"),
        arf=version("arfpy"),
    )


def available(peer: str) -> list[str]:
    """Return the contenders of a peer whose package is installed; say which are left out."""
    found = []
    for key, contender in PEERS[peer].items():
        if importlib.util.find_spec(contender.package):
            found.append(key)
        else:
            print(f"left out {contender.label}: the package {contender.package} is not installed")
    return found


def in_own_process(args: argparse.Namespace, table: Mixed, contender: str, seed: int) -> Row:
    """Return the figures of a run in a process of its own."""
    options = ["--data", args.data, "--threads", args.threads]
    options += ["--keep-repeats"] if args.keep_repeats else []
    return {**in_child("benchmarks.generation", [*options, "--run", table.name, contender, seed])}


def measure(table: Mixed, contender: str, seed: int, *, short: bool = False) -> Row:
    """Return the figures of a run."""
    train, test = table.split(seed)
    build = EVERY[contender].build
    build(seed, short=True).fit(train[:WARM_UP_ROWS])
    boosting_seconds(train[:WARM_UP_ROWS], table.target, seed)
    figures: Row = dict.fromkeys(FIGURES, np.nan)
    model = build(seed, short=short)
    before = _start_of_peak()
    start_cpu = time.process_time()
    _, figures["fit [s]"] = timed(model.fit, train)
    if before:
        figures["peak of fit [MiB]"] = (status("VmHWM") - before) / 2**20
    drawn, figures["sample [s]"] = timed(model.sample, len(train), random_state=seed)
    figures["of the CPU [s]"] = time.process_time() - start_cpu
    total = figures["fit and sample [s]"] = figures["fit [s]"] + figures["sample [s]"]
    figures["over boosting"] = total / boosting_seconds(train, table.target, seed)
    judged = synthetic_report(train, drawn, test, target=table.target, random_state=seed)
    figures |= fidelity(judged)
    if hasattr(model, "transform"):
        figures["nats in the code"] = metrics.code_information(model, test, random_state=seed)
        figures |= codes(build(seed, short=short), train, test, table.target, seed)
    return figures


def _start_of_peak() -> int:
    """Set the peak of the process to what it holds and return that; 0 where it cannot be had."""
    if not CLEAR_REFS.exists():
        return 0
    reset_peak()
    return status("VmRSS")


def fidelity(judged: SyntheticReport) -> Row:
    """Return the figures of a report, and those of held-out rows."""
    efficacy: Any = judged.ml_efficacy
    return {
        "shapes": judged.column_shapes.score,
        "trends": judged.pair_trends.score,
        "C2ST": judged.c2st.score,
        "ML": efficacy.score,
        "DCR": judged.dcr.score,
        "exact copies": judged.copy_share.score,
        "near copies": judged.near_copies.score,
        "shapes, real": judged.held_out_shapes.score,
        "trends, real": judged.held_out_trends.score,
        "ML, real": efficacy.details["real"],
        "exact copies, real": judged.copy_share.details["held_out"],
        "near copies, real": judged.near_copies.details["held_out"],
    }


def codes(model: Any, train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int) -> Row:
    """Return how well codes tell the target, of an unfitted model and of as many components.

    Both learn the table without the target: codes that have seen it give it away.
    """
    X, X_test = (rows.drop(columns=target) for rows in (train, test))
    model.fit(X)
    own = [np.asarray(model.transform(rows)) for rows in (X, X_test)]
    components = principal_components(X, X_test, own[0].shape[1], seed)
    labels = train[target], test[target]
    return {
        "target from codes": target_from(own[0], own[1], *labels, seed),
        "target from PCA": target_from(*components, *labels, seed),
    }


#: The tables of results, and the figures in each.
PARTS = {"table": FIDELITY, "codes": CODES, "cost": COST}


def summary(runs: list[Row], part: str) -> Iterator[Row]:
    """Yield means and spreads by table and contender; first what held-out rows reach."""
    figures = PARTS[part]
    for table in dict.fromkeys(run["table"] for run in runs):
        some = [run for run in runs if run["table"] == table]
        if part == "table":
            yield real_rows(str(table), some)
        for row in summarise(some, ("table", "contender"), figures):
            row["contender"] = EVERY[str(row["contender"])].label
            # Contenders without codes have no place in that part.
            if any(row[figure] for figure in figures):
                yield row


def real_rows(table: str, runs: list[Row]) -> Row:
    """Return the figures of held-out rows, each seed once, whoever measured them."""
    by_seed = {run["seed"]: run for run in runs}
    (row,) = summarise(by_seed.values(), ("table",), REAL)
    figures = {name: row.get(f"{name}, real", "") for name in FIDELITY}
    return {"table": table, "contender": REAL_LABEL, **figures}


def targets(runs: list[Row]) -> Iterator[Row]:
    """Yield the bounds that the project holds itself to, beside what was measured."""
    for table, bounds in TARGETS.items():
        for target in bounds:
            value = mean_of(runs, target.figure, table=table, contender=AAE)
            bound = target.offset
            if target.contender:
                bound += mean_of(runs, target.of, table=table, contender=target.contender)
            if np.isnan(value) or np.isnan(bound):
                continue  # not measured
            form = FIGURES[target.figure]
            yield {
                "table": table,
                "figure": target.figure,
                "measured": form.format(value),
                **verdict(value, target.side, bound, form),
            }


if __name__ == "__main__":
    main()
