"""Identifiers: columns of a frame that tell its rows apart, and say nothing else of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._cells import as_objects, is_missing
from sklearn_aae.encoding._columns import CATEGORY, NUMBER, Column
from sklearn_aae.encoding._containers import Container, as_frame, columns_of
from sklearn_aae.encoding._described import describe, restore
from sklearn_aae.encoding._spared import SparingReader
from sklearn_aae.encoding._text_columns import read_parsed
from sklearn_aae.exceptions import IdentifierWarning
from sklearn_aae.typing import Table

#: What becomes of identifiers.
AUTO, KEEP = "auto", "keep"
#: Columns of fewer rows may tell them apart by chance.
FEWEST_ROWS = 20
#: So many forms of text are kept.
MOST_FORMS = 256
#: New text is drawn so often until it is none of the training rows'; then digits are added.
MOST_ROUNDS = 20
#: Classes of characters, by the one that stands for them in a form.
CLASSES = {"0": str.isdigit, "A": str.isupper, "a": str.islower, "x": str.isalpha}


class Numbering:
    """Whole numbers that count the rows.

    Parameters
    ----------
    last : int
        The largest so far.
    """

    def __init__(self, last: int) -> None:
        self.last = last

    def fresh(self, n: int, rng: np.random.Generator) -> list[Any]:
        """Return the next numbers."""
        return list(range(self.last + 1, self.last + 1 + n))


class Pattern:
    """Text of which no two rows have the same.

    Parameters
    ----------
    texts : list of str
        The training cells, of which no more is kept than their forms and digests.
    """

    def __init__(self, texts: list[str]) -> None:
        # Digits at its end may be those of a number.
        self.start = _common_start(min(texts), max(texts)).rstrip("0123456789")
        rest = [text[len(self.start) :] for text in texts]
        self.pools: dict[str, str] = {}
        for sign in CLASSES:
            own = {c for text in rest for c in text if _class_of(c) == sign}
            self.pools[sign] = "".join(sorted(own))
        forms = ["".join(map(_class_of, text)) for text in rest]
        step = -(-len(forms) // MOST_FORMS)
        self.forms = sorted(forms)[::step]
        self.known = np.sort(np.array([_digest(text) for text in texts], dtype=np.uint64))

    def fresh(self, n: int, rng: np.random.Generator) -> list[Any]:
        """Return text of the same forms, all of it different and none of the training rows'."""
        made: dict[str, None] = {}
        for _ in range(MOST_ROUNDS):
            for _ in range(n - len(made)):
                form = self.forms[rng.integers(len(self.forms))]
                text = self.start + "".join(self._drawn(sign, rng) for sign in form)
                if not self._is_known(text):
                    made[text] = None
            if len(made) == n:
                return list(made)
        number = 0
        while len(made) < n:
            number += 1
            text = f"{self.start}{number}"
            if not self._is_known(text):
                made[text] = None
        return list(made)

    def _drawn(self, sign: str, rng: np.random.Generator) -> str:
        pool = self.pools.get(sign)
        return pool[rng.integers(len(pool))] if pool else sign

    def _is_known(self, text: str) -> bool:
        digest = np.uint64(_digest(text))
        place = int(np.searchsorted(self.known, digest))
        return place < len(self.known) and bool(self.known[place] == digest)


class Identifiers:
    """The identifiers of a frame, by position.

    Parameters
    ----------
    names : sequence, default=()
        What all columns of the frame are called; empty for a table without identifiers.
    found : mapping of int to Numbering or Pattern, default={}
        What draws new ones.
    first : mapping of int to object, default={}
        A training cell of each.
    dtypes : mapping of int to dtype, default={}
        Their types, described.
    """

    def __init__(
        self,
        names: Collection[Any] = (),
        found: Mapping[int, Numbering | Pattern] | None = None,
        first: Mapping[int, Any] | None = None,
        dtypes: Mapping[int, Any] | None = None,
    ) -> None:
        self.names = list(names)
        self.found, self.first = dict(found or {}), dict(first or {})
        self.dtypes = dict(dtypes or {})

    @classmethod
    def of(cls, X: Any, parameter: str, spared: Collection[Any] = ()) -> Identifiers:
        """Return the identifiers of a frame but for spared columns, and warn of them.

        Arrays are not searched.  IdentifierWarning names what is found.
        """
        identifiers = cls() if parameter == KEEP else cls.find(X, spared)
        if identifiers:
            named = ", ".join(map(repr, identifiers.labels))
            warnings.warn(
                f"{'Columns' if len(identifiers.found) > 1 else 'Column'} {named}: every row has "
                "another cell, as identifiers do. They are left out of what is modelled, "
                "contribute nothing to scores, and are drawn anew in samples; identifiers='keep' "
                "models them like others.",
                IdentifierWarning,
                stacklevel=4,
            )
        return identifiers

    @classmethod
    def find(cls, X: Any, spared: Collection[Any] = ()) -> Identifiers:
        """Return the identifiers of a frame but for spared columns."""
        frame = as_frame(X)
        if frame is None or len(frame) < FEWEST_ROWS:
            return cls()
        names = list(Container.of(X).columns)
        found, first, dtypes = {}, {}, {}
        for j, native in enumerate(columns_of(X)):
            own = None if names[j] in spared else _identifier(native, names[j])
            if own is not None:
                found[j], first[j] = own, _listed(native)[0]
                dtypes[j] = _type_of(native)
        # Were there nothing else, there would be nothing to model.
        if not found or len(found) == len(names):
            return cls()
        return cls(names, found, first, dtypes)

    def __bool__(self) -> bool:
        return bool(self.found)

    @property
    def labels(self) -> list[Any]:
        """What the identifiers are called."""
        return [self.names[j] for j in self.found]

    def hide(self, X: Any) -> Any:
        """Return a table in which all rows have the same identifiers.

        A table of other columns than those of fit is returned as it is: readers say what is wrong.
        """
        if not self or not self._fits(X):
            return X
        return self._with_cells(X, {j: [self.first[j]] * len(X) for j in self.found})

    def spare(self, reader: Any) -> Any:
        """Return a detector's reader, fitted, whose networks see other columns only."""
        return SparingReader(reader, list(self.found)) if self else reader

    def fresh(self, X: Table, rng: np.random.Generator) -> Table:
        """Return rows of the model with identifiers that no training row has."""
        if not self:
            return X
        n = len(X)
        new: Table = self._with_cells(X, {j: own.fresh(n, rng) for j, own in self.found.items()})
        return new

    def put_back(self, rows: Table, X: Any, rng: np.random.Generator) -> Table:
        """Return rows of the model with the identifiers of ``X``, and fresh ones for missing."""
        if not self:
            return rows
        cells: dict[int, list[Any]] = {}
        for j, native in zip(self.found, columns_of(X, self.found), strict=True):
            cells[j] = _listed(native)
            gone = [i for i, cell in enumerate(cells[j]) if is_missing(cell)]
            for i, new in zip(gone, self.found[j].fresh(len(gone), rng), strict=True):
                cells[j][i] = new
        own: Table = self._with_cells(rows, cells)
        return own

    def refuse(self, conditions: Collection[Any]) -> None:
        """Raise ValueError if there is a condition on an identifier."""
        for name in conditions:
            if name in self.labels:
                raise ValueError(
                    f"Column {name!r} is an identifier, and no condition can be on it; fit with "
                    "identifiers='keep' to model it like others."
                )

    def _fits(self, X: Any) -> bool:
        shape: tuple[Any, ...] = getattr(X, "shape", ())
        if len(shape) != 2 or shape[1] != len(self.names):
            return False
        of_numbers = all(isinstance(own, Numbering) for own in self.found.values())
        return as_frame(X) is not None or of_numbers or X.dtype.kind == "O"

    def _with_cells(self, X: Any, columns: dict[int, list[Any]]) -> Any:
        frame = as_frame(X)
        if frame is None:
            X = np.array(X)
            for j, cells in columns.items():
                X[:, j] = as_objects(cells)
            return X
        if frame.implementation.is_pandas_like():
            pd: Any = import_extra("pandas", "table")
            native = frame.to_native().copy(deep=False)
            for j, cells in columns.items():
                native.isetitem(j, _of_type(cells, restore(self.dtypes[j]), pd.Series).array)
            return native
        backend: Any = frame.implementation
        names = frame.columns
        series = [
            _of_type(
                cells, restore(self.dtypes[j]), partial(nw.new_series, names[j], backend=backend)
            )
            for j, cells in columns.items()
        ]
        return frame.with_columns(*series).to_native()


def _identifier(native: Any, name: Any) -> Numbering | Pattern | None:
    """Return what draws new cells of a column if it holds identifiers."""
    if native.is_null().any():
        return None
    column = read_parsed(native, name)
    if column.missing.any():
        return None
    if column.kind == NUMBER and native.dtype.is_integer() and _counts_rows(column):
        return Numbering(int(column.values[-1]))
    if column.kind == CATEGORY and len(column.labels) >= len(column.missing):
        cells = _listed(native)
        if all(isinstance(cell, str) for cell in cells) and len(set(cells)) == len(cells):
            return Pattern(cells)
    return None


def _counts_rows(column: Column) -> bool:
    values = column.values
    return values.dtype.kind in "iu" and bool((np.diff(values.astype(np.int64)) == 1).all())


def _of_type(cells: list[Any], dtype: Any, make: Callable[..., Any]) -> Any:
    """Return a column of a type, of a wider one for numbers that are beyond it."""
    try:
        return make(cells, dtype=dtype)
    except (OverflowError, TypeError, ValueError):
        return make(cells)


def _type_of(native: Any) -> Any:
    """Return the type of a column, described, without the categories that it may have."""
    if native.implementation.is_pandas_like():
        dtype = native.to_native().dtype
        return "category" if str(dtype) == "category" else describe(dtype)
    # An Enum knows no other text.
    return describe(nw.String() if isinstance(native.dtype, nw.Enum) else native.dtype)


def _listed(native: Any) -> list[Any]:
    result: list[Any] = native.tolist() if isinstance(native, np.ndarray) else native.to_list()
    return result


def _common_start(first: str, last: str) -> str:
    """Return what two texts, the first and the last of some in order, begin with."""
    pairs = zip(first, last, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), len(first))
    return first[:same]


def _class_of(character: str) -> str:
    """Return what stands for a character in a form: its class, or itself."""
    return next((sign for sign, is_of in CLASSES.items() if is_of(character)), character)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
