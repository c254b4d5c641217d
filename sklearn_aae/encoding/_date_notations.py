"""How text writes dates: found from cells, read by it, written in it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.encoding._cell_kinds import ISO_DATE, LOCAL_DATE, MONTHS, all_match

#: Length of a day, of minutes, seconds and microseconds in ISO 8601.
DAY, MINUTES, SECONDS, MICROSECONDS = 10, 16, 19, 26
#: The years that dates in nanoseconds reach.
FINE_YEARS = (1678, 2261)
NOON = 12


@dataclass(frozen=True)
class DateNotation:
    """Dates as in ISO 8601.

    Attributes
    ----------
    length : int
        Characters of the longest cell before the offset: 10 for days, 19 for seconds.
    separator : str
        What stands between day and time, "T" or a blank.
    offset : str
        What all cells end in: "", "Z" or, say, "+01:00".
    """

    length: int
    separator: str = "T"
    offset: str = ""

    @classmethod
    def find(cls, cells: Iterable[str]) -> tuple[np.ndarray, DateNotation] | None:
        """Return distinct texts as dates, and their notation; None if one is no ISO date."""
        cells = list(cells)
        found = [ISO_DATE.fullmatch(cell) for cell in cells]
        matches = [match for match in found if match is not None]
        offsets = {match[5] or "" for match in matches}
        # Clocks that differ from cell to cell cannot be told from one column of dates.
        if len(matches) < len(cells) or len(offsets) != 1:
            return None
        offset = offsets.pop()
        separators = [match[2] for match in matches if match[2]]
        length = max(len(cell) for cell in cells) - len(offset)
        notation = cls(length, separators[0] if separators else "T", offset)
        dates = [notation.parse(cell) for cell in cells]
        if any(date is None for date in dates):
            return None  # the 30th of February, say
        return np.array(dates), notation

    @property
    def pattern(self) -> str:
        """The notation as in strftime."""
        time = ""
        if self.length > DAY:
            time = self.separator + "%H:%M"
            time += ":%S" * (self.length > MINUTES) + ".%f" * (self.length > SECONDS)
        return "%Y-%m-%d" + time + self.offset

    @property
    def unit(self) -> str:
        """What dates are counted in."""
        return "us" if self.length <= MICROSECONDS else "ns"

    def parse(self, text: str) -> np.datetime64 | None:
        """Return the date that a cell stands for, by its own clock."""
        match = ISO_DATE.fullmatch(text)
        if match is None or (match[5] or "") != self.offset:
            return None
        first, last = FINE_YEARS if self.unit == "ns" else (1, 9999)
        if not first <= int(text[:4]) <= last:
            return None
        try:
            result: np.datetime64 | None = np.datetime64(
                text[: len(text) - len(self.offset)]
            ).astype(f"M8[{self.unit}]")
            return result
        except ValueError:
            return None

    def texts(self, values: np.ndarray) -> list[str]:
        """Return dates as text."""
        unit: Any = self.unit
        dates: np.ndarray = values.astype(f"M8[{unit}]")
        cells: list[str] = np.datetime_as_string(dates, unit=unit).tolist()
        if self.length <= DAY:
            return [cell[: self.length] for cell in cells]
        return [cell[: self.length].replace("T", self.separator, 1) + self.offset for cell in cells]


@dataclass(frozen=True)
class LocalDateNotation:
    """Dates that are not as in ISO 8601: 31.01.2020, 1/31/2020 2:05 PM, 31-Jan-2020.

    Attributes
    ----------
    order : str
        Of year, month and day: "dmy", "mdy" or "ymd".
    mark : str
        What stands between the first two of them.
    padded : bool
        Whether days and months below 10 have a zero.
    between : str
        What stands between day and time; empty for days.
    padded_hours : bool
        Whether hours below 10 have a zero.
    seconds : bool
        Whether times have seconds.
    half : str
        "AM" or "am" with what stands before it, if hours go to 12 only; else empty.
    month : str
        How months are named: "%b" as Jan, "%B" as January, upper or lower case as "JAN"; empty
        for numbers.
    last_mark : str
        What stands before the last of year, month and day.
    """

    order: str
    mark: str
    padded: bool = True
    between: str = ""
    padded_hours: bool = True
    seconds: bool = False
    half: str = ""
    month: str = ""
    last_mark: str = ""

    @classmethod
    def find(cls, cells: Iterable[str]) -> tuple[np.ndarray, LocalDateNotation] | None:
        """Return distinct texts as dates, and their notation; None if there is any doubt."""
        cells = list(cells)
        if not cells or not all_match(LOCAL_DATE, cells):
            return None
        parts = [_parts(cell) for cell in cells]
        shapes = {(p["order"], p["mark"], p["last"], p["t"], bool(p["j"])) for p in parts}
        orders = {p["order"] for p in parts}
        halves = {(p["p"] or "")[:1].isspace() for p in parts}, {bool(p["p"]) for p in parts}
        if len(shapes) > 1 or any(len(of) > 1 for of in halves):
            return None
        order = orders.pop()
        if order == "?":
            beyond = [any(int(p[part]) > 12 for p in parts) for part in "ab"]
            if beyond[0] == beyond[1]:
                return None  # no date of these says which is the day, or two disagree
            order = "dmy" if beyond[0] else "mdy"
        first = parts[0]
        days = [text for p in parts for text in _days(p, order) if text.isdigit()]
        names = [text for p in parts for text in _days(p, order) if not text.isdigit()]
        notation = cls(
            order,
            first["mark"],
            all(len(text) == 2 for text in days),
            first["t"] or "",
            bool(first["t"]) and all(len(p["h"]) == 2 for p in parts),
            bool(first["j"]),
            _half(first["p"]),
            _names_of(names),
            first["last"],
        )
        if names and not notation.month:
            return None
        dates = [notation.parse(cell) for cell in cells]
        return None if any(date is None for date in dates) else (np.array(dates), notation)

    @property
    def unit(self) -> str:
        """What dates are counted in."""
        return "us"

    @property
    def pattern(self) -> str:
        """The notation as in strftime."""
        of = {"d": "%d", "m": self.month or "%m", "y": "%Y"}
        date = of[self.order[0]] + self.mark + of[self.order[1]] + self.last_mark
        date += of[self.order[2]]
        if not self.between:
            return date
        hour = "%I" if self.half else "%H"
        time = f"{hour}:%M" + ":%S" * self.seconds
        return date + self.between + time + (self.half[:-2] + "%p" if self.half else "")

    def parse(self, text: str) -> np.datetime64 | None:
        """Return the date that a cell stands for."""
        if not LOCAL_DATE.fullmatch(text):
            return None
        parts = _parts(text)
        shape = (parts["mark"], parts["last"], parts["t"] or "", bool(parts["j"]))
        same = shape == (self.mark, self.last_mark, self.between, self.seconds)
        if (
            not same
            or parts["order"] not in ("?", self.order)
            or bool(parts["p"]) != bool(self.half)
        ):
            return None
        day, month = _days(parts, self.order)
        hour = int(parts["h"] or 0)
        if self.half:
            if not 1 <= hour <= NOON:
                return None
            hour = hour % NOON + NOON * (parts["p"].strip().lower() == "pm")
        number = int(month) if month.isdigit() else _month(month)
        minute, second = int(parts["i"] or 0), int((parts["j"] or ":0")[1:])
        try:
            date = datetime.datetime(int(parts["year"]), number, int(day), hour, minute, second)
        except ValueError:
            return None
        return np.datetime64(date, "us")

    def texts(self, values: np.ndarray) -> list[str]:
        """Return dates as text."""
        return [self._text(date) for date in values.astype("M8[s]").astype(object)]

    def _text(self, date: datetime.datetime) -> str:
        width = 2 if self.padded else 1
        of = {"d": f"{date.day:0{width}}", "m": f"{date.month:0{width}}", "y": f"{date.year:04}"}
        if self.month:
            of["m"] = _month_name(date.month, self.month)
        text = of[self.order[0]] + self.mark + of[self.order[1]] + self.last_mark
        text += of[self.order[2]]
        if not self.between:
            return text
        hour = (date.hour - 1) % NOON + 1 if self.half else date.hour
        text += f"{self.between}{hour:0{2 if self.padded_hours else 1}}:{date.minute:02}"
        if self.seconds:
            text += f":{date.second:02}"
        if self.half:
            half = "PM" if date.hour >= NOON else "AM"
            text += self.half[:-2] + (half.lower() if self.half.islower() else half)
        return text


def _parts(text: str) -> dict[str, Any]:
    """Return the parts of a local date: where years are, what stands between."""
    match = LOCAL_DATE.fullmatch(text)
    assert match is not None
    parts: dict[str, Any] = match.groupdict()
    if parts["y"]:
        order, year, mark, last = "ymd", parts["y"], parts["s1"], parts["s1"]
    elif parts["e"]:
        order, year, mark, last = "?", parts["e"], parts["s2"], parts["s2"]
    elif parts["e3"]:
        order, year, mark, last = "dmy", parts["e3"], parts["s3"], parts["s3"]
    else:
        order, year, mark, last = "mdy", parts["e4"], " ", parts["s4"]
    return {**parts, "order": order, "year": year, "mark": mark, "last": last}


def _half(text: str | None) -> str:
    """Return AM or PM in text, with what stands before it, as AM."""
    return "" if not text else text[:-2] + ("am" if text.islower() else "AM")


def _days(parts: dict[str, Any], order: str) -> tuple[str, str]:
    """Return day and month of a local date in text."""
    if parts["y"]:
        return parts["d"], parts["c"]
    if parts["e"]:
        return (parts["a"], parts["b"]) if order == "dmy" else (parts["b"], parts["a"])
    if parts["e3"]:
        return parts["d3"], parts["n3"]
    return parts["d4"], parts["n4"]


def _month(name: str) -> int:
    """Return the number of a month; 0 for what is none."""
    lower = name.lower()
    return next((i for i, month in enumerate(MONTHS, 1) if lower in (month, month[:3])), 0)


def _month_name(number: int, style: str) -> str:
    """Return the name of a month: "%B" and "%b", or in upper or lower case "%^b", "%#b"."""
    name = MONTHS[number - 1] if style[-1] == "B" else MONTHS[number - 1][:3]
    case = {"^": str.upper, "#": str.lower}.get(style[1], str.title)
    return case(name)


def _names_of(names: list[str]) -> str:
    """Return in which style all months are named; empty if there are none, or in none."""
    if not names:
        return ""
    for style in ("%b", "%B", "%^b", "%^B", "%#b", "%#B"):
        if all(_month(name) and _month_name(_month(name), style) == name for name in names):
            return style
    return ""


def find_dates(cells: Iterable[str]) -> tuple[np.ndarray, DateNotation | LocalDateNotation] | None:
    """Return distinct texts as dates, and their notation; None if they are not all dates."""
    cells = list(cells)
    return DateNotation.find(cells) or LocalDateNotation.find(cells)
