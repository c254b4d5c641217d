"""How well rows drawn under conditions agree with the model's own rows that meet them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._common import Row, verdict
from benchmarks._contenders import AAE, CONTENDERS
from benchmarks._frames import MAX_CLASSES, Mixed, is_number
from benchmarks._runs import Runs, mean_of, summarise
from benchmarks._table_benchmark import TableBenchmark
from benchmarks._timing import timed
from sklearn_aae.metrics import table_c2st

KEYS = ("table", "condition", "seed")
FIGURES = {
    "share of draws": "{:.3f}",
    "C2ST": "{:.3f}",
    "C2ST, filtered": "{:.3f}",
    "rows that meet it": "{:.1%}",
    "draw [s]": "{:.2f}",
    "filter [s]": "{:.2f}",
}
C2ST_TARGET = 0.60
#: Rows drawn under a condition, and how many times as many unconditional draws are tried.
N_ROWS, SHORT_ROWS, MOST_DRAWS = 3000, 200, 100
#: Of fewer filtered draws nothing can be said.
MIN_ROWS = 100
#: Where the columns that are conditioned on stand, from 0 (first) to 1 (last), by case.
CASES: dict[str, tuple[float, ...]] = {
    "first column": (0,),
    "middle column": (0.5,),
    "last column": (1,),
    "first and last": (0, 1),
}


def main() -> None:
    benchmark = TableBenchmark("conditional", __doc__)
    args = benchmark.parse()
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    tables = benchmark.tables()
    for table in tables:
        print(table, flush=True)
        for seed in benchmark.seeds:
            if not benchmark.again and all((table.name, case, seed) in runs for case in CASES):
                continue
            train, _ = table.split(seed)
            model = CONTENDERS[AAE].build(seed, short=args.quick).fit(train)
            runs.add(*measure(model, table, train, seed, SHORT_ROWS if args.quick else N_ROWS))
    rows = runs.rows([table.name for table in tables], list(CASES))
    benchmark.report({"table": list(summary(rows)), "conditions": list(describe(tables))})


def describe(tables: Iterable[Mixed]) -> Iterator[Row]:
    """Yield what the conditions of the first seed say."""
    for table in tables:
        train, _ = table.split(0)
        for case in CASES:
            texts = [
                f"{name} from {wanted[0]} to {wanted[1]}"
                if isinstance(wanted, tuple)
                else f"{name} is {wanted}"
                for name, wanted in conditions(train, case).items()
            ]
            yield {"table": table.name, "condition": case, "rows": " and ".join(texts)}


def conditions(train: pd.DataFrame, case: str) -> dict[str, Any]:
    """Return a condition on each column of a case.

    A category, a boolean, or a number of few values must be the most frequent one; of two
    equally frequent ones, the first.  Other numbers and dates must lie in the middle third
    of the training rows' present cells, both ends included.
    """
    chosen: dict[str, Any] = {}
    for where in CASES[case]:
        column = train.iloc[:, int(where * (train.shape[1] - 1))]
        if is_number(column) and column.nunique() > MAX_CLASSES:
            chosen[str(column.name)] = tuple(
                column.quantile([1 / 3, 2 / 3], interpolation="nearest")
            )
        else:
            chosen[str(column.name)] = column.mode().iloc[0]
    return chosen


def meets(frame: pd.DataFrame, conditions: dict[str, Any]) -> np.ndarray:
    """Return which rows meet all conditions; a missing cell meets none."""
    met = np.ones(len(frame), dtype=bool)
    for name, wanted in conditions.items():
        column = frame[name]
        one = column.between(*wanted) if isinstance(wanted, tuple) else column == wanted
        met &= one.fillna(False).to_numpy(dtype=bool)
    return met


def measure(model: Any, table: Mixed, train: pd.DataFrame, seed: int, n_rows: int) -> Iterator[Row]:
    """Yield the figures of each case."""
    for case in CASES:
        chosen = conditions(train, case)
        drawn, draw_seconds = timed(model.sample, n_rows, random_state=seed, conditions=chosen)
        # Twice as many: what two sets of filtered draws make of each other.
        (filtered, share), filter_seconds = timed(filter_draws, model, chosen, 2 * n_rows, seed)
        half = len(filtered) // 2
        areas = [np.nan, np.nan]
        if half >= MIN_ROWS:
            areas = [
                table_c2st(filtered[:half], others, random_state=seed).score
                for others in (drawn, filtered[half:])
            ]
        yield {
            "table": table.name,
            "condition": case,
            "seed": seed,
            "share of draws": share,
            "C2ST": areas[0],
            "C2ST, filtered": areas[1],
            "rows that meet it": float(meets(drawn, chosen).mean()),
            "draw [s]": draw_seconds,
            "filter [s]": filter_seconds / 2,
        }


def filter_draws(
    model: Any, conditions: dict[str, Any], n_rows: int, seed: int
) -> tuple[pd.DataFrame, float]:
    """Return unconditional draws that meet conditions, and what share of the draws does.

    Fewer rows than asked for are returned if ``MOST_DRAWS`` times as many do not yield them.
    """
    found: list[pd.DataFrame] = []
    n_found, n_drawn = 0, 0
    while n_found < n_rows and n_drawn < MOST_DRAWS * n_rows:
        # Not the seed of the conditional draws: rows from the same noise are no news.
        rows = model.sample(2 * n_rows, random_state=2**16 + 1000 * seed + len(found))
        found.append(rows[meets(rows, conditions)])
        n_found, n_drawn = n_found + len(found[-1]), n_drawn + len(rows)
    return pd.concat(found, ignore_index=True)[:n_rows], n_found / n_drawn


def summary(runs: list[Row]) -> Iterator[Row]:
    """Yield means and spreads by table and condition, with the verdict."""
    for row in summarise(runs, ("table", "condition"), FIGURES):
        keys = {name: str(row[name]) for name in ("table", "condition")}
        area, met = (mean_of(runs, name, **keys) for name in ("C2ST", "rows that meet it"))
        row |= verdict(area, "at most", C2ST_TARGET)
        row["target"] = f"C2ST {row['target']}, all rows meet it"
        if met < 1:
            row["met"] = "no"
        elif np.isnan(area):
            row["met"] = "too rare to say"
        yield row


if __name__ == "__main__":
    main()
