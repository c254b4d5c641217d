"""Tables of mixed types that are made, not read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks._frames import SHORT_ROWS, Mixed

#: Weights in carat that stones are cut to, and how often.
HEAPS = {0.3: 20, 0.4: 12, 0.5: 11, 0.7: 14, 0.9: 8, 1.0: 15, 1.2: 6, 1.5: 8, 2.0: 5, 3.0: 0.2}
CUTS = ("fair", "good", "very good", "premium", "ideal")
COLORS = tuple("JIHGFED")
CLARITIES = ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF")


def stones(n_samples: int = 20_000, seed: int = 0) -> pd.DataFrame:
    """Return cut stones: weights that sizes nearly determine, grades in order, heaped prices.

    Sizes ``x`` and ``y`` are those of a stone of that weight and depth, to 2 decimals;
    ``depth`` is ``z`` in per cent of their mean.  Stones are cut to round weights and a little
    more; well cut ones differ less in shape, heavy ones have poorer grades.  A third of the prices
    is rounded to tens or hundreds.  Of 5,000 stones, one each has ``y`` with its point a place
    off, ``z`` likewise, and a ``z`` of 0: few, but correlations depend on them.
    """
    rng = np.random.default_rng(seed)
    heaps = np.array(list(HEAPS.values()))
    carat = rng.choice(list(HEAPS), n_samples, p=heaps / heaps.sum())
    carat = np.round(carat + np.floor(rng.exponential(0.045, n_samples) * 100) / 100, 2)
    quality = rng.normal(size=n_samples)
    cut = _grades(quality, (3, 9, 22, 26, 40))
    spread = np.array([2.6, 1.7, 1.2, 0.9, 0.6])[cut]
    depth = 61.8 + rng.normal(size=n_samples) * spread
    table = np.array([59.0, 58.6, 58.0, 58.7, 56.0])[cut] + rng.normal(size=n_samples) * spread
    size = (carat / (0.0061 * depth / 100)) ** (1 / 3)
    x, y = (np.round(size * (1 + rng.normal(size=n_samples) * 0.006), 2) for _ in range(2))
    z = np.round(depth / 100 * (x + y) / 2 * (1 + rng.normal(size=n_samples) * 0.002), 2)
    percent = np.round(200 * z / (x + y), 1)
    slips = rng.choice(n_samples, n_samples // 1000, replace=False)
    for size, factor, some in ((y, 10, slips[::5]), (z, 10, slips[1::5]), (z, 0, slips[2::5])):
        size[some] = np.round(size[some] * factor, 1)
    weight = np.log(carat)
    color = _grades(rng.normal(size=n_samples) - 0.4 * weight, (5, 10, 15, 21, 18, 18, 13))
    clarity = _grades(
        rng.normal(size=n_samples) - 0.7 * weight + 0.3 * quality, (1, 17, 24, 23, 15, 9, 7, 4)
    )
    price = 8.0 + 1.8 * weight + 0.03 * cut + 0.08 * color + 0.11 * clarity
    price = np.exp(price + rng.normal(size=n_samples) * 0.12)
    unit = rng.choice([1, 10, 100], n_samples, p=[0.67, 0.22, 0.11])
    return pd.DataFrame(
        {
            "carat": carat,
            "cut": _ordered(cut, CUTS),
            "color": _ordered(color, COLORS),
            "clarity": _ordered(clarity, CLARITIES),
            "depth": percent,
            "table": np.where(rng.random(n_samples) < 0.9, np.round(table), np.round(table, 1)),
            "price": (np.round(price / unit) * unit).astype(np.int64),
            "x": x,
            "y": y,
            "z": z,
        }
    )


#: How each table is made, and the column that is predicted.
MADE = {"stones": (stones, "price")}


def made(name: str, *, short: bool = False) -> Mixed:
    """Return a table that is made; in short runs of few rows."""
    make, target = MADE[name]
    return Mixed(name, make(SHORT_ROWS) if short else make(), target)


def _grades(latent: np.ndarray, shares: tuple[int, ...]) -> np.ndarray:
    """Return grades from 0 on that have these shares, in the order of a latent number."""
    shares_below = np.cumsum(shares)[:-1] / sum(shares)
    return np.searchsorted(np.quantile(latent, shares_below), latent)


def _ordered(codes: np.ndarray, names: tuple[str, ...]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, names, ordered=True)
