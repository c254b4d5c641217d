"""Normal scores of numbers, and back, as nodes of a graph of ONNX: scikit-learn's transformer."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from sklearn_aae.serving._onnx_graph import WHOLE, Value

#: What lies nearer than this to an end is at it, as in scikit-learn.
BOUND = 1e-7
#: Powers of rational functions that are the normal quantile to 16 digits: in the middle, and in
#: tails down to 1e-11 (M. J. Wichura, algorithm AS 241, Applied Statistics 37, 1988).
MIDDLE = (
    (
        3.3871328727963666080,
        133.14166789178437745,
        1971.5909503065514427,
        13731.693765509461125,
        45921.953931549871457,
        67265.770927008700853,
        33430.575583588128105,
        2509.0809287301226727,
    ),
    (
        1.0,
        42.313330701600911252,
        687.18700749205790830,
        5394.1960214247511077,
        21213.794301586595867,
        39307.895800092710610,
        28729.085735721942674,
        5226.4952788528545610,
    ),
)
TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        0.241780725177450611770,
        0.0227238449892691845833,
        0.000774545014278341407640,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        0.689767334985100004550,
        0.148103976427480074590,
        0.0151986665636164571966,
        0.000547593808499534494600,
        1.05075007164441684324e-9,
    ),
)
#: Steps per unit of the grid from which normal probabilities are computed, and its ends.
STEPS, END = 32, 6


def normal_scores(transformer: QuantileTransformer, x: Value) -> Value:
    """Return the normal scores of numbers (n, n_columns)."""
    quantiles, references = transformer.quantiles_, transformer.references_
    n_points, n_columns = quantiles.shape
    edges, tables = [], np.zeros((4, n_columns, n_points))
    for j, own in enumerate(quantiles.T):
        value, first, count = np.unique(own, return_index=True, return_counts=True)
        low, high = references[first], references[first + count - 1]
        edges.append(value)
        # Where values repeat, their mean; between them, a straight line.
        slopes = np.append((low[1:] - high[:-1]) / np.diff(value), 0.0)
        tables[:, j, : len(value)] = value, (low + high) / 2, high, slopes
    graph = x.graph
    place = (graph.n_not_above(x, edges) - 1).at_least(0) + n_points * np.arange(n_columns)
    edge, middle, start, slope = (graph.gather(table.ravel(), place) for table in tables)
    share = graph.where(x.equals(edge), middle, start + (x - edge) * slope)
    share = graph.where(x + BOUND > quantiles[-1], 1.0, share)
    share = graph.where(x - BOUND < quantiles[0], 0.0, share)
    return _quantile(share.at_least(BOUND).at_most(1 - BOUND))


def from_normal_scores(transformer: QuantileTransformer, z: Value) -> Value:
    """Return the numbers (n, n_columns) that have normal scores."""
    quantiles = transformer.quantiles_
    n_points, n_columns = quantiles.shape
    share, graph = _probability(z), z.graph
    position = share * float(n_points - 1)
    left = graph.op("Floor", position).at_least(0.0).at_most(float(n_points - 2))
    place = left.to(WHOLE) + n_points * np.arange(n_columns)
    low, high = (graph.gather(quantiles.T.ravel(), place + i) for i in (0, 1))
    found = low + (high - low) * (position - left)
    found = graph.where(share + BOUND > 1.0, quantiles[-1], found)
    return graph.where(share - BOUND < 0.0, quantiles[0], found)


def _quantile(share: Value) -> Value:
    """Return the normal quantile of probabilities from 1e-7 to 1 - 1e-7."""
    away = share - 0.5
    r = -(away * away) + 0.180625
    middle = away * _polynomial(MIDDLE[0], r) / _polynomial(MIDDLE[1], r)
    rest = share.at_most(-(share - 1.0))
    r = (-rest.log()).sqrt() - 1.6
    tail = away.sign() * _polynomial(TAIL[0], r) / _polynomial(TAIL[1], r)
    return share.graph.where(away.abs() <= 0.425, middle, tail)


def _probability(z: Value) -> Value:
    """Return normal probabilities, by Taylor's series from the next point of a grid."""
    points = np.arange(-END * STEPS, END * STEPS + 1) / STEPS
    z = z.at_least(-float(END)).at_most(float(END))
    graph, place = z.graph, (z * float(STEPS)).round().to(WHOLE) + END * STEPS
    t, density, share = (
        graph.gather(table, place) for table in (points, norm.pdf(points), norm.cdf(points))
    )
    d = z - t
    # Hermite's polynomials of the point.
    second, third, fourth = t * t - 1.0, (t * t - 3.0) * t, (t * t - 6.0) * t * t + 3.0
    series = fourth * d / 120.0 - third / 24.0
    series = (series * d + second / 6.0) * d - t / 2.0
    return share + density * ((series * d + 1.0) * d)


def _polynomial(powers: tuple[float, ...], x: Value) -> Value:
    total = x * powers[-1] + powers[-2]
    for power in powers[-3::-1]:
        total = total * x + power
    return total
