"""What the detector's measured constants do: each moved by itself.

On the tables that they were chosen on: every second one of a folder, the first included, as
:mod:`benchmarks.anomaly` reads and splits it.  A constant whose neighbours give the same figures,
within the spread of seeds, is not one that was tuned to these tables.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows, write_csv
from benchmarks.anomaly import CHOSEN_ON, split
from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection import _fitting
from sklearn_aae.detection.ensemble import EnsembleTrainer
from sklearn_aae.detection.scores import _mixture

Change = Callable[[], contextlib.AbstractContextManager]


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0], seeds=3)
    arguments.add_argument("--data", type=Path, metavar="DIR", required=True)
    arguments.add_argument("--only", nargs="*", default=[], help="words of the variants to run")
    args = arguments.parse_args()
    prepare(args.threads)
    files = sorted(args.data.rglob("*.npz"))[CHOSEN_ON]
    files = files[:1] if args.quick else files
    seeds = range(1 if args.quick else args.seeds)
    runs: list[Row] = []
    for name, change in variants().items():
        if args.only and not any(word in name for word in args.only):
            continue
        for setting in ("unsup", "oneclass"):
            for file in files:
                for seed in seeds:
                    X, X_test, y = split(file, setting, seed)
                    with change():
                        badness = (
                            -AAEOutlierDetector(random_state=seed).fit(X).score_samples(X_test)
                        )
                    runs.append(
                        {
                            "constant": name,
                            "setting": setting,
                            "table": file.stem,
                            "seed": seed,
                            "AUROC": roc_auc_score(y, badness),
                        }
                    )
        print(name, flush=True)
        write_csv(args.out, "constants_runs", runs)
    setup = setup_rows(command_line("constants", arguments, args), seeds=len(seeds))
    report(args.out, "constants", {"table": list(summarise(runs)), "setup": setup})


def variants() -> dict[str, Change]:
    """Return what is changed in each variant; nothing in the first."""

    def constant(module: Any, name: str, value: float) -> Change:
        return lambda: mock.patch.object(module, name, value)

    def plan(**changes: Any) -> Change:
        made = AAEOutlierDetector._plan
        return lambda: mock.patch.object(
            AAEOutlierDetector,
            "_plan",
            lambda self, n_rows: dataclasses.replace(made(self, n_rows), **changes),
        )

    def share_of_batch(share: float) -> Change:
        fixed = property(lambda self: share, lambda self, value: None)
        return lambda: mock.patch.object(EnsembleTrainer, "trim", fixed, create=True)

    return {
        "as it is": contextlib.nullcontext,
        "weight of coarse parts 0.25": constant(_mixture, "COARSE_WEIGHT", 0.25),
        "weight of coarse parts 1": constant(_mixture, "COARSE_WEIGHT", 1.0),
        "sharpness 2": constant(_mixture, "SHARPNESS", 2.0),
        "sharpness 8": constant(_mixture, "SHARPNESS", 8.0),
        "learning rate 0.01": plan(lr=1e-2),
        "200 steps": plan(n_steps=200),
        "rows left out at the start": constant(_fitting, "TRIM_AFTER", 0.0),
        "rows left out half-way": constant(_fitting, "TRIM_AFTER", 0.5),
        "rows beyond 2.5 deviations left out": constant(_fitting, "TRIM_BEYOND", 2.5),
        "a tenth of every batch left out": share_of_batch(0.1),
        "nothing of a batch left out": share_of_batch(0.0),
    }


def summarise(runs: list[Row]) -> Iterator[Row]:
    """Yield the mean AUROC of every variant, with its spread over seeds."""
    for name in dict.fromkeys(run["constant"] for run in runs):
        row: Row = {"constant": name}
        for setting in ("unsup", "oneclass"):
            own = [run for run in runs if (run["constant"], run["setting"]) == (name, setting)]
            by_seed = [
                np.mean([run["AUROC"] for run in own if run["seed"] == seed])
                for seed in dict.fromkeys(run["seed"] for run in own)
            ]
            spread = f" ± {np.std(by_seed, ddof=1):.4f}" if len(by_seed) > 1 else ""
            row[setting] = f"{np.mean(by_seed):.4f}{spread}"
        yield row


if __name__ == "__main__":
    main()
