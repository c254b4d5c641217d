"""How the columns of a file write their cells: dates, numbers, booleans."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_kinds import ISO_DATE, LOCAL_DATE, all_match

#: Nine digits give back every float32; scores and codes have no more.
FLOAT_FORMAT = "%.9g"
#: Length of a day and of microseconds in ISO 8601.
DAY, MICROSECONDS = len("2000-01-01"), len("2000-01-01T00:00:00.000000")
#: Longer fractions are those of measurements, which nobody fills up with zeros.
MAX_PADDING = 6
#: Numbers of no file that lie outside are written with an exponent: their zeros say nothing.
SMALLEST, LARGEST = 1e-30, 1e30


@dataclass(frozen=True)
class DateForm:
    """How the dates of a text column are written, if as in ISO 8601.

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
    def find(cls, column: Any) -> tuple[Any, DateForm] | None:
        """Return a text column as dates and its form, or None if a cell is no ISO date."""
        pandas = import_extra("pandas", "table")
        cells = column.dropna()
        if not len(cells) or not cells.str.fullmatch(ISO_DATE.pattern).all():
            return None
        parts = cells.str.extract(ISO_DATE.pattern)
        offsets = parts[4].fillna("").unique()
        # Clocks that differ from cell to cell cannot be told from one column of dates.
        if len(offsets) > 1:
            return None
        bare = column.str.slice(stop=-len(offsets[0])) if offsets[0] else column
        dates = pandas.to_datetime(bare, format="ISO8601", errors="coerce")
        if (dates.isna() & column.notna()).any():
            return None  # the 30th of February, say
        separators = parts[1].dropna()
        separator = separators.iloc[0] if len(separators) else "T"
        return dates, cls(int(bare.dropna().str.len().max()), separator, offsets[0])

    def write(self, column: Any) -> Any:
        """Return dates as text, with missing cells where there were any."""
        unit: Any = "us" if self.length <= MICROSECONDS else "ns"
        timestamps: np.ndarray = column.to_numpy().astype(f"M8[{unit}]")
        cells = np.datetime_as_string(timestamps, unit=unit)
        text = import_extra("pandas", "table").Series(cells, column.index)
        text = text.str.slice(0, self.length)
        if self.length > DAY:
            text = text.str.replace("T", self.separator, n=1, regex=False) + self.offset
        return text.where(column.notna(), None)


@dataclass(frozen=True)
class LocalDateForm:
    """How dates are written that are not as in ISO 8601: 31.01.2020, 1/31/2020 14:05.

    Attributes
    ----------
    order : str
        Of year, month and day: "dmy", "mdy" or "ymd".
    mark : str
        What stands between them.
    padded : bool
        Whether days and months below 10 have a zero.
    between : str
        What stands between day and time; empty for days.
    padded_hours : bool
        Whether hours below 10 have a zero.
    seconds : bool
        Whether times have seconds.
    """

    order: str
    mark: str
    padded: bool = True
    between: str = ""
    padded_hours: bool = True
    seconds: bool = False

    @classmethod
    def find(cls, column: Any) -> tuple[Any, LocalDateForm] | None:
        """Return a text column as dates and its form, or None if there is any doubt."""
        pandas = import_extra("pandas", "table")
        cells = column.dropna()
        if not len(cells) or not all_match(LOCAL_DATE, cells.unique()):
            return None
        parts = cells.str.extract(LOCAL_DATE)
        by_year = parts["y"].notna()
        marks = parts["s1"].fillna(parts["s2"]).unique()
        if len(marks) > 1 or by_year.nunique() > 1 or parts["t"].nunique(dropna=False) > 1:
            return None
        if by_year.iloc[0]:
            order, (year, month, day) = "ymd", (parts["y"], parts["c"], parts["d"])
        else:
            first, second, year = parts["a"], parts["b"], parts["e"]
            beyond = [(part.astype(int) > 12).any() for part in (first, second)]
            if beyond[0] == beyond[1]:
                return None  # no date of these says which is the day, or two disagree
            order = "dmy" if beyond[0] else "mdy"
            day, month = (first, second) if beyond[0] else (second, first)
        timed = parts["t"].notna().iloc[0]
        if timed and parts["j"].isna().nunique() > 1:
            return None
        iso = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
        if timed:
            iso += "T" + parts["h"].str.zfill(2) + ":" + parts["i"] + parts["j"].fillna("")
        dates = pandas.to_datetime(iso, format="ISO8601", errors="coerce")
        if dates.isna().any():
            return None
        form = cls(
            order,
            str(marks[0]),
            bool((month.str.len() == 2).all() and (day.str.len() == 2).all()),
            str(parts["t"].iloc[0]) if timed else "",
            bool(timed and (parts["h"].str.len() == 2).all()),
            bool(timed and parts["j"].notna().iloc[0]),
        )
        return dates.reindex(column.index), form

    def write(self, column: Any) -> Any:
        """Return dates as text, with missing cells where there were any."""
        dates = column.dt

        def part(numbers: Any, padded: bool) -> Any:
            text = numbers.astype("Int64").astype("string")
            return text.str.zfill(2) if padded else text

        of = {
            "d": part(dates.day, self.padded),
            "m": part(dates.month, self.padded),
            "y": dates.year.astype("Int64").astype("string").str.zfill(4),
        }
        text = of[self.order[0]]
        for name in self.order[1:]:
            text = text + self.mark + of[name]
        if self.between:
            text = text + self.between + part(dates.hour, self.padded_hours)
            text = text + ":" + part(dates.minute, True)
            if self.seconds:
                text = text + ":" + part(dates.second, True)
        return text.astype("str").where(column.notna(), None)


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : str
        The decimal sign.
    least, most : int
        Decimals that all cells have, as in 12.50 or 3.0, and that no cell has more of.
    thousands : str
        What stands between groups of three digits.
    exponents : bool
        Whether some cell has an exponent.
    plus : bool
        Whether positive numbers have a sign.
    """

    decimal: str = "."
    least: int = 0
    most: int = 0
    thousands: str = ""
    exponents: bool = False
    plus: bool = False

    @classmethod
    def find(cls, cells: Iterable[str], decimal: str = ".", thousands: str = "") -> NumberForm:
        """Return the form of numbers in text."""
        cells = [cell for cell in cells if "n" not in cell.lower()]
        exponents = any("e" in cell.lower() for cell in cells)
        decimals = [len(cell.partition(decimal)[2]) for cell in cells] or [0]
        least, most = min(decimals), max(decimals)
        return cls(
            decimal=decimal,
            least=0 if exponents or (least > MAX_PADDING and least < most) else least,
            most=most,
            thousands=thousands,
            exponents=exponents,
            plus=any(c[0] == "+" for c in cells)
            and all(c[0] in "+-" for c in cells if _is_large(c)),
        )

    @classmethod
    def of_floats(cls, column: Any) -> NumberForm:
        """Return the form of numbers that no file wrote: all digits that they need, no more."""
        values = np.unique(column.dropna().to_numpy())
        values = np.abs(values[np.isfinite(values)])
        small = values[values > 0].astype(np.float64)
        if len(small) and not (small.min() > SMALLEST and small.max() < LARGEST):
            return cls(exponents=True)
        texts = (np.format_float_positional(value, trim="-") for value in values)
        return cls(most=max((len(text.partition(".")[2]) for text in texts), default=0))

    @classmethod
    def of_decimals(cls, cells: Iterable[Decimal]) -> NumberForm:
        """Return the form of decimal numbers, which say how many decimals they have."""
        places = {max(0, -int(cell.as_tuple().exponent)) for cell in cells if cell.is_finite()}
        return cls(least=min(places, default=0), most=max(places, default=0))

    @property
    def is_plain(self) -> bool:
        """Whether whole numbers are written as anywhere else."""
        return not (self.thousands or self.plus or self.exponents or self.most)

    def write(self, column: Any) -> Any:
        """Return numbers as text, with missing cells where there were any."""
        present = column.notna().to_numpy()
        values, places = np.unique(column[present].to_numpy(), return_inverse=True)
        texts = np.empty(len(column), dtype=object)
        texts[present] = np.array([self._text(value) for value in values], dtype=object)[places]
        return import_extra("pandas", "table").Series(texts, column.index, dtype="str")

    def _text(self, value: Any) -> str:
        if isinstance(value, Decimal):
            text = f"{value:.{self.most}f}"
        elif self.exponents or isinstance(value, (np.integer, int)):
            text = str(value)
        elif not self.most and value % 1:
            text = FLOAT_FORMAT % value  # what is expected, between whole numbers
        else:
            text = np.format_float_positional(
                value, precision=self.most, min_digits=self.least, trim="k" if self.least else "-"
            )
            if not text.strip("-0."):
                text = text.lstrip("-")
        sign, digits = ("-", text[1:]) if text[0] == "-" else ("+" * self.plus, text)
        whole, point, fraction = digits.partition(".")
        if self.thousands and whole.isdigit():
            whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", self.thousands, whole)
        return sign + whole + (self.decimal if point else "") + fraction


def _is_large(cell: str) -> bool:
    """Return whether a number in text is not 0."""
    return bool(re.search("[1-9]", cell))


@dataclass(frozen=True)
class BooleanForm:
    """How booleans are spelled that are not spelled as in Python.

    Attributes
    ----------
    true, false : str
        The words.
    """

    true: str
    false: str

    @classmethod
    def find(cls, cells: Iterable[str]) -> BooleanForm | None:
        """Return the form of booleans in text, or None for True and False."""
        cells = list(cells)
        for spell in (str.title, str.lower, str.upper):
            if all(cell == spell(cell) for cell in cells):
                return None if spell is str.title else cls(spell("True"), spell("False"))
        return None

    def write(self, column: Any) -> Any:
        """Return booleans as text, with missing cells where there were any."""
        words = {True: self.true, False: self.false}
        return column.astype(object).map(words).where(column.notna(), None)


@dataclass(frozen=True)
class BytesForm:
    """How bytes are written: as the text that they are, or as hexadecimal digits.

    Attributes
    ----------
    is_text : bool
        Whether all cells are text in UTF-8.
    """

    is_text: bool

    @classmethod
    def find(cls, cells: Iterable[bytes]) -> BytesForm:
        """Return the form of bytes."""
        try:
            return cls(all(cell.decode("utf-8").isprintable() for cell in cells))
        except UnicodeDecodeError:
            return cls(False)

    def write(self, column: Any) -> Any:
        """Return bytes as text, with missing cells where there were any."""
        return column.map(
            lambda cell: cell.decode("utf-8") if self.is_text else cell.hex(), na_action="ignore"
        )


Form = DateForm | LocalDateForm | NumberForm | BooleanForm | BytesForm
