"""Conditional draws and filled cells against distributions that are enumerated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_aae._utils._random import make_generator
from sklearn_aae.autoencoder import _draws, _imputation
from sklearn_aae.autoencoder._draws import draw_within
from sklearn_aae.autoencoder._imputation import _centers, fill_levels
from sklearn_aae.encoding._layout import Layout
from sklearn_aae.networks import AAEModule
from sklearn_aae.posteriors import Channel, Deterministic
from sklearn_aae.priors import as_prior
from tests.level_layouts import (
    MANY,
    category,
    chi_square,
    head_of,
    layout_with_digits,
    number,
    place_of,
    row_probabilities,
    small_layout,
)

#: How a decoder turns a code into a context: the code decides much of the row.
DIRECTIONS = torch.tensor([[1.5, -2.0, 1.0, -0.7, 0.4]], dtype=torch.float64)


def decoder(z):
    return z.double() @ DIRECTIONS


class TwoCodes:
    """A prior that gives -1 three times in ten, else 1."""

    n_drawn = 0

    def sample(self, n, n_components, generator):
        self.n_drawn += n
        return torch.where(torch.rand(n, 1, generator=generator) < 0.3, -1.0, 1.0)


def probabilities(head):
    """Return the probability of every row under the two codes."""
    codes = torch.tensor([[-1.0], [1.0]])
    given = [row_probabilities(head, context) for context in decoder(codes)]
    return 0.3 * given[0] + 0.7 * given[1]


def module_of(head, *, prior, posterior=None, encoder=None):
    """Return a module with a decoder that is known."""
    return AAEModule(encoder, decoder, None, head, posterior, prior, n_components=1)


def drawn_within(head, shares, n, seed=0, prior=None):
    module = module_of(head, prior=prior or TwoCodes())
    return draw_within(module, head.layout, shares, n, make_generator(seed))


CONDITIONS = {
    "a value of the first column": {0: [0, 1]},
    "two values of the middle column": {1: [1, 0, 1, 0]},
    "a missing cell": {1: [0, 0, 0, 1]},
    "a value of the last column": {2: [0, 0, 1]},
    "parts of levels": {1: [0.2, 1, 0, 0.7], 2: [1, 0.5, 0]},
    "all columns": {0: [1, 0], 1: [0.1, 0, 1, 1], 2: [1, 0, 1]},
}


@pytest.mark.parametrize("has_parents", [True, False], ids=["autoregressive", "independent"])
@pytest.mark.parametrize("shares", CONDITIONS.values(), ids=CONDITIONS)
def test_draws_follow_the_conditional_distribution(shares, has_parents):
    head = head_of(small_layout(), has_parents=has_parents)
    shares = {column: np.array(share, float) for column, share in shares.items()}
    met = np.ones((2, 4, 3))
    for column, share in shares.items():
        met *= share.reshape([-1 if axis == column else 1 for axis in range(3)])
    expected = probabilities(head) * met.reshape(-1)
    rows = drawn_within(head, shares, 20_000)
    assert rows.shape == (20_000, 3)
    counts = np.bincount(place_of(head.layout, rows), minlength=24)
    assert chi_square(counts, expected) > 1e-3


def test_the_proposals_alone_would_be_another_distribution():
    # Else the test above could not see whether weights are used.
    head = head_of(small_layout())
    last = np.array([0.0, 0.0, 1.0])
    expected = (probabilities(head).reshape(8, 3) * last).reshape(-1)
    unweighted = np.zeros((8, 3))
    for p, context in zip((0.3, 0.7), decoder(torch.tensor([[-1.0], [1.0]])), strict=True):
        unweighted[:, 2] += p * row_probabilities(head, context).reshape(8, 3).sum(axis=1)
    counts = 20_000 * expected / expected.sum()
    assert chi_square(np.round(counts), unweighted.reshape(-1)) < 1e-12


def test_conditions_on_levels_in_several_digits():
    head = head_of(layout_with_digits(), sharpness=2.0)
    share = np.zeros(MANY)
    share[[3, 4, 30, MANY - 1]] = [1.0, 0.3, 1.0, 1.0]
    rows = drawn_within(head, {1: share}, 20_000)
    levels = head.layout.from_digits(rows.numpy())
    assert set(levels[:, 1]) == {3, 4, 30, MANY - 1}
    # Digits that say no level are left out of the model's own draws, digit by digit.
    expected = np.zeros((3, MANY, 2))
    for p, context in zip((0.3, 0.7), decoder(torch.tensor([[-1.0], [1.0]])), strict=True):
        rows_of = row_probabilities(head, context).reshape(3, 8, 9, 2)
        real = np.arange(72).reshape(8, 9) < MANY
        given_first = rows_of.sum(axis=(2, 3), keepdims=True)
        kept = (rows_of * real[:, :, None]).sum(axis=(2, 3), keepdims=True)
        renormalised = rows_of * real[:, :, None] * given_first / kept
        expected += p * renormalised.reshape(3, 72, 2)[:, :MANY] * share[:, None]
    place = np.ravel_multi_index(levels.T, (3, MANY, 2))
    counts = np.bincount(place, minlength=expected.size)
    assert chi_square(counts, expected.reshape(-1)) > 1e-3


def test_the_same_seed_draws_the_same_rows():
    head = head_of(small_layout())
    share = {2: np.array([0.0, 0.0, 1.0])}
    first = drawn_within(head, share, 500)
    assert torch.equal(first, drawn_within(head, share, 500))
    assert not torch.equal(first, drawn_within(head, share, 500, seed=1))


def head_with_a_rare_cause(first, others):
    """Return a head whose last column is 2 after a first one of 1, and hardly ever else.

    ``first`` is the logit of a first value of 1, ``others`` that of the last values 0 and 1.
    """
    head = head_of(small_layout(), has_parents=True)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
        head.bias_3[0, 0, 1] = first
        head.bias_3[2, 0, :2] = others
        # A hidden unit that is on after a first value of 1 if the code is 1.
        head.bias_1[2, 0, 0] = -4.5
        head.vectors.free[1, 0] = 4.0
        head.weight_2[2, 0, 0] = 1.0
        head.weight_3[2, 0, 2] = 2 * others + 10
    return head


LAST = {2: np.array([0.0, 0.0, 1.0])}


@pytest.mark.parametrize("n, most", [(1, 100_000), (300, 100_000), (1500, 150_000)])
def test_so_many_proposals_and_no_more(n, most):
    # The proposals may lack the cause; the others would do, if they were taken for all
    # there is, though hardly any row that meets the condition is like them.
    head, prior = head_with_a_rare_cause(-14.0, 18.0), TwoCodes()
    p = probabilities(head).reshape(2, 4, 3)[:, :, 2]
    assert p[1].sum() > 0.9 * p.sum()
    with pytest.raises(ValueError, match="conditions on 'c' are met too rarely") as caught:
        drawn_within(head, LAST, n, prior=prior)
    assert prior.n_drawn == most
    assert f"so that {most} proposals are too few for {n} rows" in str(caught.value)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_what_is_rare_takes_as_many_proposals_for_one_row_as_for_several(n):
    head, prior = head_with_a_rare_cause(-7.0, 18.0), TwoCodes()
    p = probabilities(head).reshape(2, 4, 3)[:, :, 2].sum()
    assert 1e-4 < p < 1e-3
    digits = drawn_within(head, LAST, n, prior=prior)
    assert (digits[:, 2] == 2).all()
    assert (digits[:, 0] == 1).all()
    assert prior.n_drawn > 5 / p


def test_what_few_proposals_lack_is_not_missed(monkeypatch):
    # Batches that are too small to hold a proposal of the kind that most rows are of.
    monkeypatch.setattr(_draws, "LEAST_ROWS", 20)
    monkeypatch.setattr(_draws, "MOST_ROWS", 20)
    head = head_with_a_rare_cause(-3.5, 5.5)
    p = probabilities(head).reshape(2, 4, 3)[:, :, 2]
    assert 0.01 < p[1].sum() < 0.025
    share = p[1].sum() / p.sum()
    assert 0.85 < share < 0.95
    n, few = 2000, 30
    found = float(drawn_within(head, LAST, n)[:, 0].double().mean())
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)
    several = [drawn_within(head, LAST, few, seed)[:, 0] for seed in range(40)]
    found = float(torch.cat(several).double().mean())
    assert found == pytest.approx(share, abs=0.05)


def test_what_is_common_takes_few_proposals():
    prior = TwoCodes()
    drawn_within(head_of(small_layout()), {0: np.array([1.0, 0.0])}, 3000, prior=prior)
    assert prior.n_drawn < 10 * 3000


# ------------------------------------------------------------------- missing cells


def filler(head, code=0.8, posterior=None):
    """Return a module whose encoder gives one code for every row."""
    return module_of(
        head,
        prior=as_prior("gaussian", 1),
        posterior=posterior or Channel(noise=0.8),
        encoder=lambda digits: torch.full((len(digits), 1), code),
    )


#: What is known (-1 for nothing): one cell, two cells, and two cells of later columns.
KNOWN = [[1, -1, -1], [-1, 1, -1], [-1, -1, 2], [0, -1, 1], [-1, 2, 0]]


def filled_by_enumeration(head, known):
    """Return the probability of every row given the known cells, none else missing."""
    # Codes of equal probability under the prior.
    codes = stats.norm.ppf((np.arange(1500) + 0.5) / 1500)
    contexts = decoder(torch.tensor(codes[:, None]))
    p = np.mean([row_probabilities(head, context) for context in contexts], axis=0)
    p = p.reshape(2, 4, 3)
    for column, value in enumerate(known):
        fits = np.arange(p.shape[column]) == value if value >= 0 else np.ones(p.shape[column])
        p = p * np.reshape(fits, [-1 if axis == column else 1 for axis in range(3)])
    if known[1] < 0:
        p[:, 3] = 0  # the missing level
    return p.reshape(-1) / p.sum()


@pytest.mark.parametrize("known", KNOWN, ids=str)
def test_filled_cells_follow_the_distribution_given_the_known_ones(known):
    # Importance sampling is exact for many draws.
    head = head_of(small_layout())
    n = 2000
    levels = fill_levels(
        filler(head),
        head.layout,
        np.tile(known, (n, 1)),
        n_draws=200,
        method="draw",
        generators=[make_generator(0)],
    )
    for column, value in enumerate(known):
        if value >= 0:
            assert (levels[:, column] == value).all()
    assert (levels[:, 1] != 3).all()
    counts = np.bincount(place_of(head.layout, levels), minlength=24)
    assert chi_square(counts, filled_by_enumeration(head, known)) > 1e-3


@pytest.mark.parametrize("known", KNOWN, ids=str)
def test_the_likeliest_category_is_filled_in(known):
    head = head_of(small_layout())
    levels = fill_levels(
        filler(head),
        head.layout,
        np.tile(known, (50, 1)),
        n_draws=400,
        method="mode",
        generators=[make_generator(0)],
    )
    p = filled_by_enumeration(head, known).reshape(2, 4, 3)
    for column in (0, 2):
        marginal = p.sum(axis=tuple({0, 1, 2} - {column}))
        best, second = np.sort(marginal)[:-3:-1]
        if best > second + 0.15:
            assert (levels[:, column] == marginal.argmax()).mean() > 0.9
    middle = np.searchsorted(p.sum(axis=(0, 2)).cumsum(), [0.35, 0.65])
    assert ((levels[:, 1] >= middle[0]) & (levels[:, 1] <= middle[1])).mean() > 0.9


@pytest.mark.parametrize("code", [-2.5, 2.5])
def test_draws_are_right_where_the_encoder_is_wrong(code, monkeypatch):
    """Codes of the prior make up for a posterior that has next to none of the right ones."""
    head, known = head_of(small_layout()), [-1, -1, 2]
    exact = filled_by_enumeration(head, known).reshape(2, 4, 3).sum(axis=(0, 2))
    distances = []
    for share in (0.0, _imputation.PRIOR_SHARE):
        monkeypatch.setattr(_imputation, "PRIOR_SHARE", share)
        levels = fill_levels(
            filler(head, code=code, posterior=Channel(noise=0.3)),
            head.layout,
            np.tile(known, (4000, 1)),
            n_draws=50,
            method="draw",
            generators=[make_generator(0)],
        )
        distances.append(np.abs(np.bincount(levels[:, 1], minlength=4) / 4000 - exact).max())
    assert distances[0] > 0.1
    assert distances[1] < 0.04


def test_a_posterior_of_unknown_density_still_weighs_the_known_cells():
    head = head_of(small_layout())
    levels = fill_levels(
        filler(head, posterior=Deterministic()),
        head.layout,
        np.tile([-1, -1, 2], (3000, 1)),
        n_draws=200,
        method="draw",
        generators=[make_generator(0)],
    )
    p = row_probabilities(head, decoder(torch.tensor([[0.8]]))[0]).reshape(2, 4, 3)
    p[:, 3] = 0
    expected = np.zeros((2, 4, 3))
    expected[:, :, 2] = p[:, :, 2]
    counts = np.bincount(place_of(head.layout, levels), minlength=24)
    assert chi_square(counts, expected.reshape(-1)) > 1e-3


def test_rows_are_filled_alike_in_one_batch_and_in_many(monkeypatch):
    head = head_of(small_layout())
    rows = np.array(list(itertools.product([0, -1], [0, 2, -1], [0, 1, -1])))
    sizes = []
    for most in (_imputation.MOST_ROWS, 64):
        monkeypatch.setattr(_imputation, "MOST_ROWS", most)
        levels = fill_levels(
            filler(head),
            head.layout,
            rows,
            n_draws=16,
            method="mode",
            generators=[make_generator(0)],
        )
        assert ((levels == rows) | (rows < 0)).all()
        sizes.append(levels.shape)
    assert sizes == [(18, 3)] * 2


def test_centers_are_weighted_medians_and_votes():
    layout = Layout((number("x", 9), category("y", 4)))
    rng = np.random.default_rng(0)
    levels = np.stack([rng.integers(0, 9, (200, 7)), rng.integers(0, 4, (200, 7))], axis=2)
    log_weights = torch.as_tensor(rng.normal(size=(200, 7)))
    medians, votes = _centers(layout, levels, log_weights, "mode")
    for i in range(200):
        for power, column, center in (
            (_imputation.AXIS_TEMPER, 0, medians[i]),
            (_imputation.CATEGORY_TEMPER, 1, votes[i]),
        ):
            weights = np.exp(power * log_weights[i].numpy())
            drawn = levels[i, :, column]
            if column == 0:
                assert weights[drawn < center].sum() < weights.sum() / 2
                assert weights[drawn <= center].sum() >= weights.sum() / 2 * (1 - 1e-12)
            else:
                mass = np.bincount(drawn, weights, minlength=4)
                assert mass[center] == pytest.approx(mass.max())


def test_a_column_that_is_always_missing_stays_so():
    layout = Layout((category("a", 2), category("empty", 0, n_missing=3)))
    head = head_of(layout)
    levels = fill_levels(
        filler(head),
        layout,
        np.array([[0, -1], [-1, -1]]),
        n_draws=8,
        method="draw",
        generators=[make_generator(0)],
    )
    assert levels[0].tolist() == [0, 0]
    assert levels[1, 1] == 0
