"""Boosted models on mixed tables: the two-sample test and the use for prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from sklearn_aae.metrics import c2st, ml_efficacy, table_c2st
from tests.metrics.mixed import halves, mixed_table, shuffled

SEED = {"random_state": 0}


# --------------------------------------------------------- two-sample test


def test_rows_of_the_same_kind_are_not_told_apart():
    real, other = halves(2000)
    assert np.mean([table_c2st(real, other, random_state=s).score for s in range(3)]) < 0.55


def test_repeated_rows_are_seen_a_little():
    real, other = halves(2000)
    repeated = other.sample(frac=1, replace=True, random_state=0)
    same = table_c2st(real, other, **SEED).score
    # What drawing with replacement costs: a row in two folds is known again.
    assert same < table_c2st(real, repeated, **SEED).score < 0.65
    few = pd.concat([other[:50]] * 20)
    assert table_c2st(real, few, **SEED).score > 0.85


def test_shuffled_columns_are_told_apart():
    real, other = halves(2000)
    assert table_c2st(real, shuffled(other), **SEED).score > 0.75


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(city=t["city"].fillna("Bonn")),
        lambda t: t.assign(city=t["city"].replace("Kiel", "Jena")),
        lambda t: t.assign(since=t["since"] + pd.Timedelta(days=60)),
    ],
    ids=["missing cells", "an unseen level", "dates"],
)
def test_a_difference_in_one_column_is_seen(change):
    real, other = halves(2000)
    assert table_c2st(real, change(other), **SEED).score > 0.54
    same = table_c2st(real, other, **SEED).score
    assert table_c2st(real, change(other), **SEED).score > same + 0.02


def test_on_numbers_it_is_c2st():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(300, 3)), rng.normal(0.3, size=(300, 3))
    scores = [table_c2st(X, Y, random_state=s).score for s in range(3)]
    # The seed of the folds is the same; c2st draws no rows.
    assert scores == [c2st(X, Y, random_state=s) for s in range(3)]


def test_a_table_beside_itself_is_not_told_apart():
    real, other = halves()
    itself = table_c2st(real, real, **SEED)
    assert itself.score == 0.5
    assert np.mean(list(itself.details.values())) < 0.4  # each row for its twin
    assert c2st(real[["count"]], real[["count"]], **SEED) == 0.5
    assert table_c2st(real, other, **SEED).score >= 0.5


def test_details_are_folds_and_sizes_are_balanced():
    real, other = halves()
    score = table_c2st(real, other[:100], cv=4, **SEED)
    assert list(score.details) == [0, 1, 2, 3]
    area = np.mean(list(score.details.values()))
    assert score.score == max(area, 0.5)
    # 20 rows of each are too few for a single split; 1000 against 20 would not be.
    assert table_c2st(mixed_table(1000), other[:20], **SEED).score == 0.5


def test_text_of_many_levels():
    rng = np.random.default_rng(0)

    def names(make, n_rows=600):
        return pd.DataFrame({"name": [f"{make()} {rng.integers(10**6)}" for _ in range(n_rows)]})

    real = names(lambda: rng.choice(["ford", "opel"]))
    same = names(lambda: rng.choice(["ford", "opel"]))
    other = names(lambda: rng.choice(["audi", "opel"]))
    assert table_c2st(real, same, **SEED).score < 0.56
    assert table_c2st(real, other, **SEED).score > 0.7


@pytest.mark.parametrize("n_levels", [255, 256, 300])
def test_both_sides_of_the_limit_of_levels(n_levels):
    rng = np.random.default_rng(0)
    levels = np.array([f"{i:03d}" for i in range(n_levels)])
    real, same = levels[rng.integers(n_levels, size=(2, 1500, 1))]
    low = levels[rng.integers(n_levels // 2, size=(1500, 1))]
    assert len(np.unique(real)) > 0.95 * n_levels
    assert table_c2st(real, same, **SEED).score < 0.56
    assert 0.65 < table_c2st(real, low, **SEED).score < 0.8  # 0.75 for the best classifier


@pytest.mark.parametrize("cells", [None, 1.0, "a"])
def test_columns_of_a_single_value_or_none(cells):
    real, other = (half.assign(odd=cells) for half in halves())
    assert 0.5 <= table_c2st(real, other, **SEED).score < 0.65


def test_determinism_and_global_generators():
    real, other = halves()
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    scores = [table_c2st(real, other[:300], **SEED) for _ in range(2)]
    assert scores[0] == scores[1]
    assert scores[0] == table_c2st(pl.from_pandas(real), pl.from_pandas(other[:300]), **SEED)
    assert scores[0] != table_c2st(real, other[:300], random_state=1)
    table_c2st(real, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_too_few_rows_for_the_folds():
    real, other = halves()
    with pytest.raises(ValueError, match="synthetic has 4 rows; at least 5 are needed"):
        table_c2st(real, other[:4], cv=5)


# ----------------------------------------------------------------- efficacy


@pytest.mark.parametrize("target, measure", [("grade", "AUC"), ("city", "AUC"), ("height", "R2")])
def test_training_on_copies_is_training_on_real_rows(target, measure):
    real, held_out = halves()
    copies = ml_efficacy(real, real, held_out, target, **SEED)
    nothing = ml_efficacy(real, shuffled(real), held_out, target, **SEED)
    assert copies.details == {"synthetic": copies.score, "real": copies.score, "measure": measure}
    assert copies.score > 0.8
    assert nothing.score < copies.score - 0.25
    assert nothing.details["real"] == copies.score


def test_regression_against_scikit_learn():
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(200, 3)) for _ in range(3)]
    for table in tables:
        table[:, 2] += table[:, 0]
    real, synthetic, held_out = tables
    model = HistGradientBoostingRegressor().fit(synthetic[:, :2], synthetic[:, 2])
    expected = model.score(held_out[:, :2], held_out[:, 2])
    assert ml_efficacy(real, synthetic, held_out, 2).score == pytest.approx(expected)


@pytest.mark.parametrize("n_values, measure", [(10, "AUC"), (11, "R2")])
def test_numbers_of_few_values_are_classes(n_values, measure):
    rows = np.column_stack([np.arange(220) % n_values] * 2).astype(float)
    score = ml_efficacy(rows, rows, rows, 1, **SEED)
    assert score.details["measure"] == measure
    assert score.score > 0.95


@pytest.mark.parametrize("values", [(0, 1, 2), (0.5, 1.5, 2.75), (10.0**16, 10.0**16 + 64, 2e16)])
def test_drawn_numbers_are_read_as_the_nearest_class(values):
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=300)
    rows = np.column_stack([codes + rng.normal(scale=0.2, size=300), np.array(values)[codes]])
    real, held_out = rows[::2], rows[1::2]
    gap = np.diff(values).min()
    drawn = real + [0, 1] * rng.uniform(-0.4, 0.4, size=(150, 1)) * gap
    drawn[:3, 1] = real[:3, 1]
    score = ml_efficacy(real, drawn, held_out, 1, **SEED)
    assert score.details["measure"] == "AUC"
    assert score.score == score.details["real"] > 0.95
    outside = real.copy()
    outside[codes[::2] == 2, 1] += 1000 * gap
    assert ml_efficacy(real, outside, held_out, 1, **SEED).score == score.score


def test_the_real_target_alone_decides_between_classes_and_regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    number = np.hstack([x, x])
    few = np.hstack([x, x.round().clip(-1, 1)])
    assert ml_efficacy(number, few, number, 1, **SEED).details["measure"] == "R2"
    assert ml_efficacy(few, number, few, 1, **SEED).details["measure"] == "AUC"


def test_a_class_that_is_never_made():
    real, held_out = halves()
    no_ulm = real[real["city"] != "Ulm"]
    score = ml_efficacy(real, no_ulm, held_out, "city", **SEED)
    # Rows of the missing class are ranked by chance, the other two classes suffer less.
    assert 0.6 < score.score < score.details["real"] - 0.05
    one_class = real.assign(city="Ulm")
    assert ml_efficacy(real, one_class, held_out, "city", **SEED).score == 0.5


def test_a_class_of_one_row_in_a_long_table():
    # From 10,000 rows on, the booster's own choice is to hold a part of each class back.
    rows = np.column_stack([np.arange(10_010) % 2] * 2).astype(str)
    rows[0] = ["2", "2"]
    assert ml_efficacy(rows, rows, rows[1:], 1, **SEED).score == 1


def test_rows_without_target_are_left_out():
    real, held_out = halves()
    scores = [
        ml_efficacy(real, real, rows, "city", **SEED).score
        for rows in (held_out, held_out[held_out["city"].notna()])
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    "change, target, message",
    [
        (lambda t: t, "town", "target='town' is not among the columns"),
        (lambda t: t[["city"]], "city", "no column beside target='city'"),
        (lambda t: t.assign(city="Ulm"), "city", "target='city' has a single value in held_out"),
        (lambda t: t.assign(city=None), "city", "real has 0 rows with target='city'"),
    ],
)
def test_targets_that_cannot_be_predicted(change, target, message):
    real, held_out = map(change, halves())
    with pytest.raises(ValueError, match=message):
        ml_efficacy(real, real, held_out, target)
