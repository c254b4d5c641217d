"""Memory of a call, measured in a process of its own.  Needs Linux."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: Rows that are drawn and written at a time.
BLOCK = 100_000


def reset_peak() -> None:
    """Set the process's peak to what it holds now; the peak of the imports is higher."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def status(name: str) -> int:
    """Return an entry of the process's memory status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def bytes_of_mapped(
    call: Callable[[np.memmap], Any], n_rows: int, n_features: int
) -> dict[str, int]:
    """Return the size of a mapped table, what a call needs at its peak, and its output's size.

    The table has float32 standard normal rows.  All its pages are read before: they count among
    what was there, as those of a table in memory would.  They are the kernel's to take back when
    others need the memory, so they are no cost of the call.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.bin"
        rng = np.random.default_rng(0)
        with path.open("wb") as file:
            for start in range(0, n_rows, BLOCK):
                size = (min(BLOCK, n_rows - start), n_features)
                rng.standard_normal(size, dtype=np.float32).tofile(file)
        X = np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, n_features))
        X.reshape(-1)[:: 4096 // X.dtype.itemsize].sum()
        pages = status("RssFile")
        reset_peak()
        before = status("VmRSS")
        out = call(X)
        peak = status("VmHWM")
        if status("RssFile") < pages - X.nbytes // 10:
            raise RuntimeError("the kernel took pages of the table back: too little free memory")
    output = out.nbytes if isinstance(out, np.ndarray) else 0
    return {"table": X.nbytes, "above": peak - before, "output": output}


def in_child(module: str, arguments: Sequence[object]) -> dict[str, int]:
    """Return what ``python -m module`` prints as JSON, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)
