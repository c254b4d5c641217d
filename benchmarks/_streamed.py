"""Rows of a file scored in a stream, and in one call."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks._common import Row
from benchmarks._onnx_serving import N_FIT, tables
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, stream

#: Rows at a time.
BATCH = 8192


def stream_and_call(n_rows: int, max_epochs: int | str = "auto") -> list[Row]:
    """Return the processor seconds of scores of a Parquet file of mixed columns, file to file."""
    _, X = tables(N_FIT)
    _, many = tables(n_rows)
    rows = []
    for estimator in (
        AdversarialAutoencoder(rules=None, max_epochs=max_epochs, random_state=0).fit(X),
        AAEOutlierDetector(rules=None, max_epochs=max_epochs, random_state=0).fit(X),
    ):
        with tempfile.TemporaryDirectory() as folder:
            src, dst = Path(folder) / "rows.parquet", Path(folder) / "scores.parquet"
            many.to_parquet(src, index=False, row_group_size=BATCH)

            row: Row = {"estimator": type(estimator).__name__, "rows": f"{n_rows:,}"}
            for name, call in (("stream", _in_stream), ("one call", _in_one_call)):
                busy = time.process_time()
                call(estimator, src, dst)
                busy = time.process_time() - busy
                row[f"{name} [s]"] = f"{busy:.1f}"
            rows.append(row)
    return rows


def _in_stream(estimator: Any, src: Path, dst: Path) -> None:
    stream(estimator.score_samples, src, dst, batch_rows=BATCH)


def _in_one_call(estimator: Any, src: Path, dst: Path) -> None:
    scores = estimator.score_samples(pd.read_parquet(src))
    pd.DataFrame({"score_samples": scores}).to_parquet(dst, index=False)
