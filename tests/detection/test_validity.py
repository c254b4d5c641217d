"""Levels and rates by simulation, with one member and few epochs: validity needs no good fits."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.validity import RATES, TABLES, run

FAST = {"n_estimators": 1, "max_epochs": 3}


def check(table, n, n_seeds, calibration="auto"):
    """Assert that a twentieth of normal rows is flagged, and rates of false discoveries."""
    found = np.array([run(table, n, calibration, seed, FAST) for seed in range(n_seeds)])
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(n_seeds)
    assert mean[0] <= 0.05 + 2 * error[0]
    for k, rate in enumerate(RATES, start=2):
        assert mean[k] <= rate + 2 * error[k]
    return mean


@pytest.mark.parametrize("table", list(TABLES))
def test_levels_are_kept_from_30_rows_on(table):
    check(table, 30, 5)


def test_cross_fitting_keeps_the_level_where_rows_repeat():
    """Of many rows more have a twin than of half of them, which must not change the scale."""
    flagged = [run("discrete", 1_000, "cross", seed, FAST)[0] for seed in range(3)]
    assert np.mean(flagged) < 0.08


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 60, 100, 1_000])
@pytest.mark.parametrize("table", list(TABLES))
def test_levels_are_kept_over_many_seeds(table, n):
    mean = check(table, n, 200)
    # And used: what is odd is found.
    assert mean[1] > 2 * mean[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "table, n",
    [
        # A tenth of the rows has a missing cell, another a rare label: a fold may leave them out.
        ("mixed", 1_000),
        # Each fold finds rules of its own.
        ("with rules", 100),
        ("with rules", 1_000),
    ],
)
def test_cross_fitting_keeps_the_level_of_large_tables(table, n):
    check(table, n, 200, "cross")
