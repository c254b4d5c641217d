"""What cells of text are: missing, booleans, numbers, dates or text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Missing in columns whose other cells are all numbers, dates or booleans.
MISSING_WORDS = frozenset(
    {"NA", "N/A", "#N/A", "NaN", "null", "NULL", "None", "?", "."}
    | {"na", "n/a", "#NA", "nan", "<NA>", "NaT", "Null", "none"}
)
BOOLEANS = frozenset({"true", "false"})
INFINITE = r"[+-]?(?:inf|infinity)"
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
WHOLE = re.compile(r"[+-]?[0-9]+")
#: What separates thousands: Excel, Switzerland, France.
THOUSANDS = ".,'\u2019\u00a0\u202f"
#: Numbers with either sign, and what separates thousands.
ANY_NUMBER = re.compile(
    rf"(?i:{INFINITE})|[+-]?(?:[0-9]+(?:[.,'][0-9]+)*[.,]?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
)
#: A day, and perhaps a time of day, a fraction of a second and an offset from UTC.
ISO_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:([T ])\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTH = rf"(?i:{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in MONTHS)})"
#: Days other than ISO's, with the year at either end or months by name, and perhaps a time of day.
LOCAL_DATE = re.compile(
    r"(?:(?P<y>\d{4})(?P<s1>[./])(?P<c>\d{1,2})(?P=s1)(?P<d>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<s2>[./-])(?P<b>\d{1,2})(?P=s2)(?P<e>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?P<s3>[ -])(?P<n3>{MONTH})(?P=s3)(?P<e3>\d{{4}})"
    rf"|(?P<n4>{MONTH}) (?P<d4>\d{{1,2}})(?P<s4>,? )(?P<e4>\d{{4}}))"
    r"(?:(?P<t>, |[T ])(?P<h>\d{1,2}):(?P<i>\d{2})(?P<j>:\d{2})?(?P<p> ?[AaPp][Mm])?)?"
)


def number_pattern(decimal: str, thousands: str = "") -> re.Pattern[str]:
    """Return the pattern of numbers with a decimal sign, perhaps with thousands separated."""
    point, whole = re.escape(decimal), "[0-9]+"
    if thousands:
        whole = rf"(?:[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    return re.compile(
        rf"(?i:{INFINITE})|[+-]?(?:{whole}{point}?[0-9]*|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    )


def all_match(pattern: re.Pattern[str], cells: Iterable[str]) -> bool:
    """Return whether a pattern matches all cells from end to end."""
    return all(map(pattern.fullmatch, cells))


def is_typed(cell: str) -> bool:
    """Return whether a cell by itself looks like a number, a boolean or a date."""
    return bool(
        cell.lower() in BOOLEANS
        or ANY_NUMBER.fullmatch(cell)
        or ISO_DATE.fullmatch(cell)
        or LOCAL_DATE.fullmatch(cell)
    )


def known_cells(cells: Iterable[str]) -> Iterator[str]:
    """Yield cells, without blanks at their ends, that are neither empty nor missing words."""
    for cell in cells:
        bare = cell.strip()
        if bare and bare not in MISSING_WORDS:
            yield bare


def is_typed_column(cells: Iterable[str]) -> bool:
    """Return whether all known cells, one at least, look like numbers, booleans or dates."""
    known = set(known_cells(cells))
    return bool(known) and all(map(is_typed, known))
