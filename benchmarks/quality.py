"""How well the model compresses, matches its prior and generates, beside its peers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._models import VAE, LinearModel
from benchmarks._runs import Runs, mean_of, summarise
from benchmarks._tables import Table, bundled, folder
from benchmarks._timing import timed
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
    benchmark = Benchmark("quality", __doc__, seeds=5, keeps_runs=True)
    benchmark.add_data("also every .npz below it (X or X_train, y)")
    benchmark.add("--data-only", action="store_true", help="leave scikit-learn's own tables out")
    args = benchmark.parse()
    tables = [] if args.data_only else bundled(args.quick)
    tables += folder(args.data) if args.data else []
    runs = Runs(benchmark.runs_folder, benchmark.prefix, ("table", "model", "seed"), resume=False)
    for table in tables:
        for seed in benchmark.seeds:
            runs.add(*run(table, seed))
        print(table, flush=True)
    results = {"table": list(summarise(runs.rows(), ("table", "model"), FIGURES))}
    if not args.data_only:
        results["targets"] = list(targets(runs.rows()))
    benchmark.report(results)


def run(table: Table, seed: int) -> Iterator[Row]:
    """Yield the figures of every model on one split of a table, and what perfection would get."""
    judge = Judge(table, seed)
    for name, model, seconds in fitted(judge.X, table.n_components, seed):
        key = {"table": table.name, "model": name, "seed": seed}
        yield key | judge.figures(model) | {"fit [s]": seconds}
    yield {"table": table.name, "model": "(chance)", "seed": seed} | judge.chance()


class Judge:
    """What models of one split of a table are held against."""

    def __init__(self, table: Table, seed: int) -> None:
        self.X, self.X_test, self.y, self.y_test = table.split(seed)
        self.seed = seed
        self.prior = np.random.default_rng(seed).normal(size=(len(self.X_test), table.n_components))
        self.pca_error = squared_error(LinearModel(table.n_components).fit(self.X), self.X_test)

    def figures(self, model: Any) -> Row:
        """Return the figures of a fitted model; those that it cannot have are NaN."""
        X_test, found = self.X_test, dict.fromkeys(FIGURES, np.nan)
        samples = model.sample(len(X_test), random_state=self.seed)
        found["samples vs rows"] = c2st(samples, X_test, random_state=self.seed)
        if hasattr(model, "transform"):
            found["reconstruction"] = squared_error(model, X_test) / self.pca_error
            encode = getattr(model, "transform_drawn", model.transform)
            found["codes vs prior"] = c2st(encode(X_test), self.prior, random_state=self.seed)
            if self.y is not None:
                classifier = LogisticRegression(max_iter=1000)
                classifier.fit(model.transform(self.X), self.y)
                found["accuracy"] = classifier.score(model.transform(X_test), self.y_test)
        return found

    def chance(self) -> Row:
        """Return what perfect codes and samples would get: prior draws, and training rows."""
        rng = np.random.default_rng([self.seed, 1])
        codes = rng.normal(size=self.prior.shape)
        some = self.X[rng.choice(len(self.X), len(self.X_test), replace=False)]
        return dict.fromkeys(FIGURES, np.nan) | {
            "codes vs prior": c2st(codes, self.prior, random_state=self.seed),
            "samples vs rows": c2st(some, self.X_test, random_state=self.seed),
        }


def fitted(X: np.ndarray, n_components: int, seed: int) -> Iterator[tuple[str, Any, float]]:
    """Yield the name of each model, the fitted model and the seconds that it took."""
    aae = AdversarialAutoencoder(n_components, random_state=seed)
    plain = AdversarialAutoencoder(n_components, adversarial_weight=0, random_state=seed)
    # The AAE comes first: the variational autoencoders take their settings from it.
    models = {
        AAE: aae,
        PCA_ROW: LinearModel(n_components),
        PCA_WHITE: LinearModel(n_components, whiten=True),
        "autoencoder": plain,
        "VAE, unit variance": VAE(aae, "unit", seed),
        "VAE, learned variance": VAE(aae, "learned", seed),
        "GaussianMixture(10)": Mixture(10, random_state=seed),
    }
    for name, model in models.items():
        yield name, *timed(model.fit, X)


class Mixture(GaussianMixture):
    """A mixture whose ``sample`` takes a seed and returns rows alone."""

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows; the seed is the constructor's, which is the benchmark's as well."""
        return super().sample(n_samples)[0]


def squared_error(model: Any, X: np.ndarray) -> float:
    """Return the mean squared error of reconstructed rows."""
    return float(((X - model.inverse_transform(model.transform(X))) ** 2).mean())


def targets(runs: list[Row]) -> Iterator[Row]:
    """Yield the figures that are promised, beside their bounds."""
    bounds = [(table, figure, "at most", bound) for table, figure, bound in TARGETS]
    pca = mean_of(runs, "accuracy", table="digits", model=PCA_ROW)
    for table, figure, side, bound in [*bounds, ("digits", "accuracy", "at least", pca)]:
        value = mean_of(runs, figure, table=table, model=AAE)
        row: Row = {"table": table, "figure": figure, "target": "", "measured": f"{value:.3f}"}
        yield row | verdict(value, side, bound, "{:.3f}")


if __name__ == "__main__":
    main()
