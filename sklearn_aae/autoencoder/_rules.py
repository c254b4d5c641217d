"""Rules of the training rows that drawn rows keep: tables in other words, and rows drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding import BOOLEAN, CATEGORY, LevelsReader, TableEncoder, as_frame
from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._codec import ColumnCodec, Condition
from sklearn_aae.encoding._readers import check_table
from sklearn_aae.rules import Order, Rules
from sklearn_aae.rules._arithmetic import Linear
from sklearn_aae.rules._options import rules_for
from sklearn_aae.rules._reexpression import Computed, Gap, Lookup, Reexpression
from sklearn_aae.rules._table import Cells, RuleTable

#: Rows that break a rule, or miss a condition, are drawn again so often, and so many at least.
MOST_ROUNDS, LEAST_ROWS = 100, 64
#: Rows that are proposed for each row that is asked for, at most, and in all at least.
MOST_PROPOSALS, FEWEST_IN_ALL = 100, 20_000


class RuledLevelsReader(LevelsReader):
    """Rows of levels of a frame in other words (:class:`Reexpression`).

    Attributes
    ----------
    rules : Rules
        What was found or given, counted over the training rows.
    words : Reexpression
        What the encoder sees of a frame.
    kept : Rules
        What all training rows keep, and all drawn rows have to.
    ends : dict of label to (float, float)
        The least and the largest training cell of the columns that are computed.
    codecs : dict of label to ColumnCodec
        What the columns were before they were said otherwise.
    """

    rules: Rules
    words: Reexpression
    kept: Rules
    ends: dict[Any, tuple[float, float]]
    codecs: dict[Any, ColumnCodec]

    @classmethod
    def open_with_rules(
        cls, estimator: Any, X: Any, categorical_features: Any, rules: Any, **options: bool
    ) -> tuple[RuledLevelsReader, np.ndarray]:
        """Return a reader of frames like this one, and its rows; ``options`` as for others."""
        table = check_table(estimator, TableEncoder(categorical_features=categorical_features), X)
        read = RuleTable(table)
        found = rules_for(rules, read, is_frame=True, random_state=0)
        words = Reexpression(found, read)
        reader, rows = cls.open(estimator, words.express(table), categorical_features, **options)
        assert isinstance(reader, RuledLevelsReader)
        reader.rules, reader.words = found, words
        reader.kept = Rules(rule for rule in found if rule.by_row and not rule.breaks)
        targets = [step.target for step in words.steps if not isinstance(step, Lookup)]
        reader.ends = {name: _ends(read, name) for name in targets}
        own = TableEncoder(categorical_features=categorical_features).fit(table)
        reader.codecs = dict(zip(read.names, own._codecs, strict=True))
        return reader, rows

    def read(self, estimator: Any, X: Any) -> np.ndarray:
        return super().read(estimator, self._checked(estimator, X))

    def read_with_gaps(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        levels, missing = super().read_with_gaps(estimator, self._checked(estimator, X))
        read = RuleTable(X, self.words.names)
        for step in self.words.steps:
            missing[:, self.words.names.index(step.target)] = read[step.target].missing
        return levels, missing

    def _checked(self, estimator: Any, X: Any) -> Any:
        """Return a frame of the columns of ``fit`` in other words."""
        X = self.encoder._check_table(X, reset=False, owner=estimator)
        return self.words.express(X if as_frame(X) is not None else self._framed(X))

    def _framed(self, X: np.ndarray) -> Any:
        """Return an array as a frame of the library of ``fit``."""
        names = self.words.names
        backend: Any = nw.Implementation.from_string(str(self.container.backend))
        cells = {str(j): column.tolist() for j, column in enumerate(X.T)}
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

    def direct(self, conditions: Mapping) -> dict:
        """Return the conditions that the networks can be asked to meet.

        One on a column that another one determines becomes one on that.
        """
        steps = {step.target: step for step in self.words.steps}
        direct = {name: wanted for name, wanted in conditions.items() if name not in steps}
        for name, wanted in conditions.items():
            step = steps.get(name)
            if isinstance(step, Lookup) and not step.others:
                (source,) = step.sources
                if source not in steps and source not in conditions:
                    condition = Condition.of(wanted, name)
                    keys = [k for (k,), v in step.rule.mapping.items() if _meets(v, condition)]
                    if keys and not condition.missing:
                        direct[source] = keys
        return direct

    def is_wrong(self, X: Any, conditions: Mapping) -> np.ndarray:
        """Return which drawn rows break a rule that all training rows keep, or miss a condition.

        Computed cells beyond those of the training rows are wrong, too.
        """
        table = RuleTable(X)
        wrong = np.asarray(self.kept.broken(table).any(axis=1))
        for name, (low, high) in self.ends.items():
            cells = table[name]
            values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
            wrong |= ~cells.missing & ((values < low) | (values > high))
        for name, wanted in conditions.items():
            wrong |= ~self._meeting(table, name, wanted)
        return wrong

    def _meeting(self, table: RuleTable, name: Any, wanted: Any) -> np.ndarray:
        """Return which rows of a frame meet a condition on a column."""
        condition = Condition.of(wanted, name)
        codec: Any = self.codecs[name]
        codec.shares(condition)  # says what is wrong with it
        cells = table[name]
        if cells.kind in (CATEGORY, BOOLEAN) or isinstance(codec, CategoryCodec):
            known = [_meets(level, condition) for level in cells.levels]
            met = np.array([*known, False])[cells.codes]
        elif condition.bounds is not None:
            low, high = (
                None if end is None else codec.as_cell(end, condition) for end in condition.bounds
            )
            values = self._on_axis(codec, cells)
            met = np.ones(table.n_rows, dtype=bool)
            met &= True if low is None else values >= low
            met &= True if high is None else values <= high
        else:
            wanted = [codec.as_cell(cell, condition) for cell in condition.allowed or []]
            met = np.isin(self._on_axis(codec, cells), wanted)
        return np.where(cells.missing, condition.missing, met)

    @staticmethod
    def _on_axis(codec: Any, cells: Any) -> np.ndarray:
        in_unit = getattr(codec, "_in_unit", None)
        column = cells.column
        return column.values if in_unit is None else in_unit(column.values, column)

    def merge(self, X: Any, filled: Any, where: np.ndarray) -> Any:
        # What is said by known cells is said by these, and not by their levels.
        said = self.words.express(X if as_frame(X) is not None else self._framed(X))
        read = RuleTable(said)
        gaps = np.stack([read[name].missing for name in read.names], axis=1)
        merged = super().merge(said, self.words.express(filled), gaps)
        return self.settle(super().merge(X, self.in_own_words(merged), where), where)

    def settle(self, filled: Any, missing: np.ndarray) -> Any:
        """Return a filled table in which filled cells agree with the known ones beside them.

        The one cell of an exact sum that was missing is computed; the lower of two columns is
        no higher than the other.
        """
        for rule in self.rules:
            if isinstance(rule, Linear) and len(rule.amounts) == 1:
                filled = self._computed(rule, filled, missing)
            elif isinstance(rule, Order):
                filled = self._lowered(rule, filled, missing)
        return filled

    def _computed(self, rule: Linear, filled: Any, missing: np.ndarray) -> Any:
        table = RuleTable(filled)
        gone = {name: missing[:, table.names.index(name)] for name in rule.columns}
        alone = sum(mask.astype(int) for mask in gone.values()) == 1
        for name, mask in gone.items():
            rows = mask & alone
            if rows.any() and table[name].whole is not None and table[name].column.exact is None:
                whole = Computed(rule, name, table).restore(_nothing(table[name]), table)
                filled = _replaced(filled, table.names.index(name), whole, rows)
        return filled

    def _lowered(self, rule: Order, filled: Any, missing: np.ndarray) -> Any:
        table = RuleTable(filled)
        rows = missing[:, table.names.index(rule.low)] & rule.broken(table)
        rows &= ~missing[:, table.names.index(rule.high)]
        if not rows.any():
            return filled
        lowered = Gap(Order(rule.high, rule.low), table).restore(_nothing(table[rule.low]), table)
        return _replaced(filled, table.names.index(rule.low), lowered, rows)


def _nothing(cells: Cells) -> Cells:
    """Return that nothing is left over, as what is said of a column."""
    n = len(cells.missing)
    return replace(cells, values=np.zeros(n), whole=None, missing=np.zeros(n, dtype=bool))


def _replaced(X: Any, j: int, column: Any, rows: np.ndarray) -> Any:
    """Return a frame with other cells in some rows of a column."""
    frame = nw.from_native(X, eager_only=True)
    if frame.implementation.is_pandas_like():
        native = X.copy()
        cells = native.iloc[:, j].array.copy()
        cells[rows] = column.array[rows]
        native.isetitem(j, cells)
        return native
    old = frame[frame.columns[j]]
    mask = nw.new_series("", rows, backend=frame.implementation)
    new = column.zip_with(mask, old) if isinstance(column, nw.Series) else old
    return frame.with_columns(new.alias(old.name)).to_native()


def _ends(table: RuleTable, name: Any) -> tuple[float, float]:
    """Return the least and the largest cell of a column."""
    cells = table[name]
    values = cells.values if cells.whole is None else cells.whole / 10.0**cells.decimals
    present = values[~cells.missing]
    return float(present.min()), float(present.max())


def _meets(level: Any, condition: Condition) -> bool:
    """Return whether a level meets a condition."""
    if condition.bounds is None:
        return level in (condition.allowed or [])
    low, high = condition.bounds
    return (low is None or low <= level) and (high is None or level <= high)


def draw_kept(
    draw: Callable[[np.ndarray], Any], reader: RuledLevelsReader, n_rows: int, conditions: Mapping
) -> Any:
    """Return drawn rows that keep the rules and meet the conditions: others are drawn again.

    ``draw`` returns a frame with a row for each of some indices.  ValueError says so if
    conditions are met too rarely, and UserWarning if rules are kept too rarely.
    """
    wanting, parts, places = np.arange(n_rows), [], []
    most, n_proposed, n_found = max(FEWEST_IN_ALL, MOST_PROPOSALS * n_rows), 0, 0
    for turn in range(MOST_ROUNDS):
        again = max(1, LEAST_ROWS // len(wanting)) if turn else 1
        if turn > 1:
            # As many as should do.
            again = max(again, int(np.ceil(n_proposed / max(n_found, 1))))
        again = max(1, min(again, (most - n_proposed) // len(wanting)))
        index = np.tile(wanting, again)
        drawn = draw(index)
        right = np.flatnonzero(~reader.is_wrong(drawn, conditions))
        n_proposed, n_found = n_proposed + len(index), n_found + len(right)
        place, first = np.unique(index[right], return_index=True)
        parts.append(_rows(drawn, right[first]))
        places.append(place)
        wanting = np.setdiff1d(wanting, place)
        if not len(wanting) or n_proposed >= most:
            break
    if len(wanting):
        _complain(reader, conditions, n_found / n_proposed)
        parts.append(draw(wanting))
        places.append(wanting)
    return _joined(parts, np.argsort(np.concatenate(places)))


def _complain(reader: RuledLevelsReader, conditions: Mapping, share: float) -> None:
    if conditions:
        raise ValueError(
            f"The conditions on {', '.join(map(repr, conditions))} are met too rarely: by about "
            f"{share:.2g} of the rows that the model proposes. Widen a condition or leave one out."
        )
    warnings.warn(
        f"Only {share:.2g} of the rows that the model proposes keep all rules, so that some "
        "rows that were drawn break one: train longer, or leave rules out. The rules are "
        f"{', '.join(map(str, reader.kept))}.",
        stacklevel=3,
    )


def _rows(X: Any, index: np.ndarray) -> Any:
    frame = nw.from_native(X, eager_only=True)
    return frame[index.tolist()].to_native()


def _joined(parts: list, order: np.ndarray) -> Any:
    frames = [nw.from_native(part, eager_only=True) for part in parts]
    if frames[0].implementation.is_pandas_like():
        pd: Any = frames[0].implementation.to_native_namespace()
        natives = [part for part in parts if len(part)]
        joined = pd.concat(natives, ignore_index=True) if len(natives) > 1 else natives[0]
        return joined.iloc[order].reset_index(drop=True)
    return nw.concat(frames)[order.tolist()].to_native()
