"""Numbers that float64 cannot hold come back digit by digit, and are drawn so."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from sklearn_aae import AdversarialAutoencoder, TableEncoder
from tests.mixed_tables import quick

pd = pytest.importorskip("pandas")

N = 300
RNG = np.random.default_rng(0)
IDS = RNG.integers(10**17, 10**18, 40)[RNG.integers(0, 40, N)].tolist()
COUNTS = RNG.integers(0, 10**6, N).tolist()

NUMBERS = {
    "ids that repeat": [Decimal(cell) for cell in IDS],
    "neighbours": [Decimal(10**17 + k % 40) for k in COUNTS],
    "small": [Decimal(k % 9) for k in COUNTS],
    "money": [Decimal(k).scaleb(-2) for k in COUNTS],
    "half dimes": [Decimal(5 * k).scaleb(-2) for k in COUNTS],
    "other digits": [Decimal(k) if k % 2 else Decimal(k).scaleb(-3).normalize() for k in COUNTS],
    "beyond 64 bits": [k * 10**20 + 1 for k in COUNTS],
    "on both sides of 64 bits": [2**63 + k if k % 2 else -k for k in COUNTS],
    "random of 128 bits": [int(k) * 2**80 + int(k) ** 2 for k in IDS],
    "long fractions": [Decimal(k) / 3 for k in COUNTS],
    "thirds": [Fraction(k, 3) for k in COUNTS],
}


def frame_of(cells):
    return pd.DataFrame({"v": pd.Series(cells, dtype=object)})


def spelled(cells):
    """Return cells so that only equal ones of one type and value are equal."""
    return [cell if cell is None else (type(cell), str(cell)) for cell in cells]


@pytest.mark.parametrize("cells", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("holes", [False, True])
def test_levels_are_those_of_the_exact_numbers(cells, holes):
    cells = [None if holes and k % 7 == 3 else cell for k, cell in enumerate(cells)]
    frame = frame_of(cells)
    encoder = TableEncoder(max_levels=1000).fit(frame)
    back = encoder._from_levels(encoder._to_levels(frame), None)["v"].tolist()
    assert spelled(back) == spelled(cells)
    known = {cell for cell in cells if cell is not None}
    assert encoder.layout_.spans[0].n_present == len(known)
    drawn = encoder._from_levels(encoder._to_levels(frame), np.random.default_rng(0))["v"]
    assert spelled(drawn.tolist()) == spelled(cells)


@pytest.mark.parametrize("cells", NUMBERS.values(), ids=NUMBERS)
def test_dense_numbers_are_as_near_as_single_precision(cells):
    frame = frame_of(cells)
    encoder = TableEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))["v"]
    assert {type(cell) for cell in back} == {type(cells[0])}
    np.testing.assert_allclose(
        back.astype(float),
        np.array(cells, dtype=float),
        rtol=1e-6,
        atol=max(map(float, cells)) / 1e6,
    )
    assert back.isin(cells).mean() > 0.9


@pytest.mark.parametrize("name, step", [("money", 1), ("half dimes", 5)])
def test_what_is_drawn_between_has_the_digits_and_the_grid(name, step):
    frame = frame_of(NUMBERS[name])
    encoder = TableEncoder().fit(frame)
    levels = encoder._to_levels(frame).repeat(4, axis=0)
    drawn = encoder._from_levels(levels, np.random.default_rng(0))["v"].tolist()
    assert not set(drawn) <= set(NUMBERS[name])
    assert {cell.as_tuple().exponent for cell in drawn} == {-2}
    assert {int(cell * 100) % step for cell in drawn} == {0}
    span = encoder.layout_.spans[0]
    assert (span.decimals, span.step) == (2, None if step == 1 else 0.05)
    assert span.high[-1] == float(max(NUMBERS[name]))


@pytest.mark.parametrize("dtype", ["decimal128(38, 0)", "decimal128(20, 2)", "Decimal", "Int128"])
def test_types_that_hold_exact_numbers(dtype):
    if dtype.startswith("decimal128"):
        pa = pytest.importorskip("pyarrow")
        digits = (38, 0) if dtype.endswith("0)") else (20, 2)
        cells = [Decimal(k).scaleb(-digits[1]) for k in IDS]
        arrow = pd.ArrowDtype(pa.decimal128(*digits))
        frame = pd.DataFrame({"v": pd.Series(pd.array([*cells, None], dtype=arrow))})
    else:
        pl = pytest.importorskip("polars")
        is_whole = dtype == "Int128"
        cells = [k * 10**15 + 1 if is_whole else Decimal(k).scaleb(-2) for k in IDS]
        kind = pl.Int128 if is_whole else pl.Decimal(38, 2)
        frame = pl.DataFrame({"v": pl.Series([*cells, None], dtype=kind)})
    model = quick(max_epochs=1).fit(frame)
    drawn = model.sample(200)["v"]
    assert drawn.dtype == frame["v"].dtype
    assert set(drawn.drop_nulls() if hasattr(drawn, "drop_nulls") else drawn.dropna()) <= set(cells)
    some = model.sample(5, conditions={"v": cells[0]})["v"]
    assert set(some) == {cells[0]}
    labels = TableEncoder(categorical_features=["v"]).fit(frame)
    back = labels.inverse_transform(labels.transform(frame))["v"].to_list()
    assert back[:-1] == cells


def test_conditions_are_compared_digit_by_digit():
    for cells in (
        [2**60 + k for k in range(50)] * 6,
        [Decimal(2**60 + k) for k in range(50)] * 6,
        [2**80 + k for k in range(50)] * 6,
    ):
        frame = pd.DataFrame({"v": cells, "g": ["a", "b"] * 150})
        model = quick(max_epochs=1).fit(frame)
        first = cells[0]
        assert set(model.sample(20, conditions={"v": first + 7})["v"]) == {first + 7}
        some = model.sample(50, conditions={"v": (first + 3, first + 5)})["v"]
        assert set(some) <= {first + 3, first + 4, first + 5}
        listed = model.sample(50, conditions={"v": [first + 9, 0.5, Decimal(int(first) + 11)]})["v"]
        assert set(listed) <= {first + 9, first + 11}
        with pytest.raises(ValueError, match=f"values go from {first} to {cells[49]}"):
            model.sample(2, conditions={"v": first - 1})


def test_conditions_between_exact_numbers():
    encoder = TableEncoder().fit(frame_of(NUMBERS["small"]))
    shares = encoder._level_shares("v", (2.5, Decimal("4.1")))
    assert np.flatnonzero(shares).tolist() == [3, 4]
    assert encoder._level_shares("v", (None, None)).all()


@pytest.mark.parametrize("name", ["ids that repeat", "beyond 64 bits", "money"])
def test_imputation_keeps_and_fills_exact_numbers(name):
    frame = pd.DataFrame({"v": NUMBERS[name], "g": ["a", "b"] * (N // 2)})
    model = quick(max_epochs=1).fit(frame)
    holes = frame.copy()
    holes.loc[::5, "v"] = None
    filled = model.impute(holes)["v"]
    known = holes["v"].notna()
    assert spelled(filled[known]) == spelled(frame["v"][known])
    assert set(filled) <= set(frame["v"])


def test_later_numbers_of_other_types_find_their_level():
    frame = frame_of([Decimal(k) for k in range(0, 100, 5)])
    encoder = TableEncoder().fit(frame)
    expected = [0, 1, 1, 19]
    for cells in ([0, 5, 7, 99], [0.0, 5.0, 7.4, 1e30], [-3, Decimal("5.00"), Decimal("7.4"), 98]):
        assert encoder._to_levels(frame_of(cells))[:, 0].tolist() == expected
    order = TableEncoder().fit(frame_of([2**200, 1, 2**200 + 2**199]))
    new = frame_of([0, 2**100, 2**200 - 2**100, 2**300])
    assert order._to_levels(new)[:, 0].tolist() == [0, 0, 1, 2]


def test_infinite_decimals_are_refused():
    cells = [Decimal(k) for k in range(20)] + [Decimal("Infinity")]
    with pytest.raises(ValueError, match="'v' has infinite cells, the first in row 20"):
        AdversarialAutoencoder().fit(pd.DataFrame({"v": cells, "g": "a"}))
