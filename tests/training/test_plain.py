"""Gradients derived by hand against autograd, and when they must not be used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae.networks import ACTIVATIONS
from sklearn_aae.outputs import Bernoulli, Gaussian
from sklearn_aae.posteriors import Deterministic
from sklearn_aae.priors import Product
from sklearn_aae.training import _plain
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._batches import TableDataset, TrainBatches
from sklearn_aae.training._phases import DISCRIMINATOR, GENERATOR, PHASES, StepState
from sklearn_aae.training._plain import PlainGradients, can_derive
from sklearn_aae.training._stepping import FlatStepper, Stepper
from tests.instances import fast


def first_batch(net, X, labels=None):
    dataset = TableDataset(X, scaler=net.dataset__scaler, labels=labels)
    batches = TrainBatches(dataset, 64, net.module_, 0, torch.device("cpu"))
    return next(iter(batches))[0]


def gradients(net, stepper, batch):
    """Return every phase's loss and gradients, without an update between."""
    found = {}
    state = StepState(batch)
    for phase in net.phases:
        loss = stepper.gradients(phase, state)
        grads = {
            name: parameter.grad.clone() for name, parameter in phase.named_parameters(net.module_)
        }
        found[phase.name] = (loss.item(), grads)
        if type(stepper) is Stepper:
            for _, parameter in phase.named_parameters(net.module_):
                parameter.grad = None
    return found


def assert_same_gradients(net, X, labels=None, *, weighted=False):
    batch = first_batch(net, X, labels)
    if weighted:
        batch = batch._replace(weights=(torch.arange(batch.x.numel()) % 3.0).view_as(batch.x))
    expected = gradients(net, Stepper(net), batch)
    stepper = FlatStepper(net)
    assert stepper.derived is not None
    got = gradients(net, stepper, batch)
    stepper.close()
    assert list(expected) == [phase.name for phase in PHASES]
    for phase, (loss, grads) in expected.items():
        assert got[phase][0] == pytest.approx(loss, rel=1e-5)
        assert got[phase][1].keys() == grads.keys()
        for name, grad in grads.items():
            assert grad.abs().max() > 0, f"{phase}: {name} gets no gradient at all"
            error = (got[phase][1][name] - grad).abs().max() / grad.abs().max()
            assert error < 1e-5, f"{phase}: {name} is off by {error}"


def test_the_phases_that_are_derived_are_all_three():
    assert list(PlainGradients.DERIVED) == [phase.loss for phase in PHASES]


@pytest.mark.parametrize("make", [Stepper, FlatStepper])
@pytest.mark.parametrize("phase, sign", [(DISCRIMINATOR, -1), (GENERATOR, 1)])
def test_the_generator_raises_logits_of_codes_and_the_discriminator_lowers_them(
    cancer, make, phase, sign
):
    net = fast(posterior="deterministic").fit(cancer[0]).net_
    module, batch = net.module_, first_batch(net, cancer[0])
    stepper = make(net)
    grads = gradients(net, stepper, batch)[phase.name][1]
    stepper.close()
    with torch.no_grad():
        before = module.discriminator(module.encode(batch.x)).mean()
        for name, parameter in phase.named_parameters(module):
            parameter -= 0.01 * grads[name]
        after = module.discriminator(module.encode(batch.x)).mean()
    assert sign * (after - before) > 0


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_every_activation_posterior_and_start(cancer, activation, posterior, init):
    model = fast(activation=activation, posterior=posterior, init=init, hidden_layer_sizes=(16, 8))
    assert_same_gradients(model.fit(cancer[0]).net_, cancer[0])


@pytest.mark.parametrize("output", [Gaussian(), Gaussian(variance="learned"), Bernoulli()])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_output_with_constant_columns_among_them(digits, output, weighted):
    X = digits[0] / 16  # the first column is constant
    assert_same_gradients(fast(output=output).fit(X).net_, X, weighted=weighted)


@pytest.mark.parametrize("hidden", [(), (8,), (16, 8, 4)])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_every_depth(cancer, hidden, init):
    model = fast(init=init, hidden_layer_sizes=hidden, discriminator_layer_sizes=hidden)
    assert_same_gradients(model.fit(cancer[0]).net_, cancer[0])


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
def test_codes_that_the_prior_takes_to_its_support(cancer, posterior):
    prior = Product([("categorical", 3), ("gaussian", 2)])
    model = fast(n_components=5, prior=prior, posterior=posterior)
    assert_same_gradients(model.fit(cancer[0]).net_, cancer[0])


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
@pytest.mark.parametrize("supervision, prior", [("prior", "mixture"), ("decoder", "categorical")])
def test_labelled_rows(cancer, supervision, prior, posterior):
    X, y = cancer
    model = fast(supervision=supervision, prior=prior, posterior=posterior).fit(X, y)
    labels = np.where(np.arange(len(y)) % 3, y, -1)
    assert_same_gradients(model.net_, X, labels)
    assert_same_gradients(model.net_, X)


class Shrinking(Deterministic):
    """A posterior that inherits from one whose gradient is known."""

    def draw(self, h, noise):
        return 0.5 * torch.tanh(h)

    def mode(self, h):
        return self.draw(h, None)


def test_a_posterior_of_ones_own_is_not_mistaken_for_its_parent(cancer):
    assert_same_gradients(fast(posterior=Shrinking()).fit(cancer[0]).net_, cancer[0])


class Softened(AdversarialLoss):
    def generator(self, logits):
        return 0.5 * super().generator(logits)


def shared_layer(net):
    net.module_.decoder[-1].weight = nn.Parameter(net.module_.encoder[0].weight.detach().t())
    net.module_.discriminator[0].bias = net.module_.encoder[0].bias


SPOILERS = {
    "a hook": lambda net: net.module_.encoder[0].register_forward_hook(lambda *args: None),
    "a hook of a gradient": lambda net: net.module_.encoder[0].weight.register_hook(lambda g: g),
    "a hook of the head": lambda net: net.module_.head.register_forward_hook(lambda *args: None),
    "a frozen layer": lambda net: net.module_.decoder[0].requires_grad_(False),
    "dropout": lambda net: net.module_.encoder.insert(1, nn.Dropout()),
    "batch norm": lambda net: setattr(net.module_, "encoder", nn.Sequential(nn.BatchNorm1d(30))),
    "a parametrized layer": lambda net: nn.utils.parametrizations.weight_norm(
        net.module_.encoder[0]
    ),
    "a layer without bias": lambda net: setattr(net.module_.decoder[0], "bias", None),
    "a shared layer": shared_layer,
    "a loss of one's own": lambda net: setattr(net, "criterion_", Softened()),
    "a phase of one's own": lambda net: setattr(
        net, "phases", (net.phases[0]._replace(loss=lambda *args: None), *net.phases[1:])
    ),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_is_not_plain_is_left_to_autograd(cancer, spoiler):
    net = fast(init="pca").fit(cancer[0]).net_
    assert can_derive(net)
    SPOILERS[spoiler](net)
    assert not can_derive(net)


def test_networks_of_ones_own_that_are_plain_take_the_same_path(cancer):
    def build(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 12), nn.SiLU(), nn.Linear(12, n_out))

    assert_same_gradients(fast(encoder=build, decoder=build).fit(cancer[0]).net_, cancer[0])


def test_large_products(cancer, monkeypatch):
    for name in ("LEAST_WORK", "LEAST_WORK_OF_GRADIENT"):
        monkeypatch.setattr(_plain, name, 1)
    model = fast(hidden_layer_sizes=(33, 17), activation="gelu")
    assert_same_gradients(model.fit(cancer[0]).net_, cancer[0])
