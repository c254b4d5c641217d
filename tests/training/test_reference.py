"""The training step against the same three phases written out by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from sklearn_aae.training._batches import TableDataset, TrainBatches, batch_edges
from tests.instances import fast


def by_hand(module, batches, optimizers, posterior, to_support=lambda z: z, supervision=None):
    """Train a copy of the networks plainly; yield the three losses of each step."""
    encoder, decoder, discriminator = module.encoder, module.decoder, module.discriminator

    def code(x, noise):
        h = encoder(torch.hstack([x, noise]) if posterior == "universal" else x)
        if posterior == "gaussian":
            mean, log_variance = h.chunk(2, dim=1)
            h = mean + torch.exp(log_variance / 2) * noise
        return to_support(h)

    def marked(z, labels):
        columns = [(labels == level).float()[:, None] for level in (0, 1, -1)]
        return torch.hstack([z, *columns])

    def untouched(z, labels):
        return z

    for_game = untouched if supervision is None else marked
    for_decoder = marked if supervision == "decoder" else untouched
    for batch, _ in batches:
        noise = [None, None] if batch.noise is None else batch.noise
        optimizers["reconstruction"].zero_grad()
        decoded = decoder(for_decoder(code(batch.corrupted, noise[0]), batch.labels))
        reconstruction = mse_loss(decoded, batch.x)
        reconstruction.backward()
        optimizers["reconstruction"].step()

        with torch.no_grad():
            fake = code(batch.x, noise[1])
        optimizers["discriminator"].zero_grad()
        real_logits = discriminator(for_game(batch.prior, batch.labels))
        fake_logits = discriminator(for_game(fake, batch.labels))
        game = 0.5 * (
            binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
            + binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
        )
        game.backward()
        optimizers["discriminator"].step()

        optimizers["generator"].zero_grad()
        logits = discriminator(for_game(code(batch.x, noise[1]), batch.labels))
        generator = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        generator.backward()
        optimizers["generator"].step()
        yield [loss.item() for loss in (reconstruction, game, generator)]


@pytest.mark.parametrize(
    "posterior, prior, supervision",
    [
        ("deterministic", "gaussian", None),
        ("gaussian", "uniform", None),
        ("universal", "mixture", None),
        ("deterministic", "categorical", None),
        ("gaussian", "categorical", None),
        ("deterministic", "mixture", "prior"),
        ("deterministic", "gaussian", "decoder"),
        ("gaussian", "mixture", "decoder"),
    ],
)
def test_losses_and_weights_step_by_step(cancer, posterior, prior, supervision):
    X, y = cancer
    model = fast(
        posterior=posterior, prior=prior, supervision=supervision, max_epochs=1, batch_size=64
    )
    net = model.fit(X, y).net_
    net.initialize()  # fresh weights, fresh optimizers
    labels = None if supervision is None else np.where(np.arange(569) % 3, y, -1)
    dataset = TableDataset(X, scaler=net.dataset__scaler, labels=labels)
    reference = copy.deepcopy(net.module_)
    adam = torch.optim.Adam
    share = {"gaussian": 0.1 * np.sqrt(2), "categorical": 1.0}.get(prior, 0.6)
    share = {"prior": 1.0, "decoder": 0.6}.get(supervision, share)
    optimizers = {
        "reconstruction": adam(
            [*reference.encoder.parameters(), *reference.decoder.parameters()], lr=1e-3
        ),
        "discriminator": adam(reference.discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999)),
        "generator": adam(reference.encoder.parameters(), lr=share * 1e-3, betas=(0.5, 0.999)),
    }

    def batches():
        return TrainBatches(dataset, 64, net.module_, net.seed, torch.device("cpu"))

    support = {"to_support": lambda z: torch.softmax(z, dim=1)} if prior == "categorical" else {}
    expected = by_hand(
        reference, batches(), optimizers, posterior, supervision=supervision, **support
    )
    n_steps = 0
    for batch, losses in zip(batches(), expected, strict=True):
        step = net.train_step(batch)
        np.testing.assert_allclose(step["losses"], losses, rtol=2e-4)
        n_steps += 1
    assert n_steps == 9
    for name, value in net.module_.state_dict().items():
        if not name.startswith("head."):
            torch.testing.assert_close(value, reference.state_dict()[name], rtol=1e-3, atol=2e-5)


def test_each_phase_moves_its_parts_and_no_other(cancer):
    net = fast(max_epochs=1, batch_size=64).fit(cancer[0]).net_
    everything = net.phases
    batch = next(
        iter(TrainBatches(net.get_dataset(cancer[0]), 64, net.module_, 0, torch.device("cpu")))
    )
    moved = {}
    for phase in everything:
        # The generator needs the codes that the discriminator's phase computed.
        net.phases = everything[1:] if phase.name == "generator" else (phase,)
        if phase.name == "generator":
            net.optimizer_disc_.param_groups[0]["lr"] = 0.0
        before = copy.deepcopy(net.module_.state_dict())
        if phase.name == "reconstruction":
            net.train_step(batch)
        else:
            net.phases = (everything[0]._replace(optimizer="optimizer"), *net.phases)
            rate = net.optimizer_.param_groups[0]["lr"]
            net.optimizer_.param_groups[0]["lr"] = 0.0
            net.train_step(batch)
            net.optimizer_.param_groups[0]["lr"] = rate
        after = net.module_.state_dict()
        moved[phase.name] = {
            name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])
        }
    assert moved == {
        "reconstruction": {"encoder", "decoder"},
        "discriminator": {"discriminator"},
        "generator": {"encoder"},
    }


def test_three_optimizers_with_states_of_their_own(cancer):
    net = fast().fit(cancer[0]).net_
    assert net.optimizer_names == ["optimizer", "optimizer_disc", "optimizer_gen"]
    states = [getattr(net, f"{name}_").state for name in net.optimizer_names]
    encoder = next(net.module_.encoder.parameters())
    assert encoder in states[0]
    assert encoder in states[2]
    assert encoder not in states[1]
    assert not torch.equal(states[0][encoder]["exp_avg"], states[2][encoder]["exp_avg"])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("n_rows", [2, 3, 5, 64, 65, 129, 200])
def test_batches_cover_all_rows_about_equally(n_rows, batch_size):
    edges = batch_edges(n_rows, batch_size)
    assert [i for start, stop in edges for i in range(start, stop)] == list(range(n_rows))
    sizes = [stop - start for start, stop in edges]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(batch_size, 2) + (n_rows % 2)
    assert min(sizes) >= min(2, batch_size)


def test_an_epoch_visits_every_row_once_in_a_new_order():
    X = np.arange(100.0)[:, None] + np.zeros((1, 2))
    net = fast(scaling=None, batch_size=16).fit(X).net_
    orders = []
    for epoch in (1, 2):
        batches = TrainBatches(net.get_dataset(X), 16, net.module_, 5, torch.device("cpu"))
        batches.epoch = epoch
        orders.append(torch.cat([batch.x[:, 0] for batch, _ in batches]).numpy())
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(100.0))
    assert not np.array_equal(*orders)


def test_input_noise_is_in_units_of_each_column():
    from sklearn_aae.posteriors import Deterministic

    X = np.random.default_rng(0).normal(size=(4000, 3)) * [1, 10, 0]
    net = fast(scaling=None, posterior=Deterministic(0.3)).fit(X).net_
    batches = TrainBatches(net.get_dataset(X), 4000, net.module_, 5, torch.device("cpu"))
    batch, _ = next(iter(batches))
    noise = (batch.corrupted - batch.x).std(dim=0).numpy()
    np.testing.assert_allclose(noise, [0.3, 3.0, 0.0], rtol=0.05)
    batches.noise_share = 0.1
    batch, _ = next(iter(batches))
    noise = (batch.corrupted - batch.x).std(dim=0).numpy()
    np.testing.assert_allclose(noise, [0.03, 0.3, 0.0], rtol=0.05)


def test_input_noise_falls_with_the_learning_rate(cancer):
    shares = []

    class Shares(Callback):
        def on_batch_begin(self, net, batch=None, **kwargs):
            shares.append(float((batch[0].corrupted - batch[0].x).std()))

    fast(max_epochs=10, batch_size=569, callbacks=[Shares]).fit(cancer[0])
    expected = [0.3] * 6 + [0.3 * (1 - 0.9 * k / 5) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(shares, expected, rtol=0.05)


def test_large_tables_are_scaled_block_by_block(monkeypatch, cancer):
    import sklearn_aae.training._batches as module

    X = cancer[0]
    expected = fast().fit_transform(X)
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    np.testing.assert_array_equal(fast().fit_transform(X), expected)
