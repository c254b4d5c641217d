"""What the detector's measured constants do: each moved by itself.

On the tables that they were chosen on.  A constant whose neighbours give the same figures, within
the spread of seeds, is not one that was tuned to these tables.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks._common import Benchmark, Row
from benchmarks._runs import Runs, groups_of, mean_by_seed
from benchmarks.anomaly import CHOSEN_ON, split
from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection import _fitting, _settings
from sklearn_aae.detection.ensemble import EnsemblePlan, EnsembleTrainer
from sklearn_aae.detection.scores import _mixture

KEYS = ("constant", "setting", "table", "seed")
SETTINGS = ("unsup", "oneclass")
Change = Callable[[], contextlib.AbstractContextManager]


def main() -> None:
    benchmark = Benchmark("constants", __doc__, seeds=3, keeps_runs=True)
    benchmark.add_data(required=True)
    benchmark.add("--only", nargs="*", default=[], help="words of the variants to run")
    args = benchmark.parse()
    files = sorted(args.data.rglob("*.npz"))[CHOSEN_ON]
    files = files[:1] if args.quick else files
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    changes = {
        name: change
        for name, change in variants().items()
        if not args.only or any(word in name for word in args.only)
    }
    # Seeds are the outer loop: what a call that is stopped leaves behind is balanced.
    for seed, name in product(benchmark.seeds, changes):
        for setting, file in product(SETTINGS, files):
            figures = partial(measure, changes[name], file, setting, seed)
            runs.measure((name, setting, file.stem, seed), figures)
        print(f"seed {seed}: {name}", flush=True)
    benchmark.report({"table": list(summarise(runs.rows(list(changes))))})


def measure(change: Change, file: Path, setting: str, seed: int) -> Row:
    """Return the figure of the default on one split of a table, with a constant changed."""
    X, X_test, y = split(file, setting, seed)
    with change():
        detector = AAEOutlierDetector(random_state=seed).fit(X)
        return {"AUROC": roc_auc_score(y, -detector.score_samples(X_test))}


def variants() -> dict[str, Change]:
    """Return what is changed in each variant; nothing in the first."""

    def constant(module: Any, name: str, value: object) -> Change:
        return lambda: mock.patch.object(module, name, value)

    def learning_rate(lr: float) -> Change:
        return constant(_settings, "EnsemblePlan", lambda **own: EnsemblePlan(**own | {"lr": lr}))

    def share_of_batch(share: float) -> Change:
        fixed = property(lambda self: share, lambda self, value: None)
        return lambda: mock.patch.object(EnsembleTrainer, "trim", fixed, create=True)

    return {
        "as it is": contextlib.nullcontext,
        "weight of trimmed references 0.5": constant(_mixture, "TRIMMED_WEIGHT", 0.5),
        "weight of trimmed references 1": constant(_mixture, "TRIMMED_WEIGHT", 1.0),
        "weight of columns by themselves 0.25": constant(_mixture, "MARGINAL_WEIGHT", 0.25),
        "weight of columns by themselves 1": constant(_mixture, "MARGINAL_WEIGHT", 1.0),
        "sharpness 2": constant(_mixture, "SHARPNESS", 2.0),
        "sharpness 8": constant(_mixture, "SHARPNESS", 8.0),
        "learning rate 0.01": learning_rate(0.01),
        "200 steps": constant(_settings, "AUTO_STEPS", 200),
        "rows left out at the start": constant(_fitting, "TRIM_AFTER", 0.0),
        "rows left out half-way": constant(_fitting, "TRIM_AFTER", 0.5),
        "rows beyond 2.5 deviations left out": constant(_fitting, "TRIM_BEYOND", 2.5),
        "a tenth of every batch left out": share_of_batch(0.1),
        "nothing of a batch left out": share_of_batch(0.0),
    }


def summarise(runs: list[Row]) -> Iterator[Row]:
    """Yield the mean AUROC of every variant, and its gain on the default in the same seeds.

    Gains are ± the standard error of their mean over seeds.
    """
    areas = {
        (name, setting): mean_by_seed(own, "AUROC")
        for (name, setting), own in groups_of(runs, ["constant", "setting"]).items()
    }
    default, *changed = dict.fromkeys(name for name, _ in areas)
    yield {"constant": default} | {s: f"{areas[default, s].mean():.4f}" for s in SETTINGS}
    for name in changed:
        gains = {s: gain(areas[name, s], areas[default, s]) for s in SETTINGS}
        yield {"constant": name} | gains


def gain(changed: np.ndarray, default: np.ndarray) -> str:
    """Return the mean difference over the seeds that both have, ± its standard error."""
    gains = changed - default[: len(changed)]
    mean = f"{gains.mean():+.4f}"
    return f"{mean} ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}" if len(gains) > 1 else mean


if __name__ == "__main__":
    main()
