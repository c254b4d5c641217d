"""A small mixed-type table for the tests of measures of synthetic tables."""

from __future__ import annotations

import numpy as np
import pandas as pd


def mixed_table(n_rows=400, seed=0):
    """Return a frame of every kind of column, with dependence and missing cells."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=n_rows)
    table = pd.DataFrame(
        {
            "height": latent + rng.normal(scale=0.3, size=n_rows),
            "count": rng.poisson(np.exp(latent)),
            "city": np.array(["Bonn", "Kiel", "Ulm"])[np.digitize(latent, [-0.5, 0.7])],
            "grade": pd.Categorical(np.array(["low", "high"])[(latent > 0).astype(int)]),
            "member": latent + rng.normal(size=n_rows) > 0,
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(np.round(latent * 100 + rng.normal(size=n_rows)), unit="D"),
        }
    )
    for column in ("height", "city", "since"):
        table.loc[rng.random(n_rows) < 0.1, column] = None
    return table


def halves(n_rows=800, seed=0):
    """Return two frames of independent rows from the same distribution."""
    table = mixed_table(n_rows, seed)
    return table[: n_rows // 2], table[n_rows // 2 :]


def shuffled(table, seed=0):
    """Return the table with each column in an order of its own: no dependence is left."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({c: table[c].array[rng.permutation(len(table))] for c in table})
