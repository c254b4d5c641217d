"""What changes where training rows are known to be normal, and where columns are many or rare."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sklearn_aae.detection.scores._mixture import DistancePart, LossPart
from sklearn_aae.exceptions import ConstantTableWarning
from tests.detection.test_outlier import clean
from tests.instances import fast_detector


def test_nearest_rows_and_the_farthest_cell_are_the_default_of_clean_rows():
    detector = fast_detector(contamination=0).fit(clean(300, 0))
    new = clean(20, 1)
    parts = detector._scores["default"].parts
    assert [part.which for part in parts] == ["beyond", "nearest"]
    cells = detector.score_contributions(new)
    np.testing.assert_allclose(cells.sum(axis=1), -detector.score_samples(new))
    # All other kinds but those that compare with stored rows stay what they were.
    with_likelihood = fast_detector().fit(clean(300, 0))._scores["default"].parts
    assert [part.which for part in with_likelihood] == [
        "cell_losses", "marginal_losses", "beyond", "core", "nearest"
    ]  # fmt: skip


@pytest.mark.parametrize("contamination", [0, "auto"])
def test_rows_between_groups_are_odd(contamination):
    """The mean of a few near rows tells what is in the midst of a group from what is beside it."""
    rng = np.random.default_rng(2)

    def rows(n):
        return 4.0 * rng.integers(0, 2, size=(n, 1)) + rng.normal(scale=0.3, size=(n, 6))

    new = np.concatenate([rows(100), 2 + rng.normal(scale=0.3, size=(100, 6))])
    detector = fast_detector(contamination=contamination, max_epochs=5).fit(rows(300))
    labels = np.repeat([0, 1], 100)
    assert roc_auc_score(labels, -detector.score_samples(new)) > 0.99
    part = detector._scores["reference"].parts[1]
    assert part.which == "nearest"
    distances = detector._model.evidence(detector._reader.transform(new)).nearest.distance
    assert roc_auc_score(labels, distances.mean(axis=0)) > 0.99


def test_gross_cells_of_clean_rows_are_normal():
    X, new = clean(400, 3), clean(30, 4)
    X[:40, 0] = new[:, 0] = 1e4
    for rows in (X[:40], new):
        rows[:, 0] += np.random.default_rng(5).normal(size=len(rows))
    detector = fast_detector(contamination=0, max_epochs=5).fit(X)
    assert (detector.p_values(new) <= 0.05).mean() < 0.5
    new[:, 0] = -1e6
    assert (detector.p_values(new) <= 0.05).all()


def sparse(n, rng, n_columns=120, n_unused=20):
    """Return rows of rare marks, each of which is in a column of its own."""
    rows = rng.random((n, n_columns)) < 1.5 / n
    return np.concatenate([rows, np.zeros((n, n_unused), bool)], axis=1).astype(float)


def test_a_mark_in_an_unused_column_is_no_news_where_many_are_used_once():
    rng = np.random.default_rng(6)
    X = sparse(300, rng)
    detector = fast_detector().fit(X)
    unused = np.flatnonzero(detector._reader.scale.constant_)
    new = np.zeros((3, X.shape[1]))
    new[0, unused[0]], new[1, unused[0]] = 1.0, 2.0
    once, twice, none = np.abs(detector._reader.transform(new)[:, unused[0]])
    # As far as a mark that one row had, and a little more.
    assert 15 < once < twice < 22
    assert none == 0
    # Where nothing of the kind ever happened, it is as far as any value is in such a column.
    X[:] = 0
    with pytest.warns(ConstantTableWarning):
        empty = fast_detector().fit(X)
    assert np.abs(empty._reader.transform(new)[0, unused[0]]) > 100


def test_far_cells_count_from_where_they_are_usual_on():
    X = sparse(600, np.random.default_rng(7))
    X[:, :4] += np.random.default_rng(8).normal(size=(600, 4))
    detector = fast_detector(contamination=0).fit(X)
    part = detector._scores["default"].parts[0]
    assert part.scale_.usual_ > 0
    assert part.scale_(np.array([[part.scale_.usual_, part.scale_.usual_ + 1]])) == pytest.approx(
        [-4, 6]
    )
    assert fast_detector().fit(clean(300, 9))._scores["default"].parts[2].scale_.usual_ == 0


def test_members_that_see_parts_of_a_row_say_one_distance():
    part = DistancePart(1.0, "nearest")

    class Seen:
        n_features, columns = 4, np.array([[0, 1], [2, 3]])
        nearest = type("Found", (), {"distance": np.array([[3.0, 1.0], [4.0, 1.0]])})

    np.testing.assert_allclose(part.values(Seen), [[np.sqrt(12.5), 1.0]])
    Seen.n_features = 2
    np.testing.assert_array_equal(part.values(Seen), Seen.nearest.distance)


def test_losses_count_less_beside_distances_in_wide_tables():
    rng = np.random.default_rng(11)
    for n_columns, less in ((64, 0.0), (128, np.log(2))):
        detector = fast_detector(max_epochs=5).fit(rng.normal(size=(60, n_columns)))
        parts = {part.which: part for part in detector._scores["default"].parts}
        of_model = {part.which: part for part in detector._scores["model"].parts}
        rows = detector._reader.transform(rng.normal(size=(5, n_columns)))
        evidence = detector._model.evidence(rows)
        for which in ("cell_losses", "marginal_losses"):
            alone = of_model[f"bounded_{which}"](evidence)
            np.testing.assert_allclose(alone - parts[which](evidence), less)
        for which in ("beyond", "core", "nearest"):
            part = parts[which]
            value = part.weight * part.scale_(part.values(evidence))
            np.testing.assert_array_equal(part(evidence), value)


def test_levels_of_a_column_do_not_make_a_table_wide():
    rng = np.random.default_rng(12)
    levels = np.array([f"no. {i}" for i in range(50)])
    X = pd.DataFrame({name: rng.permutation(levels.repeat(6)) for name in ("city", "shop")})
    X["size"] = rng.normal(size=300)
    detector = fast_detector(max_epochs=5).fit(X)
    assert detector._model.n_features > 64
    of_default, of_model = (detector._scores[kind].parts for kind in ("default", "model"))
    assert of_default[0].less_ == of_model[0].less_ == 0
    evidence = detector._model.evidence(detector._reader.transform(detector._check_rows(X)))
    by_themselves = {"which": "marginal_losses", "like": "cell_losses"}
    beside, alone = (
        LossPart(0.5, beside_distances=b, **by_themselves).fit(evidence) for b in (True, False)
    )
    assert beside.less_ == alone.less_
