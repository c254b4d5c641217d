"""CTGAN and TVAE of the package ``ctgan``, where it is installed.

Its licence (BUSL-1.1) is no open-source one, so no extra of this package installs it.  Its
models refuse missing cells and dates, and return numbers as they come; what is done about
that is done here, as someone who uses it would.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks._frames import as_floats, from_floats, is_number

#: A category that stands for a missing cell, and the prefix of columns that say where some are.
MISSING, MARK = "(missing)", "(missing) "


class Filled:
    """A frame without missing cells and dates, and the way back.

    Missing categories are a category of their own.  A missing number becomes the median, and
    a categorical column beside it says so; it is put back where that column says so.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.numbers = [name for name in frame if is_number(frame[name])]
        self.gaps = [name for name in self.numbers if frame[name].isna().any()]
        self.categories = [name for name in frame if name not in self.numbers]

    @property
    def discrete(self) -> list[str]:
        """The columns of categories in the filled frame."""
        return [*self.categories, *(MARK + name for name in self.gaps)]

    def fill(self) -> pd.DataFrame:
        """Return the training rows without missing cells."""
        columns: dict[str, Any] = {}
        for name, column in self.frame.items():
            if name in self.categories:
                columns[name] = column.astype(object).where(column.notna(), MISSING).astype(str)
            else:
                values = as_floats(column)
                columns[name] = np.where(np.isnan(values), np.nanmedian(values), values)
        for name in self.gaps:
            columns[MARK + name] = np.where(self.frame[name].isna(), "yes", "no")
        return pd.DataFrame(columns)

    def unfill(self, filled: pd.DataFrame) -> pd.DataFrame:
        """Return rows as the training rows are, from rows as ``fill`` returns them."""
        columns: dict[str, Any] = {}
        for name, column in self.frame.items():
            if name in self.categories:
                # Back to what the words stood for: booleans, for instance.
                words = {str(level): level for level in column.dropna().unique()}
                levels = filled[name].map(words)
                columns[name] = levels.astype(column.dtype)
                continue
            values = filled[name].to_numpy(np.float64)
            if name in self.gaps:
                values = np.where(filled[MARK + name] == "yes", np.nan, values)
            columns[name] = from_floats(values, column)
        return pd.DataFrame(columns)


class Synthesizer:
    """A class of the package ``ctgan``, CTGAN or TVAE, that takes and returns any table."""

    def __init__(self, kind: str, random_state: int, **settings: Any) -> None:
        self.kind, self.random_state, self.settings = kind, random_state, settings

    def fit(self, frame: pd.DataFrame) -> Synthesizer:
        import ctgan

        self.filled = Filled(frame)
        self.model = getattr(ctgan, self.kind)(**self.settings)
        self.model.set_random_state(self.random_state)
        self.model.fit(self.filled.fill(), self.filled.discrete)
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        self.model.set_random_state(random_state)
        return self.filled.unfill(self.model.sample(n_samples))
