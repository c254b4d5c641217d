"""Codes come in the order of what they explain, and the networks stay what they were."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.priors import Gaussian
from sklearn_aae.training import _explained as explained_module
from sklearn_aae.training._explained import Explained
from sklearn_aae.training._ordering import can_order, order_codes
from tests.instances import fast

ORDER = [2, 0, 1]
SHARES = np.array([0.3, 0.1, 0.5])  # of codes in an order whose falling one is ORDER


class Reverse(Callback):
    """Turns the order of codes round before training."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        order_codes(net, np.arange(net.module_.n_components))


def untrained(**parameters):
    settings = {"n_components": 3, "init": "pca", "max_epochs": 1, "lr": 1e-12, **parameters}
    return fast(**settings)


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal", "channel"])
@pytest.mark.parametrize("prior", [Gaussian(2.0), "uniform"])
def test_a_fit_ends_with_the_order_that_a_part_of_one_keeps(cancer, posterior, prior):
    if posterior == "channel":
        prior = "gaussian"
    X = cancer[0][:200]
    expected = untrained(posterior=posterior, prior=prior).fit(X)
    turned = untrained(posterior=posterior, prior=prior, callbacks=[Reverse()])
    codes = expected.transform(X)
    np.testing.assert_allclose(turned.partial_fit(X).transform(X), codes[:, ::-1], atol=1e-6)
    assert turned.explained_ratio_[0] < turned.explained_ratio_[1] / 2
    np.testing.assert_allclose(turned.fit(X).transform(X), codes, atol=1e-6)
    np.testing.assert_allclose(turned.explained_ratio_, expected.explained_ratio_, atol=1e-6)
    assert (np.diff(expected.explained_ratio_, prepend=0) > 0).all()


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal", "channel"])
@pytest.mark.parametrize("supervision", [None, "decoder"])
def test_another_order_is_the_same_model(cancer, posterior, supervision):
    X, y = cancer[0][:120], cancer[1][:120]
    model = fast(n_components=3, init="pca", posterior=posterior, supervision=supervision)
    model.fit(X, y)
    turned = copy.deepcopy(model)
    order_codes(turned.net_, SHARES)
    codes, module = model.transform(X), turned.net_.module_
    np.testing.assert_allclose(turned.transform(X), codes[:, ORDER], atol=1e-6)
    labels = y if supervision else None
    np.testing.assert_allclose(
        turned.reconstruct(X, y=labels), model.reconstruct(X, y=labels), rtol=1e-4, atol=1e-3
    )
    seen = torch.as_tensor(codes, dtype=torch.float32)
    classes = None if labels is None else torch.as_tensor(y)
    logits = [
        net.module_.discriminator(net.module_.discriminator_inputs(z, classes))
        for net, z in ((model.net_, seen), (turned.net_, seen[:, ORDER]))
    ]
    torch.testing.assert_close(*logits)
    if posterior == "gaussian":
        x, noise = torch.randn(2, 5, 30), torch.randn(5, 3)
        draws = model.net_.module_.encode(x[0], noise)[:, ORDER]
        torch.testing.assert_close(module.encode(x[0], noise[:, ORDER]), draws)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_training_goes_on_as_in_the_other_order(cancer, optimizer):
    X = cancer[0][:120]
    options = {"optimizer": optimizer}
    if optimizer is torch.optim.SGD:
        options["optimizer__momentum"] = 0.9
    model = fast(n_components=3, init="pca", adversarial_weight=0, lr=2e-2, net_params=options)
    model.fit(X)
    turned = copy.deepcopy(model)
    order_codes(turned.net_, SHARES)
    before = model.transform(X)
    for each in (model, turned):
        each.partial_fit(X)
    assert np.abs(model.transform(X) - before).max() > 1e-2
    np.testing.assert_allclose(
        turned.transform(X), model.transform(X)[:, ORDER], rtol=1e-3, atol=1e-4
    )


class OwnPrior(Gaussian):
    """A prior that may tell components apart."""


@pytest.mark.parametrize(
    "parameters",
    [
        {"init": "random"},
        {"prior": "mixture"},
        {"prior": OwnPrior()},
        {"encoder": lambda n_in, n_out: nn.Linear(n_in, n_out)},
        {
            "discriminator": lambda n_in, n_out: nn.Sequential(
                nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out)
            )
        },
        {"net_params": {"optimizer": torch.optim.Adafactor}},
    ],
    ids=["random", "mixture", "own prior", "own encoder", "own discriminator", "factored state"],
)
def test_the_order_stays_where_something_else_may_depend_on_it(cancer, parameters):
    model = fast(**{"n_components": 3, "init": "pca", **parameters}).fit(cancer[0][:60])
    assert not can_order(model.net_)
    assert can_order(untrained().fit(cancer[0][:60]).net_)


def test_shares_take_a_bounded_number_of_rows_through_the_decoder(cancer, monkeypatch):
    model = AdversarialAutoencoder(8, max_epochs=1, random_state=0).fit(cancer[0])
    module = model.net_.module_
    sizes = []
    module.decoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    x = torch.randn(569, 30)
    whole = Explained(module, x, None, 2048).by_first_codes()
    assert sizes == [8 * 128]
    sizes.clear()
    few = Explained(module, x, None, 160).by_first_codes()
    assert sizes == [128] * 4  # 64 rows at least, two components at a time
    monkeypatch.setattr(explained_module, "LEAST_ROWS", 128)
    np.testing.assert_allclose(Explained(module, x, None, 256).by_first_codes(), whole, atol=1e-6)
    assert few.shape == whole.shape == (8,)
