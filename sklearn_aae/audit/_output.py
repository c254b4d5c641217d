"""The files that ``python -m sklearn_aae`` writes, and those that it must not overwrite."""

from __future__ import annotations

import csv
import json
import os
import tempfile
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.archive._archive import replace
from sklearn_aae.audit._command import Audit, report_data
from sklearn_aae.audit._html import html_page
from sklearn_aae.audit._plan import ReadingPlan
from sklearn_aae.audit._rows import RowAudit, judged_columns
from sklearn_aae.audit._run import LOOK, checksum, footer_of
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.inspection._report import draw_report
from sklearn_aae.persistence import save

PAGE = "report.png"
SCORES, MODEL, RULES, HTML, RUN = "scores.csv", "model.aae", "rules.json", "report.html", "run.json"
NAMES = (SCORES, "codes.csv", "synthetic.csv", RULES, MODEL, RUN, HTML, PAGE)
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
        if known is None or (path.name != PAGE and known.get(path.name) != checksum(path))
    ]
    if foreign:
        raise FileExistsError(
            f"{folder} has files that no earlier run left like this: {', '.join(foreign)}. Name "
            "another folder by --out, or overwrite them with --force"
        )


def check_scores(folder: Path, table: Path, force: bool) -> None:
    """Raise FileExistsError if the scores of a table would overwrite it, or another file."""
    path = folder / SCORES
    if path.exists() and table.exists() and path.samefile(table):
        raise FileExistsError(
            f"{path} is the table itself and would be overwritten; name another folder by --out"
        )
    if path.exists() and not force:
        raise FileExistsError(
            f"{path} is there already; name another folder by --out, or overwrite it with --force"
        )


def _checksums(page: Path) -> dict[str, str] | None:
    """Return the checksums that a page of an earlier run holds; None for other pictures."""
    from PIL import Image

    try:
        with Image.open(page) as image:
            known = json.loads(getattr(image, "text", {})[MARK])
    except (OSError, SyntaxError, ValueError, KeyError):
        return None
    return known if isinstance(known, dict) else None


@contextmanager
def written_together(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Give a folder for files that get their place in another one at the end; all or none."""
    with tempfile.TemporaryDirectory(prefix=".sklearn_aae", dir=folder) as name:
        yield Path(name)
        for file in names:
            os.replace(Path(name) / file, folder / file)


def write_tables(audit: Audit, folder: Path, *, sort: bool = False) -> None:
    """Write scores, codes and synthetic rows of a table that is in memory."""
    tables = {SCORES: scores_of(audit.rows, audit.table, sort)}
    tables["codes.csv"] = codes_of(audit.codes, audit.table)
    for file, frame in tables.items():
        frame.to_csv(folder / file, index_label="row", **LOOK)
    write_synthetic(audit.synthetic, audit.table, folder / "synthetic.csv")


def write_synthetic(rows: Any, table: AuditTable, file: Any, *, header: bool = True) -> None:
    """Write drawn rows as a table's file writes its own."""
    table.as_written(rows).to_csv(
        file,
        index=False,
        sep=table.reading.sep or ",",
        header=header and table.reading.header,
        # A column of its own with a missing cell is an empty line, which readers skip.
        quoting=csv.QUOTE_MINIMAL,
        **LOOK,
    )


def write_pages(audit: Audit, folder: Path, run: dict[str, Any], *, cells: bool = True) -> None:
    """Write all that is no table, beside the tables.

    ``run`` is what ``run.json`` holds; ``cells`` says whether the page in HTML may show cells.
    """
    (folder / RULES).write_text(audit.rows.detector.rules_.to_json(), encoding="utf-8")
    save(_bundle(audit), folder / MODEL)
    (folder / RUN).write_text(json.dumps(run, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / HTML).write_text(html_page(audit, run, cells=cells), encoding="utf-8")
    known = {file: checksum(folder / file) for file in NAMES if file != PAGE}
    with warnings.catch_warnings():
        # The bundled font has no Chinese, say; the boxes in its place need no comment.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        page = draw_report(replace_fields(report_data(audit), footer=footer_of(run)))
        page.savefig(folder / PAGE, dpi=150, metadata={MARK: json.dumps(known)})


def _bundle(audit: Audit) -> dict[str, Any]:
    """Return what next month's file is scored by."""
    table = audit.table
    plan = ReadingPlan.of(table.frame, table.forms, table.reading, judged_columns(table))
    return {"model": audit.model, "detector": audit.rows.detector, "reading": plan.as_data()}


def write_scores(rows: RowAudit, table: AuditTable, folder: Path, *, sort: bool = False) -> Path:
    """Write the scores of rows that no model was fitted on, and return the path."""
    scores = scores_of(rows, table, sort)
    replace(folder / SCORES, scores.to_csv(index_label="row", **LOOK).encode())
    return folder / SCORES


def scores_of(rows: RowAudit, table: AuditTable, sort: bool) -> Any:
    """Return what ``scores.csv`` holds."""
    pandas, frame = import_extra("pandas", "table"), table.frame
    scores = {
        "score": rows.scores,
        "p_value": rows.p_values,
        "flag": rows.flagged,
    }
    for k, (columns, shares) in enumerate(zip(rows.order.T, rows.shares.T, strict=True), start=1):
        scores[f"column_{k}"] = frame.columns.to_numpy()[columns]
        scores[f"share_{k}"] = shares
        scores[f"value_{k}"] = table.own_texts(columns)
        scores[f"expected_{k}"] = table.texts(rows.expected, columns)
    written = _with_id(pandas.DataFrame(scores, frame.index), table)
    return written.iloc[np.argsort(rows.scores, kind="stable")] if sort else written


def codes_of(codes: np.ndarray, table: AuditTable) -> Any:
    """Return what ``codes.csv`` holds."""
    pandas = import_extra("pandas", "table")
    names = [f"component_{i}" for i in range(codes.shape[1])]
    return _with_id(pandas.DataFrame(codes, table.frame.index, names), table)


def _with_id(frame: Any, table: AuditTable) -> Any:
    """Put the column that names rows before all others."""
    names = table.id
    if names is not None:
        # Twice the same name, if the user's is one of ours, is what the user asked for.
        frame.insert(0, names.name, names.to_numpy(), allow_duplicates=True)
    return frame
