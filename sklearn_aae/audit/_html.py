"""The page in HTML of an audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.audit._command import Audit
from sklearn_aae.audit._rows import N_EXPLAINING, RowAudit, as_table, judged_columns
from sklearn_aae.audit._run import facts_of
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.encoding import read_matrices
from sklearn_aae.inspection._page import render_page
from sklearn_aae.inspection._page_data import CellReason, PageData, oddest_rows

#: The other files with cells of the table.
FILES = "scores.csv, synthetic.csv, report.png, rules.json and model.aae"


def html_page(audit: Audit, run: dict[str, Any], *, cells: bool) -> str:
    """Return the page; ``run`` is what ``run.json`` holds, ``cells`` whether it may show cells."""
    table, rows = audit.table, audit.rows
    matrices = read_matrices({"table": table.frame, "synthetic": audit.synthetic})
    reading = table.reading
    said = [run["reading"]["line"]] + ([*reading.notes, *reading.remarks] if cells else [])
    return render_page(
        PageData(
            title=table.title,
            run=facts_of(run),
            notes=said,
            names=list(map(str, matrices.names)),
            kinds=matrices.kinds,
            levels=matrices.levels,
            rows=matrices["table"],
            row_ids=_row_ids(table),
            cells=cells,
            seed=run["seed"],
            scores=rows.scores,
            p_values=rows.p_values,
            alpha=float(rows.detector.alpha),
            reasons=_reasons(rows, table),
            synthetic=matrices["synthetic"],
            codes=audit.codes,
            rules=rows.detector.rules_,
            training={
                "Model": audit.model.training_report_,
                "Detector": rows.detector.training_report_,
            },
            synthetic_report=audit.synthetic_report,
            files=FILES,
        )
    )


def _row_ids(table: AuditTable) -> list[str]:
    """Return what rows are called: by the index, and by the column that names them."""
    index = table.frame.index
    if table.id is None:
        return [str(name) for name in index]
    return [f"{name} ({own})" for name, own in zip(index, table.id, strict=True)]


def _reasons(rows: RowAudit, table: AuditTable) -> dict[int, list[CellReason]]:
    """Return why the oddest rows are odd, with cells as the file writes them."""
    odd = oddest_rows(rows.scores, rows.p_values)
    judged = judged_columns(table)
    frame = table.frame.iloc[odd]
    found = rows.detector.explain(frame.iloc[:, judged], top=N_EXPLAINING)
    index_of = dict(zip(frame.columns[judged], judged.tolist(), strict=True))
    reasons: dict[int, list[CellReason]] = {row: [] for row in odd.tolist()}
    for k in range(N_EXPLAINING):
        places = np.flatnonzero([len(own) > k for own in found])
        nth = [found[i][k] for i in places]
        columns = np.array([index_of[reason.column] for reason in nth], dtype=int)
        own = table.own_texts(columns, odd[places])
        like = frame.iloc[places]
        expected, low, high = (
            _texts([getattr(reason, name) for reason in nth], columns, like, table)
            for name in ("expected", "low", "high")
        )
        for i, reason in enumerate(nth):
            interval = "" if reason.low is None else f"{low[i]} to {high[i]}"
            share, rule = float(reason.share), reason.rule or ""
            name = str(reason.column)
            cell = CellReason(name, own[i] or "missing", expected[i], interval, share, rule)
            reasons[int(odd[places[i]])].append(cell)
    return reasons


def _texts(values: list[Any], columns: np.ndarray, like: Any, table: AuditTable) -> np.ndarray:
    """Return one cell of each row as text."""
    cells: dict[int, dict[int, Any]] = {}
    for i, (column, value) in enumerate(zip(columns.tolist(), values, strict=True)):
        if value is not None:
            cells.setdefault(column, {})[i] = value
    return table.texts(as_table(cells, like), columns, missing="missing", short=True)
