"""Spikes, missing cells and rare levels are drawn as often as the training rows have them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_aae.autoencoder import _base
from tests.instances import fast_classifier, fast_clusterer
from tests.mixed_tables import quick


def spiked(n=600, seed=0):
    """Return a table with a spike and missing cells in columns of many levels."""
    rng = np.random.default_rng(seed)
    zeros, gaps = (np.arange(n) % 20 == k for k in (0, 1))
    return pd.DataFrame(
        {
            "gain": np.where(zeros, 0, rng.lognormal(8, 1, n).round(2)),
            "income": np.where(gaps, np.nan, rng.lognormal(10, 1, n).round(2)),
            "word": rng.choice(["a", "b", "c"], n),
        }
    ).sample(frac=1, random_state=0, ignore_index=True)


def shares(rows):
    return np.array([(rows["gain"] == 0).mean(), rows["income"].isna().mean()])


@pytest.fixture
def unmatched(monkeypatch):
    """Let fits leave shares as the networks learned them."""

    def leave():
        monkeypatch.setattr(_base, "match_shares", lambda *arguments: None)

    return leave


@pytest.mark.parametrize(
    "parameters", [{}, {"output": "independent"}, {"supervision": "decoder"}], ids=str
)
def test_spikes_and_missing_cells_have_their_shares(parameters, unmatched):
    table = spiked()
    y = (table["word"] == "a") if "supervision" in parameters else None
    model = quick(**parameters, max_epochs=5).fit(table, y)
    np.testing.assert_allclose(shares(model.sample(6000)), 0.05, rtol=0.2)
    unmatched()
    plain = quick(**parameters, max_epochs=5).fit(table, y)
    assert np.abs(shares(plain.sample(6000)) / 0.05 - 1).max() > 0.3
    # Training and codes know nothing of it.
    assert plain.history_ == model.history_
    np.testing.assert_array_equal(plain.transform(table), model.transform(table))


@pytest.mark.parametrize("make", [fast_classifier, fast_clusterer])
def test_the_models_of_classifiers_and_clusterers_have_the_shares_too(make):
    table = spiked()
    model = make(n_components=2, max_epochs=5).fit(table, table["word"]).estimator_
    np.testing.assert_allclose(shares(model.sample(6000)), 0.05, rtol=0.2)


def test_rare_levels_have_their_mass_and_categories_one_softmax(unmatched):
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, 201)
    zones = rng.choice(200, 600, p=chances / chances.sum())
    table = pd.DataFrame({"zone": np.char.mod("z%03d", zones), "fare": zones + rng.random(600)})
    counts = table["zone"].value_counts()
    rare = counts.index[counts <= 2]

    def mass(model):
        assert [len(span.digits) for span in model.net_.module_.head.layout.spans] == [1, 1]
        return model.sample(6000)["zone"].isin(rare).mean()

    assert mass(quick(max_epochs=5).fit(table)) == pytest.approx(counts[rare].sum() / 600, rel=0.2)
    unmatched()
    assert mass(quick(max_epochs=5).fit(table)) > 1.4 * counts[rare].sum() / 600


def test_what_goes_on_training_starts_from_what_was_learned(unmatched):
    table = spiked(200)
    model = quick(max_epochs=2, warm_start=True).fit(table)
    head = model.net_.module_.head
    assert head.shifts.any()
    model.partial_fit(table)
    assert not model.net_.module_.head.shifts.any()
    assert head.shifts.any()  # the fitted net is not the one that goes on
    again = model.fit(table).net_.module_.head
    assert again.shifts.any()
    unmatched()
    plain = quick(max_epochs=2, warm_start=True).fit(table).partial_fit(table).fit(table)
    for name, weights in plain.net_.module_.head.named_parameters():
        assert torch.equal(weights, again.get_parameter(name)), name
