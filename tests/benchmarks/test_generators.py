from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from benchmarks._ctgan import Filled
from benchmarks._generators import Copy, GaussianCopula, IndependentColumns, Levels, ShallowMixture
from benchmarks._peer_tables import Autoregressive, Forest, _numpy_of_its_time
from tests.metrics.mixed import mixed_table

GENERATORS = {
    "copy": Copy,
    "independent": IndependentColumns,
    "copula": lambda: GaussianCopula(0),
    "mixture": lambda: ShallowMixture(random_state=0),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_samples_have_the_schema_and_the_cells_of_the_table(name):
    table = mixed_table()
    model = GENERATORS[name]().fit(table)
    drawn = model.sample(1500, random_state=1)
    assert drawn.dtypes.to_dict() == table.dtypes.to_dict()
    assert drawn.index.equals(pd.RangeIndex(1500))
    for column in table:
        assert set(drawn[column].dropna()) <= set(table[column].dropna())
        # Up to 4 standard deviations of the shares in both tables.
        assert drawn[column].isna().mean() == pytest.approx(table[column].isna().mean(), abs=0.05)
    assert drawn["city"].value_counts(normalize=True).to_dict() == pytest.approx(
        table["city"].value_counts(normalize=True).to_dict(), abs=0.08
    )
    assert_frame_equal(model.sample(1500, random_state=1), drawn)
    assert not model.sample(1500, random_state=2).equals(drawn)


def related(n_rows=3000, seed=0):
    """Two columns with a correlation of 0.8, one without, and a category cut from the first."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=n_rows)
    second = 0.8 * first + 0.6 * rng.normal(size=n_rows)
    return pd.DataFrame(
        {
            "first": np.exp(first),
            "second": second,
            "alone": rng.normal(size=n_rows),
            "size": np.array(["a small", "b large"])[(first > 1).astype(int)],
        }
    )


def test_the_copula_reproduces_a_rank_correlation():
    table = related()
    drawn = GaussianCopula(0).fit(table).sample(3000, random_state=0)
    numbers = ["first", "second", "alone"]
    expected = table[numbers].corr(method="spearman")
    found = drawn[numbers].corr(method="spearman")
    assert expected.loc["first", "second"] > 0.75
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_the_copula_ties_categories_to_numbers():
    drawn = GaussianCopula(0).fit(related()).sample(3000, random_state=0)
    means = drawn.groupby("size")["second"].mean()
    assert means["b large"] - means["a small"] > 0.5


def test_independent_columns_are_independent():
    drawn = IndependentColumns().fit(related()).sample(3000, random_state=0)
    assert abs(drawn["first"].corr(drawn["second"], method="spearman")) < 0.08


@pytest.mark.parametrize("seed", range(5))
def test_the_mixture_separates_two_clusters(seed):
    rng = np.random.default_rng(0)
    group = rng.random(1000) < 0.3
    table = pd.DataFrame(
        {
            "x": 10.0 * group + rng.normal(size=1000),
            "y": np.where(group, "left", "right"),
            "z": np.where(group, 1, 2),
        }
    )
    model = ShallowMixture(2, random_state=seed).fit(table)
    weights = np.exp(model.log_weights)
    assert weights.min() == pytest.approx(group.mean(), abs=0.02)
    drawn = model.sample(2000, random_state=0)
    left = drawn["y"] == "left"
    assert left.mean() == pytest.approx(group.mean(), abs=0.05)
    assert ((drawn["x"] > 5) == left).mean() > 0.98
    assert ((drawn["z"] == 1) == left).mean() > 0.98
    alone = ShallowMixture(1, random_state=0).fit(table).sample(2000, random_state=0)
    assert ((alone["x"] > 5) == (alone["y"] == "left")).mean() < 0.7


def test_levels_stand_for_cells_near_by():
    rng = np.random.default_rng(0)
    column = pd.Series(np.where(rng.random(2000) < 0.1, np.nan, rng.normal(size=2000)))
    levels = Levels(column, 20)
    assert len(levels.counts) == 21
    rows = levels.draw(levels.codes, rng)
    assert (levels.codes[rows] == levels.codes).all()
    assert (column[rows].isna().to_numpy() == column.isna().to_numpy()).all()
    assert np.corrcoef(column.dropna(), column[rows].dropna())[0, 1] > 0.95
    assert len(set(rows)) > 1000  # not one and the same cell for each level


def test_rows_filled_for_other_packages_come_back():
    table = mixed_table(60)
    filled = Filled(table)
    rows = filled.fill()
    assert not rows.isna().any(axis=None)
    assert filled.discrete == ["city", "grade", "member", "(missing) height", "(missing) since"]
    assert_frame_equal(filled.unfill(rows), table)


PEERS = {"argn": ("mostlyai.engine", {"max_epochs": 1}), "arf": ("arfpy", {"num_trees": 3})}


@pytest.mark.parametrize("name", PEERS)
def test_peers_return_tables_as_they_came(name):
    package, settings = PEERS[name]
    pytest.importorskip(package, reason="a peer that no extra installs")
    table = mixed_table()
    model = {"argn": Autoregressive, "arf": Forest}[name](0, **settings).fit(table)
    drawn = model.sample(300, random_state=1)
    assert drawn.dtypes.to_dict() == table.dtypes.to_dict()
    assert set(drawn["city"].dropna()) <= set(table["city"].dropna())
    assert_frame_equal(model.sample(300, random_state=1), drawn)


def test_numpy_is_lent_what_the_forest_calls_and_no_longer():
    there = hasattr(np, "in1d")
    with _numpy_of_its_time():
        assert np.in1d([1, 2], [2]).tolist() == [False, True]
    assert hasattr(np, "in1d") == there
