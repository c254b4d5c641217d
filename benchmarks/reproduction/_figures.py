"""Figures of a fitted estimator, as the paper takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.reproduction._images import Split
from benchmarks.reproduction._recipes import ERROR, NATS, ONE_TO_ONE, Task
from sklearn_aae.metrics import parzen_log_likelihood

N_DRAWN = 10_000
#: The bandwidths of the re-run that the recipe is from.
BANDWIDTHS = np.logspace(-1, -0.3, 20)
MAP_ERROR, STANDARD_ERROR, MAJORITY = "error on the map [%]", "standard error", "majority [%]"
#: All figures, and how they are shown.
FIGURES = {
    NATS: "{:.1f}",
    STANDARD_ERROR: "{:.1f}",
    ERROR: "{:.2f}",
    MAJORITY: "{:.2f}",
    ONE_TO_ONE: "{:.2f}",
    MAP_ERROR: "{:.2f}",
    "s per epoch": "{:.1f}",
    "hours": "{:.2f}",
}


def figures(model: Any, task: Task, split: Split, seed: int, n_drawn: int = N_DRAWN) -> dict:
    """Return the figures of a task on the rows to score."""
    if task.draws_rows:
        return likelihood(model, split, seed, n_drawn)
    if task.n_clusters is not None:
        return cluster_errors(model, split)
    found = {ERROR: percent(model.predict(split.X_score) != split.y_score)}
    if model.head_distance is not None:
        found[MAP_ERROR] = map_error(model, split)
    return found


def percent(wrong: np.ndarray) -> float:
    """Return the share of rows in percent."""
    return float(100 * np.mean(wrong))


def likelihood(model: Any, split: Split, seed: int, n_drawn: int) -> dict[str, float]:
    """Return the Parzen log-likelihood of the rows to score, the bandwidth chosen aside."""
    drawn = model.sample(n_drawn, noise=False, random_state=seed)
    score = parzen_log_likelihood(split.X_score, drawn, split.X_aside, bandwidths=BANDWIDTHS)
    return {
        NATS: score.log_likelihood,
        STANDARD_ERROR: score.standard_error,
        "bandwidth": score.bandwidth,
    }


def cluster_errors(model: Any, split: Split) -> dict[str, float]:
    """Return errors of clusters that were named from rows aside.

    As in the paper, a cluster has the label of the row that belongs to it most surely.
    Beside it: the label of most of its rows, and the best pairing of clusters and classes
    on the scored rows themselves, as later papers do it.
    """
    sure, clusters = model.predict_proba(split.X_aside), model.predict(split.X_score)
    named = split.y_aside[sure.argmax(axis=0)]
    found = {ERROR: percent(named[clusters] != split.y_score)}
    most = named.copy()
    members = sure.argmax(axis=1)
    for cluster in np.unique(members):
        most[cluster] = np.bincount(split.y_aside[members == cluster]).argmax()
    found[MAJORITY] = percent(most[clusters] != split.y_score)
    found[ONE_TO_ONE] = one_to_one_error(clusters, split.y_score)
    return found


def one_to_one_error(clusters: np.ndarray, y: np.ndarray) -> float:
    """Return the error under the best pairing of clusters and classes; rows left over count."""
    table = confusion_matrix(y, clusters)
    pairs = linear_sum_assignment(table, maximize=True)
    return float(100 * (1 - table[pairs].sum() / len(y)))


def map_error(model: Any, split: Split) -> float:
    """Return the error of 5 neighbours on the map, all labels of the training rows known."""
    neighbors = KNeighborsClassifier(5).fit(model.transform(split.X), split.y)
    return percent(neighbors.predict(model.transform(split.X_score)) != split.y_score)
