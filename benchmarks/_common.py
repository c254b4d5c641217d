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

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

PACKAGES = ("numpy", "scikit-learn", "torch", "skorch", "sklearn_aae")

Row = dict[str, object]


def parser(description: str, *, seeds: int | None = None) -> argparse.ArgumentParser:
    """Return the arguments that every benchmark takes."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--out", type=Path, metavar="DIR", help="write the tables there as CSV")
    arguments.add_argument("--quick", action="store_true", help="show in short that it runs")
    arguments.add_argument("--threads", type=int, default=1, help="threads (default: 1)")
    if seeds is not None:
        arguments.add_argument("--seeds", type=int, default=seeds, help=f"default: {seeds}")
    return arguments


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


def quartiles(values: Sequence[float] | np.ndarray, form: str) -> str:
    """Return the quartiles of repeated measurements, as text."""
    low, high = np.quantile(values, [0.25, 0.75])
    return f"{low:{form}} to {high:{form}}"


def verdict(value: float, side: str, bound: float | None) -> Row:
    """Return the columns that say what a figure should be, and whether it is.

    ``side`` is "at most" or "at least"; without a bound the columns are empty.
    """
    if bound is None:
        return {"target": "", "met": ""}
    met = value <= bound if side == "at most" else value >= bound
    return {"target": f"{side} {bound:g}", "met": "yes" if met else "no"}


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


def report(out: Path | None, name: str, tables: Mapping[str, Sequence[Row]]) -> None:
    """Print tables by title and write each as ``NAME_TITLE.csv``."""
    for title, rows in tables.items():
        show(rows, title)
        write_csv(out, f"{name}_{title}", rows)
