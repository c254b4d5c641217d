"""What all rules have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self

import numpy as np

from sklearn_aae.encoding import EMPTY
from sklearn_aae.exceptions import RuleError
from sklearn_aae.rules._table import Cells, RuleTable
from sklearn_aae.typing import Label

#: Numbers whose digits are more than so many are written with an exponent.
MOST_CHARACTERS = 24
#: Rows that a message names at most.
N_NAMED = 5


@dataclass(frozen=True, repr=False)
class Rule(ABC):
    """Something that the rows of a table have in common.

    A rule says nothing about rows in which one of its cells is missing, unless it is about
    missing cells.

    Parameters
    ----------
    support : int or None, default=None
        Rows of the table in which the rule was sought that keep it; None where nobody counted.
    breaks : int or None, default=None
        Rows of that table that break it.
    chance : float or None, default=None
        The share of rows that would keep it if the columns were shuffled.
    """

    support: int | None = field(default=None, kw_only=True, compare=False)
    breaks: int | None = field(default=None, kw_only=True, compare=False)
    chance: float | None = field(default=None, kw_only=True, compare=False)

    #: Rules by the name of their class, for :meth:`from_dict`.
    kinds: ClassVar[dict[str, type[Rule]]] = {}
    #: What a row breaks says something about the row by itself.
    by_row: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Rule.kinds[cls.__name__] = cls

    @property
    @abstractmethod
    def columns(self) -> tuple[Label, ...]:
        """Labels of the columns that the rule is about."""

    @abstractmethod
    def __str__(self) -> str: ...

    def __repr__(self) -> str:
        return str(self)

    @abstractmethod
    def _broken(self, table: RuleTable) -> np.ndarray:
        """Return which rows break the rule, among those that it is about (n_rows,), bool."""

    def _speaks(self, table: RuleTable) -> np.ndarray:
        """Return which rows the rule is about (n_rows,), bool."""
        result: np.ndarray = ~np.any([table[name].missing for name in self.columns], axis=0)
        return result

    def _misfit(self, cells: list[Cells]) -> str | None:
        """Return what is wrong with the kinds of the columns, None if nothing is."""
        return None

    def _learn(self, table: RuleTable) -> Self:
        """Return the rule with what it leaves open taken from a table."""
        return self

    def __post_init__(self) -> None:
        self._set(**{item.name: as_label(getattr(self, item.name)) for item in fields(self)})

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # ------------------------------------------------------------------- use

    def _check_columns(self, table: RuleTable) -> None:
        """Raise RuleError if a column is not in a table, or of a kind that does not fit."""
        for name in self.columns:
            if name not in table:
                raise RuleError(
                    f"The rule '{self}' is about the column {name!r}, which is not among "
                    f"{table.names}.",
                    self,
                )
        cells = [table[name] for name in self.columns]
        misfit = self._misfit([column for column in cells if column.kind != EMPTY])
        if misfit is not None:
            raise RuleError(f"The rule '{self}' needs {misfit}", self)

    def broken(self, X: Any) -> np.ndarray:
        """Return which rows break the rule.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            A table.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True where the rule is broken; False also where it does not speak of a row.

        Raises
        ------
        RuleError
            If a column is missing, or of a kind that the rule cannot be about.
        """
        table = X if isinstance(X, RuleTable) else RuleTable(X)
        self._check_columns(table)
        speaks = self._speaks(table)
        if not speaks.any():
            return speaks
        result: np.ndarray = speaks & self._learn(table)._broken(table)
        return result

    def _counted(self, table: RuleTable, chance: float | None = None) -> Self:
        """Return the rule with how many rows of a table keep and break it."""
        breaks = int(self.broken(table).sum())
        support = int(self._speaks(table).sum()) - breaks
        return replace(self, support=support, breaks=breaks, chance=chance)

    # ------------------------------------------------------------ as a dict

    def to_dict(self) -> dict[str, object]:
        """Return the rule as a dictionary of what JSON knows.

        Returns
        -------
        dict
            ``"rule"`` is the name of the class; the others are its parameters.
        """
        values = {item: getattr(self, item.name) for item in fields(self)}
        return {"rule": type(self).__name__} | {
            item.name: _plain(value)
            for item, value in values.items()
            if value is not None or item.default is not None
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Rule:
        """Return a rule from what :meth:`to_dict` gave.

        Parameters
        ----------
        plain : mapping
            What :meth:`to_dict` gave.

        Returns
        -------
        Rule
            The rule.

        Raises
        ------
        ValueError
            If there is no such rule, or it has other parameters.
        """
        if not isinstance(plain, Mapping):
            raise ValueError(f"A rule is a dictionary with its name as 'rule'; got {plain!r}.")
        values: dict[str, Any] = dict(plain)
        name = values.pop("rule", None)
        if not isinstance(name, str) or name not in Rule.kinds:
            raise ValueError(f"There is no rule {name!r}; choose from {sorted(Rule.kinds)}.")
        kind = Rule.kinds[name]
        # What is no list in the rule is a label of several parts.
        lists = {item.name for item in fields(kind) if "[" in str(item.type)}
        try:
            return kind(
                **{key: each if key in lists else as_label(each) for key, each in values.items()}
            )
        except (TypeError, AttributeError) as error:
            raise ValueError(f"The rule {name} cannot be read from {plain!r}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def as_labels(columns: Any) -> tuple[Any, ...]:
    """Return one label, or a list of labels, as a tuple of labels; lists in it are tuples."""
    labels = columns if isinstance(columns, (list, tuple, np.ndarray)) else [columns]
    return tuple(as_label(label) for label in labels)


def as_label(label: Any) -> Any:
    """Return a label; JSON makes lists of tuples."""
    return tuple(label) if isinstance(label, list) else label


def as_decimal(number: Any, what: str) -> Decimal:
    """Return a number or a duration, in seconds, as a Decimal."""
    if isinstance(number, timedelta):
        return Decimal(number // timedelta(microseconds=1)).scaleb(-6).normalize()
    if isinstance(number, np.timedelta64):
        return Decimal(number.astype("m8[ns]").astype(int).item()).scaleb(-9).normalize()
    try:
        decimal = Decimal(str(number))
    except InvalidOperation:
        decimal = Decimal("NaN")
    if not decimal.is_finite():
        raise ValueError(f"{what} must be numbers or durations; got {number!r}.")
    return decimal


def as_units(number: Decimal, decimals: int) -> int:
    """Return a number that has no more than some decimals in units of the last of them."""
    return int(number.scaleb(decimals))


def from_units(units: int, decimals: int) -> Decimal:
    """Return a number that is given in units of its last decimal."""
    return Decimal(units).scaleb(-decimals)


def decimals_of(numbers: Iterable[Decimal]) -> int:
    """Return how many decimals numbers have."""
    return max((-int(number.normalize().as_tuple().exponent) for number in numbers), default=0)


def as_text(number: Decimal, *, is_time: bool = False) -> str:
    """Return a number, or a number of seconds, as text."""
    if is_time:
        return str(timedelta(microseconds=int(number.scaleb(6))))
    plain, short = f"{number.normalize():f}", str(number.normalize())
    return plain if len(plain) <= MOST_CHARACTERS else short


def name_rows(rows: list[int]) -> str:
    """Return the first of some rows as text."""
    shown = ", ".join(map(str, rows[:N_NAMED]))
    return f"{shown}, ..." if len(rows) > N_NAMED else shown


def not_numbers(cells: Iterable[Cells], kinds: set[str]) -> str | None:
    """Return what is wrong with columns that should hold numbers, None if nothing is."""
    other = next((column for column in cells if column.kind not in kinds), None)
    return None if other is None else f"numbers; {other.name!r} is of kind {other.kind}."
