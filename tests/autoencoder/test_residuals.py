"""What means leave open is drawn as it is in rows: its size, its relations, by the code."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf_shrinkage

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.autoencoder._residuals import (
    MOST_FACTORS,
    ResidualMixture,
    _common,
    shrunk_correlation,
)
from sklearn_aae.metrics import copy_share, near_copies


def learned(codes, residuals, rows=None):
    own = residuals if rows is None else rows
    return ResidualMixture(codes, residuals, own, np.random.default_rng(0))


def drawn(mixture, codes, n=20_000):
    """Return draws at one code."""
    rng = np.random.default_rng(1)
    return mixture.draw(np.broadcast_to(np.asarray(codes, float), (n, len(codes))), rng)


def turning(n, seed=0):
    """Return codes, and residuals whose correlation has the sign of the first code."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n, 2))
    common = rng.normal(size=n)
    signs = np.sign(codes[:, 0])
    residuals = np.column_stack([common, signs * common]) + 0.3 * rng.normal(size=(n, 2))
    return codes, residuals


def test_residuals_are_related_as_they_are_near_a_code():
    mixture = learned(*turning(1500))
    for first in (-1.5, 1.5):
        found = np.corrcoef(drawn(mixture, [first, 0.0]).T)[0, 1]
        assert found * np.sign(first) > 0.8
    codes, residuals = turning(20_000, seed=2)
    both = mixture.draw(codes, np.random.default_rng(3))
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.1
    np.testing.assert_allclose(both.std(axis=0), residuals.std(axis=0), rtol=0.06)


def test_residuals_are_as_large_and_as_far_off_as_they_are_near_a_code():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 1))
    residuals = codes**2 - 1 + np.where(codes > 0, 1, 0.3) * rng.normal(size=(2000, 1))
    mixture = learned(codes, residuals)
    for code, spread in ((-1.0, 0.3), (1.0, 1.0)):
        found = drawn(mixture, [code])
        assert found.mean() == pytest.approx(code**2 - 1, abs=0.2)
        assert found.std() == pytest.approx(spread, rel=0.2, abs=0.12)


def correlated_rows(n, width):
    """Return columns of mean square 1 that have three things in common."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, 3)) @ rng.normal(size=(3, width)) + rng.normal(size=(n, width))
    return rows / np.sqrt(np.square(rows).mean(axis=0))


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_few_rows_have_one_covariance(n):
    rng = np.random.default_rng(n)
    mixture = learned(rng.normal(size=(n, 2)), rng.normal(size=(n, 4)))
    assert len(mixture.log_weights) == 1
    found = mixture.draw(rng.normal(size=(500, 2)), rng)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 50


def test_rows_that_are_all_equal_leave_nothing_open():
    mixture = learned(np.ones((400, 2)), np.zeros((400, 3)))
    assert (drawn(mixture, [1.0, 1.0], 50) == 0).all()


def test_missing_numbers_relate_to_nothing():
    rng = np.random.default_rng(0)
    residuals = np.repeat(rng.normal(size=(300, 1)), 2, axis=1)
    residuals[::2, 1] = np.nan
    found = drawn(learned(np.zeros((300, 1)), residuals), [0.0])
    np.testing.assert_allclose(found.std(axis=0), 1, atol=0.15)
    assert 0.3 < np.corrcoef(found.T)[0, 1] < 0.7


def test_many_columns_keep_their_spread_and_what_most_have_in_common():
    rng = np.random.default_rng(0)
    residuals = rng.normal(size=(600, 1)) + rng.normal(size=(600, 150)) / 2
    residuals[:, :2] *= [[3, 0.1]]
    mixture = learned(rng.normal(size=(600, 2)), residuals)
    assert mixture.directions.shape == (150, MOST_FACTORS)
    found = drawn(mixture, [0.0, 0.0], 4000)
    np.testing.assert_allclose(found.std(axis=0), residuals.std(axis=0), rtol=0.12)
    assert np.corrcoef(found[:, 0], found[:, 100])[0, 1] == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("n, width", [(90, 300), (300, 90)])
def test_what_columns_have_in_common_is_their_shrunk_correlation(n, width):
    scaled = correlated_rows(n, width)
    directions, drawn, own = _common(scaled)
    sizes, vectors = np.linalg.eigh(shrunk_correlation(scaled))
    right = (vectors[:, -MOST_FACTORS:] * sizes[-MOST_FACTORS:]) @ vectors[:, -MOST_FACTORS:].T
    along = np.square(scaled @ directions).mean(axis=0) * drawn**2
    np.testing.assert_allclose((directions * along) @ directions.T, right, atol=1e-9)
    np.testing.assert_allclose(own, np.sqrt(1 - np.diag(right)), atol=1e-9)


@pytest.mark.parametrize("n", [1, 5, 40, 300])
def test_many_columns_of_few_rows_keep_their_spread(n):
    rng = np.random.default_rng(0)
    residuals = rng.normal(size=(n, 200)) * np.linspace(0, 3, 200)
    rows = drawn(learned(np.zeros((n, 1)), residuals), [0.0])
    assert (rows[:, 0] == 0).all()
    found, right = (np.sqrt(np.square(x[:, 1:]).mean(axis=0)) for x in (rows, residuals))
    np.testing.assert_allclose(found, right, rtol=0.1)


def test_very_many_columns_are_not_related_to_each_other_one_by_one():
    scaled = correlated_rows(n=50, width=3000)
    tracemalloc.start()
    _common(scaled)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3000**2 * 8 / 4


def test_correlations_are_shrunk_as_ledoit_and_wolf_do():
    rng = np.random.default_rng(0)
    scaled = rng.normal(size=(40, 8)) @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    scaled[:, 1] += scaled[:, 0]
    scaled /= np.sqrt((scaled**2).mean(axis=0))
    found = shrunk_correlation(scaled)
    plain = scaled.T @ scaled / 40
    kept = 1 - ledoit_wolf_shrinkage(scaled, assume_centered=True)
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found[off], kept * plain[off], rtol=1e-6)
    np.testing.assert_allclose(np.diag(found), 1)


def test_the_same_rows_give_the_same_draws():
    one, other = (drawn(learned(*turning(600)), [1.0, 0.0], 50) for _ in range(2))
    np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------------------- the model


@pytest.fixture(scope="module")
def bent():
    """Two columns that say where a row is; two more that move together there, or apart."""
    rng = np.random.default_rng(0)
    n = 600
    place = rng.normal(size=n)
    common = rng.normal(size=n)
    return pd.DataFrame(
        {
            "place": place,
            "beside": 2 * place + rng.normal(size=n) / 10,
            "one": common / 2,
            "other": np.sign(place) * common / 2 + rng.normal(size=n) / 10,
        }
    )


def test_drawn_columns_move_together_where_those_of_the_table_do(bent):
    train, held_out = bent[:300], bent[300:600]
    model = AdversarialAutoencoder(
        1, hidden_layer_sizes=16, max_epochs=5, rules=None, random_state=0
    ).fit(train)
    rows = model.sample(500, random_state=1)
    for side in (rows[rows.place < -0.4], rows[rows.place > 0.4]):
        expected = np.sign(side.place.iloc[0])
        assert stats.spearmanr(side.one, side.other).statistic * expected > 0.6
    assert copy_share(train, rows, held_out).score == 0
    assert near_copies(train, rows, held_out).score < 0.08


def test_little_work_learns_fewer_distributions_of_any_rows():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(600, 1))
    residuals = np.where(codes > 0, 1, -1) * rng.normal(size=(600, 1)) * [1, 1] + 0.1
    counts = []
    for work in (0, 1e6, np.inf):
        learned = ResidualMixture(codes, residuals, residuals, np.random.default_rng(0), work)
        counts.append(len(learned.log_weights))
        drawn = learned.draw(codes, rng)
        np.testing.assert_allclose(drawn.std(axis=0), residuals.std(axis=0), rtol=0.2)
    assert 1 == counts[0] < counts[1] < counts[2]
