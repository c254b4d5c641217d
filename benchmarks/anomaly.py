"""How well anomalies are ranked, beside the detectors that one would use otherwise."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks._common import Benchmark, Row
from benchmarks._detectors import Detector, of_papers, of_pyod, of_scikit_learn, ours
from benchmarks._runs import Runs, groups_of, mean_and_spread, mean_by_seed, mean_of, read_runs
from benchmarks._timing import timed

KEYS = ("table", "detector", "seed")
MAX_ROWS = 10_000
DEFAULT, OF_CLEAN = "AAEOutlierDetector, default", "contamination=0, default"
#: Digits of MNIST that are normal in turn, rows to fit, and normal and other rows to score.
DIGITS, N_DIGITS, N_SCORED = (2, 5), 1_000, 500
#: Where training rows are clean: rows to fit and to score, at most, and what is compared.
CLEAN_ROWS = 2_000, 2_500
COMPARED_CLEAN = {DEFAULT: "default", OF_CLEAN: "contamination=0", "KCM": "KCM", "PyOD kNN": "kNN"}
#: The constants of the default were chosen on every second table, the first included.
CHOSEN_ON = slice(0, None, 2)


def main() -> None:
    benchmark = Benchmark("anomaly", __doc__, seeds=3, keeps_runs=True)
    benchmark.add_data(required=True)
    benchmark.add("--setting", choices=["unsup", "oneclass", "wide", "clean"], default="unsup")
    benchmark.add(
        "--only", nargs="*", default=[], help="detectors whose name holds one of these words"
    )
    benchmark.add(
        "--keep", type=Path, nargs="*", default=[], metavar="CSV",
        help="runs written before: they join the tables and are not run again",
    )  # fmt: skip
    args = benchmark.parse()
    benchmark.prefix = f"anomaly_{args.setting}"
    detectors = [
        detector
        for name, detector in (ours() | of_scikit_learn() | of_papers() | of_pyod()).items()
        if not args.only or any(word in name for word in args.only)
    ]
    if args.setting == "clean":
        detectors = list(only_clean(detectors))
    tables = tables_in(args.data, args.setting)
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS, resume=False)
    kept = [row for path in args.keep for row in read_runs(path, KEYS)]
    runs.add(*(row for row in kept if int(row["seed"]) < args.seeds))
    for table in list(tables)[:2] if args.quick else tables:
        for seed in benchmark.seeds:
            X, X_test, y = tables[table](seed)
            for detector in detectors:
                if any((table, name, seed) not in runs for name in detector.rows):
                    runs.add(*figures(detector, X, X_test, y, table, seed))
        print(f"{table}: {len(X)} rows to fit, {X.shape[1]} columns", flush=True)
    if args.setting == "clean":
        found = {"table": list(compare_clean(runs.rows()))}
    else:
        chosen_on = set() if args.setting == "wide" else set(list(tables)[CHOSEN_ON])
        found = {
            "table": list(summarise(runs.rows(), chosen_on)),
            "by_data": list(by_data(runs.rows())),
        }
    benchmark.report(found, setting=args.setting)


Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def tables_in(folder: Path, setting: str) -> dict[str, Callable[[int], Rows]]:
    """Return what splits each table by a seed: ADBench's, or MNIST's by its digits."""
    files = {file.stem: file for file in sorted(folder.rglob("*.npz"))}
    images = files.pop("mnist", None)
    if setting != "wide":
        return {name: partial(split, file, setting) for name, file in files.items()}
    if images is None:
        raise SystemExit(f"--data {folder} has no mnist.npz; see docs/benchmarks/paper.rst.")
    return {f"MNIST, {digit}": partial(split_digits, images, digit) for digit in DIGITS}


def split_digits(file: Path, digit: int, seed: int) -> Rows:
    """Return rows of a digit to fit, rows of it and of others to score, and which are others."""
    with np.load(file) as arrays:
        X, y, X_test, y_test = (arrays[f"{x}_{part}"] for part in ("train", "test") for x in "Xy")
    rng = np.random.default_rng(seed)
    X = rng.permutation(X[y == digit])[:N_DIGITS]
    parts = [
        rng.permutation(X_test[(y_test != digit) == other])[:N_SCORED] for other in (False, True)
    ]
    scaler = StandardScaler().fit(X.astype(np.float64))
    labels = np.repeat([0, 1], [len(part) for part in parts])
    return scaler.transform(X), scaler.transform(np.concatenate(parts)), labels


def split(file: Path, setting: str, seed: int) -> Rows:
    """Return rows to fit, rows to score and their labels, on the scale of the former."""
    with np.load(file) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"].ravel().astype(int)
    rng = np.random.default_rng(seed)
    if len(X) > MAX_ROWS:
        rows = rng.choice(len(X), MAX_ROWS, replace=False)
        X, y = X[rows], y[rows]
    most_train, most_test = CLEAN_ROWS if setting == "clean" else (MAX_ROWS, MAX_ROWS)
    if setting == "unsup":
        train, test = train_test_split(
            np.arange(len(X)), test_size=0.3, stratify=y, random_state=seed
        )
    else:
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        train = normal[: len(normal) // 2][:most_train]
        test = np.concatenate([normal[len(normal) // 2 :], np.flatnonzero(y == 1)])
        if len(test) > most_test:
            test = rng.choice(test, most_test, replace=False)
    scaler = StandardScaler().fit(X[train])
    return scaler.transform(X[train]), scaler.transform(X[test]), y[test]


def figures(
    detector: Detector, X: np.ndarray, X_test: np.ndarray, y: np.ndarray, table: str, seed: int
) -> Iterator[Row]:
    """Yield a row of figures for every score of a detector."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # peers warn of what they then do
        model, fit_seconds = timed(detector.fit, X, seed)
        scores = {name: timed(score, model, X_test) for name, score in detector.rows.items()}
    for name, (values, seconds) in scores.items():
        values = np.nan_to_num(values, posinf=np.finfo(np.float64).max)
        yield {
            "table": table,
            "detector": name,
            "seed": seed,
            "AUROC": roc_auc_score(y, values),
            "AUPRC": average_precision_score(y, values),
            "fit [s]": fit_seconds,
            "score [s]": seconds,
        }


def summarise(runs: list[Row], chosen_on: set[str]) -> Iterator[Row]:
    """Yield the means of every detector, over all tables and over either half."""
    ranks = ranks_of(runs)
    for (detector,), own in groups_of(runs, ["detector"]).items():
        halves = {
            title: [run["AUROC"] for run in own if (run["table"] in chosen_on) == chosen]
            for title, chosen in (("chosen on", True), ("others", False))
        }
        yield {
            "detector": detector,
            "AUROC": mean_and_spread(mean_by_seed(own, "AUROC"), "{:.4f}"),
            **{title: f"{np.mean(half):.4f}" if half else "" for title, half in halves.items()},
            "AUPRC": f"{mean_of(own, 'AUPRC'):.4f}",
            "rank": f"{ranks[detector]:.2f}" if detector in ranks else "",
            "fit [s]": f"{mean_of(own, 'fit [s]'):.2f}",
            "score [s]": f"{mean_of(own, 'score [s]'):.2f}",
        }


def is_compared(run: Row) -> bool:
    """Return whether a run is of a detector that is ranked: the peers and our default."""
    parts_of_ours = ("AAEOutlierDetector", "contamination=0", "no adversary", "no networks")
    return run["detector"] == DEFAULT or not run["detector"].startswith(parts_of_ours)


def ranks_of(runs: list[Row]) -> dict[str, float]:
    """Return the mean rank of AUROC, by table, among the compared detectors."""
    found: dict[str, list[float]] = {}
    for of_table in groups_of(filter(is_compared, runs), ["table"]).values():
        # Means: not all detectors run with as many seeds.
        by_detector = groups_of(of_table, ["detector"])
        ranks = rankdata([-mean_of(group, "AUROC") for group in by_detector.values()])
        for (detector,), rank in zip(by_detector, ranks, strict=True):
            found.setdefault(detector, []).append(float(rank))
    return {detector: float(np.mean(ranks)) for detector, ranks in found.items()}


def by_data(runs: list[Row]) -> Iterator[Row]:
    """Yield the mean AUROC of the compared detectors, and of ours for clean rows, by table."""
    compared = [
        detector
        for (detector,), own in groups_of(runs, ["detector"]).items()
        if is_compared(own[0]) or detector == OF_CLEAN
    ]
    for (table,), of_table in groups_of(runs, ["table"]).items():
        means = {name: mean_of(of_table, "AUROC", detector=name) for name in compared}
        yield {"table": table} | {name: f"{mean:.3f}" for name, mean in means.items()}


def only_clean(detectors: list[Detector]) -> Iterator[Detector]:
    """Yield the detectors that are compared where training rows are clean, with these scores."""
    for detector in detectors:
        rows = {name: score for name, score in detector.rows.items() if name in COMPARED_CLEAN}
        if rows:
            yield detector._replace(rows=rows)


def compare_clean(runs: list[Row]) -> Iterator[Row]:
    """Yield what contamination=0 gains on others by table, and on the mean over tables.

    Differences are between runs of the same seed, ± the standard error of their mean.
    """
    yield from (
        {"table": table} | gains_of_clean(own)
        for (table,), own in groups_of(runs, ["table"]).items()
    )
    yield {"table": "mean"} | gains_of_clean(runs)


def gains_of_clean(runs: list[Row]) -> Row:
    """Return mean areas by detector, and what contamination=0 gains on the others."""
    areas = {
        COMPARED_CLEAN[detector]: {
            seed: mean_of(of_seed, "AUROC") for seed, of_seed in groups_of(own, ["seed"]).items()
        }
        for (detector,), own in groups_of(runs, ["detector"]).items()
    }
    row: Row = {name: f"{np.mean(list(own.values())):.4f}" for name, own in areas.items()}
    clean = areas.pop(COMPARED_CLEAN[OF_CLEAN], {})
    for name, own in areas.items():
        gains = np.array([clean[seed] - own[seed] for seed in own if seed in clean])
        if len(gains) > 1:
            error = gains.std(ddof=1) / np.sqrt(len(gains))
            row[f"gain on {name}"] = f"{gains.mean():+.4f} ± {error:.4f}"
    return row


if __name__ == "__main__":
    main()
