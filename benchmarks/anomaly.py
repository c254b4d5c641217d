"""How well anomalies are ranked, beside the detectors that one would use otherwise.

Reads every ``.npz`` below a folder that holds ``X`` and ``y`` (1 for anomalies), as the
tables of ADBench do.  Each seed takes at most 10,000 rows and splits them:

- unsup: fit on 70 % of the rows with their anomalies, score the other 30 %;
- oneclass: fit on half of the normal rows, score the other half and every anomaly.

Columns are standardised on the training rows.  AUROC, AUPRC (average precision) and the
rank among the compared detectors are means over tables and seeds.
"""

from __future__ import annotations

import contextlib
import csv
import io
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows, write_csv
from benchmarks._detectors import Detector, of_pyod, of_scikit_learn, ours

MAX_ROWS = 10_000
DEFAULT = "AAEOutlierDetector, default"
#: The constants of the default were chosen on every second table, the first included.
CHOSEN_ON = slice(0, None, 2)


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0], seeds=3)
    arguments.add_argument("--data", type=Path, metavar="DIR", required=True)
    arguments.add_argument("--setting", choices=["unsup", "oneclass"], default="unsup")
    arguments.add_argument(
        "--only", nargs="*", default=[], help="detectors whose name holds one of these words"
    )
    arguments.add_argument(
        "--keep",
        type=Path,
        nargs="*",
        default=[],
        metavar="CSV",
        help="runs written before: they join the tables and are not run again",
    )
    args = arguments.parse_args()
    prepare(args.threads)
    detectors = {
        name: detector
        for name, detector in (ours() | of_scikit_learn() | of_pyod()).items()
        if not args.only or any(word in name for word in args.only)
    }
    files = sorted(args.data.rglob("*.npz"))
    names = [file.stem for file in files]
    runs = kept_runs(args.keep, args.seeds)
    for file in files[:2] if args.quick else files:
        for seed in range(1 if args.quick else args.seeds):
            X, X_test, y = split(file, args.setting, seed)
            for detector in detectors.values():
                if any((file.stem, name, seed) not in runs for name in detector.rows):
                    found = figures(detector, X, X_test, y, file.stem, seed)
                    runs |= {(file.stem, run["detector"], seed): run for run in found}
        print(f"{file.stem}: {len(X)} rows to fit, {X.shape[1]} columns", flush=True)
        # After every table: a long run that is cut short leaves its figures behind.
        write_csv(args.out, f"anomaly_{args.setting}_runs", list(runs.values()))
    report(
        args.out,
        f"anomaly_{args.setting}",
        {
            "table": list(summarise(list(runs.values()), names)),
            "by_data": list(by_data(list(runs.values()))),
            "setup": setup_rows(
                command_line("anomaly", arguments, args),
                setting=args.setting,
                seeds=", ".join(map(str, range(args.seeds))),
            ),
        },
    )


def kept_runs(paths: list[Path], n_seeds: int) -> dict[tuple, Row]:
    """Return the runs of the first seeds in files, by table, detector and seed."""
    runs: dict[tuple, Row] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                key = line.pop("table"), line.pop("detector"), int(line.pop("seed"))
                named: Row = dict(zip(("table", "detector", "seed"), key, strict=True))
                if key[2] < n_seeds:
                    runs[key] = named | {name: float(figure) for name, figure in line.items()}
    return runs


def split(file: Path, setting: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows to fit, rows to score and their labels, on the scale of the former."""
    with np.load(file) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"].ravel().astype(int)
    rng = np.random.default_rng(seed)
    if len(X) > MAX_ROWS:
        rows = rng.choice(len(X), MAX_ROWS, replace=False)
        X, y = X[rows], y[rows]
    if setting == "unsup":
        train, test = train_test_split(
            np.arange(len(X)), test_size=0.3, stratify=y, random_state=seed
        )
    else:
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        train = normal[: len(normal) // 2]
        test = np.concatenate([normal[len(normal) // 2 :], np.flatnonzero(y == 1)])
    scaler = StandardScaler().fit(X[train])
    return scaler.transform(X[train]), scaler.transform(X[test]), y[test]


def figures(
    detector: Detector, X: np.ndarray, X_test: np.ndarray, y: np.ndarray, table: str, seed: int
) -> Iterator[Row]:
    """Yield a row of figures for every score of a detector."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # peers warn of what they then do
        start = time.perf_counter()
        model = detector.fit(X, seed)
        fit_seconds = time.perf_counter() - start
        scores = {}
        for name, score in detector.rows.items():
            start = time.perf_counter()
            values = np.nan_to_num(score(model, X_test), posinf=np.finfo(np.float64).max)
            scores[name] = values, time.perf_counter() - start
    for name, (values, seconds) in scores.items():
        yield {
            "table": table,
            "detector": name,
            "seed": seed,
            "AUROC": roc_auc_score(y, values),
            "AUPRC": average_precision_score(y, values),
            "fit [s]": fit_seconds,
            "score [s]": seconds,
        }


def summarise(runs: list[Row], names: list[str]) -> Iterator[Row]:
    """Yield the means of every detector, over all tables and over either half."""
    chosen_on = set(names[CHOSEN_ON])
    ranks = ranks_of(runs)
    for detector in dict.fromkeys(run["detector"] for run in runs):
        own = [run for run in runs if run["detector"] == detector]
        by_seed = [
            np.mean([run["AUROC"] for run in own if run["seed"] == seed])
            for seed in dict.fromkeys(run["seed"] for run in own)
        ]
        halves = [
            [run["AUROC"] for run in own if (run["table"] in chosen_on) == side]
            for side in (True, False)
        ]
        spread = f" ± {np.std(by_seed, ddof=1):.4f}" if len(by_seed) > 1 else ""
        yield {
            "detector": detector,
            "AUROC": f"{np.mean(by_seed):.4f}{spread}",
            "chosen on": f"{np.mean(halves[0]):.4f}" if halves[0] else "",
            "others": f"{np.mean(halves[1]):.4f}" if halves[1] else "",
            "AUPRC": f"{np.mean([run['AUPRC'] for run in own]):.4f}",
            "rank": f"{ranks[detector]:.2f}" if detector in ranks else "",
            "fit [s]": f"{np.mean([run['fit [s]'] for run in own]):.2f}",
            "score [s]": f"{np.mean([run['score [s]'] for run in own]):.2f}",
        }


def is_compared(detector: object) -> bool:
    """Return whether a detector takes part in the ranking: the peers and our default."""
    parts_of_ours = ("AAEOutlierDetector", "no adversary", "no networks")
    return detector == DEFAULT or not str(detector).startswith(parts_of_ours)


def ranks_of(runs: list[Row]) -> dict[object, float]:
    """Return the mean rank of AUROC, by table, among the compared detectors."""
    values: dict[object, dict[object, list]] = {}
    for run in runs:
        if is_compared(run["detector"]):
            of_table = values.setdefault(run["table"], {})
            # Means: not all detectors run with as many seeds.
            of_table.setdefault(run["detector"], []).append(run["AUROC"])
    found: dict[object, list[float]] = {}
    for of_table in values.values():
        ranks = rankdata([-np.mean(areas) for areas in of_table.values()])
        for detector, rank in zip(of_table, ranks, strict=True):
            found.setdefault(detector, []).append(float(rank))
    return {detector: float(np.mean(ranks)) for detector, ranks in found.items()}


def by_data(runs: list[Row]) -> Iterator[Row]:
    """Yield the mean AUROC of the compared detectors on every table."""
    compared = list(dict.fromkeys(run["detector"] for run in runs if is_compared(run["detector"])))
    for table in dict.fromkeys(run["table"] for run in runs):
        row: Row = {"table": table}
        for detector in compared:
            values = [
                run["AUROC"] for run in runs if (run["table"], run["detector"]) == (table, detector)
            ]
            row[str(detector)] = f"{np.mean(values):.3f}"
        yield row


if __name__ == "__main__":
    main()
