"""Columns of text that is not text: dates of one format, and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sklearn_aae.encoding._cell_kinds import ISO_DATE, LOCAL_DATE
from sklearn_aae.encoding._cells import as_objects, is_number
from sklearn_aae.encoding._columns import (
    CATEGORY,
    DATETIME,
    NUMBER,
    Column,
    read_column,
    with_numbers,
    with_timestamps,
)
from sklearn_aae.encoding._date_notations import find_dates
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._number_notations import (
    NumberNotation,
    find_signs,
    is_code,
    numbers_of,
)

#: Numbers in text of so few levels are codes: zip codes, grades, years.
FEW_LEVELS = 20
#: So many cells are looked at before all are.
FIRST = 5


@dataclass(frozen=True)
class TextForm(Form):
    """A column of text that was read as numbers or dates.

    Attributes
    ----------
    inner : Form
        How columns of text are handed back.
    notation : DateNotation, LocalDateNotation or NumberNotation
        How its cells are written.
    spellings : dict of str to str
        How training cells are written that the notation writes otherwise.
    """

    inner: Form = field(default_factory=lambda: Form(None))
    notation: Any = None
    spellings: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the cells stand for."""
        return NUMBER if isinstance(self.notation, NumberNotation) else DATETIME

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return numbers or dates as a column of text."""
        texts = np.full(len(values), None, dtype=object)
        distinct, places = np.unique(values[~missing], return_inverse=True)
        written = self.notation.texts(distinct)
        spelled = as_objects(self.spellings.get(text, text) for text in written)
        texts[~missing] = spelled[places]
        return self.inner.build(texts, missing)

    def as_cell(self, cell: Any) -> Any:
        """Return what a cell of a condition stands for: text in this notation, or anything."""
        value = self.notation.parse(cell.strip()) if isinstance(cell, str) else None
        return cell if value is None else value

    def value_of(self, label: Any) -> Any:
        """Return what a cell stands for; None if it does not say."""
        if isinstance(label, str):
            return self.notation.parse(label.strip())
        return label if self.kind == NUMBER and is_number(label) else None

    def read(self, column: Column, values: list[Any]) -> Column:
        """Return a column of labels as what these stand for."""
        if self.kind == NUMBER:
            return with_numbers(replace(column, labels=as_objects(values)))
        return with_timestamps(column, np.array(values, dtype=f"M8[{self.notation.unit}]"))


def read_parsed(native: Any, name: Any, *, as_category: bool = False) -> Column:
    """Read a column as it is modelled: text as the numbers or dates that all its cells are.

    As :func:`~sklearn_aae.encoding._columns.read_column`, which see.
    """
    column = read_column(native, name, as_category=as_category)
    return column if as_category else parse_text(column)


def parse_text(column: Column) -> Column:
    """Return a column of text as what all its cells are, any other one as it is.

    Dates of one format are dates.  Numbers are numbers unless a cell has a leading zero, or
    there are few of them.
    """
    if not column.is_text:
        return column
    cells = [label.strip() for label in column.labels]
    found = _find(cells)
    if found is None:
        return column
    notation, values = found
    form = TextForm(column.form.dtype, inner=column.form, notation=notation)
    read = form.read(column, values)
    spellings = _spellings(column, notation.texts(as_objects(values)))
    return replace(read, form=replace(form, spellings=spellings), stated=False, is_text=False)


def _find(cells: list[str]) -> tuple[Any, list[Any]] | None:
    """Return how text is written, and what it stands for; None for text that is just that."""
    if all(ISO_DATE.fullmatch(cell) or LOCAL_DATE.fullmatch(cell) for cell in cells[:FIRST]):
        dates = find_dates(cells)
        return None if dates is None else (dates[1], list(dates[0]))
    if len(cells) <= FEW_LEVELS or find_signs(cells[:FIRST]) is None:
        return None
    signs = find_signs(cells)
    if signs is None or is_code(cells):
        return None
    numbers = numbers_of(cells, *signs)
    if not all(isinstance(number, int) or np.isfinite(number) for number in numbers):
        return None
    return NumberNotation.find(cells, *signs), numbers


def _spellings(column: Column, written: list[str]) -> dict[str, str]:
    """Return how cells are spelled, the commonest way, that are written otherwise."""
    counts = np.bincount(column.present, minlength=len(column.labels))
    ways: dict[str, Counter[str]] = {}
    for own, text, count in zip(column.labels, written, counts.tolist(), strict=True):
        ways.setdefault(text, Counter())[own] += count
    commonest = {text: own.most_common(1)[0][0] for text, own in ways.items()}
    return {text: own for text, own in commonest.items() if text != own}


def parse_as(column: Column, form: Form) -> Column:
    """Return further cells of a column that was read with a form, unknown where they differ."""
    if not isinstance(form, TextForm) or column.kind != CATEGORY:
        return column
    values = [form.value_of(label) for label in column.labels]
    known = np.array([value is not None for value in values])
    unknown = ~column.missing & ~known[column.values]
    odd = column.labels[column.values[int(np.argmax(unknown))]] if unknown.any() else None
    # Anything where a cell is missing.
    anything: Any = 0 if form.kind == NUMBER else np.datetime64(0, "us")
    anything = next((value for value in values if value is not None), anything)
    values = [anything if value is None else value for value in values]
    column = replace(column, missing=column.missing | unknown)
    read = form.read(column, values)
    return replace(read, unknown=unknown, odd=odd, stated=False, is_text=False)
