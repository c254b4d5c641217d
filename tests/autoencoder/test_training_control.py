"""Early stopping, warm starts, partial fits, skorch callbacks, own networks."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import PriorGap
from sklearn_aae.training import AAENet
from tests.instances import fast


class Recorder(Callback):
    """Count calls, and note what was handed over."""

    seen: list = []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        self.seen.append("begin" if training else "begin valid")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        parts = {name.partition(".")[0] for name, _ in named_parameters}
        assert all(p.grad is not None for _, p in named_parameters)
        self.seen.append("+".join(sorted(parts)))

    def on_batch_end(self, net, batch=None, training=False, loss=None, y_pred=None, **kwargs):
        assert net.history[-1, "batches", -1, "train_loss" if training else "valid_loss"] > 0
        self.seen.append("end" if training else "end valid")


def weights(net, part=""):
    return {k: v.clone() for k, v in net.module_.state_dict().items() if k.startswith(part)}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_callback_sees_every_batch_and_every_phase(cancer):
    Recorder.seen = []
    fast(max_epochs=2, batch_size=64, callbacks=[Recorder]).fit(cancer[0])
    step = ["begin", "decoder+encoder", "discriminator", "encoder", "end"]
    assert Recorder.seen == step * 2 * 9


def test_a_user_callback_stops_training_and_stays_the_users(cancer):
    stopper = EarlyStopping(monitor="train_loss", patience=1, threshold=0.9)
    model = fast(max_epochs=50, callbacks=[("stop", stopper)]).fit(cancer[0])
    assert model.n_iter_ < 50
    assert not model.interrupted_
    assert stopper.misses_ == 1
    assert model.callbacks == [("stop", stopper)]


def test_other_things_are_no_callbacks(cancer):
    pytest.importorskip("sklearn.callback")
    from sklearn.callback import ScoringMonitor

    for other in (3, ScoringMonitor(scoring=None)):
        with pytest.raises(TypeError, match="callbacks must be skorch callbacks"):
            fast(callbacks=[other]).fit(cancer[0])


def test_gradient_norm_clipping_acts(cancer):
    X = cancer[0]
    clipped = fast(callbacks=[GradientNormClipping(1e-12)]).fit(X)
    # Adam divides gradients by their size: only ones far below its epsilon stall it.
    start = fast(max_epochs=1, lr=1e-30).fit(X)
    moved = [
        (a - b).abs().max()
        for a, b in zip(
            weights(clipped.net_, "encoder").values(),
            weights(start.net_, "encoder").values(),
            strict=True,
        )
    ]
    assert max(moved) < 1e-3
    assert not same(weights(fast().fit(X).net_, "encoder"), weights(start.net_, "encoder"))


def test_lr_scheduler_acts_and_replaces_the_decay(cancer):
    X = cancer[0]
    rates = []

    class Rates(Callback):
        def on_batch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    schedule = LRScheduler(policy="StepLR", step_size=1, gamma=0.1)
    fast(max_epochs=3, batch_size=569, lr=1e-2, callbacks=[schedule, Rates]).fit(X)
    np.testing.assert_allclose(rates, [1e-2, 1e-3, 1e-4])


def test_learning_rates_decay_over_the_second_half_and_come_back(cancer):
    rates = []

    class Rates(Callback):
        def on_batch_begin(self, net, **kwargs):
            rates.append(
                [getattr(net, f"{name}_").param_groups[0]["lr"] for name in net.optimizer_names]
            )

    model = fast(max_epochs=10, batch_size=569, lr=1e-2, adversarial_weight=0.3, callbacks=[Rates])
    model.fit(cancer[0])
    full = np.array([1e-2, 1e-2, 3e-3])
    np.testing.assert_allclose(rates[:6], [full] * 6)
    assert (np.diff(np.array(rates)[5:], axis=0) < 0).all()
    np.testing.assert_allclose(rates[-1], full * (1 - 0.9 * 0.8))
    assert model.net_.noise_share_ == 1.0
    np.testing.assert_allclose(model.net_.optimizer_gen_.param_groups[0]["lr"], 3e-3)


def test_checkpoint_progress_bar_and_scoring_work(cancer, tmp_path, capsys):
    def negative_score(net, X, y=None):
        return float(len(X))

    model = fast(
        early_stopping=True,
        callbacks=[
            Checkpoint(dirname=str(tmp_path), f_optimizer=None, f_criterion=None),
            ProgressBar(postfix_keys=["train_discriminator_loss"]),
            EpochScoring(negative_score, name="rows", use_caching=False),
        ],
    ).fit(cancer[0])
    assert (tmp_path / "params.pt").exists()
    assert model.net_.history[:, "rows"] == [57.0] * 3
    capsys.readouterr()


def test_history_is_complete_and_holds_no_batches(cancer):
    Recorder.seen = []
    model = fast(max_epochs=4, callbacks=[Recorder]).fit(cancer[0])
    assert set(model.history_) == {"reconstruction_loss", "discriminator_loss", "generator_loss"}
    assert {len(values) for values in model.history_.values()} == {4}
    assert model.loss_curve_ == model.history_["reconstruction_loss"]
    assert all(not row["batches"] for row in model.net_.history)


def test_early_stopping_puts_the_best_epoch_back(cancer):
    X = cancer[0]
    kept = {}

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            kept[len(net.history)] = weights(net)

    model = fast(
        early_stopping=True, n_iter_no_change=3, max_epochs=400, lr=0.01, callbacks=[Keep]
    ).fit(X)
    figures = model.history_["validation_figure"]
    best = int(np.argmin(figures)) + 1
    assert model.n_iter_ == len(figures) < 400
    assert model.n_iter_ >= best + 3
    final = weights(model.net_)
    assert all(torch.equal(final[k], kept[best][k]) for k in final if not k.startswith("head."))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fitted_net_goes_on_at_full_rates(cancer, early_stopping):
    # The best epoch may lie where rates had fallen, and its state is put back.
    model = fast(early_stopping=early_stopping, max_epochs=10, lr=1e-3, adversarial_weight=0.5)
    net = model.fit(cancer[0]).net_
    rates = [getattr(net, f"{name}_").param_groups[0]["lr"] for name in net.optimizer_names]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 5e-4])


def test_the_early_stopping_figure_is_what_it_says(cancer):
    # From a random start, for which codes are off the prior at first.
    model = fast(init="random", early_stopping=True, max_epochs=6).fit(cancer[0])
    loss, gap = (np.asarray(model.history_[name]) for name in ("valid_loss", "prior_gap"))
    assert (gap > 1).any()
    expected = loss / loss[0] + 0.05 * np.log(np.maximum(gap, 1))
    np.testing.assert_allclose(model.history_["validation_figure"], expected)


def test_early_stopping_stops_where_rows_are_learned_by_heart():
    # Columns that say nothing about each other: all there is to learn are single rows.
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.choice(list("abcdefgh"), 160) for name in "xyzuvw"})
    settings = {"max_epochs": 40, "lr": 4e-3, "hidden_layer_sizes": (64,), "batch_size": 32}
    settings |= {"early_stopping": True, "validation_fraction": 0.25, "random_state": 0}
    through = AdversarialAutoencoder(**settings, n_iter_no_change=40).fit(table)
    losses = through.history_["valid_loss"]
    assert losses[-1] > min(losses) + 0.2
    stopped = AdversarialAutoencoder(**settings).fit(table)
    best = int(np.argmin(through.history_["validation_figure"])) + 1
    assert stopped.n_iter_ == best + 10
    assert stopped.history_["valid_loss"] == losses[: best + 10]
    assert losses[best - 1] < min(losses) + 0.02
    # Both hand back the weights of the same epoch.
    assert stopped.score(table) == through.score(table)


def test_the_prior_gap_is_about_one_at_most_for_draws_of_the_prior():
    from sklearn_aae._utils._random import make_generator
    from sklearn_aae.priors import Gaussian

    gap = PriorGap(Gaussian(), 60, 2, seed=0)
    values = [
        gap(Gaussian().sample(60, 2, make_generator(seed)).numpy().astype(float))
        for seed in range(100, 300)
    ]
    assert np.mean(np.asarray(values) > 1) < 0.05
    assert gap(np.full((60, 2), 2.0)) > 10


def test_early_stopping_needs_twenty_rows():
    with pytest.raises(ValueError, match=r"at least 20 rows to validate on.*gives 10 and 90"):
        fast(early_stopping=True).fit(np.random.default_rng(0).normal(size=(100, 3)))


def test_early_stopping_trains_on_the_other_rows(cancer):
    seen = {}

    class Rows(Callback):
        def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            seen["train"], seen["valid"] = set(dataset_train.rows), set(dataset_valid.rows)

    fast(early_stopping=True, validation_fraction=0.2, callbacks=[Rows]).fit(cancer[0])
    assert seen["train"] | seen["valid"] == set(range(569))
    assert not seen["train"] & seen["valid"]
    assert len(seen["valid"]) == 114


def test_warm_start_goes_on_and_cold_start_does_not(cancer):
    X = cancer[0]
    warm = fast(warm_start=True, max_epochs=5).fit(X)
    first, loss = warm.net_, warm.loss_curve_[-1]
    warm.fit(X)
    assert warm.n_iter_ == 10
    assert warm.loss_curve_[5] < 1.2 * loss
    assert warm.net_ is not first
    cold = fast(max_epochs=5).fit(X)
    before = cold.transform(X)
    np.testing.assert_array_equal(cold.fit(X).transform(X), before)


def test_history_has_equal_lengths_when_early_stopping_comes_and_goes(cancer):
    X = cancer[0]
    model = fast(warm_start=True).fit(X).set_params(early_stopping=True).fit(X)
    model.set_params(early_stopping=False).partial_fit(X)
    assert {len(values) for values in model.history_.values()} == {7}
    assert np.isfinite(model.history_["valid_loss"]).tolist() == [False] * 3 + [True] * 3 + [False]


def test_callbacks_keep_what_they_recorded(cancer):
    callback = EarlyStopping(monitor="train_loss", patience=1, threshold=0.9)
    model = fast(max_epochs=50, callbacks=[("stop", callback)], early_stopping=True).fit(cancer[0])
    names = [name for name, _ in model.net_.callbacks_]
    assert names == ["epoch_timer", "stop"]
    assert dict(model.net_.callbacks_)["stop"].misses_ == 1


def test_warm_start_keeps_the_scale_and_refuses_another_schema(cancer):
    X = cancer[0]
    model = fast(warm_start=True).fit(X)
    shift = model._reader.scale.shift_.copy()
    model.fit(X * 100)
    np.testing.assert_array_equal(model._reader.scale.shift_, shift)
    with pytest.raises(ValueError, match="29 features"):
        model.fit(X[:, :29])


@pytest.mark.parametrize(
    "change",
    [{"n_components": 3}, {"hidden_layer_sizes": (8,)}, {"prior": "uniform"}, {"scaling": None}],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_is_built_in_cannot_change_later(cancer, change, method):
    X = cancer[0]
    model = fast(warm_start=True).fit(X).set_params(**change)
    with pytest.raises(ValueError, match=f"{next(iter(change))} changed from"):
        getattr(model, method)(X)
    assert model.set_params(warm_start=False).fit(X).n_iter_ == 3


def test_the_adversary_cannot_be_switched_on_later(cancer):
    model = fast(warm_start=True, adversarial_weight=0).fit(cancer[0])
    with pytest.raises(ValueError, match=r"adversarial_weight=0\.3"):
        model.set_params(adversarial_weight=0.3).fit(cancer[0])


def test_learning_rates_can_change_later(cancer):
    X = cancer[0]
    model = fast(warm_start=True, lr=1e-3).fit(X).set_params(lr=1e-4, adversarial_weight=0.5)
    model.fit(X)
    rates = [
        getattr(model.net_, f"{name}_").param_groups[0]["lr"] for name in model.net_.optimizer_names
    ]
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 5e-5])


@pytest.mark.parametrize("init, share", [("random", 0.7), ("pca", 0.92)])
def test_partial_fit_learns(cancer, init, share):
    X = cancer[0]
    model = fast(init=init)
    losses = []
    for _ in range(30):
        model.partial_fit(X)
        losses.append(-model.score(X))
    assert model.n_iter_ == 30
    assert losses[-1] < share * losses[0]


def test_partial_fit_in_chunks_keeps_the_first_scale(cancer):
    X = cancer[0]
    model = fast().partial_fit(X[:100])
    shift = model._reader.scale.shift_.copy()
    model.partial_fit(X[100:101]).partial_fit(X[101:])
    np.testing.assert_array_equal(model._reader.scale.shift_, shift)


def test_net_partial_fit_continues_to_the_weights_of_a_longer_fit(cancer):
    X = cancer[0]
    source = fast(max_epochs=1).fit(X).net_

    def net():
        return AAENet(
            source.module,
            seed=3,
            batch_size=64,
            dataset__scaler=source.dataset__scaler,
        ).initialize()

    through = net()
    through.fit_loop(through.get_dataset(X), epochs=6)
    halves = net()
    halves.fit_loop(halves.get_dataset(X), epochs=2)
    halves = pickle.loads(pickle.dumps(halves))
    halves.max_epochs = 4
    halves.partial_fit(X)
    assert same(weights(through), weights(halves))
    assert len(halves.history) == 6


class Own(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = torch.nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("form", ["class", "function", "instance"])
def test_own_networks(cancer, form):
    X = cancer[0]
    network = {
        "class": Own,
        "function": lambda n_in, n_out: Own(n_in, n_out),
        "instance": Own(30, 2),
    }[form]
    model = fast(encoder=network).fit(X)
    assert type(model.encoder_) is Own
    assert model.encoder_ is not network
    # A second fit starts over, whatever the form.
    first = model.transform(X)
    np.testing.assert_array_equal(model.fit(X).transform(X), first)


@pytest.mark.parametrize(
    "network, error, message",
    [
        (lambda n_in, n_out: "no module", TypeError, "encoder must return a torch.nn.Module"),
        (torch.nn.Linear(30, 5), ValueError, r"encoder must map .* to \(n, 2\)"),
        (torch.nn.Linear(7, 2), ValueError, r"encoder must take .* \(n, 30\)"),
        (torch.nn.Identity(), ValueError, r"encoder must map"),
    ],
)
def test_bad_own_networks_are_named(cancer, network, error, message):
    with pytest.raises(error, match=message):
        fast(encoder=network).fit(cancer[0])


def test_a_network_that_is_frozen_before_fit_stays_as_it_is(cancer):
    frozen = torch.nn.Linear(30, 2).requires_grad_(False)
    model = fast(encoder=frozen).fit(cancer[0])
    assert torch.equal(model.encoder_.weight, frozen.weight)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_networks_that_are_all_frozen_have_nothing_to_train(cancer):
    def frozen(n_in, n_out):
        return torch.nn.Linear(n_in, n_out).requires_grad_(False)

    with pytest.raises(ValueError, match="nothing to train in"):
        fast(encoder=frozen, decoder=frozen, discriminator=frozen).fit(cancer[0])
