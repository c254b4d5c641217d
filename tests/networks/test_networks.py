"""The networks that the package builds, and the module that holds them."""

from __future__ import annotations

import math

import pytest
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.networks import ACTIVATIONS, mlp
from tests.instances import fast


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(), (5,), (8, 3)])
def test_a_perceptron_has_the_widths_asked_for(activation, sizes):
    network = mlp(7, sizes, 2, ACTIVATIONS[activation], make_generator(0))
    assert network(torch.randn(4, 7, generator=make_generator(1))).shape == (4, 2)
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [*sizes, 2]
    # The last layer is linear: codes and logits are not bounded.
    assert network[-1] is linear[-1]


def test_weights_come_from_the_generator_and_have_torchs_distribution():
    first, same, other = (
        mlp(400, (300,), 1, torch.nn.ReLU, make_generator(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first[0].weight, same[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
    bound = 1 / math.sqrt(400)
    for values in (first[0].weight, first[0].bias):
        assert values.abs().max() <= bound
        assert values.detach().std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_the_decoder_mirrors_the_encoder(cancer):
    model = fast(hidden_layer_sizes=(20, 10), discriminator_layer_sizes=(7,)).fit(cancer[0])

    def widths(network):
        return [layer.out_features for layer in network if isinstance(layer, torch.nn.Linear)]

    assert widths(model.encoder_) == [20, 10, 2]
    assert widths(model.decoder_) == [10, 20, 30]
    assert widths(model.discriminator_) == [7, 1]


def test_parameters_own_their_storage(cancer):
    model = fast().fit(cancer[0])
    for parameter in model.net_.module_.parameters():
        assert parameter.untyped_storage().nbytes() == parameter.numel() * 4
