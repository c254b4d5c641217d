"""Distances to the closest record, exact copies and near copies."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.metrics import copy_share, dcr, near_copies
from sklearn_aae.metrics._distances import BLOCK, MixedDistance
from sklearn_aae.metrics._tables import read_tables
from tests.metrics.mixed import mixed_table, shuffled

SEED = {"random_state": 0}


def thirds(n_rows=900, seed=0):
    table = mixed_table(n_rows, seed)
    return [table[i::3] for i in range(3)]


def gower(a, b, is_number, spans):
    """Return the distance of two rows, cell by cell."""
    total = 0.0
    for x, y, number, span in zip(a, b, is_number, spans, strict=True):
        if np.isnan(x) or np.isnan(y):
            total += np.isnan(x) != np.isnan(y)
        elif number and span:
            total += abs(x - y) / span
        else:
            total += x != y
    return total / len(a)


def test_distance_against_loops():
    real, synthetic, held_out = (part.assign(constant=5.0) for part in thirds(90))
    synthetic = synthetic.assign(constant=[5.0, 6.0, None] * 10)
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    known = np.concatenate([tables["real"], tables["held_out"]])
    spans = np.nanmax(known, axis=0) - np.nanmin(known, axis=0)
    matrix = np.array(
        [
            [gower(a, b, ~tables.is_category, spans) for b in tables["real"]]
            for a in tables["synthetic"]
        ]
    )
    distances, places = MixedDistance(tables).nearest(tables["synthetic"], tables["real"])
    np.testing.assert_allclose(distances, matrix.min(axis=1), atol=1e-9)
    np.testing.assert_array_equal(places, matrix.argmin(axis=1))


def test_distance_does_not_depend_on_the_blocks(monkeypatch):
    real, synthetic, held_out = thirds()
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    whole = MixedDistance(tables).nearest(tables["synthetic"], tables["real"])
    monkeypatch.setattr("sklearn_aae.metrics._distances.BLOCK", 1)
    by_row = MixedDistance(tables).nearest(tables["synthetic"], tables["real"])
    np.testing.assert_array_equal(whole, by_row)
    assert BLOCK > 1


def test_distance_holds_no_matrix():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50_000, 15))
    tables = read_tables(real=rows, synthetic=rows[:300], held_out=rows[:300])
    tracemalloc.start()
    MixedDistance(tables).nearest(tables["synthetic"], tables["real"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # the matrix alone would take 120 MB, that of all rows 20 GB


def test_dcr_by_hand():
    real, held_out = [[0.0], [10.0]], [[4.0], [6.0]]
    # 1 is nearer to 0, 4 is held out, 2 lies between 0 and 4, 9 is nearer to 10.
    score = dcr(real, [[1.0], [4.0], [2.0], [9.0]], held_out)
    assert score.details == {"nearer_real": 0.5, "nearer_held_out": 0.25, "ties": 0.25}
    assert score.score == 0.625


def test_dcr_counts_sums_in_another_order_as_ties():
    # 0.1 + 0.2 is not 0.3 for a computer.
    real, held_out = [[0.1, 0.2, 0.0], [1.0, 1.0, 1.0]], [[0.0, 0.0, 0.3], [1.0, 1.0, 1.0]]
    assert dcr(real, [[0.0, 0.0, 0.0]] * 2, held_out).details["ties"] == 1


def test_dcr_tells_copies_from_new_rows():
    real, synthetic, held_out = thirds(1800)
    assert dcr(real, synthetic, held_out, **SEED).score == pytest.approx(0.5, abs=0.06)
    assert dcr(real, real, held_out, **SEED).score > 0.95
    assert dcr(real, held_out, held_out, **SEED).score < 0.05


def test_dcr_is_fair_to_tables_of_other_length():
    real, synthetic, held_out = thirds(1800)
    score = dcr(real, synthetic, held_out[:150], **SEED).score
    assert score == pytest.approx(0.5, abs=0.1)
    assert score == dcr(real, synthetic, held_out[:150], **SEED).score
    assert score != dcr(real, synthetic, held_out[:150], random_state=1).score


def test_copies_by_hand():
    real = pd.DataFrame({"x": [0.0, 1, None], "c": ["a", None, "b"]})
    synthetic = pd.DataFrame({"x": [-0.0, 1, None, 1], "c": ["a", None, "b", "a"]})
    score = copy_share(real, synthetic, synthetic[3:].iloc[[0, 0]])
    assert score.score == 0.75
    assert score.details == {"synthetic": 0.75, "held_out": 0.0}


def test_copies_of_coarse_tables_are_common_among_real_rows_too():
    rng = np.random.default_rng(0)
    real, synthetic, held_out = rng.integers(3, size=(3, 200, 2))
    assert copy_share(real, synthetic, held_out).details == {"synthetic": 1.0, "held_out": 1.0}


def test_near_copies():
    real, synthetic, held_out = thirds(1800)
    jittered = real.assign(height=real["height"] + 1e-6)
    near = near_copies(real, jittered, held_out, n_pairs=3)
    assert near.score == 1
    assert near.details["held_out"] == pytest.approx(0.05, abs=0.01)
    assert [pair[0] == pair[1] for pair in near.details["pairs"]] == [True] * 3
    assert near_copies(real, synthetic, held_out).score < 0.1
    assert near_copies(real, shuffled(real), held_out).score < 0.05
    assert near_copies(real, synthetic, held_out, quantile=0.5).score == pytest.approx(0.5, abs=0.1)


def test_near_pairs_by_hand():
    real, held_out = [[0.0], [10.0], [20.0]], [[5.0], [6.0], [13.0]]
    near = near_copies(real, [[11.0], [20.0], [4.0]], held_out, n_pairs=2)
    # Held-out rows are 5, 4 and 3 from a real one; the smallest is the threshold.
    assert near.details["threshold"] == pytest.approx(3 / 20)
    assert near.score == pytest.approx(2 / 3)
    assert near.details["pairs"] == [(1, 2, 0.0), (0, 1, pytest.approx(1 / 20))]


@pytest.mark.parametrize("metric", [dcr, copy_share, near_copies])
def test_polars_and_pandas_agree(metric):
    parts = thirds(300)
    settings = SEED if metric is dcr else {}
    assert metric(*parts, **settings) == metric(*map(pl.from_pandas, parts), **settings)


@pytest.mark.parametrize("metric", [dcr, copy_share, near_copies])
@pytest.mark.parametrize("cells", [None, "a", 1.0])
def test_columns_of_a_single_value_or_none_change_nothing(metric, cells):
    parts = thirds(300)
    settings = SEED if metric is dcr else {}
    with_odd = metric(*(part.assign(odd=cells) for part in parts), **settings)
    assert with_odd.score == metric(*parts, **settings).score


@pytest.mark.parametrize("metric", [dcr, copy_share, near_copies])
def test_bad_input(metric):
    real, synthetic, held_out = thirds(90)
    with pytest.raises(ValueError, match=r"held_out lacks the columns \['city'\]"):
        metric(real, synthetic, held_out.drop(columns="city"))
    with pytest.raises(ValueError, match="held_out has 1 rows; at least 2"):
        metric(real, synthetic, held_out[:1])


@pytest.mark.parametrize("quantile", [0, 1, 5])
def test_bad_quantile(quantile):
    with pytest.raises(ValueError, match=r"quantile must be in \(0, 1\)"):
        near_copies(*thirds(90), quantile=quantile)


@pytest.mark.filterwarnings("ignore")  # SDMetrics' own, of pandas that changes
def test_distances_are_those_of_sdmetrics():
    utils = pytest.importorskip(
        "sdmetrics.single_table.privacy.dcr_utils",
        reason="SDMetrics is in no extra: it is not needed, and compared with where installed",
    )
    real, synthetic, held_out = thirds(300)
    # It scales by the real rows alone and clips: rows within the real range agree.
    held_out = real
    kinds = {"height": "numerical", "count": "numerical", "since": "datetime"}
    metadata = {"columns": {c: {"sdtype": kinds.get(c, "categorical")} for c in real}}
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    mine, _ = MixedDistance(tables).nearest(tables["synthetic"], tables["real"])
    theirs = utils.calculate_dcr(
        synthetic.reset_index(drop=True), real.reset_index(drop=True), metadata
    )
    np.testing.assert_allclose(mine, theirs, atol=1e-6)
