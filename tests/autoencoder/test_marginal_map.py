"""Numbers are drawn as the training rows have them: shapes of columns, heaps, types and grids."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.autoencoder._marginal_map import MOST_QUANTILES, MarginalMap
from sklearn_aae.metrics import column_shapes, copy_share

FLOAT = np.dtype(np.float64)


def model(**parameters):
    return AdversarialAutoencoder(
        **{"hidden_layer_sizes": 16, "max_epochs": 3, "random_state": 0, **parameters}
    )


def learned(column, storage=FLOAT, earlier=None):
    """Return the map of one column whose draws are standard normal."""
    own = MarginalMap(np.asarray(column, dtype=float)[:, None], [storage], earlier)
    draws = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    own.compare(draws[:, None])
    return own


def drawn(own, n=20_000):
    draws = np.random.default_rng(5).normal(size=(n, 1))
    return own.apply(draws)[:, 0]


@pytest.fixture(scope="module")
def numbers():
    """Whole numbers, a spike at zero beside measurements, a grid of quarters, three levels."""
    rng = np.random.default_rng(0)
    n = 1500
    common = rng.normal(size=n)
    rain = np.where(common < 0, 0.0, common**2 + rng.random(n) / 10)
    return pd.DataFrame(
        {
            "age": np.rint(40 + 8 * common + rng.normal(size=n)).astype(np.int16),
            "rain": rain,
            "hours": np.rint(4 * (30 + common + rng.normal(size=n))) / 4,
            "rooms": rng.choice([1, 2, 5], n, p=[0.2, 0.5, 0.3]),
        }
    )


@pytest.fixture(scope="module")
def fitted(numbers):
    return model().fit(numbers)


# ------------------------------------------------------------------------ the map by itself


def test_draws_get_the_distribution_of_the_column_and_keep_their_order():
    rng = np.random.default_rng(0)
    column = rng.exponential(size=30_000)
    own = learned(column)
    draws = np.linspace(-5, 5, 500)[:, None]
    assert own.values.shape == (MOST_QUANTILES, 1)
    assert (np.diff(own.apply(draws)[:, 0]) >= 0).all()
    assert stats.ks_2samp(drawn(own), column).statistic < 0.015
    ends = own.apply(np.array([[-99.0], [99.0]]))[:, 0]
    assert ends.tolist() == [column.min(), column.max()]


def test_heaps_keep_their_share_and_nothing_lies_beside_them():
    rng = np.random.default_rng(0)
    column = rng.permutation(np.r_[np.zeros(6000), rng.uniform(10, 20, 2500), np.full(1500, 25.5)])
    found = drawn(learned(column))
    assert np.mean(found == 0) == pytest.approx(0.6, abs=0.01)
    assert np.mean(found == 25.5) == pytest.approx(0.15, abs=0.01)
    assert not ((found > 0) & (found < 10)).any()
    assert not ((found > 20) & (found < 25.5)).any()


@pytest.mark.parametrize("size", [20, 60, 400])
def test_small_tables_keep_shares_too(size):
    column = np.repeat([1.0, 2.0, 5.0], [size // 4, size // 2, size // 4])
    levels, counts = np.unique(drawn(learned(column)), return_counts=True)
    assert levels.tolist() == [1, 2, 5]
    np.testing.assert_allclose(counts / counts.sum(), [0.25, 0.5, 0.25], atol=0.05)


def test_numbers_are_as_round_as_those_of_the_column():
    rng = np.random.default_rng(0)
    tenths = drawn(learned(np.round(rng.normal(size=3000), 1)))
    assert (np.round(tenths, 1) == tenths).all()
    quarters = drawn(learned(np.rint(rng.normal(size=3000) * 20) / 4 + 3))
    assert (quarters * 4 == np.rint(quarters * 4)).all()
    single = rng.normal(size=3000).round(1).astype(np.float32)
    found = drawn(learned(single, single.dtype)).astype(np.float32)
    assert np.isin(found, (np.arange(-60, 60) / 10).astype(np.float32)).all()


def test_a_grid_of_any_step_gives_the_very_numbers_of_the_column():
    grid = np.arange(60) * 0.10581703700818253 - 2.746330647550977
    column = np.random.default_rng(0).choice(grid, 2000)
    assert np.isin(drawn(learned(column)), column).all()


def test_missing_numbers_count_neither_in_rows_nor_in_draws():
    rng = np.random.default_rng(0)
    column = np.where(rng.random(4000) < 0.5, np.nan, rng.uniform(size=4000))
    own = learned(column)
    assert own.n_seen == [np.count_nonzero(~np.isnan(column))]
    assert stats.kstest(drawn(own), "uniform").statistic < 0.03


def test_scores_are_normal_and_undone_by_the_map():
    rng = np.random.default_rng(0)
    column = np.r_[np.zeros(400), rng.exponential(size=600)][:, None]
    own = learned(column[:, 0])
    order = np.random.default_rng(1).normal(size=column.shape)
    scores = own.spread(own.scores(column), column, order)
    assert stats.kstest(scores[:, 0], "norm").statistic < 0.01
    # Equal numbers are in the order that is asked for, and in their middle without one.
    assert stats.spearmanr(scores[:400, 0], order[:400, 0]).statistic == pytest.approx(1)
    assert own.scores(np.zeros((1, 1)))[0, 0] == pytest.approx(stats.norm.ppf(0.2), abs=0.01)
    np.testing.assert_allclose(own.apply(scores), column, atol=0.02, rtol=0.1)
    assert np.isnan(own.scores(np.array([[np.nan]]))).all()
    ends = own.scores(np.array([[-9.0], [99.0]]))[:, 0]
    assert ends[1] == scores.max()
    assert ends[0] == own.scores(np.zeros((1, 1)))[0, 0]


def test_earlier_rows_count_as_much_as_their_number_says():
    rng = np.random.default_rng(0)
    first = learned(rng.uniform(0, 1, 9000).round(3))
    both = learned(rng.uniform(10, 11, 3000).round(3), earlier=first)
    found = drawn(both)
    assert both.n_seen == [12_000]
    assert len(both.values) == MOST_QUANTILES
    assert np.mean(found > 5) == pytest.approx(0.25, abs=0.01)
    assert (found.round(3) == found).all()
    assert first.n_seen == [9000]


# ------------------------------------------------------------------------------- the model


def test_columns_of_drawn_rows_have_the_shapes_types_and_heaps_of_the_table(numbers, fitted):
    rows = fitted.sample(1500, random_state=1)
    pd.testing.assert_series_equal(rows.dtypes, numbers.dtypes)
    assert column_shapes(numbers, rows).score > 0.97
    assert (rows.rain == 0).mean() == pytest.approx((numbers.rain == 0).mean(), abs=0.04)
    assert (rows.hours * 4 % 1 == 0).all()
    assert set(rows.rooms) == {1, 2, 5}
    for name, column in rows.items():
        assert numbers[name].min() <= column.min()
        assert column.max() <= numbers[name].max()
    copies = copy_share(numbers[:750], rows, numbers[750:])
    assert copies.score < copies.details["held_out"] + 0.05
    assert not rows.rain[rows.rain > 0].isin(numbers.rain[:750]).all()


def test_columns_of_whole_numbers_that_are_equal_are_drawn_equal():
    rng = np.random.default_rng(0)
    counts, others = rng.poisson([5, 3], size=(600, 2)).T
    rows = model().fit(np.column_stack([counts, counts, 2 * counts, others])).sample(3000)
    assert (rows[:, 0] == rows[:, 1]).mean() > 0.95
    assert (2 * rows[:, 0] == rows[:, 2]).mean() > 0.95
    assert (rows[:, 0] == rows[:, 3]).mean() < 0.3


@pytest.mark.parametrize("as_table", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_whole_numbers_that_floats_cannot_tell_apart_are_drawn_as_there_are(as_table):
    rng = np.random.default_rng(0)
    keys = rng.integers(2**60, 2**62, size=12)
    near = 2**62 + 1 + np.arange(50)
    rows = np.column_stack([rng.choice(keys, 200), rng.choice(near, 200), rng.integers(0, 9, 200)])
    drawn = np.asarray(model().fit(as_table(rows)).sample(1000))
    assert drawn.dtype == rows.dtype
    for j, values in enumerate((keys, near)):
        assert set(drawn[:, j]) <= set(values)
        assert len(np.unique(drawn[:, j])) > len(values) / 2


def test_seeds_repeat_rows(fitted):
    rows = [fitted.sample(20, random_state=seed) for seed in (3, 3, 4)]
    pd.testing.assert_frame_equal(rows[0], rows[1])
    assert not rows[0].equals(rows[2])


def test_means_are_not_mapped(numbers):
    rows = numbers.to_numpy(dtype=np.float64)
    of_array, of_frame = model().fit(rows), model().fit(numbers)
    means = of_array.sample(50, noise=False, random_state=0)
    codes = of_array.transform(rows[:50])
    assert means.dtype == np.float64
    assert (means[:, 0] % 1 != 0).any()
    assert (of_array.reconstruct(rows[:50]) == of_array.inverse_transform(codes)).all()
    framed = of_frame.reconstruct(numbers.iloc[10:60])
    pd.testing.assert_series_equal(framed.dtypes, numbers.dtypes)
    assert framed.index.tolist() == list(range(10, 60))
    unrounded = of_array.reconstruct(rows[10:60])
    np.testing.assert_array_equal(framed.age, np.rint(unrounded[:, 0]))
    np.testing.assert_allclose(framed.hours, unrounded[:, 2])


@pytest.mark.parametrize("dtype", ["i1", "u2", "i8", "f2", "f4", "f8"])
def test_arrays_come_back_in_their_type(dtype):
    rows = np.random.default_rng(0).integers(0, 9, (60, 3)).astype(dtype)
    drawn_rows = model().fit(rows).sample(40)
    assert drawn_rows.dtype == rows.dtype
    assert np.isin(drawn_rows, np.arange(9)).all()


def test_lists_and_binary_arrays_come_back_in_their_type():
    flags = np.random.default_rng(0).random((60, 3)) < 0.3
    of_bernoulli = model(output="bernoulli")
    assert model().fit(flags.astype(int).tolist()).sample(5).dtype == np.int64
    assert of_bernoulli.fit(flags.astype(int)).sample(5).dtype == np.int64
    assert of_bernoulli.fit(flags).sample(5).dtype == bool
    assert of_bernoulli.reconstruct(flags).dtype == np.float64


def test_decimals_and_nullable_columns_come_back_as_they_came():
    rng = np.random.default_rng(0)
    cents = [Decimal(f"{x:.2f}") for x in rng.normal(size=80)]
    counts = [None if x < 0.3 else int(10 * x) for x in rng.random(80)]
    frame = pl.DataFrame(
        {"price": pl.Series(cents, dtype=pl.Decimal(10, 2)), "n": pl.Series(counts, dtype=pl.Int8)}
    )
    found = model().fit(frame)
    assert found.sample(30).schema == frame.schema
    assert found.sample(300)["n"].null_count() == pytest.approx(
        300 * frame["n"].is_null().mean(), abs=50
    )
    asked = frame.with_columns(price=pl.when(pl.col("n") > 5).then(None).otherwise("price"))
    filled = found.impute(asked)
    assert filled.schema == frame.schema
    assert filled["price"].null_count() == 0
    arrow = frame.to_pandas(use_pyarrow_extension_array=True)
    pd.testing.assert_series_equal(model().fit(arrow).sample(9).dtypes, arrow.dtypes)


def test_holes_keep_their_share():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(800, 2))
    rows[rng.random(800) < 0.3, 1] = np.nan
    gone = np.isnan(model(max_epochs=8).fit(rows).sample(4000)).mean(axis=0)
    assert gone[0] == 0
    assert gone[1] == pytest.approx(0.3, abs=0.05)


def test_partial_fit_draws_as_all_rows_so_far():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 3, (300, 2)), rng.integers(50, 53, (300, 2))
    running = model().partial_fit(first)
    assert running.sample(200).max() <= 2
    running.partial_fit(second)
    high = running.sample(2000)[:, 0] >= 50
    assert high.mean() == pytest.approx(0.5, abs=0.08)


def test_a_table_may_be_far_from_zero_constant_or_enormous():
    rng = np.random.default_rng(0)
    rows = np.column_stack(
        [1e15 + rng.integers(0, 4, 90), np.full(90, 7.25), rng.normal(size=90) * 1e150]
    )
    found = model(scaling="quantile").fit(rows).sample(50)
    assert np.isin(found[:, 0], rows[:, 0]).all()
    assert (found[:, 1] == 7.25).all()
    assert np.isfinite(found).all()
