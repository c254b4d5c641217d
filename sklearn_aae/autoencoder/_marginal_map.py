"""After training: numbers are drawn with the distribution that their column has in the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import ndtri
from threadpoolctl import threadpool_limits

from sklearn_aae._utils._random import ModelStream, derive_seed, make_generator
from sklearn_aae._utils._spread import spread_over
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._differences import NO_DIFFERENCES, Differences
from sklearn_aae.autoencoder._draws import decoder_draws, sample_posterior
from sklearn_aae.autoencoder._residuals import ResidualMixture
from sklearn_aae.encoding import NumbersReader, Rounding
from sklearn_aae.networks import Classes
from sklearn_aae.outputs import as_output

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE
    from sklearn_aae.autoencoder._run import Run
    from sklearn_aae.training import AAENet

#: Rows that quantiles are read from, and cells at most.
MOST_ROWS, MOST_CELLS = 10_000, 2**21
#: Draws that they are compared with, and rows that residuals are of: after ``fit``, after a call of
#: ``partial_fit``, at least, and of wide tables and networks as few as these cells and work allow.
MOST_DRAWS, DRAWS_OF_PART, LEAST_DRAWS, DRAWN_CELLS, WORK = 4096, 1024, 512, 2**19, 2**30
#: What residuals cost to learn, as a share of what the steps of training do.
TRAINING_SHARE = 0.1
#: Noise in the order of equal numbers, as a share of what residuals are.
ORDER_NOISE = 0.5
#: Rows whose residuals it is mixed from.
MOST_MIXED = 256
#: A part of fewer rows than this for each column tells too little about residuals.
LEAST_ROWS_OF_PART = 2
#: Numbers closer than this share of a grid's step are the same.
SAME = 1e-3
#: Levels of quantiles closer than this are the same.
ROUNDING = 1e-9
#: Quantiles of a column, and of all columns together.
MOST_QUANTILES, LEAST_QUANTILES, MOST_IN_ALL = 1000, 64, 2**17


class MarginalMap:
    """A monotone map of each column: of a model's draws to quantiles of training rows.

    Draws are on the scale of normal scores, where columns of any shape are normal; what the
    decoder's means leave open is drawn there, too.  It holds columns by themselves, covariances,
    and no rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Training rows; NaN for a missing number.
    storages : sequence of dtype
        What each column is stored as.
    earlier : MarginalMap or None, default=None
        What was learned from earlier rows, which count as well.
    differences : Differences
        What is drawn in place of columns that rules say by others; none by default.
    beside : ndarray of shape (n_rare, n_columns) or None, default=None
        Rows beside a sample, of which only the ends count.

    Attributes
    ----------
    values : ndarray of shape (n_quantiles, n_columns), float64
        Quantiles of the rows at equal steps, from the least to the largest.
    drawn : ndarray of shape (n_quantiles, n_columns), float32
        Those of draws: normal scores.
    n_seen : list of float
        How many numbers the quantiles of each column are of.
    rounding : list of Rounding
        Decimals or grid of each column.
    residuals : ResidualMixture or None
        How rows scatter around the decoder's means; None in files from before that was learned,
        whose draws are on the network's scale.
    """

    differences: Differences = NO_DIFFERENCES
    residuals: ResidualMixture | None = None
    drawn: np.ndarray
    values: np.ndarray
    n_seen: list[float]
    rounding: list[Rounding]

    def __init__(
        self,
        rows: np.ndarray,
        storages: Sequence[np.dtype],
        earlier: MarginalMap | None = None,
        differences: Differences = NO_DIFFERENCES,
        beside: np.ndarray | None = None,
    ) -> None:
        self.differences = differences
        some = spread_over(len(rows), max(1, min(MOST_ROWS, MOST_CELLS // rows.shape[1])))
        known = [column[~np.isnan(column)] for column in _columns(differences.express(rows[some]))]
        columns = []
        self.n_seen = []
        said = {difference.target for difference in differences.found}
        for j, (points, kept) in enumerate(zip(known, storages, strict=True)):
            n_new, weights = float(len(points)), None
            if len(some) < len(rows) or beside is not None:
                numbers = differences.column(rows, j)
                n_new = float(np.count_nonzero(~np.isnan(numbers)))
                # What lies beyond some of the rows is within the bounds, too.
                if beside is not None:
                    numbers = np.append(numbers, differences.column(beside, j))
                if len(points):
                    points = np.append(points, [np.fmin.reduce(numbers), np.fmax.reduce(numbers)])
            if earlier is None and not len(points):
                points = np.zeros(1)
            points.sort()
            if earlier is not None:
                old = earlier.rounding[j].round(earlier.values[:, j])
                n_old = float(earlier.n_seen[j])
                weights = np.repeat(
                    [n_new / max(1, len(points)), n_old / len(old)], [len(points), len(old)]
                )
                points = np.append(points, old)
                n_new += n_old
                order = np.argsort(points, kind="stable")
                points, weights = points[order], weights[order]
            columns.append((points, weights, np.dtype(np.float64) if j in said else kept))
            self.n_seen.append(n_new)
        most = max(LEAST_QUANTILES, min(MOST_QUANTILES, MOST_IN_ALL // rows.shape[1]))
        n_quantiles = max(2, min(most, max(len(points) for points, _, _ in columns)))
        levels = np.linspace(0, 1, n_quantiles)
        self.values = np.column_stack(
            [_quantiles(points, weights, levels) for points, weights, _ in columns]
        )
        self.rounding = [Rounding.of(points[_begins(points)], kind) for points, _, kind in columns]

    def scores(self, numbers: np.ndarray) -> np.ndarray:
        """Return normal scores of numbers, as ``differences`` say them, NaN for missing ones.

        A number that many rows have is in the middle of their scores.
        """
        own = _columns(numbers)
        order = np.argsort(own)  # in order, most are found where the one before is
        ordered = np.take_along_axis(own, order, axis=1)
        columns = zip(ordered, self.values.T, _middles(self.values).T, strict=True)
        places = np.array([np.interp(*column) for column in columns])
        scores = np.empty_like(own)
        np.put_along_axis(scores, order, ndtri((places + 0.5) / len(self.values)), axis=1)
        scores[np.isnan(own)] = np.nan
        return scores.T

    def spread(self, scores: np.ndarray, numbers: np.ndarray, within: np.ndarray) -> np.ndarray:
        """Return scores of numbers, those of equal numbers spread in the order of ``within``."""
        scores = scores.copy()
        begins = _begins(self.values)
        for j in np.flatnonzero(~begins.all(axis=0) & begins[1:].any(axis=0)).tolist():
            values, own = self.values[:, j], numbers[:, j].astype(np.float64)
            first = np.searchsorted(values, np.fmin(own, values[-1]))
            after = np.searchsorted(values, own, side="right")
            places = first + (after - first - 1) * _shares(first, within[:, j])
            equal = values[first] == own
            scores[equal, j] = ndtri((places[equal] + 0.5) / len(values))
        return scores

    def draw(self, means: np.ndarray, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return draws of rows, as normal scores, around a decoder's means of the table."""
        assert self.residuals is not None
        expected = self.scores(self.differences.express(means, rounded=False))
        drawn: np.ndarray = expected + self.residuals.draw(codes, rng)
        return drawn

    def compare(self, draws: np.ndarray) -> None:
        """Learn how a model draws rows of numbers."""
        levels = np.linspace(0, 1, len(self.values))
        drawn = np.sort(_columns(draws))
        at = np.linspace(0, 1, len(draws))
        columns = [np.interp(levels, at, column) for column in drawn]
        self.drawn = np.column_stack(columns).astype(np.float32)

    def apply(self, draws: np.ndarray) -> np.ndarray:
        """Return draws of numbers (n_samples, n_columns) as numbers of the table, float64."""
        mapped = np.empty(draws.shape)
        last = len(self.values) - 1
        for j, rounding in enumerate(self.rounding):
            values, places = self.values[:, j], np.arange(last + 1)
            place = np.interp(draws[:, j], self.drawn[:, j], places)
            low = np.minimum(place.astype(np.int64), last - 1)
            share = place - low
            # Beside a number that many rows have, there is nothing in between.
            equal = values[1:] == values[:-1]
            heap = np.append(equal, False) | np.append(False, equal)
            share = np.where(heap[low] | heap[low + 1], np.rint(share), share)
            between = values[low] * (1 - share) + values[low + 1] * share
            mapped[:, j] = _on_grid(between, values, rounding).clip(values[0], values[-1])
        return self.differences.restore(mapped)


def _columns(numbers: np.ndarray) -> np.ndarray:
    """Return the columns of numbers one after the other, float64."""
    return np.ascontiguousarray(numbers.T, dtype=np.float64)


def _begins(values: np.ndarray) -> np.ndarray:
    """Return which numbers of sorted columns differ from the one before."""
    begins = np.ones(values.shape, dtype=bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return begins


def _middles(values: np.ndarray) -> np.ndarray:
    """Return the place of each number of sorted columns, of equal ones the middle."""
    places = np.arange(len(values))[:, np.newaxis]
    first = np.maximum.accumulate(np.where(_begins(values), places, 0))
    last = np.maximum.accumulate(np.where(_begins(values[::-1]), places, 0))
    middles: np.ndarray = (first + len(values) - 1 - last[::-1]) / 2
    return middles


def _shares(groups: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return where in its group each number is, in (0, 1), in the order of ``within``."""
    order = np.lexsort((within, groups))
    _, first, of, counts = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    shares = np.empty(len(groups))
    shares[order] = (np.arange(len(groups)) - first[of] + 0.5) / counts[of]
    return shares


def _on_grid(numbers: np.ndarray, known: np.ndarray, rounding: Rounding) -> np.ndarray:
    """Return numbers as round as those of a column, and the same bit for bit where known."""
    numbers = rounding.round(numbers)
    step = None if rounding.grid is None else rounding.grid.step
    if not step:
        return numbers
    above = np.searchsorted(known, numbers).clip(1, len(known) - 1)
    left, right = known[above - 1], known[above]
    nearest = np.where(numbers - left < right - numbers, left, right)
    return np.where(np.abs(numbers - nearest) < step * SAME, nearest, numbers)


def _mixed(residuals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return normal noise of the size of residuals, and related as these are; 0 for NaN."""
    some = residuals[spread_over(len(residuals), MOST_MIXED)]
    some = np.nan_to_num(some, nan=0.0, posinf=0.0, neginf=0.0) / np.sqrt(len(some))
    mixes = rng.standard_normal((len(residuals), len(some)))
    with threadpool_limits(1):  # sums of parts are other sums in the last bit
        noise: np.ndarray = mixes @ some
    return noise


def _quantiles(points: np.ndarray, weights: np.ndarray | None, levels: np.ndarray) -> np.ndarray:
    """Return quantiles of sorted points, from the least to the largest."""
    if weights is None:
        place = np.linspace(0, 1, len(points))
    else:
        place = np.cumsum(weights) - weights / 2
        place = (place - place[0]) / max(place[-1] - place[0], np.finfo(float).tiny)
    # Points themselves where there are some, so that heaps stay whole.
    chosen = np.minimum(np.searchsorted(place, levels - ROUNDING), len(points) - 1)
    if len(points) > len(levels):
        return points[chosen]
    at_point = np.abs(place[chosen] - levels) <= ROUNDING
    return np.where(at_point, points[chosen], np.interp(levels, place, points))


def match_marginals(model: BaseAAE, net: AAENet, rows: np.ndarray, run: Run) -> None:
    """Let a net that was trained on rows of numbers draw each column as the rows have it."""
    reader = model._reader
    output = as_output(model._built.parameters["output"], mixed=reader.is_mixed)
    if not output.predicts_rows or model._extension is not None:
        return
    assert isinstance(reader, NumbersReader)
    labels, in_full = run.labels, run.in_full
    earlier = None if in_full else net.marginals_
    differences = Differences.of(model._keeper)
    learned = MarginalMap(rows, reader.storages, earlier, differences, run.beside)
    module, device = net.module_, torch.device(net.device)
    most = min(MOST_DRAWS if in_full else DRAWS_OF_PART, DRAWN_CELLS // rows.shape[1])
    n_weights = sum(weights.numel() for weights in module.parameters())
    most = max(LEAST_DRAWS, min(most, WORK // max(1, n_weights)))
    seed = derive_seed(model._seed, ModelStream.MARGINALS)
    generator, rng = make_generator(seed, device), np.random.default_rng(seed)

    def decoded(inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        means = module.head.mean(module.decoder(inputs)).cpu().numpy()
        codes = inputs[:, : module.n_components].double().cpu().numpy()
        return reader.scale.inverse_transform(means, np.float64, fill=True), codes

    with torch.no_grad(), torch_threads(1):
        learned.residuals = None if earlier is None else earlier.residuals
        if learned.residuals is None or len(rows) >= LEAST_ROWS_OF_PART * rows.shape[1]:
            some = spread_over(len(rows), most if in_full else LEAST_DRAWS)
            known = None if labels is None else torch.as_tensor(labels[some], device=device)
            x = torch.as_tensor(reader.scale.transform(rows[some]), device=device)
            codes = sample_posterior(module, module.encode(x), generator)
            means, own = decoded(module.decoder_inputs(codes, known))
            expected = learned.scores(differences.express(means, rounded=False))
            said = differences.express(rows[some])
            scores = learned.scores(said)
            # Of equal numbers, those come first that are expected to, but for some noise, which
            # is related as residuals are: columns that are equal stay so.
            noise = _mixed(scores - expected, rng)
            scores = learned.spread(scores, said, expected + ORDER_NOISE * noise)
            n_seen = net.batch_size * sum(e.get("train_batch_count", 0) for e in net.history)
            # Forwards and backwards, in three phases of about two thirds of the weights each.
            work = TRAINING_SHARE * 6 * n_weights * n_seen
            learned.residuals = ResidualMixture(own, scores - expected, scores, rng, work)
        classes = None
        if model.supervision == "decoder":
            classes = Classes(np.full(most, -1), model._class_counts)
        learned.compare(
            learned.draw(*decoded(decoder_draws(module, most, generator, classes)), rng)
        )
    net.marginals_ = learned
