"""How well the model compresses, matches its prior and generates, beside its peers.

Every row of the result is the mean and the standard deviation over seeds, each with a
split of its own: 30 % of the rows held out, stratified by class, everything on the scale
of the training rows.

- reconstruction: squared error on held-out rows, as a multiple of PCA's with as many
  components;
- codes vs prior: how well a boosted classifier tells held-out codes from as many draws of
  the standard normal prior (area under the curve; .5 is perfect, see "chance");
- samples vs rows: the same for generated rows and held-out ones;
- accuracy: of logistic regression on the codes, on held-out rows;
- fit: seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows, write_csv
from benchmarks._models import VAE, LinearModel
from benchmarks._runs import summarise
from benchmarks._tables import Table, bundled, folder
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import c2st

AAE, PCA_ROW, PCA_WHITE = "AdversarialAutoencoder", "PCA", "PCA (whiten=True)"
FIGURES = {
    "reconstruction": "{:.2f}",
    "codes vs prior": "{:.3f}",
    "samples vs rows": "{:.3f}",
    "accuracy": "{:.3f}",
    "fit [s]": "{:.2f}",
}
#: Bounds on the figures of AdversarialAutoencoder: (table, figure, at most).
TARGETS = [
    ("digits", "reconstruction", 0.50),
    ("digits", "codes vs prior", 0.60),
    ("breast cancer", "reconstruction", 0.85),
    ("breast cancer", "codes vs prior", 0.58),
]


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0], seeds=5)
    arguments.add_argument(
        "--data", type=Path, metavar="DIR", help="also every .npz below it (X or X_train, y)"
    )
    arguments.add_argument(
        "--data-only", action="store_true", help="leave scikit-learn's own tables out"
    )
    args = arguments.parse_args()
    prepare(args.threads)
    seeds = range(1 if args.quick else args.seeds)
    tables = [] if args.data_only else bundled(args.quick)
    tables += folder(args.data) if args.data else []
    runs = []
    for table in tables:
        for seed in seeds:
            runs += run(table, seed)
        print(f"{table.name}: {table.X.shape[0]} rows, {table.X.shape[1]} columns", flush=True)
        # After every table: a long run that is cut short leaves its figures behind.
        write_csv(args.out, "quality_runs", runs)
    setup = setup_rows(command_line("quality", arguments, args), seeds=", ".join(map(str, seeds)))
    summary = list(summarise(runs, ("table", "model"), FIGURES))
    results = {"table": summary, "setup": setup}
    if not args.data_only:
        results["targets"] = targets(runs)
    report(args.out, "quality", results)


def run(table: Table, seed: int) -> list[Row]:
    """Return the figures of every model on one split of a table."""
    X, X_test, y, y_test = table.split(seed)
    prior = np.random.default_rng(seed).normal(size=(len(X_test), table.n_components))
    pca = LinearModel(table.n_components).fit(X)
    pca_error = squared_error(pca, X_test)
    rows = []
    for name, model, seconds in fitted(X, table.n_components, seed):
        figures = dict.fromkeys(FIGURES, np.nan)
        figures["fit [s]"] = seconds
        samples = model.sample(len(X_test), random_state=seed)
        figures["samples vs rows"] = c2st(samples, X_test, random_state=seed)
        if hasattr(model, "transform"):
            figures["reconstruction"] = squared_error(model, X_test) / pca_error
            encode = getattr(model, "transform_drawn", model.transform)
            figures["codes vs prior"] = c2st(encode(X_test), prior, random_state=seed)
            if y is not None:
                classifier = LogisticRegression(max_iter=1000).fit(model.transform(X), y)
                figures["accuracy"] = classifier.score(model.transform(X_test), y_test)
        rows.append({"table": table.name, "model": name, "seed": seed, **figures})
    return [*rows, chance(table.name, X, X_test, prior, seed)]


def fitted(X: np.ndarray, n_components: int, seed: int) -> Iterator[tuple[str, Any, float]]:
    """Yield the name of each model, the fitted model and the seconds that it took."""
    aae = AdversarialAutoencoder(n_components, random_state=seed)
    # The AAE comes first: the variational autoencoders take their settings from it.
    models = {
        AAE: aae,
        PCA_ROW: LinearModel(n_components),
        PCA_WHITE: LinearModel(n_components, whiten=True),
        "autoencoder": AdversarialAutoencoder(
            n_components, adversarial_weight=0, random_state=seed
        ),
        "VAE, unit variance": VAE(aae, "unit", seed),
        "VAE, learned variance": VAE(aae, "learned", seed),
        "GaussianMixture(10)": Mixture(10, random_state=seed),
    }
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(X)
        yield name, model, time.perf_counter() - start


class Mixture(GaussianMixture):
    """A mixture whose ``sample`` takes a seed and returns rows alone."""

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows; the seed is the constructor's, which is the benchmark's as well."""
        return super().sample(n_samples)[0]


def squared_error(model: Any, X: np.ndarray) -> float:
    """Return the mean squared error of reconstructed rows."""
    return float(((X - model.inverse_transform(model.transform(X))) ** 2).mean())


def chance(name: str, X: np.ndarray, X_test: np.ndarray, prior: np.ndarray, seed: int) -> Row:
    """Return what perfect codes and samples would get: prior draws, and training rows."""
    rng = np.random.default_rng([seed, 1])
    figures = dict.fromkeys(FIGURES, np.nan)
    figures["codes vs prior"] = c2st(rng.normal(size=prior.shape), prior, random_state=seed)
    some = X[rng.choice(len(X), len(X_test), replace=False)]
    figures["samples vs rows"] = c2st(some, X_test, random_state=seed)
    return {"table": name, "model": "(chance)", "seed": seed, **figures}


def targets(runs: list[Row]) -> list[Row]:
    """Return the figures that are promised, beside their bounds."""

    def mean(table: str, model: str, figure: str) -> float:
        rows = [run for run in runs if (run["table"], run["model"]) == (table, model)]
        return float(np.mean([run[figure] for run in rows]))

    rows = [(table, figure, "at most", bound) for table, figure, bound in TARGETS]
    rows.append(("digits", "accuracy", "at least", mean("digits", PCA_ROW, "accuracy")))
    result = []
    for table, figure, side, bound in rows:
        value = mean(table, AAE, figure)
        met = value <= bound if side == "at most" else value >= bound
        result.append(
            {
                "table": table,
                "figure": figure,
                "target": f"{side} {bound:.3f}",
                "measured": f"{value:.3f}",
                "met": "yes" if met else "no",
            }
        )
    return result


if __name__ == "__main__":
    main()
