"""Numbers that are not known: what the model makes of them, given the others of their row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sklearn_aae._utils._random import parts_of
from sklearn_aae.autoencoder._filling import Filling
from sklearn_aae.encoding import Scaler

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE

#: How often unknown numbers are replaced by what the model makes of the row with them: once
#: if so many cells were missing in training, and as many hidden, whose expectation is what it
#: decodes then.
N_ROUNDS, N_ROUNDS_IF_HIDDEN, HIDDEN_SHARE = 2, 1, 0.05
#: How often they are drawn after that.
N_DRAWN_ROUNDS = 5


def settle(model: BaseAAE, rows: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Return checked rows without unknown cells, which networks over numbers cannot read."""
    unknown = model._reader.unknown(rows)
    if unknown is None:
        return rows
    some = unknown.any(axis=1)
    own = None if labels is None else labels[some]
    settled = rows.copy()
    settled[some] = fill_numbers(model, rows[some], unknown[some], own)
    return settled


def fill_numbers(
    model: BaseAAE,
    rows: np.ndarray,
    gaps: np.ndarray,
    labels: np.ndarray | None = None,
    generators: list[torch.Generator] | None = None,
) -> np.ndarray:
    """Return rows of numbers with what the model expects in their ``gaps``, in float64.

    From the columns' means on, rows are encoded, decoded, and their gaps replaced.  With
    ``generators``, one for all rows or one for each, further rounds follow in which what is
    decoded is drawn ("pseudo-Gibbs sampling" of Rezende et al. 2014).  A model that was trained
    to fill does it as it learned.
    """
    filling = model._extension
    if isinstance(filling, Filling):
        return filling.fill(model, rows, gaps, generators)
    scale = model._reader.scale
    assert isinstance(scale, Scaler)
    filled = np.where(gaps, scale.mean_, rows)
    used_to = scale.missing_.mean() >= HIDDEN_SHARE
    for _ in range(N_ROUNDS_IF_HIDDEN if used_to else N_ROUNDS):
        own = model._likeliest(filled, labels)
        back = model._decode(model._encode(filled), filled.dtype, labels=own, fill=True)
        filled = np.where(gaps, back, filled)
    for _ in range(0 if generators is None else N_DRAWN_ROUNDS):
        own, codes = model._likeliest(filled, labels), model._encode(filled)
        for part, generator in parts_of(generators or [], len(filled)):
            of_part = None if own is None else own[part]
            drawn = model._decode(codes[part], filled.dtype, generator, labels=of_part, fill=True)
            filled[part] = np.where(gaps[part], drawn, filled[part])
    return filled
