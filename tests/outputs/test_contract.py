"""What every output must do; a new output is one line in OUTPUTS_UNDER_TEST."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_aae import outputs
from sklearn_aae._utils._random import make_generator
from sklearn_aae.outputs import OUTPUTS, TableFacts, as_output
from tests.level_layouts import small_layout

NO_CONSTANT = np.zeros(3, dtype=bool)
NUMBERS = TableFacts(n_samples=500, constant=NO_CONSTANT)
LEVELS = TableFacts(n_samples=500, constant=NO_CONSTANT, layout=small_layout())
OUTPUTS_UNDER_TEST = {
    "gaussian": as_output("gaussian"),
    "learned": outputs.Gaussian("learned"),
    "bernoulli": as_output("bernoulli"),
    "independent": outputs.Independent(hidden_size=8),
    "autoregressive": outputs.Autoregressive(hidden_size=8),
}


def test_every_output_is_under_test():
    assert {type(output) for output in OUTPUTS_UNDER_TEST.values()} == set(OUTPUTS.values())


@pytest.fixture(params=OUTPUTS_UNDER_TEST)
def output(request):
    return OUTPUTS_UNDER_TEST[request.param]


@pytest.fixture
def head(output):
    return output.build(table_of(output), make_generator(3))


def table_of(output):
    return LEVELS if output.reads_levels else NUMBERS


def build(output, constant=NO_CONSTANT):
    return output.build(TableFacts(500, constant), make_generator(0))


def params_for(n, width=3):
    return torch.randn(n, width, generator=make_generator(0)).requires_grad_()


def rows_for(output, n):
    if not output.reads_levels:
        return torch.full((n, 3), 0.25)
    rng = np.random.default_rng(0)
    return torch.as_tensor(rng.integers(0, LEVELS.layout.digit_sizes, (n, 3)))


def test_a_cell_has_a_loss_and_a_gradient(output, head):
    params = params_for(7, output.n_params(table_of(output)))
    losses = head.cell_losses(params, rows_for(output, 7))
    assert losses.shape == (7, 3)
    assert losses.isfinite().all()
    losses.sum().backward()
    reached = params.grad != 0
    # Of rectified units some are silent, and their input is shared by the columns.
    assert (reached.any(dim=1) if output.reads_levels else reached).all()


def test_rows_do_not_depend_on_other_rows(output, head):
    params = params_for(7, output.n_params(table_of(output))).detach()
    rows = rows_for(output, 7)
    whole = head.cell_losses(params, rows)
    torch.testing.assert_close(head.cell_losses(params[2:3], rows[2:3]), whole[2:3])
    torch.testing.assert_close(head.mean(params)[2:3], head.mean(params[2:3]))


def test_draws_and_means_are_rows(output, head):
    params = params_for(50, output.n_params(table_of(output))).detach()
    for rows in (head.mean(params), head.draw(params, make_generator(0))):
        assert rows.shape == (50, 3)
        assert head.cell_losses(params, rows).isfinite().all()
        if output.reads_levels:
            assert rows.dtype == torch.int64
            assert (rows >= 0).all()
            assert (rows < torch.as_tensor(LEVELS.layout.digit_sizes)).all()


def test_draws_follow_the_generator(output, head):
    params = params_for(20, output.n_params(table_of(output))).detach()
    first = head.draw(params, make_generator(1))
    assert torch.equal(first, head.draw(params, make_generator(1)))
    assert not torch.equal(first, head.draw(params, make_generator(2)))


def test_training_draws_follow_the_generator(output, head):
    rows = rows_for(output, 64)
    spread = np.ones(3)
    first = head.corrupt(rows, 0.3, spread, make_generator(1))
    assert torch.equal(first, head.corrupt(rows, 0.3, spread, make_generator(1)))
    assert not torch.equal(first, head.corrupt(rows, 0.3, spread, make_generator(2)))
    params = params_for(64, output.n_params(table_of(output))).detach()
    masks = head.draw_dropout_masks(64, make_generator(1))
    assert head.training_losses(params, rows, masks).shape == (64, 3)
    if masks is None:
        assert torch.equal(head.training_losses(params, rows, None), head.cell_losses(params, rows))


def test_heads_are_the_same_for_the_same_generator(output, head):
    again = output.build(table_of(output), make_generator(3)).state_dict()
    other = output.build(table_of(output), make_generator(4)).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in head.state_dict().items())
    same = all(torch.equal(value, other[name]) for name, value in head.state_dict().items())
    assert same == (not output.reads_levels)


@pytest.fixture(params=["gaussian", "learned", "bernoulli"])
def number_head(request):
    return build(OUTPUTS_UNDER_TEST[request.param])


def test_the_loss_is_least_at_the_mean(number_head):
    params = params_for(50).detach()
    target = number_head.mean(params)
    best = number_head.cell_losses(params, target)
    assert (best < number_head.cell_losses(params + 1.0, target)).all()
    assert (best < number_head.cell_losses(params - 1.0, target)).all()


def test_draws_average_to_the_mean(number_head):
    params = params_for(1).detach()
    draws = number_head.draw(params.repeat(40_000, 1), make_generator(1))
    np.testing.assert_allclose(draws.mean(dim=0), number_head.mean(params)[0], atol=0.03)


def test_unit_gaussian_is_the_squared_error():
    head = build(as_output("gaussian"))
    params, x = params_for(4).detach(), torch.ones(4, 3)
    torch.testing.assert_close(head.cell_losses(params, x), (params - x) ** 2)


def test_learned_gaussian_is_a_negative_log_density():
    head = build(outputs.Gaussian("learned"))
    with torch.no_grad():
        head.raw_scale.copy_(torch.tensor([0.0, -0.1, 0.05]))
    params, x = params_for(4).detach(), torch.ones(4, 3)
    scale = np.exp([0.0, -1.0, 0.5])
    expected = -stats.norm(params.numpy(), scale).logpdf(x.numpy())
    np.testing.assert_allclose(head.cell_losses(params, x).detach(), expected, rtol=1e-5)


def test_bernoulli_is_a_negative_log_probability():
    head = build(as_output("bernoulli"))
    params, x = params_for(4).detach(), torch.tensor([[0.0, 1.0, 1.0]]).repeat(4, 1)
    expected = -stats.bernoulli(torch.sigmoid(params).numpy()).logpmf(x.numpy())
    np.testing.assert_allclose(head.cell_losses(params, x), expected, rtol=1e-5)


def test_calibration_finds_the_noise():
    head = build(as_output("gaussian"))
    params = torch.zeros(20_000, 3)
    scale = torch.tensor([0.1, 1.0, 3.0])
    head.calibrate(params, params + scale * torch.randn(20_000, 3, generator=make_generator(0)))
    torch.testing.assert_close(head.noise, scale, rtol=0.03, atol=0)


def test_a_constant_column_is_its_value_whatever_the_decoder_says():
    head = build(as_output("gaussian"), np.array([False, True, False]))
    params = params_for(5).detach()
    assert (head.mean(params)[:, 1] == 0).all()
    assert (head.draw(params, make_generator(0))[:, 1] == 0).all()


@pytest.mark.parametrize(
    "output, error, message",
    [
        ("poisson", ValueError, "output='poisson' is not known; choose from"),
        (7, TypeError, "output must be one of"),
    ],
)
def test_bad_outputs_are_named(output, error, message):
    with pytest.raises(error, match=message):
        as_output(output)


def test_bad_variance_is_named():
    with pytest.raises(ValueError, match='variance must be "unit" or "learned"'):
        build(outputs.Gaussian("free"))


def test_bernoulli_refuses_other_ranges_and_names_the_column():
    with pytest.raises(ValueError, match=r"column 1 spans \[0, 16\]"):
        as_output("bernoulli").check(np.array([[0.0, 0.0], [1.0, 16.0]]))


def test_auto_is_gaussian_for_numbers_and_autoregressive_for_levels():
    assert type(as_output("auto")) is outputs.Gaussian
    assert type(as_output("auto", mixed=True)) is outputs.Autoregressive


@pytest.mark.parametrize("kind", [outputs.Autoregressive, outputs.Independent])
def test_widths_of_outputs_over_levels(kind):
    small, large = (TableFacts(n, NO_CONSTANT, small_layout()) for n in (1999, 2000))
    assert (kind().n_params(small), kind().n_params(large)) == (64, 128)
    assert kind(hidden_size=7).n_params(small) == 7
    heads = [kind().build(table, make_generator(0)) for table in (small, large)]
    assert [head.dropout for head in heads] == [0.3, 0.0]
    assert [head.has_parents for head in heads] == [kind is outputs.Autoregressive] * 2


@pytest.mark.parametrize("kind", [outputs.Autoregressive, outputs.Independent])
@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"hidden_size": 0}, 'hidden_size must be "auto" or a positive integer, got 0'),
        ({"hidden_size": "big"}, "hidden_size must be"),
        ({"hidden_size": 2.5}, "hidden_size must be"),
        ({"masking": 0.6}, "masking must be between 0 and 0.5, got 0.6"),
        ({"dropout": 1.0}, "dropout must be between 0 and 0.99"),
        ({"dropout": "some"}, "dropout must be"),
    ],
)
def test_bad_parameters_of_outputs_over_levels_are_named(kind, parameters, message):
    with pytest.raises(ValueError, match=message):
        kind(**parameters).build(LEVELS, make_generator(0))


@pytest.mark.parametrize("name, value", [("code_only", 1.1), ("parent_dropout", -0.1)])
def test_bad_shares_of_the_autoregressive_output_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be between 0"):
        outputs.Autoregressive(**{name: value}).build(LEVELS, make_generator(0))
