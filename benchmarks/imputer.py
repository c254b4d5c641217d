"""Filling the missing cells of a whole table: AAEImputer beside scikit-learn's imputers.

What is hidden is hidden in training, too, as in a table that came with holes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._common import Benchmark, Row
from benchmarks._frames import Mixed, as_floats, folder, is_number
from benchmarks._imputers import Imputer, Typical, mask_cells, with_room
from benchmarks._runs import summarise
from benchmarks._tables import folder as arrays
from benchmarks._timing import timed
from benchmarks.imputation import trees
from sklearn_aae import AAEImputer

SHARE = 0.2
MAX_ROWS = 1500
FIGURES = {"error": "{:.3f}", "accuracy": "{:.3f}", "seconds": "{:.1f}"}
CONTENDERS: dict[str, Callable[[int], Any]] = {
    "mean / mode": lambda seed: Typical("mean"),
    "KNNImputer": lambda seed: Imputer(KNNImputer(), "one-hot"),
    "IterativeImputer, ridge": lambda seed: Imputer(IterativeImputer(random_state=seed), "dummies"),
    "IterativeImputer, extra trees": lambda seed: Imputer(
        IterativeImputer(trees(seed), random_state=seed), "ordinal"
    ),
    "AAEImputer": lambda seed: AAEImputer(random_state=seed),
}


def of_arrays(path: Path) -> Iterator[Mixed]:
    """Yield a table for every ``.npz`` file below a folder that has classes, the target."""
    for table in arrays(path):
        if table.y is None:
            continue
        frame = pd.DataFrame(table.X, columns=[f"x{j}" for j in range(table.X.shape[1])])
        yield Mixed(table.name, frame.assign(**{"(target)": table.y}), "(target)")


def bundled() -> Iterator[Mixed]:
    """Yield the tables that come with scikit-learn; their targets are set apart."""
    for load in (load_wine, load_breast_cancer, load_diabetes):
        data = load(as_frame=True)
        frame = data.frame.rename(columns={"target": "(target)"})
        yield Mixed(load.__name__.removeprefix("load_"), frame, "(target)")


def hidden(frame: pd.DataFrame, seed: int, at_random: bool) -> np.ndarray:
    """Choose a fifth of the cells: at random, or of numbers mostly those above the median."""
    if at_random:
        return mask_cells(frame, seed, SHARE)
    rng = np.random.default_rng(seed)
    odds = np.full(frame.shape, SHARE)
    for j, name in enumerate(frame):
        if is_number(frame[name]):
            values = as_floats(frame[name])
            odds[:, j] = np.where(values > np.nanmedian(values), 1.75 * SHARE, 0.25 * SHARE)
    chosen = (rng.random(frame.shape) < odds) & frame.notna().to_numpy()
    chosen[np.arange(len(frame)), rng.integers(frame.shape[1], size=len(frame))] = False
    return chosen


def error_of(truth: pd.DataFrame, filled: pd.DataFrame, chosen: np.ndarray) -> float:
    """Return the mean over columns of the error of hidden cells.

    Of numbers the root of the mean square over the column's spread, of others the share wrong.
    """
    errors = []
    for j, name in enumerate(truth):
        cells = chosen[:, j]
        true, guess = truth[name][cells], filled[name][cells]
        if is_number(truth[name]):
            spread = np.nanstd(as_floats(truth[name]))
            if spread > 0 and len(true):
                square = np.mean((as_floats(guess) - as_floats(true)) ** 2)
                errors.append(np.sqrt(square) / spread)
        elif len(true):
            errors.append(float((guess.astype(str) != true.astype(str)).mean()))
    return float(np.mean(errors))


def accuracy_of(filled: pd.DataFrame, target: pd.Series) -> float:
    """Return the balanced accuracy of a logistic regression on a table that was filled."""
    X = pd.get_dummies(filled.astype({n: object for n in filled if not is_number(filled[n])}))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    scores = cross_val_score(model, X.astype(float), target, cv=5, scoring="balanced_accuracy")
    return float(scores.mean())


def measure(table: Mixed, build: Callable[[int], Any], seed: int, at_random: bool) -> Row:
    """Return the figures of an imputer for a table whose cells were hidden."""
    frame = table.frame.sample(min(len(table.frame), MAX_ROWS), random_state=seed)
    frame = frame.reset_index(drop=True)
    target, frame = frame[table.target], frame.drop(columns=table.target)
    chosen = hidden(frame, seed, at_random)
    masked = pd.DataFrame(
        {n: with_room(c).mask(chosen[:, j]) for j, (n, c) in enumerate(frame.items())}
    )
    model = build(seed)

    def fill() -> pd.DataFrame:
        fitted = model.fit(masked)
        return fitted.impute(masked) if hasattr(fitted, "impute") else fitted.transform(masked)

    filled, seconds = timed(fill)
    classes = target.nunique() <= 10
    accuracy = accuracy_of(filled, target) if classes else np.nan
    return {
        "error": error_of(frame, filled, chosen),
        "accuracy": accuracy,
        "seconds": seconds,
    }


def main() -> None:
    benchmark = Benchmark("imputer", __doc__, seeds=3)
    benchmark.add_data("further tables: every .csv, .csv.gz and .npz below it")
    args = benchmark.parse()
    tables = list(bundled())
    if args.data:
        tables += [*folder(args.data), *of_arrays(args.data)]
    rows: list[Row] = []
    for table in tables[: 1 if args.quick else None]:
        print(table, flush=True)
        for at_random in (True, False):
            for label, build in CONTENDERS.items():
                for seed in benchmark.seeds:
                    run = {"table": table.name, "hidden": "at random" if at_random else "large"}
                    figures = measure(table, build, seed, at_random)
                    rows.append({**run, "imputer": label, "seed": seed, **figures})
    keys = ("table", "hidden", "imputer")
    benchmark.report({"table": list(summarise(rows, keys, FIGURES))})


if __name__ == "__main__":
    main()
