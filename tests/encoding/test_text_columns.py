"""Text that is not text: dates of one format, and numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
)
from sklearn_aae.audit._reading import kinds_of
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.metrics import column_shapes, copy_share, pair_trends

N = 60
DAYS = pd.date_range("2020-01-05", periods=N)
CONTAINERS = {
    "str": lambda frame: frame,
    "object": lambda frame: frame.astype(object),
    "string": lambda frame: frame.astype("string"),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.from_pandas,
    "object array": lambda frame: frame.to_numpy(object),
    "text array": lambda frame: frame.to_numpy(str),
}
TINY = {"max_epochs": 2, "hidden_layer_sizes": (8,), "random_state": 0}


def column(cells, into="str"):
    return CONTAINERS[into](pd.DataFrame({"c": pd.Series(cells, dtype="str")}))


def cells_of(table):
    return np.asarray(table).astype(object)[:, 0].tolist()


def span_of(table, **parameters):
    return TableEncoder(**parameters).fit(table).layout_.spans[0]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "cells, kind, text",
    [
        (DAYS.strftime("%Y-%m-%d"), "datetime", "%Y-%m-%d"),
        (DAYS.strftime("%d.%m.%Y"), "datetime", "%d.%m.%Y"),
        ([f"{n / 8 - 3:.3f}" for n in range(N)], "number", "0.000"),
        ([f"{n / 8 - 3:.3f}".replace(".", ",") for n in range(N)], "number", "0,000"),
    ],
)
def test_text_comes_back_as_text_in_every_container(container, cells, kind, text):
    table = column(cells, container)
    encoder = TableEncoder(max_levels=N).fit(table)
    assert (encoder.layout_.spans[0].kind, encoder.layout_.spans[0].text) == (kind, text)
    for back in (
        encoder.inverse_transform(encoder.transform(table)),
        encoder._from_levels(encoder._to_levels(table), np.random.default_rng(0)),
    ):
        assert type(back) is type(table)
        assert cells_of(back) == list(cells)
        if hasattr(table, "dtypes"):
            assert list(back.dtypes) == list(table.dtypes)


@pytest.mark.parametrize(
    "format",
    [
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%dT%H:%M:%S+01:00",
        "%Y/%m/%d",
        "%m/%d/%Y",
        "%d-%m-%Y %H:%M:%S",
        "%m/%d/%Y %I:%M %p",
        "%d-%b-%Y",
        "%d %B %Y",
        "%B %d, %Y",
        "%b %d %Y, %H:%M",
    ],
)
def test_dates_of_one_format_are_dates(format):
    dates = DAYS + pd.to_timedelta(np.arange(N) * 3_723, "s")
    table = column(dates.strftime(format))
    encoder = TableEncoder(max_levels=8).fit(table)
    span = encoder.layout_.spans[0]
    assert (span.kind, span.text) == ("datetime", format)
    assert cells_of(encoder.inverse_transform(encoder.transform(table))) == cells_of(table)
    drawn = encoder._from_levels(encoder._to_levels(table), np.random.default_rng(0))
    read = pd.to_datetime(pd.Series(cells_of(drawn)), format=format)
    assert ((read.dt.year == 2020) & (read.dt.month <= 3)).all()
    # Seconds that a format leaves out are not there.
    assert cells_of(drawn) == read.dt.strftime(format).tolist()


def test_names_of_months_keep_their_case_and_days_their_zeros():
    cells = [f"{day.day}-{day.strftime('%b').upper()}-{day.year}" for day in DAYS]
    encoder = TableEncoder().fit(column(cells))
    assert encoder.layout_.spans[0].kind == "datetime"
    assert cells_of(encoder.inverse_transform(encoder.transform(column(cells)))) == cells


@pytest.mark.parametrize(
    "cells",
    [
        ["01.02.2020", "03.04.2020"],  # which is the day?
        ["31/12/2020", "12/31/2020"],
        ["2020-02-30", "2020-03-01"],
        ["2020-01-01", "yesterday"],
        ["2020-01-01T00:00Z", "2020-01-01T00:00+01:00"],
        ["12 Foo 2020", "13 Foo 2020"],
        ["13/13/2020", "14/13/2020"],
    ],
)
def test_what_is_no_date_without_doubt_is_text(cells):
    span = span_of(column(cells))
    assert (span.kind, span.text) == ("category", None)


@pytest.mark.parametrize(
    "cells, kind",
    [
        ([str(n) for n in range(21)], "number"),
        ([str(n) for n in range(20)], "category"),  # at most 20 levels
        ([f"{n:03d}" for n in range(1000)], "category"),  # leading zeros
        (["01", *map(str, range(40, 99))], "category"),
        ([f"0.{n}" for n in range(1, 60)], "number"),  # no leading zero
        ([f"-{n}" for n in range(30)], "number"),
        ([f"{n},{n:03d}" for n in range(10, 60)], "number"),  # thousands
        ([f"{n}e-3" for n in range(1, 60)], "number"),
        ([f"+{n}" for n in range(100, 160)], "category"),  # telephones
        (["inf", *map(str, range(1, 60))], "category"),
        (["n/a", *map(str, range(1, 60))], "category"),
    ],
)
def test_numbers_in_text_are_numbers_but_for_codes(cells, kind):
    assert span_of(column(cells)).kind == kind


def test_types_of_categories_and_the_users_word_win():
    cells = pd.Series(DAYS.strftime("%Y-%m-%d"))
    numbers = pd.Series([str(n) for n in range(N)])
    frame = pd.DataFrame({"day": cells.astype("category"), "n": numbers.astype("category")})
    of_polars = pl.DataFrame({"day": pl.Series(cells).cast(pl.Categorical)})
    of_polars = of_polars.with_columns(n=pl.Series(numbers, dtype=pl.Enum(numbers.tolist())))
    for table in (frame, of_polars):
        assert [s.kind for s in TableEncoder().fit(table).layout_.spans] == ["category"] * 2
    chosen = TableEncoder(categorical_features=["n"]).fit(
        pd.DataFrame({"day": cells, "n": numbers})
    )
    assert [span.kind for span in chosen.layout_.spans] == ["datetime", "category"]
    assert [span.text for span in chosen.layout_.spans] == ["%Y-%m-%d", None]


def test_missing_cells_stay_missing_and_other_spellings_stay():
    cells = ["5", "5.50", "6.0", None, *(str(n / 2) for n in range(20, 60)), "1e3", " 7"]
    table = pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    encoder = TableEncoder(max_levels=N).fit(table)
    span = encoder.layout_.spans[0]
    assert (span.kind, span.missing) == ("number", span.n_levels - 1)
    assert cells_of(encoder._from_levels(encoder._to_levels(table), None)) == cells


def test_long_whole_numbers_lose_no_digit():
    cells = [str(10**22 + 7 * n) for n in range(N)]
    encoder = TableEncoder().fit(column(cells))
    assert encoder.layout_.spans[0].kind == "number"
    assert cells_of(encoder.inverse_transform(encoder.transform(column(cells)))) == cells


def test_dates_before_1970_and_nanoseconds():
    cells = [f"19{n + 10}-05-01T10:20:30.123456{n + 100}" for n in range(N)]
    encoder = TableEncoder(max_levels=N).fit(column(cells))
    assert encoder.layout_.spans[0].unit == "ns"
    assert cells_of(encoder._from_levels(encoder._to_levels(column(cells)), None)) == cells


def test_a_cell_that_cannot_be_read_is_unknown():
    numbers = [f"{n / 4:.2f}" for n in range(N)]
    table = pd.DataFrame({"day": DAYS.strftime("%d.%m.%Y"), "n": numbers})
    odd = table.copy()
    odd.loc[3, "day"], odd.loc[5, "n"] = "soon", "many"
    with pytest.raises(ValueError, match=r"Column 'day' has the cell 'soon' in row 3.*%d\.%m\.%Y"):
        TableEncoder(handle_unknown="error").fit(table).transform(odd)
    ignoring = TableEncoder().fit(table)
    assert (ignoring.transform(odd)[3, :3] == 0).all()
    levels, missing = ignoring._to_known_levels(odd)
    assert levels[3, 0] == levels[5, 1] == -1
    assert (np.delete(levels[:, 0], 3) >= 0).all()
    assert not missing.any()
    # Numbers themselves are known, and other text that is written the same way.
    new = pd.DataFrame({"day": ["28.12.2019"], "n": pd.Series([2.5], dtype=object)})
    assert (ignoring._to_known_levels(new)[0] >= 0).all()


def test_a_cell_that_cannot_be_read_beside_holes_is_not_a_hole():
    table = column([None, *(f"{n / 4:.2f}" for n in range(N))])
    levels, missing = TableEncoder().fit(table)._to_known_levels(column([None, "many", "2.00"]))
    assert missing[:, 0].tolist() == [True, False, False]
    assert levels[:2, 0].tolist() == [-1, -1]
    assert levels[2, 0] >= 0


# ------------------------------------------------------------------- the estimators


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "day": pd.Series(rng.permutation(DAYS.strftime("%d.%m.%Y")), dtype="str"),
            "price": pd.Series([f"{v:.2f}" for v in rng.uniform(1, 90, N)], dtype="str"),
            "kind": rng.choice(["a", "b"], N),
        }
    )


@pytest.fixture(scope="module")
def model(frame):
    return AdversarialAutoencoder(**TINY).fit(frame)


def test_a_model_draws_text_of_that_format(frame, model):
    drawn = model.sample(200, random_state=0)
    assert (drawn.dtypes == frame.dtypes).all()
    days = pd.to_datetime(drawn["day"], format="%d.%m.%Y")
    assert days.between(DAYS[0], DAYS[-1]).all()
    assert drawn["price"].str.fullmatch(r"\d+\.\d\d").all()


def test_conditions_are_in_the_words_of_the_column_or_are_dates_and_numbers(model):
    for low, high in [("01.02.2020", "10.02.2020"), (DAYS[27], DAYS[36])]:
        drawn = model.sample(5, conditions={"day": (low, high)}, random_state=0)
        days = pd.to_datetime(drawn["day"], format="%d.%m.%Y")
        assert days.between("2020-02-01", "2020-02-10").all()
    for bounds in [("20", "60.5"), (20, 60.5)]:
        drawn = model.sample(5, conditions={"price": bounds}, random_state=0)
        assert drawn["price"].astype(float).between(20, 60.5).all()


def test_impute_fills_text_and_leaves_known_text(frame, model):
    given = frame.astype(object)
    given.loc[::3, "day"] = None
    given.loc[1::3, "price"] = None
    given.loc[2, "day"] = "soon"  # not known, but not missing either
    filled = model.impute(given)
    assert filled.isna().sum().sum() == 0
    known = given.notna().to_numpy()
    assert (filled.to_numpy(object)[known] == given.to_numpy(object)[known]).all()
    assert pd.to_datetime(filled["day"][::3], format="%d.%m.%Y").between(DAYS[0], DAYS[-1]).all()


def test_a_cell_that_cannot_be_read_counts_for_nothing(frame, model):
    odd = frame[:6].copy()
    odd.loc[2, "price"] = "many"
    codes, usual = model.transform(odd), model.transform(frame[:6])
    np.testing.assert_allclose(np.delete(codes - usual, 2, axis=0), 0, atol=1e-5)
    assert np.isfinite(codes[2]).all()
    parts = model.score_contributions(odd)
    assert parts[2, 1] == 0
    assert (np.delete(parts[:, 1], 2) > 0).all()
    strict = clone(model).set_params(handle_unknown="error").fit(frame)
    with pytest.raises(ValueError, match="Column 'price' has the cell 'many' in row 2"):
        strict.transform(odd)


def test_metrics_read_text_as_models_do(frame, model):
    def typed(table):
        days = pd.to_datetime(table["day"], format="%d.%m.%Y")
        return table.assign(day=days, price=table["price"].astype(float))

    drawn = model.sample(N, random_state=0)
    expected = column_shapes(typed(frame), typed(drawn))
    # The same rows, whatever they are written in.
    assert column_shapes(frame, drawn) == expected
    assert column_shapes(frame, typed(drawn)) == expected
    assert copy_share(frame, frame, drawn).score == 1
    trends = pair_trends(frame, drawn)
    assert trends == pair_trends(typed(frame), typed(drawn))


@pytest.mark.parametrize("estimator", [AAEClassifier, AAEClusterer])
def test_classifier_and_clusterer_take_text_for_what_it_is(frame, estimator):
    own = {"n_clusters": 2} if estimator is AAEClusterer else {}
    fitted = estimator(**own, **TINY).fit(frame, np.arange(N) % 2)
    kinds = [span.kind for span in fitted.estimator_._reader.encoder.layout_.spans]
    assert kinds == ["datetime", "number", "category"]
    assert len(fitted.predict(frame[:5])) == 5


def test_a_detector_is_surprised_by_a_cell_that_cannot_be_read(frame):
    detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(frame)
    odd = frame[:10].copy()
    odd.loc[4, "price"] = "many"
    usual, now = detector.score_samples(frame[:10]), detector.score_samples(odd)
    np.testing.assert_array_equal(np.flatnonzero(usual != now), [4])
    assert now[4] < usual[4]
    strict = AAEOutlierDetector(max_epochs=1, handle_unknown="error").fit(frame)
    with pytest.raises(ValueError, match="Column 'price' has the cell 'many' in row 4"):
        strict.score_samples(odd)


def test_the_command_counts_text_as_what_it_is_and_calls_none_of_it_identifiers(frame):
    frame = frame.assign(name=[f"n{k}" for k in range(N)])
    assert kinds_of(frame) == "1 date, 1 number, 2 categories"
    assert AuditTable(frame, "people").is_identifier() == [False, False, False, True]
