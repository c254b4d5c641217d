"""What comes beside the rows of a batch, and the losses made of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae._random import make_generator
from sklearn_aae.networks._two_headed import ClusterHeads
from sklearn_aae.training import LabelledBatches, TableDataset, nearest_rows, neighbor_distance
from sklearn_aae.training._label_phases import (
    adversarial_inconsistency,
    imbalance,
    neighbor_inconsistency,
    uncertainty,
)
from tests.instances import fast

CPU = torch.device("cpu")


def batches(n=50, labels=None, neighbors=None, batch_size=16, **settings):
    """Return batches of a table whose first column is the number of the row."""
    X = np.arange(float(n))[:, None] + np.zeros((1, 3))
    X[:, 2] = 7.0  # a column that says nothing
    model = fast(scaling=None, posterior="deterministic", **settings).fit(X)
    dataset = TableDataset(X, scaler=model.net_.dataset__scaler, labels=labels)
    dataset.neighbors = neighbors
    model.net_.module_.posterior.input_noise = 0.0
    return LabelledBatches(dataset, batch_size, model.net_.module_, 3, CPU)


def test_every_batch_has_labelled_rows():
    labels = np.full(50, -1)
    labels[[4, 9, 31]] = 0, 1, 0
    for batch, _ in batches(labels=labels):
        assert sorted(batch.labelled_x[:, 0].tolist()) == [4, 9, 31]
        np.testing.assert_array_equal(batch.classes, labels[batch.labelled_x[:, 0].long()])


def test_labelled_rows_take_turns():
    labels = np.arange(50) % 3 - 1
    seen = [row for batch, _ in batches(labels=labels) for row in batch.labelled_x[:, 0].tolist()]
    labelled = np.flatnonzero(labels >= 0)
    counts = np.bincount(np.array(seen, dtype=int), minlength=50)
    assert len(seen) == 4 * 16
    assert set(counts[labelled]) <= {1, 2}
    assert counts.sum() == counts[labelled].sum()


def test_orders_differ_by_epoch_and_repeat():
    labels = np.arange(50) % 3 - 1
    iterator = batches(labels=labels)
    first, again = ([b.labelled_x for b, _ in iterator] for _ in range(2))
    iterator.epoch = 1
    other = [b.labelled_x for b, _ in iterator]
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not torch.equal(torch.cat(first), torch.cat(other))


def test_neighbors_belong_to_their_rows():
    table = (np.arange(50)[:, None] + np.array([[1, 2]])) % 50
    steps = set()
    for batch, _ in batches(neighbors=table):
        assert batch.direction is None
        step = (batch.neighbors[:, 0] - batch.x[:, 0]) % 50
        steps |= set(step.tolist())
    assert steps == {1, 2}


def test_directions_leave_constant_columns_alone():
    for batch, _ in batches():
        assert batch.neighbors is None
        assert batch.labelled_x is None
        assert (batch.direction[:, 2] == 0).all()
        assert (batch.direction[:, :2] != 0).all()


def test_nearest_rows():
    X = np.array([[0.0], [1.0], [3.0], [7.0]], dtype=np.float32)
    rng = np.random.default_rng(0)
    neighbors = nearest_rows(X, 2, rng)
    assert [sorted(row) for row in neighbors.tolist()] == [[1, 2], [0, 2], [0, 1], [1, 2]]
    # A row is not its own neighbour, however many copies it has.
    copies = nearest_rows(np.zeros((5, 2), dtype=np.float32), 3, rng)
    assert copies.shape == (5, 3)
    assert not (copies == np.arange(5)[:, None]).any()
    assert nearest_rows(X[:1], 2, rng).tolist() == [[0]]


def test_distance_of_neighbors():
    X = np.array([[0.0], [1.0], [3.0], [7.0]], dtype=np.float32)
    rng = np.random.default_rng(0)
    assert neighbor_distance(X, 2, rng) == pytest.approx((3 + 2 + 3 + 6) / 4)
    assert neighbor_distance(X, 9, rng) == pytest.approx((7 + 6 + 4 + 7) / 4)
    assert neighbor_distance(np.zeros((5, 2), dtype=np.float32), 3, rng) == 0


def test_neighbors_agree_only_if_both_are_certain():
    certain = torch.tensor([[0.0, -50.0], [-50.0, 0.0]])
    unsure = torch.full((2, 2), -math.log(2))
    assert neighbor_inconsistency(certain, certain) == pytest.approx(0, abs=1e-6)
    assert neighbor_inconsistency(unsure, unsure) == pytest.approx(math.log(2))
    assert neighbor_inconsistency(certain, certain.flip(1)) == pytest.approx(50, abs=1)


def test_sizes_of_categories():
    certain = torch.tensor([[0.0, -50.0], [-50.0, 0.0]])
    assert imbalance(certain, torch.tensor([0.5, 0.5])) == pytest.approx(0, abs=1e-5)
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert imbalance(certain, torch.tensor([0.9, 0.1])) == pytest.approx(expected)


def test_uncertainty_of_categories():
    log_p = torch.log_softmax(torch.tensor([[0.0, -50.0], [1.0, 1.0]]), dim=1)
    assert uncertainty(log_p) == pytest.approx(math.log(2) / 2)


class Linear(nn.Module):
    """Logits that change along the first column alone, two a unit."""

    radius = torch.tensor(0.5)

    def logits(self, x):
        return torch.stack([2 * x[:, 0], torch.zeros(len(x))], dim=1)


def test_the_adversarial_step_goes_where_categories_change():
    x = torch.tensor([[0.3, 5.0]])
    direction = torch.randn(1, 2, generator=make_generator(0))
    p = torch.softmax(Linear().logits(x), dim=1)
    found = adversarial_inconsistency(Linear(), x, direction, p.log())
    divergences = []
    for step in (-0.5, 0.5):  # the whole radius along the first column
        q = torch.softmax(Linear().logits(x + torch.tensor([[step, 0.0]])), dim=1)
        divergences.append(float((p * (p / q).log()).sum()))
    assert min(abs(float(found) - d) for d in divergences) < 1e-6


def test_cluster_heads():
    heads = ClusterHeads(3, 2, 3.0, make_generator(0))
    assert heads.repulsion(2.9).item() == 0
    with torch.no_grad():
        heads.places.copy_(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    code = torch.tensor([[0.0, 1.0, 0.0, 0.5, -0.5]])
    assert heads(code).tolist() == [[3.5, 3.5]]
    # Distances 5, 1 and sqrt(18): of a threshold of 3, only the second lacks something.
    assert heads.repulsion(3.0).item() == pytest.approx(2.0)
    heads.repulsion(3.0).backward()
    assert heads.places.grad[0].tolist() == pytest.approx([0.0, 1.0])
