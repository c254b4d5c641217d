from __future__ import annotations

import csv

import numpy as np
import pytest

from benchmarks import _common, generation
from benchmarks._codes import boosting_seconds, principal_components, target_from
from benchmarks._frames import folder
from tests.metrics.mixed import mixed_table


@pytest.fixture
def tables(tmp_path):
    mixed_table(400).rename(columns={"grade": "species"}).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


@pytest.fixture
def in_process(monkeypatch):
    """Measure in this process, and leave its threads and warnings alone."""
    calls = []

    def here(args, table, contender, seed):
        calls.append((table.name, contender, seed))
        return generation.measure(table, contender, seed)

    monkeypatch.setattr(generation, "in_own_process", here)
    monkeypatch.setattr(_common, "prepare", lambda threads: None)
    return calls


def test_copies_are_seen_as_copies(tables):
    (table,) = folder(tables)
    figures = generation.measure(table, "copy", 0)
    assert set(figures) == set(generation.FIGURES)
    assert figures["exact copies"] == 1
    assert figures["exact copies, real"] < 0.1
    assert figures["DCR"] > 0.6
    assert figures["C2ST"] < 0.75
    assert np.isnan(figures["nats in the code"])
    assert figures["fit and sample [s]"] >= figures["sample [s]"] > 0


def test_a_stopped_call_is_taken_up_again(tables, tmp_path, in_process, monkeypatch, capsys):
    out = tmp_path / "out"
    command = ["generation", "--data", str(tables), "--out", str(out), "--runs", str(tmp_path)]
    command.append("--contenders")
    monkeypatch.setattr("sys.argv", [*command, "copy", "--seeds", "1"])
    generation.main()
    monkeypatch.setattr("sys.argv", [*command, "independent", "copy", "--seeds", "2"])
    generation.main()
    assert in_process == [("t", "copy", 0), ("t", "independent", 0), ("t", "independent", 1),
                          ("t", "copy", 1)]  # fmt: skip
    with (out / "generation_table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["contender"] for row in rows] == [
        "(held-out rows)", "copy of training rows", "independent columns",
    ]  # fmt: skip
    assert rows[0]["C2ST"] == ""
    assert " ± " in rows[1]["C2ST"]
    setup = (out / "generation_setup.csv").read_text()
    assert str(tables) not in setup
    assert "--data DIR" in setup


def test_bounds_may_depend_on_other_contenders():
    runs = [
        {"table": "titanic", "contender": "copy", "seed": "0", "trends": 0.97, "C2ST": 0.5},
        {"table": "titanic", "contender": "aae", "seed": "0", "trends": 0.95, "C2ST": 0.6}
        | {"exact copies": 0.2, "exact copies, real": 0.16},
    ]
    rows = {row["figure"]: row for row in generation.targets(runs)}
    assert rows["trends"]["target"] == "at least 0.940"
    assert {name: row["met"] for name, row in rows.items()} == {
        "trends": "yes", "C2ST": "no", "exact copies": "no",
    }  # fmt: skip


def test_principal_components_know_the_strongest_direction():
    table = mixed_table(600).drop(columns="since")
    train, test = table[:400], table[400:]
    X, X_test = (rows.drop(columns="grade") for rows in (train, test))
    codes, test_codes = principal_components(X, X_test, 2, seed=0)
    assert (codes.shape, test_codes.shape) == ((400, 2), (200, 2))
    assert not np.isnan(test_codes).any()
    area = target_from(codes, test_codes, train["grade"], test["grade"], seed=0)
    noise = np.random.default_rng(0).normal(size=(600, 2))
    chance = target_from(noise[:400], noise[400:], train["grade"], test["grade"], seed=0)
    assert area > 0.9
    assert abs(chance - 0.5) < 0.15


class Leaky:
    """A model whose code is the target, if the table that it learns has it, or else chance."""

    def fit(self, frame):
        return self

    def transform(self, frame):
        rng = np.random.default_rng(len(frame))
        known = frame.get("grade", rng.choice(["low", "high"], len(frame)))
        return (np.asarray(known) == "high").astype(float)[:, np.newaxis]


def test_codes_are_judged_without_the_target():
    table = mixed_table(600).drop(columns="since")
    figures = generation.codes(Leaky(), table[:400], table[400:], "grade", seed=0)
    assert abs(figures["target from codes"] - 0.5) < 0.1
    assert figures["target from PCA"] > 0.8


@pytest.mark.parametrize("target", ["grade", "member", "height", "since"])
def test_boosting_takes_any_target(target):
    assert boosting_seconds(mixed_table(100), target, seed=0) > 0
