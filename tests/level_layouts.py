"""Small layouts and heads over levels, small enough to enumerate every row."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from sklearn_aae._utils._random import make_generator
from sklearn_aae.encoding._layout import Layout, make_span
from sklearn_aae.outputs._level_head import LevelHead


def category(name, n_levels, n_missing=0):
    """Return the span of an unordered column; its levels have uneven shares."""
    return make_span(name, "category", np.arange(1, n_levels + 1), n_missing, ordered=False)


def number(name, n_levels, n_missing=0):
    """Return the span of a column of numbers."""
    edges = np.arange(n_levels, dtype=float)
    counts = np.arange(n_levels, 0, -1)
    return make_span(name, "number", counts, n_missing, ordered=True, low=edges, high=edges)


#: 70 levels of a number are written in digits of 8 and 9 values, which can say 72.
MANY = 70


def small_layout():
    """Return a layout of three columns, one of them with missing cells: 24 rows."""
    return Layout((category("a", 2), number("b", 3, n_missing=2), category("c", 3)))


def layout_with_digits():
    """Return a layout with a column of several digits in the middle: 3 * 72 * 2 rows."""
    return Layout((number("a", 3), number("many", MANY), number("b", 2)))


def head_of(layout, width=5, seed=0, *, has_parents=True, sharpness=6.0, **parameters):
    """Return a head whose distributions are far from uniform and depend on their parents."""
    defaults = {"masking": 0.0, "code_only": 0.0, "parent_dropout": 0.0, "dropout": 0.0}
    head = LevelHead(
        layout,
        width,
        has_parents=has_parents,
        generator=make_generator(seed),
        **{**defaults, **parameters},
    )
    with torch.no_grad():
        head.weight_3.mul_(sharpness)
        head.bias_3.copy_(torch.randn(head.bias_3.shape, generator=make_generator(seed + 1)))
    return head.double()


def all_rows(layout):
    """Return the digits of every row that digits can write, (n_rows, n_digits)."""
    values = [range(size) for size in layout.digit_sizes]
    return torch.tensor(list(itertools.product(*values)))


def contexts(n, width=5, seed=2):
    """Return outputs of a decoder."""
    return torch.randn(n, width, generator=make_generator(seed), dtype=torch.float64)


def row_probabilities(head, context):
    """Return the probability of each of ``all_rows`` given one context."""
    rows = all_rows(head.layout)
    with torch.no_grad():
        losses = head.cell_losses(context.expand(len(rows), -1), rows)
    return np.exp(-losses.sum(dim=1).numpy())


def place_of(layout, digits):
    """Return the place of rows among ``all_rows``."""
    return np.ravel_multi_index(np.asarray(digits).T, layout.digit_sizes)


def chi_square(found, expected):
    """Return the p-value of counts against probabilities; rare cells are put together."""
    from scipy import stats

    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found[expected == 0].sum() == 0
    expected = expected / expected.sum() * found.sum()
    common = expected >= 5
    observed = np.append(found[common], found[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    if predicted[-1] < 5:
        observed, predicted = observed[:-1], predicted[:-1]
        predicted *= observed.sum() / predicted.sum()
    return stats.chisquare(observed, predicted).pvalue
