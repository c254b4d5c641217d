"""The files that ``python -m sklearn_aae`` writes, and those that it must not overwrite."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._command import Audit, report_data
from sklearn_aae.encoding._number_notations import FLOAT_FORMAT
from sklearn_aae.inspection._report import draw_report

PAGE = "report.png"
NAMES = ("scores.csv", "codes.csv", "synthetic.csv", PAGE)
#: Where the page holds the checksums of the other files of its run.
MARK = "sklearn_aae"


def check_folder(folder: Path, table: Path | None, force: bool) -> None:
    """Raise FileExistsError if a run would overwrite its table, or files of somebody else.

    Files of an earlier run that nobody changed since are overwritten: its page holds their
    checksums.
    """
    there = [path for name in NAMES if (path := folder / name).exists()]
    for path in there:
        if table is not None and table.exists() and path.samefile(table):
            raise FileExistsError(
                f"{path} is the table itself and would be overwritten; name another folder by --out"
            )
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; name another folder by --out")
    if force or not there:
        return
    known = _checksums(folder / PAGE)
    foreign = [
        path.name
        for path in there
        if known is None or (path.name != PAGE and known.get(path.name) != _checksum(path))
    ]
    if foreign:
        raise FileExistsError(
            f"{folder} has files that no earlier run left like this: {', '.join(foreign)}. Name "
            "another folder by --out, or overwrite them with --force"
        )


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checksums(page: Path) -> dict[str, str] | None:
    """Return the checksums that a page of an earlier run holds; None for other pictures."""
    from PIL import Image

    try:
        with Image.open(page) as image:
            known = json.loads(getattr(image, "text", {})[MARK])
    except (OSError, SyntaxError, ValueError, KeyError):
        return None
    return known if isinstance(known, dict) else None


def write(audit: Audit, folder: Path, *, sort: bool = False) -> list[Path]:
    """Write the files of an audit and return their paths; all or none."""
    tables = {"scores.csv": _scores(audit, sort), "codes.csv": _codes(audit)}
    look: dict[str, Any] = {"float_format": FLOAT_FORMAT, "encoding": "utf-8"}
    with tempfile.TemporaryDirectory(prefix=".sklearn_aae", dir=folder) as name:
        aside = Path(name)
        for file, frame in tables.items():
            frame.to_csv(aside / file, index_label="row", **look)
        reading = audit.table.reading
        audit.table.as_written(audit.synthetic).to_csv(
            aside / "synthetic.csv",
            index=False,
            sep=reading.sep or ",",
            header=reading.header,
            # A column of its own with a missing cell is an empty line, which readers skip.
            quoting=csv.QUOTE_MINIMAL,
            **look,
        )
        known = {file: _checksum(aside / file) for file in NAMES if file != PAGE}
        with warnings.catch_warnings():
            # The bundled font has no Chinese, say; the boxes in its place need no comment.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            page = draw_report(report_data(audit))
            page.savefig(aside / PAGE, dpi=150, metadata={MARK: json.dumps(known)})
        for file in NAMES:
            os.replace(aside / file, folder / file)
    return [folder / file for file in NAMES]


def _scores(audit: Audit, sort: bool) -> Any:
    pandas = import_extra("pandas", "table")
    table, frame, rows = audit.table, audit.table.frame, audit.rows
    scores = {
        "score": rows.scores,
        "p_value": rows.p_values,
        "flag": rows.flagged,
        "held_out": rows.held_out,
    }
    for k, (columns, shares) in enumerate(zip(rows.order.T, rows.shares.T, strict=True), start=1):
        scores[f"column_{k}"] = frame.columns.to_numpy()[columns]
        scores[f"share_{k}"] = shares
        scores[f"value_{k}"] = table.own_texts(columns)
        scores[f"expected_{k}"] = table.texts(rows.expected, columns)
    written = _with_id(pandas.DataFrame(scores, frame.index), audit)
    return written.iloc[np.argsort(rows.scores, kind="stable")] if sort else written


def _codes(audit: Audit) -> Any:
    pandas = import_extra("pandas", "table")
    names = [f"component_{i}" for i in range(audit.codes.shape[1])]
    return _with_id(pandas.DataFrame(audit.codes, audit.table.frame.index, names), audit)


def _with_id(frame: Any, audit: Audit) -> Any:
    """Put the column that names rows before all others."""
    names = audit.table.id
    if names is not None:
        # Twice the same name, if the user's is one of ours, is what the user asked for.
        frame.insert(0, names.name, names.to_numpy(), allow_duplicates=True)
    return frame
