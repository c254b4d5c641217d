"""Whether p-values, thresholds and selections of the detector keep their levels.

Rows come from a known distribution, fits are repeated with other rows and seeds.  Flagged at 5 %:
the mean share of new normal rows with a p-value of at most 0.05, its standard error over fits, and
its standard deviation between fits.  Found: the same share of odd rows.  False: the mean share of
normal rows among those selected from 180 normal and 20 odd rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from benchmarks._common import Benchmark, Row
from benchmarks._runs import Runs, groups_of
from sklearn_aae import AAEOutlierDetector

ALPHA, N_NEW, RATES = 0.05, 400, (0.1, 0.2)
SIZES = (30, 60, 100, 1_000)
KEYS = ("members", "epochs", "table", "rows", "calibration", "seed")
FIGURES = ("flagged", "found", *(f"false at {rate}" for rate in RATES))


def main() -> None:
    benchmark = Benchmark("validity", __doc__, seeds=20, keeps_runs=True)
    benchmark.add("--members", type=int, default=4, help="members of an ensemble (default: 4)")
    benchmark.add("--epochs", type=int, help="passes over the rows (default: auto)")
    benchmark.add("--sizes", type=int, nargs="+", default=list(SIZES), help="training rows")
    benchmark.add("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    args = benchmark.parse()
    settings = {"n_estimators": args.members, "max_epochs": args.epochs or "auto"}
    sizes = [60] if args.quick else args.sizes
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    for table, n, seed in product(args.tables, sizes, benchmark.seeds):
        # Of fewer rows nothing is held out.
        for calibration in ("cross", "split") if n >= 100 else ("cross",):
            key = (*settings.values(), table, n, calibration, seed)
            runs.measure(key, partial(figures, table, n, calibration, seed, settings))
    if settings == {"n_estimators": 4, "max_epochs": "auto"}:
        benchmark.prefix = "validity_defaults"
    asked = runs.rows(*([str(value)] for value in settings.values()), args.tables, map(str, sizes))
    asked = [one for one in asked if int(one["seed"]) in benchmark.seeds]
    facts = {"alpha": ALPHA, "new_rows": f"{N_NEW} normal ones for each fit"}
    benchmark.report({"table": list(summarise(asked))}, **facts)


# -------------------------------------------------------------------------- tables


def normal(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows of six columns that depend on two factors."""
    mixing = np.random.default_rng(0).normal(size=(2, 6))
    return rng.normal(size=(n, 2)) @ mixing + 0.3 * rng.normal(size=(n, 6))


def discrete(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows of four counts, many of which are the same."""
    return rng.poisson(1, size=(n, 4)).astype(float)


def heavy(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows of four columns with heavy tails."""
    return rng.standard_t(2, size=(n, 4))


def mixed(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows of numbers, labels, booleans and missing cells."""
    label = rng.choice(list("abcd"), n, p=[0.6, 0.3, 0.08, 0.02])
    amount = np.where(label == "a", 5, 0) + rng.lognormal(size=n)
    gaps = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    return pd.DataFrame({"label": label, "amount": amount, "gaps": gaps, "flag": amount > 6})


def ruled(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows with an order, a determined column and a sum that a few rows break."""
    zone, start = rng.integers(12, size=n), rng.integers(10_000, size=n)
    fare, tip = rng.integers(300, 9_000, size=(2, n))
    return pd.DataFrame(
        {
            "start": start,
            "end": start + rng.integers(1, 600, size=n),
            "zone": np.array([f"zone {k}" for k in range(12)])[zone],
            "borough": np.array(list("ABCD"))[zone % 4],
            "fare": fare / 100,
            "tip": tip / 100,
            "total": (fare + tip + 50 * (rng.random(n) < 0.003)) / 100,
        }
    )


TABLES = {
    "normal": normal,
    "discrete": discrete,
    "heavy-tailed": heavy,
    "mixed": mixed,
    "with rules": ruled,
}


def odd_rows(name: str, n: int, rng: np.random.Generator) -> np.ndarray | pd.DataFrame:
    """Return rows that are unlike a table's."""
    rows = TABLES[name](n, rng)
    if name == "mixed":
        return rows.assign(amount=rows["amount"] + rng.exponential(30, size=n))
    if name == "with rules":
        return rows.assign(end=rows["start"] - 1)
    return rows + rng.choice([-1, 1], size=rows.shape) * rng.exponential(6, size=(n, 1))


# ------------------------------------------------------------------------- figures


def figures(table: str, n: int, calibration: str, seed: int, settings: dict) -> Row:
    """Return the shares of one fit by their names."""
    return dict(zip(FIGURES, run(table, n, calibration, seed, settings), strict=True))


def summarise(runs: list[Row]) -> Iterator[Row]:
    """Yield the figures of each table, size and calibration, over seeds."""
    for (table, n, calibration), group in groups_of(runs, KEYS[2:5]).items():
        found = np.array([[one[name] for name in FIGURES] for one in group])
        flagged, odd, *false = found.mean(axis=0)
        spread = found[:, 0].std(ddof=1) if len(found) > 1 else 0.0
        yield {
            "table": table,
            "rows": n,
            "calibration": calibration,
            "fits": len(found),
            "flagged at 5 %": f"{100 * flagged:.1f} ± {100 * spread / np.sqrt(len(found)):.1f}",
            "between fits": f"{100 * spread:.1f}",
            "found": f"{100 * odd:.0f}",
            **{name: f"{share:.2f}" for name, share in zip(FIGURES[2:], false, strict=True)},
        }


def run(table: str, n: int, calibration: str, seed: int, settings: dict) -> list[float]:
    """Return the shares of one fit."""
    rng = np.random.default_rng([seed, n, list(TABLES).index(table)])
    draw = TABLES[table]
    detector = AAEOutlierDetector(calibration=calibration, random_state=seed, **settings)
    detector.fit(draw(n, rng))
    new, odd = draw(N_NEW, rng), odd_rows(table, 100, rng)
    p, p_odd = detector.p_values(new), detector.p_values(odd)
    some = [new[:180], odd[:20]]
    both = pd.concat(some) if isinstance(new, pd.DataFrame) else np.concatenate(some)
    false = []
    for rate in RATES:
        selected = detector.select(both, rate)
        false.append(selected[:180].sum() / max(selected.sum(), 1))
    return [(p <= ALPHA).mean(), (p_odd <= ALPHA).mean(), *false]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
