"""Generated tables of mixed types with dependences that are known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.outputs import Autoregressive

#: What the middle of "weight" is for each "animal".
WEIGHTS = {"cat": 4.0, "dog": 20.0, "horse": 500.0}


def animals(n=300, seed=0):
    """Return a pandas frame with a column of every kind; "animal" decides what "weight" is."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    animal = rng.choice(list(WEIGHTS), n, p=[0.5, 0.3, 0.2])
    weight = np.array([WEIGHTS[name] for name in animal]) * rng.uniform(0.8, 1.2, n)
    size = np.where(animal == "cat", "small", np.where(animal == "dog", "middle", "large"))
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), "D")
    note = np.where(rng.random(n) < 0.2, None, np.where(weight > 10, "heavy", "light"))
    age = rng.gamma(3, 2, n)
    age[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "animal": animal,
            "weight": weight,
            "legs": rng.integers(3, 5, n),
            "tame": weight < 100,
            "size": pd.Categorical(size, ["small", "middle", "large"], ordered=True),
            "born": day,
            "age": age,
            "note": np.array(note, dtype=object),
            "same": np.full(n, 7, dtype=np.int32),
            "empty": np.full(n, None, dtype=object),
        },
        index=[f"row {i}" for i in range(n)],
    )


def quick(**parameters):
    """Return a model that reads a small table in well under a second."""
    defaults = {
        "n_components": 3,
        "output": Autoregressive(hidden_size=16),
        "hidden_layer_sizes": (32,),
        "discriminator_layer_sizes": (16,),
        "max_epochs": 4,
        "random_state": 0,
    }
    return AdversarialAutoencoder(**{**defaults, **parameters})


def learned(**parameters):
    """Return a model that learns what a small table is about, in a second or two."""
    return quick(
        **{"output": Autoregressive(hidden_size=32, dropout=0.0), "max_epochs": 40, **parameters}
    )


def sale(n=3_000):
    """Return an Arrow table of many values, with what is rare: a level, decimals, steps, gaps."""
    rng = np.random.default_rng(1)
    amount = rng.gamma(2, 100, n).round(1)
    amount[rng.choice(n, n // 50, replace=False)] = 9.9
    amount[n - 3] = 5.125
    steps = 7 * rng.integers(0, 9_000, n)
    steps[n - 2] += 1
    city = rng.choice(["Rome", "Oslo"], n).astype(object)
    city[rng.choice(n, 2, replace=False)] = "Bern"
    hours = rng.integers(0, 10**6, n) * 3_600_000
    return pa.table(
        {
            "amount": amount,
            "steps": pa.array(steps, mask=rng.random(n) < 0.003),
            "even": 2 * rng.integers(0, 9_000, n),
            "city": city,
            "hour": pa.array(hours, pa.timestamp("ms", "Europe/Berlin")),
        }
    )
