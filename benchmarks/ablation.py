"""What the adversary, the decoder and the code contribute on a table of mixed types.

Variants of the model that differ from its defaults (8 components) in one or two settings, on
a made-up census in the manner of Adult or on a CSV file.  Two thirds of the rows are trained
on; all figures but trends are of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows
from sklearn_aae import AdversarialAutoencoder, TableEncoder
from sklearn_aae.metrics import c2st, code_information, ml_efficacy, pair_trends, table_c2st
from sklearn_aae.outputs import Autoregressive, Independent
from sklearn_aae.posteriors import Channel

N_COMPONENTS, N_ROWS = 8, 6000
FIGURES = ("trends", "C2ST", "ML", "codes vs prior", "nats in the code", "reconstructed")
DEGREES = ["school", "vocational", "bachelor", "master", "doctorate"]
WORK = ["craft", "service", "sales", "office", "engineering", "management"]

Settings = Callable[[], dict[str, Any]]

#: Settings by decoder and variant.
VARIANTS: dict[tuple[str, str], Settings] = {
    ("autoregressive", "defaults"): dict,
    ("autoregressive", "no adversary"): lambda: {"adversarial_weight": 0},
    ("autoregressive", "code_only=0"): lambda: {"output": Autoregressive(code_only=0.0)},
    ("autoregressive", "next to no code (noise 0.99)"): lambda: {"posterior": Channel(noise=0.99)},
    ("autoregressive", "noise 0.8"): lambda: {"posterior": Channel(noise=0.8)},
    ("autoregressive", "noise 0.2"): lambda: {"posterior": Channel(noise=0.2)},
    ("autoregressive", "noise 0.2, no adversary"): lambda: {
        "posterior": Channel(noise=0.2),
        "adversarial_weight": 0,
    },
    ("independent", "defaults"): lambda: {"output": Independent()},
    ("independent", "no adversary"): lambda: {"output": Independent(), "adversarial_weight": 0},
    ("independent", "noise 0.2"): lambda: {
        "output": Independent(),
        "posterior": Channel(noise=0.2),
    },
    ("independent", "noise 0.2, no adversary"): lambda: {
        "output": Independent(),
        "posterior": Channel(noise=0.2),
        "adversarial_weight": 0,
    },
}
#: The variant of which rows are also drawn from a density that was fitted to its codes.
DENSITY = ("independent", "noise 0.2")


def make_census(n: int, seed: int) -> pd.DataFrame:
    """Return rows of a table in which every column has to do with others."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(5, 5, n) + 16, 17, 90).astype(int)
    female = rng.random(n) < 0.42
    degree = np.digitize(rng.standard_normal(n) - 0.8 * (age < 24), [-0.4, 0.4, 1.1, 1.8])
    pull = np.subtract.outer(1.2 * degree - 1, np.arange(6)) ** 2 / 3
    pull[:, 1:4] -= 0.9 * female[:, None]
    work = (rng.gumbel(size=(n, 6)) - pull).argmax(axis=1)
    married = rng.random(n) < 0.75 / (1 + np.exp(-(age - 29) / 4))
    free = rng.normal(41 - 7 * female + 4 * (work > 4), 10)
    hours = np.where(rng.random(n) < 0.45, 40, np.clip(free, 5, 80)).astype(int)
    wage = 0.7 * degree + 0.5 * work + 0.06 * (hours - 40) + married
    wage += 3 * (1 - np.exp(-(age - 16) / 12)) + rng.logistic(size=n)
    rich = wage > 6.2
    gain = np.round(np.exp(rng.normal(8 + 0.8 * rich, 0.8, n)), -2)
    gain[rng.random(n) > 0.06 + 0.15 * rich] = 0
    tenure = rng.random(n) ** 1.4 * (age - 16) * 365
    census = pd.DataFrame(
        {
            "age": age,
            "sex": np.where(female, "Female", "Male"),
            "degree": pd.Categorical.from_codes(degree, DEGREES, ordered=True),
            "work": np.array(WORK, dtype=object)[work],
            "hours": hours,
            "married": married,
            "hired": (np.datetime64("2024-06-30") - tenure.astype(int)).astype("M8[s]"),
            "gain": gain.astype(int),
            "income": np.where(rich, ">50K", "<=50K"),
        }
    )
    census.loc[rng.random(n) < 0.15 * (age < 30), ["work", "hired"]] = None
    return census


def figures_of(
    model: AdversarialAutoencoder,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    target: Any,
    seed: int,
    density: Any = None,
) -> dict[str, float]:
    """Return the figures of a fitted model."""
    made = model.sample(len(train), density=density, random_state=seed)
    rng = np.random.default_rng(seed)
    noise = model.net_.module_.posterior.noise
    codes = model.transform(held_out)
    codes = np.sqrt(1 - noise**2) * codes + noise * rng.standard_normal(codes.shape)
    return {
        "trends": pair_trends(train, made).score,
        "C2ST": table_c2st(held_out, made, random_state=seed).score,
        "ML": ml_efficacy(train, made, held_out, target, random_state=seed).score,
        "codes vs prior": c2st(codes, rng.standard_normal(codes.shape), random_state=seed),
        "nats in the code": code_information(model, held_out, random_state=seed),
        "reconstructed": share_reconstructed(model, held_out),
    }


def share_reconstructed(model: AdversarialAutoencoder, rows: pd.DataFrame) -> float:
    """Return the share of cells of categories and flags that come back from the code."""
    back = model.reconstruct(rows)
    spans = TableEncoder().fit(rows).layout_.spans
    names = [span.name for span in spans if span.kind in ("category", "boolean")]
    texts = [table[names].astype(object).map(str) for table in (rows, back)]
    return float((texts[0] == texts[1]).to_numpy().mean())


def run(table: pd.DataFrame, target: Any, seed: int, short: bool) -> dict[tuple, dict[str, float]]:
    """Return the figures of all variants for one seed."""
    order = np.random.default_rng(seed).permutation(len(table))
    cut = len(table) * 2 // 3
    train, held_out = (
        table.iloc[rows].reset_index(drop=True) for rows in (order[:cut], order[cut:])
    )
    found = {}
    for key, settings in VARIANTS.items():
        epochs = {"max_epochs": 2} if short else {}
        model = AdversarialAutoencoder(N_COMPONENTS, random_state=seed, **settings(), **epochs)
        model.fit(train)
        found[key] = figures_of(model, train, held_out, target, seed)
        if key == DENSITY:
            mixture = GaussianMixture(16, random_state=seed)
            mixture.fit(model.transform(train).astype(np.float64))
            found[key[0], f"{key[1]}, codes from a mixture of 16"] = figures_of(
                model, train, held_out, target, seed, mixture
            )
        print(seed, *key, flush=True)
    return found


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__ or "", seeds=3)
    arguments.add_argument("--data", help="a CSV file instead; the last column is the target")
    args = arguments.parse_args()
    prepare(args.threads)
    n_rows = 600 if args.quick else N_ROWS
    table = pd.read_csv(args.data) if args.data else make_census(n_rows, 0)
    seeds = range(1 if args.quick else args.seeds)
    runs = [run(table, table.columns[-1], seed, args.quick) for seed in seeds]
    rows: list[Row] = []
    for decoder, variant in runs[0]:
        row: Row = {"decoder": decoder, "variant": variant}
        for figure in FIGURES:
            values = [found[decoder, variant][figure] for found in runs]
            spread = f" ± {np.std(values):.3f}" if len(values) > 1 else ""
            row[figure] = f"{np.mean(values):.3f}{spread}"
        rows.append(row)
    setup = setup_rows(
        command_line("ablation", arguments, args),
        table=args.data or f"a made-up census of {n_rows} rows and {table.shape[1]} columns",
        seeds=", ".join(map(str, seeds)),
    )
    report(args.out, "ablation", {"table": rows, "setup": setup})


if __name__ == "__main__":
    main()
