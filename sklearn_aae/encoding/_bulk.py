"""Centre and spread of the bulk of a column, whatever a few gross values in it say."""

from __future__ import annotations

import numpy as np

#: Values farther from the median than so many spreads of the bulk are gross: typing errors, codes
#: for nothing.
GROSS = 20.0
#: Gross values are no more than this share of a column; more are a part of it.
MOST_GROSS = 0.15
#: Beside a value that half of the rows have, fewer than this share are gross if they are far.
FEW = 0.01
#: The quartiles' distance in standard deviations of a normal column.
QUARTILES = 1.349
#: What counts as a standard deviation of a column of one value: a share of it, as little as
#: numbers of 32 bits can tell, or this of 0.
OF_CONSTANT, OF_ZERO = 1e-7, 1e-12
#: ... and at most this of a whole number.
OF_WHOLE = 0.01


def bulk_scale(values: np.ndarray, step: float = 0.0) -> tuple[float, float] | None:
    """Return centre and spread of a column, None where mean and standard deviation will do.

    ``values`` (n,) are its finite training values, float64, which lie ``step`` apart if they are
    numbers of years, say; then half a step is no little.
    """
    if not len(values):
        return None
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="nearest")
    if values.min() == values.max():
        return float(middle), step / 2 or of_constant(float(middle))
    with np.errstate(over="ignore"):
        away = np.abs(values - middle)
        spread = high / QUARTILES - low / QUARTILES
        if spread == 0 and not step:  # half of the rows have one value
            far = away > GROSS * np.abs(middle)
            share = far.mean()
            # Rare marks in a column of mean 0 are their share's inverse times as far at most.
            if 0 < share <= FEW and away[far].min() * share > GROSS * np.abs(middle) > 0:
                return bulk_scale(values[~far])
            spread = np.quantile(away[away > 0], 0.5, method="nearest")
        kept = away <= GROSS * max(spread, step)
    if kept.all() or kept.mean() < 1 - MOST_GROSS:
        if np.abs(values).max() < np.sqrt(np.finfo(np.float64).max) / len(values):
            return None
        kept[:] = True
    centre, deviation = mean_and_deviation(values[kept])
    return centre, max(deviation, step / 2)


def mean_and_deviation(values: np.ndarray) -> tuple[float, float]:
    """Return both, of values however large."""
    unit = float(np.abs(values).max()) or 1.0
    centre = float((values / unit).mean() * unit)
    deviation = float((values / unit).std() * unit)
    return centre, deviation or of_constant(centre)


def of_constant(value: float) -> float:
    """Return what is little for a column of one value: for a whole number no other one."""
    little = OF_CONSTANT * abs(value) or OF_ZERO
    is_exact = value.is_integer() and abs(value) < 2**53
    return min(little, OF_WHOLE) if is_exact else little
