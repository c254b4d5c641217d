"""Columns of text as numbers, booleans, dates or text, and how they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_forms import BooleanForm, Form
from sklearn_aae.audit._plan import ColumnPlan, ReadingPlan
from sklearn_aae.audit._reading import Reading, ReadingOptions
from sklearn_aae.encoding._cell_kinds import (
    BOOLEANS,
    ISO_DATE,
    LOCAL_DATE,
    MISSING_WORDS,
    all_match,
    is_typed,
    number_pattern,
)
from sklearn_aae.encoding._date_notations import find_dates
from sklearn_aae.encoding._number_notations import (
    NumberNotation,
    find_signs,
    is_code,
    numbers_of,
)

#: Numbers that are also groups of thousands, if the other sign is the decimal one.
GROUPED = {sign: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:\{sign}[0-9]{{3}})+") for sign in ".,"}
#: Why columns of dates are text.
DOUBTS = {
    LOCAL_DATE: "its dates leave in doubt which part is the day, or some do not exist",
    ISO_DATE: "its clocks differ from cell to cell, or some dates do not exist",
}
#: Columns with so few other words beside numbers are remarked on.
MOSTLY, FEW_WORDS = 0.8, 3


@dataclass
class Cells:
    """The distinct cells of a column, sorted by what is missing.

    Attributes
    ----------
    name : str
        Of the column.
    texts : list of str
        All cells.
    known : list of str
        Distinct cells, without blanks at their ends, that may be anything.
    empty, said, words : set of str
        Distinct cells that are empty, that the user says are missing, and that are
        missing beside numbers, dates and booleans.
    """

    name: str
    texts: list[str]
    known: list[str]
    empty: set[str]
    said: set[str]
    words: set[str]

    @classmethod
    def of(cls, name: str, texts: list[str], na: tuple[str, ...] | None) -> Cells:
        """Return the cells of a column."""
        usual = frozenset() if na == () else MISSING_WORDS
        own = {word.strip() for word in na or ()}
        distinct = dict.fromkeys(texts)
        empty = {cell for cell in distinct if not cell.strip()}
        numbers = {n for word in own if (n := _as_float(word)) is not None}
        said = {
            cell
            for cell in distinct
            if cell.strip() in own or (numbers and _as_float(cell.strip()) in numbers)
        } - empty
        words = {cell for cell in distinct if cell.strip() in usual} - said
        rest = (c.strip() for c in distinct if c not in empty and c not in said and c not in words)
        return cls(name, texts, list(dict.fromkeys(rest)), empty, said, words)

    def missing(self, typed: bool) -> set[str]:
        """Return the cells that are missing in a column of text, or of another kind."""
        if typed:
            return self.empty | self.said | self.words
        return ({""} & self.empty) | self.said


def _as_float(text: str) -> float | None:
    """Return what a number in text stands for, with a point or a comma; None for other text."""
    if not all_match(number_pattern("."), [text.replace(",", ".")]):
        return None
    return float(text.replace(",", "."))


@dataclass
class Typed:
    """A column as it was read.

    Attributes
    ----------
    column : pandas Series
        The column.
    form : Form or None
        How it is written, if not as pandas would.
    missing : str
        What most of its missing cells are written as.
    """

    column: Any
    form: Form | None
    missing: str


def type_columns(
    names: list[str],
    columns: list[list[str]],
    options: ReadingOptions,
    reading: Reading,
    plan: ReadingPlan | None = None,
) -> list[Typed]:
    """Return the columns of a file in the types of their cells, or in those of a plan."""
    cells = [Cells.of(*pair, options.na) for pair in zip(names, columns, strict=True)]
    if plan is not None:
        reads = [as_planned(*pair) for pair in zip(cells, plan.columns, strict=True)]
        return [_counted(*pair, reading) for pair in zip(cells, reads, strict=True)]
    style = _find_style(cells, options.decimal, reading)
    reading.decimal = style.decimal
    return [_typed(column, style, reading) for column in cells]


# --------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class Style:
    """How a file writes numbers.

    Attributes
    ----------
    decimal : str
        The decimal sign of the file.
    said : bool
        Whether the user says so.
    """

    decimal: str
    said: bool

    def of(self, known: list[str]) -> tuple[str, str] | None:
        """Return decimal sign and separator of thousands of numbers; None if some are none."""
        other = "," if self.decimal == "." else "."
        return find_signs(known, self.decimal if self.said else self.decimal + other)


def _find_style(columns: list[Cells], decimal: str | None, reading: Reading) -> Style:
    """Return the style that most columns speak for."""
    if decimal is not None:
        return Style(decimal, True)
    for_sign: dict[str, list[str]] = {".": [], ",": []}
    doubtful: dict[str, list[str]] = {".": [], ",": []}
    for column in columns:
        for sign in ".,":
            other = "," if sign == "." else "."
            with_sign = [cell for cell in column.known if sign in cell]
            if not with_sign:
                continue
            if all_match(number_pattern(sign), column.known):
                into = doubtful if all_match(GROUPED[sign], with_sign) else for_sign
                into[sign].append(column.name)
            elif any(other in cell for cell in column.known) and all_match(
                number_pattern(sign, other), column.known
            ):
                for_sign[sign].append(column.name)
    likely = for_sign[","] or (doubtful[","] and not doubtful["."] and reading.sep == ";")
    found = "," if likely and not for_sign["."] else "."
    if for_sign[","] and for_sign["."]:
        reading.notes.append(
            f"columns differ in their decimal sign: {for_sign['.'][0]!r} has points, "
            f"{for_sign[','][0]!r} commas; each is read with its own (--decimal sets one for all)"
        )
    grouping = "," if found == "." else "."
    if doubtful[grouping]:
        shown = doubtful[grouping][0]
        reading.notes.append(
            f"column {shown!r}: {grouping!r} is read as separating thousands; if it is the decimal "
            f"sign, say --decimal {grouping}"
        )
    return Style(found, False)


def _numbers(known: list[str], decimal: str, thousands: str) -> dict[str, Any] | None:
    """Return what numbers in text stand for, or None if the types of numbers do not hold them."""
    numbers = dict(zip(known, numbers_of(known, decimal, thousands), strict=True))
    if all(isinstance(number, int) for number in numbers.values()):
        low, high = min(numbers.values()), max(numbers.values())
        fits = (low >= -(2**63) and high < 2**63) or (low >= 0 and high < 2**64)
        return numbers if fits else None
    # 9E999 is no number of the file's that a float holds.
    if any(np.isinf(n) and "n" not in cell.lower() for cell, n in numbers.items()):
        return None
    return numbers


# --------------------------------------------------------------------- columns


def _typed(cells: Cells, style: Style, reading: Reading) -> Typed:
    read = _empty(cells) or _booleans(cells) or _read_numbers(cells, style) or _dates(cells)
    if read is None:
        read = _text(cells)
        _remark(cells, reading)
    return _counted(cells, read, reading)


def _counted(cells: Cells, read: Read, reading: Reading) -> Typed:
    """Return a column with what most of its missing cells are written as."""
    missing = Counter(dict.fromkeys(cells.missing(read[2]), 0))
    for cell in cells.texts:
        if cell in missing:
            missing[cell] += 1
    reading.missing.update({word.strip(): n for word, n in missing.items() if n})
    most = missing.most_common(1)
    return Typed(read[0], read[1], most[0][0] if most else "")


Read = tuple[Any, Form | None, bool]


def as_planned(cells: Cells, planned: ColumnPlan) -> Read:
    """Return a column as one of its name was read before.

    Raises
    ------
    ValueError
        If its cells are not of that kind; the message names the first that is not.
    """
    if planned.kind == "category":
        return _text(cells)
    if not cells.known:
        return _series(cells, {}, EMPTY.get(planned.kind, np.float64), True), None, True
    if planned.kind == "code":
        return _series(cells, {cell: cell for cell in cells.known}, "category", True), None, True
    if planned.kind == "empty":
        return _text(cells)
    if planned.kind == "boolean":
        read = _booleans(cells)
    elif planned.kind == "number":
        read = _planned_numbers(cells, planned)
    else:
        read = _planned_dates(cells, planned)
    if read is None:
        other = next((cell for cell in cells.known if not _fits(cell, planned)), cells.known[0])
        raise ValueError(
            f"column {cells.name!r} was of kind {planned.kind!r} when the model was fitted, and "
            f"has the cell {other!r} here"
        )
    return read


#: Types of columns without cells.
EMPTY = {"boolean": "boolean", "datetime": "datetime64[us]", "code": "category"}


def _planned_numbers(cells: Cells, planned: ColumnPlan) -> Read | None:
    if not all(_fits(cell, planned) for cell in cells.known):
        return None
    signs = planned.decimal, planned.thousands
    values = _numbers(cells.known, *signs)
    return None if values is None else _as_numbers(cells, values, signs)


def _planned_dates(cells: Cells, planned: ColumnPlan) -> Read | None:
    notation = planned.notation
    if notation is None:
        return _dates(cells)
    dates = [notation.parse(cell) for cell in cells.known]
    if any(date is None for date in dates):
        return None
    values = dict(zip(cells.known, dates, strict=True))
    return _series(cells, values, f"M8[{notation.unit}]", True), notation, True


def _fits(cell: str, planned: ColumnPlan) -> bool:
    """Return whether a cell by itself is of the planned kind."""
    if planned.kind == "number":
        signs = {"", planned.thousands}
        return any(number_pattern(planned.decimal, sign).fullmatch(cell) for sign in signs)
    if planned.kind == "boolean":
        return cell.lower() in BOOLEANS
    return planned.notation is not None and planned.notation.parse(cell) is not None


def _series(cells: Cells, values: dict[str, Any], dtype: Any, typed: bool) -> Any:
    """Return a column of what texts stand for, with holes where they stand for nothing."""
    pandas = import_extra("pandas", "table")
    missing = cells.missing(typed)
    of = {cell: None if cell in missing else values[cell.strip()] for cell in set(cells.texts)}
    return pandas.Series([of[cell] for cell in cells.texts], dtype=dtype)


def _has_holes(cells: Cells) -> bool:
    return bool(cells.missing(True))


def _empty(cells: Cells) -> Read | None:
    return None if cells.known else (_series(cells, {}, np.float64, True), None, True)


def _booleans(cells: Cells) -> Read | None:
    if not all(cell.lower() in BOOLEANS for cell in cells.known):
        return None
    values = {cell: cell.lower() == "true" for cell in cells.known}
    dtype = "boolean" if _has_holes(cells) else bool
    return _series(cells, values, dtype, True), BooleanForm.find(cells.known), True


def _read_numbers(cells: Cells, style: Style) -> Read | None:
    signs = style.of(cells.known)
    if signs is None:
        return None
    values = _numbers(cells.known, *signs)
    if values is None or is_code(cells.known):
        # As categories, which nobody takes for numbers.
        return _series(cells, {cell: cell for cell in cells.known}, "category", True), None, True
    return _as_numbers(cells, values, signs)


def _as_numbers(cells: Cells, values: dict[str, Any], signs: tuple[str, str]) -> Read:
    """Return a column of what numbers in text stand for."""
    form = NumberNotation.find(cells.known, *signs)
    dtype: Any = np.float64
    if all(isinstance(value, int) for value in values.values()):
        dtype = "uint64" if max(values.values()) >= 2**63 else "int64"
        dtype = dtype.replace("i", "I", 1).replace("u", "U") if _has_holes(cells) else dtype
        return _series(cells, values, dtype, True), None if form.is_plain else form, True
    return _series(cells, values, dtype, True), form, True


def _dates(cells: Cells) -> Read | None:
    # A regular expression on a few cells, before all are looked at.
    if not all(map(is_typed, cells.known[:5])):
        return None
    found = find_dates(cells.known)
    if found is None:
        return None
    dates, notation = found
    values = dict(zip(cells.known, dates, strict=True))
    return _series(cells, values, dates.dtype, True), notation, True


def _text(cells: Cells) -> Read:
    missing = cells.missing(False)
    pandas = import_extra("pandas", "table")
    texts = [None if cell in missing else cell for cell in cells.texts]
    return pandas.Series(texts, dtype="str"), None, False


def _remark(cells: Cells, reading: Reading) -> None:
    """Say of a column of text that is nearly all numbers or dates what keeps it from being so."""
    for pattern, why in DOUBTS.items():
        if all_match(pattern, cells.known):
            reading.remarks.append(f"column {cells.name!r} is text: {why}")
            return
    others = [cell for cell in cells.known if not is_typed(cell)]
    if not 0 < len(others) <= FEW_WORDS or len(cells.known) <= FEW_WORDS:
        return
    counts = Counter(map(str.strip, cells.texts))
    n_others = sum(counts[cell] for cell in others)
    if n_others > (1 - MOSTLY) * _n_known(cells, counts):
        return
    reading.remarks.append(
        f"column {cells.name!r} is text because of {', '.join(map(repr, others))}; if that stands "
        f"for missing cells, say --na {_quoted(others)}"
    )


def _n_known(cells: Cells, counts: Counter[str]) -> int:
    return sum(counts[cell] for cell in cells.known)


def _quoted(words: Iterable[str]) -> str:
    return repr(",".join(words))
