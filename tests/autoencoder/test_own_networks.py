"""Networks of the user's own: whatever torch can do inside, and whatever is wrong with them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import Freezer
from torch import nn

from sklearn_aae import AAEClassifier, AAEOutlierDetector
from tests.instances import fast


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return X[:150] / 16, y[:150]


@pytest.fixture
def pixels(images):
    return images[0].copy()


class Recurrent(nn.Module):
    """Reads rows of pixels in turn; its first state is made in each pass."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.cells, self.out = nn.GRU(8, 6, batch_first=True), nn.Linear(6, n_out)

    def forward(self, x):
        state = torch.zeros(1, len(x), 6, device=x.device)
        return self.out(self.cells(x.view(-1, 8, 8), state)[0][:, -1])


class Memory(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.cells, self.out = nn.LSTM(8, 6, batch_first=True), nn.Linear(6, n_out)

    def forward(self, x):
        return self.out(self.cells(x.reshape(-1, 8, 8))[0][:, -1])


def convolutions(n_in, n_out):
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(36, n_out),
    )


class Positions(nn.Module):
    """Adds a table that it keeps as a plain attribute, and casts its input."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.table, self.out = torch.linspace(0, 1, n_in), nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.out(x.float() + self.table)


class Uncopied(nn.Linear):
    """Holds what cannot be copied from the first pass on."""

    def forward(self, x):
        self.last = super().forward(x)
        return self.last


class Shifted(nn.Module):
    """Adds what it holds in float64 to the output, which makes that float64."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.out, self.shift = nn.Linear(n_in, n_out), torch.full((n_out,), 0.5).double()

    def forward(self, x):
        return self.out(x) + self.shift


def lazy(n_in, n_out):
    return nn.Sequential(nn.LazyLinear(6), nn.LazyBatchNorm1d(), nn.ELU(), nn.LazyLinear(n_out))


@pytest.mark.parametrize(
    "network",
    [Recurrent, Memory, convolutions, Positions, Uncopied, lazy],
    ids=lambda n: n.__name__,
)
def test_every_method_takes_rows_of_either_precision(pixels, network):
    model = fast(encoder=network, max_epochs=2).fit(pixels)
    codes = model.transform(pixels)
    assert codes.dtype == np.float64
    np.testing.assert_allclose(model.transform(pixels.astype(np.float32)), codes, atol=1e-4)
    assert np.isfinite(model.score_samples(pixels)).all()
    assert np.isfinite(model.partial_fit(pixels).transform(pixels)).all()


@pytest.mark.parametrize("role", ["encoder", "decoder", "discriminator"])
def test_a_network_may_return_another_precision(pixels, role):
    model = fast(max_epochs=1, **{role: Shifted}).fit(pixels)
    assert model.partial_fit(pixels).reconstruct(pixels).dtype == np.float64
    assert model.transform(pixels.astype(np.float32)).dtype == np.float32


def test_classifier_and_detector_take_a_network_of_one_precision(images):
    pixels, labels = images
    inner = fast(encoder=Recurrent)
    classifier = AAEClassifier(max_epochs=2, estimator=inner, random_state=0).fit(pixels, labels)
    assert classifier.predict(pixels).shape == labels.shape
    single = AAEOutlierDetector(estimator=fast(encoder=Recurrent), random_state=0).fit(pixels)
    assert np.isfinite(single.score_samples(pixels)).all()


@pytest.mark.parametrize("first", [nn.ReLU(inplace=True), nn.Dropout(0.3, inplace=True)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_first_layer_in_place_changes_nobodys_rows(pixels, first, dtype):
    X = (pixels - 0.5).astype(dtype)
    before = X.copy()

    def network(n_in, n_out):
        return nn.Sequential(copy.deepcopy(first), nn.Linear(n_in, n_out))

    def outside(n_in, n_out):
        last = nn.Linear(n_in, n_out)
        kind = type(first)
        return nn.Sequential(kind(inplace=False) if kind is nn.ReLU else kind(0.3), last)

    settings = {"scaling": None, "max_epochs": 2}
    models = [fast(encoder=e, decoder=e, **settings).fit(X) for e in (network, outside)]
    in_place, plain = models
    codes = in_place.transform(X)
    np.testing.assert_array_equal(codes, plain.transform(X))
    np.testing.assert_array_equal(in_place.score_samples(X), plain.score_samples(X))
    before_codes = codes.copy()
    in_place.inverse_transform(codes)
    np.testing.assert_array_equal(codes, before_codes)
    np.testing.assert_array_equal(X, before)


class First(nn.Module):
    """Codes are the first columns: there is nothing to train."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out

    def forward(self, x):
        return x[:, : self.n_out]


def test_a_network_without_weights_is_one_that_stays(cancer):
    model = fast(encoder=First, max_epochs=3).fit(cancer[0]).partial_fit(cancer[0])
    assert model.n_iter_ == 4
    assert model.loss_curve_[-1] < model.loss_curve_[0]


class Transposed(nn.Module):
    """A decoder with the weights of an encoder."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.bias = layer, nn.Parameter(torch.zeros(layer.in_features))

    def forward(self, z):
        return z @ self.layer.weight + self.bias


@pytest.mark.parametrize("as_instances", [True, False])
def test_shared_weights_are_stepped_once(cancer, as_instances):
    layer = nn.Linear(30, 2)
    start = layer.weight.detach().clone()
    networks = {"encoder": layer, "decoder": Transposed(layer)}
    if not as_instances:
        networks = {
            "encoder": lambda n_in, n_out: layer,
            "decoder": lambda n_in, n_out: Transposed(layer),
        }
    settings = {"adversarial_weight": 0, "lr": 1e-3, "max_epochs": 1, "batch_size": 1000}
    model = fast(**networks, **settings).fit(cancer[0])
    assert model.encoder_.weight is model.decoder_.layer.weight
    # The first step of Adam is the learning rate whatever the gradient.
    step = (model.encoder_.weight - start).abs().median().item()
    assert step == pytest.approx(1e-3, rel=0.01)
    further = model.partial_fit(cancer[0])
    assert further.encoder_.weight is further.decoder_.layer.weight


@pytest.mark.parametrize("part", ["encoder", "discriminator", "decoder"])
def test_a_part_can_be_frozen_by_a_callback_or_by_hand(cancer, part):
    model = fast(callbacks=[Freezer(f"{part}*")], max_epochs=2).fit(cancer[0])
    assert model.n_iter_ == 2
    by_hand = fast(max_epochs=1).fit(cancer[0])
    network = getattr(by_hand, f"{part}_").requires_grad_(False)
    weights = [parameter.clone() for parameter in network.parameters()]
    by_hand.partial_fit(cancer[0])
    kept = getattr(by_hand, f"{part}_").parameters()
    assert all(map(torch.equal, kept, weights))


def test_all_parts_can_be_frozen_after_fit(cancer):
    model = fast(max_epochs=1).fit(cancer[0])
    model.net_.module_.requires_grad_(False)
    codes = model.transform(cancer[0])
    np.testing.assert_array_equal(model.partial_fit(cancer[0]).transform(cancer[0]), codes)


@pytest.mark.parametrize("score", ["transform", "score_samples"])
def test_weights_written_through_data_count(cancer, score):
    X = cancer[0]
    model, other = fast(random_state=0).fit(X), fast(random_state=1).fit(X)
    getattr(model, score)(X)
    modules = model.net_.module_, other.net_.module_
    for mine, theirs in zip(*(module.parameters() for module in modules), strict=True):
        mine.data.copy_(theirs.data)
    for mine, theirs in zip(*(module.buffers() for module in modules), strict=True):
        mine.data.copy_(theirs.data)
    np.testing.assert_array_equal(getattr(model, score)(X), getattr(other, score)(X))


def forward(function):
    """Return a class of networks of one linear layer, with a forward pass of one's own."""

    class Network(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.layer, self.norm = nn.Linear(n_in, n_out), nn.BatchNorm2d(n_out)

    Network.forward = function
    return Network


BAD = {
    "a pair": (forward(lambda self, x: (self.layer(x), self.layer(x))), TypeError),
    "whole numbers": (forward(lambda self, x: self.layer(x).long()), TypeError),
    "an index": (forward(lambda self, x: self.layer(x)[:, [0, 99]]), ValueError),
    "an argument": (forward(lambda self, x, mask: self.layer(x)), ValueError),
    "a shape": (forward(lambda self, x: self.norm(self.layer(x))), ValueError),
    "a name": (forward(lambda self, x: self.missing(x)), ValueError),
    "a constructor": (lambda width: nn.Linear(30, width), ValueError),
}


@pytest.mark.parametrize("role", ["encoder", "decoder", "discriminator"])
@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_network_is_said_in_its_name(cancer, role, name):
    network, error = BAD[name]
    with pytest.raises(error, match=rf"^{role} must .*n"):
        fast(**{role: network}).fit(cancer[0])


def test_a_module_that_cannot_be_copied_is_named(cancer):
    network = nn.Linear(30, 2)
    network.generator = (each for each in ())
    with pytest.raises(ValueError, match=r"^encoder is a module that cannot be copied"):
        fast(encoder=network).fit(cancer[0])
