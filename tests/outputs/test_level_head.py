"""The head over levels: losses by formula, draws by frequency, what training leaves out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sklearn_aae._utils._random import make_generator
from sklearn_aae.encoding._layout import Layout, make_span
from sklearn_aae.outputs._constraints import Constraints
from sklearn_aae.outputs._digits import N_PIECES, DigitVectors, rank_basis
from sklearn_aae.outputs._level_head import MIN_ENTROPY
from sklearn_aae.outputs._level_shares import MOST_FACTOR, matching_shift
from tests.level_layouts import (
    MANY,
    all_rows,
    category,
    chi_square,
    contexts,
    head_of,
    layout_with_digits,
    number,
    place_of,
    row_probabilities,
    small_layout,
)

LAYOUTS = {"three columns": small_layout, "several digits": layout_with_digits}


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]()


@pytest.fixture(params=[True, False], ids=["autoregressive", "independent"])
def head(request, layout):
    return head_of(layout, has_parents=request.param)


def random_rows(layout, n=40, seed=3):
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.integers(0, layout.digit_sizes, (n, layout.n_digits)))


# ------------------------------------------------------------------------ losses


def losses_by_formula(head, context, row):
    """Return the losses of a row's digits, step by step in numpy."""
    value = {name: tensor.numpy() for name, tensor in head.state_dict().items()}
    bases = rank_basis(head.layout)
    offsets = np.cumsum(head.layout.digit_sizes) - head.layout.digit_sizes
    losses = []
    for j, size in enumerate(head.layout.digit_sizes):
        h = context + value["bias_1"][j, 0]
        for i in range(j if head.has_parents else 0):
            h = h + value["vectors.free"][offsets[i] + row[i]]
            h = h + bases[i][row[i]] @ value["vectors.ranked"][i]
        h = np.maximum(h, 0) @ value["weight_2"][j] + value["bias_2"][j, 0]
        last = value["weight_3"][j][:, :size] + value["rank_3"][j] @ bases[j].T
        logits = np.maximum(h, 0) @ last + value["bias_3"][j, 0, :size]
        losses.append(np.log(np.exp(logits).sum()) - logits[row[j]])
    return np.array(losses)


def test_losses_are_those_of_the_formula(head):
    rows, context = random_rows(head.layout), contexts(40)
    losses = head.cell_losses(context, rows).detach().numpy()
    assert losses.shape == (40, head.layout.n_columns)
    for i in range(40):
        digits = losses_by_formula(head, context[i].numpy(), rows[i].numpy())
        columns = np.bincount(head.layout.column_of_digit, digits)
        np.testing.assert_allclose(losses[i], columns, rtol=1e-5)  # ranks are float32


def test_losses_of_wide_tables_are_those_of_the_formula_too():
    head = head_of(Layout(tuple(category(str(j), 3) for j in range(70))), sharpness=1.0)
    rows, context = random_rows(head.layout, 3), contexts(3)
    losses = head.cell_losses(context, rows).detach().numpy()
    for i in range(3):
        expected = losses_by_formula(head, context[i].numpy(), rows[i].numpy())
        np.testing.assert_allclose(losses[i], expected, rtol=1e-5)


def test_work_and_memory_grow_with_the_columns_and_not_with_their_square():
    work, size = [], []
    for n_columns in (96, 192):
        head = head_of(Layout(tuple(category(str(j), 3) for j in range(n_columns))))
        with FlopCounterMode(display=False) as counted:
            head.cell_losses(contexts(8), random_rows(head.layout, 8)).sum().backward()
        work.append(counted.get_total_flops())
        size.append(sum(tensor.numel() for tensor in head.state_dict().values()))
    assert 1.9 * work[0] < work[1] < 2.1 * work[0]
    assert 1.9 * size[0] < size[1] < 2.1 * size[0]


def test_probabilities_of_all_rows_add_up_to_one(head):
    for context in contexts(3):
        assert row_probabilities(head, context).sum() == pytest.approx(1, abs=1e-9)


def test_columns_depend_on_those_before_them_and_on_no_others(head):
    layout = head.layout
    context, rows = contexts(40), random_rows(layout)
    losses = head.cell_losses(context, rows)
    for changed in range(layout.n_columns):
        other = rows.clone()
        mine = torch.as_tensor(layout.column_of_digit == changed)
        other[:, mine] = random_rows(layout, seed=4)[:, mine]
        difference = (head.cell_losses(context, other) - losses).abs().amax(dim=0)
        assert (difference[:changed] == 0).all()
        assert difference[changed] > 0
        assert ((difference[changed + 1 :] > 1e-6) == head.has_parents).all()


def test_every_column_depends_on_the_code(head):
    rows = random_rows(head.layout)
    one, other = (head.cell_losses(contexts(40, seed=seed), rows) for seed in (1, 2))
    assert ((one - other).abs().amax(dim=0) > 1e-3).all()


@pytest.mark.parametrize("has_parents", [True, False])
def test_gradients_reach_every_weight_and_the_code(layout, has_parents):
    head = head_of(layout, width=24, has_parents=has_parents)
    context = contexts(200, width=24).requires_grad_()
    head.cell_losses(context, random_rows(head.layout, 200)).sum().backward()
    assert (context.grad.abs().sum(dim=1) > 0).all()
    for name, parameter in head.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


# ------------------------------------------------------------------------- draws


@pytest.mark.parametrize("has_parents", [True, False])
def test_draws_follow_the_probabilities(has_parents):
    head = head_of(small_layout(), has_parents=has_parents)
    context = contexts(1)[0]
    with torch.no_grad():
        drawn = head.draw(context.expand(20_000, -1), make_generator(5))
    expected = row_probabilities(head, context)
    counts = np.bincount(place_of(head.layout, drawn), minlength=len(expected))
    assert chi_square(counts, expected) > 1e-3
    # The test sees a small change of the probabilities.
    assert chi_square(counts, expected**0.9) < 1e-6


def digitwise(head, context):
    """Return the probabilities of rows where each digit is drawn among those that are real."""
    rows, layout = all_rows(head.layout), head.layout
    levels = rows[:, 1] * layout.digit_sizes[2] + rows[:, 2]
    with torch.no_grad():
        losses = head._digit_losses(context.expand(len(rows), -1), rows)
    p = np.exp(-losses.numpy())
    second = p[:, 2].reshape(3, 8, 9, 2)
    real = (levels < MANY).numpy().reshape(3, 8, 9, 2)
    second = second * real / (second * real).sum(axis=2, keepdims=True)
    return p[:, 0] * p[:, 1] * second.reshape(-1) * p[:, 3]


@pytest.mark.parametrize("has_parents", [True, False])
def test_draws_of_several_digits_follow_the_probabilities(has_parents):
    head = head_of(layout_with_digits(), has_parents=has_parents, sharpness=2.0)
    context = contexts(1)[0]
    with torch.no_grad():
        drawn = head.draw(context.expand(40_000, -1), make_generator(5))
    expected = digitwise(head, context)
    assert expected.sum() == pytest.approx(1)
    counts = np.bincount(place_of(head.layout, drawn), minlength=len(expected))
    assert chi_square(counts, expected) > 1e-3


def test_digits_that_stand_for_no_level_are_never_drawn():
    head = head_of(layout_with_digits())
    with torch.no_grad():
        head.bias_3[1, 0, 7] += 30  # the last first digit, of whose nine rows
        head.bias_3[2, 0, 7:] += 30  # two stand for nothing
        params = contexts(2000)
        conditions = {0: np.array([0.0, 1.0, 1.0])}
        rows = {
            "draw": head.draw(params, make_generator(0)),
            "mean": head.mean(params),
            "draw_within": head.draw_within(
                params, make_generator(0), Constraints(head.layout, conditions)
            )[0],
        }
    for name, digits in rows.items():
        levels = digits[:, 1] * 9 + digits[:, 2]
        assert (digits[:, 1] == 7).all(), name
        assert levels.max() < MANY, name
    assert len(rows["draw"].unique(dim=0)) > 7


def level_probabilities(head, params, centers, column):
    """Return the probabilities of a column's levels given its row's centers before it."""
    span = head.layout.spans[column]
    mine = np.flatnonzero(head.layout.column_of_digit == column)
    values = torch.tensor(list(itertools.product(*map(range, span.digits))))
    found = np.empty((len(params), len(values)))
    for i, row in enumerate(centers):
        rows = row.repeat(len(values), 1)
        rows[:, mine] = values
        with torch.no_grad():
            losses = head._digit_losses(params[i].expand(len(rows), -1), rows)[:, mine]
        p = np.exp(-losses.numpy())
        # Each digit is drawn among those that begin a level.
        real = (np.arange(len(values)) < span.n_levels).astype(float)
        for d in range(len(mine)):
            below = math.prod(span.digits[d + 1 :])
            begins = np.repeat(real.reshape(-1, below).max(axis=1), below)
            by_prefix = (p[:, d] * begins).reshape(-1, span.digits[d], below)
            p[:, d] = (by_prefix / by_prefix.sum(axis=1, keepdims=True).clip(1e-300)).reshape(-1)
        found[i] = p.prod(axis=1)
    return found[:, : span.n_levels]


#: With 72 or 272 present levels the missing one is alone in its first digit.
@pytest.mark.parametrize(
    "make, n_levels",
    [(number, 3), (number, 71), (number, 72), (category, 3), (category, 271), (category, 272)],
)
@pytest.mark.parametrize("has_parents", [True, False])
def test_the_mean_is_the_median_or_the_likeliest_and_missing_where_that_is_likelier_than_not(
    make, n_levels, has_parents
):
    layout = Layout((make("a", n_levels, n_missing=3), category("b", 4), make("c", n_levels)))
    head, params = head_of(layout, has_parents=has_parents), 2 * contexts(60)
    last = np.unravel_index(n_levels, layout.spans[0].digits)
    with torch.no_grad():
        for j, value in enumerate(last):
            # About as likely as not in the middle of the rows.
            logits = head.digit_logits(params, j, torch.zeros(60, dtype=torch.int64))
            others = np.delete(logits.numpy(), value, axis=1)
            others = np.log(np.exp(others).sum(axis=1))
            head.bias_3[j, 0, value] += np.median(others - logits[:, value].numpy()) + 8 * j
        mean = head.mean(params)
    levels = layout.from_digits(mean.numpy())
    for column, span in enumerate(layout.spans):
        p = level_probabilities(head, params, mean, column)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        if span.missing is not None:
            gone = p[:, span.missing] > 0.5
            assert 5 < gone.sum() < 55
            np.testing.assert_array_equal(levels[:, column] == span.missing, gone)
            levels, p = levels[~gone], p[~gone, :-1]
            mean, params = mean[~gone], params[~gone]
        below = p.cumsum(axis=1)
        median = (below < below[:, -1:] / 2).sum(axis=1)
        expected = median if span.kind == "number" else p.argmax(axis=1)
        np.testing.assert_array_equal(levels[:, column], expected)


def test_a_column_that_was_all_missing_stays_so():
    empty = make_span("b", "empty", np.empty(0), 4, ordered=False)
    head = head_of(Layout((category("a", 2), empty, number("c", 3))))
    assert (head.mean(contexts(5))[:, 1] == 0).all()


def test_draws_follow_the_generator(head):
    params = contexts(50)
    first = head.draw(params, make_generator(1))
    assert torch.equal(first, head.draw(params, make_generator(1)))
    assert not torch.equal(first, head.draw(params, make_generator(2)))
    assert torch.equal(head.mean(params), head.mean(params))


# ------------------------------------------------------------------ shares of levels


def rows_with_shares(layout, n=4000):
    """Return digits of rows whose columns have the shares of the layout, each by itself."""
    rng = np.random.default_rng(1)
    levels = [rng.choice(span.n_levels, n, p=span.shares) for span in layout.spans]
    return torch.as_tensor(layout.to_digits(np.stack(levels, axis=1)))


@pytest.mark.parametrize("has_parents", [True, False])
def test_matched_shares_are_those_of_the_rows(has_parents):
    counts = np.append(12, np.ones(75))  # a spike, and thin levels in several digits
    spiked = make_span("a", "number", counts, 6, ordered=True)
    layout = Layout((category("b", 3), spiked, number("c", 4)))
    head = head_of(layout, has_parents=has_parents, sharpness=2.0).eval()
    rows = rows_with_shares(layout)

    def shares_of(digits):
        columns = layout.from_digits(digits.numpy()).T
        counts = [
            np.bincount(c, minlength=n) for c, n in zip(columns, layout.n_levels, strict=True)
        ]
        return np.concatenate(counts) / len(digits)

    def errors():
        drawn = shares_of(head.draw(contexts(20_000, seed=5), make_generator(3)))
        wanted = shares_of(rows)
        return np.abs(drawn[wanted > 0.05] / wanted[wanted > 0.05] - 1)

    with torch.no_grad():
        head.bias_3.zero_()
        before = errors()
        head.match_shares(contexts(8192, seed=4), head.shift_rows.counts(rows), make_generator(0))
        after = errors()
    assert before.max() > 0.5
    assert after.max() < 0.1


@pytest.mark.parametrize("has_parents", [True, False])
def test_losses_and_draws_follow_the_shifted_probabilities(has_parents):
    head = head_of(layout_with_digits(), has_parents=has_parents, sharpness=2.0).eval()
    plain = digitwise(head, contexts(1)[0])
    with torch.no_grad():
        head.shifts.copy_(torch.randn(head.shifts.shape, generator=make_generator(9)))
        drawn = head.draw(contexts(1)[0].expand(40_000, -1), make_generator(5))
    expected = digitwise(head, contexts(1)[0])
    assert expected.sum() == pytest.approx(1)
    counts = np.bincount(place_of(head.layout, drawn), minlength=len(expected))
    assert chi_square(counts, expected) > 1e-3
    assert chi_square(counts, plain) < 1e-6
    # Training goes on as if nothing had been shifted.
    np.testing.assert_allclose(digitwise(head.train(), contexts(1)[0]), plain)


def test_shifts_are_bounded_and_leave_alone_what_no_row_says():
    logits = torch.tensor([[0.0, 0.0, -30.0, 0.0]]).repeat(500, 1)
    prefix = torch.zeros(500, dtype=torch.int64)
    counts = torch.tensor([[70.0, 20.0, 10.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    shift = matching_shift(logits, prefix, counts)
    assert shift[0, 2] == pytest.approx(np.log(MOST_FACTOR))
    assert shift[0, 3] == 0
    assert (shift[1] == 0).all()
    # Few draws count little: a shift of none is as likely as any.
    assert matching_shift(logits[:1], prefix[:1], counts).abs().max() < shift.abs().max() / 2


# ------------------------------------------------------- draws that keep to constraints


def test_weights_are_the_probability_of_what_is_allowed():
    head = head_of(small_layout())
    context = contexts(1)[0]
    shares = {0: np.array([0.0, 1.0]), 2: np.array([0.5, 0.0, 1.0])}
    with torch.no_grad():
        digits, log_weights = head.draw_within(
            context.expand(5000, -1), make_generator(0), Constraints(head.layout, shares)
        )
    assert (digits[:, 0] == 1).all()
    assert (digits[:, 2] != 1).all()
    p = row_probabilities(head, context).reshape(2, 4, 3)
    first = p[1].sum() / p.sum()
    for b in range(4):
        last = p[1, b] @ shares[2] / p[1, b].sum()
        mine = digits[:, 1] == b
        np.testing.assert_allclose(log_weights[mine], math.log(first * last), rtol=1e-9)
    # Averaged over proposals, weights are the probability that a free row keeps to it.
    met = (p * shares[0][:, None, None] * shares[2]).sum()
    spread = float(log_weights.exp().std()) / math.sqrt(5000)
    assert float(log_weights.exp().mean()) == pytest.approx(met, abs=5 * spread)


def test_columns_without_a_condition_weigh_nothing():
    head = head_of(layout_with_digits())
    with torch.no_grad():
        _, log_weights = head.draw_within(contexts(50), make_generator(0), Constraints(head.layout))
    assert (log_weights == 0).all()


def test_known_digits_are_kept_and_weigh_their_probability():
    head = head_of(small_layout())
    context = contexts(40)
    known = random_rows(head.layout)
    with torch.no_grad():
        digits, log_weights = head.draw_within(
            context, make_generator(0), Constraints(head.layout, known=known)
        )
        expected = -head.cell_losses(context, known).sum(dim=1)
    assert torch.equal(digits, known)
    torch.testing.assert_close(log_weights, expected)
    part = known.clone()
    part[:, 1] = -1
    with torch.no_grad():
        digits, log_weights = head.draw_within(
            context, make_generator(0), Constraints(head.layout, known=part)
        )
        expected = -head.cell_losses(context, digits)[:, [0, 2]].sum(dim=1)
    assert torch.equal(digits[:, [0, 2]], known[:, [0, 2]])
    assert len(digits[:, 1].unique()) == 4
    torch.testing.assert_close(log_weights, expected)


def test_shares_of_levels_in_several_digits():
    layout = layout_with_digits()
    share = np.zeros(MANY)
    share[[5, 11, 12]] = [0.25, 1.0, 0.5]
    constraints = Constraints(layout, {1: share})
    start = torch.zeros(1, dtype=torch.int64)

    def shares(n_values, digit, prefix):
        logits = torch.zeros(len(prefix), n_values, dtype=torch.float64)
        return [part.exp() for part in constraints.restrict(logits, digit, prefix)]

    np.testing.assert_array_equal(shares(8, 1, start)[1][0], [1, 1, 0, 0, 0, 0, 0, 0])
    after = shares(9, 2, torch.tensor([0, 1, 2]))[1]
    np.testing.assert_allclose(after[0], np.eye(9)[5] * 0.25)
    np.testing.assert_allclose(after[1], np.eye(9)[2] + np.eye(9)[3] * 0.5)
    assert (after[2] == 0).all()
    logits = torch.zeros(1, 3)
    assert all(part is logits for part in constraints.restrict(logits, 0, start))
    np.testing.assert_array_equal(
        shares(9, 2, torch.tensor([6, 7]))[0], [[1] * 9, [1] * 7 + [0] * 2]
    )


# ---------------------------------------------------------------------- training


def test_there_are_no_masks_if_nothing_is_left_out():
    head = head_of(small_layout(), has_parents=False)
    assert head.draw_dropout_masks(10, make_generator(0)) is None
    params, rows = contexts(40), random_rows(head.layout)
    assert torch.equal(head.training_losses(params, rows, None), head.cell_losses(params, rows))


def test_masks_leave_out_the_shares_that_are_asked_for():
    head = head_of(layout_with_digits(), code_only=0.2, parent_dropout=0.1, dropout=0.3)
    packed = head.draw_dropout_masks(20_000, make_generator(0))
    masks = head._unpack(packed)
    sees, parents, units = masks.sees_parents[:, 0], masks.parents, torch.cat(masks.units, dim=1)
    assert packed.shape[1] == 1 + parents.shape[1] + units.shape[1] == 1 + 4 + 2 * 5
    assert float(sees.mean()) == pytest.approx(0.8, abs=0.01)
    assert (parents[sees == 0] == 0).all()
    np.testing.assert_allclose(parents[sees == 1].mean(dim=0), 0.9, atol=0.01)
    # The digits of a column go together.
    assert torch.equal(parents[:, 1], parents[:, 2])
    assert not torch.equal(parents[:, 0], parents[:, 1])
    np.testing.assert_allclose((units == 0).float().mean(dim=0), 0.3, atol=0.015)
    np.testing.assert_allclose(units.mean(dim=0), 1, atol=0.03)
    assert torch.equal(packed, head.draw_dropout_masks(20_000, make_generator(0)))


def test_rows_that_see_everything_have_their_usual_losses():
    for parameters in ({"code_only": 0.2}, {"code_only": 0.2, "parent_dropout": 0.1}):
        head = head_of(layout_with_digits(), **parameters)
        params, rows = contexts(40), random_rows(head.layout)
        ones = torch.ones_like(head.draw_dropout_masks(40, make_generator(0)))
        torch.testing.assert_close(
            head.training_losses(params, rows, ones), head.cell_losses(params, rows)
        )


@pytest.mark.parametrize("parent_dropout", [0.0, 0.1])
def test_rows_without_parents_are_explained_by_the_code_alone(layout, parent_dropout):
    head = head_of(layout, code_only=0.5, parent_dropout=parent_dropout)
    params, rows = contexts(40), random_rows(layout)
    masks = torch.ones_like(head.draw_dropout_masks(40, make_generator(0)))
    masks[::2] = 0
    losses = head.training_losses(params, rows, masks)
    torch.testing.assert_close(losses[1::2], head.cell_losses(params, rows)[1::2])
    with torch.no_grad():
        head.vectors.free.zero_()
        head.vectors.ranked.zero_()
    entropies = [-(s.shares * np.log(s.shares)).sum() for s in layout.spans]
    weights = np.mean(entropies) / np.array(entropies)
    expected = head.cell_losses(params, rows)[::2].detach().numpy() * weights
    np.testing.assert_allclose(losses[::2].detach(), expected, rtol=1e-5)


def test_a_parent_that_is_left_out_is_not_seen():
    head = head_of(small_layout(), parent_dropout=0.5)
    params, rows = contexts(40), random_rows(head.layout)
    masks = torch.ones(40, 4)
    masks[:, 1] = 0  # column 0
    losses = head.training_losses(params, rows, masks)
    other = rows.clone()
    other[:, 0] = 1 - other[:, 0]
    again = head.training_losses(params, other, masks)
    torch.testing.assert_close(again[:, 1:], losses[:, 1:])
    with torch.no_grad():
        head.vectors.free[:2] = 0
    torch.testing.assert_close(head.cell_losses(params, rows)[:, 1:], losses[:, 1:])


def test_hidden_units_that_are_left_out_say_nothing():
    head = head_of(small_layout(), has_parents=False, dropout=0.5)
    with torch.no_grad():
        head.bias_2.fill_(0.5)
    params, rows = contexts(40), random_rows(head.layout)
    ones, zeros = torch.ones(40, 10), torch.zeros(40, 10)
    torch.testing.assert_close(
        head.training_losses(params, rows, ones), head.cell_losses(params, rows)
    )
    losses = head.training_losses(params, rows, zeros)
    for j, size in enumerate(head.layout.digit_sizes):
        expected = -head.bias_3[j, 0, :size].log_softmax(dim=0)[rows[:, j]]
        torch.testing.assert_close(losses[:, j], expected)
    # Each half of the masks is for a layer of its own.
    half = torch.cat([ones[:, :5], zeros[:, 5:]], dim=1)
    torch.testing.assert_close(head.training_losses(params, rows, half), losses)
    swapped = head.training_losses(params, rows, half.flip(1))
    assert not torch.allclose(swapped, losses)


def test_weights_make_columns_count_the_same():
    layout = Layout((category("a", 2), number("many", MANY), category("constant", 1)))
    head = head_of(layout)
    entropies = np.array([-(s.shares * np.log(s.shares)).sum() for s in layout.spans])
    entropies[2] = MIN_ENTROPY
    weights = head.weights.numpy()
    assert weights[1] == weights[2]  # the digits of a column
    np.testing.assert_allclose(weights[[0, 1, 3]] * entropies, entropies.sum() / 3, rtol=1e-6)


# --------------------------------------------------------------------- masking


def test_masking_hides_whole_cells_in_half_of_the_rows():
    head = head_of(layout_with_digits(), masking=0.25)
    x = random_rows(head.layout, 20_000)
    seen = head.corrupt(x, 0.0, np.ones(4), make_generator(0))
    hidden = seen == -1
    assert torch.equal(seen[~hidden], x[~hidden])
    assert torch.equal(hidden[:, 1], hidden[:, 2])
    # Rates are uniform up to twice the mean: 1/2 + 1/2 E[(1 - rate)^3] of the rows are whole.
    whole = 0.5 + 0.5 * (1 - 0.5**4) / 4 / 0.5
    assert float((~hidden).all(dim=1).float().mean()) == pytest.approx(whole, abs=0.015)
    np.testing.assert_allclose(hidden.float().mean(dim=0), 0.125, atol=0.01)
    assert torch.equal(seen, head.corrupt(x, 0.0, np.ones(4), make_generator(0)))


def test_no_masking_leaves_rows_as_they_are():
    head = head_of(small_layout(), masking=0.0)
    x = random_rows(head.layout)
    assert head.corrupt(x, 0.3, np.ones(3), make_generator(0)) is x


# --------------------------------------------------------------------- vectors


def test_vectors_are_looked_up_and_nothing_is_zero():
    layout = layout_with_digits()
    vectors = DigitVectors(layout, 6, make_generator(0))
    table = vectors.table()
    assert table.shape == (3 + 8 + 9 + 2 + 1, 6)
    assert (table[-1] == 0).all()
    indices = vectors.indices(torch.tensor([[2, 0, 8, 1], [-1, 7, -1, 0]]))
    assert indices.tolist() == [[2, 3, 19, 21], [22, 10, 22, 20]]


def test_neighbours_on_an_axis_begin_alike():
    layout = Layout((number("x", 60), category("y", 60)))
    basis = rank_basis(layout)
    assert [b.shape for b in basis] == [(60, N_PIECES)] * 2
    assert (basis[1] == 0).all()
    assert (np.diff(basis[0].sum(axis=1)) > 0).all()
    np.testing.assert_allclose(basis[0].sum(axis=1) / N_PIECES, layout.spans[0].ranks)
    # Most of a vector is free at first, so compare the ranked part.
    vectors = DigitVectors(layout, 8, make_generator(0))
    with torch.no_grad():
        vectors.free.zero_()
        table = vectors.table()[:60]
    steps = (table[1:] - table[:-1]).norm(dim=1)
    assert float(steps.max()) < 0.2 * float((table[-1] - table[0]).norm())
