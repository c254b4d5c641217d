"""What is expected in place of a cell: intervals that hold, and never the cell itself."""

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.detection._explain import _quantile, is_same
from sklearn_aae.exceptions import ConstantTableWarning


def normal(rng, n):
    return rng.normal(size=(n, 4))


def log_normal(rng, n):
    return rng.lognormal(size=(n, 3))


def dependent(rng, n):
    first = rng.normal(size=n)
    return np.stack([first, 2 * first + np.exp(first / 2) * rng.normal(size=n)], axis=1)


def mixed(rng, n):
    kind = rng.choice(list("abc"), n)
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 0.5, n).round(2),
            "count": rng.poisson(3, n),
            "kind": kind,
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n) + 3 * (kind == "a")),
        }
    )
    return frame


def inside(detector, rows):
    """Return by column which share of the cells lies within their intervals."""
    reasons = [reason for row in detector.explain(rows, top=4) for reason in row]
    cells = [(r.column, r.low <= r.value <= r.high) for r in reasons if r.low is not None]
    known = pd.DataFrame(cells, columns=["column", "inside"])
    assert all(r.low <= r.expected <= r.high for r in reasons if r.low is not None)
    return known[[r.value == r.value for r in reasons if r.low is not None]]


@pytest.mark.parametrize("make", [normal, log_normal, dependent, mixed])
def test_nine_tenths_of_normal_cells_lie_within_their_intervals(make):
    rng = np.random.default_rng(0)
    detector = AAEOutlierDetector(random_state=0, max_epochs=20).fit(make(rng, 700))
    shares = inside(detector, make(rng, 400)).groupby("column")["inside"].mean()
    # Four standard errors: of the rows here, and of those that tell how wide intervals are.
    assert (shares > 0.9 - 4 * np.sqrt(0.09 / 400 + 0.09 / 630)).all()
    assert (shares.drop("count", errors="ignore") < 0.9 + 4 * np.sqrt(0.09 / 400)).all()


def test_intervals_are_no_wider_than_the_column_needs():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(800, 1))
    X = np.hstack([first, first + 0.1 * rng.normal(size=(800, 1)), rng.normal(size=(800, 1))])
    detector = AAEOutlierDetector(random_state=0, max_epochs=20).fit(X)
    reasons = [r for row in detector.explain(X[:50], top=3) for r in row]
    widths = {j: np.median([r.high - r.low for r in reasons if r.column == j]) for j in range(3)}
    assert max(widths[0], widths[1]) < 1.5  # the other of the two says where it is
    assert 2.8 < widths[2] < 4.2  # 3.3 for a normal column that nothing tells of


def test_gross_training_cells_do_not_widen_intervals():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    X[::12, 1] = 1e6
    detector = AAEOutlierDetector(random_state=0, max_epochs=20).fit(X)
    (reason,) = detector.explain(np.array([[0.0, 1e5, 0.0]]), top=1)[0]
    assert reason.column == 1
    assert -4 < reason.low < reason.expected < reason.high < 4


def test_intervals_of_a_given_model_hold_too():
    rng = np.random.default_rng(0)
    model = AdversarialAutoencoder(max_epochs=3, n_components=2, random_state=0)
    detector = AAEOutlierDetector(estimator=model, random_state=0).fit(rng.normal(size=(300, 3)))
    assert 0.8 < inside(detector, rng.normal(size=(80, 3)))["inside"].mean() < 0.97


def test_a_reason_is_never_that_a_cell_is_as_expected():
    rng = np.random.default_rng(0)
    frame = mixed(rng, 400).assign(always="x", never=np.nan, one=1)
    detector = AAEOutlierDetector(random_state=0, max_epochs=20).fit(frame)
    reasons = detector.explain(frame[:60], top=3)
    assert not any(is_same(r.value, r.expected) for row in reasons for r in row)
    assert all(len(row) <= 3 for row in reasons)
    shares = [[r.share for r in row] for row in reasons]
    assert all(row == sorted(row, reverse=True) for row in shares)
    # Where nothing is left to name, nothing is named.
    same = pd.DataFrame({"kind": ["a"] * 300, "one": 1})
    with pytest.warns(ConstantTableWarning):
        detector = AAEOutlierDetector(random_state=0, max_epochs=2).fit(same)
    assert detector.explain(same[:2]) == [[], []]


def test_missing_cells_are_alike():
    assert all(is_same(*pair) for pair in [(np.nan, None), (pd.NA, pd.NaT), ("a", "a"), (1, 1.0)])
    assert not any(is_same(*pair) for pair in [(np.nan, 1.0), ("a", None), (1, 2)])


def test_quantiles_are_conformal():
    values = np.arange(1.0, 2000.0)  # 1,900 of 1,999, and half a standard deviation more
    assert _quantile(values) == 1905
    assert _quantile(np.arange(3.0)) == 2
    assert _quantile(np.empty(0)) == 0


@pytest.mark.parametrize("make", [lambda frame: frame, pd.DataFrame.to_numpy])
def test_what_is_expected_lies_within_the_range_of_the_column(make):
    rng = np.random.default_rng(0)
    skewed = pd.DataFrame({"a": rng.exponential(size=500), "b": rng.lognormal(sigma=2, size=500)})
    skewed["a"] *= rng.random(500) < 0.5
    frame = skewed if make is pd.DataFrame.to_numpy else skewed.assign(t=["u", "v"] * 250)
    detector = AAEOutlierDetector(random_state=0, max_epochs=5, rules=None).fit(make(frame))
    reasons = [reason for row in detector.explain(make(frame), top=3) for reason in row]
    for name, column in skewed.items():
        own = [r for r in reasons if r.column in (name, list(skewed).index(name))]
        ends = np.array([[r.low, r.expected, r.high] for r in own])
        assert column.min() <= ends.min()
        assert ends.max() <= column.max()


def test_what_is_expected_among_whole_numbers_is_one():
    rng = np.random.default_rng(0)
    X = np.stack([rng.poisson(4, 400), rng.integers(0, 30, 400) / 10, rng.normal(size=400)], axis=1)
    detector = AAEOutlierDetector(random_state=0, max_epochs=5).fit(X)
    reasons = [reason for row in detector.explain(X[:100], top=3) for reason in row]
    for column, factor in ((0, 1), (1, 10)):
        ends = np.array([r[2:5] for r in reasons if r.column == column]) * factor
        np.testing.assert_allclose(ends, ends.round(), atol=1e-9)
    assert not any(reason.value == reason.expected for reason in reasons)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_expected_dates_lie_within_the_range_of_the_column(zone):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2019-11-20", tz=zone) + pd.to_timedelta(rng.integers(0, 100, 300), "D")
    frame = pd.DataFrame({"day": days, "a": rng.normal(size=300)})
    detector = AAEOutlierDetector(random_state=0, max_epochs=2, rules=None).fit(frame)
    found = [r.expected for row in detector.explain(frame) for r in row if r.column == "day"]
    assert found
    assert days.min() <= min(found)
    assert max(found) <= days.max()


def test_what_is_expected_lies_on_the_grid_of_the_column():
    rng = np.random.default_rng(0)
    X = np.stack([rng.integers(0, 40, 400) * 15, rng.normal(size=400)], axis=1)
    for table in (X, pd.DataFrame(X, columns=["minutes", "b"]).assign(kind=["u", "v"] * 200)):
        detector = AAEOutlierDetector(random_state=0, max_epochs=3, rules=None).fit(table)
        reasons = [r for row in detector.explain(table[:60], top=3) for r in row]
        ends = np.array([r[2:5] for r in reasons if r.column in (0, "minutes")], dtype=float)
        assert len(ends) > 20
        assert not (ends % 15).any()


def test_numbers_of_float32_are_as_expected_if_they_look_alike():
    assert is_same(float(np.float32(0.1)), 0.1)
    assert not is_same(0.1, 0.1001)


def test_categories_come_with_their_probability():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 500)
    frame = pd.DataFrame({"kind": kind, "size": rng.normal(size=500) + 8 * (kind == "b")})
    frame["zone"] = np.where(rng.random(500) < 0.8, "x", rng.choice(list("yzuvw"), 500))
    detector = AAEOutlierDetector(random_state=0, rules=None).fit(frame)
    odd = pd.DataFrame({"kind": ["b", "a"], "size": [0.0, 8.0], "zone": ["x", "x"]})
    for row, expected in zip(detector.explain(odd, top=3), "ab", strict=True):
        found = {reason.column: reason for reason in row}
        assert found["kind"].expected == expected
        assert 0.8 < found["kind"].probability <= 1
        assert found["kind"].low is found["kind"].high is None
    for row in detector.explain(frame[frame["zone"] != "x"][:9], top=3):
        (zone,) = (reason for reason in row if reason.column == "zone")
        assert zone.expected == "x"
        assert 0.6 < zone.probability <= 1
    numbers = [r for row in detector.explain(frame[:9], 3) for r in row if r.column == "size"]
    assert all(reason.probability is None for reason in numbers)


def test_a_broken_rule_says_what_to_expect():
    rng = np.random.default_rng(0)
    zone = rng.integers(0, 6, 400)
    frame = pd.DataFrame({"zone": [f"z{z}" for z in zone], "side": np.where(zone < 3, "l", "r")})
    frame["fare"], frame["tip"] = rng.integers(300, 900, 400), rng.integers(0, 90, 400)
    frame["total"] = frame["fare"] + frame["tip"]
    detector = AAEOutlierDetector(random_state=0, max_epochs=5).fit(frame)
    odd = frame[:40].assign(side=np.where(zone < 3, "r", "l")[:40], total=frame["total"][:40] + 7)
    for i, row in enumerate(detector.explain(odd, top=5)):
        found = {reason.column: reason for reason in row}
        assert not any(is_same(reason.value, reason.expected) for reason in row)
        assert found["side"].expected == frame["side"][i]
        assert found["side"].probability > 0.99
        assert found["total"].expected == frame["total"][i]
        assert found["total"].low <= found["total"].expected <= found["total"].high
        assert {row[0].column, row[1].column} <= {"side", "total", "zone", "fare", "tip"}
