"""impute with rules: known cells that fit never saw keep their rows, and leave the others alone."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.rules import Determines, Order, Product, Rules, Sum
from tests.instances import fast

N = 120
RULES = [
    Determines("zone", "borough"),
    Sum("total", ["fare", "tip"]),
    Product("amount", ["pieces", "price"]),
    Order("start", "end"),
]


def invoices():
    rng = np.random.default_rng(0)
    fare, tip = rng.integers(300, 6000, N) / 100, rng.integers(0, 900, N) / 100
    pieces, price = rng.integers(1, 9, N), rng.integers(100, 2000, N) / 100
    zone = np.arange(N) % 12
    start = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 30, N), "D")
    end = start + pd.to_timedelta(rng.integers(0, 9, N), "D")
    return pd.DataFrame(
        {
            "zone": zone.astype(str),
            "borough": (zone % 4).astype(str),
            "fare": fare,
            "tip": tip,
            "total": (fare + tip).round(2),
            "pieces": pieces,
            "price": price,
            "amount": (pieces * price).round(2),
            "start": start.strftime("%d.%m.%Y"),
            "end": end.strftime("%d.%m.%Y"),
        }
    )


@pytest.fixture(scope="module")
def model():
    return fast(max_epochs=1, rules=RULES).fit(invoices())


ODD = {
    "a third": ("fare", 1 / 3, "total", lambda row: 1 / 3 + row.tip),
    "more decimals": ("fare", 1.2345, "total", lambda row: 1.2345 + row.tip),
    "far beyond": ("fare", -1e18, "total", lambda row: -1e18 + row.tip),
    "no part of floats": ("total", 2.0**60, "tip", lambda row: 2.0**60 - row.fare),
    "half a piece": ("pieces", 1.5, "amount", lambda row: np.floor(150 * row.price + 0.5) / 100),
    "too many pieces": ("pieces", 2**70, "amount", lambda row: 2.0**70 * row.price),
    "an irrational price": ("price", np.pi, "amount", lambda row: round(np.pi * row.pieces, 2)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("as_decimal", [False, True], ids=["float", "Decimal"])
def test_what_follows_from_an_odd_cell_is_computed_all_the_same(model, name, as_decimal):
    column, cell, gone, wanted = ODD[name]
    rows = invoices()[:6].astype({column: object})
    true = rows[gone].copy()
    rows[gone] = None
    rows.loc[2, column] = Decimal(repr(cell)) if as_decimal else cell
    filled = model.impute(rows, n_draws=3, random_state=0)
    assert filled[column].tolist() == rows[column].tolist()
    np.testing.assert_allclose(float(filled[gone][2]), wanted(rows.loc[2]), rtol=1e-12)
    others = [0, 1, 3, 4, 5]
    assert filled[gone][others].astype(float).tolist() == true[others].tolist()


def test_dates_of_text_beyond_all_years_and_no_dates():
    table = invoices()
    model = fast(max_epochs=1, rules="auto").fit(table)
    rows = table[:6].assign(end=None)
    rows.loc[:3, "start"] = ["31.12.9999", "01.01.0001", "soon", "31.02.2024"]
    filled = model.impute(rows, n_draws=3, random_state=0)
    assert filled["start"].tolist() == rows["start"].tolist()
    assert filled["end"].str.fullmatch(r"\d\d\.\d\d\.\d{4}").all()
    assert filled["end"][0] == "31.12.9999"
    start, end = (pd.to_datetime(filled[name][4:], format="%d.%m.%Y") for name in ("start", "end"))
    assert (start <= end).all()


def test_a_computed_cell_is_not_moved_by_an_order():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.integers(0, 99, N), "b": rng.integers(0, 99, N)})
    table = table.assign(t=table["a"] + table["b"], high=table["a"] + rng.integers(0, 30, N))
    table["kind"] = rng.choice([*"xy"], N)
    rules = [Order("a", "high"), Sum("t", ["a", "b"]), Sum("twice", ["t", "a"])]
    table["twice"] = table["t"] + table["a"]
    model = fast(max_epochs=1, rules=rules).fit(table)
    filled = model.impute(table[:20].assign(a=None), n_draws=3, random_state=0)
    assert filled["a"].tolist() == table["a"][:20].tolist()
    filled = model.impute(table[:20].assign(t=None, b=None), n_draws=3, random_state=0)
    assert filled["b"].tolist() == table["b"][:20].tolist()


def numbers_of(dtype):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.integers(0, 100, N), "b": rng.integers(0, 100, N)})
    table["t"], table["again"] = table["a"] + table["b"], table["a"]
    kind = rng.choice([*"xy"], N)
    if dtype == "objects":
        table = table.map(lambda cell: Decimal(int(cell)).scaleb(-2))
    elif isinstance(dtype, pl.DataType):
        frame = pl.from_pandas(table)
        return frame.with_columns((pl.all() / 100).cast(dtype), kind=pl.Series(kind))
    else:
        table = table.astype(dtype)
    return table.assign(kind=kind)


@pytest.mark.parametrize("output", [None, "autoregressive"])
@pytest.mark.parametrize("dtype", ["objects", "uint8", "Int16", pl.Decimal(3, 2)], ids=str)
def test_sums_in_narrow_types_and_of_decimals_are_found_and_kept(dtype, output):
    table = numbers_of(dtype)
    options = {} if output is None else {"output": output}
    model = fast(max_epochs=1, **options).fit(table)
    assert {"t = a + b", "again = a"} <= {*map(str, model.rules_)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = model.sample(200, random_state=0)
    assert list(drawn.dtypes) == list(table.dtypes)
    assert not Rules([Sum("t", ["a", "b"]), Sum("again", ["a"])]).broken(drawn).any()


def test_what_no_cell_of_the_type_holds_is_the_nearest_one():
    table = numbers_of("uint8")
    model = fast(max_epochs=1).fit(table)
    rows = table[:2].astype({"t": object, "a": "uint8"}).assign(a=[200, 3], b=[90, 4], t=None)
    filled = model.impute(rows.assign(again=rows["a"]), n_draws=2)
    assert filled["t"].tolist() == [255, 7]
    frame = numbers_of(pl.Decimal(3, 2))
    model = fast(max_epochs=1).fit(frame)
    rows = frame[:1].with_columns(
        pl.lit(Decimal("9.5")).alias("a"), pl.lit(Decimal("1")).alias("b"), pl.lit(None).alias("t")
    )
    assert model.impute(rows, n_draws=2)["t"].to_list() == [Decimal("9.99")]
