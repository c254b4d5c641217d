"""Graphs of ONNX mind the rules of a table as Python does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, export_onnx
from sklearn_aae.rules import (
    AbsentPairs,
    Bounds,
    Determines,
    Difference,
    Order,
    Presence,
    Product,
    Sum,
)
from tests.serving.graphs import (
    DETECTOR,
    MODEL,
    assert_agree,
    columns_in,
    feed_of,
    fit_quickly,
    session_of,
)


def orders(n=200, seed=0):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 100, n)
    frame = pd.DataFrame({"start": start, "end": start + rng.integers(1, 90, n)})
    frame["rate"] = 0.25 * rng.integers(0, 40, n)
    frame["sent"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 9**9, n), "s")
    frame["back"] = frame["sent"] + pd.to_timedelta(rng.integers(0, 10**6, n), "s")
    frame["paid"] = np.where(frame["rate"] > 5, rng.normal(size=n), np.nan)
    frame["lost"] = np.where(frame["rate"] > 5, np.nan, rng.normal(size=n))
    return frame


def test_detectors_mind_rules(tmp_path):
    rules = [
        Order("start", "end", strict=True),
        Order("sent", "back"),
        Bounds("rate", low=0, step=0.25),
        Bounds("start", low=0, high=99, whole=True),
        Presence("paid", "lost", when_missing=False),
    ]
    later = orders(80, seed=1)
    later["end"] = later["start"] + np.arange(80) % 3
    later.loc[::2, "back"] -= pd.Timedelta("5D")
    later.loc[::3, "rate"] += 0.1
    later["start"] = np.where(np.arange(80) % 5, later["start"], 7.5 * np.arange(80))
    later.loc[::7, "paid"] = 1.0
    later.loc[::11, "end"] = np.nan
    for names in (["start", "end", "rate"], list(later)):
        own = [rule for rule in rules if set(rule.columns) <= set(names)]
        detector = fit_quickly(AAEOutlierDetector(rules=own), orders()[names])
        session = session_of(detector, tmp_path, DETECTOR)
        assert_agree(detector, session, later[names])
        assert_agree(detector, session, orders(9, seed=2)[names])


def trips(n=300, seed=0):
    """Return a table whose columns follow from others in every way that rules know."""
    rng = np.random.default_rng(seed)
    borough = {"Astoria": "Queens", "Harlem": "Manhattan", "Soho": "Manhattan", "Tremont": "Bronx"}
    zone = rng.choice(list(borough), n)
    fare, tip = (np.round(rng.gamma(3, 4, n), 2) for _ in range(2))
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n), "s")
    took = pd.to_timedelta(rng.integers(60, 4000, n), "s")
    pieces, price = rng.integers(1, 9, n), np.round(rng.gamma(2, 5, n), 3)
    frame = pd.DataFrame({"zone": zone, "borough": [borough[own] for own in zone]})
    frame = frame.assign(fare=fare, tip=tip, total=np.round(fare + tip + 2.5, 2))
    frame = frame.assign(start=start, took=took, end=start + took)
    return frame.assign(pieces=pieces, price=price, paid=np.round(pieces * price, 2))


def wrong_trips():
    """Return later rows that break the rules of trips, and rows that they say nothing about."""
    later = trips(120, seed=1)
    later.loc[::5, "borough"] = "Queens"
    later.loc[1, "borough"] = later.loc[2, "zone"] = "new"
    later.loc[::4, "total"] += 0.01
    later.loc[1::9, "total"] += 1 / 3
    later.loc[::7, "paid"] += 0.01
    later.loc[::6, "end"] += pd.Timedelta("1s")
    later.loc[8, "took"] = -later.loc[8, "took"]
    later.loc[9, "end"] = pd.Timestamp("9999-12-30")
    later.loc[10, ["tip", "zone", "start", "paid"]] = None
    return later


def test_rules_that_were_found(tmp_path):
    detector = fit_quickly(AAEOutlierDetector(), trips())
    kinds = {type(rule).__name__ for rule in detector.rules_}
    assert {"Determines", "Sum", "Product", "Bounds"} <= kinds
    session = session_of(detector, tmp_path, DETECTOR)
    later = wrong_trips()
    assert detector._reader.broken(later).any(axis=0).sum() >= 5
    assert_agree(detector, session, later)
    assert_agree(detector, session, trips(9, seed=2))


def test_rules_about_levels_of_every_type(tmp_path):
    rng = np.random.default_rng(0)
    week, shift = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
    shift[week == 0] = 1 + week[week == 0] % 2
    shift[week == 3] = 0
    frame = pd.DataFrame({"week": week, "shift": np.array(["early", "late", ""])[shift]})
    frame["rate"] = 0.1 * (week * 3 + shift)
    frame["open"] = shift > 0
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(week, "D")
    frame["pause"] = pd.to_timedelta(90 * shift, "min")
    left = frame["week"] - frame["rate"] - frame["open"]
    rules = [
        Determines(["week", "shift"], "rate"),
        Determines("rate", "open"),
        Determines("day", "week"),
        Determines("pause", "shift"),
        Determines(["week", "open"], "day", mapping=[[[2, True], "2026-01-03T00:00:00"]]),
        AbsentPairs("week", "open", [(0, False), (3, True)]),
        AbsentPairs("day", "pause", [("2026-01-01T00:00:00", 0), ("2027-01-01T00:00:00", 5400)]),
        AbsentPairs("shift", "open"),
        Sum("week", ["rate", "open"], offsets=left.round(1).unique()),
    ]
    detector = fit_quickly(AAEOutlierDetector(rules=rules), frame)
    session = session_of(detector, tmp_path, DETECTOR[:1])
    later = frame[:200].astype({"week": float, "open": "boolean"})
    for seed, name in enumerate(later):
        odd = np.random.default_rng(seed).permutation(200) < 90
        later.loc[odd, name] = np.random.default_rng(seed + 9).permutation(later.loc[odd, name])
    later.loc[3, "rate"] = later.loc[4, "rate"] + 1e-17
    later.loc[5, ["shift", "day"]] = ["new", pd.Timestamp("2031-01-01 07:00")]
    later.loc[6:9, ["week", "open", "pause"]] = None
    assert detector._reader.broken(later).any(axis=0).all()
    # A broken rule counts some nats.
    found = session.run(None, feed_of(session, later))[0]
    np.testing.assert_allclose(found, detector.score_samples(later), atol=1e-3)


def test_rules_of_numbers(tmp_path):
    rng = np.random.default_rng(0)
    X = np.round(rng.gamma(2, 3, (200, 5)), 2)
    X[:, 3] = np.round(X[:, 0] - X[:, 1], 2)
    X[:, 4] = np.round(X[:, 0] * X[:, 2], 2)
    later = X[:60].copy()
    later[::3, 3] += 0.01
    later[::4, 4] += 0.02
    later[1::6, 0] = np.nan
    for dtype in ("float64", "float32"):
        rules = [Difference(3, 0, 1), Product(4, [0, 2]), Determines([0, 1], 3), Order(3, 0)]
        detector = fit_quickly(AAEOutlierDetector(rules=rules), X.astype(dtype))
        session = session_of(detector, tmp_path, DETECTOR, dtype=dtype)
        assert detector._reader.broken(later).sum() > 30
        assert_agree(detector, session, later.astype(dtype))


def test_times_of_several_units_are_compared(tmp_path):
    n = 100
    frame = pd.DataFrame({"day": pd.Series(pd.date_range("2026-01-01", periods=n), dtype="M8[s]")})
    frame["then"] = (frame["day"] + pd.to_timedelta(np.arange(n), "h")).astype("M8[ms]")
    frame["gap"] = (frame["then"] - frame["day"]).astype("m8[us]")
    rules = [
        Order("day", "then"),
        Difference("gap", "then", "day"),
        Bounds("gap", high=100 * 3600, step=1800),
    ]
    detector = fit_quickly(AAEOutlierDetector(rules=rules), frame)
    session = session_of(detector, tmp_path, DETECTOR)
    later = frame[:40].copy()
    later.loc[::3, "gap"] += pd.Timedelta("1us")
    later.loc[::4, "then"] -= pd.Timedelta("1D")
    later.loc[5, "day"] = pd.Timestamp("9999-12-30")
    assert_agree(detector, session, later)


def test_models_read_columns_by_rules(tmp_path):
    frame = trips()
    frame.loc[3, "borough"] = "Bronx"
    model = fit_quickly(AdversarialAutoencoder(), frame)
    targets = [step.target for step in model._reader.words.steps]
    assert {*targets} == {"borough", "total", "end", "paid"}
    session = session_of(model, tmp_path, MODEL)
    assert columns_in(session)["end"] == {"name": "end", "kind": "datetime", "unit": "us"}
    for later in (frame[:40], trips(20, seed=2), wrong_trips()):
        assert_agree(model, session, later)


def test_models_read_columns_by_orders(tmp_path):
    model = fit_quickly(AdversarialAutoencoder(), orders())
    assert len(model._reader.words.steps) > 1
    session = session_of(model, tmp_path, MODEL)
    later = orders(50, seed=1)
    later["end"] -= np.arange(50) % 3
    later["end"] = later["end"].mask(np.arange(50) % 7 == 1)
    later.loc[::5, "back"] -= pd.Timedelta("5D")
    later["start"] = later["start"] + 0.5 * (np.arange(50) % 9 == 2)
    assert_agree(model, session, later)


def test_rules_are_named(tmp_path):
    frame = orders()[["start", "rate"]].assign(kind=["a", "b"] * 100)
    # Text that holds numbers goes in as numbers, which rules of detectors take for text.
    frame["price"] = frame["rate"].map("{:.2f}".format)
    detector = fit_quickly(AAEOutlierDetector(rules=[Determines("price", "rate")]), frame)
    with pytest.raises(ValueError, match=r"price determines rate.*rules=None"):
        export_onnx(detector, tmp_path / "m.onnx")
    # Dates that are read as categories are other things to rules.
    frame["day"] = pd.to_datetime(["2026-01-01", "2026-01-02"] * 100)
    model = AdversarialAutoencoder(rules=[Determines("day", "kind")], categorical_features=["day"])
    with pytest.raises(ValueError, match=r"'kind' by the rule 'day determines kind'.*rules=None"):
        export_onnx(fit_quickly(model, frame), tmp_path / "m.onnx")
