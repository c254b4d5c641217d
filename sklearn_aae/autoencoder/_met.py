"""Conditions on the columns of a table: which cells meet them, and from where to where they go."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sklearn_aae.autoencoder._pair_masks import labels_of
from sklearn_aae.encoding import BOOLEAN, CATEGORY
from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._datetime_columns import TimestampCodec
from sklearn_aae.encoding._described import unpack
from sklearn_aae.encoding._number_columns import AxisCodec
from sklearn_aae.rules._keys import DECIMALS_OF_UNIT, as_key
from sklearn_aae.rules._table import SECONDS_A_DAY, Cells, RuleTable


class ConditionCodecs:
    """What says which cells of a table meet a condition.

    Parameters
    ----------
    names : list
        Labels of the columns.
    codecs : sequence of ColumnCodec
        The columns; none for tables of which nothing can be asked.
    """

    def __init__(self, names: list[Any], codecs: Sequence[ColumnCodec]) -> None:
        self.codecs = dict(zip(names, codecs, strict=bool(codecs)))

    def __contains__(self, name: Any) -> bool:
        return name in self.codecs

    def may_miss(self, name: Any) -> bool:
        """Return whether cells of a column were missing in training."""
        return self.codecs[name].span.missing is not None

    def meets(self, name: Any, condition: Condition) -> Callable[[Any], bool]:
        """Return what says whether a level, as rules know it, meets a condition."""
        codec: Any = self.codecs[name]
        codec.shares(condition)  # says what is wrong with it
        if isinstance(codec, CategoryCodec):
            allowed = codec._allowed(condition)
            known = {as_key(unpack(label)) for label in codec.labels[allowed]}
            return known.__contains__
        if condition.bounds is None:
            cells = {codec._cell(cell, condition) for cell in condition.allowed or []}
            return lambda level: codec._cell(_as_cell(codec, level), condition) in cells
        low, high = (
            None if end is None else codec._cell(end, condition) for end in condition.bounds
        )

        def is_between(level: Any) -> bool:
            cell = codec._cell(_as_cell(codec, level), condition)
            return (low is None or low <= cell) and (high is None or cell <= high)

        return is_between

    def cells(self, name: Any, levels: list[Any]) -> list[Any]:
        """Return cells that a condition on a column may ask for, by what rules call them."""
        codec: Any = self.codecs[name]
        if isinstance(codec, CategoryCodec):
            labels = {as_key(cell): cell for cell in map(unpack, codec.labels)}
            return [labels.get(level, level) for level in levels]
        return [_as_cell(codec, level) for level in levels]

    def levels(self, name: Any, condition: Condition) -> list[Any]:
        """Return the levels, as rules know them, that meet a condition; none if not known."""
        codec = self.codecs[name]
        meets = self.meets(name, condition)
        return [label for some in labels_of(codec) for label in some if meets(label)]

    def meeting(self, table: RuleTable, name: Any, wanted: Any) -> np.ndarray:
        """Return which rows of a table meet a condition on a column."""
        condition, cells = Condition.of(wanted, name), table[name]
        codec: Any = self.codecs[name]
        if cells.kind in (CATEGORY, BOOLEAN) or not isinstance(codec, AxisCodec):
            meets = self.meets(name, condition)
            met = np.array([*map(meets, cells.levels), False])[cells.codes]
            return np.where(cells.missing, condition.missing, met)
        codec.shares(condition)  # says what is wrong with it
        values = _on_axis(codec, cells)
        if condition.bounds is None:
            met = np.isin(
                values, [codec._cell(cell, condition) for cell in condition.allowed or []]
            )
        else:
            low, high = (
                None if end is None else codec._cell(end, condition) for end in condition.bounds
            )
            met = np.ones(table.n_rows, dtype=bool)
            met &= True if low is None else values >= low
            met &= True if high is None else values <= high
        return np.where(cells.missing, condition.missing, met)

    def span(self, name: Any, condition: Condition | None) -> tuple[float, float]:
        """Return the least and the largest number, or second, that meets a condition.

        Of the training range where there is none, and of a condition that leaves an end open.
        """
        codec: Any = self.codecs[name]
        ends = codec.axis.values[[0, -1]].tolist()
        if condition is not None and condition.bounds is not None:
            asked = [
                end if cell is None else codec._cell(cell, condition)
                for cell, end in zip(condition.bounds, ends, strict=True)
            ]
            ends = [max(asked[0], ends[0]), min(asked[1], ends[1])]
        elif condition is not None and condition.allowed:
            cells = [codec._cell(cell, condition) for cell in condition.allowed]
            ends = [min(cells), max(cells)]
        seconds = 1.0
        if isinstance(codec, TimestampCodec):
            day = codec.unit == "D"
            seconds = SECONDS_A_DAY if day else 10.0 ** -DECIMALS_OF_UNIT[codec.unit]
        return float(ends[0] * seconds), float(ends[1] * seconds)


def _as_cell(codec: Any, level: Any) -> Any:
    """Return the cell of a column of numbers, dates or durations that rules call a level."""
    if not isinstance(codec, TimestampCodec):
        return level
    if codec.letter == "m":
        units = Fraction(str(level)) * 10 ** DECIMALS_OF_UNIT[codec.unit]
        count = round(units / (SECONDS_A_DAY if codec.unit == "D" else 1))
        return np.int64(count).view(f"m8[{codec.unit}]")
    if codec.clocks is None:
        return np.datetime64(level)
    return datetime.datetime.fromisoformat(level).replace(tzinfo=datetime.UTC)


def _on_axis(codec: Any, cells: Cells) -> np.ndarray:
    """Return cells in the units of a codec's axis."""
    column = cells.column
    if getattr(codec, "exact", None) is not None:
        values = np.zeros(len(column.missing), dtype=np.int64)
        values[~column.missing] = codec._indices(column)
        return values
    in_unit = codec._in_unit if isinstance(codec, TimestampCodec) else None
    return column.values if in_unit is None else in_unit(column.values, column)
