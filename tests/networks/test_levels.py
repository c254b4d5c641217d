"""First layers over levels, and the networks that are built for a table of levels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae._utils._random import make_generator
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.networks._levels import LevelReader, OneHot
from sklearn_aae.outputs import Autoregressive, Gaussian, Independent, TableFacts
from sklearn_aae.posteriors import Channel, Deterministic, as_posterior
from sklearn_aae.posteriors._channel import CodeNorm
from sklearn_aae.priors import as_prior
from tests.level_layouts import layout_with_digits

LAYOUT = layout_with_digits()
N_VALUES = int(LAYOUT.digit_sizes.sum())
ROWS = torch.tensor([[0, 7, 6, 1], [2, 0, 8, 0], [-1, 3, 3, -1], [1, -1, -1, 0]])


def one_hot(rows):
    """Return zeros and ones, cell by cell."""
    out = np.zeros((len(rows), N_VALUES))
    offsets = np.cumsum(LAYOUT.digit_sizes) - LAYOUT.digit_sizes
    for i, row in enumerate(rows.tolist()):
        for offset, value in zip(offsets, row, strict=True):
            if value >= 0:
                out[i, offset + value] = 1
    return out


def test_one_hot_rows():
    layer = OneHot(LAYOUT)
    assert layer.width == N_VALUES
    np.testing.assert_array_equal(layer(ROWS), one_hot(ROWS))
    assert layer(ROWS).dtype == torch.float32
    assert layer.double()(ROWS).dtype == torch.float64


def test_the_reader_is_a_linear_layer_on_one_hot_digits():
    reader = LevelReader(LAYOUT, 5, make_generator(0))
    nn.init.normal_(reader.bias, generator=make_generator(1))
    weights = reader.vectors.table()[:-1].detach().numpy()
    expected = one_hot(ROWS) @ weights + reader.bias.detach().numpy()
    np.testing.assert_allclose(reader(ROWS).detach(), expected, atol=1e-5)


def test_hidden_cells_add_nothing():
    reader = LevelReader(LAYOUT, 5, make_generator(0))
    nothing = torch.full((1, 4), -1)
    torch.testing.assert_close(reader(nothing)[0], reader.bias)


def test_the_reader_starts_on_the_scale_of_one():
    reader = LevelReader(LAYOUT, 4000, make_generator(0))
    assert 0.5 < float(reader(ROWS[:2]).detach().std()) < 2.5


def builder(**parameters):
    table = TableFacts(100, LAYOUT.n_levels == 1, LAYOUT)
    defaults = {
        "table": table,
        "n_components": 3,
        "prior": as_prior("gaussian", 3),
        "posterior": Channel(),
        "output": Autoregressive(hidden_size=7),
        "hidden_layer_sizes": (11, 6),
        "discriminator_layer_sizes": (5,),
        "activation": "gelu",
        "seed": 0,
    }
    return ModuleBuilder(**{**defaults, **parameters})


def kinds(network):
    return [type(layer) for layer in network]


def test_the_default_networks_of_a_table_of_levels():
    module = builder()()
    gelu = nn.GELU
    assert kinds(module.encoder) == [LevelReader, gelu, nn.Linear, gelu, nn.Linear, CodeNorm]
    assert module.encoder[0].bias.shape == (11,)
    assert [layer.out_features for layer in module.encoder if type(layer) is nn.Linear] == [6, 3]
    assert [layer.out_features for layer in module.decoder if type(layer) is nn.Linear] == [
        6,
        11,
        7,
    ]
    assert module.encoder(ROWS).shape == (4, 3)
    assert module(ROWS).shape == (4, 7)
    assert module.head.cell_losses(module(ROWS), ROWS.clamp(min=0)).shape == (4, 3)


def test_without_hidden_layers_the_reader_gives_the_code():
    module = builder(hidden_layer_sizes=(), posterior=Deterministic())()
    assert kinds(module.encoder) == [LevelReader]
    assert module.encoder(ROWS).shape == (4, 3)


@pytest.mark.parametrize("name", ["deterministic", "gaussian", "channel"])
@pytest.mark.parametrize("output", [Autoregressive(hidden_size=7), Independent(hidden_size=7)])
def test_posteriors_and_outputs_go_together(name, output):
    posterior = as_posterior(name)
    module = builder(posterior=posterior, output=output)()
    h = module.encoder(ROWS)
    assert h.shape == (4, posterior.n_outputs(3))
    assert isinstance(module.encoder[-1], CodeNorm) == (name == "channel")


def test_the_same_seed_builds_the_same_networks_and_another_others():
    first, same, other = (builder(seed=seed)().state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    for part in ("encoder.0.vectors.free", "decoder.0.weight", "head.weight_2"):
        assert not torch.equal(first[part], other[part])


def test_a_users_encoder_reads_one_hot_rows_and_ends_in_the_posteriors_tail():
    mine = nn.Sequential(nn.Linear(N_VALUES, 4), nn.ReLU(), nn.Linear(4, 3))
    module = builder(encoder=mine)()
    assert kinds(module.encoder) == [OneHot, nn.Sequential, CodeNorm]
    assert module.encoder[1] is not mine
    rows = torch.tensor(one_hot(ROWS), dtype=torch.float32)
    expected = mine(rows)
    expected = (expected - expected.mean(dim=0)) / (expected.var(dim=0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(module.encoder.train()(ROWS), expected)


def test_the_tail_is_put_behind_any_encoder():
    class Own(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.layer = nn.Linear(n_in, n_out)

        def forward(self, x):
            return self.layer(x)

    module = builder(encoder=Own)()
    assert kinds(module.encoder) == [OneHot, Own, CodeNorm]
    numbers = builder(
        table=TableFacts(100, np.zeros(5, dtype=bool)), output=Gaussian(), encoder=Own
    )()
    assert kinds(numbers.encoder) == [Own, CodeNorm]
    assert numbers.encoder(torch.randn(8, 5)).shape == (8, 3)


def test_a_users_decoder_gets_the_width_of_the_head():
    seen = {}

    def decoder(n_in, n_out):
        seen["widths"] = n_in, n_out
        return nn.Linear(n_in, n_out)

    assert kinds([builder(decoder=decoder)().decoder]) == [nn.Linear]
    assert seen["widths"] == (3, 7)
    with pytest.raises(ValueError, match=r"decoder must map .* to \(n, 7\)"):
        builder(decoder=nn.Linear(3, 8))()
