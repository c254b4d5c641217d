"""What a run was: when, of what, by which versions and with which options."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sklearn_aae import __version__
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.encoding._number_notations import FLOAT_FORMAT

LIBRARIES = ("torch", "numpy", "scikit-learn", "pandas")
#: Of numbers in files of text.
LOOK: dict[str, Any] = {"float_format": FLOAT_FORMAT, "encoding": "utf-8"}
#: Letters of a hash that people read.
SHORT = 12


def record_run(
    table: AuditTable, path: Path | None, options: dict[str, Any], n_rows: int
) -> dict[str, Any]:
    """Return what ``run.json`` holds; ``options`` are the command's, as plain values."""
    reading = table.reading
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "sklearn_aae": __version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "seed": options["seed"],
        "options": options,
        "table": {
            "name": table.title if path is None else path.name,
            "n_rows": n_rows,
            "n_columns": table.frame.shape[1],
            **_hash(table, path),
        },
        "reading": {
            "line": reading.line(table.frame),
            "format": reading.format,
            "separator": reading.sep,
            "decimal": reading.decimal,
            "encoding": reading.encoding,
            "header": reading.header,
            "missing": dict(reading.missing),
            "notes": reading.notes,
            "remarks": reading.remarks,
        },
    }


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, which need not fit into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash(table: AuditTable, path: Path | None) -> dict[str, str]:
    """Return the table's hash, and of what it is: a pipe or a bundled table is no file."""
    if path is not None and path.is_file():
        return {"sha256": checksum(path), "sha256_of": "the file"}
    if path is not None and path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        lines = "".join(f"{checksum(file)}  {file.relative_to(path)}\n" for file in files)
        own = hashlib.sha256(lines.encode()).hexdigest()
        return {"sha256": own, "sha256_of": "the lines that sha256sum prints of the files"}
    text = table.frame.to_csv(index=False, **LOOK)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "sha256_of": "the rows as CSV"}


def facts_of(run: dict[str, Any]) -> dict[str, str]:
    """Return what pages show of a run."""
    made = datetime.fromisoformat(run["made"])
    return {
        "made": made.strftime("%Y-%m-%d %H:%M UTC"),
        "by": f"sklearn_aae {run['sklearn_aae']}",
        "seed": str(run["seed"]),
        "SHA-256 of the table": run["table"]["sha256"][:SHORT],
    }


def footer_of(run: dict[str, Any]) -> str:
    """Return the same in two lines."""
    facts = facts_of(run)
    return (
        f"{facts['by']}, seed {facts['seed']}\n"
        f"{facts['made']}, SHA-256 {facts['SHA-256 of the table']}"
    )
