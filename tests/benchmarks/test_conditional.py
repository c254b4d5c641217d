from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import conditional
from benchmarks._frames import Mixed
from tests.metrics.mixed import mixed_table


def test_conditions_are_the_mode_or_the_middle_third():
    table = mixed_table(300)
    (height,) = conditional.conditions(table, "first column").values()
    inside = table["height"].dropna().between(*height).mean()
    assert inside == pytest.approx(1 / 3, abs=0.02)
    (city,) = conditional.conditions(table, "middle column").values()
    assert city == table["city"].value_counts().index[0]
    both = conditional.conditions(table, "first and last")
    assert list(both) == ["height", "since"]


def test_rows_meet_conditions_only_if_their_cells_are_there():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "c": ["a", "a", "b", "a"]})
    assert conditional.meets(frame, {"x": (1, 2)}).tolist() == [True, True, False, False]
    assert conditional.meets(frame, {"x": (0, 9), "c": "a"}).tolist() == [True, True, False, False]
    assert conditional.meets(frame.assign(c=None), {"c": "a"}).tolist() == [False] * 4


class Bootstrap:
    """Stands for the model: draws rows of a table, those that meet conditions if told to."""

    def __init__(self, frame, obeys=True):
        self.frame = frame
        self.obeys = obeys

    def sample(self, n_samples, random_state, conditions=None):
        frame = self.frame
        if conditions and self.obeys:
            frame = frame[conditional.meets(frame, conditions)]
        return frame.sample(n_samples, replace=True, random_state=random_state, ignore_index=True)


def test_draws_are_filtered_down_to_a_condition():
    table = mixed_table(500)
    conditions = {"city": "Bonn"}
    rows, share = conditional.filter_draws(Bootstrap(table), conditions, 300, seed=0)
    assert len(rows) == 300
    assert (rows["city"] == "Bonn").all()
    assert share == pytest.approx((table["city"] == "Bonn").mean(), abs=0.05)
    none, share = conditional.filter_draws(Bootstrap(table), {"city": "Rome"}, 10, seed=0)
    assert (len(none), share) == (0, 0.0)


def test_a_model_that_ignores_conditions_is_found_out():
    frame = mixed_table(2000)[["height", "city", "member"]]
    table = Mixed("t", frame, "member")
    good, bad = (
        {row["condition"]: row for row in conditional.measure(model, table, frame, 0, 200)}
        for model in (Bootstrap(frame), Bootstrap(frame, obeys=False))
    )
    assert list(good) == list(conditional.CASES)
    assert all(row["rows that meet it"] == 1 for row in good.values())
    assert good["first column"]["C2ST"] < 0.6
    assert bad["first column"]["C2ST"] > 0.75
    assert bad["first column"]["rows that meet it"] < 0.5
    verdicts = {
        row["condition"]: row["met"]
        for row in conditional.summary([bad["first column"], good["last column"]])
    }
    assert verdicts == {"first column": "no", "last column": "yes"}
