"""What rows in files cost, step by step, and what a billion of them would.

Seconds are those of the processor, in one thread, so that they hardly depend on what else the
machine does.  Each step is measured on two sizes; the difference gives the cost of a further row.
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
from sklearn_aae.encoding._datasets import open_stream
from sklearn_aae.encoding._sampled import SAMPLED_ROWS, sample_rows

#: Sizes of the tables: both do not count as fitting into memory.
SIZES, QUICK_SIZES = (70_000, 110_000), (66_000, 67_000)
MANY = 10**9
FILE_ROWS, EXPLAINED = 40_000, 1000
READ, SAMPLED, TRAINED, FITTED = "read", "sample", "fit, one pass", 'fit, max_epochs="auto"'


def main() -> None:
    """Measure, and report seconds by step and what they come to."""
    benchmark = Benchmark("streaming", __doc__)
    args = benchmark.parse()
    rows = []
    for kind in ("numbers", "mixed"):
        sizes = QUICK_SIZES if args.quick else SIZES
        rows += summarise(kind, sizes, [measured(kind, n) for n in sizes])
    benchmark.report({"table": rows}, clock="processor seconds of one thread")


def measured(kind: str, n_rows: int) -> dict[str, float]:
    """Return the seconds of each step for a table of so many rows."""
    numbers, mixed = tables(n_rows)
    frame = dict(zip(map(str, range(10)), numbers.T, strict=True))
    table = pa.table(frame) if kind == "numbers" else pa.Table.from_pandas(mixed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ds.write_dataset(
            table,
            folder / "rows",
            format="parquet",
            max_rows_per_file=FILE_ROWS,
            max_rows_per_group=FILE_ROWS,
        )
        return _steps(ds.dataset(folder / "rows"), folder / "out.parquet", n_rows)


def _steps(rows: Any, out: Path, n_rows: int) -> dict[str, float]:
    times = {}
    model = AdversarialAutoencoder(max_epochs=1, random_state=0)
    detector = AAEOutlierDetector(random_state=0)
    with open_stream(rows) as own:
        times[READ] = seconds(lambda: [len(table) for table in own.batches()])
        times[SAMPLED] = seconds(lambda: sample_rows(own, SAMPLED_ROWS, 0, with_rare=True))
    times["TableEncoder.fit"] = seconds(lambda: TableEncoder().fit(rows))
    times[TRAINED] = seconds(lambda: model.fit(rows))
    for method in (model.transform, model.score_samples):
        times[method.__name__] = seconds(partial(stream, method, rows, out))
    times["draw"] = seconds(lambda: stream(model.sample, n_rows, out))
    times["detector: fit"] = seconds(lambda: detector.fit(rows))
    times["detector: p_values"] = seconds(lambda: stream(detector.p_values, rows, out))
    some = rows.head(EXPLAINED)
    explained = seconds(lambda: detector.explain(some, top=3))
    times["detector: explain"] = explained * n_rows / EXPLAINED
    return times


def seconds(call: Callable[[], Any]) -> float:
    """Return the processor's seconds that a call takes."""
    return timed(call, clock=time.process_time)[1]


def summarise(kind: str, sizes: tuple[int, ...], times: list[dict[str, float]]) -> list[Row]:
    """Return a line for each step, and one for a fit that sees a bounded number of rows."""
    rows, slopes = [], {}
    for step in times[0]:
        own = [found[step] for found in times]
        slopes[step] = max(0.0, (own[1] - own[0]) / (sizes[1] - sizes[0]))
        base = max(0.0, own[0] - slopes[step] * sizes[0])
        rows.append(_line(kind, step, own, slopes[step], base + MANY * slopes[step]))
    trained = slopes[TRAINED] - slopes[SAMPLED]
    passes = MANY * (slopes[SAMPLED] + slopes[READ])
    rows.append(_line(kind, FITTED, None, None, passes + MOST_SEEN * trained))
    return rows


def _line(kind: str, step: str, own: list[float] | None, slope: float | None, many: float) -> Row:
    first, second = ("", "") if own is None else (f"{second:.1f}" for second in own)
    return {
        "table": kind,
        "step": step,
        "small [s]": first,
        "large [s]": second,
        "µs per further row": "" if slope is None else f"{1e6 * slope:.2f}",
        "1e9 rows, one core [h]": f"{many / 3600:.2g}",
    }


if __name__ == "__main__":
    main()
