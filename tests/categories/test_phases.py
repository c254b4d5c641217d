"""What comes beside the rows of a batch, and the losses made of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae._utils._random import make_generator
from sklearn_aae.categories._batches import LabelledBatches, LabelledDataset
from sklearn_aae.categories._networks import ClusterHeads
from sklearn_aae.categories._phases import (
    CategoryLoss,
    adversarial_inconsistency,
    imbalance,
    neighbor_inconsistency,
    uncertainty,
)
from sklearn_aae.networks._levels import LevelReader
from sklearn_aae.training import TableDataset
from sklearn_aae.training._batches import Batch
from sklearn_aae.training._phases import StepState
from tests.instances import fast, fast_classifier
from tests.mixed_tables import animals

CPU = torch.device("cpu")


def batches(n=50, labels=None, neighbors=None, directions=False, batch_size=16, **settings):
    """Return batches of a table whose first column is the number of the row."""
    X = np.arange(float(n))[:, None] + np.zeros((1, 3))
    X[:, 2] = 7.0  # a column that says nothing
    plain = fast(scaling=None, posterior="deterministic", **settings)
    model = fast_classifier(estimator=plain).fit(X, np.arange(n) % 2).estimator_
    rows = TableDataset(X, scaler=model.net_.dataset__scaler, labels=labels)
    dataset = LabelledDataset(rows, neighbors=neighbors, directions=directions)
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


def test_noise_of_labelled_rows_falls_with_the_noise_share():
    iterator = batches(n=4000, labels=np.arange(4000) % 2, batch_size=4000)
    spread = iterator.dataset.scaler.spread_
    clean, _ = next(iter(iterator))
    iterator.module.posterior.input_noise = 0.3
    for share in (1.0, 0.1, 0.0):
        iterator.noise_share = share
        batch, _ = next(iter(iterator))
        noise = (batch.labelled_x - clean.labelled_x).std(dim=0).numpy()
        np.testing.assert_allclose(noise, 0.3 * share * spread, rtol=0.05)


def test_neighbors_belong_to_their_rows():
    table = (np.arange(50)[:, None] + np.array([[1, 2]])) % 50
    steps = set()
    for batch, _ in batches(neighbors=table):
        assert batch.direction is None
        step = (batch.neighbors[:, 0] - batch.x[:, 0]) % 50
        steps |= set(step.tolist())
    assert steps == {1, 2}


def test_directions_leave_constant_columns_alone():
    assert all(batch.direction is None for batch, _ in batches())
    for batch, _ in batches(directions=True):
        assert batch.neighbors is None
        assert batch.labelled_x is None
        assert (batch.direction[:, 2] == 0).all()
        assert (batch.direction[:, :2] != 0).all()


def test_pseudo_labels_stand_in_for_labels_in_the_first_epochs():
    iterator = batches()
    pseudo = torch.arange(50) % 4 - 1
    iterator.dataset.pseudo_labels, iterator.dataset.n_pseudo_epochs = pseudo, 2
    for epoch in range(4):
        iterator.epoch = epoch
        for batch, _ in iterator:
            assert batch.labels is None
            if epoch < 2:
                rows = batch.labelled_x[:, 0].long()
                assert len(rows) == 16
                np.testing.assert_array_equal(batch.classes, pseudo[rows])
                assert (batch.classes >= 0).all()
            else:
                assert batch.labelled_x is None


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

    reader = None
    sizes = torch.tensor([0.5, 0.5])

    def logits(self, x):
        return torch.stack([2 * x[:, 0], torch.zeros(len(x))], dim=1)

    def embed(self, x):
        return x

    def logits_at(self, embedding, x):
        return self.logits(embedding)


def test_the_adversarial_step_goes_where_categories_change():
    x = torch.tensor([[0.3, 5.0], [0.1, 2.0]])
    direction = torch.randn(2, 2, generator=make_generator(0))
    p = torch.softmax(Linear().logits(x), dim=1)
    found = adversarial_inconsistency(Linear(), x, direction, p.log())
    length = 0.3 * math.sqrt(0.1**2 + 1.5**2)  # of the rows' spread
    divergences = []
    for row in range(2):  # the whole length along the first column, one way or the other
        for step in (-length, length):
            q = torch.softmax(Linear().logits(x[row] + torch.tensor([step, 0.0])[None]), dim=1)
            divergences.append(float((p[row] * (p[row] / q).log()).sum()))
    a, b, c, d = divergences
    means = [(one + other) / 2 for one in (a, b) for other in (c, d)]
    assert min(abs(float(found) - mean) for mean in means) < 1e-6


def test_what_consistency_is_made_of():
    x = torch.tensor([[0.3, 5.0], [0.1, 2.0], [-1.0, 0.0]])
    near = x + 0.1
    log_p, log_q = (torch.log_softmax(Linear().logits(rows), dim=1) for rows in (x, near))
    direction = torch.randn(3, 2, generator=make_generator(0))
    prior = torch.tensor([0.5, 0.5])
    step = adversarial_inconsistency(Linear(), x, direction, log_p)

    def loss(**beside):
        batch = Batch(x=x, corrupted=x, prior=x, noise=None, **beside)
        return CategoryLoss(2.0, balance=3.0)(Linear(), None, StepState(batch))

    alone = uncertainty(log_p) + 3.0 * imbalance(log_p, prior)
    torch.testing.assert_close(loss(direction=direction), 2.0 * (alone + step))
    together = 3.0 * imbalance(torch.cat([log_p, log_q]), prior)
    together = together + neighbor_inconsistency(log_p, log_q)
    torch.testing.assert_close(loss(neighbors=near), 2.0 * together)
    torch.testing.assert_close(loss(neighbors=near, direction=direction), 2.0 * (together + step))


@pytest.fixture
def level_rows():
    """Return the module of a classifier of a table of mixed types, and rows as it reads them."""
    frame = animals(60)
    y = frame.pop("animal")
    model = fast_classifier(max_epochs=2).fit(frame, y).estimator_
    module = model.net_.module_
    levels = model._reader.encoder._to_levels(frame)
    digits = model._reader.scale.transform(levels)
    return module, torch.as_tensor(digits)


def test_levels_are_moved_where_the_first_layer_puts_them(level_rows):
    module, digits = level_rows
    embedding = module.embed(digits)
    assert embedding.shape == (len(digits), module.reader.width)
    torch.testing.assert_close(module.logits_at(embedding, digits), module.logits(digits))
    assert not torch.equal(module.logits_at(embedding + 1, digits), module.logits(digits))
    direction = torch.randn(embedding.shape, generator=make_generator(0))
    log_p = torch.log_softmax(module.logits(digits), dim=1).detach()
    loss = adversarial_inconsistency(module, digits, direction, log_p)
    loss.backward()
    assert loss > 0
    assert all(layer.grad is not None for layer in module.reader.parameters())
    # A step of the same length in a direction drawn at random changes less.
    length = 0.6 * embedding.detach().var(dim=0, correction=0).sum().sqrt()
    step = length * torch.nn.functional.normalize(direction, dim=1)
    log_q = torch.log_softmax(module.logits_at(embedding + step, digits), dim=1)
    assert loss > (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


def test_ordered_columns_start_by_rank():
    frame = animals(60)
    frame.pop("animal")
    layout = fast(rules=None).fit(frame)._reader.encoder.layout_
    reader = LevelReader(layout, 4, make_generator(0))
    free = reader.vectors.free.detach().clone()
    reader.vectors.start_by_rank()
    start = 0
    for span in layout.spans:
        stop = start + sum(span.digits)
        if span.ordered:
            assert (reader.vectors.free[start:stop] == 0).all()
        else:
            torch.testing.assert_close(reader.vectors.free[start:stop], free[start:stop])
        start = stop
    assert start == len(free)
    # Classifiers begin so.
    few = np.where(np.arange(60) % 2, "even", "odd")
    begun = fast_classifier(max_epochs=1, lr=1e-12).fit(frame, few).net_.module_.reader
    ordered = (reader.vectors.free == 0).all(dim=1)
    assert begun.vectors.free[ordered].abs().max() < 1e-6
    assert begun.vectors.free[~ordered].abs().min() > 1e-6
    assert {span.ordered for span in layout.spans} == {True, False}


def test_cluster_heads():
    heads = ClusterHeads(3, 2, 3.0, make_generator(0))
    assert heads.repulsion(2.9).item() == 0
    with torch.no_grad():
        heads.embedding.copy_(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    code = torch.tensor([[0.0, 1.0, 0.0, 0.5, -0.5]])
    assert heads(code).tolist() == [[3.5, 3.5]]
    # Distances 5, 1 and sqrt(18): of a threshold of 3, only the second lacks something.
    assert heads.repulsion(3.0).item() == pytest.approx(2.0)
    heads.repulsion(3.0).backward()
    assert heads.embedding.grad[0].tolist() == pytest.approx([0.0, 1.0])
