from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import KNNImputer

from benchmarks import imputation
from benchmarks._imputers import Coding, Imputer, Typical, mask_cells, without
from tests.metrics.mixed import mixed_table

KINDS = ["one-hot", "dummies", "ordinal"]


def test_a_share_of_the_present_cells_is_masked_and_never_a_whole_row():
    table = mixed_table(2000)
    chosen = mask_cells(table, 0)
    present = table.notna().to_numpy()
    assert not (chosen & ~present).any()
    assert chosen.sum() / present.sum() == pytest.approx(0.2, abs=0.01)
    most = mask_cells(table, 0, share=0.999)
    assert ((present & ~most).sum(axis=1) >= 1).all()
    masked = without(table, chosen)
    assert (masked.isna().to_numpy() == (chosen | ~present)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_codings_give_the_cells_back(kind):
    table = mixed_table(100)
    coding = Coding(table, kind)
    matrix = coding.encode(table)
    complete = table.dropna()
    decoded = coding.decode(matrix[complete.index])
    for name, column in complete.items():
        if name == "since":
            assert (decoded[name] == column.array).all()
        else:
            assert decoded[name].tolist() == pytest.approx(column.tolist())
    # A missing category is missing in all of its columns, however many they are.
    width = {"one-hot": 3, "dummies": 2, "ordinal": 1}[kind]
    gaps = np.isnan(matrix[:, 2 : 2 + width])
    assert (gaps == table["city"].isna().to_numpy()[:, np.newaxis]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_levels_are_like_missing_ones(kind):
    table = mixed_table(100)
    other = table[:1].assign(city="Rome")
    coding = Coding(table, kind)
    lost = without(other, np.array([[False, False, True, False, False, False]]))
    np.testing.assert_array_equal(coding.encode(other), coding.encode(lost))


@pytest.mark.parametrize("kind", KINDS)
def test_imputers_find_what_other_columns_tell(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    table = pd.DataFrame({"x": x, "twice": 2 * x, "sign": np.where(x > 0, "plus", "minus")})
    train, test = table[:500], table[500:].reset_index(drop=True)
    chosen = mask_cells(test, 0)
    filled = Imputer(KNNImputer(), kind).fit(train).impute(without(test, chosen))
    assert not filled.isna().any(axis=None)
    found = imputation.errors(train, test, filled, chosen)
    typical = Typical("mean").fit(train).impute(without(test, chosen))
    guessed = imputation.errors(train, test, typical, chosen)
    assert found["numbers"] < 0.3 < guessed["numbers"]
    assert found["categories"] < 0.1 < guessed["categories"]


def test_errors_are_those_of_the_chosen_cells():
    train = pd.DataFrame({"a": [0, 2, 4, 6], "b": ["u", "u", "v", "v"], "c": [1.0] * 4})
    chosen = np.array([[True, False, True], [True, True, False]])
    truth = pd.DataFrame({"a": [1, 5], "b": ["u", "v"], "c": [1.0, 1.0]})
    filled = pd.DataFrame({"a": [2.0, 5.0], "b": ["v", "u"], "c": [9.0, 9.0]})
    # The mean absolute deviation of a is 2; c does not vary.
    found = imputation.errors(train, truth, filled, chosen)
    assert found == {"numbers": 0.25, "categories": 1.0}


def test_variances_are_those_of_the_chosen_cells():
    truth = pd.DataFrame({"a": [0.0, 2.0, 50.0], "b": ["u", "v", "u"], "c": [7, 7, 8]})
    drawn = pd.DataFrame({"a": [0.0, 4.0, 0.0], "b": ["u", "v", "u"], "c": [7, 9, 8]})
    chosen = np.array([[True] * 3, [True] * 3, [False] * 3])
    np.testing.assert_allclose(imputation.variance_ratios(truth, drawn, chosen), [4.0])


class Known:
    """Stands for the model: fills with the mode, and draws by resampling the column."""

    def fit(self, frame):
        self.frame = frame
        return self

    def sample(self, n_samples):
        raise NotImplementedError

    def impute(self, frame, method, random_state=None):
        if method == "mode":
            return Typical("median").fit(self.frame).impute(frame)
        rng = np.random.default_rng(random_state)
        present = {name: self.frame[name].dropna().array for name in frame}
        drawn = {
            name: cells.take(rng.integers(len(cells), size=len(frame)))
            for name, cells in present.items()
        }
        return frame.where(frame.notna(), pd.DataFrame(drawn))


def test_a_model_that_draws_is_measured_by_its_spread_too():
    table = mixed_table(600).drop(columns=["count", "member"])
    figures = imputation.measure(Known(), table[:400], table[400:], seed=0)
    assert figures["numbers"] == pytest.approx(1, abs=0.1)
    assert figures["variance of draws, median"] == pytest.approx(1, abs=0.3)
    plain = imputation.measure(Typical("mean"), table[:400], table[400:], seed=0)
    assert np.isnan(plain["variance of draws, median"])


def test_cells_that_stay_missing_are_no_success():
    class Idle(Typical):
        def impute(self, frame):
            return frame

    with pytest.raises(RuntimeError, match="still missing"):
        imputation.measure(Idle("mean"), mixed_table(200), mixed_table(100, seed=1), seed=0)


def test_the_target_is_the_better_coding_of_the_better_rival():
    errors = {"knn-one-hot": 0.5, "knn-ordinal": 0.4, "aae": 0.45}
    errors |= {"iterative-dummies": 0.6, "iterative-ordinal": 0.7, "iterative-trees": 0.1}
    runs = [
        {"table": "t", "contender": name, "seed": "0", "numbers": value, "categories": np.nan}
        for name, value in errors.items()
    ]
    (row,) = imputation.targets(runs)
    assert row["target"] == "at most 0.400, of KNNImputer, ordinal"
    assert row["met"] == "no"
