"""Whether synthetic rows are nearer to the rows they were made from than chance has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae._utils._random import MetricStream, derive_seed, draw_seed
from sklearn_aae.encoding import Matrices
from sklearn_aae.metrics._distances import MixedDistance
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._tables import read_tables, take_rows
from sklearn_aae.typing import TableLike


def dcr(
    real: TableLike, synthetic: TableLike, held_out: TableLike, *, random_state: Any = None
) -> TableScore:
    r"""Share of synthetic rows that are nearer to a training row than to a held-out one.

    .. math:: \tfrac1n \sum_i [d_i^{real} < d_i^{held}] + \tfrac12 [d_i^{real} = d_i^{held}]

    over the distances of the synthetic row :math:`i` to its closest record (DCR) in
    ``real`` and in ``held_out`` [1]_.  0.5 is best: the model treats the rows it
    learnt from like any other rows of their kind; towards 1, it repeats them.  This
    is an average: it bounds the risk of no single row.

    The distance is Gower's [2]_, the mean over columns of: for numbers and dates
    the absolute difference over the column's range in ``real`` and ``held_out``
    together; for categories, text and booleans 0 if equal, else 1; a missing cell is
    0 from a missing one and 1 from any other.  An outlier that stretches the range
    makes its column count little.

    Parameters
    ----------
    real, synthetic, held_out : frame or array-like of shape (n_rows, n_columns)
        Real rows that the synthetic ones were made from, the synthetic rows, and
        real rows of the same kind that nothing was made from.  Of the longer real
        table, as many rows as the other has are drawn at random, else its rows were
        nearer by number alone.
    random_state : int, RandomState or None, default=None
        Seeds that draw; None takes fresh entropy.

    Returns
    -------
    TableScore
        The share; ``details`` has the shares "nearer_real", "nearer_held_out" and
        "ties".

    Raises
    ------
    TypeError
        If a column is of another kind in another table.
    ValueError
        If the columns differ, hold infinite cells, or a table has fewer than 2 rows.

    See Also
    --------
    copy_share : Counts exact copies.
    near_copies : Looks at the nearest rows.

    Notes
    -----
    A held-out table that is shorter than ``real`` hides repetition: with a third
    of its rows, even a model that only copies stays near 0.7.  Split in halves.
    The time grows with the product of the numbers of rows; memory does not.
    Columns of nearly unique text tell rows apart without saying how far.

    References
    ----------
    .. [1] M. Platzer, T. Reutterer, "Holdout-Based Empirical Assessment of
       Mixed-Type Synthetic Data", Frontiers in Big Data 4, 2021.
    .. [2] J. C. Gower, "A General Coefficient of Similarity and Some of Its
       Properties", Biometrics 27, 1971.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import dcr
    >>> X = load_iris().data
    >>> copies = X[::2]
    >>> dcr(X[::2], copies, X[1::2], random_state=0).score > 0.9
    True
    """
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    return dcr_of(tables, MixedDistance(tables), draw_seed(random_state))


def copy_share(real: TableLike, synthetic: TableLike, held_out: TableLike) -> TableScore:
    """Share of synthetic rows that equal a training row in every cell.

    Matrices of a few coarse columns have equal rows by nature: compare with the share
    of held-out real rows that equal a training row.

    Parameters
    ----------
    real, synthetic, held_out : frame or array-like of shape (n_rows, n_columns)
        Real rows that the synthetic ones were made from, the synthetic rows, and
        real rows that nothing was made from.

    Returns
    -------
    TableScore
        The share; ``details`` has it under "synthetic" and that of held-out rows
        under "held_out".  Missing cells equal each other.  Whole numbers and Decimals are
        compared in all of their digits, floating-point numbers at the coarser precision of
        the tables: rows and their copies in float32 are equal.

    Raises
    ------
    TypeError
        If a column is of another kind in another table.
    ValueError
        If the columns differ, hold infinite cells, or a table has fewer than 2 rows.

    See Also
    --------
    near_copies : Rows that are nearly equal.

    Examples
    --------
    >>> from sklearn_aae.metrics import copy_share
    >>> real = [["a", 1], ["b", 2]]
    >>> copy_share(real, [["a", 1], ["a", 2]], [["c", 1], ["c", 2]]).details
    {'synthetic': 0.5, 'held_out': 0.0}
    """
    return copies_of(read_tables(real=real, synthetic=synthetic, held_out=held_out))


def near_copies(
    real: TableLike,
    synthetic: TableLike,
    held_out: TableLike,
    *,
    quantile: float = 0.05,
    n_pairs: int = 5,
) -> TableScore:
    """Share of synthetic rows as near to a training row as only few real rows are.

    Near means: no farther from the closest row of ``real`` than the ``quantile`` of
    that distance over ``held_out``, in the distance of :func:`dcr`.  Good is about
    ``quantile``; where held-out rows coincide with training rows in larger
    numbers, what is found for these.

    Parameters
    ----------
    real, synthetic, held_out : frame or array-like of shape (n_rows, n_columns)
        Real rows that the synthetic ones were made from, the synthetic rows, and
        real rows that nothing was made from.
    quantile : float, default=0.05
        The share of held-out rows that are near by definition, in (0, 1).
    n_pairs : int, default=5
        How many of the nearest pairs are listed.

    Returns
    -------
    TableScore
        The share; ``details`` has it under "synthetic", that of held-out rows under
        "held_out", the distance below which rows are near under "threshold", and
        under "pairs" the nearest ``(synthetic row, real row, distance)``, by
        position from 0, nearest first.

    Raises
    ------
    TypeError
        If a column is of another kind in another table.
    ValueError
        If ``quantile`` leaves (0, 1), the columns differ, hold infinite cells, or a
        table has fewer than 2 rows.

    See Also
    --------
    dcr : Compares with held-out rows one by one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import near_copies
    >>> X = load_iris().data
    >>> jittered = X[::2] + 0.001
    >>> near = near_copies(X[::2], jittered, X[1::2], n_pairs=1)
    >>> near.score > 0.9
    True
    >>> near.details["pairs"]
    [(0, 0, 0.00032...)]
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must be in (0, 1), got {quantile!r}.")
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    return near_copies_of(tables, MixedDistance(tables), quantile, n_pairs)


def dcr_of(tables: Matrices, distance: MixedDistance, seed: int) -> TableScore:
    """Return the share that is nearer to the table "real" than to "held_out"."""
    rng = np.random.default_rng(derive_seed(seed, MetricStream.DRAWS))
    n_rows = min(len(tables["real"]), len(tables["held_out"]))
    to_real, to_held_out = (
        distance.nearest(tables["synthetic"], take_rows(tables[role], n_rows, rng))[0]
        for role in ("real", "held_out")
    )
    shares = {
        "nearer_real": float(np.mean(to_real < to_held_out)),
        "nearer_held_out": float(np.mean(to_real > to_held_out)),
        "ties": float(np.mean(to_real == to_held_out)),
    }
    return TableScore(shares["nearer_real"] + shares["ties"] / 2, shares)


def copies_of(tables: Matrices) -> TableScore:
    """Return the shares of rows that occur in the table "real"."""
    rows = tables.positions
    known = set(_keys(rows["real"]))
    shares = {
        role: float(np.mean([key in known for key in _keys(rows[role])]))
        for role in ("synthetic", "held_out")
    }
    return TableScore(shares["synthetic"], shares)


def near_copies_of(
    tables: Matrices, distance: MixedDistance, quantile: float = 0.05, n_pairs: int = 5
) -> TableScore:
    """Return the shares of rows that are near to one of the table "real"."""
    from_held_out, _ = distance.nearest(tables["held_out"], tables["real"])
    distances, indices = distance.nearest(tables["synthetic"], tables["real"])
    # Not between two distances: the interpolated one need not hold a share of rows.
    threshold = float(np.quantile(from_held_out, quantile, method="inverted_cdf"))
    first = np.argsort(distances, kind="stable")[:n_pairs]
    share = float(np.mean(distances <= threshold))
    details = {
        "synthetic": share,
        "held_out": float(np.mean(from_held_out <= threshold)),
        "threshold": threshold,
        "pairs": [(int(i), int(indices[i]), float(distances[i])) for i in first],
    }
    return TableScore(share, details)


def _keys(rows: np.ndarray) -> list[bytes]:
    """Return a key for each row: equal rows, equal bytes."""
    # One NaN for all, and adding 0.0 turns -0.0 into 0.0.
    rows = np.ascontiguousarray(np.where(np.isnan(rows), np.nan, rows) + 0.0)
    return [row.tobytes() for row in rows]
