"""Files hold the rules of a model and of a detector, and what comes of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sklearn_aae
from tests.instances import fast, fast_detector
from tests.rules.tables import trips

#: The tables have a running number.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_aae.exceptions.IdentifierWarning")


def saved_and_loaded(estimator, folder):
    sklearn_aae.save(estimator, folder / "saved.aae")
    loaded = sklearn_aae.load(folder / "saved.aae")
    assert loaded.rules_ == estimator.rules_
    assert repr(loaded.rules_) == repr(estimator.rules_)
    return loaded


def test_a_model_draws_the_same_rows_by_its_rules(tmp_path):
    model = fast(rules="auto").fit(trips(300))
    loaded = saved_and_loaded(model, tmp_path)
    rows = [own.sample(50, random_state=0) for own in (model, loaded)]
    pd.testing.assert_frame_equal(*rows)
    assert not rows[1].pipe(loaded._keeper.kept.broken).any()


def test_a_detector_names_the_same_rules(tmp_path):
    table = trips(300)
    detector = fast_detector().fit(table)
    loaded = saved_and_loaded(detector, tmp_path)
    odd = table[:20].assign(end=table["start"][:20] - pd.Timedelta("1h"))
    np.testing.assert_array_equal(loaded.score_samples(odd), detector.score_samples(odd))
    assert loaded.explain(odd[:1]) == detector.explain(odd[:1])
