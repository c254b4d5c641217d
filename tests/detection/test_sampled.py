"""A detector of rows that do not fit into memory is one of a sample over all files."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection import _sampled


def normal(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    return pa.table({"x": rng.normal(3.0 * kind), "kind": np.array(["a", "b"])[kind]})


def test_few_rows_are_fitted_to_as_in_memory():
    table = normal(300, 0)
    in_memory, streamed, lazy = (
        AAEOutlierDetector(max_epochs=1, random_state=0).fit(rows)
        for rows in (table, ds.dataset(table), pl.from_arrow(table).lazy())
    )
    expected = in_memory.score_samples(table)
    np.testing.assert_array_equal(streamed.score_samples(table), expected)
    np.testing.assert_array_equal(lazy.score_samples(table), expected)
    assert streamed.offset_ == in_memory.offset_


def test_p_values_of_many_rows_are_valid(tmp_path, monkeypatch):
    monkeypatch.setattr(_sampled, "DRAWN_ROWS", 1_200)
    rows = normal(4_000, 0)
    # Sorted: the first file alone would say little of the others.
    rows = rows.take(np.argsort(rows["kind"].to_numpy(zero_copy_only=False), kind="stable"))
    ds.write_dataset(
        rows, tmp_path, format="parquet", max_rows_per_file=1_000, max_rows_per_group=500
    )
    settings = {"max_epochs": 5, "calibration": "split", "random_state": 0}
    detector = AAEOutlierDetector(**settings).fit(ds.dataset(tmp_path))
    again = AAEOutlierDetector(**settings).fit(ds.dataset(tmp_path))
    new = normal(2_000, 1)
    p_values = detector.p_values(new)
    np.testing.assert_array_equal(p_values, again.p_values(new))
    # 119 rows calibrate: the share at most alpha has a standard deviation of 0.03 over them.
    for kind in ("a", "b"):
        own = p_values[new["kind"].to_numpy(zero_copy_only=False) == kind]
        assert (own <= 0.1).mean() == pytest.approx(0.1, abs=0.08)
    far = detector.p_values(pa.table({"x": [40.0, -40.0], "kind": ["a", "b"]}))
    assert (far < 0.02).all()
