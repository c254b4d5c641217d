"""Tables of which networks see what their rules leave open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.autoencoder._keeper import RuleKeeper
from sklearn_aae.autoencoder._pair_masks import find_row_masks
from sklearn_aae.encoding import (
    CATEGORY,
    Column,
    LevelsReader,
    as_array,
    as_frame,
    columns_of,
    is_missing,
    read_column,
)
from sklearn_aae.encoding._codec import ColumnCodec
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._text_columns import parse_as
from sklearn_aae.outputs._constraints import RowMask
from sklearn_aae.rules import Order
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._frames import with_rows
from sklearn_aae.rules._reexpression import Computed, Gap, Reexpression, left_over
from sklearn_aae.rules._table import RuleTable


class RuledLevelsReader(LevelsReader):
    """Rows of levels of a frame in other words (:class:`Reexpression`).

    Attributes
    ----------
    keeper : RuleKeeper
        The rules, and what the encoder sees of a frame.
    """

    keeper: RuleKeeper

    @classmethod
    def open_with_rules(
        cls,
        estimator: Any,
        X: Any,
        keeper: RuleKeeper,
        categorical_features: Any,
        *,
        columns: WholeColumns | None = None,
        **options: bool,
    ) -> tuple[RuledLevelsReader, np.ndarray]:
        """Return a reader of frames like this one, and its rows; ``options`` as for others."""
        said = keeper.words.express(X)
        reader, rows = cls.open(estimator, said, categorical_features, columns=columns, **options)
        assert isinstance(reader, RuledLevelsReader)
        reader.keeper = keeper
        return reader, rows

    @property
    def words(self) -> Reexpression:
        """What the encoder sees of a frame."""
        return self.keeper.words

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        said = self._checked(estimator, X)
        for codec, column in self._replaced(X):
            codec.encode(self.encoder._accepted(column))  # says what is wrong with it
        return super().read(estimator, said)

    def read_with_gaps(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        levels, missing = super().read_with_gaps(estimator, self._checked(estimator, X))
        for codec, column in self._replaced(X):
            codec.encode_known(column)  # says what is wrong with it
            missing[:, self.words.names.index(column.name)] = column.holes
        return levels, missing

    def _replaced(self, X: Any) -> Iterator[tuple[ColumnCodec, Column]]:
        """Yield the columns that are said otherwise as they came, each with its codec."""
        natives = dict(zip(self.words.names, columns_of(self._table_of(X)), strict=True))
        for step in self.words.steps:
            codec = self.keeper.codecs.codecs[step.target]
            as_category = codec.span.kind == CATEGORY
            column = read_column(natives[step.target], step.target, as_category=as_category)
            yield codec, parse_as(column, codec.form)

    def _table_of(self, X: Any) -> Any:
        return X if as_frame(X) is not None else self._framed(X)

    def _checked(self, estimator: Any, X: Any) -> Any:
        """Return a frame of the columns of ``fit`` in other words."""
        X = self.encoder._check_table(X, reset=False, owner=estimator)
        return self.words.express(self._table_of(X))

    def _framed(self, X: Any) -> Any:
        """Return an array as a frame of the library of ``fit``."""
        X, names = np.asarray(as_array(X)), self.words.names
        backend: Any = nw.Implementation.from_string(str(self.container.backend))
        cells = {
            str(j): [None if is_missing(cell) else cell for cell in column.tolist()]
            for j, column in enumerate(X.T)
        }
        frame = nw.from_dict(cells, backend=backend).to_native()
        if backend.is_pandas_like():
            frame.columns = names
            return frame
        return nw.from_native(frame).rename(dict(zip(cells, names, strict=True))).to_native()

    def features(self, X: Any, rows: np.ndarray) -> np.ndarray:
        return super().features(self.words.express(X), rows)

    def hand_back(
        self, rows: np.ndarray, *, like: Any = None, rng: np.random.Generator | None = None
    ) -> Any:
        return self.in_own_words(super().hand_back(rows, like=like, rng=rng))

    def in_own_words(self, X: Any) -> Any:
        """Return a table that the encoder decoded as it came in."""
        return self.words.restore(X)

    def row_masks(self, X: Any, missing: np.ndarray) -> list[RowMask]:
        return find_row_masks(self.words.steps, self.encoder, self.words.table(X), missing)

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        try:
            merged = super().merge(X, self._by_known_cells(X, filled), where)
            return self.settle(merged, where, self.words.table(filled))
        except TypeError:  # known cells that no rule can compare with others of their column
            return super().merge(X, filled, where)

    def _by_known_cells(self, X: Any, filled: Any) -> Any:
        """Return a filled table in which known cells, and not their levels, say what follows."""
        said = self.words.express(self._table_of(X))
        read = RuleTable(said)
        gaps = np.stack([read[name].missing for name in read.names], axis=1)
        own = self.in_own_words(super().merge(said, self.words.express(filled), gaps))
        own = own.reset_index(drop=True) if hasattr(own, "reset_index") else own
        table, drawn = self.words.table(own), self.words.table(filled)
        for step in self.words.steps:
            # What follows from a cell that cannot be read is as it was drawn.
            rows = table[step.target].missing & ~drawn[step.target].missing
            if rows.any():
                place = self.words.names.index(step.target)
                own = with_rows(own, place, list(columns_of(filled))[place], rows)
        return own

    def settle(self, filled: Any, missing: np.ndarray, drawn: RuleTable) -> Any:
        """Return a filled table in which filled cells agree with the known ones beside them.

        The one cell of an exact sum that was missing is computed; the lower of two columns is
        as much lower than a known one as it was ``drawn`` with it.
        """
        open_cells = missing.copy()
        sums = [r for r in self.keeper.rules if isinstance(r, Linear) and len(r.amounts) == 1]
        for each in sums * len(sums):  # what one computes may be all that another one lacks
            filled = self._computed(each, filled, open_cells)
        for order in self.keeper.rules:
            if isinstance(order, Order):
                filled = self._lowered(order, filled, open_cells, drawn)
        return filled

    def _computed(self, rule: Linear, filled: Any, open_cells: np.ndarray) -> Any:
        """Return a table with the one open cell of a sum computed, which is not open any more."""
        places = {name: self.words.names.index(name) for name in rule.columns}
        alone = open_cells[:, [*places.values()]].sum(axis=1) == 1
        for name, place in places.items():
            rows = open_cells[:, place] & alone
            if rows.any():
                table = self.words.table(filled)
                open_cells[rows, place] = False
                rows &= rule.broken(table)
                whole = self._step(rule, name, table).restore(left_over(table[name]), table)
                filled = with_rows(filled, place, whole, rows)
        return filled

    def _step(self, rule: Linear, name: Any, table: RuleTable) -> Computed:
        """Return what computes a column, of as many decimals as it had in training."""
        step = Computed(rule, name, table)
        decimals = max(step.decimals, self.keeper.codecs.codecs[name].span.decimals or 0)
        step.decimals = decimals
        step.digits = None if step.digits is None else decimals
        return step

    def _lowered(self, rule: Order, filled: Any, open_cells: np.ndarray, drawn: RuleTable) -> Any:
        table, place = self.words.table(filled), self.words.names.index
        rows = open_cells[:, place(rule.low)] & ~open_cells[:, place(rule.high)]
        rows &= ~table[rule.high].missing
        if any(step.target == rule.low for step in self.words.steps):
            rows &= rule.broken(table)  # what is computed is not moved without need
        if not rows.any():
            return filled
        up = Gap(Order(rule.high, rule.low), table)
        gaps = up.express(drawn)
        said = left_over(table[rule.low], np.where(gaps < 0, gaps, 0.0))
        return with_rows(filled, place(rule.low), up.restore(said, table), rows)
