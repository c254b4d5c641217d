"""Labels travel with their rows, and leave everything else as it was."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_aae.training import TableDataset
from sklearn_aae.training._batches import TrainBatches, ValidationBatches
from sklearn_aae.training._graph import GraphedStep, StepResult
from tests.instances import fast

CPU = torch.device("cpu")


def numbered(n=50):
    """Return a table whose first column is the number of the row, its net, and labels."""
    X = np.arange(float(n))[:, None] + np.zeros((1, 3))
    labels = np.arange(n) % 4 - 1
    return X, fast(scaling=None, batch_size=16).fit(X).net_, labels


def dataset(X, net, **more):
    return TableDataset(X, scaler=net.dataset__scaler, **more)


def test_labels_follow_their_rows_through_shuffling():
    X, net, labels = numbered()
    batches = TrainBatches(dataset(X, net, labels=labels), 16, net.module_, 3, CPU)
    seen = 0
    for batch, _ in batches:
        assert batch.labels.dtype == torch.int64
        np.testing.assert_array_equal(batch.labels, labels[batch.x[:, 0].long()])
        seen += len(batch.labels)
    assert seen == len(X)


def test_labels_of_some_of_the_rows():
    X, net, labels = numbered()
    rows = np.array([40, 3, 17, 9])
    data = dataset(X, net, labels=labels, rows=rows)
    np.testing.assert_array_equal(data.labels, labels[rows])
    (inputs, x), (more, _) = ValidationBatches(data, 2, CPU)
    np.testing.assert_array_equal(inputs["labels"], labels[[40, 3]])
    np.testing.assert_array_equal(inputs["x"], x)
    np.testing.assert_array_equal(more["labels"], labels[[17, 9]])


def test_without_labels_nothing_changes():
    X, net, labels = numbered()
    plain = TrainBatches(dataset(X, net), 16, net.module_, 3, CPU)
    labelled = TrainBatches(dataset(X, net, labels=labels), 16, net.module_, 3, CPU)
    for (one, _), (other, _) in zip(plain, labelled, strict=True):
        assert one.labels is None
        for name in ("x", "corrupted", "prior"):
            assert torch.equal(getattr(one, name), getattr(other, name))
    (x, target), *_ = ValidationBatches(dataset(X, net), 16, CPU)
    assert x is target


def test_a_recording_reads_the_labels_of_the_batch():
    X, net, labels = numbered()
    batches = TrainBatches(dataset(X, net, labels=labels), 25, net.module_, 3, CPU)

    def walk(batch):
        return StepResult(batch.labels.float().clone(), None)

    def record(function):
        result = function()
        return result, lambda: result.losses.copy_(function().losses)

    step = GraphedStep(walk, record=record, warm_up=lambda function: function())
    for epoch in range(4):
        batches.epoch = epoch
        for batch, _ in batches:
            assert torch.equal(step(batch).losses, batch.labels.float())
    assert step.recordings
