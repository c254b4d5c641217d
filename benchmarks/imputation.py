"""How well the model fills missing cells, beside scikit-learn's imputers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from benchmarks._common import Row, verdict
from benchmarks._contenders import AAE, EVERY, Contender
from benchmarks._frames import Mixed, as_floats, is_number
from benchmarks._imputers import SHARE, Imputer, Typical, mask_cells, without
from benchmarks._runs import mean_of, summarise
from benchmarks._table_benchmark import TableBenchmark
from benchmarks._timing import timed

ERRORS = {"numbers": "{:.3f}", "categories": "{:.3f}"}
DRAWS = {"variance of draws, median": "{:.2f}", "variance of draws, worst": "{:.2f}"}
COST = {"fit [s]": "{:.2f}", "impute [s]": "{:.2f}"}
FIGURES = ERRORS | DRAWS | COST
#: How far the median ratio of variances may be from 1.
SPREAD = 0.1
#: Held-out rows that are used, and rows with masks that are made of them at least: small
#: tables are masked several times, each time anew.
MAX_ROWS, MIN_MASKED = 2000, 1000


Build = Callable[..., Any]


def knn(kind: str) -> Build:
    """Return what makes a nearest-neighbour imputer for a seed, categories coded as said."""
    return lambda seed, short=False: Imputer(KNNImputer(), kind)


def iterative(kind: str, estimator: Build | None = None) -> Build:
    """Return what makes an iterative imputer for a seed, categories coded as said."""

    def build(seed: int, short: bool = False) -> Imputer:
        inner = estimator(seed) if estimator else None
        return Imputer(IterativeImputer(inner, random_state=seed), kind)

    return build


def trees(seed: int) -> ExtraTreesRegressor:
    """Return a small forest, as in scikit-learn's example of variants of the imputer."""
    return ExtraTreesRegressor(20, min_samples_leaf=2, random_state=seed)


CONTENDERS = {
    "mean": Contender("mean / mode", lambda seed, short=False: Typical("mean")),
    "median": Contender("median / mode", lambda seed, short=False: Typical("median")),
    "knn-one-hot": Contender("KNNImputer, one-hot", knn("one-hot")),
    "knn-ordinal": Contender("KNNImputer, ordinal", knn("ordinal")),
    "iterative-dummies": Contender("IterativeImputer, dummies", iterative("dummies")),
    "iterative-ordinal": Contender("IterativeImputer, ordinal", iterative("ordinal")),
    "iterative-trees": Contender("IterativeImputer, ordinal, trees", iterative("ordinal", trees)),
    AAE: EVERY[AAE],
}
#: The model is to be better than the best of these, which have scikit-learn's defaults.
RIVALS = ("knn-one-hot", "knn-ordinal", "iterative-dummies", "iterative-ordinal")


def main() -> None:
    benchmark = TableBenchmark("imputation", __doc__, CONTENDERS)
    args = benchmark.parse()

    def figures(table: Mixed, contender: str, seed: int) -> Row:
        model = CONTENDERS[contender].build(seed, short=args.quick)
        return measure(model, *table.split(seed), seed)

    tables = benchmark.tables()
    runs = benchmark.measure(tables, {key: CONTENDERS[key] for key in args.contenders}, figures)
    rows = runs.rows([table.name for table in tables], list(CONTENDERS))
    benchmark.report(
        {"table": list(summary(rows)), "targets": list(targets(rows))},
        masked=f"{SHARE:.0%} of the cells of at most {MAX_ROWS} held-out rows",
    )


def measure(model: Any, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Row:
    """Return the figures of a model on one split."""
    test = test[:MAX_ROWS]
    repeated = pd.concat([test] * -(-MIN_MASKED // len(test)), ignore_index=True)
    chosen = mask_cells(repeated, seed)
    masked = without(repeated, chosen)
    figures: Row = dict.fromkeys(FIGURES, np.nan)
    _, figures["fit [s]"] = timed(model.fit, train)
    draws = hasattr(model, "sample")
    options = {"method": "mode"} if draws else {}
    filled, figures["impute [s]"] = timed(model.impute, masked, **options)
    _check_filled(filled)
    figures |= errors(train, repeated, filled, chosen)
    if draws:
        drawn = model.impute(masked, method="draw", random_state=seed)
        _check_filled(drawn)
        ratios = variance_ratios(repeated, drawn, chosen)
        if len(ratios):
            figures["variance of draws, median"] = float(np.median(ratios))
            worst = np.abs(np.log(ratios)).argmax()
            figures["variance of draws, worst"] = float(ratios[worst])
    return figures


def _check_filled(frame: pd.DataFrame) -> None:
    left = frame.columns[frame.isna().any()]
    if len(left):
        raise RuntimeError(f"Cells of {list(left)} are still missing.")


def errors(
    train: pd.DataFrame, truth: pd.DataFrame, filled: pd.DataFrame, chosen: np.ndarray
) -> Row:
    """Return the mean scaled error of the chosen cells of numbers, and of categories.

    A number's error is the absolute one over the column's mean absolute deviation (from its
    mean) in the training rows; a category's is 1 if it is wrong.  Columns of numbers that do
    not vary in the training rows are left out.
    """
    found: dict[str, list[np.ndarray]] = {"numbers": [], "categories": []}
    for i, name in enumerate(train):
        cells = chosen[:, i]
        true, guess = truth[name][cells], filled[name][cells]
        if is_number(train[name]):
            known = as_floats(train[name])
            deviation = np.nanmean(np.abs(known - np.nanmean(known)))
            if deviation > 0:
                found["numbers"].append(np.abs(as_floats(guess) - as_floats(true)) / deviation)
        else:
            found["categories"].append((guess.astype(str) != true.astype(str)).to_numpy(float))
    return {
        kind: float(np.concatenate(cells).mean()) if cells else np.nan
        for kind, cells in found.items()
    }


def variance_ratios(truth: pd.DataFrame, drawn: pd.DataFrame, chosen: np.ndarray) -> np.ndarray:
    """Return the variance of drawn cells over that of the true ones, by column of numbers."""
    ratios = []
    for i, name in enumerate(truth):
        if not is_number(truth[name]):
            continue
        parts = [as_floats(rows[name][chosen[:, i]]) for rows in (drawn, truth)]
        ratios.append(np.var(parts[0]) / np.var(parts[1]) if np.ptp(parts[1]) > 0 else np.nan)
    return np.array([ratio for ratio in ratios if ratio > 0])


def summary(runs: list[Row]) -> Iterator[Row]:
    """Yield means and spreads by table and contender."""
    for row in summarise(runs, ("table", "contender"), ERRORS | COST):
        row["contender"] = CONTENDERS[row["contender"]].label
        yield row


def targets(runs: list[Row]) -> Iterator[Row]:
    """Yield the bounds that the project holds itself to, beside what was measured."""
    for table in dict.fromkeys(str(run["table"]) for run in runs):
        for figure, form in ERRORS.items():
            rivals = {key: mean_of(runs, figure, table=table, contender=key) for key in RIVALS}
            value = mean_of(runs, figure, table=table, contender=AAE)
            if np.isnan([value, *rivals.values()]).any():
                continue  # not measured, or no such columns
            best = min(rivals, key=lambda key: rivals[key])
            yield {
                "table": table,
                "figure": figure,
                "measured": form.format(value),
                **verdict(value, "at most", rivals[best], f"{form}, of {CONTENDERS[best].label}"),
            }
        for figure in DRAWS:
            value = mean_of(runs, figure, table=table, contender=AAE)
            if np.isnan(value):
                continue
            bounded = figure.endswith("median")
            near = abs(value - 1) <= SPREAD
            yield {
                "table": table,
                "figure": figure,
                "measured": f"{value:.2f}",
                "target": f"1 ± {SPREAD:g}" if bounded else "",
                "met": ("yes" if near else "no") if bounded else "",
            }


if __name__ == "__main__":
    main()
