"""One call's training, under the callbacks of the estimator that is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_aae.training import AAENet, Checkpoint, TableDataset, TrainingContext

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE


@dataclass(frozen=True)
class Run:
    """One call's training.

    Attributes
    ----------
    batch_size : int
        Rows per mini-batch.
    n_epochs : int, default=1
        Passes over the rows.
    in_full : bool, default=True
        Whether rates follow a schedule and training may stop early; ``partial_fit`` trains
        at constant rates.
    labels : ndarray of shape (n_samples,), int64, or None, default=None
        The class of each row, -1 for rows without a label.
    context : TrainingContext or None, default=None
        Tells scikit-learn's callbacks of epochs.
    prepare : callable or None, default=None
        Maps the rows to train on, once they are known, to the data set that is trained on.
    checkpoint : Checkpoint or None, default=None
        What training goes on from, and where its state is kept.
    beside : ndarray of shape (n_rare, n_columns) or None, default=None
        Rows beside a uniform sample with what is rare, of which only ends count.
    """

    batch_size: int
    n_epochs: int = 1
    in_full: bool = True
    labels: np.ndarray | None = None
    context: TrainingContext | None = None
    prepare: Callable[[TableDataset], TableDataset] | None = None
    checkpoint: Checkpoint | None = None
    beside: np.ndarray | None = None


def train_in_full(
    estimator: Any,
    model: BaseAAE,
    net: AAENet,
    rows: np.ndarray,
    run: Run,
    data: tuple[Any, Any],
    attributes_of: Callable[[AAENet], dict[str, Any]],
) -> None:
    """Train a model's net under the callbacks of the estimator that is fitted.

    ``data`` is what ``fit`` was given; ``attributes_of`` returns what is fitted as of now, for
    callbacks that score.
    """
    X, y = data
    task = estimator._init_callback_context(max_subtasks=run.n_epochs)
    task.call_on_fit_task_begin(estimator=estimator, X=X, y=y)

    def attributes_now() -> dict[str, Any]:
        # As a fitted model is: dropout is off, batch norms use what they have learned.
        there = net.copied(with_history=True)
        there.module_.eval()
        return attributes_of(there)

    context = TrainingContext(estimator, task, X, y, attributes_now)
    model._train(net, rows, replace(run, context=context))
    task.call_on_fit_task_end(
        estimator=estimator, X=X, y=y, reconstruction_attributes=lambda: attributes_of(net)
    )
