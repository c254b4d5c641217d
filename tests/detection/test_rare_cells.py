"""Cells that few rows have, or none of fit's: missing, text among numbers, new levels, gross."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.detection.scores import additive_kinds
from sklearn_aae.exceptions import UnsupportedColumnsError


def fast(**settings):
    settings = {"calibration": "split", "max_epochs": 2, "random_state": 0, **settings}
    return AAEOutlierDetector(**settings)


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n), "c": rng.choice(list("xyz"), n)})


@pytest.fixture(scope="module")
def held_out():
    """A row that fit holds out of tables of this size, with this seed."""
    return fast(max_epochs=1).fit(table()).held_out_indices_[0]


@pytest.fixture(scope="module")
def of_numbers():
    return fast().fit(np.random.default_rng(0).normal(size=(400, 3)))


@pytest.fixture(scope="module")
def of_both():
    return fast().fit(table())


# ------------------------------------------------------------ held-out rows


@pytest.mark.parametrize("make", [lambda frame: frame, lambda f: f.to_numpy(dtype=object)])
@pytest.mark.parametrize("column, cell", [("a", np.nan), ("c", None), ("d", pd.NaT), ("b", None)])
def test_the_only_missing_cell_may_be_held_out(held_out, make, column, cell):
    n = len(table())
    frame = table().assign(
        d=pd.date_range("2020-01-01", periods=n), b=np.resize(np.array([True, False], object), n)
    )
    frame.loc[held_out, column] = cell
    assert fast(max_epochs=1).fit(make(frame)).n_held_out_


def test_the_only_present_cell_may_be_held_out(held_out):
    frame = table().assign(e=np.nan)
    usual = frame[:50]
    frame.loc[held_out, "e"] = 1.0
    detector = fast().fit(frame)
    assert (detector.score_samples(usual.assign(e=1.0)) < detector.score_samples(usual)).all()


@pytest.mark.parametrize("in_training", [False, True])
@pytest.mark.parametrize("usual", [[1, 2, 3], [1.5, 2.5], [True, False]])
def test_one_text_is_a_cell_and_no_kind_of_column(held_out, in_training, usual):
    n = len(table())
    row = held_out
    if in_training:
        row = next(
            i for i in range(n) if i not in fast(max_epochs=1).fit(table()).held_out_indices_
        )
    frame = table().assign(o=np.resize(np.array(usual, dtype=object), n))
    clean = frame[:60]
    frame.loc[row, "o"] = "n/a"
    detector = fast().fit(frame)
    assert (detector.predict(clean.assign(o="n/a")) == -1).mean() > 0.9
    assert detector.explain(frame[row : row + 1], top=1)[0][0].column == "o"
    assert (detector.predict(clean) == 1).mean() > 0.8


# ------------------------------------------------------------ rows to score


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        np.ndarray.tolist,
        lambda X: pd.DataFrame(X, columns=list("abc")),
        lambda X: pd.DataFrame(X, columns=list("abc")).astype("Float64"),
        lambda X: pl.DataFrame(X, schema=list("abc")),
    ],
)
def test_a_missing_cell_among_numbers_is_scored(make):
    of_numbers = fast().fit(make(np.random.default_rng(0).normal(size=(400, 3))))
    X = np.random.default_rng(1).normal(size=(50, 3))
    gaps = X.copy()
    gaps[:, 1] = np.nan
    found = of_numbers.score_samples(make(gaps))
    assert (found < of_numbers.score_samples(make(X))).all()
    assert (found < of_numbers.offset_).all()
    assert {row[0].column for row in of_numbers.explain(make(gaps), top=1)} <= {1, "b"}


def test_none_and_text_in_rows_of_numbers(of_numbers):
    scores = of_numbers.score_samples([[0.0, None, 0.0], [0.0, "n/a", 0.0], [0.0, np.nan, 0.0]])
    assert len(set(scores)) == 1
    assert scores[0] < of_numbers.offset_


def test_a_column_of_text_is_no_column_of_numbers(of_numbers):
    frame = pd.DataFrame({0: ["x", "y"], 1: [0.0, 1.0], 2: [0.0, 1.0]}).astype({0: "category"})
    with pytest.raises(UnsupportedColumnsError, match=r"Column 0 is of kind 'category'"):
        of_numbers.predict(frame)


@pytest.mark.parametrize("dtype", ["float64", "int64", "Int64"])
def test_text_in_a_column_whose_type_is_one_of_numbers(dtype):
    frame = table().assign(t=np.arange(400) % 9).astype({"t": dtype})
    detector, rows = fast().fit(frame), frame[:60]
    odd = rows.astype({"t": object})
    odd.iloc[1::2, 2] = "n/a"
    found, usual = detector.score_samples(odd), detector.score_samples(rows)
    np.testing.assert_array_equal(found[::2], usual[::2])
    assert (found[1::2] < detector.offset_).mean() > 0.9
    assert detector.explain(odd[:2], top=1)[1][0].column == "t"


def test_text_alone_is_no_column_of_numbers(of_both):
    odd = table(6).astype({"a": object})
    odd.iloc[::2, 0] = "n/a"
    with pytest.raises(TypeError, match=r"Column 'a' is of kind 'category'"):
        of_both.score_samples(odd[::2])
    with pytest.raises(TypeError, match=r"Column 'a' is of kind 'category'"):
        fast(handle_unknown="error").fit(table()).score_samples(odd)


@pytest.mark.parametrize("cells", [{"a": np.nan}, {"c": None}])
def test_a_missing_cell_in_a_mixed_table_is_scored(of_both, cells):
    frame = table(50, 1)
    found = of_both.score_samples(frame.assign(**cells))
    assert (found < of_both.score_samples(frame)).all()
    assert (found < of_both.offset_).mean() > 0.9
    (name,) = cells
    assert {row[0].column for row in of_both.explain(frame.assign(**cells), top=1)} == {name}


def test_missing_cells_can_be_refused(held_out):
    frame = table()
    gaps = frame.assign(c=None)
    strict = fast(handle_missing="error").fit(frame)
    with pytest.raises(ValueError, match=r"Column 'c' has missing cells.*handle_missing"):
        strict.predict(gaps)
    strict = fast(handle_missing="error").fit(np.random.default_rng(0).normal(size=(200, 2)))
    with pytest.raises(ValueError, match=r"Column 1 has missing cells.*handle_missing"):
        strict.predict([[0.0, np.nan]])
    # What only held-out rows lack is no news to who passed them.
    frame.loc[held_out, "c"] = None
    fast(handle_missing="error").fit(frame).predict(gaps)


# ---------------------------------------------------------------- new levels


@pytest.mark.parametrize("n_levels", [2, 10, 100])
def test_a_new_level_is_less_normal_than_those_that_rows_have(n_levels):
    rng = np.random.default_rng(0)
    levels = [f"shop {i}" for i in range(n_levels)]
    frame = pd.DataFrame({"a": rng.normal(size=1200), "shop": np.resize(levels, 1200)})
    detector = fast(max_epochs="auto").fit(frame)
    for kind in set(additive_kinds()) - {"autoregressive", "rules"}:
        usual = detector.score_samples(frame[:300], kind)
        new = detector.score_samples(frame[:300].assign(shop="new"), kind)
        assert np.median(new - usual) < 0, kind


def test_a_new_name_is_nothing_new():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=600), "name": [f"n{i:03}" for i in range(600)]})
    detector = fast(max_epochs="auto", identifiers="keep").fit(frame)
    usual = detector.score_samples(frame)
    np.testing.assert_array_equal(detector.score_samples(frame.assign(name="zoe")), usual)
    flagged = np.flatnonzero(usual < detector.offset_)
    assert (flagged < 75).mean() < 0.4  # the first names of the alphabet are like others


# -------------------------------------------------------------- gross values


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("value", [-999.0, 1e6, -3.4e38, np.finfo(float).max])
def test_gross_training_values_do_not_dull_their_column(value, mixed):
    rng = np.random.default_rng(0)

    def make(X):
        return pd.DataFrame(X, columns=list("abcde")).assign(t="u") if mixed else X

    X = rng.normal(size=(800, 5))
    X[::101, 2] = value
    detector = fast(max_epochs="auto").fit(make(X))
    odd = rng.normal(size=(100, 5))
    usual = detector.score_samples(make(odd))
    odd[:, 2] = 30.0
    found = detector.score_samples(make(odd))
    assert (found[:, None] < usual).mean() > 0.95
    assert (found < detector.offset_).mean() > 0.9


def test_a_tenth_of_gross_values_does_not_dull_a_column():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4))
    X[::10, 1] = 10.0 ** rng.uniform(2, 9, 80)
    detector = fast(max_epochs="auto").fit(X)
    odd = rng.normal(size=(100, 4))
    usual = detector.score_samples(odd)
    odd[:, 1] = 30.0
    assert (detector.score_samples(odd)[:, None] < usual).mean() > 0.95


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    "always, now",
    [
        (1e-3, 2e-3),
        (1e-6, 1e-3),
        (0.0, 0.01),
        (5.0, 5.001),
        (1.0, 1.000001),
        (2020, 2021),
        (20240101, 20240102),
    ],
)
def test_another_value_in_a_constant_column_is_odd_in_any_unit(always, now, mixed):
    rng = np.random.default_rng(0)

    def make(n, value):
        frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc")).assign(const=value)
        return frame.assign(t=np.resize(["u", "v"], n)) if mixed else frame

    detector = fast(max_epochs="auto").fit(make(400, always))
    odd = make(50, now)
    assert (detector.predict(odd) == -1).all()
    named = [reasons[0][0] for reasons in detector.explain(odd, top=1)]
    assert set(named) == {"const"}


def test_one_gross_value_does_not_dull_a_constant_column():
    X = np.random.default_rng(0).normal(size=(400, 3))
    X[:, 1] = 5.0
    odd = X[:50].copy()
    X[60, 1], odd[:, 1] = 1e9, 6.0
    detector = fast(max_epochs="auto").fit(X)
    assert (detector.predict(odd) == -1).all()
    assert {row[0].column for row in detector.explain(odd, top=1)} == {1}


@pytest.mark.parametrize(
    "first, gross", [("2024-01-01", "1900-01-01"), ("2015-01-01", "2262-01-01")]
)
def test_a_tenth_of_gross_dates_does_not_dull_a_column(first, gross):
    rng = np.random.default_rng(0)

    def make(n):
        when = pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
        return table(n, seed=n).assign(when=when)

    train, usual = make(900), make(100)
    train.loc[::11, "when"] = pd.Timestamp(gross)
    odd = usual.assign(when=usual["when"] - pd.Timedelta(1500, "D"))
    detector = fast(max_epochs="auto").fit(train)
    found, normal = detector.score_samples(odd), detector.score_samples(usual)
    assert (found[:, None] < normal).mean() > 0.99
    assert {row[0].column for row in detector.explain(odd, top=1)} == {"when"}


@pytest.mark.parametrize("days", [-1, 31, 2000])
def test_another_date_in_a_constant_column_is_odd(days):
    date = pd.Timestamp("2024-05-01")
    detector = fast(max_epochs="auto").fit(table().assign(when=date))
    odd = table(50, seed=1).assign(when=date + pd.Timedelta(days, "D"))
    assert (detector.predict(odd) == -1).all()
    assert {row[0].column for row in detector.explain(odd, top=1)} == {"when"}


def test_a_given_model_takes_what_overflows_for_an_outlier():
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = AdversarialAutoencoder(max_epochs=1, random_state=0)
    detector = AAEOutlierDetector(estimator=model, random_state=0).fit(X)
    huge = X[:2].copy()
    huge[0], huge[1, 2] = 1e300, -np.finfo(float).max
    for kind in detector._scores:
        found = detector.score_samples(huge, kind)
        assert np.isfinite(found).all()
        assert found.max() < detector.score_samples(X, kind).min(), kind
    assert (detector.predict(huge) == -1).all()


def test_messages_name_what_the_caller_knows():
    given = AAEOutlierDetector(estimator=AdversarialAutoencoder(max_epochs=1, random_state=0))
    with pytest.raises(UnsupportedColumnsError, match="Leave out estimator") as caught:
        given.fit(table())
    assert "output=" not in str(caught.value)
    detector = fast(max_epochs=1).fit(table())
    with pytest.raises(ValueError, match="AAEOutlierDetector"):
        detector.predict(table()[:0])


# ------------------------------------------------- columns of many levels


def cars(n, seed, n_names):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    frame = pd.DataFrame({"weight": 900 + 200 * (size + 0.2 * rng.normal(size=n))})
    frame["power"] = 90 + 30 * (size + 0.2 * rng.normal(size=n))
    frame["speed"] = 150 + 20 * (size + 0.2 * rng.normal(size=n))
    return frame.assign(name=[f"model {k}" for k in rng.integers(0, n_names, n)])


@pytest.mark.parametrize("n_names", [2000, 60])
def test_a_column_of_many_levels_hides_no_others(n_names):
    train, usual = cars(500, 0, n_names), cars(300, 1, n_names)
    odd = usual.assign(power=180 - usual["power"])[(usual["power"] - 90).abs() > 20]
    detector = AAEOutlierDetector(random_state=0).fit(train)
    score = np.r_[detector.score_samples(usual), detector.score_samples(odd)]
    is_usual = np.repeat([1, 0], [len(usual), len(odd)])
    assert roc_auc_score(is_usual, score) > 0.95
    first = [row[0].column for row in detector.explain(odd, top=1)]
    assert np.mean([column != "name" for column in first]) > 0.9
    shares = detector.score_contributions(usual, as_frame=True)
    assert shares["name"].sum() < 0.4 * shares.to_numpy().sum()


def test_which_near_unique_text_a_row_has_says_nothing():
    train = cars(500, 0, 450)
    assert 0.5 < train["name"].nunique() / 500 < 0.7
    detector = fast(max_epochs=20).fit(train)
    for name in ("never seen", train["name"][3]):
        other = train.assign(name=name)
        np.testing.assert_array_equal(detector.score_samples(other), detector.score_samples(train))
    assert not {r.column for row in detector.explain(train[:40], top=4) for r in row} & {"name"}
    odd = train[:1].assign(name=None)
    assert detector.explain(odd, top=1)[0][0].column == "name"


@pytest.mark.parametrize("n_rows", [3, 5])
def test_the_alphabet_does_not_tell_labels_of_as_many_rows(n_rows):
    rng = np.random.default_rng(0)
    names = rng.permutation(np.repeat([f"name {k:03d}" for k in range(200)], n_rows))
    train = pd.DataFrame({"a": rng.normal(size=len(names)), "name": names})
    detector = fast(calibration="cross").fit(train)
    first, last = (train[:50].assign(name=f"name {k}") for k in ("000", "199"))
    np.testing.assert_array_equal(detector.score_samples(first), detector.score_samples(last))
    # None has its name alone, so that a further name is news.
    new = train[:50].assign(name="never seen")
    assert (detector.predict(new) == -1).all()


def test_columns_of_few_levels_weigh_what_they_did():
    frame = cars(400, 0, 8)
    detector = fast().fit(frame)
    assert not detector._model.blocks
    assert (detector._reader.weights == 1).all()
    many = fast().fit(cars(400, 0, 32))
    assert [len(block) for block in many._model.blocks] == [32]
    np.testing.assert_allclose(np.unique(many._reader.weights), [0.25, 1])
