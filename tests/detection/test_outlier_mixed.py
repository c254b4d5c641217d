"""The detector on frames of mixed types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection.scores import additive_kinds
from tests.instances import fast, fast_detector


def mixed(n_samples=400, seed=0):
    """Return numbers, text, booleans and missing cells that depend on each other."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n_samples)
    height = 10.0 * kind + rng.normal(size=n_samples)
    frame = pd.DataFrame(
        {
            "height": height,
            "kind": np.array(["oak", "elm", "fir"])[kind],
            "old": height > 10,
            "age": np.where(
                rng.random(n_samples) < 0.1, np.nan, height + rng.normal(size=n_samples)
            ),
            "site": np.array(["north", "south"])[rng.integers(2, size=n_samples)],
        }
    )
    return frame


@pytest.fixture(scope="module")
def fitted():
    return AAEOutlierDetector(random_state=0).fit(mixed())


@pytest.fixture(scope="module")
def with_all_kinds():
    return fast_detector(kind="autoregressive", max_epochs=10).fit(mixed())


@pytest.mark.parametrize("kind", additive_kinds())
def test_contributions_are_those_of_the_tables_columns(with_all_kinds, kind):
    fitted, frame = with_all_kinds, mixed(50, 1)
    parts = fitted.score_contributions(frame, kind=kind)
    assert parts.shape == frame.shape
    np.testing.assert_allclose(parts.sum(axis=1), -fitted.score_samples(frame, kind), atol=1e-6)


def test_an_impossible_combination_is_found_and_named(fitted):
    """Both cells are common; only together they are odd."""
    frame = mixed(60, 2)
    odd = frame.assign(kind=frame["kind"].map({"oak": "fir", "elm": "oak", "fir": "oak"}))
    before, after = fitted.score_samples(frame), fitted.score_samples(odd)
    assert (after < before).mean() > 0.95
    first = [row[0] for row in fitted.explain(odd, top=1)]
    named = [i for i, reason in enumerate(first) if reason.column == "kind"]
    assert len(named) > 40
    hits = [first[i].expected == frame["kind"][i] for i in named]
    assert np.mean(hits) > 0.8
    assert {first[i].low for i in named} == {None}


def test_unseen_categories_surprise_or_are_an_error(fitted):
    frame = mixed(30, 3)
    new = frame.assign(kind="yew")
    assert (fitted.score_samples(new) < fitted.score_samples(frame)).all()
    assert np.mean([row[0].column == "kind" for row in fitted.explain(new, top=1)]) > 0.9
    strict = fast_detector(handle_unknown="error").fit(mixed())
    strict.predict(frame)
    with pytest.raises(ValueError, match=r"Column 'kind' has the level 'yew'.*handle_unknown"):
        strict.predict(new)


def test_a_category_that_only_held_out_rows_have_is_no_error():
    frame = mixed()
    frame.loc[frame.index[:200], "site"] = [f"site {i}" for i in range(200)]
    detector = fast_detector(handle_unknown="error").fit(frame)
    assert (detector.predict(frame) == 1).mean() > 0.5


def test_polars_and_pandas_score_the_same():
    frame = mixed()
    same = pl.DataFrame(
        {name: [None if pd.isna(x) else x for x in frame[name]] for name in frame.columns}
    )
    ours, theirs = fast_detector().fit(frame), fast_detector().fit(same)
    np.testing.assert_allclose(ours.score_samples(frame), theirs.score_samples(same), atol=1e-9)
    assert theirs.explain(same[:2], top=1)[0][0].column in frame.columns


def test_missing_cells_are_a_value_where_fit_saw_some(fitted):
    frame = mixed(30, 4)
    assert np.isfinite(fitted.score_samples(frame.assign(age=np.nan))).all()
    # Of height none was missing.
    gone = frame.assign(height=np.nan)
    assert (fitted.score_samples(gone) < fitted.score_samples(frame)).all()
    assert np.mean([row[0].column == "height" for row in fitted.explain(gone, top=1)]) > 0.9


def test_numbers_in_a_frame_are_read_as_in_an_array():
    frame = mixed()[["height"]].assign(twice=2.0)
    ours, theirs = fast_detector().fit(frame), fast_detector().fit(frame.to_numpy())
    np.testing.assert_array_equal(ours.score_samples(frame), theirs.score_samples(frame.to_numpy()))


def test_a_model_of_numbers_refuses_text():
    with pytest.raises(ValueError, match="'kind'"):
        fast_detector(estimator=fast()).fit(mixed())


def test_too_few_rows_of_mixed_types():
    with pytest.raises(ValueError, match="minimum of 2"):
        fast_detector().fit(mixed(1))
    small = mixed(5)
    with pytest.warns(UserWarning, match="cannot be kept with 5 rows"):
        detector = fast_detector().fit(small)
    assert np.isfinite(detector.score_samples(small)).all()
