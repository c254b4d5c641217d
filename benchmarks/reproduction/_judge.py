"""What the claims benchmark measures of a fitted model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neural_network import MLPClassifier

from benchmarks.reproduction._models import AE, invert
from benchmarks.reproduction._tables import Data
from sklearn_aae.metrics import PriorGap, c2st, parzen_log_likelihood, precision_recall
from sklearn_aae.priors import Gaussian

#: A run failed if its loss was not finite, if fewer than this share of the held-out rows lies
#: among its samples, or if a classifier tells its codes from prior draws better than this.
LEAST_RECALL, WORST_CODES = 0.1, 0.95
#: Principal components of the training rows that classifiers look at.
N_PRINCIPAL = 20
#: A classifier's verdict on an image is certain from this probability on.
CERTAIN = 0.9
#: A component of the code is in use if its variance over held-out rows is above this.
ACTIVE = 0.05
#: Of so many prior draws for each that is kept, those farthest from any code are.
N_FAR = 10

FITTED = ", Gaussian fitted to its codes"
Drawer = Callable[[int], np.ndarray]
Figures = dict[str, float]


@dataclass(frozen=True)
class Judge:
    """What rows and codes of one seed are held against."""

    data: Data
    seed: int

    @cached_property
    def classifier(self) -> MLPClassifier | None:
        """Return a classifier of the training images."""
        if self.data.labels is None:
            return None
        model = MLPClassifier(
            (128,), batch_size=32, learning_rate_init=3e-3, max_iter=30, random_state=self.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 30 epochs are meant
            return model.fit(self.data.train, self.data.labels)

    @cached_property
    def real_distance(self) -> float:
        """Return the mean distance of held-out rows to the nearest training row."""
        return self.nearest(self.data.test)

    @cached_property
    def _principal(self) -> PCA:
        n_components = min(N_PRINCIPAL, *self.data.train.shape)
        return PCA(n_components, random_state=0).fit(self.data.train)

    def nearest(self, rows: np.ndarray) -> float:
        """Return the mean distance of rows to the nearest training row."""
        return float(pairwise_distances_argmin_min(rows, self.data.train)[1].mean())

    def c2st(self, samples: np.ndarray, real: np.ndarray) -> float:
        """Return how well a classifier tells samples from as many real rows.

        On the principal components of the training rows.
        """
        n = min(len(samples), len(real))
        parts = (self._principal.transform(part[:n]) for part in (samples, real))
        return c2st(*parts, random_state=self.seed)

    def certain(self, rows: np.ndarray) -> float:
        """Return the share of images that the classifier is certain of."""
        if self.classifier is None:
            return np.nan
        return float((self.classifier.predict_proba(rows).max(axis=1) >= CERTAIN).mean())

    def gradient(self, rows: np.ndarray) -> float:
        """Return the gradient energy of images over that of held-out ones."""
        return gradient_energy(rows, self.data) / gradient_energy(self.data.test, self.data)

    def decoded(self, rows: np.ndarray, prefix: str) -> Figures:
        """Return whether decodings lie where real rows do, and what they look like."""
        figures = {
            "precision": precision_recall(self.data.test, rows).precision,
            "distance": self.nearest(rows) / self.real_distance,
            "certain": self.certain(rows),
            "gradient": self.gradient(rows),
        }
        return {f"{prefix} {name}": value for name, value in figures.items()}

    def samples(self, rows: np.ndarray) -> Figures:
        """Return the quality of samples: as many as there are test rows, or more."""
        some = rows[: len(self.data.test)]
        share = precision_recall(self.data.test, some)
        with warnings.catch_warnings():
            # Samples that are copies of rows like the narrowest bandwidth of all.
            warnings.filterwarnings("ignore", "The best bandwidth", UserWarning)
            parzen = parzen_log_likelihood(self.data.test, rows, self.data.valid)
        return {
            "C2ST": self.c2st(rows, self.data.test),
            "Parzen": parzen.log_likelihood,
            "precision": share.precision,
            "recall": share.recall,
            "gradient": self.gradient(some),
            "certain": self.certain(some),
            "distance": self.nearest(some) / self.real_distance,
        }

    def codes(self, codes: np.ndarray) -> Figures:
        """Return how far codes of held-out rows are from the prior."""
        n, k = codes.shape
        prior = np.random.default_rng([self.seed, 2]).normal(size=(n, k))
        return {
            "codes C2ST": c2st(codes, prior, random_state=self.seed),
            "codes gap": prior_gap(n, k, self.seed)(codes),
        }


@cache
def prior_gap(n: int, k: int, seed: int) -> PriorGap:
    """Return what measures the gap; its null value takes as long as everything else together."""
    return PriorGap(Gaussian(), n, k, seed)


def gradient_energy(rows: np.ndarray, data: Data) -> float:
    """Return the mean squared difference of neighbouring pixels; NaN for other tables."""
    if data.image is None:
        return np.nan
    images = rows.reshape(-1, *data.image).astype(np.float64)
    return float(np.mean([np.square(np.diff(images, axis=axis)).mean() for axis in (1, 2)]))


def unexplained(data: Data, model: Any, codes: np.ndarray, rows: np.ndarray) -> float:
    """Return the share of the rows' variance that decodings of their codes leave."""
    error = np.square(rows - model.inverse_transform(codes)).sum()
    return float(error / np.square(rows - data.train.mean(axis=0)).sum())


def standard_normal(k: int, seed: int) -> Drawer:
    """Return a function that draws codes from the prior."""
    return lambda n: np.random.default_rng([seed, n]).normal(size=(n, k)).astype(np.float32)


def fitted_normal(codes: np.ndarray, seed: int) -> Drawer:
    """Return a function that draws from the Gaussian of codes' mean and covariance."""
    mean, covariance = codes.mean(axis=0), np.cov(codes.T.astype(np.float64))
    return lambda n: (
        np.random.default_rng([seed, n])
        .multivariate_normal(mean, covariance, n, method="cholesky")
        .astype(np.float32)
    )


def choice_figures(judge: Judge, model: Any) -> Figures:
    """Return what a setting is chosen by, on validation rows.

    ``choice``, the lower the better: the share of variance that reconstruction leaves, plus how
    far C2ST, precision and recall of samples are from their best values, on average.  A GAN has
    only the second part, an autoencoder without a prior only the first.
    """
    data, figures = judge.data, dict.fromkeys(("unexplained", "shortfall", "codes C2ST"), np.nan)
    if not model.finite:
        return figures | {"choice": np.inf, "failed": 1.0}
    if model.encodes:
        codes = model.transform(data.valid)
        figures["unexplained"] = unexplained(data, model, codes, data.valid)
    recall = np.nan
    if model.has_prior:
        draw = standard_normal(data.schedule.n_components, judge.seed)
        samples = data.snap(model.inverse_transform(draw(len(data.valid))))
        precision, recall = precision_recall(data.valid, samples)
        area = judge.c2st(samples, data.valid)
        figures["shortfall"] = float(np.mean([2 * area - 1, 1 - precision, 1 - recall]))
        if model.encodes:
            figures |= judge.codes(model.transform_drawn(data.valid))
    figures["choice"] = float(np.nansum([figures["unexplained"], figures["shortfall"]]))
    figures["failed"] = failed(recall, figures["codes C2ST"])
    return figures


def failed(recall: float, codes: float) -> float:
    """Return 1 for a finite run that failed, else 0; what a model does not have is NaN."""
    return float(recall < LEAST_RECALL or codes > WORST_CODES)


def figures_of(judge: Judge, name: str, model: Any) -> Iterator[tuple[str, Figures]]:
    """Yield the rows of a fitted model, by name."""
    data, seed = judge.data, judge.seed
    if not model.finite:
        yield name, {"failed": 1.0}
        return
    prior = standard_normal(data.schedule.n_components, seed)
    if not model.encodes:
        figures = _generated(judge, model, prior, None)
        figures["failed"] = failed(figures["recall"], np.nan)
        yield name, figures
        codes = invert(model, data.test, seed)
        yield (
            f"{name}, inverted",
            {
                "unexplained": unexplained(data, model, codes, data.test),
                **judge.codes(codes),
            },
        )
        return
    codes, drawn = model.transform(data.train), model.transform_drawn(data.train)
    test_codes, test_drawn = model.transform(data.test), model.transform_drawn(data.test)
    figures = {
        "unexplained": unexplained(data, model, test_codes, data.test),
        "active": float((test_codes.var(axis=0) > ACTIVE).sum()),
        "back gradient": judge.gradient(data.snap(model.inverse_transform(test_codes))),
        **judge.codes(test_drawn),
        **_generated(judge, model, prior, test_codes, drawn),
    }
    recall, area = figures["recall"], figures["codes C2ST"]
    figures["failed"] = failed(recall, area) if model.has_prior else 0.0
    yield name, figures
    if test_codes is not test_drawn and not np.array_equal(test_codes, test_drawn):
        yield f"{name}, means of the codes", judge.codes(test_codes)
    if name == AE:
        yield name + FITTED, _generated(judge, model, fitted_normal(codes, seed), test_codes, drawn)


def _generated(
    judge: Judge,
    model: Any,
    draw: Drawer,
    test_codes: np.ndarray | None,
    train_codes: np.ndarray | None = None,
) -> Figures:
    """Return the figures of samples, of lines between codes and of draws far from codes."""
    data = judge.data

    def decode(codes: np.ndarray) -> np.ndarray:
        return data.snap(model.inverse_transform(codes))

    figures = judge.samples(decode(draw(max(2000, len(data.test)))))
    # A GAN has no codes: its lines lie between prior draws.
    ends = draw(len(data.test)) if test_codes is None else test_codes
    figures |= judge.decoded(decode(on_lines(ends, judge.seed)), "lines")
    if train_codes is not None:
        draws = draw(N_FAR * len(data.test) // 2)
        figures |= judge.decoded(decode(farthest(draws, train_codes)), "far")
    return figures


def on_lines(codes: np.ndarray, seed: int) -> np.ndarray:
    """Return points a quarter, half and three quarters of the way between pairs of codes."""
    rng = np.random.default_rng([seed, 3])
    first, second = (codes[rng.permutation(len(codes))] for _ in range(2))
    share = np.resize([0.25, 0.5, 0.75], len(codes))[:, np.newaxis].astype(codes.dtype)
    return (1 - share) * first + share * second


def farthest(draws: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the tenth of the draws that is farthest from any code."""
    distances = pairwise_distances_argmin_min(draws, codes)[1]
    return draws[np.argsort(distances)[-(len(draws) // N_FAR) :]]


def reference(judge: Judge) -> Figures:
    """Return what perfect samples would get: training rows in place of samples."""
    data = judge.data
    figures = judge.samples(data.train[: max(2000, len(data.test))])
    # The classifier knows the training rows.
    figures |= {"distance": 1.0, "certain": judge.certain(data.test)}
    rng = np.random.default_rng([judge.seed, 4])
    codes = rng.normal(size=(len(data.test), data.schedule.n_components))
    return figures | judge.codes(codes)
