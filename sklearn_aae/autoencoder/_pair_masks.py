"""Pairs that do not occur, as what is masked while levels are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from sklearn_aae.encoding import BOOLEAN, CATEGORY, NUMBER, TableEncoder
from sklearn_aae.encoding._category_columns import CategoryCodec
from sklearn_aae.encoding._described import unpack
from sklearn_aae.outputs._constraints import PairMask, RowMask
from sklearn_aae.rules import AbsentPairs, Rule
from sklearn_aae.rules._keys import as_key, without_noise
from sklearn_aae.rules._reexpression import Lookup, Step
from sklearn_aae.rules._table import RuleTable

#: Masks have at most so many entries.
MOST_ENTRIES = 10**5

#: For each level of a column the labels that it may stand for; none where that is not known.
Labels = list[list[Any]]


def find_pair_masks(
    rules: Iterable[Rule], steps: Iterable[Step], encoder: TableEncoder, *, is_said: bool
) -> list[PairMask]:
    """Return masks for the pairs that some rules forbid.

    ``steps`` are those by which columns are said in other words, if they are: a pair with a column
    that is looked up becomes one with what determines it.  What is computed afterwards has none.
    """
    said = {step.target: step for step in steps}
    codecs = {codec.span.name: (j, codec) for j, codec in enumerate(encoder._codecs)}
    masks = []
    for rule in rules:
        if not isinstance(rule, AbsentPairs) or (not is_said and {*rule.columns} & {*said}):
            continue
        (one, first), (other, second) = (_labels_of(name, said, codecs) for name in rule.columns)
        if one == other or not 0 < len(first) * len(second) <= MOST_ENTRIES:
            continue
        absent = set(map(tuple, rule.absent or ()))
        allowed = np.ones([encoder.layout_.spans[j].n_levels for j in (one, other)], dtype=bool)
        for i, k in product(range(len(first)), range(len(second))):
            pairs = [*product(first[i], second[k])]
            allowed[i, k] = not pairs or not absent.issuperset(pairs)
        if not allowed.all():
            masks.append(PairMask((one, other), allowed))
    return masks


def find_row_masks(
    steps: Iterable[Step], encoder: TableEncoder, table: RuleTable, missing: np.ndarray
) -> list[RowMask]:
    """Return what known cells that are looked up leave of the missing cells that determine them.

    ``missing`` (n_rows, n_columns) says which cells of the table are.
    """
    said = {step.target: step for step in steps}
    codecs = {codec.span.name: (j, codec) for j, codec in enumerate(encoder._codecs)}
    masks = []
    for name in said:
        j, labels = _labels_of(name, said, codecs)
        cells = table[name]
        rows = missing[:, j] & ~cells.missing
        if not labels or not rows.any():
            continue
        found = np.unique(cells.codes[rows])
        allowed = np.zeros((len(found), encoder.layout_.spans[j].n_levels), dtype=bool)
        for i, code in enumerate(found.tolist()):
            level = cells.levels[code]
            allowed[i, : len(labels)] = [level in some for some in labels]
        kinds = np.where(rows, np.searchsorted(found, cells.codes), len(found))
        masks.append(RowMask(j, allowed, kinds))
    return masks


def _labels_of(name: Any, said: dict[Any, Step], codecs: dict[Any, Any]) -> tuple[int, Labels]:
    """Return the column whose levels say what another one is, and what each of them says."""
    step = said.get(name)
    if step is None:
        j, codec = codecs[name]
        return j, labels_of(codec)
    if not isinstance(step, Lookup) or step.rule.breaks:
        return codecs[name][0], []
    j, labels = _labels_of(step.sources[0], said, codecs)
    mapping = step.rule.mapping
    return j, [
        [mapping[label,] for label in some] if all((x,) in mapping for x in some) else []
        for some in labels
    ]


def labels_of(codec: Any) -> Labels:
    """Return the labels, as rules know them, that each present level of a column stands for."""
    if isinstance(codec, CategoryCodec) and codec.span.kind in (BOOLEAN, CATEGORY):
        found: Labels = [[] for _ in range(codec.span.n_present)]
        for label, level in zip(codec.labels, codec.level_of.tolist(), strict=True):
            found[level].append(as_key(unpack(label)))
        return found
    if codec.span.kind == NUMBER and len(codec.axis.values) == len(codec.axis.starts):
        values = codec.axis.values
        if codec.exact is not None:
            values = codec.exact.cells(values)
        elif values.dtype.kind == "f":
            values = without_noise(values, codec.storage)
        return [[as_key(value)] for value in values]
    return []
