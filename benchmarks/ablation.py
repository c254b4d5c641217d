"""What the adversary, the decoder and the code contribute on a table of mixed types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture

from benchmarks._common import Benchmark, Row
from benchmarks._runs import summarise
from sklearn_aae import AdversarialAutoencoder, TableEncoder
from sklearn_aae.metrics import c2st, code_information, ml_efficacy, pair_trends, table_c2st
from sklearn_aae.outputs import Autoregressive, Independent
from sklearn_aae.posteriors import Channel

N_COMPONENTS, N_ROWS = 8, 6000
FIGURES = dict.fromkeys(
    ("trends", "C2ST", "ML", "codes vs prior", "nats in the code", "reconstructed"), "{:.3f}"
)
DEGREES = ["school", "vocational", "bachelor", "master", "doctorate"]
WORK = ["craft", "service", "sales", "office", "engineering", "management"]

#: What variants change, whichever the decoder.
CHANGES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no adversary": {"adversarial_weight": 0},
    "noise 0.2": {"posterior": Channel(noise=0.2)},
    "noise 0.2, no adversary": {"posterior": Channel(noise=0.2), "adversarial_weight": 0},
}
#: Settings by decoder and variant.
VARIANTS: dict[tuple[str, str], dict[str, Any]] = {
    ("autoregressive", "defaults"): {},
    ("autoregressive", "no adversary"): CHANGES["no adversary"],
    ("autoregressive", "code_only=0"): {"output": Autoregressive(code_only=0.0)},
    ("autoregressive", "next to no code (noise 0.99)"): {"posterior": Channel(noise=0.99)},
    ("autoregressive", "noise 0.8"): {"posterior": Channel(noise=0.8)},
    ("autoregressive", "noise 0.2"): CHANGES["noise 0.2"],
    ("autoregressive", "noise 0.2, no adversary"): CHANGES["noise 0.2, no adversary"],
    **{("independent", name): {"output": Independent(), **some} for name, some in CHANGES.items()},
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


def run(table: pd.DataFrame, seed: int, short: bool) -> Iterator[Row]:
    """Yield the figures of all variants for one seed; the last column is the target."""
    order = np.random.default_rng(seed).permutation(len(table))
    cut = len(table) * 2 // 3
    train, held_out = (
        table.iloc[rows].reset_index(drop=True) for rows in (order[:cut], order[cut:])
    )
    judged = partial(
        figures_of, train=train, held_out=held_out, target=table.columns[-1], seed=seed
    )
    epochs = {"max_epochs": 2} if short else {}
    for (decoder, variant), settings in VARIANTS.items():
        model = AdversarialAutoencoder(N_COMPONENTS, random_state=seed, **settings, **epochs)
        model.fit(train)
        key = {"decoder": decoder, "variant": variant, "seed": seed}
        yield key | judged(model)
        if (decoder, variant) == DENSITY:
            mixture = GaussianMixture(16, random_state=seed)
            mixture.fit(model.transform(train).astype(np.float64))
            key["variant"] = f"{variant}, codes from a mixture of 16"
            yield key | judged(model, density=mixture)
        print(seed, decoder, variant, flush=True)


def main() -> None:
    benchmark = Benchmark("ablation", __doc__, seeds=3)
    benchmark.add("--data", help="a CSV file instead; the last column is the target")
    args = benchmark.parse()
    n_rows = 600 if args.quick else N_ROWS
    table = pd.read_csv(args.data) if args.data else make_census(n_rows, 0)
    runs = [row for seed in benchmark.seeds for row in run(table, seed, args.quick)]
    rows = list(summarise(runs, ("decoder", "variant"), FIGURES, ddof=0))
    about = args.data or f"a made-up census of {n_rows} rows and {table.shape[1]} columns"
    benchmark.report({"table": rows}, table=about)


if __name__ == "__main__":
    main()
