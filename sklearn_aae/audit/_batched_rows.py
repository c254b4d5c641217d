"""What is written of a table that is read in batches, and which of its rows pages show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._batched import BATCH_ROWS, BatchedTable
from sklearn_aae.audit._command import Audit, audit_table
from sklearn_aae.audit._output import (
    SCORES,
    codes_of,
    scores_of,
    write_synthetic,
)
from sklearn_aae.audit._rows import Counts, RowAudit, score_rows
from sklearn_aae.audit._run import LOOK
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.inspection._page_data import MAX_ROWS

#: Rows that pages show beside the oddest ones, and synthetic rows if nobody asks for a number.
SHOWN_ROWS, SYNTHETIC_ROWS = 5000, 2**16


def audit_batches(
    table: BatchedTable,
    model: AdversarialAutoencoder,
    detector: AAEOutlierDetector,
    folder: Path,
    *,
    n_synthetic: int | None,
    seed: int,
) -> Audit:
    """Write scores, codes and synthetic rows to a folder; return an audit of some rows."""
    shown, counts = _Shown(seed), Counts(0, 0)
    with (
        (folder / SCORES).open("wb") as scores,
        (folder / "codes.csv").open("wb") as codes,
    ):
        for part, found, rows, numbers in _judged(table, detector):
            head = not counts.n_rows
            scores_of(found, part, sort=False).to_csv(
                scores, index_label="row", header=head, **LOOK
            )
            own = np.asarray(model.transform(part.frame), dtype=np.float64)
            codes_of(own, part).to_csv(codes, index_label="row", header=head, **LOOK)
            shown.add(rows, numbers, found.scores)
            counts = counts.with_rows(found)
    n_synthetic = n_synthetic or min(counts.n_rows, SYNTHETIC_ROWS)
    some = _write_synthetic(table, model, n_synthetic, folder / "synthetic.csv", seed)
    part = _with_remark(table, table.table(*shown.rows()), counts)
    rows = _score(table, detector, part)
    return replace(audit_table(part, model, rows, synthetic=some, seed=seed), counts=counts)


def _with_remark(table: BatchedTable, part: AuditTable, counts: Counts) -> AuditTable:
    """Return the rows that pages show, and how the table was read, with what is shown of it."""
    assert table.part is not None
    said = table.part.reading
    remark = (
        f"shown are {len(part.frame):,} of {counts.n_rows:,} rows: the oddest ones, and a uniform "
        "sample; figures on shares are of these"
    )
    reading = replace(said, remarks=[*said.remarks, remark])
    return replace(part, reading=reading, ruled=table.part.ruled)


def score_batches(
    table: BatchedTable, detector: AAEOutlierDetector, path: Path
) -> tuple[RowAudit, AuditTable, Counts]:
    """Write the scores of all rows to a file; return the oddest ones, and how many there are."""
    shown, counts = _Shown(0, n_uniform=0), Counts(0, 0)
    with path.open("wb") as file:
        for part, found, rows, numbers in _judged(table, detector):
            scores_of(found, part, sort=False).to_csv(
                file, index_label="row", header=not counts.n_rows, **LOOK
            )
            shown.add(rows, numbers, found.scores)
            counts = counts.with_rows(found)
    part = table.table(*shown.rows())
    return _score(table, detector, part), part, counts


def _judged(
    table: BatchedTable, detector: AAEOutlierDetector
) -> Iterator[tuple[AuditTable, RowAudit, Any, np.ndarray]]:
    for rows, numbers, part in table.batches():
        yield part, _score(table, detector, part), rows, numbers


def _score(table: BatchedTable, detector: AAEOutlierDetector, part: AuditTable) -> RowAudit:
    assert table.plan is not None
    new = np.full(len(part.frame), np.nan)
    return score_rows(detector, part, np.array(table.plan.judged), new)


def _write_synthetic(
    table: BatchedTable, model: AdversarialAutoencoder, n_rows: int, path: Path, seed: int
) -> Any:
    """Write drawn rows batch by batch; return those of the first one."""
    assert table.part is not None
    first = None
    with path.open("wb") as file:
        for i, start in enumerate(range(0, n_rows, BATCH_ROWS)):
            own = np.random.SeedSequence([seed % 2**32, i]).generate_state(1)[0]
            drawn = model.sample(min(BATCH_ROWS, n_rows - start), random_state=int(own))
            write_synthetic(drawn, table.part, file, header=first is None)
            first = drawn if first is None else first
    return first


class _Shown:
    """The oddest rows so far, and a uniform sample, as Arrow has them."""

    def __init__(self, seed: int, n_uniform: int = SHOWN_ROWS) -> None:
        self.rng, self.n_uniform = np.random.default_rng(seed % 2**32), n_uniform
        self.tables: list[Any] = []
        self.numbers, self.keys, self.scores = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)

    def add(self, table: Any, numbers: np.ndarray, scores: np.ndarray) -> None:
        """Take in a batch."""
        self.tables.append(table)
        self.numbers = np.append(self.numbers, numbers)
        self.keys = np.append(self.keys, self.rng.random(len(numbers)))
        self.scores = np.append(self.scores, scores)
        self._cut()

    def rows(self) -> tuple[Any, np.ndarray]:
        """Return the rows in their order, and their numbers."""
        return self.tables[0], self.numbers

    def _cut(self) -> None:
        arrow = import_extra("pyarrow", "scale")
        kept = np.zeros(len(self.keys), dtype=bool)
        kept[np.argsort(self.keys, kind="stable")[: self.n_uniform]] = True
        kept[np.argsort(self.scores, kind="stable")[:MAX_ROWS]] = True
        index = np.flatnonzero(kept)
        rows = arrow.concat_tables(self.tables).take(index)
        self.tables = [rows.unify_dictionaries().combine_chunks()]
        self.numbers, self.keys = self.numbers[index], self.keys[index]
        self.scores = self.scores[index]
