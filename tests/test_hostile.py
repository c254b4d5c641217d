"""Whatever is done to an estimator, it says who is to blame and is as it was before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
import torch
from hypothesis import given, settings
from scipy import stats

from sklearn_aae.metrics import c2st, energy_distance, mmd, sliced_wasserstein
from tests.encoding.strategies import STABLE
from tests.hostile import cases, fingerprint, run
from tests.instances import everyday, fast, fast_detector
from tests.mixed_tables import animals


def check(case):
    wrong = list(run(case))
    assert not wrong, "\n".join(wrong)


@settings(STABLE, max_examples=300, database=None)
@given(case=cases())
def test_three_hundred_misuses(case):
    check(case)


@pytest.mark.slow
@settings(STABLE, max_examples=5000, derandomize=False, database=None, print_blob=True)
@given(case=cases())
def test_five_thousand_misuses(case):
    check(case)


def test_a_fingerprint_shows_a_change_of_one_weight():
    model = fast(max_epochs=1).fit(np.eye(12, 3))
    before = fingerprint(model)
    model.transform(np.eye(12, 3))
    assert fingerprint(model) == before
    with torch.no_grad():
        model.net_.module_.encoder[0].weight[0, 0] += 1e-3
    assert fingerprint(model) != before


@pytest.mark.parametrize("estimator", everyday(), ids=lambda e: type(e).__name__)
def test_columns_named_alike_are_named(estimator):
    frame = pd.DataFrame(np.eye(12, 3), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="named alike: 'a'"):
        estimator.fit(frame, np.arange(12) % 2)


@pytest.mark.parametrize("measure", [c2st, energy_distance, mmd, sliced_wasserstein])
def test_measures_of_numbers_name_columns_of_texts(measure):
    table = animals(20)
    with pytest.raises(ValueError, match=r"measure of X .*'animal'.*synthetic_report"):
        measure(table, table)
    with pytest.raises(ValueError, match="X: could not convert string to float: 'cat'"):
        measure(np.full((4, 2), "cat", dtype=object), np.eye(4, 2))


@pytest.mark.parametrize("prior", [stats.norm(np.zeros(3)), stats.gamma(-1.0)])
def test_a_distribution_that_cannot_be_drawn_from_is_named(prior):
    with pytest.raises(ValueError, match=r"prior: .*(norm|gamma) .*n_components=2"):
        fast(prior=prior).fit(np.eye(12, 3))


def test_weights_of_networks_that_started_otherwise_are_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 4))
    fast(init="random", max_epochs=1).fit(X).net_.save_params(f_params=tmp_path / "params.pt")
    model = fast(max_epochs=1).fit(X)
    before = fingerprint(model)
    with pytest.raises(ValueError, match='init="random"'):
        model.net_.load_params(f_params=tmp_path / "params.pt")
    assert fingerprint(model) == before


@pytest.mark.parametrize(
    "make, call",
    [(fast, "score"), (fast_detector, "select"), (fast_detector, "false_discovery_bound")],
)
def test_calls_that_need_all_rows_at_once_refuse_streams(make, call):
    frame = pl.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), schema=["a", "b"])
    estimator = make().fit(frame)
    with pytest.raises(TypeError, match="LazyFrame has no rows yet; collect it"):
        getattr(estimator, call)(frame.lazy())
    with pytest.raises(TypeError, match="Dataset is no table here; read it into one"):
        getattr(estimator, call)(ds.dataset(frame.to_arrow()))


class Around(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("inside", [False, True])
def test_compiled_networks_are_refused(inside):
    compiled = torch.jit.script(torch.nn.Linear(4, 2))
    model = fast(encoder=Around(compiled) if inside else compiled, max_epochs=1)
    with pytest.raises(TypeError, match=r"encoder .*compiled by torch\.jit"):
        model.fit(np.random.default_rng(0).normal(size=(40, 4)))
