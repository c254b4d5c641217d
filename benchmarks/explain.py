"""Whether the column that was corrupted is named: ours beside SHAP, PCA and ECOD."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from benchmarks._common import Benchmark, Row, version
from benchmarks._frames import is_number
from benchmarks._runs import Runs, groups_of, mean_of
from benchmarks._timing import timed
from sklearn_aae import AAEOutlierDetector, TableEncoder

KEYS = ("table", "corruption", "method", "seed")
#: What is said of methods that take seconds for a row, and of what they are held against.
FEW = "few rows"
N_ROWS = 200
MAX_TRAIN = 10_000
SHIFTS = (2, 3, 5)
FIGURES = {"top 1": "{:.3f}", "top 3": "{:.3f}", "ms per row": "{:.2f}"}
Explainer = Callable[[pd.DataFrame], np.ndarray]


def main() -> None:
    benchmark = Benchmark("explain", __doc__, seeds=1, keeps_runs=True)
    benchmark.add_data("also adult, titanic, penguins.csv and shuttle.npz")
    benchmark.add("--shap-rows", type=int, default=20, help="rows for SHAP (default: 20)")
    args = benchmark.parse()
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    measured = {(one["table"], one["seed"]) for one in runs.rows()}
    for name, table in tables(args.data, args.quick):
        for seed in benchmark.seeds:
            if (name, str(seed)) not in measured:
                runs.add(*run(name, table, seed, args.shap_rows))
        print(f"{name}: {table.shape[0]} rows, {table.shape[1]} columns", flush=True)
    few, many = ([one for one in runs.rows() if (FEW in one["method"]) == yes] for yes in (1, 0))
    benchmark.report(
        {
            "table": list(summarise(with_all(many), "corruption")),
            "by_data": list(summarise(many, "table")),
            "shap": list(summarise(with_all(few), "corruption")),
        },
        shap=version("shap"),
    )


def with_all(runs: list[Row]) -> list[Row]:
    """Return runs, and once more for all corruptions together."""
    return [*runs, *(one | {"corruption": "all"} for one in runs)]


def tables(data: Path | None, quick: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the tables: two that come with scikit-learn, and those of a folder."""
    yield "breast cancer", load_breast_cancer(as_frame=True).data
    yield "wine", load_wine(as_frame=True).data
    if data is None or quick:
        return
    for file in sorted([*data.rglob("*.csv"), *data.rglob("*.csv.gz")]):
        yield file.name.partition(".")[0], pd.read_csv(file)
    for file in sorted(data.rglob("*shuttle.npz")):
        with np.load(file) as arrays:
            X = arrays["X"][arrays["y"].ravel() == 0]
            yield "shuttle", pd.DataFrame(X.astype(float)).rename(columns="x{}".format)


def run(name: str, table: pd.DataFrame, seed: int, shap_rows: int) -> Iterator[Row]:
    """Yield hit rates and seconds of every method and kind of corruption."""
    train, test = train_test_split(table, test_size=0.3, random_state=seed)
    train = train.iloc[:MAX_TRAIN]
    test = test.iloc[:N_ROWS]
    methods = dict(explainers(train, seed))
    for corruption in [*(f"shift {s}" for s in SHIFTS), "swap", "combination"]:
        rng = np.random.default_rng([seed, len(corruption), ord(corruption[-1])])
        rows, columns = corrupt(test, train, corruption, rng)
        if not len(rows):
            continue
        for method, explain in methods.items():
            limit = min(shap_rows, len(rows)) if FEW in method else len(rows)
            parts, seconds = timed(explain, rows.iloc[:limit])
            hits = np.argsort(-parts, axis=1, kind="stable") == columns[:limit, None]
            yield {
                "table": name,
                "corruption": corruption,
                "method": method,
                "seed": seed,
                "top 1": hits[:, 0].mean(),
                "top 3": hits[:, :3].any(axis=1).mean(),
                "ms per row": 1e3 * seconds / limit,
            }


def corrupt(
    test: pd.DataFrame, train: pd.DataFrame, corruption: str, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows with one corrupted cell each, and the columns it is in."""
    numeric = np.array([is_number(train[c]) and train[c].std() > 0 for c in train])
    varied = np.array([train[c].nunique() > 1 for c in train])
    usable = {"shift": numeric, "swap": ~numeric & varied, "combination": varied}
    candidates = np.flatnonzero(usable[corruption.split()[0]])
    rows = test.astype({c: float for c in test.columns[numeric]})
    if not len(candidates):
        return rows.iloc[:0], candidates
    columns = rng.choice(candidates, len(rows))
    for i, j in enumerate(columns):
        column, old = train.iloc[:, j], rows.iat[i, j]
        if corruption.startswith("shift"):
            old = column.mean() if pd.isna(old) else old
            rows.iat[i, j] = old + rng.choice([-1, 1]) * int(corruption.split()[1]) * column.std()
            continue
        pool = (
            column.dropna() if corruption == "combination" else pd.Series(column.dropna().unique())
        )
        other = pool[pool != old].to_numpy()
        rows.iat[i, j] = other[rng.integers(len(other))]
    return rows, columns


def explainers(train: pd.DataFrame, seed: int) -> Iterator[tuple[str, Explainer]]:
    """Yield each method: rows to the columns' parts, larger where odder."""
    floats = {c: float for c in train if is_number(train[c])}
    train = train.astype(floats)
    detector = AAEOutlierDetector(random_state=seed).fit(train)
    yield "AAEOutlierDetector, default", detector.score_contributions
    yield (
        "AAEOutlierDetector, likelihood",
        lambda rows: detector.score_contributions(rows, kind="likelihood"),
    )
    dense = Dense(train)
    yield "PCA residuals", dense.pca_residuals
    yield "ECOD terms", dense.tail_terms
    if importlib.util.find_spec("shap") is not None:
        yield f"AAEOutlierDetector, default ({FEW})", detector.score_contributions
        yield f"SHAP, same score ({FEW})", shap_explainer(detector, train, seed)


class Dense:
    """The peers that need numbers: they read the encoded table and fold parts back."""

    def __init__(self, train: pd.DataFrame) -> None:
        self.encoder = TableEncoder(handle_unknown="infrequent_if_exist").fit(train)
        widths = self.encoder._widths()
        self.column = np.repeat(np.arange(len(widths)), widths)
        X = self.encoder.transform(train).astype(np.float64)
        self.mean, spread = X.mean(axis=0), X.std(axis=0)
        self.spread = np.where(spread > 0, spread, 1.0)
        X = (X - self.mean) / self.spread
        self.pca = PCA(n_components=0.9, svd_solver="full").fit(X)
        self.sorted = np.sort(X, axis=0)
        self.skew = np.sign(((X - X.mean(axis=0)) ** 3).mean(axis=0))

    def _read(self, rows: pd.DataFrame) -> np.ndarray:
        return (self.encoder.transform(rows) - self.mean) / self.spread

    def _fold(self, parts: np.ndarray) -> np.ndarray:
        folded = np.zeros((len(parts), self.column[-1] + 1))
        np.add.at(folded.T, self.column, parts.T)
        return folded

    def pca_residuals(self, rows: pd.DataFrame) -> np.ndarray:
        """Squared residuals of the components that hold nine tenths of the variance."""
        X = self._read(rows)
        return self._fold((X - self.pca.inverse_transform(self.pca.transform(X))) ** 2)

    def tail_terms(self, rows: pd.DataFrame) -> np.ndarray:
        """ECOD's terms: minus log empirical tail probability, by the side of the skew."""
        X, n = self._read(rows), len(self.sorted)
        parts = np.empty_like(X)
        for j in range(X.shape[1]):
            left = np.searchsorted(self.sorted[:, j], X[:, j], side="right") / n
            right = 1 - np.searchsorted(self.sorted[:, j], X[:, j], side="left") / n
            left, right = (-np.log(np.maximum(tail, 1 / n)) for tail in (left, right))
            by_skew = left if self.skew[j] < 0 else right
            parts[:, j] = np.maximum.reduce([left, right, by_skew])
        return self._fold(parts)


def shap_explainer(detector: AAEOutlierDetector, train: pd.DataFrame, seed: int) -> Explainer:
    """Return SHAP's permutation explainer of the default score."""
    import shap

    levels = {c: pd.Index(train[c].dropna().unique()) for c in train if not is_number(train[c])}

    def to_codes(frame: pd.DataFrame) -> np.ndarray:
        codes = frame.copy()
        for c, known in levels.items():
            codes[c] = known.get_indexer(frame[c]).astype(float)
        return codes.to_numpy(dtype=float)

    def anomaly_score(codes: np.ndarray) -> Any:
        frame = pd.DataFrame(codes, columns=train.columns)
        for c, known in levels.items():
            indices = frame[c].astype(int).to_numpy()
            frame[c] = known.append(pd.Index([None]))[indices]
        return -detector.score_samples(frame)

    background = to_codes(train.sample(min(100, len(train)), random_state=seed))
    explainer = shap.PermutationExplainer(anomaly_score, background, seed=seed)

    def explain(rows: pd.DataFrame) -> np.ndarray:
        codes = to_codes(rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluations = 10 * (2 * codes.shape[1] + 1)
            return explainer(codes, max_evals=evaluations, silent=True).values

    return explain


def summarise(runs: list[Row], by: str) -> Iterator[Row]:
    """Yield mean hit rates by method and kind of corruption, or table."""
    for (what, method), group in groups_of(runs, [by, "method"]).items():
        means = {name: form.format(mean_of(group, name)) for name, form in FIGURES.items()}
        yield {by: what, "method": method} | means


if __name__ == "__main__":
    main()
