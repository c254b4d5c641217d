"""What clocks show: dates on a grid of days, quarter hours or months, in any time zone."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from sklearn_aae.encoding._grids import FEWEST, common_step

EPOCH = datetime.datetime(1970, 1, 1)
A_DAY = 86_400
#: Seconds since 1970 that Python's dates reach from and to, a day less at either end.
REACH = (-62_135_510_400, 253_402_214_400)
#: The share of days that may begin at another time than midnight.
MOST_ODD = 0.05


@dataclass(frozen=True)
class ClockGrid:
    """``start + size * i`` in whole units, or in months with a day and time of their own.

    Attributes
    ----------
    start, size : int
        In units; of months, in months since 1970.
    day : int or None
        Units in a day, if months are counted.
    within : int
        Of months: how far behind the beginning of a month the dates are, in units; below 0
        for the last days of the month before.
    """

    start: int
    size: int
    day: int | None = None
    within: int = 0

    @property
    def step(self) -> int | None:
        """The size of a step in units; None for months."""
        return self.size if self.day is None else None

    def below(self, shown: np.ndarray) -> np.ndarray:
        """Return the number of the last value of the grid that is not after each one."""
        if self.day is None:
            return (shown - self.start) // self.size
        return (_months(shown - self.within, self.day) - self.start) // self.size

    def value(self, index: np.ndarray) -> np.ndarray:
        """Return the values of these numbers."""
        whole = self.start + self.size * index
        if self.day is None:
            return whole
        return _first_days(whole) * self.day + self.within


def find_clock_grid(shown: np.ndarray, day: int, finest: int, *, has_months: bool) -> ClockGrid:
    """Return the grid that times on a clock lie on.

    ``day`` and ``finest`` are a day and the finest resolution of all times, in units; few
    different times only tell the latter.
    """
    shown = np.unique(shown)
    if len(shown) < FEWEST:
        return ClockGrid(0, finest)
    # Ends of months are beginnings but for a day.
    for shift in (0, day) if has_months else ():
        months = _months(shown + shift, day)
        within = np.unique(shown - _first_days(months) * day)
        if len(within) == 1:
            return ClockGrid(int(months[0]), common_step(months), day, int(within[0]))
    size = common_step(shown)
    # The smallest start, so that distances from it are whole numbers of 64 bits.
    return ClockGrid(int(shown[0]) % size, size)


def _months(shown: np.ndarray, day: int) -> np.ndarray:
    return (shown // day).view("M8[D]").astype("M8[M]").view(np.int64)


def _first_days(months: np.ndarray) -> np.ndarray:
    return months.view("M8[M]").astype("M8[D]").view(np.int64)


def on_clocks(
    shown: np.ndarray, ahead: np.ndarray, zone: datetime.tzinfo, second: int
) -> np.ndarray:
    """Return the instants at which a zone's clocks show something; ``ahead`` is a guess.

    What clocks skip is as long behind the beginning of the gap.
    """
    before = offsets_at(shown - ahead, zone, second)
    after = offsets_at(shown - before, zone, second)
    again = offsets_at(shown - after, zone, second)
    return shown - np.where(again == after, after, np.minimum(before, after))


def midnights(
    instants: np.ndarray, offsets: np.ndarray, zone: datetime.tzinfo, day: int, second: int
) -> np.ndarray:
    """Return offsets that make whole days of those that begin at one o'clock, after a gap.

    Others are returned unchanged, unless nearly all times of day are the same.
    """
    times = (instants + offsets) % day
    found, counts = np.unique(times, return_counts=True)
    odd = times != found[np.argmax(counts)]
    if not 0 < odd.mean() <= MOST_ODD:
        return offsets
    mended = offsets.copy()
    mended[odd] = offsets_at(instants[odd] - 1, zone, second)
    same = (instants + mended) % day == found[np.argmax(counts)]
    return mended if same.all() else offsets


def offsets_at(instants: np.ndarray, zone: datetime.tzinfo, second: int) -> np.ndarray:
    """Return how far a zone's clocks are ahead of UTC, in units of which a second has many."""
    seconds = instants // second
    days, where = np.unique(seconds // A_DAY, return_inverse=True)
    begin, end = (_look_up((days + more) * A_DAY, zone) for more in (0, 1))
    ahead = begin[where]
    # Clocks change on few days, and not twice on one.
    changing = (begin != end)[where]
    moments, which = np.unique(seconds[changing], return_inverse=True)
    ahead[changing] = _look_up(moments, zone)[which]
    return ahead * second


def _look_up(seconds: np.ndarray, zone: datetime.tzinfo) -> np.ndarray:
    ahead = np.empty(len(seconds), dtype=np.int64)
    for i, moment in enumerate(seconds.clip(*REACH).tolist()):
        utc = EPOCH + datetime.timedelta(seconds=moment)
        # Other than utcoffset, this means the same thing to all libraries of time zones.
        local = zone.fromutc(utc.replace(tzinfo=zone)).replace(tzinfo=None)
        ahead[i] = (local - utc) // datetime.timedelta(seconds=1)
    return ahead
