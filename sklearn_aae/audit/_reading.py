"""How a CSV file is to be read, and how it was: what the user says, what is found, what is said."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from sklearn_aae.encoding import BOOLEAN, CATEGORY, DURATION, NUMBER, read_parsed

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "blanks"}
#: What --sep may be called.
NAMES = {name: sep for sep, name in SEPARATORS.items()} | {"\\t": "\t", "space": " "}
KINDS = {
    NUMBER: ("number", "numbers"),
    BOOLEAN: ("boolean", "booleans"),
    CATEGORY: ("category", "categories"),
    "datetime": ("date", "dates"),
    DURATION: ("duration", "durations"),
}


@dataclass(frozen=True)
class ReadingOptions:
    """What the user says of a file; None is found out.

    Attributes
    ----------
    sep : str or None
        What stands between cells: a character, or one of the names of separators.
    decimal : str or None
        The decimal sign, a point or a comma.
    encoding : str or None
        A name that Python knows.
    na : tuple of str or None
        Words for missing cells in all columns, beside the usual ones in columns of numbers,
        dates and booleans; an empty tuple: only empty cells are missing.
    header : bool or None
        Whether the first line holds names.
    id : str or None
        A column that names rows and is no part of the table.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] | None = None
    header: bool | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if self.sep is not None:
            sep = NAMES.get(self.sep, self.sep)
            if len(sep) != 1 or sep in '\r\n"':
                raise ValueError(
                    f"--sep must be one character, or one of {', '.join(map(repr, NAMES))}; "
                    f"got {self.sep!r}"
                )
            object.__setattr__(self, "sep", sep)
        if self.decimal not in (None, ".", ","):
            raise ValueError(f"--decimal must be a point or a comma, got {self.decimal!r}")
        if self.sep is not None and self.sep == self.decimal:
            raise ValueError(f"--sep and --decimal are both {self.sep!r}; cells could not be told")


@dataclass
class Reading:
    """How a file was read.

    Attributes
    ----------
    format : str
        "CSV" or "Parquet".
    notes : list of str
        What was repaired or guessed, and may be wrong.
    remarks : list of str
        What is worth knowing of columns.
    sep, decimal, encoding : str
        As found or said; empty for files that are no CSV.
    header : bool
        Whether the first line holds names.
    missing : Counter of str
        What missing cells are written as, with their numbers.
    options : ReadingOptions
        What the user said.
    """

    format: str
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    sep: str = ""
    decimal: str = ""
    encoding: str = ""
    header: bool = True
    missing: Counter[str] = field(default_factory=Counter)
    options: ReadingOptions = field(default_factory=ReadingOptions)

    def line(self, frame: Any) -> str:
        """Return in one line how the file was read and of what kinds its columns are."""
        parts = [self.format]
        if self.sep:
            parts.append(f"separator {SEPARATORS.get(self.sep, repr(self.sep))}")
            parts.append("decimal comma" if self.decimal == "," else "decimal point")
            parts.append(self.encoding)
            if not self.header:
                parts.append("no header")
        words = ", ".join(repr(word) if word else "empty cells" for word in self.missing)
        parts.append(f"missing: {words or 'none'}")
        return f"read as {', '.join(parts)}; columns: {kinds_of(frame)}"


def kinds_of(frame: Any) -> str:
    """Return how many columns of each kind a frame of pandas has, in words."""
    counts = Counter(
        read_parsed(nw.from_native(column, series_only=True), name).kind
        for name, column in frame.items()
    )
    return ", ".join(
        f"{count} {KINDS.get(kind, (kind, kind))[count > 1]}" for kind, count in counts.items()
    )
