"""What the benchmark of imputers hides, and how it measures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.imputer import SHARE, accuracy_of, error_of, hidden


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"x": rng.normal(size=2000), "y": rng.normal(size=2000), "c": list("ab") * 1000}
    )


@pytest.mark.parametrize("at_random", [True, False])
def test_a_fifth_of_the_cells_is_hidden(frame, at_random):
    chosen = hidden(frame, 0, at_random)
    assert not chosen.all(axis=1).any()
    above = (frame["x"] > frame["x"].median()).to_numpy()
    shares = chosen[above, 0].mean(), chosen[~above, 0].mean()
    if at_random:
        assert shares == pytest.approx((SHARE, SHARE), abs=0.03)
    else:
        # One cell of each row is spared.
        assert shares == pytest.approx((1.75 * SHARE * 2 / 3, 0.25 * SHARE * 2 / 3), abs=0.03)


def test_the_error_of_means_is_one_and_of_the_truth_none(frame):
    chosen = hidden(frame, 0, True)
    assert error_of(frame, frame, chosen) == 0
    typical = frame.assign(x=frame["x"].mean(), y=frame["y"].mean(), c="a")
    wrong = (frame["c"] != "a")[chosen[:, 2]].mean()
    assert error_of(frame, typical, chosen) == pytest.approx((2 + wrong) / 3, abs=0.05)


def test_a_target_that_columns_tell_is_learned(frame):
    assert accuracy_of(frame, frame["c"]) == 1
    assert accuracy_of(frame[["x"]], frame["c"]) == pytest.approx(0.5, abs=0.05)
