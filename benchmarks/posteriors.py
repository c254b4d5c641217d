"""Which posterior when: reconstruction, prior match and samples under several priors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _frames
from benchmarks._common import Benchmark, Row
from benchmarks._models import LinearModel
from benchmarks._runs import Runs, summarise
from benchmarks._tables import Table, bundled, folder, some_rows
from benchmarks._timing import timed
from benchmarks.ablation import share_reconstructed
from benchmarks.quality import squared_error
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import PriorGap, c2st, code_information, energy_distance, table_c2st
from sklearn_aae.metrics import prior_draws as draws_of
from sklearn_aae.priors import as_prior

KEYS = ("table", "prior", "components", "posterior", "seed")
CODES = {
    "codes vs prior": "{:.3f}",
    "gap": "{:.2f}",
    "drawn vs prior": "{:.3f}",
    "drawn gap": "{:.2f}",
}
COST = {"fit [s]": "{:.1f}", "transform [ms]": "{:.1f}"}
NUMERIC = {"reconstruction": "{:.2f}"} | CODES | {"samples vs rows": "{:.3f}"}
NUMERIC |= {"samples, energy": "{:.2f}"} | COST
MIXED = {"nats in the code": "{:.2f}", "reconstructed": "{:.3f}"} | CODES
MIXED |= {"samples vs rows": "{:.3f}"} | COST

#: name -> number of components; None is the table's.
PRIORS = {"gaussian": None, "uniform": None, "mixture": 2, "swiss_roll": 2}
#: Other rates of the encoder against the discriminator than that of the defaults.
WEIGHTS = {
    f"deterministic, adversarial_weight={weight:g}": {
        "posterior": "deterministic",
        "adversarial_weight": weight,
    }
    for weight in (0.3, 1.0)
}
POSTERIORS: dict[str, dict] = {
    **{name: {"posterior": name} for name in ("deterministic", "gaussian", "universal", "channel")},
    **WEIGHTS,
}
BUNDLED = ("digits", "breast cancer")
N_COMPONENTS_MIXED = 8
#: Larger tables are cut to a random choice of this many rows, those of --data of fewer.
MAX_ROWS, MAX_ROWS_OF_DATA = 1000, 600
#: Perfect codes and samples: prior draws, and training rows.
CHANCE = "(chance)"


def main() -> None:
    benchmark = Benchmark("posteriors", __doc__, seeds=3, keeps_runs=True)
    benchmark.add_data("also every .npz, .csv and .csv.gz below it")
    args = benchmark.parse()
    epochs = {"max_epochs": 2} if args.quick else {}
    numeric, mixed = tables(args.data, args.quick)
    runs = Runs(benchmark.runs_folder, benchmark.prefix, KEYS)
    # Seeds are the outer loop: what a call that is stopped leaves behind is balanced.
    for seed in benchmark.seeds:
        for table in numeric:
            for setting in settings(table):
                figures = partial(run, table, *setting, seed, epochs)
                runs.measure((table.name, *setting, seed), figures)
            print(f"seed {seed}: {table}", flush=True)
        for frame in mixed:
            # Noise cannot stand beside levels: not the universal one.
            for posterior in (CHANCE, "deterministic", "gaussian", "channel"):
                key = (frame.name, "gaussian", N_COMPONENTS_MIXED, posterior, seed)
                runs.measure(key, partial(run_mixed, frame, posterior, seed, epochs))
            print(f"seed {seed}: {frame}", flush=True)
    widths = sorted({str(row["components"]) for row in runs.rows()})
    orders = (list(PRIORS), widths, [CHANCE, *POSTERIORS], list(map(str, benchmark.seeds)))
    parts = {"table": (numeric, NUMERIC), "mixed": (mixed, MIXED)}
    results = {
        part: list(summarise(runs.rows([one.name for one in some], *orders), KEYS[:-1], figures))
        for part, (some, figures) in parts.items()
    }
    benchmark.report(results, tables="; ".join(map(str, [*numeric, *mixed])))


def tables(data: Path | None, quick: bool) -> tuple[list[Table], list[_frames.Mixed]]:
    """Return the numeric and the mixed-type tables, cut to at most so many rows."""
    numeric = [cut(table, MAX_ROWS) for table in bundled(quick=True) if table.name in BUNDLED]
    mixed = []
    if data is not None:
        numeric += [cut(table, MAX_ROWS_OF_DATA) for table in folder(data)]
        mixed = list(_frames.folder(data, short=quick))
    return numeric, mixed


def cut(table: Table, most: int) -> Table:
    """Return at most so many of the rows."""
    if len(table.X) <= most:
        return table
    rows = some_rows(len(table.X), most)
    return replace(table, X=table.X[rows], y=None if table.y is None else table.y[rows])


def settings(table: Table) -> Iterator[tuple[str, int, str]]:
    """Yield every prior, width of the code and posterior that go together."""
    for prior, width in PRIORS.items():
        for posterior in (CHANCE, *POSTERIORS):
            # The channel gives codes of normal noise and variance 1.
            only_other = posterior in WEIGHTS and prior == "gaussian"
            if not only_other and (posterior != "channel" or prior == "gaussian"):
                yield prior, width or table.n_components, posterior


def run(
    table: Table, prior: str, n_components: int, posterior: str, seed: int, epochs: dict
) -> Row:
    """Return the figures of one posterior under one prior on one split of a table."""
    X, X_test, *_ = table.split(seed)
    rng = np.random.default_rng([seed, 1])
    some = X[rng.choice(len(X), len(X_test), replace=False)]
    chance = energy_distance(some, X_test)
    if posterior == CHANCE:
        return perfect(prior, len(X_test), n_components, seed) | {
            "samples vs rows": c2st(some, X_test, random_state=seed),
            "samples, energy": 1.0,
        }
    changed = POSTERIORS[posterior] | epochs
    model = AdversarialAutoencoder(n_components, prior=prior, random_state=seed, **changed)
    # Of the processor, which others' work does not change.
    _, seconds = timed(model.fit, X, clock=time.process_time)
    pca = LinearModel(n_components).fit(X)
    samples = model.sample(len(X_test))
    return {
        "reconstruction": squared_error(model, X_test) / squared_error(pca, X_test),
        **codes_of(model, X_test, seed),
        "samples vs rows": c2st(samples, X_test, random_state=seed),
        "samples, energy": energy_distance(samples, X_test) / chance,
        "fit [s]": seconds,
    }


def run_mixed(table: _frames.Mixed, posterior: str, seed: int, epochs: dict) -> Row:
    """Return the figures of one posterior on one split of a table of mixed types."""
    X, X_test = table.split(seed)
    if posterior == CHANCE:
        some = X.sample(len(X_test), random_state=seed)
        area = table_c2st(X_test, some, random_state=seed).score
        codes = perfect("gaussian", len(X_test), N_COMPONENTS_MIXED, seed)
        return codes | {"samples vs rows": area}
    model = AdversarialAutoencoder(
        N_COMPONENTS_MIXED, posterior=posterior, random_state=seed, **epochs
    )
    _, seconds = timed(model.fit, X, clock=time.process_time)
    return {
        "nats in the code": code_information(model, X_test, random_state=seed),
        "reconstructed": share_reconstructed(model, X_test),
        **codes_of(model, X_test, seed),
        "samples vs rows": table_c2st(X_test, model.sample(len(X_test)), random_state=seed).score,
        "fit [s]": seconds,
    }


def codes_of(model: AdversarialAutoencoder, X: Any, seed: int) -> Row:
    """Return how well codes of rows follow the prior, and what it takes to have them."""
    codes, seconds = timed(model.transform, X, clock=time.process_time)
    codes = np.asarray(codes, dtype=np.float64)
    row = match(model.prior_, codes, drawn_codes(model, X, seed), seed)
    return row | {"transform [ms]": 1000 * seconds}


def perfect(prior: str, n_samples: int, n_components: int, seed: int) -> Row:
    """Return the figures of codes that are draws of the prior."""
    codes = draws_of(as_prior(prior, n_components), n_samples, n_components, seed + 1)
    return match(as_prior(prior, n_components), codes, None, seed)


def match(prior: Any, codes: np.ndarray, drawn: np.ndarray | None, seed: int) -> Row:
    """Return how well codes follow the prior: those of ``transform``, and draws if there are."""
    gap = PriorGap(prior, *codes.shape, seed)
    draws = draws_of(prior, *codes.shape, seed)
    row: Row = {"codes vs prior": c2st(codes, draws, random_state=seed), "gap": gap(codes)}
    if drawn is not None:
        row["drawn vs prior"] = c2st(drawn, draws, random_state=seed)
        row["drawn gap"] = gap(drawn)
    return row


def drawn_codes(model: AdversarialAutoencoder, X: Any, seed: int) -> np.ndarray | None:
    """Return codes drawn from the posterior, as the adversary sees them; None without noise."""
    net = model.net_
    n_noise = net.module_.posterior.n_noise(net.module_.n_components)
    if n_noise == 0:
        return None
    dataset = net.get_dataset(model._read(X))
    noise = torch.randn(len(dataset), n_noise, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        codes = net.module_.encode(dataset.gather(np.arange(len(dataset))), noise)
    return codes.double().numpy()


if __name__ == "__main__":
    main()
