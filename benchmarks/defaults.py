"""What each default does: the estimator with one setting changed at a time.

The figures are those of ``benchmarks.quality``: means and standard deviations over seeds,
each with a split of its own, on scikit-learn's small tables.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks._common import Row, command_line, parser, prepare, report, setup_rows
from benchmarks._models import LinearModel
from benchmarks._runs import summarise
from benchmarks._tables import Table, bundled
from benchmarks.quality import FIGURES, squared_error
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import c2st
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


def main() -> None:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0], seeds=5)
    args = arguments.parse_args()
    prepare(args.threads)
    seeds = range(1 if args.quick else args.seeds)
    settings = dict(list(SETTINGS.items())[:2]) if args.quick else SETTINGS
    tables = [table for table in bundled(args.quick) if table.name in TABLES]
    runs = [run(table, name, seed) for table in tables for name in settings for seed in seeds]
    summary = [
        {"table": row["table"], "setting": row["model"]}
        | {figure: row[figure] for figure in FIGURES if figure in runs[0]}
        for row in summarise(runs, ("table", "model"), FIGURES)
    ]
    setup = setup_rows(command_line("defaults", arguments, args), seeds=", ".join(map(str, seeds)))
    report(args.out, "defaults", {"table": summary, "setup": setup})


def run(table: Table, name: str, seed: int) -> Row:
    """Return the figures of one setting on one split of a table."""
    X, X_test, y, y_test = table.split(seed)
    model = AdversarialAutoencoder(table.n_components, random_state=seed, **SETTINGS[name]).fit(X)
    pca = LinearModel(table.n_components).fit(X)
    prior = np.random.default_rng(seed).normal(size=(len(X_test), table.n_components))
    classifier = LogisticRegression(max_iter=1000).fit(model.transform(X), y)
    return {
        "table": table.name,
        "model": name,
        "seed": seed,
        "reconstruction": squared_error(model, X_test) / squared_error(pca, X_test),
        "codes vs prior": c2st(model.transform(X_test), prior, random_state=seed),
        "samples vs rows": c2st(model.sample(len(X_test)), X_test, random_state=seed),
        "accuracy": classifier.score(model.transform(X_test), y_test),
    }


if __name__ == "__main__":
    main()
