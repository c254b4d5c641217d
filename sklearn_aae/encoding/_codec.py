"""What every kind of column has in common: cells to levels, and levels to cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.encoding._cells import is_missing
from sklearn_aae.encoding._columns import EMPTY, Column
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._layout import Span, make_span


@dataclass(frozen=True)
class Condition:
    """What a cell is asked to be.

    Attributes
    ----------
    text : str
        As it was asked, for errors.
    missing : bool
        Whether a missing cell meets it.
    allowed : list or None
        Cells that meet it.
    bounds : tuple or None
        Lowest and highest cell that meets it, either may be None.
    """

    text: str
    missing: bool
    allowed: list[Any] | None
    bounds: tuple[Any, ...] | None

    @classmethod
    def of(cls, condition: Any, name: Any) -> Condition:
        """Read a scalar, a list of scalars or a pair of bounds."""
        text = f"{name!r}: {condition!r}"
        if isinstance(condition, tuple):
            if len(condition) != 2:
                raise ValueError(
                    f"The condition on column {name!r}, {condition!r}, has {len(condition)} "
                    "entries; a tuple holds the lowest and the highest value, a list allowed ones."
                )
            low, high = (None if is_missing(end) else end for end in condition)
            return cls(text, False, None, (low, high))
        if isinstance(condition, Mapping):
            raise TypeError(
                f"The condition on column {name!r} is a {type(condition).__name__}; it may be a "
                "value, a list of values, or a tuple of the lowest and the highest value."
            )
        if isinstance(condition, Iterable) and not isinstance(condition, (str, bytes)):
            cells = list(condition)
            if not cells:
                raise ValueError(f"The condition on column {name!r} allows no value.")
            allowed = [cell for cell in cells if not is_missing(cell)]
            return cls(text, len(allowed) < len(cells), allowed, None)
        if is_missing(condition):
            return cls(text, True, [], None)
        return cls(text, False, [condition], None)


class ColumnCodec:
    """One column's levels.  Subclasses say what the present cells' levels are.

    Attributes
    ----------
    span : Span
        What the layout says of the column.
    form : Form
        How the column came.
    ignores_unknown : bool
        Whether a cell that is not the number or date that text was in fit is no error.
    """

    span: Span
    form: Form
    ignores_unknown = False

    # ------------------------------------------------------- for subclasses

    def check_kind(self, column: Column) -> None:
        """Raise TypeError if the column is not of the kind that ``fit`` saw."""
        if column.kind not in (self.span.kind, EMPTY):
            raise self.wrong_kind(column)

    def wrong_kind(self, column: Column) -> TypeError:
        """Return the error for a column of another kind than in ``fit``."""
        return TypeError(
            f"Column {self.span.name!r} is of kind {column.source or column.kind!r} (type "
            f"{column.form.dtype}) and was {self.span.kind!r} (type {self.form.dtype}) in fit; "
            "cast it."
        )

    def present_levels(self, values: np.ndarray, column: Column) -> np.ndarray:
        """Return the levels of present values."""
        raise NotImplementedError

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return cells for levels none of which is the missing one."""
        raise NotImplementedError

    def present_shares(self, condition: Condition) -> np.ndarray:
        """Return the share of each present level's rows that meets a condition."""
        raise NotImplementedError

    def dense_names(self, name: str) -> list[str]:
        """Return the names of the dense columns, the indicator of missing cells left out."""
        raise NotImplementedError

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write a column into zeros of shape (n, len(dense_names()))."""
        raise NotImplementedError

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return cells for dense columns."""
        raise NotImplementedError

    # ------------------------------------------------------------ for callers

    def encode(self, column: Column) -> np.ndarray:
        """Return the level of each cell, int32; -1 for what is none of ``fit``'s."""
        self._check(column)
        levels = self.encode_known(column)
        levels[column.holes] = self._missing_level
        return levels

    def encode_known(self, column: Column) -> np.ndarray:
        """Return the level of each cell, int32; -1 for a missing one and an unknown one."""
        self.check_kind(column)
        levels = np.full(len(column.missing), -1, dtype=np.int32)
        if column.kind != EMPTY:
            levels[~column.missing] = self.known_levels(column)
        return levels

    def known_levels(self, column: Column) -> np.ndarray:
        """Return the levels of the present cells; -1 for an unknown one."""
        return self.present_levels(column.present, column)

    @property
    def _missing_level(self) -> int:
        return -1 if self.span.missing is None else self.span.missing

    def _check(self, column: Column) -> None:
        """Raise for a column whose cells cannot be compared with those of ``fit``."""
        self.check_kind(column)
        if column.odd is not None and not self.ignores_unknown:
            raise self.unreadable(column)

    def unreadable(self, column: Column) -> ValueError:
        """Return the error for text that is not what it was in ``fit``."""
        assert column.unknown is not None
        return ValueError(
            f"Column {self.span.name!r} has the cell {column.odd!r} in row "
            f"{int(np.argmax(column.unknown))}, and was {self.span.kind}s in fit, written as "
            f"{self.span.text}. Correct it, or set handle_unknown so that it is no error."
        )

    def decode(
        self,
        levels: np.ndarray,
        rng: np.random.Generator | None,
        condition: Condition | None = None,
    ) -> Any:
        """Return a column as it came in fit, with a cell for each level."""
        missing = levels == self._missing_level
        present = levels[~missing] if missing.any() else levels
        if condition is not None:
            self._check_levels(present, condition)
        found = self.present_values(present, rng, condition)
        if len(present) == len(levels):
            return self.form.build(found, missing)
        values = np.zeros(len(levels), dtype=found.dtype)
        values[~missing] = found
        return self.form.build(values, missing)

    def _check_levels(self, levels: np.ndarray, condition: Condition) -> None:
        unmet = self.present_shares(condition)[levels] == 0
        if unmet.any():
            raise ValueError(
                f"Level {levels[int(np.argmax(unmet))]} of column {self.span.name!r} holds no "
                f"training value that meets the condition {condition.text}."
            )

    def shares(self, condition: Condition) -> np.ndarray:
        """Return the share of each level's training rows that meets a condition."""
        name = self.span.name
        shares = np.zeros(self.span.n_levels)
        if condition.bounds is not None or condition.allowed:
            shares[: self.span.n_present] = self.present_shares(condition)
        if condition.missing:
            if self.span.missing is None:
                raise ValueError(f"Column {name!r} had no missing cell in fit; none can be asked.")
            shares[self.span.missing] = 1.0
        if not shares.any():
            raise ValueError(f"No training row meets the condition {condition.text}.")
        return shares

    def feature_names(self, name: str) -> list[str]:
        """Return the names of all dense columns."""
        names = self.dense_names(name)
        return names if self.span.missing is None else [*names, f"{name}_missing"]

    def write(self, column: Column, out: np.ndarray) -> None:
        """Write a column into zeros of shape (n, len(feature_names())); they stay if unknown."""
        self._check(column)
        if self.span.missing is not None:
            out[:, -1] = column.holes
            out = out[:, :-1]
        if column.kind != EMPTY:
            self.to_dense(column, out)

    def within_range(self, cells: np.ndarray) -> np.ndarray:
        """Return cells for dense columns, moved to between the first and the last of fit's."""
        return cells

    def read(self, block: np.ndarray, *, within_range: bool = False) -> Any:
        """Return a column as it came in fit, for its dense columns."""
        has_missing = self.span.missing is not None
        missing = self.missing_in(block) if has_missing else np.zeros(len(block), dtype=bool)
        cells = self.from_dense(block[:, :-1] if has_missing else block)
        return self.form.build(self.within_range(cells) if within_range else cells, missing)

    def missing_in(self, block: np.ndarray) -> np.ndarray:
        """Return which rows of dense columns say that the cell is missing."""
        return block[:, -1] >= 0.5


class EmptyCodec(ColumnCodec):
    """A column without a single present cell: one level, the missing one.

    Parameters
    ----------
    column : Column
        The training cells.
    strict : bool
        Whether a present cell is an error.
    """

    def __init__(self, column: Column, strict: bool) -> None:
        self.form, self.strict = column.form, strict
        self.span = make_span(column.name, EMPTY, np.empty(0), len(column.missing), ordered=False)

    def check_kind(self, column: Column) -> None:
        """Raise ValueError if there is a present cell and that is an error."""
        if self.strict and column.kind != EMPTY:
            raise ValueError(
                f"Column {self.span.name!r} had no present cell in fit and has some now; "
                "fit on rows that have some too, or drop the column."
            )

    def encode_known(self, column: Column) -> np.ndarray:
        """Return -1 for all cells: nothing is known of this column."""
        return np.full(len(column.missing), -1, dtype=np.int32)

    def present_values(
        self, levels: np.ndarray, rng: np.random.Generator | None, condition: Condition | None
    ) -> np.ndarray:
        """Return nothing."""
        return np.empty(0, dtype=object)

    def present_shares(self, condition: Condition) -> np.ndarray:
        """Return nothing."""
        return np.empty(0)

    def dense_names(self, name: str) -> list[str]:
        """Return nothing but the indicator."""
        return []

    def to_dense(self, column: Column, out: np.ndarray) -> None:
        """Write nothing."""

    def from_dense(self, block: np.ndarray) -> np.ndarray:
        """Return placeholders."""
        return np.full(len(block), None, dtype=object)

    def missing_in(self, block: np.ndarray) -> np.ndarray:
        """Return that all cells are missing."""
        return np.ones(len(block), dtype=bool)
