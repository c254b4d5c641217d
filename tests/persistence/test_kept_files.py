"""Files that were written once, and have to open and say the same for ever.

``python -m tests.persistence.test_kept_files`` writes those that are not in ``data/`` yet, by the
recipes in ``MADE``; what is there is never written again.  Files that end in ``-1.aae`` and
``-2.aae`` are of formats 1 and 2 before the first release, those that end in ``-0.2.0.aae`` of that
release and format 2, with the versions of constraints.txt of November 2026.  A release whose
format is another one gets files of its own beside them.  Each holds an estimator, the rows of a
table, column by column, and what the estimator said of them; on other processors the last digits
may differ.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sklearn_aae
from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    load,
    save,
)
from sklearn_aae.outputs import Autoregressive
from sklearn_aae.persistence import describe
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector
from tests.mixed_tables import animals

DATA = Path(__file__).parent / "data"

#: What is in each file, and which of its methods are asked.
KEPT = {
    "model-1.aae": (AdversarialAutoencoder, ("transform", "score_samples")),
    "detector-1.aae": (AAEOutlierDetector, ("score_samples", "p_values", "predict")),
    "encoder-1.aae": (TableEncoder, ("transform",)),
    "numbers-2.aae": (AdversarialAutoencoder, ("transform", "reconstruct", "score_samples")),
    "model-0.2.0.aae": (AdversarialAutoencoder, ("transform", "score_samples")),
    "numbers-0.2.0.aae": (AdversarialAutoencoder, ("transform", "reconstruct", "score_samples")),
    "detector-0.2.0.aae": (AAEOutlierDetector, ("score_samples", "p_values", "predict")),
    "classifier-0.2.0.aae": (AAEClassifier, ("predict_proba", "predict", "transform")),
    "clusterer-0.2.0.aae": (AAEClusterer, ("predict_proba", "predict")),
    "imputer-0.2.0.aae": (AAEImputer, ("transform",)),
    "encoder-0.2.0.aae": (TableEncoder, ("transform",)),
}

TINY = {"hidden_layer_sizes": (8,), "discriminator_layer_sizes": (8,)}
#: How the files of the present format are made: the estimator, and the columns that it reads.
ALL, NUMBERS = ["animal", "weight", "born", "note"], ["weight", "legs", "age"]
MADE = {
    "model-0.2.0.aae": (fast(output=Autoregressive(hidden_size=4), **TINY), ALL),
    "numbers-0.2.0.aae": (fast(**TINY), ["weight", "legs"]),
    "detector-0.2.0.aae": (
        fast_detector(n_estimators=1, hidden_layer_sizes=(8,), n_components=2),
        ALL,
    ),
    "classifier-0.2.0.aae": (
        fast_classifier(hidden_layer_sizes=(8,), estimator=fast(**TINY), max_epochs=3),
        ["weight", "legs"],
    ),
    "clusterer-0.2.0.aae": (
        fast_clusterer(hidden_layer_sizes=(8,), estimator=fast(**TINY), max_epochs=3),
        ["weight", "legs"],
    ),
    "imputer-0.2.0.aae": (AAEImputer(fast(**TINY), random_state=0), NUMBERS),
    "encoder-0.2.0.aae": (TableEncoder(), ALL),
}


def table_of(columns):
    """Return rows as they are asked about: a column for each list of cells."""
    return pd.DataFrame({name: pd.Series(cells) for name, cells in columns.items()})


def write_missing():
    """Write the files that are not there yet, in the present format."""
    whole = animals(40).reset_index(drop=True)
    for name, (estimator, read) in MADE.items():
        if (DATA / name).exists():
            continue
        table = whole[read]
        columns = {column: table[column][:12].tolist() for column in table}
        estimator.fit(table, whole["animal"] if name.startswith("classifier") else None)
        rows = table_of(columns)
        said = {method: np.asarray(getattr(estimator, method)(rows)) for method in KEPT[name][1]}
        bundle = {"estimator": estimator, "columns": columns, "said": said}
        save(bundle, DATA / name, training=False)


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_file_opens_and_says_what_it_said(name):
    kind, methods = KEPT[name]
    bundle = load(DATA / name)
    assert type(bundle["estimator"]) is kind
    assert bundle["said"].keys() == set(methods)
    table = table_of(bundle["columns"])
    assert len(table) == 12
    for method in methods:
        known = bundle["said"][method]
        found = np.asarray(getattr(bundle["estimator"], method)(table))
        if known.dtype.kind != "f":
            assert found.tolist() == known.tolist(), method
            continue
        near = 1e-6 if known.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(found, known, rtol=near, atol=near, err_msg=method)


def test_a_model_of_numbers_without_residuals_draws_rows_of_its_table():
    bundle = load(DATA / "numbers-2.aae")
    model, table = bundle["estimator"], table_of(bundle["columns"])
    assert model.net_.marginals_.residuals is None
    rows = model.sample(200, random_state=0)
    pd.testing.assert_index_equal(rows.columns, table.columns)
    quantiles = model.net_.marginals_.values
    for j, name in enumerate(rows):
        assert rows[name].between(quantiles[0, j], quantiles[-1, j]).all()
        assert rows[name].std() > 0.5 * quantiles[:, j].std()


def test_every_kept_file_is_tested():
    assert {path.name for path in DATA.iterdir()} == set(KEPT)


def test_the_release_keeps_a_file_of_every_estimator():
    kinds = {kind for name, (kind, _) in KEPT.items() if name.endswith("-0.2.0.aae")}
    public = {getattr(sklearn_aae, name) for name in sklearn_aae.__all__}
    assert kinds == {value for value in public if isinstance(value, type)}
    for name in MADE:
        assert "sklearn_aae 0.2.0" in describe(DATA / name), name


if __name__ == "__main__":
    write_missing()
