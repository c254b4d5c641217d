"""Far cells that rows usually have, and columns that tell other than the rest of the row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sklearn_aae.detection.scores import usual_farthest
from sklearn_aae.detection.scores._mixture import LossPart, rank_correlation
from tests.instances import fast_detector


def exponential(n):
    """Return the quantiles of an exponential distribution that begins at -1."""
    return -1 - 0.5 * np.log1p(-(np.arange(n) + 0.5) / n)


def test_far_is_what_lies_beyond_the_last_hundredth_of_the_tail():
    assert usual_farthest(exponential(2000)) == pytest.approx(-1 + 0.5 * np.log(100), abs=0.02)
    assert usual_farthest(exponential(2000) - 3) == 0


def test_gross_values_are_not_usual_but_where_rows_are_clean():
    farthest = exponential(2000)
    farthest[::10] = 8.0
    assert usual_farthest(farthest) < 3
    assert usual_farthest(farthest, clean=True) == 8


def test_nothing_is_usual_that_no_row_had():
    # Half of the rows have no far cell, the others have all the same.
    assert usual_farthest(np.repeat([-20.0, 0.7], [600, 400])) == pytest.approx(0.7)


def marks(n, rng, odd=False):
    """Return rows of 400 rare marks, of one of 60 templates, or of half of two of them."""
    templates = [np.random.default_rng(i).choice(400, 8, replace=False) for i in range(60)]
    rows = np.zeros((n, 400))
    for row in rows:
        one, other = (templates[i] for i in rng.choice(60, 2, replace=False))
        own = np.concatenate([one[:4], other[4:]]) if odd else one
        row[own[rng.random(8) < 0.9]] = 1
        row[rng.integers(0, 400)] = 1
    return rows


@pytest.fixture(scope="module")
def of_marks():
    rng = np.random.default_rng(0)
    return fast_detector(max_epochs=5).fit(marks(300, rng)), rng


def test_rows_are_compared_with_the_rare_marks_of_others(of_marks):
    detector, rng = of_marks
    new = np.concatenate([marks(100, rng), marks(100, rng, odd=True)])
    assert roc_auc_score(np.repeat([0, 1], 100), -detector.score_samples(new)) > 0.9


def test_far_cells_of_stored_rows_stay_where_they_are_usual(of_marks):
    stored = of_marks[0]._model.references["core"].pairs
    assert stored.abs().max() > 8
    X = np.random.default_rng(1).normal(size=(300, 6))
    X[::20, 0] = 500.0
    detector = fast_detector().fit(X)
    assert detector._model.references["core"].pairs.abs().max() <= 8
    assert detector._model.references["nearest"].pairs.abs().max() <= 8


class Losses:
    """What a model says of rows of two columns."""

    n_features, columns, blocks = 2, np.array([[0, 1]]), ()

    def __init__(self, cell_losses, marginal_losses):
        self.cell_losses, self.marginal_losses = cell_losses, marginal_losses


def test_columns_by_themselves_count_as_far_as_they_order_rows_like_the_likelihood():
    rng = np.random.default_rng(2)
    losses = rng.normal(size=(1, 50, 2))
    for marginal, agreement in ((3 * losses, 1.0), (-losses, 0.01), (np.zeros_like(losses), 1.0)):
        found = Losses(losses, marginal)
        part = LossPart(0.5, "marginal_losses", like="cell_losses").fit(found)
        assert part.less_ == pytest.approx(-np.log(agreement))
        alone = LossPart(0.5, "marginal_losses").fit(found)
        np.testing.assert_allclose(part(found), alone(found) + np.log(agreement))
    other = losses + rng.normal(size=losses.shape)
    agreement = rank_correlation(losses.sum(axis=2)[0], other.sum(axis=2)[0])
    assert 0.3 < agreement < 0.95
    part = LossPart(0.5, "marginal_losses", like="cell_losses").fit(Losses(losses, other))
    assert part.less_ == pytest.approx(-np.log(agreement))


def test_columns_far_out_by_themselves_say_little_where_normal_rows_are_at_the_ends():
    """Rows far out in every column lie close together, and those between them do not."""
    rng = np.random.default_rng(3)

    def rows(n):
        centre = rng.choice([-1, 1], n, p=[0.5, 0.5]) * rng.uniform(1, 3, n)
        return (
            centre[:, None] + rng.normal(scale=0.2, size=(n, 12)) * (3.4 - np.abs(centre))[:, None]
        )

    parts = fast_detector(max_epochs=60).fit(rows(500))._scores["default"].parts
    assert parts[0].less_ == 0
    assert parts[1].less_ > 1
