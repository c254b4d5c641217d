"""What each default does: the estimator with one setting changed at a time.

The figures are those of ``benchmarks.quality``, on scikit-learn's small tables.
"""

from __future__ import annotations

from benchmarks import quality
from benchmarks._common import Benchmark, Row
from benchmarks._runs import summarise
from benchmarks._tables import Table, bundled
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.posteriors import Deterministic

#: name -> what is changed; the first is the defaults.
SETTINGS: dict[str, dict] = {
    "defaults": {},
    "input_noise=0": {"posterior": Deterministic(input_noise=0)},
    "input_noise=0.6": {"posterior": Deterministic(input_noise=0.6)},
    'activation="relu"': {"activation": "relu"},
    "adversarial_weight=0.1": {"adversarial_weight": 0.1},
    "adversarial_weight=1": {"adversarial_weight": 1.0},
    "hidden_layer_sizes=(64, 64)": {"hidden_layer_sizes": (64, 64)},
    "discriminator_layer_sizes=(64, 64)": {"discriminator_layer_sizes": (64, 64)},
    "max_epochs=30": {"max_epochs": 30},
    "max_epochs=400": {"max_epochs": 400},
    'posterior="gaussian"': {"posterior": "gaussian"},
    'scaling="quantile"': {"scaling": "quantile"},
}
TABLES = ("digits", "breast cancer", "iris", "wine")
FIGURES = {name: form for name, form in quality.FIGURES.items() if name != "fit [s]"}


def main() -> None:
    benchmark = Benchmark("defaults", __doc__, seeds=5)
    args = benchmark.parse()
    settings = list(SETTINGS)[:2] if args.quick else SETTINGS
    tables = [table for table in bundled(args.quick) if table.name in TABLES]
    runs = [
        run(table, name, seed) for table in tables for name in settings for seed in benchmark.seeds
    ]
    benchmark.report({"table": list(summarise(runs, ("table", "setting"), FIGURES))})


def run(table: Table, name: str, seed: int) -> Row:
    """Return the figures of one setting on one split of a table."""
    judge = quality.Judge(table, seed)
    model = AdversarialAutoencoder(table.n_components, random_state=seed, **SETTINGS[name])
    figures = judge.figures(model.fit(judge.X))
    return {"table": table.name, "setting": name, "seed": seed} | figures


if __name__ == "__main__":
    main()
