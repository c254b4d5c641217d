"""The benchmark of posteriors: what it compares, and that its figures are what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks._frames import Mixed
from benchmarks._tables import Table
from benchmarks.posteriors import CHANCE, MIXED, NUMERIC, cut, run, run_mixed, settings


@pytest.fixture(name="table")
def small_table():
    X = np.random.default_rng(0).normal(size=(120, 5)) @ np.diag([3.0, 2.0, 1.0, 1.0, 1.0])
    return Table("made up", X, None, 3)


def test_every_prior_has_every_posterior_that_goes_with_it(table):
    found = list(settings(table))
    assert len(set(found)) == len(found)
    assert ("gaussian", 3, "channel") in found
    assert ("swiss_roll", 2, "universal") in found
    assert not any(posterior == "channel" for prior, _, posterior in found if prior != "gaussian")
    assert sum(posterior == CHANCE for *_, posterior in found) == 4


@pytest.mark.parametrize("posterior", [CHANCE, "deterministic", "channel"])
def test_figures_of_a_run(table, posterior):
    row = run(table, "gaussian", 3, posterior, 0, {"max_epochs": 1})
    assert set(row) <= set(NUMERIC)
    assert 0.5 <= row["codes vs prior"] <= 1
    assert ("drawn gap" in row) == (posterior == "channel")
    assert ("reconstruction" in row) == (posterior != CHANCE)


def test_figures_of_a_run_on_a_table_of_mixed_types():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 150)
    frame = pd.DataFrame({"kind": np.array(["a", "b", "c"])[kind], "size": rng.normal(kind)})
    row = run_mixed(Mixed("made up", frame, "kind"), "channel", 0, {"max_epochs": 1})
    assert set(row) == set(MIXED)
    assert 0 <= row["reconstructed"] <= 1


def test_large_tables_are_cut_the_same_way_each_time(table):
    assert cut(table, 120) is table
    np.testing.assert_array_equal(cut(table, 50).X, cut(table, 50).X)
    assert len(cut(table, 50).X) == 50
