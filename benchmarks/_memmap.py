"""Memory of a call on a memory-mapped table, measured in a process of its own.  Needs Linux."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import reset_peak, status

#: Rows that are drawn and written at a time.
BLOCK = 100_000


def mapped_table(path: Path, n_rows: int, n_features: int) -> np.memmap:
    """Write float32 standard normal rows to a file and return them, mapped read-only."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, BLOCK):
            size = (min(BLOCK, n_rows - start), n_features)
            rng.standard_normal(size, dtype=np.float32).tofile(file)
    return np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, n_features))


def bytes_above(X: np.memmap, call: Callable[[np.memmap], Any]) -> dict[str, int]:
    """Return the peak of the resident set in a call over that before it, and its output's size.

    All pages of the table are read before: they count among what was there, as those of a
    table in memory would.  They are the kernel's to take back when others need the memory,
    so they are no cost of the call.
    """
    page = 4096 // X.dtype.itemsize
    X.reshape(-1)[::page].sum()
    pages = status("RssFile")
    reset_peak()
    before = status("VmRSS")
    out = call(X)
    peak = status("VmHWM")
    if status("RssFile") < pages - X.nbytes // 10:
        raise RuntimeError("the kernel took pages of the table back: too little free memory")
    return {
        "table": X.nbytes,
        "above": peak - before,
        "output": out.nbytes if isinstance(out, np.ndarray) else 0,
    }


def in_child(module: str, arguments: Sequence[object]) -> dict[str, int]:
    """Return what ``python -m module`` prints as JSON, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)
