"""What is claimed of adversarial autoencoders, put to the test.

A plain autoencoder, a variational autoencoder, a generative adversarial network and the adversarial
autoencoder, on equal terms.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks._common import Benchmark, Row
from benchmarks._runs import Runs, groups_of, mean_and_spread, mean_of, summarise
from benchmarks._timing import timed
from benchmarks.reproduction._judge import FITTED, Judge, choice_figures, figures_of, reference
from benchmarks.reproduction._models import AAE, AE, GAN_ROW, GRIDS, VAE_ROW, make
from benchmarks.reproduction._pictures import draw_pictures
from benchmarks.reproduction._tables import Data, load, names

REFERENCE = "(training rows)"
MEANS, INVERTED = f"{VAE_ROW}, means of the codes", f"{GAN_ROW}, inverted"
ROWS = (AE, AE + FITTED, VAE_ROW, MEANS, GAN_ROW, INVERTED, AAE, REFERENCE)
#: Digits are small: more seeds are affordable there.
SEEDS = {"digits": 10, "adult": 3, "mnist": 3}
#: The split that settings are chosen on is none of those that they are measured on.
SEARCH_SEED = 1000
TWO, THREE, ONE = "{:.2f}", "{:.3f}", "{:.1f}"
#: The tables: which figures each shows, and how.
TABLES = {
    "codes": {"codes C2ST": THREE, "codes gap": ONE},
    "two_way": {"unexplained": THREE},
    "samples": {"C2ST": THREE, "Parzen": ONE, "precision": TWO, "recall": TWO, "distance": TWO},
    "sharpness": dict.fromkeys(
        ("gradient", "certain", "back gradient", "lines gradient", "far gradient"), TWO
    ),
    "holes": {
        f"{where} {figure}": TWO
        for figure in ("precision", "certain", "distance")
        for where in ("lines", "far")
    },
}
#: What is held against what: claim, figure, its best value, and the other row.
COMPARISONS = [
    ("structured latent space", "codes C2ST", 0.5, AE),
    ("structured latent space", "codes C2ST", 0.5, VAE_ROW),
    ("structured latent space", "C2ST", 0.5, AE),
    ("structured latent space", "C2ST", 0.5, AE + FITTED),
    ("structured latent space", "lines precision", 1.0, AE),
    ("structured latent space", "far precision", 1.0, AE),
    ("structured latent space", "far precision", 1.0, VAE_ROW),
    ("sharper than a VAE", "gradient", 1.0, VAE_ROW),
    ("sharper than a VAE", "back gradient", 1.0, VAE_ROW),
    ("sharper than a VAE", "gradient", 1.0, AE + FITTED),
    ("sharper than a VAE", "C2ST", 0.5, VAE_ROW),
    ("sharper than a VAE", "precision", 1.0, VAE_ROW),
    ("sharper than a VAE", "recall", 1.0, VAE_ROW),
    ("sharper than a VAE", "Parzen", np.inf, VAE_ROW),
    ("two-way unlike a GAN", "unexplained", 0.0, INVERTED),
    ("two-way unlike a GAN", "unexplained", 0.0, AE),
    ("two-way unlike a GAN", "unexplained", 0.0, VAE_ROW),
    ("two-way unlike a GAN", "C2ST", 0.5, GAN_ROW),
    ("two-way unlike a GAN", "recall", 1.0, GAN_ROW),
]


def main() -> None:
    benchmark = Benchmark("reproduction.claims", __doc__, keeps_runs=True)
    benchmark.add_data("with adult.csv* and mnist.npz")
    benchmark.add("--seeds", type=int, help="default: 10 for digits, else 3")
    benchmark.add("--only", nargs="*", help="tables to run; figures of all are shown")
    args = benchmark.parse()
    search = Runs(benchmark.runs_folder, "claims_search", ("data", "model", "setting"))
    runs = Runs(benchmark.runs_folder, "claims", ("data", "model", "seed"))
    tables = names(args.data)
    for name in tables if args.only is None else args.only:
        settings = choose(search, name, args.data, args.quick)
        for seed in range(args.seeds or (1 if args.quick else SEEDS[name])):
            run(runs, settings, load(name, args.data, seed, short=args.quick), seed, args.out)
    seeds = [
        f"{data}: {len({row['seed'] for row in of_data})}"
        for (data,), of_data in groups_of(runs.rows(), ["data"]).items()
    ]
    benchmark.report(results(search, runs, tables), seeds=", ".join(seeds))


def text_of(setting: dict[str, float]) -> str:
    """Return a setting as text."""
    return ", ".join(f"{name}={value:g}" for name, value in setting.items())


def choose(search: Runs, name: str, path: Path | None, short: bool) -> dict[str, dict[str, float]]:
    """Return the best setting of every model for a table; measure what is not known yet."""
    judge = Judge(load(name, path, SEARCH_SEED, short=short), SEARCH_SEED)
    chosen = {}
    for model, grid in GRIDS.items():
        settings = {text_of(setting): setting for setting in (grid[:2] if short else grid)}
        for text, setting in settings.items():
            search.measure((name, model, text), partial(try_setting, judge, model, setting))
        chosen[model] = settings[best(search.rows([name], [model], list(settings)))]
    return chosen


def try_setting(judge: Judge, model: str, setting: dict[str, float]) -> Row:
    """Return what a setting of a model is chosen by, and the seconds of the processor."""
    start = time.process_time()
    fitted = make(model, judge.data.schedule, SEARCH_SEED, setting).fit(judge.data.train)
    figures = choice_figures(judge, fitted)
    print(judge.data.name, model, text_of(setting), f"{figures['choice']:.3f}", flush=True)
    return figures | {"seconds": time.process_time() - start}


def best(rows: Sequence[Row]) -> str:
    """Return the setting with the lowest figure; one that failed only if all did."""
    return str(min(rows, key=lambda row: (row["failed"], row["choice"]))["setting"])


def run(
    runs: Runs, settings: dict[str, dict[str, float]], data: Data, seed: int, out: Path | None
) -> None:
    """Fit and measure every model on one split, unless the figures are there."""
    judge = Judge(data, seed)
    for name, setting in settings.items():
        if (data.name, name, seed) in runs:
            continue
        model = make(name, data.schedule, seed, setting)
        _, seconds = timed(model.fit, data.train, clock=time.process_time)
        # The model's own row last: where it is, the others are.
        for row, figures in reversed(list(figures_of(judge, name, model))):
            cost = {"seconds": seconds} if row == name else {}
            runs.add({"data": data.name, "model": row, "seed": seed, **figures, **cost})
        if seed == 0 and out is not None and data.image is not None and model.finite:
            draw_pictures(out, name, model, data)
        print(data.name, seed, name, f"{seconds:.0f} s to fit", flush=True)
    runs.measure((data.name, REFERENCE, seed), partial(reference, judge))


def results(search: Runs, runs: Runs, tables: Sequence[str]) -> dict[str, list[Row]]:
    """Return the tables by title."""
    rows = runs.rows(tables, ROWS)
    found = {}
    for title, figures in TABLES.items():
        summary = list(summarise(rows, ("data", "model"), figures))
        found[title] = [row for row in summary if any(row[figure] for figure in figures)]
    found["stability"] = list(stability(search, runs, tables))
    found["comparisons"] = list(comparisons(rows))
    found["settings"] = list(settings_of(search, tables))
    return found


def stability(search: Runs, runs: Runs, tables: Sequence[str]) -> Iterator[Row]:
    """Yield failures and spreads of every model, over seeds and over settings."""
    for data, model in product(tables, GRIDS):
        own, tried = runs.rows([data], [model]), search.rows([data], [model])
        if not own or not tried:
            continue
        row: Row = {"data": data, "model": model}
        for title, some in (("failed seeds", own), ("failed settings", tried)):
            row[title] = f"{sum(int(one['failed']) for one in some)} of {len(some)}"
        for figure in ("unexplained", "C2ST", "precision", "recall", "gradient"):
            # What a plain autoencoder makes of prior draws is no figure of its own.
            values = [] if model == AE and figure != "unexplained" else own
            row[f"{figure} over seeds"] = spread([one.get(figure, np.nan) for one in values])
        choice = [one["choice"] for one in tried]
        row["choice over settings"] = f"{min(choice):.2f} to {max(choice):.2f}"
        row["seconds to fit"] = f"{mean_of(own, 'seconds'):.1f}"
        yield row


def spread(values: Sequence[float]) -> str:
    """Return the standard deviation as text; empty where there is none."""
    if len(values) < 2 or np.isnan(values).any():
        return ""
    return f"{np.std(values, ddof=1):.3f}"


def comparisons(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the AAE beside the others, seed by seed.

    ``nearer`` is in how many seeds the AAE is nearer to the figure's best value; ``gain`` is by
    how much, the mean and standard deviation over seeds.
    """
    figures = {(row["data"], row["model"], row["seed"]): row for row in rows}
    tables = dict.fromkeys(data for data, *_ in figures)
    for (claim, figure, ideal, other), data in product(COMPARISONS, tables):
        seeds = [seed for d, model, seed in figures if (d, model) == (data, AAE)]
        pairs = np.array(
            [
                [figures[data, model, seed].get(figure, np.nan) for model in (AAE, other)]
                for seed in seeds
                if (data, other, seed) in figures
            ],
            dtype=float,
        ).reshape(-1, 2)
        pairs = pairs[~np.isnan(pairs).any(axis=1)]
        if not len(pairs):
            continue
        misses = -pairs if np.isinf(ideal) else np.abs(pairs - ideal)
        gains = misses[:, 1] - misses[:, 0]
        yield {
            "claim": claim,
            "figure": figure,
            "data": data,
            "AAE": f"{pairs[:, 0].mean():.3f}",
            "other": other,
            "its value": f"{pairs[:, 1].mean():.3f}",
            "gain": mean_and_spread(gains, "{:.3f}"),
            "nearer": f"{int((gains > 0).sum())} of {len(gains)}",
        }


def settings_of(search: Runs, tables: Sequence[str]) -> Iterator[Row]:
    """Yield every setting that was tried, with its figures on validation rows."""
    for data, model in product(tables, GRIDS):
        rows = search.rows([data], [model], [text_of(setting) for setting in GRIDS[model]])
        for row in rows:
            yield {
                **{name: row[name] for name in ("data", "model", "setting")},
                **{
                    figure: "" if np.isnan(row[figure]) else f"{row[figure]:.3f}"
                    for figure in ("unexplained", "shortfall", "codes C2ST", "choice")
                },
                "failed": "yes" if row["failed"] else "",
                "chosen": "yes" if row["setting"] == best(rows) else "",
            }


if __name__ == "__main__":
    main()
