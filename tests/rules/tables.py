"""Tables with rules that are known, for the tests."""

from __future__ import annotations

import numpy as np
import pandas as pd


def trips(n_rows=600, seed=0):
    """Return journeys: they end after they start, zones have boroughs, totals add up."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 31 * 86_400, n_rows), "s")
    length = pd.to_timedelta(rng.gamma(2, 400, n_rows).astype(int), "s")
    zone = rng.integers(0, 40, n_rows)
    fare, tip = rng.integers(300, 6000, n_rows) / 100, rng.integers(0, 900, n_rows) / 100
    fee = rng.choice([0.5, 1.0, 2.75], n_rows, p=[0.6, 0.3, 0.1])
    pieces, price = rng.integers(1, 9, n_rows), rng.integers(100, 2000, n_rows) / 100
    returned = rng.random(n_rows) < 0.3
    table = pd.DataFrame(
        {
            "trip": np.arange(1, n_rows + 1),
            "start": start,
            "end": start + length,
            "zone": pd.Series(zone).map("zone {:02d}".format),
            "borough": np.array(["Bronx", "Brooklyn", "Queens", "Manhattan"])[zone % 4],
            "fare": fare,
            "tip": tip,
            "subtotal": fare + tip,
            "total": np.round(fare + tip + fee, 2),
            "pieces": pieces,
            "price": price,
            "amount": np.round(pieces * price, 2),
            "returned": pd.Series(start).where(~pd.Series(returned)),
            "refund": pd.Series(tip).where(~pd.Series(returned)),
            "ticket": np.where(zone % 4 == 0, rng.choice(["day", "week"], n_rows), "single"),
        }
    )
    return table


def bills(n_rows=400, seed=0):
    """Return numbers of which some follow from others."""
    rng = np.random.default_rng(seed)
    fare, tip = rng.integers(300, 6000, n_rows) / 100, rng.integers(0, 900, n_rows) / 100
    fee = rng.choice([0.5, 1.0, 2.75], n_rows, p=[0.6, 0.3, 0.1])
    age, low, refund = rng.integers(18, 80, n_rows), rng.integers(0, 1000, n_rows), tip / 2
    week = rng.integers(0, 7, n_rows)
    refund[rng.random(n_rows) < 0.3] = np.nan
    return pd.DataFrame(
        {
            "fare": fare,
            "tip": tip,
            "total": np.round(fare + tip + fee, 2),
            "age": age,
            "group": age // 10,
            "low": low,
            "high": low + rng.geometric(0.05, n_rows),
            "week": week,
            "day": (age // 10 * 3 + week) % 5,
            "refund": refund,
            "reason": np.where(np.isnan(refund), np.nan, rng.integers(0, 3, n_rows)),
        }
    )


def permuted(table, seed):
    """Return the table with every column shuffled by itself."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: column.take(rng.permutation(len(table))).array for name, column in table.items()}
    )
