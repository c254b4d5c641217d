"""What the benchmarks share: arguments, the machine, tables on screen and as CSV."""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

PACKAGES = ("numpy", "scikit-learn", "torch", "skorch", "sklearn_aae")

Row = dict[str, Any]
#: Where figures of single runs are kept.
RESULTS = Path(__file__).parent / "results"
RUNS_HELP = (
    "keep figures of single runs there (default: benchmarks/results with --out, those of --quick "
    "in --out itself)"
)


class Benchmark:
    """A command: its options, and its tables on screen and as CSV.

    ``name`` is the module's.  ``seeds`` is the default number of seeds, if it takes them;
    ``keeps_runs`` says that figures of single runs go to a file of their own.
    """

    def __init__(
        self,
        name: str,
        description: str,
        *,
        seeds: int | None = None,
        keeps_runs: bool = False,
        arguments: argparse.ArgumentParser | None = None,
    ) -> None:
        self.name = name
        #: What the names of its files begin with.
        self.prefix = name.rpartition(".")[2]
        self.arguments = arguments or argparse.ArgumentParser(
            description=description.strip().splitlines()[0]
        )
        self.add = self.arguments.add_argument
        self.add("--out", type=Path, metavar="DIR", help="write the tables there as CSV")
        self.add("--quick", action="store_true", help="show in short that it runs")
        self.add("--threads", type=int, default=1, help="threads (default: 1)")
        if seeds is not None:
            self.add("--seeds", type=int, default=seeds, help=f"default: {seeds}")
        if keeps_runs:
            self.add("--runs", type=Path, metavar="DIR", help=RUNS_HELP)

    def add_data(self, text: str | None = None, *, required: bool = False) -> None:
        """Take a folder of tables."""
        self.add("--data", type=Path, metavar="DIR", required=required, help=text)

    def parse(self) -> argparse.Namespace:
        """Read the command line and set the number of threads."""
        return self.start(self.arguments.parse_args())

    def start(self, args: argparse.Namespace) -> argparse.Namespace:
        """Take what was read from the command line and set the number of threads."""
        self.args, self.command = args, command_line(self.name, self.arguments, args)
        prepare(args.threads)
        return args

    @property
    def seeds(self) -> range:
        """The seeds that were asked for, of short runs one."""
        return range(1 if self.args.quick else self.args.seeds)

    @property
    def runs_folder(self) -> Path | None:
        """Where figures of single runs are kept; those of short runs are not to pass for others."""
        if self.args.runs or not self.args.out:
            return self.args.runs
        return self.args.out if self.args.quick else RESULTS

    def report(self, tables: Mapping[str, Sequence[Row]], /, **facts: object) -> None:
        """Print the tables and how they were made, and write each as ``PREFIX_TITLE.csv``."""
        if vars(self.args).get("seeds"):
            facts = {"seeds": ", ".join(map(str, self.seeds))} | facts
        report(self.args.out, self.prefix, {**tables, "setup": setup_rows(self.command, **facts)})


def prepare(threads: int) -> None:
    """Set the number of threads, and silence what the benchmarks expect."""
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    # Logistic regression and mixtures stop at a fixed number of iterations.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)


def processor() -> str:
    """Return the name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def version(package: str) -> str:
    """Return the installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def setup_rows(command: str, **more: object) -> list[Row]:
    """Return what a reader needs to judge the figures: command, machine and versions."""
    facts: dict[str, object] = {
        "command": command,
        "processor": f"{processor()}, {cores()} cores",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "torch threads": torch.get_num_threads(),
    }
    if hasattr(os, "getloadavg"):
        # Times taken while others work say little; this shows whether they were.
        facts["load average at the end"] = f"{os.getloadavg()[0]:.1f}"
    facts |= {key.replace("_", " "): value for key, value in more.items()}
    facts["versions"] = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return [{"item": item, "value": value} for item, value in facts.items()]


def command_line(name: str, arguments: argparse.ArgumentParser, args: argparse.Namespace) -> str:
    """Return the command with the options that were set, without local paths."""
    words = [f"python -m benchmarks.{name}"]
    for option, value in vars(args).items():
        if option == "out" or value == arguments.get_default(option):
            continue
        values = value if isinstance(value, list) else [] if value is True else [value]
        words += [
            f"--{option.replace('_', '-')}",
            *("DIR" if isinstance(v, Path) else str(v) for v in values),
        ]
    return " ".join(words)


def verdict(value: float, side: str, bound: float | None, form: str = "{:g}") -> Row:
    """Return the columns that say what a figure should be, and whether it is.

    ``side`` is "at most" or "at least"; without a bound the columns are empty.
    """
    if bound is None:
        return {"target": "", "met": ""}
    met = value <= bound if side == "at most" else value >= bound
    return {"target": f"{side} {form.format(bound)}", "met": "yes" if met else "no"}


def show(rows: Sequence[Row], title: str = "") -> None:
    """Print rows as an aligned table."""
    columns = list(rows[0])
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    print(f"\n{title}" if title else "")
    for line in [columns, ["-" * width for width in widths], *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def write_csv(out: Path | None, name: str, rows: Sequence[Row]) -> None:
    """Write rows to ``out/name.csv``, if there is an ``out``."""
    if out is None or not rows:
        return
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def report(out: Path | None, prefix: str, tables: Mapping[str, Sequence[Row]]) -> None:
    """Print tables by title and write each as ``PREFIX_TITLE.csv``; empty ones are left out."""
    for title, rows in tables.items():
        if rows:
            show(rows, title)
            write_csv(out, f"{prefix}_{title}", rows)
