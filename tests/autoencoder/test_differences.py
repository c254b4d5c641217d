"""What rules leave open of numbers, durations and amounts on top, is drawn as the table has it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.autoencoder._differences import Difference, Differences
from sklearn_aae.rules import Order, Sum


def apart(one, other):
    """Return the largest distance of two distribution functions."""
    return stats.ks_2samp(one, other, method="asymp").statistic


def trips(n, seed=0):
    """Return trips: most are far apart, a third take no time; four amounts come on top of fares."""
    rng = np.random.default_rng(seed)
    start = rng.normal(100, 30, n).round(1)
    duration = np.where(rng.random(n) < 1 / 3, 0, rng.exponential(5, n)).round(1)
    fare, tip = rng.gamma(3, 4, n).round(2), rng.exponential(2, n).round(2)
    fee = rng.choice([0, 0.5, 1, 2.5], n, p=[0.4, 0.3, 0.2, 0.1])
    return pd.DataFrame(
        {
            "total": (fare + tip + fee).round(2),
            "start": start,
            "end": (start + duration).round(1),
            "fare": fare,
            "tip": tip,
        }
    )


RULES = [Order("start", "end"), Sum("total", ["fare", "tip"], offsets=[0, 0.5, 1, 2.5])]


def test_columns_are_said_by_others_and_put_back():
    rows = trips(50).to_numpy()
    said = Differences([Difference(2, {2: 1, 1: -1}, 1), Difference(0, {0: -1, 2: 1, 4: 1}, None)])
    expressed = said.express(rows)
    np.testing.assert_array_equal(expressed[:, 2], (rows[:, 2] - rows[:, 1]).round(1))
    np.testing.assert_allclose(expressed[:, 0], rows[:, 2] + rows[:, 4] - rows[:, 0])
    np.testing.assert_array_equal(said.column(rows, 2), expressed[:, 2])
    np.testing.assert_array_equal(said.column(rows, 4), rows[:, 4])
    back = said.restore(expressed)
    np.testing.assert_array_equal(back[:, 1:], rows[:, 1:])
    np.testing.assert_allclose(back, rows)
    np.testing.assert_allclose(said.express(rows + 0.01, rounded=False)[:, 2], expressed[:, 2])


@pytest.mark.parametrize("as_array", [False, True])
def test_durations_and_amounts_have_the_shape_of_those_of_the_table(as_array):
    train, held_out = trips(500), trips(500, seed=1)
    rules = RULES
    table = train
    if as_array:
        table = train.to_numpy()
        rules = [Order(1, 2), Sum(0, [3, 4], offsets=[0, 0.5, 1, 2.5])]
    model = AdversarialAutoencoder(
        1, hidden_layer_sizes=8, max_epochs=3, rules=rules, identifiers="keep", random_state=0
    ).fit(table)
    drawn = pd.DataFrame(np.asarray(model.sample(2000, random_state=1)), columns=train.columns)
    assert not model.rules_.broken(drawn.to_numpy() if as_array else drawn).any(axis=None)

    def said(rows):
        return (rows.end - rows.start).round(1), (rows.total - rows.fare - rows.tip).round(2)

    for real, made, held in zip(said(train), said(drawn), said(held_out), strict=True):
        assert apart(real, made) < apart(real, held) + 0.03
    assert (drawn.end == drawn.start).mean() == pytest.approx(1 / 3, abs=0.05)
    assert apart(train.end, drawn.end) < 0.1


def test_what_is_over_of_missing_numbers_is_missing():
    train = trips(400)
    rng = np.random.default_rng(0)
    train.loc[rng.random(400) < 0.2, "end"] = np.nan
    model = AdversarialAutoencoder(
        1, hidden_layer_sizes=8, max_epochs=3, rules=[Order("start", "end")], random_state=0
    ).fit(train)
    drawn = model.sample(2000, random_state=0)
    assert drawn.end.isna().mean() == pytest.approx(0.2, abs=0.06)
    known = drawn.dropna()
    assert (known.end >= known.start).all()
    assert (known.end == known.start).mean() == pytest.approx(1 / 3, abs=0.08)


def test_partial_fit_counts_what_was_over_before():
    first, second = trips(300), trips(300, seed=1)
    second["end"] = second.start + 50
    model = AdversarialAutoencoder(
        1, hidden_layer_sizes=8, rules=RULES[:1], identifiers="keep", random_state=0
    )
    model.partial_fit(first).partial_fit(second)
    drawn = model.sample(2000, random_state=0)
    long = (drawn.end - drawn.start).round(1) == 50
    assert long.mean() == pytest.approx(0.5, abs=0.1)
