"""Drawn rows that keep rules and meet conditions: those that do not are drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.autoencoder._draws import share_within
from sklearn_aae.autoencoder._keeper import RuleKeeper
from sklearn_aae.encoding import as_frame
from sklearn_aae.networks import AAEModule

#: Rows that break a rule, or miss a condition, are drawn again so often, and so many at least.
MOST_ROUNDS, LEAST_ROWS = 100, 64
#: Rows that are proposed for each row that is asked for, at most, and in all at least.
MOST_PROPOSALS, FEWEST_IN_ALL = 100, 20_000
#: Proposals for each row that is asked for while rows are kept in proportion to their weights.
MOST_WEIGHED = 1.5


def draw_kept(
    draw: Callable[[np.ndarray], tuple[Any, np.ndarray | None]],
    keeper: RuleKeeper,
    n_rows: int,
    conditions: Mapping[Any, Any],
    rng: np.random.Generator,
) -> Any:
    """Return drawn rows that keep the rules and meet the conditions: others are drawn again.

    ``draw`` returns a table with a row for each of some indices and, if rows differ in that, the
    weight of each: rows are kept in proportion to it while there are no more than 1.5 proposals
    a row, and then as they come.  ValueError says so if conditions are met too rarely, and
    UserWarning if rules are kept too rarely.
    """
    wanting, found = np.arange(n_rows), _Found()
    most, n_proposed, n_right = max(FEWEST_IN_ALL, MOST_PROPOSALS * n_rows), 0, 0
    most_weighed = max(MOST_WEIGHED * n_rows, n_rows + LEAST_ROWS)
    weighed, largest = True, None
    for turn in range(MOST_ROUNDS):
        again = max(1, LEAST_ROWS // len(wanting)) if turn else 1
        if turn > 1:
            # As many as should do.
            again = max(again, int(np.ceil(n_proposed / max(n_right, 1))))
        again = max(1, min(again, (most - n_proposed) // len(wanting)))
        if n_proposed + again * len(wanting) > most_weighed:
            wanting = np.setdiff1d(wanting, found.take_spare(wanting))
            weighed = False
            if not len(wanting):
                break
        index = np.tile(wanting, again)
        drawn, weights = draw(index)
        n_proposed += len(index)
        right = ~keeper.is_wrong(drawn, conditions)
        n_right += int(right.sum())
        chosen = right
        if weights is not None and weighed:
            largest = float(weights.max()) if largest is None else largest
            chosen = right & (rng.random(len(index)) * largest < weights)
            found.add_spare(drawn, index, right & ~chosen)
        wanting = np.setdiff1d(wanting, found.add(drawn, index, chosen))
        if not len(wanting) or n_proposed >= most:
            break
    if len(wanting):
        _complain(keeper, conditions, n_right / n_proposed)
        found.add(draw(wanting)[0], wanting, np.ones(len(wanting), dtype=bool))
    return found.in_order()


class _Found:
    """Rows that were drawn for some indices, and rows to fall back on."""

    def __init__(self) -> None:
        self.parts: list[tuple[Any, np.ndarray]] = []
        self.spare: list[tuple[Any, np.ndarray]] = []

    def add(self, drawn: Any, index: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Keep the first chosen row of each index; return these indices."""
        rows = np.flatnonzero(chosen)
        places, first = np.unique(index[rows], return_index=True)
        self.parts.append((_rows(drawn, rows[first]), places))
        return places

    def add_spare(self, drawn: Any, index: np.ndarray, chosen: np.ndarray) -> None:
        """Keep rows for indices that there may be no better one for."""
        rows = np.flatnonzero(chosen)
        self.spare.append((_rows(drawn, rows), index[rows]))

    def take_spare(self, wanting: np.ndarray) -> np.ndarray:
        """Use spare rows for indices that want one; return these indices."""
        taken = np.empty(0, dtype=wanting.dtype)
        for drawn, index in self.spare:
            chosen = np.isin(index, np.setdiff1d(wanting, taken))
            taken = np.union1d(taken, self.add(drawn, index, chosen))
        self.spare = []
        return taken

    def in_order(self) -> Any:
        """Return all rows by their indices."""
        places = np.concatenate([places for _, places in self.parts])
        return _joined([part for part, _ in self.parts], np.argsort(places))


def warn_if_unseen(
    keeper: RuleKeeper,
    reader: Any,
    module: AAEModule,
    direct: Mapping[Any, Any],
    asked: Mapping[Any, Any],
) -> None:
    """Warn of conditions that no training row met together, as far as that is known.

    ``direct`` are those that networks are asked to meet for what the user ``asked``.
    """
    if keeper.together is None or len(direct) < 2:
        return
    encoder = reader.encoder
    places = {span.name: j for j, span in enumerate(encoder.layout_.spans)}
    by_name = {name: encoder._level_shares(name, wanted) for name, wanted in direct.items()}
    shares = {places[name]: share for name, share in by_name.items()}
    if keeper.together.never(shares):
        share = share_within(module, encoder.layout_, shares)
        warnings.warn(
            f"No training row meets the conditions on {', '.join(map(repr, asked))} together; of "
            f"the rows that the model draws without conditions, about {share:.2g} would.",
            stacklevel=3,
        )


def _complain(keeper: RuleKeeper, conditions: Mapping[Any, Any], share: float) -> None:
    if conditions:
        raise ValueError(
            f"The conditions on {', '.join(map(repr, conditions))} are met too rarely: by about "
            f"{share:.2g} of the rows that the model proposes. Widen a condition or leave one out."
        )
    warnings.warn(
        f"Only {share:.2g} of the rows that the model proposes keep all rules, so that some "
        "rows that were drawn break one: train longer, or leave rules out. The rules are "
        f"{', '.join(map(str, keeper.kept))}.",
        stacklevel=3,
    )


def _rows(X: Any, index: np.ndarray) -> Any:
    if as_frame(X) is None:
        return X[index]
    frame = nw.from_native(X, eager_only=True)
    return frame[index.tolist()].to_native()


def _joined(parts: list[Any], order: np.ndarray) -> Any:
    if as_frame(parts[0]) is None:
        return np.concatenate(parts)[order]
    frames = [nw.from_native(part, eager_only=True) for part in parts]
    if frames[0].implementation.is_pandas_like():
        pd: Any = frames[0].implementation.to_native_namespace()
        natives = [part for part in parts if len(part)]
        joined = pd.concat(natives, ignore_index=True) if len(natives) > 1 else natives[0]
        return joined.iloc[order].reset_index(drop=True)
    return nw.concat(frames)[order.tolist()].to_native()
