"""What rows in files cost, step by step, and what a billion of them would.

Seconds are those of the processor, in one thread, so that they hardly depend on what else the
machine does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks._common import Benchmark, Row
from benchmarks._onnx_serving import tables
from benchmarks._timing import timed
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder, stream
from sklearn_aae.autoencoder._streamed import MOST_SEEN
from sklearn_aae.detection._sampled import DRAWN_ROWS
from sklearn_aae.encoding._datasets import open_stream
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows

#: Rows that estimators are fitted to, more than the sample of a model; that are streamed; that
#: are explained; and that all is extrapolated to.
FITTED, STREAMED, EXPLAINED, MANY = 70_000, 20_000, 500, 10**9
FILE_ROWS = 20_000
READ, SAMPLED, DRAWN, TRAINED = "read", "sample", "sample of a detector", "fit, one pass"


def main() -> None:
    """Measure, and report microseconds a row and what they come to."""
    benchmark = Benchmark("streaming", __doc__)
    args = benchmark.parse()
    n_streamed = 1000 if args.quick else STREAMED
    rows = [line for kind in ("numbers", "mixed") for line in summarise(kind, n_streamed)]
    benchmark.report(
        {"table": rows},
        clock="processor seconds of one thread",
        rows=f"{FITTED:,} to fit, {n_streamed:,} to stream, {EXPLAINED:,} to explain",
    )


def summarise(kind: str, n_streamed: int) -> list[Row]:
    """Return a line for each step, and one for a fit that sees a bounded number of rows."""
    costs, once = measured(kind, n_streamed)
    passes = costs[READ] + costs[SAMPLED]
    trained = costs.pop(TRAINED) - passes
    rows = [_line(kind, step, cost, MANY * cost) for step, cost in costs.items()]
    rows += [
        _line(kind, "train", trained, MANY * trained),
        _line(kind, 'fit, max_epochs="auto"', None, MANY * passes + MOST_SEEN * trained),
        _line(kind, "fit of a detector", None, MANY * costs[DRAWN] + once),
    ]
    return rows


def measured(kind: str, n_streamed: int) -> tuple[dict[str, float], float]:
    """Return seconds a row of each step, and those that a detector needs beside its pass."""
    numbers, mixed = tables(FITTED)
    frame = dict(zip(map(str, range(10)), numbers.T, strict=True))
    table = pa.table(frame) if kind == "numbers" else pa.Table.from_pandas(mixed)
    limits = {"max_rows_per_file": FILE_ROWS, "max_rows_per_group": FILE_ROWS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, rows in (("all", table), ("some", table[:n_streamed])):
            ds.write_dataset(rows, folder / part, format="parquet", **limits)
        return _steps(ds.dataset(folder / "all"), ds.dataset(folder / "some"), folder / "out")


def _steps(rows: Any, some: Any, out: Path) -> tuple[dict[str, float], float]:
    model = AdversarialAutoencoder(max_epochs=1, random_state=0)
    detector = AAEOutlierDetector(random_state=0)
    with open_stream(rows) as own:
        fits = {
            READ: seconds(lambda: [len(table) for table in own.batches()]),
            SAMPLED: seconds(
                lambda: sample_rows(own, SAMPLED_ROWS, 0, with_rare=True, counted=True)
            ),
            DRAWN: seconds(lambda: sample_rows(own, DRAWN_ROWS, 0)),
        }
    fits["TableEncoder.fit"] = seconds(lambda: TableEncoder().fit(rows))
    fits[TRAINED] = seconds(lambda: model.fit(rows))
    n_streamed = some.count_rows()
    streams = {
        "transform": seconds(partial(stream, model.transform, some, out)),
        "score_samples": seconds(partial(stream, model.score_samples, some, out)),
        "sample rows": seconds(partial(stream, model.sample, n_streamed, out)),
    }
    once = seconds(lambda: detector.fit(rows)) - fits[DRAWN]
    streams["p_values of a detector"] = seconds(partial(stream, detector.p_values, some, out))
    explained = some.head(EXPLAINED)
    reasons = seconds(lambda: detector.explain(explained, top=3)) / len(explained)
    costs = {step: time_ / FITTED for step, time_ in fits.items()}
    costs |= {step: time_ / n_streamed for step, time_ in streams.items()}
    return costs | {"explain": reasons}, once


def seconds(call: Callable[[], Any]) -> float:
    """Return the processor's seconds that a call takes."""
    return timed(call, clock=time.process_time)[1]


def _line(kind: str, step: str, cost: float | None, many: float) -> Row:
    return {
        "table": kind,
        "step": step,
        "µs a row": "" if cost is None else f"{1e6 * cost:.1f}",
        "1e9 rows, one core [h]": f"{float(f'{many / 3600:.2g}'):g}",
    }


if __name__ == "__main__":
    main()
