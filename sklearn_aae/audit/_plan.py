"""How next month's file is to be read: as the audited one was, with the same columns and kinds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from sklearn_aae.audit._reading import Reading, ReadingOptions
from sklearn_aae.encoding import columns_of, read_column
from sklearn_aae.encoding._date_notations import DateNotation, LocalDateNotation
from sklearn_aae.encoding._number_notations import NumberNotation


@dataclass(frozen=True)
class ColumnPlan:
    """How one column is to be read.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        "number", "boolean", "category", "datetime" or "duration"; "code" for numbers with
        leading zeros, which are categories; "empty" where no cell was there.
    decimal, thousands : str
        The signs of numbers.
    dates : dict
        The fields of the notation of dates in text; empty for others.
    """

    name: str
    kind: str
    decimal: str = "."
    thousands: str = ""
    dates: dict[str, Any] = field(default_factory=dict)

    @property
    def notation(self) -> DateNotation | LocalDateNotation | None:
        """How dates are written; None if they are no text."""
        if not self.dates:
            return None
        return (LocalDateNotation if "order" in self.dates else DateNotation)(**self.dates)


@dataclass(frozen=True)
class ReadingPlan:
    """How a file is to be read.

    Attributes
    ----------
    options : ReadingOptions
        As the user said it, or as it was found.
    columns : tuple of ColumnPlan
        The columns, in the order that models know.
    judged : tuple of int
        The positions of those that the detector sees.
    """

    options: ReadingOptions
    columns: tuple[ColumnPlan, ...]
    judged: tuple[int, ...]

    @classmethod
    def of(
        cls, frame: Any, forms: dict[int, Any], reading: Reading, judged: np.ndarray
    ) -> ReadingPlan:
        """Return the plan that an audited table was read by."""
        options = reading.options
        pairs = zip(frame, columns_of(frame), strict=True)
        columns = [
            _plan_of(str(name), column, forms.get(j), reading)
            for j, (name, column) in enumerate(pairs)
        ]
        if reading.sep:
            options = replace(options, sep=reading.sep, header=reading.header)
        return cls(options, tuple(columns), tuple(map(int, judged)))

    def as_data(self) -> dict[str, Any]:
        """Return the plan as a dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Any) -> ReadingPlan:
        """Return the plan that a dictionary holds.

        Raises
        ------
        ValueError
            If it holds something else.
        """
        try:
            options = ReadingOptions(**data["options"])
            columns = tuple(ColumnPlan(**column) for column in data["columns"])
            return cls(options, columns, tuple(map(int, data["judged"])))
        except (KeyError, TypeError) as error:
            raise ValueError(f"the reading plan of the model cannot be used ({error})") from error

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def places(self, names: list[str]) -> list[int]:
        """Return where the planned columns are among the names of a file.

        Raises
        ------
        ValueError
            If some are not there, or others are.
        """
        lacking = [name for name in self.names if name not in names]
        other = [name for name in names if name not in self.names]
        if lacking or other:
            parts = [f"lacks {', '.join(map(repr, lacking))}"] if lacking else []
            parts += [f"has {', '.join(map(repr, other))} besides"] if other else []
            raise ValueError(
                f"the table has not the columns that the model was fitted on: it "
                f"{' and '.join(parts)}"
            )
        return [names.index(name) for name in self.names]


def _plan_of(name: str, column: Any, form: Any, reading: Reading) -> ColumnPlan:
    kind = read_column(column, name).kind
    native = column.to_native()
    if native.isna().all():
        kind = "empty"
    elif kind == "category" and native.dtype == "category":
        kind = "code"
    if isinstance(form, NumberNotation) and reading.sep:
        return ColumnPlan(name, kind, form.decimal, form.thousands)
    dates = asdict(form) if isinstance(form, (DateNotation, LocalDateNotation)) else {}
    return ColumnPlan(name, kind, reading.decimal or ".", dates=dates)


def of_types(frame: Any, plan: ReadingPlan) -> Any:
    """Return a frame that no text file held with the planned columns alone, in their order.

    Raises
    ------
    ValueError
        If columns are others, or of another kind.
    """
    frame = frame.iloc[:, plan.places(list(frame.columns))]
    for planned, column in zip(plan.columns, columns_of(frame), strict=True):
        kind = read_column(column, planned.name).kind
        is_empty = planned.kind == "empty" or bool(np.all(column.is_null().to_numpy()))
        expected = "category" if planned.kind == "code" else planned.kind
        if kind != expected and not is_empty:
            raise ValueError(
                f"column {planned.name!r} was of kind {expected!r} when the model was fitted, and "
                f"is of kind {kind!r} here"
            )
    return frame
