"""How the columns of a file write their cells, beside dates and numbers: booleans and bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._date_notations import DateNotation, LocalDateNotation
from sklearn_aae.encoding._number_notations import NumberNotation


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

    def texts(self, values: np.ndarray) -> list[str]:
        """Return booleans as text."""
        return [self.true if value else self.false for value in values]


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

    def texts(self, values: np.ndarray) -> list[str]:
        """Return bytes as text."""
        return [cell.decode("utf-8") if self.is_text else cell.hex() for cell in values]


Form = DateNotation | LocalDateNotation | NumberNotation | BooleanForm | BytesForm


def write_column(form: Form, column: Any) -> Any:
    """Return a column of pandas as text, with missing cells where there were any."""
    present = column.notna().to_numpy()
    values, places = np.unique(column[present].to_numpy(), return_inverse=True)
    texts = np.empty(len(column), dtype=object)
    texts[present] = np.array(form.texts(values), dtype=object)[places]
    return import_extra("pandas", "table").Series(texts, column.index, dtype="str")
