"""Dates keep the clock that they came with, and the grid that it shows."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sklearn_aae import TableEncoder

pd = pytest.importorskip("pandas")

N = 400
RNG = np.random.default_rng(0)
DAYS = RNG.integers(0, 5000, N)


def draw(frame, n=2000):
    """Return a column of a frame, drawn for the levels of its rows."""
    encoder = TableEncoder().fit(frame)
    levels = encoder._to_levels(frame)
    rows = np.random.default_rng(1).integers(0, N, n)
    return encoder._from_levels(levels[rows], np.random.default_rng(2))["t"]


def round_trip(frame):
    encoder = TableEncoder().fit(frame)
    return encoder.inverse_transform(encoder.transform(frame))["t"]


def objects(cells):
    return pd.DataFrame({"t": pd.Series(cells, dtype=object)})


# ------------------------------------------------------------------ grids of clocks


@pytest.mark.parametrize(
    "zone", [None, "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "+05:30"]
)
@pytest.mark.parametrize("container", ["pandas", "polars", "object"])
def test_whole_local_days_stay_whole(zone, container):
    t = (pd.Timestamp("2008-01-01") + pd.to_timedelta(DAYS, unit="D")).as_unit("us")
    t = t if zone is None else t.tz_localize(zone)
    frame = pd.DataFrame({"t": t})
    if container == "polars":
        pl = pytest.importorskip("polars")
        if zone == "+05:30":
            pytest.skip("polars knows no offsets")
        drawn = draw(pl.DataFrame({"t": pl.Series(t.tz_localize(None)).dt.replace_time_zone(zone)}))
        times = {cell.time() for cell in drawn.to_list()}
    else:
        drawn = draw(objects(list(t)) if container == "object" else frame)
        times = {cell.time() for cell in drawn}
    assert times == {datetime.time()}


def test_days_that_begin_after_a_gap_are_whole():
    naive = pd.Series(pd.date_range("2008-01-01", "2018-12-31", freq="D"))
    t = naive.dt.tz_localize("America/Sao_Paulo", nonexistent="shift_forward")
    assert set(t.dt.hour) == {0, 1}
    kept = t.sample(N, random_state=0)
    kept[:2] = t[t.dt.hour == 1][:2]
    drawn = draw(pd.DataFrame({"t": kept.reset_index(drop=True)}))
    assert (drawn - pd.Timedelta(1)).dt.date.ne(drawn.dt.date).all()
    assert not drawn.isin(kept).all()


@pytest.mark.parametrize("minutes", [15, 20, 24 * 60 * 7])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "Asia/Kathmandu"])
def test_steps_of_clocks(minutes, zone):
    start = pd.Timestamp("2024-01-01 00:05")
    t = pd.Series(start + pd.to_timedelta(DAYS * minutes, unit="min"))
    if zone is not None:
        t = t.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(N, bool))
    drawn = draw(pd.DataFrame({"t": t}))
    ahead = drawn.dt.tz_localize(None) - start
    assert set(ahead % pd.Timedelta(minutes=minutes)) == {pd.Timedelta(0)}
    assert drawn.between(t.min(), t.max()).all()
    assert not drawn.isin(t).all()


def test_quarter_hours_of_durations():
    t = pd.Series(pd.to_timedelta(DAYS * 15, unit="min"))
    drawn = draw(pd.DataFrame({"t": t}))
    assert set(drawn % pd.Timedelta(minutes=15)) == {pd.Timedelta(0)}
    assert not drawn.isin(t).all()


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("months", [1, 3])
def test_beginnings_and_ends_of_months(ends, months):
    chosen = RNG.choice(2000, N, replace=False) * months
    t = pd.Series(np.datetime64("1690-01", "M") + chosen).astype("M8[s]")
    t = t - pd.Timedelta(days=1) if ends else t
    drawn = draw(pd.DataFrame({"t": t}))
    begin = drawn + pd.Timedelta(days=1) if ends else drawn
    assert (begin.dt.day == 1).all()
    assert set(begin.dt.month) == set(range(1, 13, months))
    assert not drawn.isin(t).all()


def test_dense_dates_are_read_on_the_grid():
    t = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(DAYS * 15, unit="min"))
    encoder = TableEncoder().fit(pd.DataFrame({"t": t}))
    dense = encoder.transform(pd.DataFrame({"t": t}))
    dense[:, -1] += 0.1
    back = encoder.inverse_transform(dense)["t"]
    assert set(back[back <= t.max()].dt.minute) == {0, 15, 30, 45}


# ------------------------------------------------------------------ clocks of cells


def clocks(kind):
    if kind == "offsets":
        return [datetime.timezone(datetime.timedelta(hours=h)) for h in (3, -3, 8)]
    return [ZoneInfo("Asia/Tokyo"), datetime.UTC, ZoneInfo("America/Lima")]


def on_clocks(kind, as_cell=lambda cell: cell):
    zones = clocks(kind)
    return [
        as_cell(datetime.datetime(2021, 1, 1, 9, tzinfo=zones[k % 3]) + datetime.timedelta(int(d)))
        for k, d in enumerate(DAYS)
    ]


@pytest.mark.parametrize("kind", ["offsets", "zones"])
@pytest.mark.parametrize("as_cell", [lambda cell: cell, pd.Timestamp], ids=["datetime", "pandas"])
@pytest.mark.parametrize("container", ["pandas", "polars", "array"])
def test_each_cell_keeps_its_clock(kind, as_cell, container):
    cells = on_clocks(kind, as_cell)
    # The same instant on two clocks.
    cells[1] = cells[0].astimezone(clocks(kind)[1])
    cells[5] = None
    frame = objects(cells)
    if container == "polars":
        pl = pytest.importorskip("polars")
        frame = pl.DataFrame({"t": pl.Series(cells, dtype=pl.Object)})
    if container == "array":
        encoder = TableEncoder().fit(frame.to_numpy())
        back = encoder.inverse_transform(encoder.transform(frame.to_numpy()))[:, 0]
    else:
        back = round_trip(frame).to_list()
    for cell, found in zip(cells, back, strict=True):
        assert found is None if cell is None else found == cell
        assert cell is None or found.isoformat() == cell.isoformat()
        assert type(found) is type(cell)


@pytest.mark.parametrize("kind", ["offsets", "zones"])
def test_drawn_cells_are_on_the_clocks_of_training(kind):
    drawn = draw(objects(on_clocks(kind)))
    assert {cell.time() for cell in drawn} == {datetime.time(9)}
    shares = pd.Series([str(cell.utcoffset()) for cell in drawn]).value_counts(normalize=True)
    assert len(shares) == 3
    assert shares.between(0.25, 0.42).all()


def test_the_same_instant_is_drawn_on_clocks_by_how_often_they_were_used():
    zones = clocks("offsets")
    moment = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    drawn = draw(objects([moment.astimezone(zones[k % 4 == 0]) for k in range(N)]))
    share = np.mean([cell.tzinfo == zones[1] for cell in drawn])
    assert share == pytest.approx(0.25, abs=0.05)


def test_one_clock_of_later_rows_is_read_like_that_of_fit():
    frame = objects(on_clocks("offsets"))
    encoder = TableEncoder().fit(frame)
    one = frame[::3].reset_index(drop=True)
    assert [
        cell.isoformat() for cell in encoder.inverse_transform(encoder.transform(one))["t"]
    ] == [cell.isoformat() for cell in one["t"]]
    np.testing.assert_array_equal(encoder._to_levels(one), encoder._to_levels(frame)[::3])


def test_conditions_on_several_clocks_need_one():
    encoder = TableEncoder().fit(objects(on_clocks("offsets")))
    day = datetime.datetime(2025, 6, 1)
    with pytest.raises(TypeError, match="has no time zone, and the cells of the column"):
        encoder._level_shares("t", (day, None))
    aware = day.replace(tzinfo=datetime.UTC)
    shares = encoder._level_shares("t", (aware, None))
    levels = np.repeat(np.flatnonzero(shares), 20)[:, None]
    drawn = encoder._from_levels(levels, np.random.default_rng(0), within={0: (aware, None)})["t"]
    assert min(drawn) >= aware
    assert {cell.time() for cell in drawn} == {datetime.time(9)}


# ------------------------------------------------------- with and without time zone


@pytest.mark.parametrize("container", ["pandas", "polars", "object"])
@pytest.mark.parametrize("was_aware", [True, False])
def test_clocks_are_not_guessed(container, was_aware):
    naive = pd.DataFrame({"t": pd.Timestamp("2020-01-01") + pd.to_timedelta(DAYS, unit="D")})
    aware = naive.assign(t=naive["t"].dt.tz_localize("Asia/Tokyo"))
    if container == "polars":
        pl = pytest.importorskip("polars")
        naive = pl.DataFrame({"t": naive["t"].to_numpy()})
        aware = naive.with_columns(pl.col("t").dt.replace_time_zone("Asia/Tokyo"))
    if container == "object":
        naive, aware = objects(list(naive["t"])), objects(list(aware["t"]))
    known, new = (aware, naive) if was_aware else (naive, aware)
    encoder = TableEncoder().fit(known)
    words = ["without", "with"] if was_aware else ["with", "without"]
    match = f"'t' has dates {words[0]} a time zone and had dates {words[1]} a time zone in fit"
    for call in (encoder.transform, encoder._to_levels):
        with pytest.raises(TypeError, match=match):
            call(new)
    # What is filled in beside them does not depend on a guess.
    assert (encoder._to_known_levels(new)[0] == -1).all()
    assert (encoder._to_known_levels(known)[0] >= 0).all()
    encoder.transform(known)


# --------------------------------------------------------------------- nanoseconds


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_nanoseconds_of_timestamps_stay(zone):
    t = pd.Timestamp("2020-01-01 12:00:00.000001", tz=zone) + pd.to_timedelta(DAYS * 7 + 3)
    back = round_trip(objects([*t, pd.NaT]))
    assert [cell.value for cell in back[:-1]] == [cell.value for cell in t]
    assert back[0].tz == t[0].tz
    assert back[N] is pd.NaT
    drawn = draw(objects(list(t)))
    assert {type(cell) for cell in drawn} == {pd.Timestamp}
    assert len({cell.nanosecond for cell in drawn}) > 100


def test_nanoseconds_of_durations_and_of_numpy_stay():
    for cells in (
        list(pd.to_timedelta(DAYS * 7 + 3)),
        list(np.array(DAYS * 7 + 3, dtype="m8[ns]")),
        list(np.array(DAYS * 7 + 3, dtype="M8[ns]")),
    ):
        back = round_trip(objects(cells))
        assert back.tolist() == cells
        assert {type(cell) for cell in back} == {type(cells[0])}


def test_timestamps_far_from_now_stay():
    cells = [pd.Timestamp("2500-01-01").as_unit("s") + pd.Timedelta(days=int(d)) for d in DAYS]
    assert round_trip(objects(cells)).tolist() == cells
