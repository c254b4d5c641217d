"""What codes are worth as a step that reduces columns, beside PCA and its kin."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.decomposition import PCA, FactorAnalysis, KernelPCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from benchmarks import _frames, _tables
from benchmarks._codes import as_numbers
from benchmarks._common import Benchmark, Row, version
from benchmarks._runs import Runs, groups_of
from benchmarks._tables import Table, some_rows
from benchmarks._timing import timed
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import c2st

KEYS = ("table", "components", "contender", "seed")
WIDTHS = (2, 4, 8)
#: Larger tables are cut to so many rows, in short runs to fewer.
MAX_ROWS, SHORT_ROWS = 5_000, 300
#: Rows that neighbourhoods are compared on.
NEIGHBOURHOOD_ROWS = 1_000
MOST_CLASSES, LEAST_OF_A_CLASS = 50, 10
#: A table that PCA gives back to this share of its variance says nothing about errors.
NO_ERROR = 1e-3

CLASSIFIERS: dict[str, Callable[[int], Any]] = {
    "logistic": lambda seed: LogisticRegression(max_iter=1000),
    "neighbours": lambda seed: KNeighborsClassifier(),
    "boosted": lambda seed: HistGradientBoostingClassifier(early_stopping=False, random_state=seed),
}
FIGURES = (*CLASSIFIERS, "error", "trustworthiness", "codes vs prior", "fit [s]")


@dataclass(frozen=True)
class Labelled:
    """A table, as an array of numbers or as a frame of columns of any kind, and its classes."""

    name: str
    X: np.ndarray | pd.DataFrame
    y: np.ndarray

    def __str__(self) -> str:
        n_classes = len(np.unique(self.y))
        return f"{self.name}: {len(self.X)} rows, {self.X.shape[1]} columns, {n_classes} classes"


@dataclass(frozen=True)
class Split:
    """Training rows and held-out ones: as they are, and as numbers on one scale."""

    train: Any
    test: Any
    X: np.ndarray
    X_test: np.ndarray
    y: np.ndarray
    y_test: np.ndarray

    @classmethod
    def of(cls, table: Labelled, seed: int) -> Split:
        """Hold out 30 % of each class."""
        chosen = train_test_split(
            np.arange(len(table.X)), test_size=0.3, stratify=table.y, random_state=seed
        )
        frame = pd.DataFrame(table.X)
        train, test = (frame.iloc[rows].reset_index(drop=True) for rows in chosen)
        X, X_test = as_numbers(train, test)
        y, y_test = (table.y[rows] for rows in chosen)
        if isinstance(table.X, pd.DataFrame):
            return cls(train, test, X, X_test, y, y_test)
        return cls(X, X_test, X, X_test, y, y_test)

    @property
    def is_mixed(self) -> bool:
        """Whether the table is more than numbers."""
        return isinstance(self.train, pd.DataFrame)


def aae(k: int, seed: int, **parameters: Any) -> AdversarialAutoencoder:
    """Return a model with defaults but for what is given."""
    return AdversarialAutoencoder(k, random_state=seed, **parameters)


def umap(k: int, seed: int) -> Any:
    """Return UMAP with its defaults."""
    module = importlib.import_module("umap")
    return module.UMAP(n_components=k, random_state=seed, n_jobs=1)


AAE = "AdversarialAutoencoder"
#: Of the number of components and the seed; those of this package read mixed tables as they are.
CONTENDERS: dict[str, Callable[[int, int], Any]] = {
    "PCA": lambda k, seed: PCA(k, random_state=seed),
    "PCA (whiten=True)": lambda k, seed: PCA(k, whiten=True, random_state=seed),
    "FactorAnalysis": lambda k, seed: FactorAnalysis(k, random_state=seed),
    "KernelPCA (rbf)": lambda k, seed: KernelPCA(k, kernel="rbf", random_state=seed),
    "UMAP": umap,
    "autoencoder": partial(aae, adversarial_weight=0),
    AAE: aae,
    f"{AAE} (init='random')": partial(aae, init="random"),
}
#: What the frontier between accuracy and the prior is drawn over, at this width.
WEIGHTS, EPOCHS, FRONTIER_WIDTH = (0.03, 0.1, 0.3, 1.0), (5, 15, 45), 8
FRONTIER: dict[str, Callable[[int, int], Any]] = {
    f"weight {weight:g}, {epochs} epochs": partial(
        aae, adversarial_weight=weight, max_epochs=epochs
    )
    for weight in WEIGHTS
    for epochs in EPOCHS
}


def main() -> None:
    benchmark = Benchmark("reduction", __doc__, seeds=3, keeps_runs=True)
    benchmark.add_data("also every .csv, .csv.gz and .npz (X or X_train, y) below it")
    benchmark.add("--data-only", action="store_true", help="leave scikit-learn's own tables out")
    benchmark.add("--widths", type=int, nargs="+", default=list(WIDTHS), help="default: 2 4 8")
    benchmark.add("--max-rows", type=int, default=MAX_ROWS, help=f"default: {MAX_ROWS:,}")
    names = [name for name in CONTENDERS if name != "UMAP" or importlib.util.find_spec("umap")]
    benchmark.add("--contenders", nargs="+", choices=list(CONTENDERS), default=names)
    benchmark.add("--kept", action="store_true", help="show the runs that are kept; run nothing")
    text = f"accuracy against the prior over weights and epochs, {FRONTIER_WIDTH} components"
    benchmark.add("--frontier", action="store_true", help=text)
    args = benchmark.parse()
    if args.frontier:
        benchmark.prefix += "_frontier"
        args.widths, args.contenders = [FRONTIER_WIDTH], ["PCA", AAE, *FRONTIER]
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    tables = [table for table in find_tables(args) if min(args.widths) < table.X.shape[1]]
    for table in tables:
        for k in args.widths:
            for name in args.contenders if k < table.X.shape[1] and not args.kept else ():
                for seed in benchmark.seeds:
                    measured = partial(figures, table, k, name, seed)
                    runs.measure((table.name, k, name, seed), measured, again=args.quick)
        print(table, flush=True)
    widths = list(map(str, args.widths))
    rows = runs.rows([table.name for table in tables], widths, args.contenders)
    found = {"table": list(summary(rows))}
    if not args.frontier:
        found["by_table"] = list(by_table(rows))
    elif args.out:
        plot_frontier(rows, args.out / f"{benchmark.prefix}.png")
    benchmark.report(
        found,
        tables=", ".join(table.name for table in tables),
        umap=version("umap-learn"),
    )


# -------------------------------------------------------------------------- tables


def find_tables(args: argparse.Namespace) -> Iterator[Labelled]:
    """Yield the labelled tables, cut to a random choice of rows."""
    most = SHORT_ROWS if args.quick else args.max_rows
    found = [] if args.data_only else own_tables(args.quick)
    if args.data:
        found += [_of_numbers(table) for table in _tables.folder(args.data)]
        found += [_of_frame(table) for table in _frames.folder(args.data, short=args.quick)]
    for table in found:
        if table is None:
            continue
        rows = some_rows(len(table.X), most)
        X = table.X.iloc[rows] if isinstance(table.X, pd.DataFrame) else table.X[rows]
        X, y = _of_usual_classes(X, table.y[rows])
        if 2 <= len(np.unique(y)) <= MOST_CLASSES:
            yield Labelled(table.name, X, y)


def own_tables(quick: bool) -> list[Labelled | None]:
    """Return scikit-learn's tables with classes."""
    loaders = {"iris": datasets.load_iris, "wine": datasets.load_wine}
    if not quick:
        loaders |= {"breast cancer": datasets.load_breast_cancer}
    tables = [Table(name, *load(return_X_y=True), 2) for name, load in loaders.items()]
    return [_of_numbers(table) for table in (tables if quick else [*tables, _tables.digits()])]


def _of_numbers(table: Table) -> Labelled | None:
    return None if table.y is None else Labelled(table.name, table.X, np.asarray(table.y))


def _of_frame(table: _frames.Mixed) -> Labelled:
    """Return a frame without its target; a target of many numbers is cut at its median."""
    frame = table.frame[table.frame[table.target].notna()].reset_index(drop=True)
    target = frame.pop(table.target)
    if _frames.is_class(target):
        y = pd.factorize(target.astype(str))[0]
    else:
        values = _frames.as_floats(target)
        y = (values > np.median(values)).astype(int)
    return Labelled(table.name, _numbers_if_all(frame), y)


def _numbers_if_all(frame: pd.DataFrame) -> np.ndarray | pd.DataFrame:
    """Return an array of a frame of numbers without missing cells, else the frame."""
    kinds = [pd.api.types.is_numeric_dtype(column) for _, column in frame.items()]
    if not all(kinds) or frame.isna().any(axis=None):
        return frame
    X = frame.to_numpy(np.float64)
    return X[:, X.std(axis=0) > 0]


def _of_usual_classes(X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the rows of classes that have enough of them, and these as integers."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    kept = (counts >= LEAST_OF_A_CLASS)[codes]
    return X[kept], np.unique(codes[kept], return_inverse=True)[1]


# ------------------------------------------------------------------------- figures


def figures(table: Labelled, k: int, name: str, seed: int) -> Row:
    """Return the figures of a contender on one split of a table."""
    split = Split.of(table, seed)
    model = (CONTENDERS | FRONTIER)[name](k, seed)
    # What is not ours reads mixed tables as numbers, with categories one-hot.
    ours = isinstance(model, AdversarialAutoencoder)
    train, test = (split.train, split.test) if ours else (split.X, split.X_test)
    _, seconds = timed(model.fit, train)
    codes, test_codes = np.asarray(model.transform(train)), np.asarray(model.transform(test))
    found: Row = {}
    for label, make in CLASSIFIERS.items():
        predicted = make(seed).fit(codes, split.y).predict(test_codes)
        found[label] = float(balanced_accuracy_score(split.y_test, predicted))
    some = slice(NEIGHBOURHOOD_ROWS)
    found["error"] = np.nan if split.is_mixed else error(model, split, k)
    found["trustworthiness"] = float(trustworthiness(split.X_test[some], test_codes[some]))
    prior = np.random.default_rng(seed).normal(size=test_codes.shape)
    # No matter on what scale: what PCA gives need not be on the prior's.
    scaled = StandardScaler().fit(codes).transform(test_codes)
    found["codes vs prior"] = c2st(test_codes if ours else scaled, prior, random_state=seed)
    return found | {"fit [s]": seconds}


def error(model: Any, split: Split, k: int) -> float:
    """Return the squared error of held-out rows over PCA's; NaN where there is none."""
    if not hasattr(model, "inverse_transform") or isinstance(model, KernelPCA):
        return np.nan
    pca = PCA(k).fit(split.X)
    X = split.X_test
    least = float(np.square(X - pca.inverse_transform(pca.transform(X))).mean())
    if least < NO_ERROR * np.square(X).mean() or type(model).__name__ == "UMAP":
        return np.nan
    return float(np.square(X - model.inverse_transform(model.transform(X))).mean()) / least


# ------------------------------------------------------------------------ summaries


def summary(rows: list[Row]) -> Iterator[Row]:
    """Yield means over tables by width and contender, beside PCA's, and the worst table."""
    pca = {_split_of(row): row for row in rows if row["contender"] == "PCA"}
    for (k, name), group in groups_of(rows, ("components", "contender")).items():
        tables = list(groups_of(group, ("table",)).values())
        seeds = {row["seed"] for row in group}
        yield {
            "components": k, "contender": name, "tables": len(tables), "seeds": len(seeds)
        } | {figure: _mean_and_worst(figure, tables, pca) for figure in FIGURES}  # fmt: skip


def _split_of(row: Row) -> tuple[str, ...]:
    return row["table"], row["components"], row["seed"]


def _mean_and_worst(figure: str, tables: list[list[Row]], pca: dict[tuple[str, ...], Row]) -> str:
    """Return a figure's mean; of accuracies also what is gained over PCA, and at the worst.

    Gains are those on the same splits.
    """
    values = np.array([np.mean([row[figure] for row in runs]) for runs in tables])
    if np.isnan(values).all():
        return ""
    if figure in CLASSIFIERS and pca:
        gains = np.array(
            [
                np.mean([row[figure] - pca[_split_of(row)][figure] for row in runs])
                for runs in tables
            ]
        )
        return f"{values.mean():.3f} ({gains.mean():+.3f}, worst {gains.min():+.3f})"
    if figure == "error":
        return f"{np.nanmean(values):.2f} (worst {np.nanmax(values):.2f})"
    return f"{np.nanmean(values):.2f}" if figure == "fit [s]" else f"{np.nanmean(values):.3f}"


def by_table(rows: list[Row]) -> Iterator[Row]:
    """Yield the mean over seeds of each figure, by table, width and contender."""
    for row in table_means(rows):
        yield row | {
            figure: "" if np.isnan(row[figure]) else f"{row[figure]:.3f}" for figure in FIGURES
        }


def table_means(rows: list[Row]) -> list[Row]:
    """Return means over seeds."""
    keys = KEYS[:-1]
    return [
        dict(zip(keys, values, strict=True))
        | {figure: float(np.mean([row[figure] for row in group])) for figure in FIGURES}
        for values, group in groups_of(rows, keys).items()
    ]


def plot_frontier(rows: list[Row], path: Path) -> None:
    """Draw each classifier's mean accuracy over how far codes are from the prior."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    means = {
        name: {figure: np.mean([row[figure] for row in group]) for figure in FIGURES}
        for (name,), group in groups_of(table_means(rows), ("contender",)).items()
    }
    chart, axes = pyplot.subplots(
        1, len(CLASSIFIERS), figsize=(12, 4), layout="constrained", facecolor="white"
    )
    colors = ("#56B4E9", "#0072B2", "#009E73", "#D55E00")
    for ax, classifier in zip(axes, CLASSIFIERS, strict=True):
        for weight, color in zip(WEIGHTS, colors, strict=True):
            line = [means[f"weight {weight:g}, {epochs} epochs"] for epochs in EPOCHS]
            x, y = ([point[of] for point in line] for of in ("codes vs prior", classifier))
            ax.plot(x, y, "-", color=color, lw=1, label=f"adversarial_weight={weight:g}")
            ax.scatter(x, y, s=[6 + epochs for epochs in EPOCHS], color=color)
        for name, marker in (("PCA", "s"), (AAE, "*")):
            point = means[name]["codes vs prior"], means[name][classifier]
            label = "default" if name == AAE else name
            ax.plot(*point, marker, color="black", ms=9, ls="none", label=label)
        ax.set(title=classifier, xlabel="C2ST of codes and prior")
        ax.grid(color="#dddddd", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("balanced accuracy")
    chart.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=100)
    pyplot.close(chart)


if __name__ == "__main__":
    main()
