"""Rows of a detector that do not fit into memory."""

from __future__ import annotations

from typing import Any

from sklearn_aae._utils._random import RowStream, derive_seed, draw_seed
from sklearn_aae.encoding._datasets import is_stream, open_stream
from sklearn_aae.encoding._sampled import sample_rows

#: Rows that are drawn from all files: more than train and calibrate together.
DRAWN_ROWS = 2**14


def in_memory(X: Any, random_state: Any) -> Any:
    """Return rows in memory: of a Dataset or a LazyFrame a uniform sample, or all if they are few.

    What trains and what calibrates is then chosen among them, as it is among all rows.
    """
    if not is_stream(X):
        return X
    seed = derive_seed(draw_seed(random_state), RowStream.SAMPLE)
    with open_stream(X) as stream:
        return sample_rows(stream, DRAWN_ROWS, seed).X
