"""What levels cost: no more than so many rows can tell, less than gross cells and unseen levels."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.detection._levels import LevelCosts
from sklearn_aae.detection.scores import additive_kinds

#: Sums over columns that need no rules.
ADDITIVE = [kind for kind in additive_kinds() if kind != "rules"]


def table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    X = z @ np.array([[1.0, 0.5, -0.4], [0.3, -1.0, 0.8]]) + 0.6 * rng.normal(size=(n, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    for name in ("k", "l", "m"):
        frame[name] = rng.choice(list("uvwxyz"), n, p=[0.45, 0.3, 0.12, 0.07, 0.04, 0.02])
    frame["rare"] = rng.choice(["yes", "no"], n, p=[0.985, 0.015])
    frame["truth"] = rng.random(n) < 0.03
    frame["gap"] = np.where(rng.random(n) < 0.04, None, np.where(z[:, 0] > 0, "p", "q"))
    frame["hole"] = np.where(rng.random(n) < 0.04, np.nan, rng.normal(size=n))
    return frame


@pytest.fixture(scope="module")
def fitted():
    detector = AAEOutlierDetector(
        "autoregressive", calibration="split", max_epochs=20, random_state=0
    )
    return detector.fit(table())


@pytest.mark.parametrize("kind", ADDITIVE)
def test_a_gross_number_is_named_before_a_rare_level(fitted, kind):
    rows, rng = table(150, 1), np.random.default_rng(0)
    spread = rows["a"].std()
    gross = rows.assign(a=rows["a"].median() + 30 * spread * rng.choice([-1, 1], len(rows)))
    named = [row[0].column for row in fitted.explain(gross, top=1, kind=kind)]
    assert np.mean([name == "a" for name in named]) >= 0.95


@pytest.mark.parametrize("kind", ADDITIVE)
@pytest.mark.parametrize("column", ["k", "rare", "gap"])
def test_an_unseen_level_costs_more_than_any_seen_one(fitted, kind, column):
    rows = table(60, 2)
    new = fitted.score_samples(rows.assign(**{column: "new"}), kind)
    for level in table()[column].dropna().unique():
        seen = fitted.score_samples(rows.assign(**{column: level}), kind)
        assert np.median(new - seen) < 0, level


@pytest.mark.parametrize("kind", ["likelihood", "marginal", "autoregressive"])
def test_a_seen_level_costs_at_most_what_rows_can_tell(fitted, kind):
    rows = table(100, 3)
    n, names = 600 - fitted.n_held_out_, list(rows)
    usual = fitted._reader.fold(fitted._scores[kind].usual_[np.newaxis])[0]
    costs = fitted.score_contributions(rows, kind) - usual
    # Costs are bounded by what is usual without bounds, which is more than that with them.
    assert costs[:, [names.index(name) for name in ("k", "rare", "truth", "gap")]].max() < (
        np.log(n + 1) + 1
    )
    for column in ("k", "rare", "gap"):
        new = fitted.score_contributions(rows.assign(**{column: "new"}), kind) - usual
        assert new[:, names.index(column)].min() > np.log(2 * (n + 1))


def test_costs_are_bounded_by_column_for_what_each_member_sees():
    columns = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    costs = LevelCosts(np.array([-1, 0, 0, -1, 7]), n_rows=99, away_of_new=8.0)
    usual = np.array([[5.0, 1.0, 2.0, 5.0], [1.0, 2.0, 5.0, -1.0]])
    costs.fit(
        SimpleNamespace(columns=columns, losses=["cell_losses"], cell_losses=usual[:, np.newaxis])
    )
    more = np.array(
        [
            [[40.0, 1.0, 2.0, 40.0], [40.0, 30.0, -10.0, 40.0], [0.0, 1.0, 1.0, 0.0]],
            [[1.0, 2.0, 40.0, 0.5], [30.0, -10.0, 40.0, 90.0], [50.0, 50.0, 0.0, -3.0]],
        ]
    )
    x = np.ones((2, 3, 4))
    x[0, 2, 1] = x[1, 2, 0] = -costs.away_of_new
    found = costs.bounded("cell_losses", usual[:, np.newaxis] + more, x, columns)
    found -= usual[:, np.newaxis]
    most, least = np.log(100), np.log(200)
    expected = more.copy()
    expected[0, 1, 1:3] *= most / 20
    expected[0, 2, 1:3] += (least - 2) / 2
    expected[1, 1, :2] *= most / 20
    expected[1, 1, 3] = most
    np.testing.assert_allclose(found, expected)


def test_a_cell_missing_in_few_rows_is_named_and_one_in_many_is_bounded():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(600, 3)), columns=list("abc")).assign(t="u")
    frame.loc[::25, "a"] = np.nan
    frame.loc[[7, 300], "b"] = np.nan
    detector = AAEOutlierDetector("likelihood", calibration="split", max_epochs=20, random_state=0)
    detector.fit(frame)
    bounded = detector._model.level_costs.column_of_level
    assert np.bincount(bounded[bounded >= 0], minlength=4).tolist() == [1, 0, 0, 1]
    rows = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc")).assign(t="u")
    for kind in ("default", "likelihood", "marginal"):
        reasons = detector.explain(rows.assign(b=np.nan), top=1, kind=kind)
        assert np.mean([row[0].column == "b" for row in reasons]) > 0.95, kind
