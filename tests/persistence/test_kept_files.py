"""Files that were written once, and have to open and say the same for ever.

Those in ``data/`` were written by ``python -m tests.persistence.test_kept_files``, with the
versions of constraints.txt of November 2026 (format 1).  They are not written again: a later
format gets files of its own beside them.  Each holds an estimator, the rows of a table, column by
column, and what the estimator said of them; on other processors the last digits may differ.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder, load, save
from sklearn_aae.outputs import Autoregressive
from tests.instances import fast, fast_detector
from tests.mixed_tables import animals

DATA = Path(__file__).parent / "data"

#: What is in each file, and which of its methods are asked.
KEPT = {
    "model-1.aae": (AdversarialAutoencoder, ("transform", "score_samples")),
    "detector-1.aae": (AAEOutlierDetector, ("score_samples", "p_values", "predict")),
    "encoder-1.aae": (TableEncoder, ("transform",)),
}


def table_of(columns):
    """Return rows as they are asked about: a column for each list of cells."""
    return pd.DataFrame({name: pd.Series(cells) for name, cells in columns.items()})


def write_all():
    """Write the files anew, in the present format."""
    table = animals(40).reset_index(drop=True)[["animal", "weight", "born", "note"]]
    columns = {name: table[name][:12].tolist() for name in table}
    made = {
        "model-1.aae": fast(output=Autoregressive(hidden_size=4), hidden_layer_sizes=(8,)),
        "detector-1.aae": fast_detector(n_estimators=1, hidden_layer_sizes=(8,), n_components=2),
        "encoder-1.aae": TableEncoder(),
    }
    for name, estimator in made.items():
        estimator.fit(table)
        said = {method: getattr(estimator, method)(table_of(columns)) for method in KEPT[name][1]}
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
        near = 1e-6 if known.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(found, known, rtol=near, atol=near, err_msg=method)


def test_every_kept_file_is_tested():
    assert {path.name for path in DATA.iterdir()} == set(KEPT)


if __name__ == "__main__":
    write_all()
