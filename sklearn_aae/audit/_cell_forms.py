"""How the columns of a CSV file write their cells: dates, decimals, booleans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra

#: Nine digits give back every float32; the model computes in no more.
FLOAT_FORMAT = "%.9g"
#: A day, and perhaps a time of day, a fraction of a second and an offset from UTC.
ISO_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:([T ])\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
#: Length of a day and of microseconds in ISO 8601.
DAY, MICROSECONDS = len("2000-01-01"), len("2000-01-01T00:00:00.000000")
#: Longer fractions are those of measurements, which nobody fills up with zeros.
MAX_PADDING = 6
#: Spellings of true and false beside Python's.
SPELLINGS = (("true", "false"), ("TRUE", "FALSE"))


@dataclass(frozen=True)
class DateForm:
    """How the dates of a text column are written.

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
class DecimalForm:
    """How many decimals the numbers of a column have at least, as in 12.50 or 3.0.

    Attributes
    ----------
    n_decimals : int
        The decimals; shorter numbers are filled up with zeros.
    """

    n_decimals: int

    @classmethod
    def find(cls, texts: Any) -> DecimalForm | None:
        """Return the form of numbers in text, or None if some cell has no decimals or many."""
        decimals = texts.dropna().str.extract(r"\.(\d+)$", expand=False)
        if not len(decimals) or decimals.isna().any():
            return None
        n_decimals = int(decimals.str.len().min())
        return cls(n_decimals) if n_decimals <= MAX_PADDING else None

    def write(self, column: Any) -> Any:
        """Return numbers as text, with missing cells where there were any."""
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        short = np.char.mod(FLOAT_FORMAT, numbers)
        full = np.char.mod(f"%.{self.n_decimals}f", numbers)
        fills = (np.char.str_len(full) > np.char.str_len(short)) & (np.char.find(short, "e") < 0)
        text = import_extra("pandas", "table").Series(np.where(fills, full, short), column.index)
        return text.where(column.notna(), None)


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
    def find(cls, texts: Any) -> BooleanForm | None:
        """Return the form of booleans in text, or None for True and False."""
        cells = set(texts.dropna())
        return next((cls(*words) for words in SPELLINGS if cells and cells <= {*words}), None)

    def write(self, column: Any) -> Any:
        """Return booleans as text, with missing cells where there were any."""
        words = {True: self.true, False: self.false}
        return column.astype(object).map(words).where(column.notna(), None)


Form = DateForm | DecimalForm | BooleanForm
